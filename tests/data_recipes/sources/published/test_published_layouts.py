"""Published sets in the folders and formats of repositories and hubs: they are read, nothing is unaccounted for."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.command import read_config
from common.errors import UserError
from data_recipes.config import BuildConfig
from data_recipes.formats.encoding import encoding_of
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.sources import source_of
from data_recipes.sources.read_notes import ReadNotes
from tests.data_recipes.conftest import Run
from tests.data_recipes.samples import FIXTURES, items_of, toyhom_rows, write_csv, write_jsonl
from tests.data_recipes.subjqa_samples import many
from tests.data_recipes.subjqa_samples import write as write_subjqa

MATHEMATICS = FIXTURES / "mathematics"


def items(data: str, path: Path, *words: str) -> list[Example | Dropped]:
    """What a shipped recipe reads; every row of the files is one item, and no id occurs twice."""
    [config] = read_config("build", [f"data={data}", f"source.path={path}", *words, "out=unused"], BuildConfig)
    source = source_of(config.source)
    found = items_of(source.read(config.source))
    if source.rows_of:
        assert len(found) == sum(map(source.rows_of, source.files(config.source)))
    ids = [item.id for item in found if isinstance(item, Example)]
    assert len(set(ids)) == len(ids)
    return found


def splits(found: list[Example | Dropped]) -> dict[str, int]:
    return dict(Counter(item.split for item in found if isinstance(item, Example)))


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def parquet(path: Path, content: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(content), path)


def texts(found: list[Example | Dropped]) -> list[list[str]]:
    return [[message.content for message in item.messages] for item in found if isinstance(item, Example)]


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (
            "gsm8k",
            {"train.jsonl": "main/train-00000-of-00001.parquet", "test.jsonl": "main/test-00000-of-00001.parquet"},
        ),
        ("tal_scq5k", {"train.jsonl": "default/train/0000.parquet", "test.jsonl": "default/test/0000.parquet"}),
        (
            "ape210k",
            {
                "train.ape.json": "data/train-00000-of-00001.parquet",
                "valid.ape.json": "data/validation-00000-of-00001.parquet",
                "test.ape.json": "data/test-00000-of-00001.parquet",
            },
        ),
    ],
)
def test_what_a_hub_exports_gives_the_same_rows(data: str, names: dict[str, str], tmp_path: Path) -> None:
    for name, exported in names.items():
        parquet(tmp_path / exported, rows(MATHEMATICS / data / name))
    (tmp_path / "README.md").write_text("# a set", encoding="utf-8")
    exported_items, published = items(data, tmp_path), items(data, MATHEMATICS / data)
    assert texts(exported_items) == texts(published) and splits(exported_items) == splits(published)


def test_shards_of_a_split_are_numbered_through_and_a_second_set_is_told(tmp_path: Path) -> None:
    train = rows(MATHEMATICS / "gsm8k/train.jsonl")
    parquet(tmp_path / "main/train-00000-of-00002.parquet", train[:2])
    parquet(tmp_path / "main/train-00001-of-00002.parquet", train[2:])
    parquet(tmp_path / "socratic/train-00000-of-00001.parquet", train)
    assert texts(items("gsm8k", tmp_path)) == texts(items("gsm8k", MATHEMATICS / "gsm8k/train.jsonl"))
    for language in ("ch", "en"):
        folder = tmp_path / f"{language}_single_choice_constructed_5K"
        folder.mkdir()
        content = (MATHEMATICS / "tal_scq5k/train.jsonl").read_bytes()
        (folder / f"{language}_single_choice_train_3K.jsonl").write_bytes(content)
    assert splits(items("tal_scq5k", tmp_path / "ch_single_choice_constructed_5K")) == {"train": 3}
    (tmp_path / "main").rename(tmp_path.parent / "elsewhere")
    (tmp_path / "socratic").rename(tmp_path.parent / "elsewhere2")
    with pytest.raises(UserError, match="there are several: ch_single"):
        items("tal_scq5k", tmp_path)


def test_a_folder_without_training_files_is_read(tmp_path: Path) -> None:
    for name in ("valid.ape.json", "test.ape.json"):
        (tmp_path / name).write_bytes((MATHEMATICS / "ape210k" / name).read_bytes())
    assert set(splits(items("ape210k", tmp_path))) == {"dev", "test"}


def test_cmath_of_the_hub_calls_its_question_so_and_has_a_test_set(tmp_path: Path) -> None:
    plain = rows(MATHEMATICS / "cmath/cmath_dev.jsonl")
    renamed = [{"question": row["input"], **{k: v for k, v in row.items() if k != "input"}} for row in plain]
    write_jsonl(tmp_path / "cmath_dev.jsonl", renamed)
    write_jsonl(tmp_path / "cmath_test.jsonl", renamed)
    found = items("cmath", tmp_path)
    assert texts(found) == texts(items("cmath", MATHEMATICS / "cmath/cmath_dev.jsonl")) * 2
    assert splits(found) == {"": len(plain), "test": len(plain)}


def test_fractions_percent_and_mixed_numbers_of_ape210k(tmp_path: Path) -> None:
    told = {"5(1/2)": "x=11/2", "40%": "x=2/5", "(3/4)": "x=1-25%", "2.50": "x=5/2", "1(5/6)": "x=1(1/3)+(1/2)"}
    lines = [
        {"id": str(n), "segmented_text": "题", "original_text": f"第{n}题？", "ans": ans, "equation": equation}
        for n, (ans, equation) in enumerate(told.items())
    ]
    found = items("ape210k", write_jsonl(tmp_path / "valid.ape.json", lines))
    assert [item.result for item in found if isinstance(item, Example)] == ["5又1/2", "40%", "3/4", "2.5", "1又5/6"]


SUBJECT = [
    {"Question": "水是？", "A": "H2O", "B": "CO2", "C": "O2", "D": "N2", "Answer": "A"},
    {"Question": "最轻的是？", "A": "铁", "B": "氢", "C": "金", "D": "铅", "Answer": "B"},
]


def test_choices_of_a_hub_stand_in_a_folder_for_each_subject(tmp_path: Path) -> None:
    for subject in ("anatomy", "virology"):
        parquet(tmp_path / "cmmlu" / subject / "dev/0000.parquet", SUBJECT[:1])
        parquet(tmp_path / "cmmlu" / subject / "test/0000.parquet", SUBJECT)
        lower = [
            {"id": n, **{k.lower() if len(k) > 1 else k: v for k, v in row.items()}} for n, row in enumerate(SUBJECT)
        ]
        for split in ("dev", "val", "test"):
            parquet(
                tmp_path / "ceval" / subject / f"{split}-00000-of-00001.parquet",
                [{**r, "explanation": ""} for r in lower],
            )
    for data, train in (("cmmlu", 2), ("ceval", 4)):
        found = items(data, tmp_path / data)
        assert splits(found) == {"train": train, "test": 4}
        assert {item.kind for item in found if isinstance(item, Example)} == {"anatomy", "virology"}


def test_choices_in_a_zip_that_was_unpacked_and_one_subject_alone(tmp_path: Path) -> None:
    header = ",Question,A,B,C,D,Answer\n"
    for split in ("dev", "test"):
        folder = tmp_path / "cmmlu_v1_0_1" / split
        folder.mkdir(parents=True)
        (folder / "anatomy.csv").write_text(header + '0,"骨，又叫？",甲,乙,丙,丁,A\n', encoding="utf-8-sig")
    assert splits(items("cmmlu", tmp_path)) == {"train": 1, "test": 1}
    assert splits(items("cmmlu", tmp_path / "cmmlu_v1_0_1/test/anatomy.csv")) == {"": 1}
    (tmp_path / "cmmlu_v1_0_1/dev/anatomy.csv").unlink()
    assert splits(items("cmmlu", tmp_path)) == {"test": 1}


CMEXAM = [
    {
        "Question": "贫血首选？",
        "Options": {"A": "血常规", "B": "尿常规", "C": "胸片"},
        "Answer": "A",
        "Explanation": "最直接。",
    },
    {
        "Question": "内脏有？",
        "Options": {"A": "心", "B": "肝\n（右上腹）", "C": "手"},
        "Answer": "AB",
        "Explanation": None,
    },
]


def test_cmexam_in_both_layouts_and_with_options_of_several_lines(tmp_path: Path) -> None:
    (tmp_path / "csv").mkdir()
    lines = ["Question,Options,Answer,Explanation"]
    for row in CMEXAM:
        options = "\n".join(f"{letter} {text}" for letter, text in row["Options"].items())
        lines.append(f'{row["Question"]},"{options}",{row["Answer"]},{row["Explanation"] or ""}')
    lines += ['没有答案？,"A 一\nB 二",,无', '补空？,"A 一\nB 二\nC ",B,', '没有标记？,"一\nA 二\nB 三",A,']
    (tmp_path / "csv/train.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    hub = [{**row, "Options": [{"key": k, "value": v} for k, v in row["Options"].items()]} for row in CMEXAM]
    (tmp_path / "hub").mkdir()
    write_jsonl(tmp_path / "hub/train.json", hub)
    found, on_hub = items("cmexam", tmp_path / "csv"), items("cmexam", tmp_path / "hub")
    assert texts(found)[:2] == texts(on_hub) and texts(found)[2][1] == "补空？\nA. 一\nB. 二"
    assert "B. 肝\n（右上腹）" in texts(found)[1][1]
    reasons = [item.reason for item in found if isinstance(item, Dropped)]
    assert reasons == ["answer_is_no_option", "bad_options"]


def test_cmb_as_its_zip_unpacks_with_null_and_empty_options(tmp_path: Path) -> None:
    question = {
        "exam_type": "医师考试",
        "exam_class": "执业医师",
        "exam_subject": "口腔",
        "question_type": "单项选择题",
    }
    options = {"A": "甲", "B": "乙", "C": "丙", "D": "丁", "E": None, "F": ""}
    sets = {
        "CMB/CMB-Exam/CMB-train/CMB-train-merge.json": [
            {**question, "question": "一？", "answer": "A", "option": options}
        ],
        "CMB/CMB-Exam/CMB-val/CMB-val-merge.json": [
            {**question, "question": "二？", "answer": "B，D", "option": options, "explanation": "略"}
        ],
        "CMB/CMB-Exam/CMB-test/CMB-test-choice-question-merge.json": [
            {**question, "id": n, "question": f"第{n}题？", "option": options} for n in (1, 2)
        ],
        "CMB-test-choice-answer.json": [{"id": 1, **question, "answer": "C"}],
    }
    for name, content in sets.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(json.dumps(content, ensure_ascii=False, indent=4), encoding="utf-8")
    [config] = read_config("build", ["data=cmb", f"source.path={tmp_path}", "out=unused"], BuildConfig)
    found = items_of(source_of(config.source).read(config.source))
    assert [item.result for item in found if isinstance(item, Example)] == ["A", "BD", "C"]
    assert [item for item in found if isinstance(item, Dropped)] == [Dropped("cmb-test-2", "answer_not_published")]
    (tmp_path / "CMB-test-choice-answer.json").write_text('[{"id": 1, "answer": "C"}, {"id": 1, "answer": "D"}]')
    with pytest.raises(UserError, match="two answers to question 1"):
        list(source_of(config.source).read(config.source))


def test_departments_of_toyhom_are_read_together_and_a_damaged_byte_costs_one_row(tmp_path: Path) -> None:
    for number, name in enumerate(("IM_内科/内科5000-33000.csv", "Surgical_外科/外科5-14000.csv")):
        (tmp_path / name).parent.mkdir()
        write_csv(tmp_path / name, toyhom_rows()[number * 40 : number * 40 + 40])
    damaged = tmp_path / "Surgical_外科/外科5-14000.csv"
    lines = damaged.read_bytes().split(b"\r\n")
    damaged.write_bytes(b"\r\n".join([lines[0], lines[1][:-3] + b"\xff" + lines[1][-3:], *lines[2:]]))
    assert encoding_of(damaged) == "gb18030"
    found = items("toyhom", tmp_path)
    assert [item for item in found if isinstance(item, Dropped)] == [Dropped(f"{damaged.name}:2", "not_gb18030")]
    assert len(found) == 80


def test_domains_of_subjqa_are_found_in_its_repository(tmp_path: Path) -> None:
    for domain in ("books", "grocery"):
        write_subjqa(many(4), tmp_path / "SubjQA" / domain / "splits/test.csv")
    found = items("subjqa", tmp_path, "source.domains=[books,grocery]")
    assert len(found) == 16 and not any(isinstance(item, Dropped) and item.bad for item in found)


def test_files_of_the_same_name_are_told_apart(build: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for split, rows_of_split in (
        ("dev", "0,铁是？,甲,乙,丙,丁,A\n"),
        ("test", "0,水是？,甲,乙,丙,丁,A\n1,空？,甲,,丙,丁,A\n"),
    ):
        (tmp_path / "cmmlu" / split).mkdir(parents=True)
        (tmp_path / "cmmlu" / split / "nature.csv").write_text(f",Question,A,B,C,D,Answer\n{rows_of_split}", "utf-8")
    (tmp_path / "cmmlu/test/._nature.csv").write_bytes(b"\x00\x05\x16\x07")  # what macOS puts into archives
    found = items("cmmlu", tmp_path / "cmmlu")
    assert [item for item in found if isinstance(item, Dropped)] == [Dropped("test/nature.csv:3", "empty_option")]
    assert build("data=cmmlu", f"source.path={tmp_path / 'cmmlu'}", f"out={tmp_path / 'out'}") == 2
    assert f"{tmp_path / 'cmmlu/test/nature.csv'}:3: empty_option" in capsys.readouterr().err
    for domain in ("books", "grocery"):
        path = write_subjqa(many(4), tmp_path / "SubjQA" / domain / "splits/test.csv")
    path.write_bytes(path.read_bytes().replace(b"(", b"[", 1))
    reviews = items("subjqa", tmp_path, "source.domains=[books,grocery]")
    assert [item.id for item in reviews if isinstance(item, Dropped) and item.bad] == ["grocery/splits/test.csv:2"]


def test_one_stray_byte_in_english_is_not_chinese(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    path.write_bytes(b"question,answer\n" + b"How is it?,na\xefve\n" + b"What?,fine\n" * 50)
    assert encoding_of(path) == "utf-8"
    path.write_bytes("提问,回答\n".encode("gb18030") + "怎么样？,还行。\n".encode("gb18030"))
    assert encoding_of(path) == "gb18030"


def test_halves_of_characters_and_endless_numbers_are_bad_rows(tmp_path: Path) -> None:
    lines = [
        '{"instruction": "问\\ud83d？", "input": "", "output": "答。"}',
        '{"instruction": "问？", "input": "", "output": "\\u0000"}',
    ]
    lines += [f'{{"instruction": "问？", "input": {"9" * 5000}, "output": "答。"}}']
    lines += ['{"instruction": "笑\\ud83d\\ude00？", "input": "", "output": "答。"}']
    (tmp_path / "rows.json").write_text("\n".join(lines), encoding="utf-8")
    found = items("bencao", tmp_path / "rows.json")
    reasons = [item.reason for item in found if isinstance(item, Dropped)]
    assert reasons == ["half_character", "nul_bytes", "not_json"] and texts(found) == [["笑😀？", "答。"]]
    (tmp_path / "array.json").write_text(f"[{','.join([*lines[:2], lines[3]])}]", encoding="utf-8")
    found = items("bencao", tmp_path / "array.json")
    assert [item.reason for item in found if isinstance(item, Dropped)] == reasons[:2] and len(texts(found)) == 1


def test_columns_of_a_published_set_that_are_not_read_are_noted(tmp_path: Path) -> None:
    rows = [{"instruction": f"问题{n}？", "output": "多休息。", "icd": "J00" if n else ""} for n in range(3)]
    path = write_jsonl(tmp_path / "rows.json", rows)
    [config] = read_config("build", ["data=bencao", f"source.path={path}", "out=unused"], BuildConfig)
    *_, notes = source_of(config.source).read(config.source)
    assert isinstance(notes, ReadNotes) and notes.unread == {"icd": 2}
    write_subjqa(many(4), tmp_path / "subjqa/electronics/splits/train.csv")
    words = ["data=subjqa", f"source.path={tmp_path / 'subjqa'}", "source.domains=[electronics]", "out=unused"]
    [config] = read_config("build", words, BuildConfig)
    *_, notes = source_of(config.source).read(config.source)
    assert isinstance(notes, ReadNotes) and "human_ans_spans" not in notes.unread and notes.unread
