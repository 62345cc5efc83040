"""Questions are read in turn: a few at a time go through the stages that compute, so that a crowd stops nobody else.

All that wait for a thread wake together, and what they compute on the event loop would be one long step: of 160
questions at once a third of a second, in which no probe is answered and no text goes on to a reader.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.pipeline.consultation import Consultation, Decided, PipelineStage, consult

AT_ONCE = 4
"""Questions that are read together. One computes while others wait for threads; more would not be read any sooner."""


def _places() -> asyncio.Semaphore:
    return asyncio.Semaphore(AT_ONCE)


@dataclass(frozen=True)
class InTurnStage:
    """The stages after an emergency's answer, one of which decides. A model's answer is not waited for.

    Attributes:
        stages: What a question goes through when its turn comes.
        places: Whose turn it is, in the order of arrival.
    """

    stages: Sequence[PipelineStage]
    places: asyncio.Semaphore = field(default_factory=_places)

    async def __call__(self, consultation: Consultation) -> Decided:
        """See ``PipelineStage``."""
        async with self.places:
            return await consult(self.stages, consultation)
