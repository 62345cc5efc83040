import json
from pathlib import Path

import pytest

from common.errors import UserError
from domains.knowledge_base import KnowledgeBase
from domains.retrieval.labelled import Judged, LabelledQuestion, Share, read_questions, report


def judged(entries: tuple[str, ...], found: tuple[str, ...], kind: str = "lay") -> Judged:
    return Judged(LabelledQuestion(question="？", entries=entries, kind=kind), found)


def test_any_labelled_entry_is_right_but_of_two_both_must_be_there() -> None:
    assert judged(("D1", "D2"), ("D2", "D9")).missed == []
    assert judged(("D1",), ("D9", "D1")).missed == ["at_1"]
    assert judged(("D1",), ("D9", "D8", "D7", "D6", "D5", "D1")).missed == ["at_1", "at_5"]
    assert judged(("D1", "D2"), ("D2", "D9"), kind="two").missed == ["at_5"]
    assert judged(("D1",), ()).missed == ["at_1", "at_5"]
    assert judged((), ("D1",)).missed == ["nothing"] and judged((), ()).missed == []


def test_a_share_has_wilsons_interval() -> None:
    share = Share.of([True] * 8 + [False] * 2)
    assert (share.value, share.n) == (0.8, 10)
    assert share.low == pytest.approx(0.4902, abs=1e-4) and share.high == pytest.approx(0.9433, abs=1e-4)
    assert Share.of([True] * 10).low == pytest.approx(0.7225, abs=1e-4)


def test_the_report_counts_questions_with_entries_and_without_apart() -> None:
    said = report([judged(("D1",), ("D1",)), judged(("D1",), ("D2",)), judged((), ("D1",), kind="absent")])
    assert (said["at_1"]["value"], said["at_1"]["n"], said["nothing"]["value"]) == (0.5, 2, 0.0)
    assert set(said["kinds"]["absent"]) == {"nothing"} and set(said["kinds"]["lay"]) == {"at_1", "at_5"}
    assert [miss["missed"] for miss in said["misses"]] == [["at_1", "at_5"], ["nothing"]]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ({"question": "", "entries": [], "kind": "lay"}, "question"),
        ({"question": "？", "entries": ["D999"], "kind": "lay"}, "D999"),
        ({"question": "？", "kind": "lay"}, "entries"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, knowledge: KnowledgeBase, line: object, says: str) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text(json.dumps(line, ensure_ascii=False), encoding="utf-8")
    with pytest.raises(UserError, match=rf"questions\.jsonl:1: .*{says}"):
        read_questions(file, knowledge)
