"""Mathematics sets in their authors' formats: what becomes an example, what is bad, and the real files."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from common.errors import UserError
from data_recipes.pipeline.build import BuiltDataset, load
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.sources.published import ape210k, cmath, gsm8k, tal_scq5k
from data_recipes.sources.read_notes import ReadNotes
from domains.mathematics.answers import is_right
from domains.mathematics.instructions import ASKING
from tests.data_recipes.conftest import Run
from tests.data_recipes.samples import FIXTURES, items_of

MATHEMATICS = FIXTURES / "mathematics"
Items = list[Example | Dropped]
Read = Callable[[Path], Iterator[Example | Dropped | ReadNotes]]

READERS: dict[str, Read] = {
    "gsm8k": lambda path: gsm8k.read(gsm8k.Gsm8kSource(kind="gsm8k", path=str(path), steps="asked")),
    "cmath": lambda path: cmath.read(cmath.CmathSource(kind="cmath", path=str(path), steps="none")),
    "ape210k": lambda path: ape210k.read(ape210k.Ape210kSource(kind="ape210k", path=str(path), steps="unasked")),
    "tal_scq5k": lambda path: tal_scq5k.read(tal_scq5k.TalScq5kSource(kind="tal_scq5k", path=str(path), steps="asked")),
}
TRAIN = {
    "gsm8k": "train.jsonl",
    "cmath": "cmath_dev.jsonl",
    "ape210k": "train.ape.json",
    "tal_scq5k": "train.jsonl",
}
KEY = {"gsm8k": "answer", "cmath": "golden", "ape210k": "equation", "tal_scq5k": "answer_value"}


def fixture(name: str) -> Items:
    return items_of(READERS[name](MATHEMATICS / name))


def examples(items: Items) -> dict[str, Example]:
    return {item.id: item for item in items if isinstance(item, Example)}


def dropped(items: Items) -> list[Dropped]:
    return [item for item in items if isinstance(item, Dropped)]


@pytest.mark.parametrize("name", READERS)
def test_every_row_ends_in_its_result(name: str) -> None:
    items = fixture(name)
    found = examples(items).values()
    assert len(found) + len(dropped(items)) == len(items)
    assert all(is_right(example.answer, example.result) for example in found)
    assert all(example.answer.splitlines()[-1].startswith(("答：", "Answer: ")) for example in found)


def test_gsm8k_loses_its_calculator_marks_and_commas() -> None:
    found = examples(fixture("gsm8k"))
    asking, question, answer = found["gsm8k-train-2"].messages
    assert asking.content == ASKING["en"] and question.content.startswith("A bakery sold 1,150 rolls")
    assert answer.content.splitlines() == [
        "On Saturday it sold 1150+230 = 1,380 rolls.",
        "Together it sold 1150+1380 = 2,530 rolls.",
        "Answer: 2530",
    ]
    assert [example.result for example in found.values()] == ["60", "2530", "-5", "0.75"]
    assert [example.split for example in found.values()] == ["train", "train", "train", "test"]


def test_cmath_tells_grades_and_distractors_apart_and_keeps_variants_together() -> None:
    found = examples(fixture("cmath"))
    assert [example.kind for example in found.values()] == [
        *("1年级", "3年级", "5年级", "6年级"),
        *("0个干扰句", "1个干扰句"),
    ]
    plain, varied = found["cmath-distractors-1"], found["cmath-distractors-2"]
    assert plain.group == varied.group and plain.split == varied.split == "distractors"
    assert found["cmath-4"].answer == "答：95%" and found["cmath-4"].split == ""


def test_ape210k_computes_its_equations_and_names_the_row_whose_answer_is_another() -> None:
    items = fixture("ape210k")
    found = examples(items)
    assert dropped(items) == [Dropped("train.ape.json:7", "equation_does_not_give_ans")] and dropped(items)[0].bad
    assert found["ape210k-train-1"].answer == "列式计算：18÷(2/5)=45\n答：45"
    assert found["ape210k-train-2"].answer == "列式计算：(1又1/2)-(3/4)=3/4\n答：3/4"
    assert found["ape210k-train-4"].result == "95%" and found["ape210k-train-6"].result == "4又1/6"
    assert [found[id].split for id in ("ape210k-dev-1", "ape210k-test-1")] == ["dev", "test"]
    assert found["ape210k-dev-1"].answer == "列式计算：3^2=9\n答：9"


def test_tal_scq5k_has_options_a_topic_and_the_language_of_the_question() -> None:
    found = examples(fixture("tal_scq5k"))
    first, third = found["tal_scq5k-train-1"], found["tal_scq5k-train-3"]
    assert first.choices == ("$18$", "$20$", "$24$", "$36$") and first.result == "B" and first.kind == "组合模块"
    assert first.messages[1].content.splitlines()[1:] == ["A. $18$", "B. $20$", "C. $24$", "D. $36$"]
    assert first.answer.splitlines()[-1] == "答：B"
    assert third.messages[0].content == ASKING["en"] and third.kind == "Number Theory Modules"


def test_steps_can_be_omitted_or_given_unasked() -> None:
    path = str(MATHEMATICS / "gsm8k")
    short, unasked = (
        next(iter(gsm8k.read(gsm8k.Gsm8kSource(kind="gsm8k", path=path, steps=steps)))) for steps in ("none", "unasked")
    )
    assert isinstance(short, Example) and isinstance(unasked, Example)
    assert short.answer == "Answer: 60" and len(short.messages) == 2
    assert unasked.answer.splitlines() == ["Lena packs 12*5 = 60 jars.", "Answer: 60"] and len(unasked.messages) == 2


@pytest.mark.parametrize("name", READERS)
def test_damaged_lines_are_named_and_the_others_are_read(name: str, tmp_path: Path) -> None:
    good = (MATHEMATICS / name / TRAIN[name]).read_bytes().splitlines()
    row = json.loads(good[0])
    without = json.dumps({key: value for key, value in row.items() if key != KEY[name]}, ensure_ascii=False)
    other = json.dumps(row | {KEY[name]: 5}, ensure_ascii=False)
    lines = [
        good[0],
        good[0].decode()[:30].encode(),  # 2: cut
        json.dumps(row | {"note": "加"}, ensure_ascii=False).encode().replace("加".encode(), b"\xff"),  # 3: bad bytes
        without.encode(),  # 4: a missing column
        b"\0" * 20 + good[0],  # 5
        b'{"note": "' + b"9" * 10_000_000 + b'"}',  # 6
        other.encode(),  # 7: another type
        b"[1, 2]",  # 8
        b"",  # skipped
        good[0],  # 10: the id of the first row again
    ]
    ends = [b"\n", b"\r\n"] * 5
    path = tmp_path / "damaged.jsonl"
    path.write_bytes(b"".join(line + end for line, end in zip(lines, ends, strict=True)))
    items = items_of(READERS[name](path))
    reasons = {row.id: row.reason for row in dropped(items)}
    assert list(reasons) == [f"damaged.jsonl:{line}" for line in range(2, 9)]
    assert [reasons[f"damaged.jsonl:{line}"] for line in (2, 3, 5, 6, 8)] == [
        *("not_json", "not_utf8", "nul_bytes", "line_too_long", "not_an_object"),
    ]
    assert list(examples(items)) == [f"{name}-1", f"{name}-10"]


@pytest.mark.parametrize("name", READERS)
def test_a_folder_without_the_set_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not in this folder"):
        list(READERS[name](tmp_path))
    with pytest.raises(UserError, match="does not exist"):
        list(READERS[name](tmp_path / "missing"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"answer_option_list": []}, "no_options"),
        ({"answer_option_list": [[{"aoVal": "A", "content": "1"}], [{"aoVal": "C", "content": "2"}]]}, "no_options"),
        ({"answer_option_list": [[{"aoVal": "A"}], []]}, "no_options"),
        ({"answer_value": "E"}, "answer_is_no_option"),
        ({"problem": " "}, "no_text_in_problem"),
    ],
)
def test_a_question_without_a_right_option_is_bad(change: dict[str, object], reason: str, tmp_path: Path) -> None:
    row = json.loads((MATHEMATICS / "tal_scq5k/train.jsonl").read_text(encoding="utf-8").splitlines()[0])
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row | change), encoding="utf-8")
    assert items_of(READERS["tal_scq5k"](path)) == [Dropped("rows.jsonl:1", reason)]


def built(build: Run, data: str, source: Path, out: Path, *words: str) -> BuiltDataset:
    assert build(f"data={data}", f"source.path={source}", f"out={out}", "data.workers=1", *words) == 0
    return load(out)


def test_the_leak_of_tal_scq5k_is_found_whatever_dollars_and_stops_hide_it(build: Run, tmp_path: Path) -> None:
    dataset = built(build, "tal_scq5k", MATHEMATICS / "tal_scq5k", tmp_path / "out", "data.splits.dev=1")
    kept = sorted(example.id for name in ("train", "dev") for example in dataset.splits[name])
    assert kept == ["tal_scq5k-train-2", "tal_scq5k-train-3"]
    assert dataset.manifest.counts.dropped == {"overlaps_test": 1}


@pytest.mark.slow  # a whole real file
def test_all_of_gsm8k_is_accounted_for(build: Run, shared: Path, tmp_path: Path) -> None:
    dataset = built(build, "gsm8k", shared / "data/gsm8k", tmp_path / "out")
    assert dataset.manifest.counts.read == 7473 + 1319 == sum(source.rows or 0 for source in dataset.manifest.sources)
    assert len(dataset.splits["test"]) == 1319
    assert all(is_right(example.answer, example.result) for example in dataset.splits["test"])


def test_all_of_cmath_is_accounted_for(build: Run, shared: Path, tmp_path: Path) -> None:
    dataset = built(build, "cmath", shared / "data/cmath", tmp_path / "out")
    assert dataset.manifest.counts.read == 600 + 360
    assert not any("no" in reason for reason in dataset.manifest.counts.dropped)
    assert dataset.manifest.splits["distractors"] == 359  # one row of the 360 is a duplicate
    everything = [example for split in dataset.splits.values() for example in split]
    assert all(is_right(example.answer, example.result) for example in everything)
