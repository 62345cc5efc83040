"""Everything that a JSON file holds is read, whatever its layout, or the place where reading ends is named."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from common.errors import UserError
from data_recipes.formats import json_rows
from data_recipes.formats.encoding import encoding_of
from data_recipes.formats.json_rows import read_objects
from data_recipes.formats.jsonl import Line
from data_recipes.formats.validation import problems
from data_recipes.schema.dropped import Dropped

ROWS: list[dict[str, Any]] = [{"question": f"第{n}问？", "answer": f"答{n}\n。", "n": n} for n in range(4)]
TALK = [{"from": "human", "value": "问？"}, {"from": "gpt", "value": "答。"}]


def text(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def read(path: Path, content: str | bytes) -> list[dict[str, Any] | str]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = list(read_objects(path))
    numbers = [line.number for line in found if isinstance(line, Line)]
    assert numbers == sorted(set(numbers))
    return [f"{line.id} {line.reason}" if isinstance(line, Dropped) else line.row for line in found]


@pytest.mark.parametrize(
    "content",
    [
        "\n".join(map(text, ROWS)),
        text(ROWS),
        text(ROWS, 1),
        "[\n" + ",\n".join(map(text, ROWS)) + "\n]\n",
        f"{text(ROWS[:2])}\n{text(ROWS[2:])}",
        f"{text(ROWS[:2], 1)}\n{text(ROWS[2:], 1)}",
        f"{text(ROWS[:2])}{text(ROWS[2:])}\n",
        f"{text(ROWS[:2])}\n{text(ROWS[2])}\n{text(ROWS[3])}\n",
        f"{text(ROWS[:2], 1)}\n{text(ROWS[2])}\n{text(ROWS[3])}\n",
        f"{text(ROWS[0])}\n{text(ROWS[1:])}\n",
        "\n".join(text(row, 1) for row in ROWS),
        text({"data": ROWS}),
        text({"version": "1", "count": 4, "data": ROWS}, 1),
        text({"data": ROWS[:2], "more": {"a": [1]}, "items": ROWS[2:]}, 1),
    ],
)
def test_every_layout_gives_all_rows(tmp_path: Path, content: str) -> None:
    assert read(tmp_path / "rows.json", content) == ROWS
    assert read(tmp_path / "rows.json", content.encode("utf-16")) == ROWS


def test_lines_that_are_lists_are_conversations(tmp_path: Path) -> None:
    rows = [{"messages": TALK}, {"messages": TALK}]
    for content in (f"{text(TALK)}\n{text(TALK)}\n", f"{text(TALK, 1)}\n{text(TALK, 1)}", text([TALK, TALK], 1)):
        assert read(tmp_path / "rows.json", content) == rows


def test_the_parts_of_a_wrapper_are_splits(tmp_path: Path) -> None:
    for indent in (None, 1):
        found = read(tmp_path / "rows.json", text({"train": ROWS[:2], "validation": ROWS[2:]}, indent))
        assert found == [{**row, "split": "train" if row["n"] < 2 else "dev"} for row in ROWS]


def test_a_row_that_has_a_list_of_objects_is_a_row(tmp_path: Path) -> None:
    row = {"question": "问？", "data": [{"a": 1}], "answer": "答。"}
    assert read(tmp_path / "rows.json", text(row)) == [row]
    assert read(tmp_path / "rows.json", text(row, 1)) == [row]


@pytest.mark.parametrize(
    "odd", ["[INFO] export", "[2024-01-05] export", "[1]", "[]", "rows:", "# {", '{"question": "断']
)
def test_an_odd_first_line_costs_one_row(tmp_path: Path, odd: str) -> None:
    first, *rest = read(tmp_path / "rows.jsonl", "\n".join([odd, *map(text, ROWS)]))
    assert isinstance(first, str) and first.startswith("rows.jsonl:1 not_") and rest == ROWS


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (text(ROWS, 1)[:-40], 17),
        ("[\n" + text(ROWS[0]) + ",\n{broken},\n" + text(ROWS[1]) + "\n]", 3),
        (text(ROWS[:2], 1) + "\nnothing", 13),
        (text({"data": ROWS}, 1)[:-20], 18),
    ],
)
def test_what_cannot_be_read_on_stops_with_its_line(tmp_path: Path, content: str, line: int) -> None:
    path = tmp_path / "rows.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError) as error:
        list(read_objects(path))
    assert error.value.where == f"{path}:{line}"


@pytest.mark.parametrize(
    "row", [ROWS[0], {"messages": TALK}, TALK, {"train": ROWS}], ids=["pair", "messages", "turns", "wrapper"]
)
@pytest.mark.parametrize("indent", [None, 1])
def test_rows_in_a_field_of_an_unknown_name_stop_the_build(tmp_path: Path, row: Any, indent: int | None) -> None:
    """They may be rows or one conversation, which only the author of the file knows."""
    path = tmp_path / "rows.json"
    for content in ({"version": 1, "foo": [row, row]}, {"foo": {"0": [row]}}, [{"foo": [row]}]):
        path.write_text(text(content, indent), encoding="utf-8")
        with pytest.raises(UserError, match="'foo' holds rows") as error:
            list(read_objects(path))
        assert error.value.where and error.value.where.startswith(f"{path}:") and "rename it" in str(error.value)
        assert [problem.row for problem in problems(path).problems if "'foo' holds rows" in problem.what]
    path.write_text(f"{text(ROWS[0])}\n{text({'foo': [row]})}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"rows\.json:2"):
        list(read_objects(path))


def test_lists_beside_question_and_answer_are_no_wrapper(tmp_path: Path) -> None:
    rows = [{"shots": [ROWS[1]], **ROWS[0]}, {"messages": TALK, "earlier": [TALK]}, {"tags": [{"a": [1]}], "n": 2}]
    assert read(tmp_path / "rows.json", "\n".join(map(text, rows))) == rows
    own = {"提问": "问？", "回答": "答。", "参考": ROWS[:2]}
    for indent in (None, 1):
        (tmp_path / "own.json").write_text(text(own, indent), encoding="utf-8")
        [line] = read_objects(tmp_path / "own.json", named=["提问", "回答"])
        assert isinstance(line, Line) and line.row == own


def test_a_large_wrapper_of_an_unknown_name_is_told_from_its_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_rows, "LONGEST_VALUE", 1 << 12)
    monkeypatch.setattr(json_rows, "BLOCK", 1 << 12)
    path = tmp_path / "rows.json"
    path.write_text(text({"foo": ROWS * 200}, 1), encoding="utf-8")
    with pytest.raises(UserError, match="'foo' holds rows"):
        list(read_objects(path))


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_array_is_read_a_part_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrapped: bool) -> None:
    """Only a few parts are in memory; items over their borders, and lines, are counted right."""
    monkeypatch.setattr(json_rows, "BLOCK", 1 << 14)
    path = tmp_path / "rows.json"
    row = {"question": "问？" * 500, "answer": "答。" * 500, "list": [{"a": [1, 2.5, None, True]}], "n": 0}
    items = ",\n".join(text({**row, "n": n}) for n in range(500))
    path.write_text(f'{{"data": [\n{items}\n]}}' if wrapped else f"[\n{items}\n]", encoding="utf-8")
    encoding_of(path)  # reads it too, once
    wheres = []
    tracemalloc.start()
    for number, line in enumerate(read_objects(path)):
        assert isinstance(line, Line) and line.row["n"] == number
        wheres.append(line.where)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert wheres == [f"rows.json:{number}" for number in range(2, 502)]
    assert peak < path.stat().st_size / 3  # its text alone is two thirds


def test_a_damaged_item_of_an_array_on_one_line_costs_one_row(tmp_path: Path) -> None:
    rows = [ROWS[0], {**ROWS[1], "answer": "断\ud83d"}, {**ROWS[2], "answer": "\0"}, ROWS[3]]
    for content in (json.dumps(rows), json.dumps({"data": rows})):
        damaged = ["rows.json:1 half_character", "rows.json:1 nul_bytes"]
        assert read(tmp_path / "rows.json", content) == [ROWS[0], *damaged, ROWS[3]]
