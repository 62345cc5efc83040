"""What a model that reads entries must not say, checked while its answer grows.

Citations of entries that it was not given are removed. A number that is neither in the entries nor in the conversation
is replaced by a remark: it is invented, and a citation beside it would vouch for it. Numbers in Chinese characters
and numbers inside names (维生素B12) are not judged.
"""

import re
from collections.abc import AsyncIterator, Collection

from domains.citations import unfinished_citation, without_foreign_citations
from models.engines.engine import Completion

REMARK = "（资料中没有这个数字，已删去）"

_NUMBER = re.compile(r"(?<![A-Za-z\d.])\d+(?:\.\d+)?")
_UNFINISHED_NUMBER = re.compile(r"[A-Za-z\d.]+$")


class AnswerCheck:
    """The check of one answer.

    Args:
        given: Ids of the entries that the model was given.
        known: Texts whose numbers it may say.

    Attributes:
        citations_removed: Citations removed so far.
        numbers_removed: Numbers replaced so far.
    """

    def __init__(self, given: Collection[str], known: Collection[str]) -> None:
        self._given = given
        self._numbers = {number for text in known for number in _NUMBER.findall(text)}
        self.citations_removed = self.numbers_removed = 0

    async def checked(self, reply: AsyncIterator[str | Completion]) -> AsyncIterator[str | Completion]:
        """The answer as it may be said; what may be the beginning of a citation or a number is held back."""
        held = ""
        async for event in reply:
            if isinstance(event, Completion):
                if held:
                    yield self._checked(held)
                    held = ""
                yield event
                continue
            held += event
            ready = len(held) - max(unfinished_citation(held), _unfinished_number(held))
            if text := self._checked(held[:ready]):
                yield text
            held = held[ready:]
        if held:
            yield self._checked(held)

    def _checked(self, text: str) -> str:
        text, removed = without_foreign_citations(text, self._given)
        self.citations_removed += removed
        return _NUMBER.sub(self._said, text)

    def _said(self, number: re.Match[str]) -> str:
        if number[0] in self._numbers:
            return number[0]
        self.numbers_removed += 1
        return REMARK


def _unfinished_number(text: str) -> int:
    """Characters at the end that may go on as a number, or as a name with one."""
    unfinished = _UNFINISHED_NUMBER.search(text)
    return len(unfinished[0]) if unfinished else 0
