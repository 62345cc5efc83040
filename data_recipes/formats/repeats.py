"""Rows of a file that repeat an earlier one: questions by the hashes and the rule of a build, and answers.

A build compares rows after its steps, so that texts which only differ in mark-up or personal data are repeats there and
not here.
"""

import hashlib
from collections.abc import Collection, Hashable, Iterable

import numpy as np

from data_recipes.formats.conversation import RowConversation
from data_recipes.leakage.boilerplate import has_case, with_cases
from data_recipes.leakage.hashes import Hashes, question_hashes, systems
from data_recipes.leakage.normalise import normalise_with_signs
from data_recipes.schema.arrow import to_table
from data_recipes.schema.example import Example, Message

AT_ONCE = 2_000  # rows that are hashed at a time
MAY_REPEAT = 10  # characters; a shorter answer is a label, a number, yes or no


class Repeats:
    """The rows of a file in their order; a row is called by its place among them, from 0."""

    def __init__(self) -> None:
        self._waiting: list[Example] = []
        self._questions: list[Hashes] = [np.zeros(0, np.uint64)]
        self._systems: list[Hashes] = [np.zeros(0, np.uint64)]
        self._splits: list[str] = []
        self._answers: list[bytes] = []

    def add(self, said: RowConversation) -> None:
        """Adds the next row, whose roles are in order."""
        turns = tuple(Message(role=turn.role, content=turn.content.strip()) for turn in said.turns)
        self._waiting.append(Example(id="row", messages=turns, source="rows", group="", kind=""))
        self._splits.append(said.split)
        answer = normalise_with_signs(turns[-1].content)
        is_long = len(answer) >= MAY_REPEAT
        self._answers.append(hashlib.blake2b(answer.encode(), digest_size=12).digest() if is_long else b"")
        if len(self._waiting) == AT_ONCE:
            self._hash()

    def questions(self) -> dict[int, int]:
        """The rows that ask what an earlier one of their split asks, and that row: a build drops them."""
        self._hash()
        asked, systems_of = np.concatenate(self._questions), np.concatenate(self._systems)
        asked = with_cases(asked, systems_of, has_case(systems_of))
        return _earlier(enumerate(zip(asked.tolist(), self._splits, strict=True)))

    def answers(self, dropped: Collection[int]) -> dict[int, int]:
        """The rows that answer what an earlier one answers, and that row; rows that are dropped do not count."""
        return _earlier((row, answer) for row, answer in enumerate(self._answers) if answer and row not in dropped)

    def _hash(self) -> None:
        table = to_table(self._waiting)
        self._questions.append(question_hashes(table))
        self._systems.append(systems(table).hashes)
        self._waiting.clear()


def _earlier(rows: Iterable[tuple[int, Hashable]]) -> dict[int, int]:
    """The rows whose text an earlier one has, and the first that has it."""
    first: dict[Hashable, int] = {}
    return {row: first[text] for row, text in rows if first.setdefault(text, row) != row}
