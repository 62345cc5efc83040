"""The turns that a model gets: what it was trained on, a whole conversation or one question that says all."""

from dataclasses import dataclass, replace

from app.backends.backend import ChatTurn
from app.pipeline.consultation import Consultation
from models.artifact import Turns


@dataclass(frozen=True)
class TurnsStage:
    """Chooses the turns. A model trained on single questions answers about the last subject that it is shown.

    Attributes:
        turns: What the model was trained on.
    """

    turns: Turns

    async def __call__(self, consultation: Consultation) -> Consultation:
        """See ``PipelineStage``."""
        if self.turns == "multi":
            return consultation
        return replace(consultation, turns=(ChatTurn("user", consultation.in_full),))
