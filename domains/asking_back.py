"""What is asked back about a complaint, before it is answered: the questions that decide its red flags.

A domain writes them as a YAML file. Each question is put so that a yes is the bad answer, and has a sign, which is what
a yes says. Answers come back as ordinary turns. A complaint and its answers are then read as one message, in which
triage finds the signs. So 是 is an alarm, although it alone says nothing, and nothing but the conversation is kept.

```yaml
words: …                        # lists that phrases refer to, as in domains/safety_rules.py
opening: …                      # said before the first question
unclear: 有一项危险信号说不清      # what is read where the answer to a question about an emergency is unclear
days: …                         # what to do after the questions where triage names no place
closing: {routine: …, urgent: …}   # said after the last question, with the advice of triage
answers:                        # how answers begin; the first of each kind is what the page offers
  affirmed: [是, 有]
  denied: [没有, 不是]
  unclear: [不清楚]
  leaves: {any: [吗, 什么], except: [没什么]}   # who says one of these does not answer
  beside: ['#(度|)']          # a whole answer that tells something else; the question is asked again, once
complaints:                     # the most dangerous first
  - name: 头痛
    all: [[头痛, 头疼]]           # lists of phrases, and except, as in safety rules
    questions:
      - ask: …                  # 有没有…？ 是不是…？
        sign: …                 # what a yes says; the reason of an alarm
        level: emergency        # of a yes; or urgent
        said: [炸裂]             # a message that says one of these has said yes, and is not asked
        only: [宝宝]             # asked only where the message says one of these
        known: [没发烧]          # not asked where it says one of these
```
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import zip_longest
from typing import Literal

from pydantic import BaseModel, Field, model_validator

from domains.phrases import pattern_of, phrases_of
from domains.safety_rules import (
    CLAUSE_END,
    LEVELS,
    Disposition,
    Level,
    LevelText,
    RulesWithWords,
    RuleTriager,
    SafetyRule,
    SafetyRules,
    Strict,
    Triage,
    Triager,
    Words,
    normalised,
)

MOST = 4
"""Most questions about one message."""

AnswerKind = Literal["affirmed", "denied", "unclear", "beside"]

_NEGATED = re.compile("(?:没有|没(?!有)|不|无)(?!过)[^、,或的?]{1,4}")
_CALLING = re.compile("^(?:(?:医生|大夫|您好|你好|谢谢|哦|呃|额|那个)[,。! ]*)+(?=.)")


class AskedBack(BaseModel):
    """What a service asks back.

    Attributes:
        question: The question.
        choices: The answers that a page offers; any other answer is read, too.
    """

    question: str
    choices: tuple[str, ...]


class RedFlagQuestion(Strict):
    """A question; see the top of this file."""

    ask: str = Field(min_length=1)
    sign: str = Field(min_length=1)
    level: Literal["urgent", "emergency"] = "emergency"
    said: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    known: tuple[str, ...] = ()

    @cached_property
    def negated(self) -> tuple[str, ...]:
        """What the question itself negates: who repeats it says yes (有没有…没有缓解？ 没有缓解)."""
        return tuple(_NEGATED.findall(re.sub("有没有|是不是", "", normalised(self.ask))))

    def decides(self, text: str) -> bool:
        """Whether its answer is still missing in a normalised message."""
        concerned = not self.only or pattern_of(self.only).search(text) is not None
        return concerned and pattern_of(self.known).search(text) is None


class Complaint(SafetyRule):
    """A kind of complaint with its questions, the most dangerous first; heard as triage hears signs."""

    level: Level = "routine"
    questions: tuple[RedFlagQuestion, ...] = Field(min_length=1, max_length=MOST)


class AnswerWords(Strict):
    """How answers begin."""

    affirmed: tuple[str, ...] = Field(min_length=1)
    denied: tuple[str, ...] = Field(min_length=1)
    unclear: tuple[str, ...] = Field(min_length=1)
    leaves: Words
    beside: tuple[str, ...] = ()

    @property
    def by_kind(self) -> dict[AnswerKind, tuple[str, ...]]:
        """The beginnings of each kind."""
        return {"affirmed": self.affirmed, "denied": self.denied, "unclear": self.unclear}

    @property
    def choices(self) -> tuple[str, ...]:
        """What a page offers."""
        return tuple(words[0] for words in self.by_kind.values())

    def kind(self, question: RedFlagQuestion, answer: str) -> AnswerKind | None:
        """What a normalised answer says; None where it is none, but goes on to something else."""
        if pattern_of(self.beside).fullmatch(answer.rstrip("。!")):
            return "beside"
        clause = CLAUSE_END.split(_CALLING.sub("", answer))[0]
        beginnings = self.by_kind | {"affirmed": (*self.affirmed, *question.negated)}
        begun = {kind: _longest_beginning(clause, words) for kind, words in beginnings.items()}
        kind = max(begun, key=lambda kind: begun[kind])
        if self.leaves.within(clause):
            return None
        return kind if begun[kind] else "unclear"


class Closing(Strict):
    """What is said after the last question, by the level of triage; an emergency is told to call before."""

    routine: str
    urgent: str

    def at(self, level: Level) -> str:
        """The text for a level."""
        return self.routine if level == "routine" else self.urgent


class AskBack(RulesWithWords):
    """A whole file; see the top of this module."""

    opening: str
    unclear: str
    days: str
    closing: Closing
    answers: AnswerWords
    complaints: tuple[Complaint, ...]

    @model_validator(mode="after")
    def _texts_are_told_apart(self) -> "AskBack":
        for texts in ([question.ask for question in self.questions], [question.sign for question in self.questions]):
            if mixed := [text for text in texts if sum(text in other for other in texts) > 1]:
                raise ValueError(f"{mixed[0]}: another question has this text, or contains it")
        return self

    @property
    def questions(self) -> list[RedFlagQuestion]:
        """All of them."""
        return [question for complaint in self.complaints for question in complaint.questions]

    @cached_property
    def signs(self) -> dict[str, Level]:
        """What answers show, and how serious that is."""
        shown: dict[str, Level] = {question.sign: question.level for question in self.questions}
        return shown | {self.unclear: "urgent"}

    def without_signs(self, text: str) -> str:
        """What somebody said in his own words: a message without what ``statement`` added to it."""
        for sign in self.signs:
            for added in (f"。{sign}", f"{sign}。", sign):
                text = text.replace(added, "")
        return text

    @cached_property
    def _complaints(self) -> RuleTriager:
        """Hears complaints as triage hears signs: what is denied is none."""
        return RuleTriager(SafetyRules(rules=self.complaints))

    def concerns(self, message: str, triage: Triage) -> bool:
        """Whether a message tells of somebody who is ill now; nothing is asked about what does not.

        Args:
            message: The message.
            triage: What triage makes of it.
        """
        return triage.disposition != "none"

    def next_question(
        self, text: str, asked: Sequence[RedFlagQuestion] = (), earlier: Sequence[RedFlagQuestion] = ()
    ) -> RedFlagQuestion | None:
        """What to ask next about a message; None where all is known, or enough was asked.

        Args:
            text: The complaint with the answers so far, in own words.
            asked: What was asked about it.
            earlier: What was asked about earlier messages, which nobody wants to hear again.
        """
        if len(asked) >= MOST:
            return None
        about = self._questions_about(normalised(text), asked)
        known = (*asked, *earlier, *self.answered_by(text))
        return next((question for question in about if question not in known), None)

    def _questions_about(self, text: str, asked: Sequence[RedFlagQuestion]) -> Iterator[RedFlagQuestion]:
        """The questions of all complaints, by turns; a complaint that was asked about is one whatever is left of it."""
        heard = {finding.reason for finding in self._complaints.findings(text)}
        concerned = [one for one in self.complaints if one.name in heard or set(one.questions) & set(asked)]
        for in_turn in zip_longest(*(one.questions for one in concerned)):
            yield from (question for question in in_turn if question is not None and question.decides(text))

    def answered_by(self, message: str) -> list[RedFlagQuestion]:
        """The questions about a message to which it has said yes itself, in own words."""
        text = normalised(self.without_signs(message))
        return [question for question in self._questions_about(text, ()) if self._is_said(question, text)]

    def _is_said(self, question: RedFlagQuestion, text: str) -> bool:
        return self._complaints.affirmed(phrases_of(question.said), text)

    def concluded(self, triage: Triage) -> Triage:
        """What triage says after the questions: who answered them is a patient, whatever his words sound like."""
        if triage.disposition != "none":
            return triage
        return triage.model_copy(update={"disposition": "days", "advice": self.days})

    def asked_in(self, said: str) -> RedFlagQuestion | None:
        """The question that a turn of the service asks."""
        return next((question for question in self.questions if question.ask in said), None)

    def asked(self, question: RedFlagQuestion) -> AskedBack:
        """A question as it is put to the reader."""
        return AskedBack(question=question.ask, choices=self.answers.choices)

    def leaves_open(self, question: RedFlagQuestion, answer: str) -> bool:
        """Whether an answer tells something else than what was asked: 37.5. It shows nothing, be it good or bad."""
        return self.answers.kind(question, normalised(answer)) == "beside"

    def statement(self, question: RedFlagQuestion, answer: str, again: bool = False) -> str | None:
        """What an answer says in full, to be read with the complaint; empty where that is nothing.

        Args:
            question: The question.
            answer: What was said to it.
            again: Whether it was asked a second time, so that an answer beside it leaves it unclear.

        Returns:
            The statement; None where it is no answer.
        """
        said = normalised(answer)
        kind = self.answers.kind(question, said)
        if kind is None:
            return None
        unclear = self.unclear if question.level == "emergency" else ""
        beside = unclear if again else ""
        shown = {"affirmed": question.sign, "denied": "", "unclear": unclear, "beside": beside}[kind]
        bare = re.sub(r"\W", "", said) in self.answers.by_kind.get(kind, ())
        return "。".join(filter(None, (shown, "" if bare else answer)))


class AnsweredTriager:
    """Triage that knows what answers show; own words are judged by the domain's triager, as ever.

    Args:
        triager: The domain's.
        ask_back: The questions.
    """

    def __init__(self, triager: Triager, ask_back: AskBack) -> None:
        self._triager, self._ask_back = triager, ask_back

    @property
    def levels(self) -> Mapping[Level, LevelText]:
        """See ``Triager.levels``."""
        return self._triager.levels

    @property
    def dispositions(self) -> Mapping[Level, Disposition]:
        """See ``Triager.dispositions``."""
        return self._triager.dispositions

    def triage(self, question: str, earlier: Sequence[str] = ()) -> Triage:
        """See ``Triager.triage``."""
        own_words = self._ask_back.without_signs
        said = self._triager.triage(own_words(question), [own_words(turn) for turn in earlier])
        shown = {sign: level for sign, level in self._ask_back.signs.items() if sign in question}
        if self._ask_back.concerns(own_words(question), said):
            # what triage has weighed in the message and found no alarm is still nothing that waits
            shown |= {one.sign: "urgent" for one in self._ask_back.answered_by(question) if one.sign not in shown}
        level = max((said.level, *shown.values()), key=LEVELS.index)
        reasons = [sign for sign in shown if shown[sign] == level]
        if said.level == level:
            return said.model_copy(update={"reasons": [*said.reasons, *reasons]})
        advice, disposition = self.levels[level].advice, self.dispositions.get(level, "none")
        return Triage(level=level, reasons=reasons, advice=advice, disposition=disposition)


def _longest_beginning(text: str, words: Sequence[str]) -> int:
    return max((len(word) for word in words if text.startswith(word)), default=0)
