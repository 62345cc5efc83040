"""Asking back: a complaint is asked about its red flags before it is answered, one question at a time.

Three stages share the conversation, and nothing else. Before triage, a complaint is read with the answers to what was
asked about it as one message; after it, what answers show is taken out again, because nothing is looked up by that;
then the next question is asked, or the reader is told what to do.
"""

import asyncio
from dataclasses import dataclass, replace

from app.backends.backend import ChatTurn
from app.pipeline.consultation import Consultation, Decided, FixedAnswer
from domains.asking_back import AskBack, RedFlagQuestion
from domains.citations import AskedFor, asked_attributes


@dataclass(frozen=True)
class AnswersStage:
    """Reads answers with their complaint; before triage, which knows what 是 says only so.

    Attributes:
        ask_back: The questions.
    """

    ask_back: AskBack

    async def __call__(self, consultation: Consultation) -> Consultation:
        """See ``PipelineStage``; who says something else instead of an answer begins a new message.

        A question whose answer tells something beside it is asked again, once.
        """
        turns: list[ChatTurn] = []
        answered: list[RedFlagQuestion] = []
        earlier: list[RedFlagQuestion] = []
        reply: ChatTurn | None = None
        left_open: RedFlagQuestion | None = None
        for turn in (*consultation.history, ChatTurn("user", consultation.question)):
            if turn.role == "assistant":
                reply = turn
                continue
            question = self.ask_back.asked_in(reply.content) if reply else None
            again = question == left_open
            statement = self.ask_back.statement(question, turn.content, again) if question else None
            left_open = None
            if question and statement is not None:
                turns[-1] = ChatTurn("user", "。".join(filter(None, (turns[-1].content, statement))))
                if self.ask_back.leaves_open(question, turn.content) and not again:
                    left_open = question
                else:
                    answered.append(question)
            else:
                turns += [reply, turn] if reply else [turn]
                earlier += [*answered, question] if question else answered
                answered = []
        *history, message = turns
        return replace(
            consultation,
            history=history,
            question=message.content,
            answered=tuple(answered),
            asked_earlier=tuple(earlier),
        )


@dataclass(frozen=True)
class OwnWordsStage:
    """Leaves what a person said in his own words; after triage.

    Attributes:
        ask_back: The questions.
    """

    ask_back: AskBack

    async def __call__(self, consultation: Consultation) -> Consultation:
        """See ``PipelineStage``."""
        own_words = self.ask_back.without_signs
        history = [
            ChatTurn("user", own_words(turn.content)) if turn.role == "user" else turn for turn in consultation.history
        ]
        return replace(consultation, history=history, question=own_words(consultation.question))


@dataclass(frozen=True)
class AskBackStage:
    """Asks what decides the red flags of a complaint, and then says what to do.

    Attributes:
        ask_back: The questions.
        asked_for: How questions ask for attributes of entries.
    """

    ask_back: AskBack
    asked_for: AskedFor

    async def __call__(self, consultation: Consultation) -> Consultation | Decided:
        """See ``PipelineStage``; where the message is about no patient, nothing is asked."""
        question = await asyncio.to_thread(self._next_question, consultation)
        if question:
            opening = "" if consultation.answered else f"{self.ask_back.opening}\n"
            asking = replace(consultation, asked=self.ask_back.asked(question), citations=(), notice="")
            return Decided(asking, FixedAnswer(opening + question.ask))
        if not consultation.answered:
            return consultation
        concluded = replace(consultation, triage=self.ask_back.concluded(consultation.triage))
        if self._asks_more(consultation):
            return concluded
        closing = self.ask_back.closing.at(concluded.triage.level)
        return Decided(replace(concluded, citations=(), notice=""), FixedAnswer(closing))

    def _next_question(self, consultation: Consultation) -> RedFlagQuestion | None:
        begun = consultation.answered or self.ask_back.concerns(consultation.question, consultation.triage)
        if not begun:
            return None
        answered, earlier = consultation.answered, consultation.asked_earlier
        return self.ask_back.next_question(consultation.question, answered, earlier)

    def _asks_more(self, consultation: Consultation) -> bool:
        """Whether the message also asks for something that an entry holds: 头疼吃什么药."""
        entries = (found.entry for found in consultation.retrieved.topic)
        return any(asked_attributes(entry, consultation.question, self.asked_for) for entry in entries)
