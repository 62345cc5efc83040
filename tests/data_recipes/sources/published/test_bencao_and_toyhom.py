"""Bencao's and Toyhom's formats: what becomes an example, what is bad, and the real files."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from data_recipes.pipeline.build import BuiltDataset, load
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.schema.manifest import DatasetManifest
from data_recipes.sources import SOURCES
from data_recipes.sources.published import bencao, toyhom
from data_recipes.steps.step import FLAGGED
from tests.data_recipes.conftest import Run
from tests.data_recipes.samples import bencao_rows, items_of, toyhom_rows, write_csv, write_jsonl

Items = list[Example | Dropped]


def read_bencao(path: Path, rows: list[dict[str, str]]) -> Items:
    return items_of(bencao.read(bencao.BencaoSource(kind="bencao", path=str(write_jsonl(path / "rows.json", rows)))))


def read_toyhom(path: Path, rows: list[list[str]], encoding: str = "gb18030") -> Items:
    file = write_csv(path / "rows.csv", rows, encoding)
    return items_of(toyhom.read(toyhom.ToyhomSource(kind="toyhom", path=str(file), min_answer=5)))


def examples(items: Iterable[Example | Dropped]) -> dict[str, Example]:
    return {item.id: item for item in items if isinstance(item, Example)}


def dropped(items: Iterable[Example | Dropped]) -> list[Dropped]:
    return [item for item in items if isinstance(item, Dropped)]


def test_every_source_is_selected_by_a_word_of_its_own_and_says_what_it_is() -> None:
    kinds = [source.kind for source in SOURCES]
    assert len(set(kinds)) == len(kinds)
    assert all(source.licence and source.about.zh and source.about.en for source in SOURCES)
    assert all(source.splits or source.details for source in SOURCES)


def test_bencao_joins_instruction_and_input_and_names_the_line_of_an_empty_row(tmp_path: Path) -> None:
    sound = bencao_rows()
    sound[0]["input"] = "病人七十岁。"
    items = read_bencao(tmp_path, [*sound, {"instruction": "空答案？", "input": "", "output": " 。"}])
    assert examples(items)["bencao-1"].messages[0].content == f"{sound[0]['instruction']}\n病人七十岁。"
    assert dropped(items) == [Dropped("rows.json:97", "empty_answer")] and dropped(items)[0].bad


def test_too_many_bad_rows_stop_the_build_and_are_listed(
    build: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = [{"instruction": "", "input": "", "output": "没有问题。"}] * 6
    path = write_jsonl(tmp_path / "rows.json", [*bencao_rows(), *bad])
    words = ("data=bencao", f"source.path={path}", f"out={tmp_path / 'out'}", "data.splits.dev=5", "data.splits.test=5")
    assert build(*words) == 2
    told = capsys.readouterr().err
    assert "6 of 102 rows" in told and f"{path}:97: empty_question" in told
    assert not (tmp_path / "out").exists()
    assert build(*words, "data.max_bad_share=0.1") == 0
    assert load(tmp_path / "out").manifest.counts.dropped == {"empty_question": 6}


def test_toyhom_says_a_title_once(tmp_path: Path) -> None:
    rows = toyhom_rows()
    rows[0][1:3] = ["头痛怎么治？", "医生您好，我的头痛怎么治？"]
    rows[1][1:3] = ["夜里磨牙正常吗？", "无"]
    rows[2][1:3] = ["孩子发热怎么办？", "三岁，昨天开始，精神还好。"]
    found = {id: example.messages[0].content for id, example in examples(read_toyhom(tmp_path, rows)).items()}
    assert found["toyhom-1"] == "医生您好，我的头痛怎么治？"
    assert found["toyhom-2"] == "夜里磨牙正常吗？"
    assert found["toyhom-3"] == "孩子发热怎么办？\n三岁，昨天开始，精神还好。"


def test_toyhom_strips_what_every_answer_says(tmp_path: Path) -> None:
    rows = toyhom_rows()
    for row in rows[:30]:
        row[3] = f"您好！{row[3]}祝早日康复！"
    assert examples(read_toyhom(tmp_path, rows))["toyhom-1"].answer == toyhom_rows()[0][3]


def test_toyhom_drops_swapped_words_and_short_answers(tmp_path: Path) -> None:
    rows = toyhom_rows()
    rows[4][3], rows[5][3] = "这样可以放慢康复速度，放心吧。", "去看。"
    found = dropped(read_toyhom(tmp_path, rows))
    assert [tuple(one[:2]) for one in found] == [("rows.csv:6", "swapped_words"), ("rows.csv:7", "short_answer")]


def test_a_line_of_toyhom_is_the_line_of_the_file_also_after_line_breaks_in_a_field(tmp_path: Path) -> None:
    rows = toyhom_rows()
    rows[0][2] = "第一行\n第二行\n第三行？"
    items = read_toyhom(tmp_path, [*rows, ["少了两栏", "？"], toyhom_rows()[3]])
    assert [one[:2] for one in dropped(items)] == [("rows.csv:100", "wrong_number_of_fields")]
    assert len(examples(items)) == len(rows) + 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_toyhom_is_read_in_the_encoding_that_it_was_saved_in(tmp_path: Path, encoding: str) -> None:
    published = read_toyhom(tmp_path, toyhom_rows())
    assert read_toyhom(tmp_path, toyhom_rows(), encoding) == published and len(examples(published)) == 96


def built(build: Run, data: str, source: Path, out: Path) -> BuiltDataset:
    assert build(f"data={data}", f"source.path={source}", f"out={out}") == 0
    return load(out)


def flagged(manifest: DatasetManifest) -> dict[str, int]:
    counts = {name: n for step in manifest.steps for name, n in step.changed.items()}
    return {name.removeprefix(FLAGGED): n for name, n in counts.items() if name.startswith(FLAGGED)}


@pytest.mark.slow  # a whole real file
def test_all_of_bencao_is_accounted_for_and_its_tests_do_not_leak(build: Run, shared: Path, tmp_path: Path) -> None:
    manifest = built(build, "bencao", shared / "data/bencao/llama_data.json", tmp_path / "out").manifest
    assert (manifest.counts.read, manifest.counts.kept) == (8658, 8650)
    assert manifest.counts.dropped == {"duplicate_question": 7, "unsafe_act": 1}  # streptomycin to a pregnant woman
    assert flagged(manifest) == {"refusal_only": 1, "truncated_answer": 1, "unsafe_likely": 4}
    assert manifest.sources[0].rows == 8658
    assert manifest.splits["test"] == 200
    assert (manifest.overlap["test"].exact, manifest.overlap["test"].ngram) == (0, 0)


@pytest.mark.slow  # a hundred thousand rows
def test_all_of_toyhom_is_accounted_for_and_its_tests_do_not_leak(build: Run, shared: Path, tmp_path: Path) -> None:
    manifest = built(build, "toyhom", shared / "data/toyhom/neike_5000-6000.csv", tmp_path / "out").manifest
    assert manifest.counts.read == manifest.sources[0].rows == 7644
    reasons = {"duplicate_row": 332, "swapped_words": 824, "truncated_answer": 3, "unsafe_cure_promise": 6}
    assert (manifest.counts.kept, manifest.counts.dropped) == (6479, reasons)
    assert flagged(manifest) == {"refusal_only": 1, "truncated_answer": 467, "unsafe_likely": 18}
    assert manifest.splits["test"] == 200
    assert (manifest.overlap["test"].exact, manifest.overlap["test"].ngram) == (0, 0)
    lines = [json.loads(line) for line in (tmp_path / "out/dropped.jsonl").read_text().splitlines()]
    assert len(lines) == sum(manifest.counts.dropped.values())
    assert all(set(line) == {"id", "reason"} for line in lines)
