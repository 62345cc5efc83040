"""Personal data: found by pattern, check digit and label; masked, dropped or only counted.

It is no proof that a text has none: names without a label, numbers in words and what only someone who knows the patient
would recognise are not found.
"""

from collections.abc import Iterator
from typing import Literal, get_args

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from common.command import Config
from data_recipes.steps import texts
from data_recipes.steps.personal_patterns import KINDS, Kind
from data_recipes.steps.step import Outcome, Step, StepKind

Type = Literal[
    "e_mail",
    "identity_number",
    "insurance_number",
    "file_number",
    "bank_card",
    "wechat",
    "qq",
    "mobile",
    "landline",
    "address",
    "name",
]


class PersonalDataStep(Config):
    """Looks for personal data in every text of a row.

    Attributes:
        kind: Selects this step.
        policy: ``mask`` puts a placeholder like 【手机号】 in its place, ``drop`` drops the row, ``keep`` counts.
            A row with personal data in its passage is dropped by ``mask`` too: spans count the passage's characters.
        types: What is looked for.
    """

    kind: Literal["personal_data"]
    policy: Literal["mask", "drop", "keep"] = "mask"
    types: tuple[Type, ...] = get_args(Type)


def make(config: PersonalDataStep) -> Step:
    """The step for this policy."""
    kinds = [kind for kind in KINDS if kind.name in config.types]
    hints = "|".join(f"(?:{kind.hint})" for kind in kinds)

    def screened(rows: pa.Table) -> Outcome:
        found = {kind.name: np.zeros(len(rows), np.int64) for kind in kinds}
        masked = rows
        for column in texts.CHANGED:
            before = texts.flat(rows, column)
            hinted = np.flatnonzero(before.str.contains(hints).fill_null(False).to_numpy())
            after = [_masked(text, kinds, found, row) for text, row in _each(rows, column, before, hinted)]
            if config.policy == "mask" and len(hinted):
                masked = texts.put(masked, column, before.scatter(hinted, after))
        in_passage = _passages(rows, kinds, hints)
        return _outcome(masked, found, in_passage, config.policy)

    return screened


def _each(rows: pa.Table, column: str, column_texts: pl.Series, at: NDArray[np.int64]) -> Iterator[tuple[str, int]]:
    """The texts at these places, each with the number of its row."""
    return zip(column_texts.gather(at).to_list(), texts.owners(rows, column)[at].tolist(), strict=True)


def _masked(text: str, kinds: list[Kind], found: dict[str, NDArray[np.int64]], row: int) -> str:
    for kind in kinds:
        text, count = kind.masked(text)
        found[kind.name][row] += count
    return text


def _passages(rows: pa.Table, kinds: list[Kind], hints: str) -> dict[str, NDArray[np.int64]]:
    """How much of each type the passages contain."""
    found = {kind.name: np.zeros(len(rows), np.int64) for kind in kinds}
    passages = pa.array(rows["passage"].combine_chunks())
    for part in ("context", "question"):
        column = pl.Series(passages.field(part)).fill_null("")
        for at in np.flatnonzero(column.str.contains(hints).to_numpy()):
            _masked(column[int(at)], kinds, found, int(at))
    return found


def _outcome(
    rows: pa.Table, found: dict[str, NDArray[np.int64]], in_passage: dict[str, NDArray[np.int64]], policy: str
) -> Outcome:
    leaving = {
        "mask": in_passage,
        "drop": {name: found[name] + in_passage[name] for name in found},
        "keep": {},
    }[policy]
    reasons = [(f"personal_{name}", pl.Series(count > 0)) for name, count in leaving.items()]
    gone = np.any([holds.to_numpy() for _, holds in reasons], axis=0) if reasons else np.zeros(len(rows), bool)
    word, counted = ("masked", found) if policy == "mask" else ("found", {n: found[n] + in_passage[n] for n in found})
    return texts.without(rows, reasons, {f"{word}_{name}": int(count[~gone].sum()) for name, count in counted.items()})


STEP = StepKind(PersonalDataStep, make)
