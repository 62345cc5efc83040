"""The sentence that answers at a triage level begin with: ``请立即拨打120或前往急诊。``"""

import re
from collections.abc import AsyncIterator

from domains.safety_rules import LevelText
from models.engines.engine import Completion

SENTENCE_END = re.compile("[。！？!?\n]")
LONGEST_SENTENCE = 60
"""Most characters of an answer that are held back to see whether the model itself says what the opening says."""


async def opened(reply: AsyncIterator[str | Completion], level: LevelText) -> AsyncIterator[str | Completion]:
    """The answer with the level's opening before it, unless its first sentence says so itself."""
    held, completion = "", None
    async for event in reply:
        if isinstance(event, Completion):
            completion = event
            break
        held += event
        if SENTENCE_END.search(held) or len(held) >= LONGEST_SENTENCE:
            break
    yield held if level.opening_said.search(SENTENCE_END.split(held)[0]) else level.opening + held
    if completion is not None:
        yield completion
    async for event in reply:
        yield event
