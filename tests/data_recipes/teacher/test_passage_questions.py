"""A teacher's questions about a folder: those whose answer can be read are kept, and a killed run resumes."""

import json
import re
from pathlib import Path

import pytest

from common.command import read_config
from common.errors import UserError
from data_recipes.teacher.teacher import OpenAITeacher
from domains.documents.folder import load_folder
from domains.documents.written import read_written
from tests.data_recipes.teacher.fake_teacher import FakeTeacher, teaching
from training.passage_questions import WriteQuestionsConfig, run


def script(prompt: str, number: int) -> str:
    [title] = re.findall("标题：(.*)", prompt)
    topic = title.rpartition(" > ")[2]
    return (
        f"好的：\n1. {topic}要几点去才行？[1]\n2. {topic}还有别的规定没有？【2】\n3. {topic}要带啥东西？[7]\n"
        f"4. 没有编号的问题？\n5. {topic}要几点去才行？[1, 2]"
    )


def config(server: FakeTeacher, folder: Path, out: Path, *words: str) -> WriteQuestionsConfig:
    teacher = (f"teacher.base_url={server.url}", "teacher.model=fake", "teacher.key_env=null")
    [checked] = read_config(
        "write_questions",
        [f"folder={folder}", f"out={out}", *teacher, "ask.batch_size=2", *words],
        WriteQuestionsConfig,
    )
    return checked


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    sections = "".join(f"## {name}\n\n早上八点开始。请带好证件。\n\n" for name in ("挂号", "抽血", "探视"))
    (folder / "须知.md").write_text(f"# 须知\n\n{sections}", encoding="utf-8")
    (folder / "faq.csv").write_text("question,answer\n几点开门？,八点。\n", encoding="utf-8")
    return folder


def test_questions_whose_sentences_exist_are_kept_and_the_others_counted(folder: Path, tmp_path: Path) -> None:
    with teaching(script) as server:
        checked = config(server, folder, tmp_path / "asked")
        written = run(checked, OpenAITeacher(checked.teacher))  # type: ignore[arg-type]
        assert len(server.bodies) == 3  # the question of the FAQ has its answer
    assert len(written.questions) == 6 and written.reached == "all"
    assert written.rejected == {"no_such_sentence": 3, "repeated": 3}
    kept, dropped = read_written(tmp_path / "asked/questions.jsonl", load_folder(folder))
    assert not dropped and sorted(len(questions) for questions in kept.values()) == [2, 2, 2]
    report = json.loads((tmp_path / "asked/report.json").read_text(encoding="utf-8"))
    assert report["questions"] == 6 and report["knowledge_sha256"] == load_folder(folder).sha256


def test_a_second_run_asks_nothing_again_and_a_limit_ends_it(folder: Path, tmp_path: Path) -> None:
    with teaching(script) as server:
        first = config(server, folder, tmp_path / "asked", "ask.max_requests=2")
        assert run(first, OpenAITeacher(first.teacher)).reached == "limit"  # type: ignore[arg-type]
        again = config(server, folder, tmp_path / "asked")
        assert len(run(again, OpenAITeacher(again.teacher)).questions) == 6  # type: ignore[arg-type]
        assert len(server.bodies) == 3


def test_a_folder_with_other_files_is_not_overwritten(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "asked").mkdir()
    (tmp_path / "asked/notes.txt").write_text("mine", encoding="utf-8")
    with teaching(script) as server, pytest.raises(UserError, match="not an earlier run"):
        checked = config(server, folder, tmp_path / "asked")
        run(checked, OpenAITeacher(checked.teacher))  # type: ignore[arg-type]
