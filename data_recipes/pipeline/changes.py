"""Which rows of a shard a step changed, and a few rows per reason before and after, to be read by people."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from common.command import Config
from common.files import write_text
from data_recipes.schema.changes import COMPARED, STEP_SAMPLES, Changed, StepSample, Turns
from data_recipes.schema.dropped import Dropped
from data_recipes.steps.personal_data import PersonalDataStep
from data_recipes.steps.step import FLAGGED, Outcome, Step

PER_REASON = 3  # rows of a reason that a dataset shows
SAMPLED_SHARDS = 2  # the first ones: finding a row of each reason takes half a second per shard
SEARCHED = 1_000  # changed rows in which a reason is searched
SHOWN = 400  # characters of a turn, around the first one that changed

Mask = npt.NDArray[np.bool_]


class _Sampled(NamedTuple):
    """A row that is shown; both tables have one row."""

    step: str
    reason: str
    before: pa.Table
    after: pa.Table | None


class StepChanges:
    """What the steps did to the rows of a shard, step by step.

    Attributes:
        changed: Every row that was changed, or kept and marked.

    Args:
        sampled: Whether rows are shown.
    """

    def __init__(self, sampled: bool) -> None:
        self.changed: list[Changed] = []
        self._is_sampled = sampled
        self._sampled: list[_Sampled] = []

    def add(self, name: str, step: Step, rows: pa.Table, outcome: Outcome) -> None:
        """Compares the rows that came into a step with those that left it.

        Args:
            name: Of the step.
            step: The step.
            rows: What came in.
            outcome: What it made of them.
        """
        flagged = [Dropped(row.id, f"{FLAGGED}{row.reason}") for row in outcome.flagged]
        self.changed += [Changed(row.id, f"{name}: {row.reason}") for row in flagged]
        if self._is_sampled:
            self._add_as_they_came(name, rows, [*outcome.dropped, *flagged])
        changes = [reason for reason in outcome.counts if not reason.startswith(FLAGGED)]
        if not changes:
            return
        stayed = rows.take(_places(rows, outcome.kept)) if outcome.dropped else rows
        at = np.flatnonzero(_differs(stayed, outcome.kept))
        self.changed += [Changed(id, name) for id in stayed["id"].take(at).to_pylist()]
        if self._is_sampled and len(at):
            self._add_changed(name, step, changes, stayed.take(at), outcome.kept.take(at))

    def _add_as_they_came(self, name: str, rows: pa.Table, judged: list[Dropped]) -> None:
        """The first rows that were dropped or flagged for each reason."""
        ids = rows["id"].to_pylist() if judged else []
        shown: Counter[str] = Counter()
        for row in judged:
            if shown[row.reason] < PER_REASON:
                shown[row.reason] += 1
                self._sampled.append(_Sampled(name, row.reason, rows.slice(ids.index(row.id), 1), None))

    def _add_changed(self, name: str, step: Step, reasons: list[str], before: pa.Table, after: pa.Table) -> None:
        """The first rows, and the first one with each change that these do not have."""
        first = range(min(PER_REASON, len(before)))
        found = [(reason, at) for at in first for reason in step(before.slice(at, 1)).counts]
        for reason in reasons:
            if not any(reason == one for one, _ in found):
                at = _first_with(reason, step, before.slice(0, SEARCHED))
                found += [(reason, at)] if at is not None else []
        self._sampled += [_Sampled(name, reason, before.slice(at, 1), after.slice(at, 1)) for reason, at in found]

    def samples(self, personal_data: Step | None) -> list[StepSample]:
        """Some of the changed and dropped rows.

        Args:
            personal_data: The recipe's step that masks or drops personal data, which is not shown either; None where
                it keeps them.
        """
        before = _shown([one.before for one in self._sampled], personal_data)
        after = _shown([one.after if one.after is not None else one.before for one in self._sampled], personal_data)
        return [
            StepSample(step=one.step, reason=one.reason, id=one.before["id"][0].as_py(), **_cut(old, new, one.after))
            for one, old, new in zip(self._sampled, before, after, strict=True)
        ]


def _shown(rows: list[pa.Table], personal_data: Step | None) -> list[Turns]:
    """The turns of each row; none where it has personal data and the recipe drops such rows."""
    if not rows:
        return []
    table = pa.concat_tables(rows)
    table = table.set_column(table.column_names.index("id"), "id", pa.array(map(str, range(len(table)))))
    kept = personal_data(table).kept if personal_data else table
    turns: list[Turns] = [[] for _ in rows]
    for row in kept.select(["id", "messages"]).to_pylist():
        turns[int(row["id"])] = [(turn["role"], turn["content"]) for turn in row["messages"]]
    return turns


def hiding(configs: tuple[Config, ...], steps: list[tuple[str, Step]]) -> Step | None:
    """The step of a recipe that masks or drops personal data, if it has one."""
    for config, (_, step) in zip(configs, steps, strict=True):
        if isinstance(config, PersonalDataStep) and config.policy != "keep":
            return step
    return None


def _places(rows: pa.Table, kept: pa.Table) -> pa.Array:
    """Where the kept rows are among those that came in; both have one order."""
    at = enumerate(rows["id"].to_pylist())
    return pa.array([next(place for place, id in at if id == wanted) for wanted in kept["id"].to_pylist()], pa.int64())


def _differs(before: pa.Table, after: pa.Table) -> Mask:
    """Which rows have another text in some column."""
    found = np.zeros(len(before), bool)
    for name in before.column_names:
        old, new = before[name].combine_chunks(), after[name].combine_chunks()
        if old.equals(new):
            continue
        if not pa.types.is_list(old.type):
            found |= np.asarray(pc.fill_null(pc.not_equal(old, new), False))
            continue
        lengths = pc.list_value_length(old)
        if not lengths.equals(pc.list_value_length(new)):
            found |= np.array([one != other for one, other in zip(old.to_pylist(), new.to_pylist(), strict=True)])
            continue
        old, new = old.flatten(), new.flatten()
        if name == "messages":
            old, new = old.field("content"), new.field("content")
        row_of = np.repeat(np.arange(len(before)), np.asarray(pc.fill_null(lengths, 0)))
        found[row_of[np.asarray(pc.not_equal(old, new))]] = True
    return found


def _first_with(reason: str, step: Step, rows: pa.Table) -> int | None:
    """The first row to which a step does something, found by halves."""
    if len(rows) == SEARCHED and reason not in step(rows).counts:
        return None
    first = 0
    while len(rows) > 1:
        half = len(rows) // 2
        if reason in step(rows.slice(0, half)).counts:
            rows = rows.slice(0, half)
        else:
            first, rows = first + half, rows.slice(half)
    return first


def _cut(before: Turns, after: Turns, changed: pa.Table | None) -> dict[str, Turns]:
    """The turns as far as they are shown: from a little before the first character that changed."""
    if changed is None:
        return {"before": [(role, _part(text, 0)) for role, text in before]}
    old, new = [], []
    for (role, one), (_, other) in zip(before, after, strict=False):
        first = next((at for at, pair in enumerate(zip(one, other, strict=False)) if len(set(pair)) > 1), 0)
        start = max(0, first - SHOWN // 4)
        old.append((role, _part(one, start)))
        new.append((role, _part(other, start)))
    return {"before": old, "after": new}


def _part(text: str, start: int) -> str:
    return f"{'…' if start else ''}{text[start : start + SHOWN]}{'…' if len(text) > start + SHOWN else ''}"


class StepSamples:
    """The rows that a dataset shows: a few of each step and reason, the first ones."""

    def __init__(self) -> None:
        self._samples: list[StepSample] = []
        self._shown: Counter[tuple[str, str]] = Counter()

    def add(
        self, of_steps: list[StepSample], rows: pa.Table, reason: npt.NDArray[np.int16], reasons: list[str]
    ) -> None:
        """Takes what the steps did to a shard, and what was dropped from it when all rows were compared.

        Args:
            of_steps: Samples of the steps.
            rows: The rows after all steps; personal data in them is masked.
            reason: Each row's position in ``reasons``; 0 where it was kept.
            reasons: Why rows are dropped.
        """
        self._samples += [sample for sample in of_steps if self._is_shown(sample.step, sample.reason)]
        for number in np.unique(reason[reason > 0]).tolist():
            for at in np.flatnonzero(reason == number)[:PER_REASON].tolist():
                if self._is_shown(COMPARED, reasons[number]):
                    [row] = rows.slice(at, 1).select(["id", "messages"]).to_pylist()
                    turns = [(turn["role"], _part(turn["content"], 0)) for turn in row["messages"]]
                    self._samples.append(StepSample(step=COMPARED, reason=reasons[number], id=row["id"], before=turns))

    def _is_shown(self, step: str, reason: str) -> bool:
        self._shown[step, reason] += 1
        return self._shown[step, reason] <= PER_REASON

    def save(self, folder: Path) -> list[StepSample]:
        """Writes them into a dataset's folder."""
        write_text(folder / STEP_SAMPLES, "".join(f"{sample.model_dump_json()}\n" for sample in self._samples))
        return self._samples
