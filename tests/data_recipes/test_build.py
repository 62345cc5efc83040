"""The build command: the same bytes every time, whole or not at all, and an error for every bad input."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from common.command import read_config
from common.errors import UserError
from data_recipes.config import BuildConfig
from data_recipes.pipeline import build as build_module
from data_recipes.pipeline.build import BuiltDataset, build_or_reuse, load
from data_recipes.schema.example import Example
from tests.data_recipes.conftest import Run
from tests.data_recipes.samples import bencao_rows, toyhom_rows, write_csv, write_jsonl

ROOT = Path(__file__).parent.parent.parent
SMALL = ("data.splits.dev=8", "data.splits.test=8")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "rows.json", bencao_rows())


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "datasets" / "out"


def files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}


def test_the_same_sources_and_seed_give_the_same_bytes(build: Run, source: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    copied = elsewhere / source.name
    copied.write_bytes(source.read_bytes())
    assert build("data=bencao", f"source.path={source}", f"out={tmp_path / 'one'}", *SMALL) == 0
    assert build("data=bencao", f"source.path={copied}", f"out={tmp_path / 'two'}", *SMALL) == 0
    assert files(tmp_path / "one") == files(tmp_path / "two")


@pytest.mark.slow  # builds all of it twice
def test_the_medical_dataset_is_the_same_in_another_process(medical: BuiltDataset, tmp_path: Path) -> None:
    command = [sys.executable, "data_recipes/build.py", "data=medical", f"out={tmp_path / 'again'}"]
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert files(tmp_path / "again") == files(medical.directory)
    assert f"read {medical.manifest.counts.read}, kept {medical.manifest.counts.kept}" in done.stdout


def test_another_seed_draws_other_tests(build: Run, source: Path, tmp_path: Path) -> None:
    for seed in (1, 2):
        build("data=bencao", f"source.path={source}", f"out={tmp_path / str(seed)}", f"data.seed={seed}", *SMALL)
    assert load(tmp_path / "1").splits["test"] != load(tmp_path / "2").splits["test"]


def test_what_was_built_can_be_loaded_here_and_by_the_datasets_library(build: Run, source: Path, out: Path) -> None:
    datasets = pytest.importorskip("datasets")
    assert build("data=bencao", f"source.path={source}", f"out={out}", *SMALL) == 0
    ours = load(out)
    theirs = datasets.load_dataset(str(out), cache_dir=str(out.parent / "cache"))
    assert {name: len(split) for name, split in theirs.items()} == ours.manifest.splits
    assert Example.model_validate(theirs["test"][0]) == ours.splits["test"][0]
    named = {"train": str(out / "train.parquet")}
    train = datasets.load_dataset("parquet", data_files=named, cache_dir=str(out.parent / "cache"))["train"]
    assert [Example.model_validate(row) for row in train] == ours.splits["train"]


def test_no_row_is_lost_and_none_is_quoted_among_the_dropped(build: Run, source: Path, out: Path) -> None:
    write_jsonl(source, bencao_rows() + bencao_rows()[:9])
    assert build("data=bencao", f"source.path={source}", f"out={out}", *SMALL) == 0
    manifest = load(out).manifest
    assert manifest.counts.read == manifest.sources[0].rows == 105
    dropped = [json.loads(line) for line in (out / "dropped.jsonl").read_text().splitlines()]
    assert dropped[0] == {"id": "bencao-97", "reason": "duplicate_row"} and len(dropped) == 9
    assert str(source.parent) not in (out / "manifest.json").read_text()


def test_the_card_tells_what_was_built(medical: BuiltDataset) -> None:
    card = (medical.directory / "README.md").read_text()
    for name, size in medical.manifest.splits.items():
        assert f"| {name} | {size} |" in card
    assert str(medical.manifest.counts.read) in card and "](lengths.svg)" in card


def test_the_preview_is_one_page_that_needs_no_network_and_holds_rows_of_every_split(medical: BuiltDataset) -> None:
    page = (medical.directory / "preview.html").read_text()
    assert "://" not in page.replace("http://www.w3.org", "") and "@@" not in page and '<html lang="zh">' in page
    rows = json.loads(page.split("const rows = ", 1)[1].split(";\n", 1)[0])
    assert {row["split"] for row in rows} == set(medical.splits) and len(rows) > 200
    shown = {row["id"]: [text for _, text in row["messages"]] for row in rows}
    example = next(e for e in medical.splits["dev"] if e.id in shown)
    assert shown[example.id] == [message.content for message in example.messages]


def test_a_row_cannot_break_out_of_the_preview(build: Run, source: Path, out: Path) -> None:
    evil = "</script><script>alert(1)</script>"
    rows = [{**row, "output": f"{row['output']}{evil}"} for row in bencao_rows()]
    write_jsonl(source, rows)
    assert build("data=bencao", f"source.path={source}", f"out={out}", *SMALL) == 0
    assert evil not in (out / "preview.html").read_text()


def test_a_cached_dataset_is_reused_until_the_source_changes(
    source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [config] = read_config("build", ["data=bencao", f"source.path={source}", "out=unused", *SMALL], BuildConfig)
    first = build_or_reuse(config.data, config.source)
    with monkeypatch.context() as patch:
        patch.setattr(build_module, "build", lambda config: pytest.fail("it was built again"))
        assert build_or_reuse(config.data, config.source) == first
    write_jsonl(source, bencao_rows()[1:])
    assert build_or_reuse(config.data, config.source) != first


def test_a_changed_example_is_noticed(build: Run, source: Path, out: Path) -> None:
    build("data=bencao", f"source.path={source}", f"out={out}", *SMALL)
    (out / "test.parquet").write_bytes((out / "dev.parquet").read_bytes())
    with pytest.raises(UserError, match="not those of its manifest"):
        load(out)


GOOD = '{"instruction": "问？", "input": "", "output": "答。"}\n'.encode()
BAD_BENCAO = {
    "empty": b"",
    "truncated": GOOD + '{"instruction": "问到一半'.encode(),
    "array": b'[{"instruction": "a", "input": "", "output": "b"}, {"instruction": "a", ',
    "nul": GOOD + GOOD[:9] + b"\0\0" + GOOD[9:],
    "gbk": GOOD + '{"instruction": "问", "input": "", "output": "答"}'.encode("gbk"),
    "no output": GOOD + '{"instruction": "问", "input": ""}'.encode(),
    "output is a number": GOOD + '{"instruction": "问", "input": "", "output": 3}'.encode(),
    "10 MB line": GOOD + b'{"instruction": "' + b"a" * 10_000_000 + b'", "input": "", "output": "b"}\n' + GOOD,
    "utf-16": GOOD.decode().encode("utf-16-le"),
    "nested": GOOD + b"[" * 100_000,
}
LINES = {"empty": "", "array": ":1", "utf-16": ":1"}


@pytest.mark.parametrize("damage", BAD_BENCAO)
def test_a_damaged_json_file_ends_the_command_with_its_line_and_leaves_nothing(
    build: Run, source: Path, out: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    source.write_bytes(BAD_BENCAO[damage])
    assert build("data=bencao", f"source.path={source}", f"out={out}") == 2
    error = capsys.readouterr().err
    assert f"{source}{LINES.get(damage, ':2')}:" in error and "Traceback" not in error
    assert not out.parent.exists()


def test_arrays_and_other_encodings_are_read_alike_and_told(
    build: Run, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = source.read_text(encoding="utf-8")
    contents = {
        "array": f"[{','.join(lines.splitlines())}]".encode(),
        "GB18030": lines.encode("gb18030"),
        "UTF-16": lines.encode("utf-16"),
    }
    assert build("data=bencao", f"source.path={source}", f"out={tmp_path / 'lines'}", *SMALL) == 0
    expected = load(tmp_path / "lines").manifest.sha256
    for name, content in contents.items():
        source.write_bytes(content)
        assert build("data=bencao", f"source.path={source}", f"out={tmp_path / name}", *SMALL) == 0
        assert load(tmp_path / name).manifest.sha256 == expected
        assert (f"{source}:1: {name} instead of UTF-8" in capsys.readouterr().err) == (name != "array")


def test_line_ends_of_every_kind_are_read_alike(build: Run, source: Path, tmp_path: Path) -> None:
    plain = source.read_bytes()
    for name, ends in {"unix": b"\n", "dos": b"\r\n", "gaps": b"\n\r\n\n"}.items():
        source.write_bytes(plain.replace(b"\n", ends))
        assert build("data=bencao", f"source.path={source}", f"out={tmp_path / name}", *SMALL) == 0
    asked = {name: {e.messages for e in load(tmp_path / name).splits["train"]} for name in ("unix", "dos", "gaps")}
    assert asked["unix"] == asked["dos"] and load(tmp_path / "gaps").manifest.counts.read == 96


def test_a_share_of_damaged_lines_is_tolerated_and_listed(build: Run, source: Path, out: Path) -> None:
    source.write_bytes(source.read_bytes() + b'{"cut\n\xff\n')
    words = ("data=bencao", f"source.path={source}", f"out={out}", *SMALL)
    assert build(*words) == 2
    assert build(*words, "data.max_bad_share=0.05") == 0
    assert load(out).manifest.counts.dropped == {"not_json": 1, "not_utf8": 1}
    assert '{"id": "rows.json:97", "reason": "not_json"}' in (out / "dropped.jsonl").read_text()


SOUND_CSV = "department,title,ask,answer\n内科,题,问题呢？,这是一个足够长的答案。\n".encode("gb18030")
BAD_TOYHOM = {
    "columns": b"department,title,question,answer\n",
    "broken character": SOUND_CSV + b"\xc4\xda\xff\xff,a,b,c\n",
    "too few fields": SOUND_CSV + "内科,题,问\n".encode("gb18030"),
    "open quote": SOUND_CSV + '内科,题,"问,答\n'.encode("gb18030"),
    "nul": SOUND_CSV + b"a,b,\0,d\n",
}


@pytest.mark.parametrize("damage", BAD_TOYHOM)
def test_a_damaged_csv_file_ends_the_command_with_its_line_and_leaves_nothing(
    build: Run, tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(BAD_TOYHOM[damage])
    assert build("data=toyhom", f"source.path={path}", f"out={out}") == 2
    assert f"{path}:{1 if damage == 'columns' else 3}:" in capsys.readouterr().err
    assert not out.parent.exists()


@pytest.mark.parametrize(
    "words",
    [
        ("data=medicl", "out=x"),
        ("data=medical",),
        ("data=bencao", "out=x"),
        ("data=medical", "out=x", "data.sed=1"),
        ("data=medical", "out=x", "data.splits.dev=0"),
        ("data=medical", "out=x", "data.splits.test=5"),
        ("data=medical", "out=x", "data.steps=[{kind: lenght}]"),
        ("data=medical", "out=x", "data.splits={de-v: 3}"),
        ("data=bencao", "source.path=missing.json", "out=x"),
        ("data=medical", "source.path=missing", "out=x"),
    ],
)
def test_a_wrong_configuration_ends_with_code_two_and_leaves_nothing(
    build: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert build(*words) == 2
    assert not list(tmp_path.iterdir())


def test_a_failed_build_leaves_the_older_dataset_as_it_was(build: Run, source: Path, out: Path) -> None:
    assert build("data=bencao", f"source.path={source}", f"out={out}", *SMALL) == 0
    before = files(out)
    source.write_bytes(BAD_BENCAO["truncated"])
    assert build("data=bencao", f"source.path={source}", f"out={out}", *SMALL) == 2
    assert files(out) == before and list(out.parent.iterdir()) == [out]


def test_a_directory_of_something_else_is_never_replaced(build: Run, source: Path) -> None:
    assert build("data=bencao", f"source.path={source}", f"out={source.parent}", *SMALL) == 2
    assert source.exists()


def test_a_relative_source_path_starts_at_the_current_directory(
    build: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_csv(tmp_path / "rows.csv", toyhom_rows())
    monkeypatch.chdir(tmp_path)
    assert build("data=toyhom", "source.path=rows.csv", "out=here/there", *SMALL) == 0
    assert (tmp_path / "here/there/manifest.json").is_file()


LOST = {
    "while reading": ({"output": "  "}, "empty_answer 96"),
    "by the steps as an advert": ({"output": "医院预约热线：0571-12345678"}, "only_stock_phrase 96"),
    "by the steps": ({"output": "这个方子包治百病，可以放心服用。"}, "unsafe_cure_promise 96"),
}


@pytest.mark.parametrize("change", LOST)
def test_when_every_row_is_lost_the_reasons_are_told(
    build: Run, tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    changed, reasons = LOST[change]
    source = write_jsonl(tmp_path / "rows.json", [row | changed for row in bencao_rows()])
    words = ("data=bencao", f"source.path={source}", f"out={out}", "data.max_bad_share=1")
    assert build(*words, *SMALL) == 2
    assert f"no row is left; dropped: {reasons}" in capsys.readouterr().err
    assert not out.parent.exists()


def test_a_split_that_is_lost_is_told_with_its_reasons(
    build: Run, tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def rows(split: str, answer: str) -> list[dict[str, str]]:
        return [{"q": f"{split}的第{word}个问题？", "a": answer, "s": split} for word in "甲乙丙丁"]

    def built(*rows: dict[str, str]) -> int:
        source = write_jsonl(tmp_path / "rows.jsonl", list(rows))
        columns = ("source.columns.question=[q]", "source.columns.answer=a", "source.columns.split=s")
        return build("data=rows", f"source.path={source}", *columns, f"out={out}", "data.splits.dev=1")

    cure = "这个方子包治百病，可以放心服用。"
    assert built(*rows("train", cure), *rows("test", "多休息。")) == 2
    assert "no row is left for training; dropped: unsafe_cure_promise 4" in capsys.readouterr().err
    same = [row | {"s": "test"} for row in rows("train", "多休息。")]
    assert built(*rows("train", "多休息。"), *same) == 2
    assert "nothing is left for train; dropped: overlaps_test 4" in capsys.readouterr().err
    assert built(*rows("test", cure), *rows("test", "多休息。")) == 0
    assert load(out).manifest.splits == {"test": 4}
    with pytest.raises(UserError, match="has no split train and no split dev"):
        load(out).require("train", "dev")
    assert "| test | 4 |" in (out / "README.md").read_text()
