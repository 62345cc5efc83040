"""Prints rows of a dataset with the part that training learns in colour, finds rows by text, id or reason, and reports
their length in a model's tokens."""

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator
from tqdm import tqdm

from common.command import DONE, FAILED, Config
from common.errors import UserError
from data_recipes.dataset.charts import binned, text_bars
from data_recipes.dataset.dataset import split_tables
from data_recipes.dataset.lengths import TokenLengths
from data_recipes.schema.arrow import to_examples
from data_recipes.schema.changes import COMPARED, STEP_SAMPLES, StepSample
from data_recipes.schema.example import TEXT, Example
from data_recipes.schema.manifest import MANIFEST, DatasetManifest

if TYPE_CHECKING:
    from models.prompt_format import PromptFormat

DROPPED = "dropped.jsonl"
LONGER = 10  # rows over the limit that are listed
GREEN, RESET = "\x1b[1;32m", "\x1b[0m"


class ShowConfig(Config):
    """``data_recipes/show.py``.

    Attributes:
        dataset: A dataset that ``data_recipes/build.py`` wrote.
        text: Rows in which any turn holds this text.
        id: Rows, and dropped rows, whose id holds this text.
        reason: Rows that were dropped for this reason; an empty one counts all reasons.
        step: What this step did to some rows, before and after; an empty one counts the rows of all steps.
        supervise: Which assistant turns are marked, as ``train.supervise`` has it: ``all``, or the ``last`` one.
        split: Only this split.
        rows: How many are printed.
        model: Directory of a model with a tokenizer: rows are shown in its tokens.
        prompt_format: Another prompt format than the model's.
        lengths: Length in tokens to compare the rows with, instead of printing them.
    """

    positional: ClassVar[tuple[str, ...]] = ("dataset",)
    as_typed: ClassVar[tuple[str, ...]] = ("text", "id", "reason", "step", "split", "model")

    dataset: Path
    text: str | None = None
    id: str | None = None
    reason: str | None = None
    step: str | None = None
    supervise: Literal["all", "last"] = "all"
    split: str | None = None
    rows: int = Field(20, ge=0)
    model: Path | None = None
    prompt_format: str | None = None
    lengths: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _agrees(self) -> "ShowConfig":
        if self.model is None and (self.lengths is not None or self.prompt_format is not None):
            raise ValueError("lengths= and prompt_format= need a model's tokens: give model=DIR too")
        if self.reason is not None and (self.text, self.split, self.model) != (None, None, None):
            raise ValueError("dropped rows have only an id and a reason: give only id= with reason=")
        if self.step is not None and (self.text, self.id, self.reason, self.split, self.model) != (None,) * 5:
            raise ValueError("give step= alone")
        return self


def found(wanted: ShowConfig) -> Iterator[tuple[str, Example]]:
    """The matching rows, by ``text``, ``id`` and ``split``.

    Returns:
        Split and example of each.

    Raises:
        UserError: The split does not exist, or a file is damaged.
    """
    names = list(DatasetManifest.load(wanted.dataset).splits)
    if wanted.split is not None and wanted.split not in names:
        raise UserError(f"no split {wanted.split}", where=str(wanted.dataset), fix=f"available: {', '.join(names)}")
    for name in [wanted.split] if wanted.split is not None else names:
        for table in split_tables(wanted.dataset, name):
            for example in to_examples(table.filter(_matching(table, wanted))):
                yield name, example


def _matching(table: pa.Table, wanted: ShowConfig) -> pa.Array:
    chosen = np.ones(len(table), bool)
    if wanted.id is not None:
        chosen &= np.asarray(pc.match_substring(table["id"], wanted.id))
    if wanted.text is not None:
        messages = table["messages"].combine_chunks()
        holds = pc.match_substring(messages.flatten().field("content"), wanted.text)
        row_of = np.repeat(np.arange(len(table)), np.asarray(pc.list_value_length(messages)))
        chosen &= np.bincount(row_of[np.asarray(holds)], minlength=len(table)) > 0
    return pa.array(chosen)


def dropped_rows(directory: Path, reason: str | None = None, id: str = "") -> Iterator[dict[str, str]]:
    """The rows that were dropped, by reason or part of their id."""
    for line in _lines(directory / DROPPED):
        row = json.loads(line)
        if reason in (None, row["reason"]) and id in row["id"]:
            yield row


def _lines(file: Path) -> Iterator[str]:
    """The lines of one of the dataset's files, which may have none."""
    if not file.is_file():
        raise UserError("the file does not exist", where=str(file), fix="build the dataset again")
    with file.open(encoding="utf-8") as lines:
        yield from lines


def shown_row(
    split: str,
    example: Example,
    prompt_format: "PromptFormat | None",
    coloured: bool,
    supervise: Literal["all", "last"] = "all",
) -> str:
    """One row for the terminal.

    Args:
        split: Where it is.
        example: The row.
        prompt_format: Renders it as training does; None prints its turns.
        coloured: Whether colour marks what is supervised.
        supervise: Which assistant turns are.
    """
    head = f"── {split} · {example.id} · {example.kind} · {example.source}"
    if prompt_format is None:
        said = [place for place, message in enumerate(example.messages) if message.role in ("assistant", TEXT)]
        learnt = said if supervise == "all" else said[-1:]
        turns = [
            f"{m.role}: {_marked(m.content, coloured) if place in learnt else m.content}"
            for place, m in enumerate(example.messages)
        ]
        return "\n".join([head, *turns])
    sequences = []
    for rendered in prompt_format.render_all(example.messages, supervise):
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
        The report to print, and the number of rows.
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
        lines += ["词元数分布（全部划分）· tokens per row, all splits", text_bars(binned(total))]
    return "\n".join(lines), total.total()


def _print_step(wanted: ShowConfig) -> int:
    """Prints some rows that a step changed or dropped, or how many rows each step did so."""
    manifest = DatasetManifest.load(wanted.dataset)
    counted = {step.name: [*step.changed.items(), *step.dropped.items()] for step in manifest.steps}
    of_steps = {reason for reasons in counted.values() for reason, _ in reasons}
    counted[COMPARED] = [(reason, n) for reason, n in manifest.counts.dropped.items() if reason not in of_steps]
    if wanted.step == "":
        lines = [f"{number:>8}  {name} · {reason}" for name, reasons in counted.items() for reason, number in reasons]
        print("\n".join(lines))
        return len(lines)
    if wanted.step not in counted:
        raise UserError(f"no step {wanted.step}", where=str(wanted.dataset), fix=f"available: {', '.join(counted)}")
    found = [sample for sample in _samples(wanted.dataset) if sample.step == wanted.step]
    for sample in found[: wanted.rows]:
        print(shown_sample(sample))
    return len(found)


def _samples(directory: Path) -> Iterator[StepSample]:
    yield from map(StepSample.model_validate_json, _lines(directory / STEP_SAMPLES))


def shown_sample(sample: StepSample) -> str:
    """A row before and after a step, for the terminal."""
    lines = [f"── {sample.step} · {sample.reason} · {sample.id}"]
    lines += [f"前 before · {role}: {text}" for role, text in sample.before] or [
        "前 before · 含个人信息，不显示 not shown"
    ]
    if sample.after is None:
        return "\n".join([*lines, "后 after · 剔除 dropped"])
    return "\n".join([*lines, *(f"后 after · {role}: {text}" for role, text in sample.after)])


def _marked(text: str, coloured: bool) -> str:
    return f"{GREEN}{text}{RESET}" if coloured else f"«{text}»"


def _prompt_format(wanted: ShowConfig) -> "PromptFormat | None":
    if wanted.model is None:
        return None
    from models.loading import load_prompt_format  # the one place where data recipes use a model, and only on request

    return load_prompt_format(wanted.model, name=wanted.prompt_format)


def _print_dropped(wanted: ShowConfig) -> int:
    counts = Counter(row["reason"] for row in dropped_rows(wanted.dataset))
    if wanted.reason == "":
        print("\n".join(f"{number:>8}  {reason}" for reason, number in counts.most_common()))
        return counts.total()
    if wanted.reason is not None and wanted.reason not in counts:
        there = f"available: {', '.join(counts)}" if counts else "none was; step= shows what the steps changed"
        raise UserError(f"no row was dropped for {wanted.reason!r}", where=str(wanted.dataset), fix=there)
    number = 0
    for number, row in enumerate(dropped_rows(wanted.dataset, wanted.reason, wanted.id or ""), 1):
        if number <= wanted.rows:
            print(f"dropped: {row['id']}: {row['reason']}")
    if wanted.reason is not None and (wanted.dataset / STEP_SAMPLES).is_file():  # older datasets have none
        for sample in _samples(wanted.dataset):
            if sample.reason == wanted.reason and sample.after is None and (wanted.id or "") in sample.id:
                print(shown_sample(sample))
    return number


def show(config: ShowConfig) -> int:
    """Prints what was asked for; the exit code says whether anything was found.

    Raises:
        UserError: There is no dataset, no such split or reason, or a file is damaged.
    """
    wanted = config.model_copy(update={"dataset": config.dataset.expanduser()})
    if not (wanted.dataset / MANIFEST).is_file():
        raise UserError(
            "there is no dataset here", where=str(wanted.dataset), fix="python data_recipes/build.py data=NAME out=DIR"
        )
    prompt_format = _prompt_format(wanted)
    if wanted.lengths is not None:
        assert prompt_format is not None  # a model was given
        report, number = length_report(found(wanted), prompt_format, wanted.lengths)
        print(report)
        return DONE if number else FAILED
    if wanted.step is not None:
        return DONE if _print_step(wanted) else FAILED
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    dropped = shown = 0
    if wanted.reason is not None or wanted.id is not None:
        dropped = _print_dropped(wanted)
    if wanted.reason is None:
        for split, example in islice(found(wanted), wanted.rows):
            shown += 1
            print(shown_row(split, example, prompt_format, coloured, wanted.supervise))
    print(f"{shown} rows shown, {dropped} dropped rows match")
    return DONE if shown + dropped else FAILED
