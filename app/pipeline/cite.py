"""What the knowledge base itself says about a question, quoted so that a reader can check the answer against it."""

import asyncio
from dataclasses import dataclass, replace

from app.pipeline.consultation import Consultation
from domains.citations import quote
from domains.domain import Domain
from domains.retrieval.retriever import Retriever


@dataclass(frozen=True)
class CiteStage:
    """Quotes the entries that a question is about; where there are none, the domain's notice says so.

    Attributes:
        domain: How attributes are asked for; the notice.
        retriever: Finds the entries.
        version: Of the knowledge base.
    """

    domain: Domain
    retriever: Retriever
    version: str

    async def __call__(self, consultation: Consultation) -> Consultation:
        """See ``PipelineStage``."""
        retrieved = await asyncio.to_thread(self.retriever.retrieve, consultation.question, consultation.asked_before)
        entries = [found.entry for found in retrieved.topic]
        citations = quote(retrieved.asked, entries, self.version, self.domain.asked_for)
        unknown = [self.domain.notices.no_entry.format(name=name) for name in retrieved.elsewhere]
        notice = "".join(unknown) if citations else self.domain.notices.no_source
        return replace(consultation, retrieved=retrieved, citations=citations, notice=notice)
