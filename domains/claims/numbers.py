"""Reads an answer for its numbers alone: for domains whose statements are not compared, and for ``verify=off``."""

import re
from collections.abc import Iterable, Iterator

from domains.claims.entries import JudgedClaim
from domains.claims.reader import CLAUSE_END, JOINTS, LONGEST_CLAUSE, Part

NUMBER = re.compile(r"(?<![A-Za-z\d.])\d+(?:\.\d+)?")
"""A number in digits that is no part of a name (维生素B12)."""


class NumberReader:
    """Finds the clauses of an answer with a number that nobody has given.

    Args:
        known: The texts whose numbers may be said.
    """

    ends = CLAUSE_END
    longest = LONGEST_CLAUSE
    joints = JOINTS
    cites = False

    def __init__(self, known: Iterable[str]) -> None:
        self._known = {number for text in known for number in NUMBER.findall(text)}

    def clause(self, text: str, end: str) -> Iterator[Part]:
        """See ``ClaimReader.clause``: one with an unknown number is a claim that is not held, others are unchecked."""
        if set(NUMBER.findall(text)) <= self._known:
            yield Part(text, "unchecked")
        else:
            yield Part(text, "claim", JudgedClaim("not_held"))
