"""What the domain itself says to a kind of question, with what entries say of it; the model is not asked."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.pipeline.answer_check import AnswerCheck
from app.pipeline.consultation import Consultation, Decided
from app.pipeline.taking import Unasked
from domains.advice import Advice, Adviser, AskedOf
from domains.citations import Quotation, marks, quoted_items
from domains.claims.numbers import NumberReader
from domains.domain import Notices
from domains.knowledge_base import KnowledgeBase
from domains.taking import Taking


@dataclass(frozen=True)
class AdviceStage:
    """Answers by the first adviser that knows the question.

    Attributes:
        advisers: Of the domain.
        notices: What is said where a medicine has no entry.
        knowledge: The entries.
        taking: Knows what an entry holds against who asks, which is said first; None where there is no such thing.
    """

    advisers: Sequence[Adviser]
    notices: Notices
    knowledge: KnowledgeBase
    taking: Taking | None

    async def __call__(self, consultation: Consultation) -> Consultation | Decided:
        """See ``PipelineStage``."""
        return await asyncio.to_thread(self._decided, consultation)

    def _decided(self, consultation: Consultation) -> Consultation | Decided:
        retrieved = consultation.retrieved
        named = tuple(found.entry for found in retrieved.topic if found.how != "description")
        asked = AskedOf(consultation.in_full, consultation.asked_before, named, self.knowledge)
        advice = next(filter(None, (adviser(asked) for adviser in self.advisers)), None)
        return self._answered(consultation, advice) if advice else consultation

    def _answered(self, consultation: Consultation, advice: Advice) -> Decided:
        retrieved = consultation.retrieved
        against = (
            self.taking.held_against(consultation.in_full, retrieved, consultation.asked_before) if self.taking else []
        )
        version = self.knowledge.version
        known = {(one.id, one.attribute): one.text for one in against}
        said = [
            (entry, attribute, [item for item in items if item not in known.get((entry.id, attribute), "")])
            for entry, attribute, items in advice.quoted
        ]
        quotations: list[Quotation] = [*against, *(quoted_items(*one, version) for one in said if one[2])]
        words = "".join(quotation.text + marks([quotation.id]) for quotation in quotations)
        elsewhere = "" if words else "".join(self.notices.no_entry.format(name=name) for name in retrieved.elsewhere)
        text = "\n".join(filter(None, (words or elsewhere, advice.text)))
        check = AnswerCheck(NumberReader(()), [quotation.id for quotation in quotations], lambda: text)
        return Decided(replace(consultation, citations=quotations, notice="", check=check), Unasked())
