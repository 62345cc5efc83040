"""The texts of a batch of rows as flat columns: read, changed and put back."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data_recipes.schema.dropped import Dropped
from data_recipes.steps.step import FLAGGED, Flagged, Outcome, Rewritten

CHANGED = ("messages", "facts", "references", "choices", "result", "rejected")
"""The columns whose text a step may change. ``passage`` is not among them: its spans count its characters."""

Change = Callable[[str], tuple[str, list[str]]]


def flat(rows: pa.Table, column: str) -> pl.Series:
    """All texts of a column, one after another; of ``messages`` the contents."""
    return pl.Series(_strings(_chunk(rows, column)))


def owners(rows: pa.Table, column: str) -> NDArray[np.int64]:
    """The row number of each text of ``flat``."""
    values = _chunk(rows, column)
    if not pa.types.is_list(values.type):
        return np.arange(len(rows))
    return np.repeat(np.arange(len(rows)), _lengths(values))


def put(rows: pa.Table, column: str, texts: pl.Series) -> pa.Table:
    """The rows with other texts in a column.

    Args:
        rows: The rows as they are.
        column: One of ``CHANGED``.
        texts: As many as ``flat`` gave.
    """
    old, new = _chunk(rows, column), texts.to_arrow().cast(pa.string())
    if pa.types.is_list(old.type):
        offsets = pa.array(np.concatenate([[0], np.cumsum(_lengths(old))]), pa.int32())
        if column == "messages":
            turns = old.flatten()
            new = pa.StructArray.from_arrays([turns.field("role"), new], fields=list(old.type.value_type))
        new = pa.ListArray.from_arrays(offsets, new, type=old.type)
    return rows.set_column(rows.column_names.index(column), rows.schema.field(column), new)


def rewritten(
    rows: pa.Table,
    needed: Callable[[pl.Series], pl.Series],
    change: Change,
    spared: NDArray[np.bool_] | None = None,
) -> Outcome:
    """Changes the texts that need it; a row with a turn that becomes empty is dropped: ``only_`` what was removed last.

    Args:
        rows: The batch.
        needed: Finds for a whole column which texts ``change`` is to see; quick, and never false where it would act.
        change: Returns the new text and the name of each change made to it.
        spared: The rows whose texts stay as they are; none by default.
    """
    counts: Counter[str] = Counter()
    emptied: dict[str, NDArray[np.bool_]] = {}
    changes: list[tuple[int, str]] = []
    new = rows
    for column in CHANGED:
        texts = flat(rows, column)
        at = np.flatnonzero(needed(texts).fill_null(False).to_numpy())
        row_of = owners(rows, column)[at]
        if spared is not None:
            at, row_of = at[~spared[row_of]], row_of[~spared[row_of]]
        if not len(at):
            continue
        after = [change(text) for text in texts.gather(at).to_list()]
        new = put(new, column, texts.scatter(at, [text for text, _ in after]))
        changes += [(row, name) for row, (_, names) in zip(row_of.tolist(), after, strict=True) for name in names]
        if column == "messages":
            for row, (text, names) in zip(row_of.tolist(), after, strict=True):
                if names and not text.strip():
                    emptied.setdefault(names[-1], np.zeros(len(rows), bool))[row] = True
    counts.update(name for _, name in changes)
    reasons = [(f"only_{name}", pl.Series(emptied[name])) for name in sorted(emptied)]
    return without(new, reasons, counts, changes=changes)


def questions(rows: pa.Table) -> pl.Series:
    """What the user asked, for each row over all turns."""
    messages = _chunk(rows, "messages")
    asked = np.asarray(pc.equal(messages.flatten().field("role"), "user"))
    turns = pl.DataFrame({"row": owners(rows, "messages"), "text": flat(rows, "messages")}).filter(pl.Series(asked))
    joined = turns.group_by("row", maintain_order=True).agg(pl.col("text").str.join("\n"))
    every = pl.DataFrame({"row": np.arange(len(rows))})
    return every.join(joined, on="row", how="left", maintain_order="left")["text"].fill_null("")


def answers(rows: pa.Table) -> pl.Series:
    """The last turn of each row."""
    ends = np.cumsum(_lengths(_chunk(rows, "messages"))) - 1
    return flat(rows, "messages").gather(ends)


def holding(texts: pl.Series, needed: pl.Series, judge: Callable[[str], bool]) -> pl.Series:
    """Whether a judgement holds for each text.

    Args:
        texts: The texts, of a row or of a turn each.
        needed: Which of them ``judge`` is to see; it holds for no other one.
        judge: The judgement.
    """
    at = np.flatnonzero(needed.fill_null(False).to_numpy())
    found = np.zeros(len(texts), bool)
    found[at] = [judge(text) for text in texts.gather(at).to_list()]
    return pl.Series(found)


def without(
    rows: pa.Table,
    reasons: Sequence[tuple[str, pl.Series]],
    counts: Mapping[str, int] | None = None,
    flags: Sequence[tuple[str, pl.Series]] = (),
    changes: Iterable[tuple[int, str]] = (),
) -> Outcome:
    """Drops the rows for which one of the reasons holds, and flags others.

    Args:
        rows: The batch.
        reasons: Each with a Boolean per row; the first that holds is recorded.
        counts: What was changed in the rows.
        flags: What is suspected, each with a Boolean per row; counted and recorded for the rows that are kept.
        changes: Numbers of rows that were changed, with the name of the change.
    """
    reason = np.full(len(rows), "", object)
    for name, holds in reversed(reasons):
        reason[holds.to_numpy()] = name
    gone = np.flatnonzero(reason != "")
    dropped = [Dropped(id, reason[at]) for at, id in zip(gone, rows["id"].take(gone).to_pylist(), strict=True)]
    kept = rows.filter(pa.array(reason == "")) if len(gone) else rows
    suspected = [(int(at), name) for name, holds in flags for at in np.flatnonzero(holds.to_numpy())]
    flagged = [Flagged(*one) for one in _named(rows, suspected, reason)]
    changed = {name: n for name, n in (counts or {}).items() if n}
    rewritten = [Rewritten(*one) for one in _named(rows, dict.fromkeys(changes), reason)]
    return Outcome(kept, dropped, changed | _counted(flagged), flagged, rewritten)


def _named(rows: pa.Table, found: Iterable[tuple[int, str]], reason: NDArray[np.object_]) -> list[tuple[str, str]]:
    """What was found in rows that are kept, by their ids and in their order."""
    kept = sorted(((at, name) for at, name in found if reason[at] == ""), key=lambda one: one[0])
    ids = rows["id"].take(pa.array([at for at, _ in kept], pa.int64())).to_pylist()
    return [(id, name) for id, (_, name) in zip(ids, kept, strict=True)]


def _counted(flagged: list[Flagged]) -> dict[str, int]:
    return dict(Counter(f"{FLAGGED}{flag.reason}" for flag in flagged))


def any_of_row(rows: pa.Table, column: str, holds: pl.Series) -> pl.Series:
    """Whether something holds for any text of a column, for each row."""
    found = np.zeros(len(rows), bool)
    found[owners(rows, column)[holds.fill_null(False).to_numpy()]] = True
    return pl.Series(found)


def in_order(rows: pa.Table, dropped: list[Dropped]) -> list[Dropped]:
    """What several passes dropped, in the order of the rows."""
    if len(dropped) < 2:
        return dropped
    place = {id: at for at, id in enumerate(rows["id"].to_pylist())}
    return sorted(dropped, key=lambda row: place[row.id])


def _chunk(rows: pa.Table, column: str) -> pa.Array:
    chunks = rows[column].combine_chunks()
    return chunks.combine_chunks() if isinstance(chunks, pa.ChunkedArray) else chunks


def _lengths(lists: pa.Array) -> NDArray[np.int64]:
    return np.asarray(pc.fill_null(pc.list_value_length(lists), 0), np.int64)


def _strings(values: pa.Array) -> pa.Array:
    if pa.types.is_list(values.type):
        values = values.flatten()
    if pa.types.is_struct(values.type):
        values = values.field("content")
    return values
