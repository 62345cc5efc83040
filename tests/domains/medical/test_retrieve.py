"""The command, and what retrieval must reach on the questions that ship."""

import json
from pathlib import Path

import pytest

from domains.knowledge_base import KnowledgeBase
from domains.medical.retrieve import main
from domains.retrieval.labelled import by_kind, judge, measures, read_questions
from domains.retrieval.retriever import Retriever

QUESTIONS = Path(__file__).resolve().parents[3] / "domains/medical/questions"


@pytest.mark.parametrize("file", sorted(QUESTIONS.glob("*.jsonl")), ids=lambda file: file.stem)
def test_the_goals_are_reached(file: Path, knowledge: KnowledgeBase) -> None:
    judged = judge(read_questions(file, knowledge), Retriever(knowledge))
    all_kinds, kinds = measures(judged), by_kind(judged)
    assert all_kinds["at_1"].value >= 0.75 and all_kinds["at_5"].value >= 0.9
    assert kinds["lay"]["at_5"].value >= 0.85 and kinds["description"]["at_5"].value >= 0.6
    assert all_kinds["nothing"].value >= 0.85


def test_the_command_prints_what_it_measures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.jsonl"
    lines = [
        {"question": "牛皮癣怎么治", "entries": ["D166"], "kind": "lay"},
        {"question": "会传染吗", "entries": ["D166"], "kind": "follow_up", "earlier": ["牛皮癣怎么治"]},
        {"question": "牛皮癣", "entries": ["D001"], "kind": "wrong"},
        {"question": "今天天气怎么样", "entries": [], "kind": "small_talk"},
    ]
    file.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
    main([str(file)])
    said = json.loads(capsys.readouterr().out)
    assert (said["at_1"]["value"], said["at_1"]["n"]) == (0.6667, 3)
    assert said["nothing"]["value"] == 1 and list(said["kinds"]) == ["lay", "follow_up", "wrong", "small_talk"]
    [miss] = said["misses"]
    assert (miss["question"], miss["entries"], miss["found"][0]) == ("牛皮癣", ["D001"], "D166")
