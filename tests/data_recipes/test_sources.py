"""Bencao's and Toyhom's formats: what becomes an example, what is counted as dropped, and the real files."""

import json
from pathlib import Path

import pytest

from common.errors import UserError
from data_recipes.build import BuiltDataset, load
from data_recipes.config import BencaoSource, DataConfig, ToyhomSource
from data_recipes.rows import Rows
from data_recipes.sources import bencao, toyhom
from tests.data_recipes.conftest import Run
from tests.data_recipes.samples import bencao_rows, toyhom_rows, write_csv, write_jsonl

DATA = DataConfig(name="test", seed=1, splits={"dev": 5, "test": 5}, max_bad_share=0.05)


def read_bencao(path: Path, rows: list[dict[str, str]]) -> Rows:
    return bencao.read(BencaoSource(kind="bencao", path=str(write_jsonl(path / "rows.json", rows))), DATA)


def read_toyhom(path: Path, rows: list[list[str]], encoding: str = "gb18030") -> Rows:
    file = write_csv(path / "rows.csv", rows, encoding)
    return toyhom.read(ToyhomSource(kind="toyhom", path=str(file), min_answer=5), DATA)


def asked(rows: Rows) -> dict[str, str]:
    return {e.id: e.messages[0].content for members in rows.splits.values() for e in members}


def answered(rows: Rows) -> dict[str, str]:
    return {e.id: e.answer for members in rows.splits.values() for e in members}


def test_bencao_joins_instruction_and_input_and_counts_what_it_drops(tmp_path: Path) -> None:
    sound = bencao_rows()
    sound[0]["input"] = "病人七十岁。"
    extra = [{**sound[1], "output": "另一个答案。"}, {"instruction": "空答案？", "input": "", "output": " 。"}]
    rows = read_bencao(tmp_path, [*sound, *extra])
    assert asked(rows)["bencao-1"] == f"{sound[0]['instruction']}\n病人七十岁。"
    assert [tuple(row) for row in rows.dropped] == [("bencao-97", "duplicate_question"), ("bencao-98", "empty_answer")]
    assert rows.files[0].rows == len(sound) + 2


def test_too_many_bad_rows_stop_the_build_and_are_listed(tmp_path: Path) -> None:
    bad = [{"instruction": "", "input": "", "output": "没有问题。"}] * 6
    with pytest.raises(UserError) as error:
        read_bencao(tmp_path, [*bencao_rows(), *bad])
    assert "6 of 102 rows" in str(error.value) and "rows.json:97: empty_question" in str(error.value)


def test_repeated_questions_are_not_bad_rows(tmp_path: Path) -> None:
    assert len(read_bencao(tmp_path, bencao_rows() * 2).dropped) == len(bencao_rows())


def test_toyhom_says_a_title_once(tmp_path: Path) -> None:
    rows = toyhom_rows()
    rows[0][1:3] = ["头痛怎么治？", "医生您好，我的头痛怎么治？"]
    rows[1][1:3] = ["夜里磨牙正常吗？", "无"]
    rows[2][1:3] = ["孩子发热怎么办？", "三岁，昨天开始，精神还好。"]
    found = asked(read_toyhom(tmp_path, rows))
    assert found["toyhom-1"] == "医生您好，我的头痛怎么治？"
    assert found["toyhom-2"] == "夜里磨牙正常吗？"
    assert found["toyhom-3"] == "孩子发热怎么办？\n三岁，昨天开始，精神还好。"


def test_toyhom_strips_what_every_answer_says(tmp_path: Path) -> None:
    rows = toyhom_rows()
    for row in rows[:30]:
        row[3] = f"您好！{row[3]}祝早日康复！"
    found = answered(read_toyhom(tmp_path, rows))
    assert found["toyhom-1"] == toyhom_rows()[0][3]


def test_toyhom_drops_swapped_words_and_short_answers(tmp_path: Path) -> None:
    rows = toyhom_rows()
    rows[4][3], rows[5][3] = "这样可以放慢康复速度，放心吧。", "去看。"
    dropped = read_toyhom(tmp_path, rows).dropped
    assert [tuple(row) for row in dropped] == [("toyhom-5", "swapped_words"), ("toyhom-6", "short_answer")]


def test_a_line_of_toyhom_is_the_line_of_the_file_also_after_line_breaks_in_a_field(tmp_path: Path) -> None:
    rows = toyhom_rows()
    rows[0][2] = "第一行\n第二行\n第三行？"
    with pytest.raises(UserError, match=r"rows\.csv:100:"):
        read_toyhom(tmp_path, [*rows, ["少了两栏", "？"]])


def test_utf8_is_not_read_as_gb18030(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="UTF-8 instead of GB18030"):
        read_toyhom(tmp_path, toyhom_rows(), encoding="utf-8")


def built(build: Run, data: str, source: Path, out: Path) -> BuiltDataset:
    assert build(f"data={data}", f"source.path={source}", f"out={out}") == 0
    return load(out)


def test_all_of_bencao_is_accounted_for_and_its_tests_do_not_leak(build: Run, shared: Path, tmp_path: Path) -> None:
    manifest = built(build, "bencao", shared / "data/bencao/llama_data.json", tmp_path / "out").manifest
    assert (manifest.counts.read, manifest.counts.dropped) == (8658, {"duplicate_question": 7})
    assert manifest.sources[0].rows == 8658
    assert manifest.splits["test"] == 200
    assert (manifest.overlap["test"].exact, manifest.overlap["test"].ngram) == (0, 0)


def test_all_of_toyhom_is_accounted_for_and_its_tests_do_not_leak(build: Run, shared: Path, tmp_path: Path) -> None:
    manifest = built(build, "toyhom", shared / "data/toyhom/neike_5000-6000.csv", tmp_path / "out").manifest
    assert manifest.counts.read == manifest.sources[0].rows == 7644
    assert manifest.splits["test"] == 200
    assert (manifest.overlap["test"].exact, manifest.overlap["test"].ngram) == (0, 0)
    dropped = [json.loads(line) for line in (tmp_path / "out/dropped.jsonl").read_text().splitlines()]
    assert len(dropped) == sum(manifest.counts.dropped.values())
    assert all(set(row) == {"id", "reason"} for row in dropped)
