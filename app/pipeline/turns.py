"""The turns that a model gets: what it was trained on, a whole conversation or one question that says all."""

from dataclasses import dataclass, replace

from app.backends.backend import ChatTurn
from app.pipeline.consultation import Consultation
from domains.retrieval.turns import completed
from models.artifact import Turns


@dataclass(frozen=True)
class TurnsStage:
    """Chooses the turns. A model trained on single questions answers about the last subject that it is shown.

    Attributes:
        turns: What the model was trained on.
        names_subjects: Whether entries have names that a question can be completed with; headings of documents do not.
    """

    turns: Turns
    names_subjects: bool

    async def __call__(self, consultation: Consultation) -> Consultation:
        """See ``PipelineStage``."""
        if self.turns == "multi":
            return consultation
        return replace(consultation, turns=(ChatTurn("user", self._in_full(consultation)),))

    def _in_full(self, consultation: Consultation) -> str:
        """The question with the name of the entry that it is still about."""
        subject = consultation.retrieved.topic[:1]
        if self.names_subjects and subject and subject[0].how == "earlier":
            return completed(consultation.question, subject[0].entry.name)
        return consultation.question
