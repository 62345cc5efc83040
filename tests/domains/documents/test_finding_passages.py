"""The command, and what is found in the handbook that ships."""

import json
from pathlib import Path

import pytest

from domains.documents.knowledge_base import KNOWLEDGE
from domains.documents.retrieve import main
from domains.knowledge_base import KnowledgeBase
from domains.retrieval.labelled import judge, measures, read_questions
from domains.retrieval.retriever import Retriever

QUESTIONS = Path(__file__).resolve().parents[3] / "domains/documents/questions"


@pytest.fixture(scope="module")
def kb() -> KnowledgeBase:
    return KNOWLEDGE.load()


@pytest.mark.parametrize("file", sorted(QUESTIONS.glob("*.jsonl")), ids=lambda file: file.stem)
def test_passages_are_found_for_questions_in_other_words(file: Path, kb: KnowledgeBase) -> None:
    found = measures(judge(read_questions(file, kb), Retriever(kb)))
    assert found["at_5"].value >= 0.8 and found["nothing"].value >= 0.6


@pytest.mark.parametrize(
    ("earlier", "question", "name"),
    [
        ("门诊时间是几点？", "那几点关门呢", "青禾医院门诊指南 > 门诊时间"),  # says nothing of its own
        ("探视时间是几点？", "医保怎么报销", "费用与医保"),  # describes something else
        ("停车怎么收费？", "它在哪个门", "青禾医院门诊指南 > 停车"),  # points back
    ],
)
def test_a_question_that_describes_a_passage_is_about_it_whatever_was_asked_before(
    earlier: str, question: str, name: str, kb: KnowledgeBase
) -> None:
    assert Retriever(kb).retrieve(question, [earlier]).found[0].entry.name.startswith(name)


def test_the_command_prints_what_it_measures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "停车.md").write_text("# 停车\n\n前三十分钟免费。\n", encoding="utf-8")
    [entry] = KNOWLEDGE.load(tmp_path).entries
    lines = [
        {"question": "停车免费吗", "entries": [entry.id], "kind": "heading"},
        {"question": "食堂几点开", "entries": [], "kind": "absent"},
    ]
    file = tmp_path / "questions" / "mine.jsonl"
    file.parent.mkdir()
    file.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "停车.md").rename(folder / "停车.md")
    main([str(file), f"folder={folder}"])
    said = json.loads(capsys.readouterr().out)
    assert said["at_1"]["value"] == said["nothing"]["value"] == 1 and said["misses"] == []
