"""Answers outlive the process that asked: what a killed evaluation was answered is not asked for again."""

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from loguru import logger

from common.errors import UserError
from common.files import only_writer
from data_recipes.schema.example import Example
from eval.answer_store import AnswerStore, key_of
from eval.answers import ModelAnswer, Session, SystemRecord
from eval.config import SuiteConfig
from eval.evaluation import Candidate, evaluate_candidates
from eval.exams.exam import ExamItem
from eval.report.schema import Report
from tests.eval.conftest import SUITE, built, example

ANSWER = ModelAnswer(text="多休息。", tokens=3, logprob=float("-inf"), reference_tokens=2)
SESSION = Session(began="2026-11-29T10:00:00.000+08:00", command="python eval/run.py", code="abc", hardware="CPU")
ITEMS = [example(f"病{n}-1", f"病{n}怎么办？", "多休息。", facts=("休息",)) for n in range(6)]


class Killed(BaseException):
    """What ends a process without a word."""


class System:
    """Answers one item after another, and may be killed or fail.

    Attributes:
        asked: How many items it was asked for, each time.
        dies: After how many answers it is killed.
        fails: The positions at which it fails.
    """

    def __init__(self, name: str) -> None:
        self.record = SystemRecord(name=name, kind="model", origin="/models/x")
        self.asked: list[int] = []
        self.dies: int | None = None
        self.fails: tuple[int, ...] = ()

    def ask(
        self, examples: Sequence[Example], wanted: Sequence[int], config: SuiteConfig
    ) -> Iterator[Mapping[int, ModelAnswer]]:
        self.asked.append(len(wanted))
        for number, i in enumerate(wanted):
            if number == self.dies:
                raise Killed
            yield {i: ModelAnswer(text="", finish_reason="failed") if i in self.fails else ModelAnswer(text="多休息。")}

    def choose(self, items: Sequence[ExamItem], wanted: Sequence[int]) -> Iterator[Mapping[int, ModelAnswer]]:
        raise AssertionError("no exam is asked here")

    def evaluated(self, items: Sequence[Example], out: Path, config: SuiteConfig = SUITE, **more: bool) -> Report:
        (out / "dataset").mkdir(parents=True, exist_ok=True)
        dataset = built({"test": list(items)}, out / "dataset")
        candidate = Candidate(self.record, self.ask, self.choose, (self.record.name,))
        systems = {"base": candidate}
        return evaluate_candidates(systems, dataset, config, out, metrics_file=None, command="the command", **more)


def test_a_killed_evaluation_resumes(tmp_path: Path) -> None:
    system = System("killed")
    system.dies = 4
    with pytest.raises(Killed):
        system.evaluated(ITEMS, tmp_path)
    assert not (tmp_path / "report.json").exists()
    system.dies = None
    report = system.evaluated(ITEMS, tmp_path)
    assert system.asked == [6, 2] and report.suites["test"].items == 6
    sessions = report.provenance.systems["base"].sessions
    assert len(sessions) == 2 and {session.command for session in sessions} == {"the command"}
    assert all(session.code and session.hardware and session.instruction_set for session in sessions)


def test_a_corrected_judge_or_fact_needs_no_new_answer_but_another_question_or_limit_does(tmp_path: Path) -> None:
    system = System("rescored")
    assert system.evaluated(ITEMS, tmp_path / "a").systems["base"]["test"]["fact_recall"].value == 1
    corrected = [item.model_copy(update={"facts": ("吃药",)}) for item in ITEMS]
    assert system.evaluated(corrected, tmp_path / "b").systems["base"]["test"]["fact_recall"].value == 0
    assert system.asked == [6]
    system.evaluated([*ITEMS[1:], example("新-1", "新问题？", "答")], tmp_path / "c")
    system.evaluated(ITEMS, tmp_path / "d", SUITE.model_copy(update={"max_new_tokens": 99}))
    assert system.asked == [6, 1, 6]


def test_what_failed_is_counted_asked_again_next_time_and_scored_again_as_failed(tmp_path: Path) -> None:
    system = System("failing")
    system.fails = (1, 2)
    counted = system.evaluated(ITEMS, tmp_path / "a").suites["test"].counted["base"]
    assert (counted.failed, counted.empty, counted.unfinished) == (2, 0, 2)
    assert system.evaluated(ITEMS, tmp_path / "a", rescore=True).suites["test"].counted["base"].failed == 2
    system.fails = ()
    assert system.evaluated(ITEMS, tmp_path / "b").suites["test"].counted["base"].failed == 0
    assert system.asked == [6, 2]


def test_nothing_is_asked_for_a_score_and_what_is_missing_is_told(tmp_path: Path) -> None:
    system = System("never asked")
    with pytest.raises(UserError, match="6 of 6 answers of base are not stored"):
        system.evaluated(ITEMS, tmp_path, rescore=True)
    assert system.asked == []


class Short(System):
    """A system with a context that nothing fits."""

    def ask(
        self, examples: Sequence[Example], wanted: Sequence[int], config: SuiteConfig
    ) -> Iterator[Mapping[int, ModelAnswer]]:
        yield dict.fromkeys(wanted, ModelAnswer(text="", finish_reason="too_long"))


def test_a_suite_that_does_not_fit_the_context_is_reported(tmp_path: Path) -> None:
    said: list[str] = []
    sink = logger.add(lambda message: said.append(str(message)), level="WARNING")
    report = Short("short").evaluated(ITEMS, tmp_path)
    logger.remove(sink)
    assert "none of the 6 items of test fits the context of this model" in "".join(said)
    assert report.suites["test"].counted["base"].too_long == 6 and "loss_per_character" not in report.metrics
    assert "too long 6 of 6 answers" in report.summary()


def test_half_a_line_is_no_answer_and_a_damaged_file_is_asked_again(tmp_path: Path) -> None:
    store = AnswerStore(tmp_path / "answers")
    assert store.read() == {}
    file = store.begin(SESSION)
    file.add({"one": ANSWER, "two": ANSWER})
    [path] = (tmp_path / "answers").iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"item": "three", "ans')
    assert store.read().keys() == {"one", "two"} and store.read()["one"].answer == ANSWER
    later = store.begin(SESSION.model_copy(update={"began": "2026-11-29T11:00:00.000+08:00"}))
    later.add({"two": ModelAnswer(text="later")})
    assert [store.read()[key].answer.text for key in ("one", "two")] == [ANSWER.text, "later"]
    path.write_bytes(whole.replace(b'"tokens"', b'"tokns"'))
    assert store.read().keys() == {"two"}


def test_a_cache_that_cannot_be_written_or_fills_up_is_said_once_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    sink = logger.add(said.append, level="WARNING", format="{message}")
    unwritable = AnswerStore(Path("/proc/xinglin/answers"))
    unwritable.begin(SESSION).add({"one": ANSWER})
    assert unwritable.read() == {} and len(said) == 1 and "/proc/xinglin/answers: cannot write here" in said[0]
    store = AnswerStore(tmp_path)
    file = store.begin(SESSION)
    file.add({"one": ANSWER})

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    file.add({"two": ANSWER})
    file.add({"three": ANSWER})
    logger.remove(sink)
    assert len(said) == 2 and "the disk is full" in said[1]
    assert "one" in store.read() and "three" not in store.read()


def test_an_item_is_known_by_its_conversation() -> None:
    item = ITEMS[0]
    assert key_of(item) == key_of(item.model_copy(update={"facts": (), "kind": "x", "id": "y"}))
    assert key_of(item) != key_of(example("病0-1", "病0怎么办？", "吃药。"))


def test_one_process_writes_into_a_directory(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with only_writer(out), pytest.raises(UserError, match="another process is writing here"), only_writer(out):
        pass
    assert not out.exists()  # nothing was written
    with only_writer(out):
        (out / "result").touch()
    assert out.exists()
