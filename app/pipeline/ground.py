"""The entries that the model reads before it answers, written exactly as in training."""

from dataclasses import dataclass, replace

from app.backends.backend import Backend, ChatTurn
from app.pipeline.citation_check import CitationCheck
from app.pipeline.consultation import Consultation
from domains.grounding import GivenEntry, fitting_block, statements_of
from domains.knowledge_base import Entry, KnowledgeBase
from models.artifact import GroundingRecord

CUT = "相关资料较长，模型只读到了其中一部分。"
QUESTION = ChatTurn("user", "？")


@dataclass(frozen=True)
class GroundStage:
    """Gives the model the entries that were found for the question; where there are none, it is told so.

    Attributes:
        backend: Counts tokens.
        knowledge: Where the entries are from.
        form: How they are given.
    """

    backend: Backend
    knowledge: KnowledgeBase
    form: GroundingRecord

    async def __call__(self, consultation: Consultation) -> Consultation:
        """See ``PipelineStage``."""
        asked: dict[str, list[str]] = {}
        for quotation in consultation.citations:
            asked.setdefault(quotation.id, []).append(quotation.attribute)
        given = [self._given(self.knowledge.by_id[id], asked[id]) for id in list(asked)[: self.form.entries]]
        block = await fitting_block(given, self.form.template, self.form.budget, self._tokens)
        return replace(
            consultation,
            block=block,
            check=CitationCheck({one.entry.id for one in block.given}),
            notice=" ".join(filter(None, (consultation.notice, CUT if block.cut else ""))),
        )

    def _given(self, entry: Entry, asked: list[str]) -> GivenEntry:
        """What is asked about, then what an entry says first."""
        others = [attribute for attribute in statements_of(entry) if attribute not in asked]
        return GivenEntry.of(entry, asked + others[: max(0, self.form.attributes - len(asked))])

    async def _tokens(self, block: str) -> int:
        """Tokens that a block adds to a prompt."""
        return await self.backend.count([ChatTurn("system", block), QUESTION]) - await self.backend.count([QUESTION])
