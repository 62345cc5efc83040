"""Prints rows of a dataset with the part that training learns in colour, finds rows by text, id or reason, and reports
how long they are in a model's tokens."""

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from common.command import DONE, FAILED, run_command
from common.errors import UserError
from data_recipes.dataset.charts import binned, text_bars
from data_recipes.dataset.dataset import split_tables
from data_recipes.dataset.lengths import TokenLengths
from data_recipes.formats.jsonl import check_file
from data_recipes.schema.arrow import to_examples
from data_recipes.schema.example import Example
from data_recipes.schema.manifest import MANIFEST, DatasetManifest

if TYPE_CHECKING:
    from models.prompt_format import PromptFormat

HELP = """
python data_recipes/show.py DIR [key=value …]

  DIR                  a dataset that data_recipes/build.py wrote
  text=TEXT            rows in which any turn holds TEXT
  id=TEXT              rows, and dropped rows, whose id holds TEXT
  reason=WORD          rows that were dropped for this reason; without a word all reasons are counted
  split=NAME           only this split
  rows=20              how many are printed
  model=DIR            the tokens as training sees them, rendered with the model's prompt format
  prompt_format=NAME   another prompt format
  lengths=512          with model=: how long the rows are in its tokens, split by split, which are longer than 512
                       (train.max_length), and a histogram

What is supervised is green on a terminal, and in «…» elsewhere or under NO_COLOR. Exit code 1: nothing found.
"""

DROPPED = "dropped.jsonl"
KEYS = ("text", "id", "reason", "split", "rows", "model", "prompt_format", "lengths")
ROWS = 20
LONGER = 10  # rows over the limit that are named
GREEN, RESET = "\x1b[1;32m", "\x1b[0m"


def found(directory: Path, wanted: dict[str, str]) -> Iterator[tuple[str, Example]]:
    """The rows that are looked for.

    Args:
        directory: The dataset's.
        wanted: ``text``, ``id`` and ``split``, or some of them.

    Returns:
        Split and example of each.

    Raises:
        UserError: There is no such split, or a file is damaged.
    """
    names = list(DatasetManifest.load(directory).splits)
    if wanted.get("split", names[0]) not in names:
        raise UserError(f"no split {wanted['split']}", where=str(directory), fix=f"there are: {', '.join(names)}")
    for name in [wanted["split"]] if "split" in wanted else names:
        for table in split_tables(directory, name):
            for example in to_examples(table.filter(_matching(table, wanted))):
                yield name, example


def _matching(table: pa.Table, wanted: dict[str, str]) -> pa.Array:
    chosen = np.ones(len(table), bool)
    if "id" in wanted:
        chosen &= np.asarray(pc.match_substring(table["id"], wanted["id"]))
    if "text" in wanted:
        messages = table["messages"].combine_chunks()
        holds = pc.match_substring(messages.flatten().field("content"), wanted["text"])
        row_of = np.repeat(np.arange(len(table)), np.asarray(pc.list_value_length(messages)))
        chosen &= np.bincount(row_of[np.asarray(holds)], minlength=len(table)) > 0
    return pa.array(chosen)


def dropped_rows(directory: Path, wanted: dict[str, str]) -> Iterator[dict[str, str]]:
    """The rows that were dropped, by ``reason`` or part of their ``id``."""
    check_file(directory / DROPPED)
    with (directory / DROPPED).open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row["reason"] == wanted.get("reason", row["reason"]) and wanted.get("id", "") in row["id"]:
                yield row


def shown_row(split: str, example: Example, prompt_format: "PromptFormat | None", coloured: bool) -> str:
    """One row for a person.

    Args:
        split: Where it lies.
        example: The row.
        prompt_format: Renders it as training does; None prints its turns.
        coloured: Whether what is supervised is marked by colour.
    """
    head = f"── {split} · {example.id} · {example.kind} · {example.source}"
    if prompt_format is None:
        lines = [f"{message.role}: {message.content}" for message in example.prompt]
        return "\n".join([head, *lines, f"assistant: {_marked(example.answer, coloured)}"])
    sequences = []
    for rendered in prompt_format.render_all(example.messages):
        parts = groupby(zip(rendered.ids, rendered.mask, strict=True), key=lambda token: token[1])
        texts = [(prompt_format.decode([token for token, _ in tokens]), mask) for mask, tokens in parts]
        sequences.append("".join(_marked(text, coloured) if mask else text for text, mask in texts))
        sequences.append(f"({len(rendered.ids)} tokens, {sum(rendered.mask)} supervised)")
    return "\n".join([head, *sequences])


def length_report(rows: Iterator[tuple[str, Example]], prompt_format: "PromptFormat", limit: int) -> tuple[str, int]:
    """How long rows are as training sees them.

    Args:
        rows: Split and example of each.
        prompt_format: Renders them.
        limit: Most tokens that training takes.

    Returns:
        The report for a person, and the number of rows.
    """
    by_split: dict[str, Counter[int]] = {}
    longer: list[str] = []
    for split, example in tqdm(rows, desc="tokens", unit="row", disable=None):
        tokens = max(len(rendered.ids) for rendered in prompt_format.render_all(example.messages))
        by_split.setdefault(split, Counter())[tokens] += 1
        if tokens > limit:
            longer.append(f"{split} · {example.id} · {tokens}")
    lines = [f"提示格式 · prompt format: {prompt_format.name}"]
    lines += [f"{split}: {TokenLengths(tokens, limit)}" for split, tokens in by_split.items()]
    if longer:
        more = f" … (+{len(longer) - LONGER})" if len(longer) > LONGER else ""
        lines.append(f"超过 {limit} 词元的行 · rows over {limit} tokens:\n  " + "\n  ".join(longer[:LONGER]) + more)
    total = sum(by_split.values(), Counter[int]())
    if total:
        lines += ["词元数分布（全部划分）· tokens of a row, all splits", text_bars(binned(total))]
    return "\n".join(lines), total.total()


def _marked(text: str, coloured: bool) -> str:
    return f"{GREEN}{text}{RESET}" if coloured else f"«{text}»"


def _prompt_format(wanted: dict[str, str]) -> "PromptFormat | None":
    if "model" not in wanted:
        if "prompt_format" in wanted:
            raise UserError("a prompt format needs a tokenizer", where="prompt_format", fix="give model=DIR too")
        return None
    from models.loading import load_tokenizer  # the one place where data recipes look at a model, and only if asked
    from models.show_prompt import format_of

    directory = Path(wanted["model"])
    return format_of(directory, wanted.get("prompt_format"), load_tokenizer(directory))


def _parsed(arguments: list[str]) -> tuple[Path, dict[str, str]]:
    directories = [word for word in arguments if "=" not in word]
    wanted = dict(word.split("=", 1) for word in arguments if "=" in word)
    if len(directories) != 1:
        raise UserError("one dataset is wanted", fix="python data_recipes/show.py DIR [text=…]")
    for key, value in wanted.items():
        if key not in KEYS:
            raise UserError("unknown key", where=key, fix=f"valid are: {', '.join(KEYS)}")
        if key in ("rows", "lengths") and not value.isdecimal():
            raise UserError("not a number", where=f"{key}={value}", fix="rows=20 lengths=512")
    if "lengths" in wanted and "model" not in wanted:
        raise UserError("tokens are those of a model", where="lengths", fix="give model=DIR too")
    if "reason" in wanted and not {"text", "split", "model", "lengths"}.isdisjoint(wanted):
        raise UserError("of dropped rows only the id and the reason are known", where="reason", fix="give id= with it")
    directory = Path(directories[0]).expanduser()
    if not (directory / MANIFEST).is_file():
        raise UserError(
            "no dataset was built here", where=str(directory), fix="python data_recipes/build.py data=NAME out=DIR"
        )
    return directory, wanted


def _print_dropped(directory: Path, wanted: dict[str, str]) -> int:
    counts = Counter(row["reason"] for row in dropped_rows(directory, {}))
    if not wanted.get("reason", "-"):
        print("\n".join(f"{number:>8}  {reason}" for reason, number in counts.most_common()))
        return counts.total()
    if wanted.get("reason", "") not in {"", *counts}:
        there = f"there are: {', '.join(counts)}" if counts else "none was"
        raise UserError(f"no row was dropped for {wanted['reason']!r}", where=str(directory), fix=there)
    number = 0
    for number, row in enumerate(dropped_rows(directory, wanted), 1):
        if number <= int(wanted.get("rows", ROWS)):
            print(f"dropped: {row['id']}: {row['reason']}")
    return number


def main(arguments: list[str]) -> int:
    """Prints what is looked for."""
    directory, wanted = _parsed(arguments)
    if "lengths" in wanted:
        prompt_format = _prompt_format(wanted)
        assert prompt_format is not None  # a model was given
        report, number = length_report(found(directory, wanted), prompt_format, int(wanted["lengths"]))
        print(report)
        return DONE if number else FAILED
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    dropped = shown = 0
    if "reason" in wanted or "id" in wanted:
        dropped = _print_dropped(directory, wanted)
    if "reason" not in wanted:
        prompt_format = _prompt_format(wanted)
        for split, example in islice(found(directory, wanted), int(wanted.get("rows", ROWS))):
            shown += 1
            print(shown_row(split, example, prompt_format, coloured))
    print(f"{shown} rows shown, {dropped} dropped rows match")
    return DONE if shown + dropped else FAILED


if __name__ == "__main__":
    run_command(main, HELP)
