"""The model's answer. It sees entries and conversation exactly as in training."""

from dataclasses import dataclass

from app.backends.backend import Backend, answer_tokens
from app.pipeline.consultation import Consultation, Decided
from models.engines.engine import Sampling


@dataclass(frozen=True)
class AnswerStage:
    """Asks the model; the last stage.

    Attributes:
        max_new_tokens: Default and upper bound of the length of an answer.
    """

    backend: Backend
    max_new_tokens: int

    async def __call__(self, consultation: Consultation) -> Decided:
        """See ``PipelineStage``."""
        sampling = Sampling(max_new_tokens=answer_tokens(consultation.max_tokens, self.max_new_tokens))
        return Decided(consultation, await self.backend.stream(consultation.conversation, sampling))
