"""The model's answer. It sees entries and conversation exactly as in training."""

from dataclasses import dataclass, replace

from app.backends.backend import Backend, PromptTooLong
from app.backends.strategy import stream
from app.config import ServeConfig
from app.pipeline.consultation import Consultation, Decided

EMPTY = "模型没有给出回答，请换一种说法再问。"
FORGOTTEN = "对话较长，模型只读到了最近的部分。"


@dataclass(frozen=True)
class AnswerStage:
    """Asks the model; the last stage.

    Attributes:
        config: How it answers, and how long.
        no_answer: What the domain says to a reader without an answer.
    """

    backend: Backend
    config: ServeConfig
    no_answer: str = ""

    async def __call__(self, consultation: Consultation) -> Decided:
        """See ``PipelineStage``; the older half of a conversation that does not fit is dropped, and the reader told."""
        tokens = self.config.answer_tokens(consultation.max_tokens)
        sampling = replace(consultation.sampling or self.config.qa_sampling, max_new_tokens=tokens)
        try:
            reply = consultation.caller.metered(
                await stream(self.backend, self.config.strategy, consultation.conversation, sampling)
            )
            return Decided(consultation, reply, if_empty=EMPTY + self.no_answer)
        except PromptTooLong:
            if not consultation.history or consultation.turns is not None:
                raise
        exchanges = len(consultation.history) // 2
        kept = consultation.history[2 * ((exchanges + 1) // 2) :]
        notices = dict.fromkeys(filter(None, (consultation.notice, FORGOTTEN)))
        return await self(replace(consultation, history=kept, notice=" ".join(notices)))
