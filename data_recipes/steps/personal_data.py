"""Personal data: found by pattern, check digit and label; masked, dropped or only counted.

It is no proof that a text has none: docs/screens.md says how many are found. What only someone who knows the patient
would recognise is not.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Literal, get_args

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from common.command import Config
from data_recipes.steps import texts
from data_recipes.steps.names.forms import NAMES
from data_recipes.steps.names.running import running_names
from data_recipes.steps.personal_kind import Kind, PersonalValue, find, masked
from data_recipes.steps.personal_patterns import NUMERIC, PATTERNS
from data_recipes.steps.personal_text import read
from data_recipes.steps.step import Outcome, Step, StepKind

Type = Literal[
    "e_mail",
    "identity_number",
    "insurance_number",
    "file_number",
    "bed",
    "bank_card",
    "wechat",
    "qq",
    "mobile",
    "landline",
    "birth_date",
    "passport",
    "plate",
    "workplace",
    "address",
    "account",
    "network_address",
    "last_digits",
    "name",
]


KINDS = (*PATTERNS, *NAMES)
_HIDDEN_NAME = re.compile("(?<=[\u4e00-\u9fff：:、，])【姓名】(?![\u4e00-\u9fff]{2,4}【)")
"""The placeholder of a name in a text that was masked before, which is not the label of a field."""

CONTACTS = ("e_mail", "landline")
"""What a hospital may publish of itself."""


class PersonalDataStep(Config):
    """Looks for personal data in every text of a row.

    Attributes:
        kind: Selects this step.
        policy: ``mask`` puts a placeholder like 【手机号】 in its place, ``drop`` drops the row, ``keep`` counts.
            A row with personal data in its passage is dropped by ``mask`` too: spans count the passage's characters.
        types: What is looked for.
        contacts_of_answers: Fixed-line numbers and e-mail addresses in what the assistant says; ``keep`` where a
            hospital's answers name its own.
    """

    kind: Literal["personal_data"]
    policy: Literal["mask", "drop", "keep"] = "mask"
    types: tuple[Type, ...] = get_args(Type)
    contacts_of_answers: Literal["mask", "keep"] = "mask"


def make(config: PersonalDataStep, hidden: Callable[[str, Sequence[PersonalValue]], str] = masked) -> Step:
    """The step for this policy.

    Args:
        config: The policy.
        hidden: Writes a text without the values that were found in it.
    """
    kinds = [kind for kind in KINDS if kind.name in config.types]

    def screened(rows: pa.Table) -> Outcome:
        found = {kind.name: np.zeros(len(rows), np.int64) for kind in kinds}
        kept = rows
        for column in texts.CHANGED:
            before, row_of = texts.flat(rows, column), texts.owners(rows, column)
            values = find_all(before, kinds)
            if config.contacts_of_answers == "keep":
                values = _without_contacts(values, _said_by_assistant(rows, column))
            for at, of_text in values.items():
                for value in of_text:
                    found[value.kind.name][row_of[at]] += 1
            if config.policy == "mask" and values:
                after = [hidden(before[at], of_text) for at, of_text in values.items()]
                kept = texts.put(kept, column, before.scatter(list(values), after))
        return _outcome(kept, found, _in_passages(rows, kinds), config.policy)

    return screened


def find_all(column: pl.Series, kinds: Sequence[Kind]) -> dict[int, list[PersonalValue]]:
    """The personal values of a column's texts, by the place of the text; quick where there are none."""
    if (column.fill_null("") == "").all():
        return {}  # most columns are empty, and compiling the expressions takes longer than searching a short one
    if column.str.contains("【姓名】", literal=True).any():
        column = pl.Series([_HIDDEN_NAME.sub("◇◇◇◇", text) for text in column.fill_null("").to_list()])
    found = _matched(column, kinds)
    if any(kind.name == "name" for kind in kinds):
        texts = column.fill_null("").to_list()
        others = [found.get(place, []) for place in range(len(texts))]
        for place, names in running_names(texts, others).items():
            found[place] = sorted([*others[place], *names], key=lambda value: value.start)
    return dict(sorted(found.items()))


def _matched(column: pl.Series, kinds: Sequence[Kind]) -> dict[int, list[PersonalValue]]:
    """What the kinds' patterns match, by the place of the text."""
    readings = [read(text) for text in column.fill_null("").to_list()]
    every = pl.Series([reading.text for reading in readings])
    numbered = every.str.contains("[0-9]").arg_true()
    with_digits = every.gather(numbered)
    kinds_of: dict[int, list[Kind]] = defaultdict(list)
    for kind in kinds:  # in this order: of overlapping values the first kind's counts
        if kind.name in NUMERIC:
            places = numbered.gather(with_digits.str.contains(f"(?s){kind.hint}").arg_true())
        else:
            places = every.str.contains(f"(?s){kind.hint}").arg_true()
        for place in places.to_list():
            kinds_of[place].append(kind)
    found = {place: find(readings[place], of_text) for place, of_text in kinds_of.items()}
    return {place: values for place, values in found.items() if values}


def _without_contacts(
    values: dict[int, list[PersonalValue]], answers: NDArray[np.bool_]
) -> dict[int, list[PersonalValue]]:
    """Without what a hospital says of itself."""
    others = {
        at: [value for value in of_text if not (answers[at] and value.kind.name in CONTACTS)]
        for at, of_text in values.items()
    }
    return {at: of_text for at, of_text in others.items() if of_text}


def _said_by_assistant(rows: pa.Table, column: str) -> NDArray[np.bool_]:
    """Which texts of a column the assistant says."""
    if column == "messages":
        return np.asarray(pc.equal(rows[column].combine_chunks().flatten().field("role"), "assistant"))
    return np.full(len(texts.owners(rows, column)), column in ("references", "rejected"))


def _in_passages(rows: pa.Table, kinds: list[Kind]) -> dict[str, NDArray[np.int64]]:
    """How much of each type the passages contain."""
    found = {kind.name: np.zeros(len(rows), np.int64) for kind in kinds}
    passages = pa.array(rows["passage"].combine_chunks())
    for part in ("context", "question"):
        for at, values in find_all(pl.Series(passages.field(part)).fill_null(""), kinds).items():
            for value in values:
                found[value.kind.name][at] += 1
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
    counts = {f"{word}_{name}": int(count[~gone].sum()) for name, count in counted.items()}
    changes = [(int(at), f"masked_{name}") for name, count in found.items() for at in np.flatnonzero(count)]
    return texts.without(rows, reasons, counts, changes=changes if policy == "mask" else ())


STEP = StepKind(PersonalDataStep, make)
