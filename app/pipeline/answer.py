"""The model's answer. It sees entries and conversation exactly as in training."""

from dataclasses import dataclass, replace

from app.backends.backend import Backend, answer_tokens
from app.pipeline.consultation import Consultation, Decided
from models.engines.engine import Sampling


@dataclass(frozen=True)
class AnswerStage:
    """Asks the model; the last stage.

    Attributes:
        sampling: How it answers; its length is the default and the upper bound.
    """

    backend: Backend
    sampling: Sampling

    async def __call__(self, consultation: Consultation) -> Decided:
        """See ``PipelineStage``."""
        tokens = answer_tokens(consultation.max_tokens, self.sampling.max_new_tokens)
        sampling = replace(self.sampling, max_new_tokens=tokens)
        return Decided(consultation, await self.backend.stream(consultation.conversation, sampling))
