"""Danger to oneself: a person is called, and the reader is told whom to reach."""

from dataclasses import dataclass, replace

from app.compliance.handover import Handover
from app.pipeline.consultation import Consultation
from domains.domain import Domain


@dataclass(frozen=True)
class CrisisStage:
    """Hands over where triage finds danger to oneself; the answer waits for nothing.

    Attributes:
        domain: Knows such danger.
        handover: Calls a person; None where nobody is called.
        contact: Whom the reader can reach, added to the advice; empty where that is nobody.
    """

    domain: Domain
    handover: Handover | None
    contact: str

    async def __call__(self, consultation: Consultation) -> Consultation:
        """See ``PipelineStage``."""
        if not self.domain.crisis(consultation.triage):
            return consultation
        if self.handover:
            self.handover.call(consultation)
        advice = consultation.triage.advice + self.contact
        return replace(consultation, triage=consultation.triage.model_copy(update={"advice": advice}))
