"""What the knowledge base itself says about a question, quoted so that a reader can check the answer against it."""

from dataclasses import dataclass, replace

from app.pipeline.consultation import Consultation
from domains.citations import quote
from domains.domain import Domain
from domains.knowledge_base import Entry, KnowledgeBase


@dataclass(frozen=True)
class CiteStage:
    """Quotes the entries that a question is about; where there are none, the domain's notice says so."""

    domain: Domain
    knowledge: KnowledgeBase

    async def __call__(self, consultation: Consultation) -> Consultation:
        """See ``PipelineStage``."""
        entries = self._entries(consultation)
        citations = quote(consultation.question, entries, self.knowledge.version, self.domain.asked_for)
        notice = "" if citations else self.domain.notices.no_source
        return replace(consultation, citations=citations, notice=notice)

    def _entries(self, consultation: Consultation) -> list[Entry]:
        """What the question names; a question that names nothing is about what was asked before."""
        asked = reversed([*consultation.asked_before, consultation.question])
        return next(filter(None, map(self.knowledge.find, asked)), [])
