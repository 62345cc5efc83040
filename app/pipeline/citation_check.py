"""Citations of an answer, checked while it grows: those of entries that the model was not given are removed."""

from collections.abc import AsyncIterator, Collection

from domains.citations import unfinished_citation, without_foreign_citations
from models.engines.engine import Completion


class CitationCheck:
    """The check of one answer.

    Args:
        given: Ids of the entries that the model was given.

    Attributes:
        removed: Citations removed so far.
    """

    def __init__(self, given: Collection[str]) -> None:
        self.given = given
        self.removed = 0

    async def checked(self, reply: AsyncIterator[str | Completion]) -> AsyncIterator[str | Completion]:
        """The answer without foreign citations; what may be the beginning of a citation is held back."""
        held = ""
        async for event in reply:
            if isinstance(event, Completion):
                if held:
                    yield self._checked(held)
                    held = ""
                yield event
                continue
            held += event
            ready = len(held) - unfinished_citation(held)
            if text := self._checked(held[:ready]):
                yield text
            held = held[ready:]
        if held:
            yield self._checked(held)

    def _checked(self, text: str) -> str:
        text, removed = without_foreign_citations(text, self.given)
        self.removed += removed
        return text
