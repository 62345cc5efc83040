"""Logs of inspect_ai as systems of a report, and as items; ``tests/eval/logs/ward.py`` has written them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.command import read_config
from common.errors import UserError
from eval.config import EvalConfig, SuiteConfig, SystemConfig
from eval.inspect_runs import read_run
from eval.own_items import own_dataset, read_items
from eval.report.schema import ItemRecord, Report
from eval.run import main
from eval.systems import logged
from tests.eval.test_inspect_logs import logs_of
from tests.eval.test_own_items import ANSWERS, suite_of

LOGS = Path(__file__).parent / "logs"
ITEMS = [
    {"id": "w1", "question": "3加4等于几？", "result": "7"},
    {"id": "second", "question": "胸口压着疼，出冷汗 ", "behaviour": "emergency"},
    {"id": "w3", "question": "胃在哪里？\nA. 胸腔\nB. 腹腔", "choices": ["胸腔", "腹腔"], "result": "B"},
    {"id": "w4", "question": "怎么刷牙", "answer": "每天两次。"},
    {"id": "w5", "question": "高血压有什么症状", "answer": "头痛、头晕。"},
]


def suite(tmp_path: Path, items: list[dict[str, Any]] = ITEMS) -> Path:
    path = tmp_path / "ward.jsonl"
    path.write_text("".join(f"{json.dumps(item, ensure_ascii=False)}\n" for item in items), encoding="utf-8")
    return path


@pytest.mark.parametrize("log", ["ward.eval", "ward.json"])
def test_a_log_is_a_system_whose_answers_our_judges_judge(tmp_path: Path, log: str) -> None:
    main(
        [f"suite.items={suite(tmp_path)}", "suite.name=ward", f"systems.theirs={LOGS / log}", f"out={tmp_path / 'out'}"]
    )
    report = Report.load(tmp_path / "out/report.json")
    scores = report.systems["theirs"]["ward"]
    assert scores["emergency"].value == scores["math_answer"].value == scores["choice_generated"].value == 1
    assert (report.suites["ward"].counted["theirs"].cut, report.suites["ward"].counted["theirs"].failed) == (1, 1)
    record = report.provenance.systems["theirs"]
    assert (record.name, record.kind, record.origin) == ("mockllm/scripted", "log", str(LOGS / log))
    assert len(record.sha256) == 64 and record.sessions[0].versions == {"inspect_ai": "0.3.285"}
    assert record.prompt_format == "ward · system_message → generate"
    assert record.stated["includes accuracy"] == "0.8"
    items = [ItemRecord.model_validate_json(line) for line in (tmp_path / "out/items.jsonl").open(encoding="utf-8")]
    assert [item.stated["theirs"]["includes"] for item in items] == ["C", "C", "C", "I", "C"]
    page = (tmp_path / "out/index.html").read_text(encoding="utf-8")
    assert "includes accuracy 0.8" in page and "0.3.285" in page


def test_what_is_in_a_log_is_asked_and_judged(tmp_path: Path) -> None:
    log = LOGS / "ward.eval"
    main(["suite=log", f"suite.items={log}", f"systems.theirs={log}", f"out={tmp_path / 'out'}"])
    scores = Report.load(tmp_path / "out/report.json").systems["theirs"]["log"]
    assert scores["choice_generated"].value == 1 and scores["math_answer"].n == 2  # 120 is a number, too
    items = read_items(SuiteConfig(name="log", items=log))
    assert items[2].prompt[0].content == "胃在哪里？\nA. 胸腔\nB. 腹腔" and items[2].result == "B"
    assert items[4].references == ("头晕",) and items[4].kind == "ward"


def test_calls_tokens_and_seconds_are_those_of_the_log() -> None:
    [first, *_] = read_run(LOGS / "ward.eval").samples
    assert (first.answer.calls, first.answer.tokens, first.answer.prompt_tokens) == (1, 4, 11)
    assert first.answer.seconds is not None


def test_our_own_logs_are_read_too(tmp_path: Path) -> None:
    run = read_run(logs_of(tmp_path))
    examples = read_items(suite_of(tmp_path))
    answers = run.answers_to(examples, range(len(examples)))
    assert {examples[place].id: answer.text for place, answer in answers.items()} == ANSWERS


def test_options_are_not_compared_by_a_log(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no log-probabilities"):
        logged(LOGS / "ward.eval").choose([], [])


@pytest.mark.parametrize(
    ("items", "told"),
    [
        ([{"id": "x1", "question": "今天几号", "behaviour": "answer"}], "another item set: its samples are w1, w2"),
        ([*ITEMS, {"id": "w6", "question": "今天几号", "behaviour": "answer"}], "1 of 6 items have no answer: w6"),
        ([*ITEMS[:4], {**ITEMS[4], "question": "低血压有什么症状"}], "something else .* same id: w5"),
    ],
)
def test_items_that_a_log_does_not_answer_are_named(tmp_path: Path, items: list[dict[str, Any]], told: str) -> None:
    examples = read_items(SuiteConfig(name="ward", items=suite(tmp_path, items)))
    with pytest.raises(UserError, match=told):
        read_run(LOGS / "ward.eval").answers_to(examples, range(len(examples)))


def _without_second(log: dict[str, Any]) -> None:
    del log["samples"][1]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda log: log.update(version=1), "version 1; only version 2"),
        (_without_second, "1 of its 5 samples are missing: w2"),
        (lambda log: log.update(samples=None, status="error"), r"has no samples \(status error\)"),
        (lambda log: log["samples"][0].pop("input"), "not laid out as a log of inspect_ai: 'input' is missing"),
        (lambda log: log.pop("eval"), "not laid out as a log of inspect_ai: 'eval' is missing"),
    ],
)
def test_a_wrong_log_is_refused_by_what_is_wrong(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], told: str
) -> None:
    log = json.loads((LOGS / "ward.json").read_text("utf-8"))
    change(log)
    path = tmp_path / "log.json"
    path.write_text(json.dumps(log), encoding="utf-8")
    with pytest.raises(UserError, match=told):
        read_run(path)


@pytest.mark.parametrize("name", ["ward.eval", "ward.json"])
@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.99])
def test_a_cut_log_is_refused(tmp_path: Path, name: str, kept: float) -> None:
    content = (LOGS / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(UserError, match="cut or damaged"):
        read_run(path)


def test_a_changed_byte_is_found(tmp_path: Path) -> None:
    content = bytearray((LOGS / "ward.eval").read_bytes())
    content[content.index(b"samples/w1") + 200] ^= 1
    (tmp_path / "ward.eval").write_bytes(content)
    with pytest.raises(UserError, match="cut or damaged"):
        read_run(tmp_path / "ward.eval")


def test_a_broken_log_is_told_before_any_model_is_looked_for(tmp_path: Path) -> None:
    broken = tmp_path / "broken.eval"
    broken.write_bytes(b"PK")
    with pytest.raises(UserError, match=r"broken\.eval: cut or damaged"):
        main([f"model={tmp_path}/none", f"systems.theirs={broken}", f"out={tmp_path}/out"])


def test_a_failed_sample_counts_as_failed_and_only_the_first_epoch_is_judged(tmp_path: Path) -> None:
    log = json.loads((LOGS / "ward.json").read_text("utf-8"))
    log["samples"][0] |= {"error": {"message": "x"}, "output": {"choices": [], "completion": ""}}
    log["samples"].append(log["samples"][3] | {"epoch": 2})
    log["eval"]["config"]["epochs"] = 2
    (tmp_path / "log.json").write_text(json.dumps(log), encoding="utf-8")
    run = read_run(tmp_path / "log.json")
    assert run.samples[0].answer.finish_reason == "failed" and len(run.samples) == 5
    assert run.record.prompt_format.endswith("1/2")


def test_a_conversation_is_no_item(tmp_path: Path) -> None:
    log = json.loads((LOGS / "ward.json").read_text("utf-8"))
    log["samples"][1]["input"] *= 2
    (tmp_path / "log.json").write_text(json.dumps(log), encoding="utf-8")
    with pytest.raises(UserError, match="conversation of 2 turns"):
        own_dataset(SuiteConfig(name="log", items=tmp_path / "log.json"))


def test_a_system_is_one_thing(tmp_path: Path) -> None:
    [config] = read_config("eval", ["systems.a=x.eval", "systems.b=http://127.0.0.1/v1", f"out={tmp_path}"], EvalConfig)
    assert str(config.systems["a"]) == "x.eval" and config.systems["a"].path is None
    with pytest.raises(ValueError, match="only one of them"):
        SystemConfig(path="x", log=Path("y.eval"))
    with pytest.raises(UserError, match="there is no such log"):
        read_run(tmp_path / "x.eval")
