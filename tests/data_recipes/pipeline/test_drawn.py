"""Splits that cannot be drawn: whatever the error advises works when it is typed."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from common.command import read_config
from common.errors import UserError
from data_recipes.config import BuildConfig
from data_recipes.pipeline.build import build, load
from tests.data_recipes.samples import bencao_rows, write_jsonl
from tests.hints import hinted

HAN = [chr(code) for code in range(0x4E00, 0x5E00)]


def text(rng: Random, length: int) -> str:
    return "".join(rng.choices(HAN, k=length))


def two_documents(folder: Path) -> Path:
    """Two long documents: whole, neither fits a split."""
    folder.mkdir()
    for name in ("a", "b"):
        rng = Random(name)
        paragraphs = [f"{text(rng, 60)}。{text(rng, 60)}。\n\n" for _ in range(60)]
        (folder / f"{name}.txt").write_text("".join(paragraphs), encoding="utf-8")
    return folder


def near_duplicates(folder: Path) -> Path:
    """Twelve questions, each asked in eight ways that are nearly the same."""
    rng, rows = Random(3), []
    for _ in range(12):
        words = [text(rng, 8) for _ in range(40)]
        for place in range(8):
            asked = "，".join([*words[:place], text(rng, 8), *words[place + 1 :]])
            rows.append({"instruction": asked, "output": text(rng, 30)})
    folder.mkdir()
    return write_jsonl(folder / "rows.jsonl", rows)


def few_rows(folder: Path) -> Path:
    folder.mkdir()
    return write_jsonl(folder / "rows.jsonl", bencao_rows()[:12])


def config(data: str, source: Path, out: Path, words: list[str]) -> BuildConfig:
    fixed = (f"data={data}", f"source.path={source}", f"out={out}", "data.workers=1")
    (config,) = read_config("build", [*fixed, *words], BuildConfig)
    return config


@pytest.mark.parametrize(
    ("data", "source", "sizes", "advice"),
    [
        ("text", two_documents, (20, 50), "source.kept_together=part"),
        ("rows", near_duplicates, (3, 4), "data.splits.dev=8 data.splits.test=8"),
        ("rows", near_duplicates, (30, 40), "data.splits.dev="),
        ("rows", few_rows, (10, 20), "data.splits.dev=1 data.splits.test=2"),
    ],
)
def test_every_setting_that_is_advised_works(
    data: str, source: Callable[[Path], Path], sizes: tuple[int, int], advice: str, tmp_path: Path
) -> None:
    path, (dev, test) = source(tmp_path / "source"), sizes
    wanted = [f"data.splits.dev={dev}", f"data.splits.test={test}"]
    with pytest.raises(UserError, match=r"data\.splits") as stopped:
        build(config(data, path, tmp_path / "out", wanted))
    alternatives = hinted(stopped.value)
    assert advice in stopped.value.fix and alternatives
    for number, words in enumerate(alternatives):
        tried = config(data, path, tmp_path / f"out-{number}", [*wanted, *words])
        assert build(tried).splits.items() >= tried.data.splits.items()


def test_a_training_without_dev_is_told_how_to_draw_it(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "rows.jsonl", bencao_rows()[:24])
    build(config("rows", path, tmp_path / "all", ["data.splits={}"]))
    with pytest.raises(UserError, match="no split dev") as stopped:
        load(tmp_path / "all").require("train", "dev")
    [words] = hinted(stopped.value)
    build(config("rows", path, tmp_path / "out", ["data.splits={}", *words]))
    load(tmp_path / "out").require("train", "dev")


def test_where_nothing_can_be_drawn_no_setting_is_invented(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "rows.jsonl", bencao_rows()[:1])
    with pytest.raises(UserError, match="1 row is too few") as stopped:
        build(config("rows", path, tmp_path / "out", []))
    assert "add rows" in stopped.value.fix and hinted(stopped.value) == [["data.splits={}"]]
    assert build(config("rows", path, tmp_path / "all", ["data.splits={}"])).splits == {"train": 1}
