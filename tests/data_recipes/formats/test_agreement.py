"""``validate`` and ``build`` say the same about every row, whatever is in it and however the file is written."""

import json
import math
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_recipes.formats.columns import ANSWER, CONVERSATIONS, QUESTION
from data_recipes.formats.validation import DROPPED, problems
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.sources.own.rows import RowsSource, read
from tests.data_recipes.samples import items_of, write_jsonl, write_table

ODD: list[Any] = [
    "", " ", "。", "👍", None, 7, 12.5, math.nan, True, [], ["一"], ["一", "二"], {}, {"text": "一"}, "a\0b",
    [{"type": "text", "text": "一段。"}], [{"type": "image_url", "image_url": {"url": "a.png"}}], "答。<|im_end|>",
    [{"type": "text", "text": "一段。"}, {"type": "text", "text": "二段。"}], "[]", "{", "<|user|>里面<|user|>也有",
]  # fmt: skip
FIELDS: list[dict[str, Any]] = [
    {"system": "你是药师。"}, {"system": 3}, {"system": ["一", "二"]}, {"input": None}, {"input": 5}, {"input": "补充"},
    {"history": [["早？", "好。"]]}, {"history": ["早？", "好。"]}, {"history": "早？"}, {"history": [["早？"]]},
    {"history": [{"role": "user", "content": "早？"}, {"role": "assistant", "content": "好。"}]},
    {"history": [{"role": "user", "content": "早？"}]}, {"history": [[1, None]]}, {"history": "[]"},
    {"tools": []}, {"tools": [{"name": "f"}]}, {"images": []}, {"images": ["a.png"]}, {"label": True}, {"label": False},
    {"label": 0}, {"kto_tag": "false"}, {"label": "内科"},
    {"rejected": "差。"}, {"reasoning_content": "想"}, {"ward": "内科"}, {"split": "test"},
    {"question": "别的？"}, {"answer": "别的。"}, {"messages": []}, {"messages": None}, {"conversation": "不是"},
]  # fmt: skip
IN_TURNS: list[dict[str, Any]] = [
    {"weight": 1}, {"weight": 0}, {"loss": False}, {"name": "甲"}, {"tool_calls": [1]}, {"reasoning_content": "想"},
]  # fmt: skip
ROLES = ("user", "assistant", "human", "gpt", "system", "tool", "医生", None, 3)


def value(random: random.Random, number: int, part: str) -> Any:
    return random.choice(ODD) if random.random() < 0.15 else f"第{number}个{part}，写得长一些。"


def turns(random: random.Random, number: int) -> Any:
    role, content = random.choice([("role", "content"), ("from", "value"), ("role", "value")])
    count = random.choice([0, 1, 2, 2, 2, 3, 4, 4])
    said = [
        {
            role: ("user", "assistant")[place % 2] if random.random() < 0.9 else random.choice(ROLES),
            content: value(random, number, f"话{place}"),
            **(random.choice(IN_TURNS) if random.random() < 0.1 else {}),
        }
        for place in range(count)
    ]
    return (
        said
        if random.random() < 0.9
        else random.choice([json.dumps(said), "不是对话", 3, [turn[content] for turn in said]])
    )


def row(random: random.Random, number: int) -> dict[str, Any]:
    if random.random() < 0.5:
        made = {random.choice(CONVERSATIONS): turns(random, number)}
    else:
        made = {
            name: value(random, number, part)
            for name, part in ((random.choice(QUESTION), "问题"), (random.choice(ANSWER), "回答"))
            if random.random() < 0.95
        }
    for _ in range(random.choice([0, 0, 1, 2])):
        made |= random.choice(FIELDS)
    return made


def built(path: Path) -> list[Example | Dropped]:
    return items_of(read(RowsSource(kind="rows", path=str(path))))


def said(item: Example) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in item.messages]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("as_array", [False, True])
def test_validate_passes_what_build_reads_and_names_why_it_drops_the_rest(
    tmp_path: Path, seed: int, as_array: bool
) -> None:
    made = random.Random(seed)
    rows = [row(made, number) for number in range(300)]
    path = write_jsonl(tmp_path / "rows.jsonl", rows)
    if as_array:
        path.write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")
    checked, items = problems(path), built(path)
    found: dict[str, list[tuple[str, str]]] = {}
    for problem in checked.problems:
        found.setdefault(problem.row.split()[-1], []).append((problem.change, problem.reason))
    assert checked.rows == len(items) == len(rows)
    kept, dropped = [], 0
    for number, item in enumerate(items, 1):
        changes = found.get(str(number), [])
        reasons = {reason for _, reason in changes} - {""}
        assert reasons == ({item.reason} if isinstance(item, Dropped) else set()), rows[number - 1]
        dropped += isinstance(item, Dropped)
        if DROPPED not in [change for change, _ in changes]:
            kept.append((item, bool({"taken out at the end of a text"} & {change for change, _ in changes})))
    assert 50 < dropped < 250
    copy = write_jsonl(tmp_path / "fixed.jsonl", checked.sound)
    again = built(copy)
    assert len(kept) == len(again)
    for (before, changed), after in zip(kept, again, strict=True):
        assert isinstance(after, Example)
        if isinstance(before, Example) and not changed:
            assert (said(before), before.split) == (said(after), after.split)
    assert [problem for problem in problems(copy).problems if problem.reason] == []


NUMBERS = [12.5, 7.0, 0.1, 1e15, -3.0, 0.25]


@pytest.mark.parametrize("layout", ["jsonl", "json", "csv", "tsv", "xlsx", "parquet", "float32"])
def test_numbers_have_one_text_in_every_format(tmp_path: Path, layout: str) -> None:
    numbers = NUMBERS if layout != "float32" else [n for n in NUMBERS if n < 1e6]
    path = tmp_path / f"rows.{layout.replace('float32', 'parquet')}"
    rows = [{"question": f"第{n}问？", "answer": number} for n, number in enumerate(numbers)]
    if layout == "jsonl":
        write_jsonl(path, rows)
    elif layout == "json":
        path.write_text(json.dumps(rows), encoding="utf-8")
    elif layout in ("parquet", "float32"):
        schema = pa.schema({"question": pa.string(), "answer": pa.float32() if layout == "float32" else pa.float64()})
        pq.write_table(pa.Table.from_pylist(rows, schema), path)
    elif layout == "xlsx":
        write_table(path, [["question", "answer"], *([r["question"], r["answer"]] for r in rows)])
    else:
        written = ["12.5", "7", "0.1", "1000000000000000", "-3", "0.25"]
        write_table(path, [["question", "answer"], *([r["question"], w] for r, w in zip(rows, written, strict=True))])
    expected = ["12.5", "7", "0.1", "1000000000000000", "-3", "0.25"]
    if layout == "float32":
        expected.remove("1000000000000000")
    assert [item.answer for item in built(path) if isinstance(item, Example)] == expected
    assert [problem for problem in problems(path).problems if problem.change == DROPPED] == []
