"""Bencao's literature and questions, PromptCBLUE and cMedQA2: what becomes an example, and each kind of damage."""

import json
from pathlib import Path
from typing import Any

import pytest

from common.errors import UserError
from data_recipes.pipeline.build import load
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import NO_REFERENCE, Example
from data_recipes.sources.published import bencao_literature, cmedqa, promptcblue, questions
from tests.data_recipes.conftest import Run
from tests.data_recipes.samples import bencao_rows, items_of, write_jsonl

Items = list[Example | Dropped]
TEN_MIB = "长" * (10 << 20)


def text(items: Items) -> list[str]:
    return [" / ".join(m.content for m in item.messages) for item in items if isinstance(item, Example)]


def dropped(items: Items) -> list[Dropped]:
    return [item for item in items if isinstance(item, Dropped)]


def literature(path: Path) -> Items:
    config = bencao_literature.BencaoLiteratureSource(kind="bencao_literature", path=str(path))
    return items_of(bencao_literature.read(config))


TALK = {
    "instruction": " <user>: 肝癌怎么查？ <bot>: 可做超声。 <user>: 还有呢？",
    "output": "还可查甲胎蛋白。",
    "input": "",
}


def test_turns_in_one_field_become_a_conversation(tmp_path: Path) -> None:
    path = tmp_path / "liver.json"
    rows = [TALK, {"instruction": "<user>：只问一句？", "output": "好。", "id": 7}, {**TALK, "input": "急。"}]
    path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8-sig")
    items = literature(path)
    assert text(items)[:2] == ["肝癌怎么查？ / 可做超声。 / 还有呢？ / 还可查甲胎蛋白。", "只问一句？ / 好。"]
    assert text(items)[2].split(" / ")[2] == "还有呢？\n急。"
    assert [item.kind for item in items if isinstance(item, Example)] == ["多轮", "单轮", "多轮"]
    assert len({item.id for item in items if isinstance(item, Example)}) == 3  # all are on one line


def test_each_damaged_conversation_is_named_by_line(tmp_path: Path) -> None:
    bad: list[Any] = [
        {**TALK, "instruction": "没有标记？"},
        {**TALK, "instruction": "<user>: 一 <user>: 二"},
        {**TALK, "instruction": "<user>: 一 <bot>: <user>: 二"},
        {**TALK, "output": None},
        ["不是对象"],
        {**TALK, "output": "坏\u0000了"},
    ]
    path = tmp_path / "liver.json"
    path.write_text(json.dumps([*bad, TALK, TALK], ensure_ascii=False, indent=1).replace("\n", "\r\n"), "utf-8")
    items = literature(path)
    reasons = ["no_turns", "wrong_turn_order", "empty_turn", "no_text_in_output", "not_an_object", "nul_bytes"]
    assert [drop.reason for drop in dropped(items)] == reasons
    lines = [int(drop.id.rpartition(":")[2]) for drop in dropped(items)]
    assert lines[0] == 2 and lines == sorted(set(lines)) and all(drop.bad for drop in dropped(items))
    assert len(text(items)) == 2


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (json.dumps([TALK, TALK], ensure_ascii=False, indent=1).encode()[:-60], r"liver\.json:7: item 2 .*cut off"),
        (b"", "the file is empty"),
    ],
)
def test_an_array_that_is_broken_stops_the_build(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "liver.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=told):
        literature(path)


def read_questions(path: Path, question: str = "question", topic: str | None = None) -> Items:
    config = questions.QuestionsSource(kind="questions", path=str(path), question=question, topic=topic)
    return items_of(questions.read(config))


def test_questions_of_a_text_file_lose_header_and_spaces(tmp_path: Path) -> None:
    path = tmp_path / "ask.txt"
    path.write_bytes(
        "input\r\n发烧怎么办？  \n\n坏\0的\n！\n".encode() + "牙痛？\n".encode("gb18030") + b"\xe5\x92\xb3?"
    )
    items = read_questions(path, "input")
    assert [item.messages[0].content for item in items if isinstance(item, Example)] == ["发烧怎么办？", "咳?"]
    assert dropped(items) == [
        Dropped("ask.txt:4", "nul_bytes"),
        Dropped("ask.txt:5", "empty_question"),
        Dropped("ask.txt:6", "not_utf8"),
    ]


def test_questions_are_never_trained_and_a_wrong_field_is_told(build: Run, suites: Run, tmp_path: Path) -> None:
    rows = [{"question": f"第{word}个问题怎么回答才好呢？", "ICD-10": word} for word in "甲乙丙丁"]
    path = tmp_path / "ask.json"
    path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    out = tmp_path / "suite"
    assert build("data=bencao_benchmark", f"source.path={path}", f"out={out}") == 0
    built = load(out)
    assert built.manifest.splits == {"test": 4}
    assert {item.answer for item in built.splits["test"]} == {NO_REFERENCE}
    assert [item.kind for item in built.splits["test"]] == [*"甲乙丙丁"]
    assert suites("add", str(out)) == 0
    leaking = [{"instruction": row["question"], "input": "", "output": "好的。"} for row in rows[:2]]
    other = write_jsonl(tmp_path / "train.jsonl", [*bencao_rows(), *leaking])
    words = ("data=bencao", f"source.path={other}", "data.splits.dev=5", "data.splits.test=5")
    assert build(*words, f"out={tmp_path / 'out'}") == 0
    assert load(tmp_path / "out").manifest.counts.kept == len(bencao_rows())
    with pytest.raises(UserError, match=r"source\.question"):
        read_questions(path, "问题")


CBLUE = {
    "input": "判断意图：\n咳嗽吃什么药？\n选项：用药建议，病因分析\n答：",
    "target": "用药建议",
    "answer_choices": ["用药建议", "病因分析"],
    "task_type": "cls",
    "task_dataset": "KUAKE-QIC",
    "sample_id": "train-1",
}


def prompts(path: Path, tasks: tuple[str, ...] | None = None) -> Items:
    return items_of(promptcblue.read(promptcblue.PromptCblueSource(kind="promptcblue", path=str(path), tasks=tasks)))


def test_promptcblue_keeps_splits_labels_and_tasks(tmp_path: Path) -> None:
    free = {**CBLUE, "answer_choices": None, "target": "多喝水。", "task_dataset": "MedDG", "sample_id": "train-2"}
    write_jsonl(tmp_path / "train.json", [CBLUE, free, {**CBLUE, "sample_id": "train-1"}])
    write_jsonl(tmp_path / "test.json", [{**CBLUE, "target": ""}])
    first, second, again, test = prompts(tmp_path)
    assert isinstance(first, Example) and isinstance(second, Example) and isinstance(again, Example)
    assert (first.split, first.result, first.choices) == ("train", "用药建议", ("用药建议", "病因分析"))
    assert (second.kind, second.result, second.choices) == ("MedDG", "", ())
    assert again.id != first.id and again.group == first.group  # an id that is used twice stays on one side
    assert test == Dropped("promptcblue-test-1", "target_not_published") and not test.bad
    assert [item.kind for item in prompts(tmp_path, ("MedDG",)) if isinstance(item, Example)] == ["MedDG"]


def test_words_of_the_template_are_told_from_the_text(tmp_path: Path) -> None:
    asked = [f"{word}怎么治疗才能好得快一些？" for word in "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉"]
    lines = "判断下面搜索词的意图属于哪一类：\n{}\n选项：用药建议，病因分析\n说明：只选一类\n答："
    write_jsonl(tmp_path / "train.json", [{**CBLUE, "input": lines.format(text)} for text in asked])
    found = [item for item in prompts(tmp_path) if isinstance(item, Example)]
    assert [item.messages[1].content for item in found] == asked
    assert {item.messages[0].content for item in found} == {lines.replace("{}\n", "")}
    config = promptcblue.PromptCblueSource(kind="promptcblue", path=str(tmp_path), templates="prompt")
    published = [item for item in promptcblue.read(config) if isinstance(item, Example)]
    assert [item.messages[0].content for item in published] == [lines.format(text) for text in asked]


def test_every_kind_of_damage_to_promptcblue_is_named(tmp_path: Path) -> None:
    whole = json.dumps(CBLUE, ensure_ascii=False)
    lines = [
        whole.encode() + b"\r",
        whole[:40].encode(),
        whole.encode("gb18030"),
        json.dumps({**CBLUE, "input": None}).encode(),
        json.dumps({**CBLUE, "task_dataset": ""}).encode(),
        json.dumps({**CBLUE, "answer_choices": "用药建议"}).encode(),
        json.dumps({**CBLUE, "target": " "}).encode(),
        whole.replace("咳", "\0").encode(),
        whole.replace("咳", TEN_MIB).encode(),
        whole.encode(),
    ]
    path = tmp_path / "train.json"
    path.write_bytes(b"\n".join(lines))
    items = prompts(path)
    assert len(text(items)) == 2
    reasons = "not_json not_utf8 no_text_in_input no_task bad_answer_choices no_text_in_target nul_bytes line_too_long"
    assert dropped(items) == [Dropped(f"train.json:{n}", reason) for n, reason in enumerate(reasons.split(), 2)]


@pytest.fixture
def cmedqa_folder(tmp_path: Path) -> Path:
    files = {
        "question.csv": 'question_id,content\n1,"头痛，\n三天了？"\n2,咳嗽怎么办？\n3,牙痛？\n'
        "4,没人分配？\n5,测试题？\n",
        "answer.csv": "ans_id,question_id,content\n10,1,多休息。\n11,1,去神经内科。\n20,2,多喝水。\n30,3,看口腔科。\n"
        "40,4,好。\n50,5,测试答案。\n51,5,错的答案。\n99,9,问题不在。\n98,1,\n",
        "train_candidates.txt": "question_id,pos_ans_id,neg_ans_id\n1,10,20\n1,10,30\n2,20,77\n3,30,30\n",
        "test_candidates.txt": "question_id,ans_id,num,label\n5,20,0,0\n5,50,0,1\n5,30,0,0\n4,40,0,1\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    return tmp_path


def read_cmedqa(folder: Path, task: str) -> Items:
    return items_of(
        cmedqa.read(cmedqa.CmedqaSource.model_validate({"kind": "cmedqa", "path": str(folder), "task": task}))
    )


def test_consultations_are_joined_and_every_answer_is_accounted_for(cmedqa_folder: Path) -> None:
    items = read_cmedqa(cmedqa_folder, "consultation")
    found = {item.id: item for item in items if isinstance(item, Example)}
    assert found["cmedqa-1"].messages[0].content == "头痛，\n三天了？" and found["cmedqa-1"].answer == "多休息。"
    assert found["cmedqa-1"].references == ("去神经内科。",)
    assert {id: item.split for id, item in found.items()} == {
        "cmedqa-1": "train", "cmedqa-2": "train", "cmedqa-3": "train", "cmedqa-4": "test", "cmedqa-5": "test",
    }  # fmt: skip
    assert dropped(items) == [
        Dropped("cmedqa-11", "joined_answer"),
        Dropped("cmedqa-51", "joined_answer"),
        Dropped("answer.csv:9", "no_such_question"),
        Dropped("answer.csv:10", "empty_answer"),
    ]
    assert len(items) == 9  # the rows of answer.csv


def test_retrieval_pairs_have_a_worse_answer(cmedqa_folder: Path) -> None:
    items = read_cmedqa(cmedqa_folder, "retrieval")
    pairs = {item.id: (item.answer, item.rejected, item.split) for item in items if isinstance(item, Example)}
    assert pairs == {
        "cmedqa-train-1": ("多休息。", "多喝水。", "train"),
        "cmedqa-train-2": ("多休息。", "看口腔科。", "train"),
        "cmedqa-test-2": ("测试答案。", "多喝水。", "test"),
    }
    assert dropped(items) == [
        Dropped("answer.csv:10", "empty_text"),
        Dropped("train_candidates.txt:4", "no_such_question_or_answer"),
        Dropped("cmedqa-train-4", "same_answers"),
        Dropped("cmedqa-test-1", "further_candidate"),
        Dropped("cmedqa-test-3", "further_candidate"),
        Dropped("cmedqa-test-4", "question_without_pair"),
    ]


def test_damage_to_cmedqa_is_named_by_file_and_line(cmedqa_folder: Path) -> None:
    lines = ["question_id,content", "1,头痛？\r", "2,咳\0嗽？", '3,"牙痛', "4,多,了", "5,测试题？", "1,另一个？", "6"]
    (cmedqa_folder / "question.csv").write_text("\n".join(lines), encoding="utf-8", newline="")
    items = read_cmedqa(cmedqa_folder, "retrieval")
    found = [drop for drop in dropped(items) if drop.id.startswith("question")]
    assert found[0] == Dropped("question.csv:3", "nul_bytes")
    assert found[1:] == [Dropped(f"question.csv:{line}", "not_csv") for line in range(4, 9)]  # an open quote takes all
    (cmedqa_folder / "answer.csv").write_text("ans_id,content\n1,无\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"answer\.csv:1: no column question_id"):
        read_cmedqa(cmedqa_folder, "consultation")
    for name in ("train_candidates.txt", "test_candidates.txt"):
        (cmedqa_folder / name).unlink()
    with pytest.raises(UserError, match="train_candidates"):
        cmedqa.files(cmedqa.CmedqaSource(kind="cmedqa", path=str(cmedqa_folder), task="retrieval"))


def test_bad_bytes_duplicate_ids_and_long_lines_of_cmedqa_are_rows(cmedqa_folder: Path) -> None:
    rows = ["question_id,content", "1,头痛？", "1,另一个？", "2,咳嗽？", f"3,{TEN_MIB}", "5,测试题？"]
    content = "\n".join(rows).encode().replace("咳".encode(), b"\xff")
    (cmedqa_folder / "question.csv").write_bytes(content)
    found = [drop for drop in dropped(read_cmedqa(cmedqa_folder, "consultation")) if drop.id.startswith("question")]
    assert found == [
        Dropped("question.csv:3", "id_used_twice"),
        Dropped("question.csv:4", "not_utf8"),
        Dropped("question.csv:5", "not_csv"),
    ]


def test_real_question_files_are_accounted_for(build: Run, shared: Path, tmp_path: Path) -> None:
    for data, name in {
        "bencao_benchmark": "benchmark_question.json",
        "bencao_knowledge_questions": "knowledge_tuning_data_sample.txt",
    }.items():
        assert build(f"data={data}", f"source.path={shared / 'data/bencao' / name}", f"out={tmp_path / data}") == 0
        manifest = load(tmp_path / data).manifest
        assert (manifest.counts.read, manifest.counts.dropped, manifest.splits) == (200, {}, {"test": 200})
