"""Every kind of system, side by side; each is recorded as what it is, and none as what it is not."""

import shutil
from pathlib import Path

import pytest
from transformers import LlamaConfig, LlamaForCausalLM

from common.errors import UserError
from common.revision import code_revision
from data_recipes.pipeline.build import BuiltDataset
from eval.config import EvalConfig
from eval.report.schema import Report
from eval.report.wording import outcome, sentence
from eval.run import main
from models.artifact import Artifact
from models.chat_template import OWN
from models.gguf_export.vocabulary import PRE_TOKENIZERS
from models.loading import hash_model, load_tokenizer
from models.numerics import compute_dtype, instruction_set
from models.prompt_format import PromptFormat
from tests.eval.fake_server import Handler, serving
from tests.models.ggufs import SIZES, byte_level_directory, exported
from tests.models.natives import MISTRAL, build

SHORT = ("suite.max_new_tokens=4", "suite.max_items=2")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path) -> Path:
    """An ordinary directory: weights, a tokenizer, and a chat template of its own."""
    directory = tmp_path_factory.mktemp("bare") / "mistral-like"
    shutil.copytree(tiny_base, directory)
    (directory / "prompt_format.json").unlink()
    (directory / "chat_template.jinja").write_text(MISTRAL, encoding="utf-8")
    return directory


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a model of random weights, its tokenizer and its chat template."""
    folder = tmp_path_factory.mktemp("gguf")
    directory = byte_level_directory(folder / "model", PRE_TOKENIZERS[0])
    LlamaForCausalLM(LlamaConfig(**SIZES)).save_pretrained(directory)
    PromptFormat.named("chatml", load_tokenizer(directory)).save(directory)
    return exported(directory, folder / "tiny.gguf")


def echo(handler: Handler, question: str) -> None:
    handler.say(f"关于{question}")


@pytest.fixture(scope="module")
def side_by_side(
    tmp_path_factory: pytest.TempPathFactory, run: Path, bare: Path, gguf: Path
) -> tuple[Report, str, Path]:
    """A report on every kind of system, without a model that it is about."""
    out = tmp_path_factory.mktemp("side_by_side") / "report"
    with serving(echo) as server:
        systems = {"run": run, "merged": run / "merged", "bare": bare, "file": gguf, "served": server.url}
        main([*(f"systems.{name}={given}" for name, given in systems.items()), f"out={out}", *SHORT])
    return Report.load(out / "report.json"), server.url, out


def test_every_kind_of_system_is_evaluated_and_compared_with_the_first(
    side_by_side: tuple[Report, str, Path], run: Path, bare: Path, gguf: Path, tiny_base: Path
) -> None:
    report, url, _ = side_by_side
    assert list(report.systems) == ["run", "merged", "bare", "file", "served"]
    assert (report.baseline, report.compared) == ("run", ["merged", "bare", "file", "served"])
    assert all(f"{name} " in sentence(report).zh for name in report.systems)  # none of them is what it is about
    records = report.provenance.systems
    version = Artifact.load(run).model_version
    assert [(r.kind, r.name, r.origin, r.prompt_format) for r in records.values()] == [
        ("merged", version, str(run), "xinglin"),
        ("merged", version, str(run / "merged"), "xinglin"),
        ("model", "mistral-like", str(bare), OWN),
        ("model", "tiny", str(gguf), "chatml"),
        ("server", "served-1", url, ""),
    ]
    assert records["run"].sha256 == records["merged"].sha256 == hash_model(run / "merged") != records["bare"].sha256
    assert records["run"].tuned_from_sha256 == records["bare"].sha256 == hash_model(tiny_base)
    assert [r.tuned_from for r in records.values()] == ["tiny", "tiny", "", "", ""]
    assert [r.dtype for r in records.values()] == [compute_dtype().name] * 4 + [""]
    for name, record in records.items():
        [session] = record.sessions
        assert session.command == report.provenance.command and session.code == code_revision()
        assert session.instruction_set == ("" if name == "served" else instruction_set())


def test_a_server_is_scored_by_its_answers_and_has_no_loss(side_by_side: tuple[Report, str, Path]) -> None:
    report, _, _ = side_by_side
    assert "loss_per_character" in report.systems["run"]["test"]
    assert (
        "loss_per_character" not in report.systems["served"]["test"]
        and "rouge_l_zh" in report.systems["served"]["test"]
    )
    assert report.comparison("test", "loss_per_character", "served") is None


def test_systems_and_their_odd_answers_are_in_both_pages(side_by_side: tuple[Report, str, Path]) -> None:
    report, url, out = side_by_side
    assert report.suites["test"].counted["bare"].cut == 2
    for name in ("index.html", "report.md"):
        text = (out / name).read_text(encoding="utf-8")
        assert url in text.replace("\\", "") and report.provenance.systems["bare"].sha256 in text
        assert "截断 2" in text and "cut 2" in text
    assert "  bare: cut 2 of 2 answers" in report.summary()


def test_a_directory_has_one_report_which_can_be_scored_again_without_its_server(
    side_by_side: tuple[Report, str, Path], run: Path, bare: Path, gguf: Path
) -> None:
    before, url, out = side_by_side
    systems = {"run": run, "merged": run / "merged", "bare": bare, "file": gguf, "served": url}
    words = [*(f"systems.{name}={given}" for name, given in systems.items()), f"out={out}", *SHORT]
    with pytest.raises(UserError, match="there is a report in this directory already"):
        main(words)
    main([*words, "rescore=true"])  # the server is gone
    after = Report.load(out / "report.json")
    assert after.systems == before.systems and after.provenance.systems == before.provenance.systems
    with pytest.raises(UserError, match="no report to score again"):
        main([*words[:-3], f"out={out / 'other'}", "rescore=true"])


def test_what_is_given_as_base_is_called_so_only_where_the_model_was_tuned_from_it(
    run: Path, tiny_base: Path, bare: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(run / "merged", other)
    (other / "artifact.json").unlink()
    main([f"model={run}", f"base={other}", f"out={tmp_path / 'a'}", *SHORT])
    report = Report.load(tmp_path / "a" / "report.json")
    assert list(report.systems) == ["other", "tuned"] and "tuning" not in outcome(report).en
    records = report.provenance.systems
    assert records["other"].sha256 == hash_model(other) and records["other"].origin == str(other)
    assert records["tuned"].tuned_from_sha256 == report.provenance.base_sha256 == hash_model(tiny_base)
    main([f"model={run}", f"base={bare}", f"out={tmp_path / 'b'}", *SHORT])  # the same weights, elsewhere
    moved = Report.load(tmp_path / "b" / "report.json").provenance.systems
    assert list(moved) == ["base", "tuned"] and moved["base"].prompt_format == "xinglin"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give model=PATH, or systems.NAME=PATH"),
        (["base=x"], "base=PATH is compared with model=PATH"),
        (["systems.other=x"], "give this model with base=PATH"),
        (["systems.a=x", "systems.a.urll=y"], "did you mean 'url'"),
    ],
)
def test_what_a_command_must_name(words: list[str], said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=said):
        main([*words, f"out={tmp_path}"])


def test_a_sweep_needs_a_directory_for_each_report(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="several evaluations into one directory"):
        main(["-m", "suite=quick,dataset", f"model={run}", f"out={tmp_path}"])


def test_a_model_without_a_template_is_asked_as_the_run_is_or_refused(
    run: Path, tiny_base: Path, dataset: BuiltDataset, tmp_path: Path
) -> None:
    raw = tmp_path / "raw"
    build("mistral", tiny_base, raw)
    (raw / "chat_template.jinja").unlink()
    with pytest.raises(UserError, match="no chat template"):
        main([f"model={raw}", f"dataset={dataset.directory}", f"out={tmp_path / 'a'}", *SHORT])
    main([f"model={run}", f"systems.raw={raw}", f"out={tmp_path / 'b'}", *SHORT])
    assert Report.load(tmp_path / "b" / "report.json").provenance.systems["raw"].prompt_format == "xinglin"


def test_one_word_names_a_place() -> None:
    config = EvalConfig.model_validate({"model": Path("runs/a"), "out": "x", "suite": {"name": "s"}})
    assert config.model and config.model.path == "runs/a"
