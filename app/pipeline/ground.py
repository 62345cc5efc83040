"""The entries that the model reads before it answers, written exactly as in training."""

from dataclasses import dataclass, replace

from app.backends.backend import Backend, ChatTurn
from app.pipeline.citation_check import CitationCheck
from app.pipeline.consultation import Consultation
from domains.citations import AskedFor
from domains.grounding import fitting_block
from domains.reading import entries_to_read
from models.artifact import GroundingRecord

CUT = "相关资料较长，模型只读到了其中一部分。"
QUESTION = ChatTurn("user", "？")


@dataclass(frozen=True)
class GroundStage:
    """Gives the model the entries that were found for the question; where there are none, it is told so.

    Attributes:
        backend: Counts tokens.
        asked_for: How the attributes of the knowledge base are asked for.
        form: How they are given.
    """

    backend: Backend
    asked_for: AskedFor
    form: GroundingRecord

    async def __call__(self, consultation: Consultation) -> Consultation:
        """See ``PipelineStage``."""
        form, question = self.form, consultation.question
        given = entries_to_read(consultation.retrieved, question, self.asked_for, form.entries, form.attributes)
        block = await fitting_block(given, form.template, form.budget, self._tokens)
        return replace(
            consultation,
            block=block,
            check=CitationCheck({one.entry.id for one in block.given}),
            notice=" ".join(filter(None, (consultation.notice, CUT if block.cut else ""))),
        )

    async def _tokens(self, block: str) -> int:
        """Tokens that a block adds to a prompt."""
        return await self.backend.count([ChatTurn("system", block), QUESTION]) - await self.backend.count([QUESTION])
