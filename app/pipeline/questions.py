"""A message that asks several things: each is answered by itself, and one answer has them all."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from app.pipeline.consultation import Consultation, Decided, PipelineStage, consult, passed
from app.pipeline.verify import VerifyStage
from domains.citations import Quotation
from domains.retrieval.questions import MessageQuestion, questions_of
from models.engines.engine import Completion, FinishReason

MOST = 4
"""Most questions of a message that are answered: each takes a place in the queue of the model."""

LOOKED_AT = 2 * MOST
"""Most that are read: some of them ask for the same."""

TOO_MANY = "一次最多回答{most}个问题，请另外再问：{rest}。"
ENDINGS: tuple[FinishReason, ...] = ("length", "repetition_detected", "stop", "cancelled")
"""Why an answer ended, what the reader must know first."""


@dataclass(frozen=True)
class QuestionsStage:
    """Divides a message into its questions; each goes through the stages that follow.

    Attributes:
        reading: The stages that find out what a question is about, and may decide it by rule.
        answering: Those that ask the model.
        verify: Knows which attributes a question asks for: who asks for the same again asks nothing further.
    """

    reading: Sequence[PipelineStage]
    answering: Sequence[PipelineStage]
    verify: VerifyStage

    async def __call__(self, consultation: Consultation) -> Decided:
        """See ``PipelineStage``; a message with answers to what was asked back about it is not divided."""
        questions = [] if consultation.answered else questions_of(consultation.question)
        read = await self._read(consultation, questions[:LOOKED_AT]) if len(questions) > 1 else []
        answered = _asking_last(read[:MOST])
        if len(answered) < 2:
            return await consult((*self.reading, *self.answering), consultation)
        parts: list[Decided] = []
        try:
            for one in answered:
                parts.append(one if isinstance(one, Decided) else await self._answered(one, len(answered)))
        except BaseException:
            for part in parts:
                part.reply.cancel()
            raise
        unanswered = [_of(one).question for one in read[MOST:]]
        return _together(consultation, parts, [*unanswered, *(["…"] if questions[LOOKED_AT:] else [])])

    async def _read(
        self, consultation: Consultation, questions: Iterable[MessageQuestion]
    ) -> list[Consultation | Decided]:
        """The questions, each read after those before it."""
        read: list[Consultation | Decided] = []
        for question in questions:
            beforehand = [_of(one).question for one in read]
            one = await self._through(consultation, beforehand, question.text)
            if read and not question.aside and self._ask_the_same(read[-1], one, question.loose):
                both = f"{beforehand[-1].rstrip('?？')}，{question.text}"
                read[-1] = await self._through(consultation, beforehand[:-1], both)
            else:
                read.append(one)
        return read

    async def _through(
        self, consultation: Consultation, beforehand: Sequence[str], question: str
    ) -> Consultation | Decided:
        return await passed(self.reading, replace(consultation, question=question, beforehand=beforehand))

    def _ask_the_same(self, before: Consultation | Decided, one: Consultation | Decided, loose: bool) -> bool:
        """Whether questions ask for the same attributes of the same entry; loosely, where it is not known for which."""
        if isinstance(one, Decided):
            return False
        if isinstance(before, Decided):  # by rule: what it quotes need not be asked again
            id, asked = _first(self.verify.asked(one))
            quoted = {(quotation.id, quotation.attribute) for quotation in before.consultation.citations}
            return bool(asked) and quoted.issuperset((id, attribute) for attribute in asked)
        (first, known), (second, asked) = (_first(self.verify.asked(each)) for each in (before, one))
        return first == second and (known == asked != [] or (loose and [] in (known, asked)))

    async def _answered(self, consultation: Consultation, parts: int) -> Decided:
        """The answer to a question; what the client allows for all of them is divided."""
        most = consultation.max_tokens
        share = None if most is None else max(1, most // parts)
        return await consult(self.answering, replace(consultation, max_tokens=share))


@dataclass(frozen=True)
class AnswerInParts:
    """The answers one after the other, each below its question; see ``AnswerStream``.

    Attributes:
        parts: The decided questions.
    """

    parts: Sequence[Decided]

    async def __aiter__(self) -> AsyncIterator[str | Completion]:
        """See ``AnswerStream``."""
        completions: list[Completion] = []
        for heading, part in zip(headings(self.parts), self.parts, strict=True):
            yield heading
            async for event in part:
                if isinstance(event, Completion):
                    completions.append(event)
                else:
                    yield event
        if completions:
            yield _one_completion(completions)

    def cancel(self) -> None:
        """See ``AnswerStream``."""
        for part in self.parts:
            part.reply.cancel()


def headings(parts: Sequence[Decided]) -> Iterator[str]:
    """What is written before each answer: its question."""
    gap = ""
    for part in parts:
        yield f"{gap}「{part.consultation.question}」\n"
        gap = "\n\n"


def divided(answer: str, parts: Sequence[Decided]) -> list[tuple[str, str]]:
    """The whole answer as headings and what follows each; what a stop string has cut off is empty."""
    places: list[int] = []
    for heading in headings(parts):
        place = answer.find(heading, places[-1] + 1 if places else 0)
        places.append(place if place >= 0 else len(answer))
    ends = [*places[1:], len(answer)]
    found = zip(places, map(len, headings(parts)), ends, strict=False)
    return [(answer[place : place + length], answer[place + length : end]) for place, length, end in found]


def _of(one: Consultation | Decided) -> Consultation:
    return one.consultation if isinstance(one, Decided) else one


def _first(asked: Mapping[str, Sequence[str]]) -> tuple[str, Sequence[str]]:
    """The entry that is asked about first, with the attributes that are asked for, none where they are not known."""
    id, attributes = next(iter(asked.items()), ("", []))
    return id, [name for name in attributes if name]


def _asking_last(read: Sequence[Consultation | Decided]) -> list[Consultation | Decided]:
    """What is answered, then what is asked back: one question at a time, of whatever part."""
    asking = [one for one in read if _of(one).asked]
    return [*(one for one in read if not _of(one).asked), *asking[:1]]


def _together(consultation: Consultation, parts: Sequence[Decided], unanswered: Sequence[str]) -> Decided:
    """One answer of several."""
    asked = [part.consultation for part in parts]
    rest = "".join(f"「{question}」" for question in unanswered)
    notices = [*(one.notice for one in asked), TOO_MANY.format(most=MOST, rest=rest) if rest else ""]
    whole = replace(
        consultation,
        asked=asked[-1].asked,
        citations=_each_once(one.citations for one in asked),
        beside=_each_once(one.beside for one in asked),
        notice=" ".join(dict.fromkeys(filter(None, notices))),
    )
    return Decided(whole, AnswerInParts(parts), parts=tuple(parts))


def _each_once(quoted: Iterable[Sequence[Quotation]]) -> list[Quotation]:
    return list({(one.id, one.attribute): one for quotations in quoted for one in quotations}.values())


def _one_completion(of: Sequence[Completion]) -> Completion:
    """What all answers took together."""
    reasons = {one.finish_reason for one in of}
    experts = {one.expert for one in of}
    return Completion(
        text="".join(one.text for one in of),
        finish_reason=next(reason for reason in ENDINGS if reason in reasons),
        prompt_tokens=sum(one.prompt_tokens for one in of),
        completion_tokens=sum(one.completion_tokens for one in of),
        expert=experts.pop() if len(experts) == 1 else None,
    )
