"""Whether somebody may take a medicine: answered by what its entry holds against it, without the model.

A model, asked whether somebody with an ulcer may take ibuprofen, tells how ibuprofen is taken.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace

from app.pipeline.answer_check import AnswerCheck
from app.pipeline.consultation import Consultation, Decided
from domains.citations import marks
from domains.claims.numbers import NumberReader
from domains.domain import Notices
from domains.taking import AnswerOfTaking, MayTake, Taking
from models.engines.engine import Completion


@dataclass(frozen=True)
class TakingStage:
    """Answers in the entry's own words.

    Attributes:
        notices: What is said where an entry does not speak of a circumstance, and that a doctor decides.
        taking: Reads the question.
    """

    notices: Notices
    taking: Taking

    async def __call__(self, consultation: Consultation) -> Consultation | Decided:
        """See ``PipelineStage``."""
        question, earlier = consultation.in_full, consultation.asked_before
        asked = await asyncio.to_thread(self.taking.asked, question, consultation.retrieved, earlier)
        return self._answered(consultation, asked) if asked else consultation

    def _answered(self, consultation: Consultation, asked: MayTake) -> Decided:
        answer = self.taking.answer(asked)
        words = "".join(quotation.text + marks([quotation.id]) for quotation in answer.quotations)
        notes = "\n".join(self._notes(asked, answer))
        ids = [quotation.id for quotation in answer.quotations]
        if words and notes:
            check = AnswerCheck(NumberReader(()), ids, lambda: words, not_mentioned=notes)
        else:
            check = AnswerCheck(NumberReader(()), ids, lambda: notes or f"{words}\n{self.notices.ask_first}")
        return Decided(replace(consultation, citations=answer.quotations, notice="", check=check), Unasked())

    def _notes(self, asked: MayTake, answer: AnswerOfTaking) -> Iterator[str]:
        """What has no entry, and what entries do not speak of."""
        for word in asked.elsewhere:
            yield self.notices.no_entry.format(name=word)
        for name, told in answer.unspoken.items():
            yield self.notices.untold.format(name=name, told="、".join(told))


class Unasked:
    """The reply of a model that was not asked, so that the entry's own words are the answer; see ``AnswerStream``."""

    async def __aiter__(self) -> AsyncIterator[str | Completion]:
        """See ``AnswerStream``."""
        yield Completion("", "stop", 0, 0)

    def cancel(self) -> None:
        """See ``AnswerStream``."""
