"""Which rows of a shard a step changed, and a few rows per reason before and after, to be read by people."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from common.command import Config
from common.files import write_text
from data_recipes.schema.changes import COMPARED, STEP_SAMPLES, Changed, StepSample, Turns
from data_recipes.steps.personal_data import PersonalDataStep, make
from data_recipes.steps.personal_kind import veiled
from data_recipes.steps.step import FLAGGED, Outcome, Step

PERSONAL_DATA = str(get_args(PersonalDataStep.model_fields["kind"].annotation)[0])
PER_REASON = 3  # rows of a reason that a dataset shows
SHOWN = 400  # characters of a turn, around the first one that changed


class _SeenRow(NamedTuple):
    """A row at one moment: a table of one row, and whether the recipe has hidden its personal data by then."""

    row: pa.Table
    is_hidden: bool


class _Sampled(NamedTuple):
    """A row that is shown."""

    step: str
    reason: str
    before: _SeenRow
    after: _SeenRow | None


class StepChanges:
    """What the steps did to the rows of a shard, step by step.

    Attributes:
        changed: Every row that was changed, or kept and marked.
    """

    def __init__(self) -> None:
        self.changed: list[Changed] = []
        self._sampled: list[_Sampled] = []
        self._is_hidden = False

    def add(self, name: str, rows: pa.Table, outcome: Outcome) -> None:
        """Names the rows that a step changed, and takes the first ones for each reason.

        Args:
            name: Of the step.
            rows: What came in.
            outcome: What the step made of them.
        """
        flagged = [(row.id, f"{FLAGGED}{row.reason}") for row in outcome.flagged]
        self.changed += [Changed(id, f"{name}: {reason}") for id, reason in flagged]
        self.changed += [Changed(id, name) for id in dict.fromkeys(row.id for row in outcome.rewritten)]
        judged, rewritten = (
            _first([*((row.id, row.reason) for row in outcome.dropped), *flagged]),
            _first(outcome.rewritten),
        )
        before, after = _rows_of([*judged, *rewritten], rows), _rows_of(rewritten, outcome.kept)
        was_hidden = self._is_hidden
        self._is_hidden |= name == PERSONAL_DATA
        self._sampled += [_Sampled(name, reason, _SeenRow(before[id], was_hidden), None) for id, reason in judged]
        self._sampled += [
            _Sampled(name, change, _SeenRow(before[id], was_hidden), _SeenRow(after[id], self._is_hidden))
            for id, change in rewritten
        ]

    def samples(self, personal_data: Step | None) -> list[StepSample]:
        """Some of the changed and dropped rows.

        Args:
            personal_data: The recipe's step that masks or drops personal data, which is not shown either; None where
                it keeps them.
        """
        changed = [one.after for one in self._sampled if one.after is not None]
        turns = _shown([*(one.before for one in self._sampled), *changed], personal_data)
        before, after = turns[: len(self._sampled)], iter(turns[len(self._sampled) :])
        return [
            StepSample(
                step=one.step,
                reason=one.reason,
                id=one.before.row["id"][0].as_py(),
                **_cut(old, None if one.after is None else next(after)),
            )
            for one, old in zip(self._sampled, before, strict=True)
        ]


def _shown(seen: list[_SeenRow], personal_data: Step | None) -> list[Turns]:
    """The turns of each row; none where it has personal data and the recipe drops such rows.

    What the recipe has hidden is shown as it is in the dataset: a second search finds other values than the first.
    """
    if not seen:
        return []
    table = pa.concat_tables([one.row for one in seen])
    table = table.set_column(table.column_names.index("id"), "id", pa.array(map(str, range(len(table)))))
    if personal_data:
        is_hidden = pa.array([one.is_hidden for one in seen])
        table = pa.concat_tables([table.filter(is_hidden), personal_data(table.filter(pc.invert(is_hidden))).kept])
    turns: list[Turns] = [[] for _ in seen]
    for row in table.select(["id", "messages"]).to_pylist():
        turns[int(row["id"])] = [(turn["role"], turn["content"]) for turn in row["messages"]]
    return turns


def hiding(configs: tuple[Config, ...], steps: list[tuple[str, Step]]) -> Step | None:
    """What keeps personal data out of the rows that are shown: as the recipe's step, if it has one that masks or drops.

    Where it masks, what was found can be told from the placeholders of the row after the step.
    """
    for config, (_, step) in zip(configs, steps, strict=True):
        if isinstance(config, PersonalDataStep) and config.policy != "keep":
            return make(config, veiled) if config.policy == "mask" else step
    return None


def _first(found: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The first rows of each reason: id and reason."""
    shown: Counter[str] = Counter()
    first = []
    for id, reason in found:
        shown[reason] += 1
        if shown[reason] <= PER_REASON:
            first.append((id, reason))
    return first


def _rows_of(found: list[tuple[str, str]], table: pa.Table) -> dict[str, pa.Table]:
    """The rows of a table that are named, by their ids."""
    if not found:
        return {}
    named = table.filter(pc.is_in(table["id"], pa.array([id for id, _ in found], pa.string())))
    return {id: named.slice(at, 1) for at, id in enumerate(named["id"].to_pylist())}


def _cut(before: Turns, after: Turns | None) -> dict[str, Turns]:
    """The turns as far as they are shown: from a little before the first character that changed."""
    if after is None:
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
