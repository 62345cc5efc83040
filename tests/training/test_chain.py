"""The command as users run it: sources to report, on a model small enough for a test."""

import shlex
import signal
import time
from pathlib import Path

import pytest

from common.files import read_json
from data_recipes.schema.example import Message
from models.engines.local import load_engine
from tests import commands
from tests.commands import PROJECT, Command

SMALL = (
    "model.embedded={vocab_size: 1500, hidden_size: 64, layers: 1, sequence_length: 64, batch_size: 4, steps: 20}",
    "data.splits.train=300",
    "train.batch_size=4",
    "train.max_length=128",
    "train.max_steps=6",
    "train.save_steps=3",
    "suite=quick",
    "suite.max_items=4",
    "suite.max_new_tokens=12",
    "merge.tokens=40",
)
NO_HOME = {"HOME": "/proc/xinglin"}


def start(*words: str, cwd: Path = PROJECT) -> Command:
    return Command(str(PROJECT / "training/run.py"), *words, cwd=cwd, environment=NO_HOME)


def run(*words: str) -> str:
    return commands.run(str(PROJECT / "training/run.py"), *words, environment=NO_HOME)


def only_run(runs: Path) -> Path:
    (directory,) = [path.parent for path in runs.glob("*/*/config.yaml")]
    return directory


def test_qlora_chain_ends_in_a_merged_model_a_proof_and_a_report(tmp_path: Path) -> None:
    out, log = start("recipe=medical_qlora", *SMALL, f"runs_dir={tmp_path}").wait()
    directory = only_run(tmp_path)
    artifact = read_json(directory / "artifact.json")
    assert artifact["kind"] == "merged" and artifact["merge_proof"]["passed"]
    assert artifact["grounding"]["kind"] == "none"
    report = read_json(directory / "report/report.json")
    assert set(report["systems"]) == {"base", "tuned"}
    typed = shlex.split(report["provenance"]["command"])
    assert typed == ["python", "training/run.py", "recipe=medical_qlora", *SMALL, f"runs_dir={tmp_path}"]
    assert set(report["systems"]["tuned"]) == {"heldout_phrasing", "unseen_entity", "safety"}
    score = report["systems"]["tuned"]["heldout_phrasing"]["rouge_l_zh"]
    assert score["n"] == 4 and score["low"] <= score["value"] <= score["high"]
    assert str(directory / "merged") in out and "index.html" in out and "python -m app" in out
    engine = load_engine(directory / "merged")
    assert engine.model_version == artifact["model_version"]
    card = (directory / "merged/README.md").read_text(encoding="utf-8")
    assert artifact["base"]["sha256"] in card and artifact["dataset_sha256"] in card and "license: apache-2.0" in card
    losses = [
        report["systems"][system]["heldout_phrasing"]["loss_per_character"]["value"] for system in report["systems"]
    ]
    (line,) = [line for line in card.splitlines() if line.startswith("| heldout_phrasing | loss_per_character | 4 |")]
    assert all(f"| {loss:.3f} [" in line for loss in losses)
    (rows,) = [line for line in card.splitlines() if line.startswith("| 数据行数 rows of the data")]
    assert report["provenance"]["dataset_rows"] in rows and artifact["dataset"] in card
    assert f"{report['provenance']['dataset_rows']}; {artifact['dataset']}" in log and "training, qlora: " in log
    assert "与训练数据的重合" in card and str(directory / "merged/README.md") in out


FEW_PROBLEMS = """
import runpy, sys

from domains.mathematics import corpus

corpus.PROBLEMS, corpus.SUMS = 2000, 8000
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.slow  # reads sums first
def test_mathematics_chain_tunes_a_base_that_read_sums_and_scores_final_answers(tmp_path: Path) -> None:
    every_split = [word for word in SMALL if word != "suite=quick"]
    script = str(PROJECT / "training/run.py")
    words = ("recipe=math_qlora", *every_split, f"runs_dir={tmp_path}")
    commands.run("-c", FEW_PROBLEMS, script, *words, environment=NO_HOME)  # the whole prose takes ten seconds to write
    directory = only_run(tmp_path)
    base = Path(read_json(directory / "artifact.json")["base"]["path"])
    vocabulary = read_json(base / "tokenizer.json")["model"]["vocab"]
    assert not [token for token in vocabulary if len(token) > 1 and set(token) & set("0123456789")]
    report = read_json(directory / "report/report.json")
    for split in ("test", "unseen_kinds", "unseen_numbers", "distractors"):
        score = report["systems"]["tuned"][split]["math_answer"]
        assert score["n"] == 4 and score["low"] <= score["value"] <= score["high"]


@pytest.mark.slow  # test_methods.py has the method, test_families_end_to_end.py the command
def test_prefix_chain_ends_in_an_artefact_that_loads_and_says_why_it_is_not_merged(tmp_path: Path) -> None:
    out = run("recipe=medical_ptuning_v2", *SMALL, "method.prefix_length=4", f"runs_dir={tmp_path}")
    directory = only_run(tmp_path)
    artifact = read_json(directory / "artifact.json")
    assert artifact["kind"] == "prefix" and "cannot be merged" in artifact["why_not_merged"]
    assert not (directory / "merged").exists() and "cannot be merged" in out
    conversation = [Message(role="user", content="高血压？"), Message(role="assistant", content="头痛。")]
    with_prefix = load_engine(directory)
    (score,) = with_prefix.score([conversation])
    with with_prefix.model.disable_adapter():
        (without,) = with_prefix.score([conversation])
    assert score.tokens == without.tokens and abs(score.logprob - without.logprob) > 1e-3
    card = (directory / "adapter/README.md").read_text(encoding="utf-8")
    assert "library_name: peft" in card and "cannot be merged" in card


@pytest.mark.slow  # the chain above, with the refusal that test_merge.py asserts
def test_refused_merge_leaves_the_adapter_and_says_so(tmp_path: Path) -> None:
    tight = "merge.noise_factor=1e-12"
    out = run("recipe=medical_qlora", *SMALL, tight, "merge.base=original", f"runs_dir={tmp_path}")
    directory = only_run(tmp_path)
    artifact = read_json(directory / "artifact.json")
    assert artifact["kind"] == "adapter" and not artifact["merge_proof"]["passed"]
    assert not (directory / "merged").exists() and "refused" in out
    assert load_engine(directory).model_version == artifact["model_version"]


@pytest.mark.slow  # test_resume.py resumes in this process
def test_interrupted_command_continues_with_resume(tmp_path: Path) -> None:
    longer = [word for word in SMALL if "max_steps" not in word]
    process = start(
        "recipe=medical_qlora", *longer, "train.max_steps=100000", "train.epochs=100000", f"runs_dir={tmp_path}"
    )
    deadline = time.monotonic() + 200
    while not list(tmp_path.glob("*/*/checkpoints/checkpoint-*")):  # any: a fast machine soon removes the first
        assert process.returncode is None and time.monotonic() < deadline, process.read()[1][-2000:]
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.wait(100)
    assert process.returncode == 130 and "Traceback" not in err
    directory = only_run(tmp_path)
    assert f"resume={directory}" in err
    stopped_at = max(read_json(path)["global_step"] for path in directory.glob("checkpoints/*/trainer_state.json"))
    config = directory / "config.yaml"
    config.write_text(config.read_text().replace("max_steps: 100000", f"max_steps: {stopped_at + 4}"))
    run(f"resume={directory}")
    assert (directory / "merged/config.json").is_file() and (directory / "report/index.html").is_file()
    started = read_json(directory / "report/report.json")["provenance"]["command"]
    assert "train.max_steps=100000" in shlex.split(started)  # what began the run, not the resume


@pytest.mark.slow  # the chain above, on other data
def test_real_source_runs_to_its_report(tmp_path: Path, shared: Path) -> None:
    source = f"source.path={shared}/data/bencao/llama_data.json"
    bencao = [word for word in SMALL if not word.startswith("data.")]
    run("recipe=medical_qlora", "data=bencao", source, *bencao, "train.max_length=256", f"runs_dir={tmp_path}")
    report = read_json(only_run(tmp_path) / "report/report.json")
    assert report["systems"]["base"]["test"]["rouge_l_zh"]["n"] == 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("data=bencao", "source.path=missing.json"), "missing.json"),
        pytest.param(("model=llama", "model.path=."), "config.json is missing", marks=pytest.mark.slow),
        pytest.param((f"push.to={PROJECT}",), "contains something else", marks=pytest.mark.slow),
    ],
)
def test_missing_input_ends_with_code_2(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    process = start("recipe=medical_qlora", *words, f"runs_dir={tmp_path}/runs", cwd=tmp_path)
    _, err = process.wait(200)
    assert process.returncode == 2 and message in err and "Traceback" not in err
    assert not list(tmp_path.iterdir())
