"""What the knowledge base itself says about a question, quoted so that a reader can check the answer against it."""

from dataclasses import dataclass, replace

from app.pipeline.consultation import Consultation
from domains.citations import quote
from domains.domain import Domain
from domains.knowledge_base import KnowledgeBase


@dataclass(frozen=True)
class CiteStage:
    """Quotes the entries that a question names; where it names none, the domain's notice says so."""

    domain: Domain
    knowledge: KnowledgeBase

    async def __call__(self, consultation: Consultation) -> Consultation:
        """See ``PipelineStage``."""
        citations = quote(consultation.question, self.knowledge, self.domain.asked_for)
        notice = "" if citations else self.domain.notices.no_source
        return replace(consultation, citations=citations, notice=notice)
