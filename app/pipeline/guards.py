"""What rules decide before the model and independently of it: emergencies, too long texts, and what is declined."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.backends.backend import TextTooLong
from app.pipeline.consultation import Consultation, Decided, FixedAnswer
from domains.citations import AskedFor, asked_attributes
from domains.domain import Notices
from domains.retrieval.normalise import normalised
from domains.retrieval.turns import is_closing
from domains.retrieval.wording import is_courtesy, small_talk_kind
from domains.safety_rules import NAME, Decline

LONGEST_QUESTION = 4000
"""Most characters of a question that is no emergency."""


class EmergencyStage:
    """Answers an emergency with its level's own answer: what a model adds would only distract, or be wrong."""

    async def __call__(self, consultation: Consultation) -> Consultation | Decided:
        """See ``PipelineStage``; advice for one danger alone (a crisis line) is the answer: few read elsewhere."""
        level, advice = consultation.level, consultation.triage.advice
        if not level.answer:
            return consultation
        return Decided(consultation, FixedAnswer(level.answer if advice == level.advice else advice))


class QuotaStage:
    """Refuses who has used up what his key allows; an emergency has had its answer."""

    async def __call__(self, consultation: Consultation) -> Consultation:
        """See ``PipelineStage``."""
        consultation.caller.check_quota()
        return consultation


class LengthStage:
    """Refuses longer questions than a person writes; only triage reads them."""

    async def __call__(self, consultation: Consultation) -> Consultation:
        """See ``PipelineStage``."""
        if len(consultation.question) > LONGEST_QUESTION:
            raise TextTooLong(LONGEST_QUESTION)
        return consultation


@dataclass(frozen=True)
class DeclineStage:
    """Answers what the domain declines with the fixed text.

    Attributes:
        declines: The rules.
        asked_for: How the attributes of entries are asked for.
    """

    declines: Sequence[Decline]
    asked_for: AskedFor

    async def __call__(self, consultation: Consultation) -> Consultation | Decided:
        """See ``PipelineStage``."""
        for decline in self.declines:
            asked = decline.asked(consultation.question, consultation.asked_before)
            if asked and not self._asks_an_entry(decline, consultation):
                return Decided(replace(consultation, notice=""), FixedAnswer(decline.answer))
        return consultation

    def _asks_an_entry(self, decline: Decline, consultation: Consultation) -> bool:
        """Whether nothing is asked but what an entry says that the question names, rightly spelt or not.

        A passage, which has no attributes, has what its name asks for.
        """
        question, named = (
            consultation.in_full,
            [one for one in consultation.retrieved.topic if one.how != "description"],
        )
        masked = normalised(question)
        for word in sorted((word for one in named for word in (one.matched, *one.entry.names)), key=len, reverse=True):
            masked = masked.replace(normalised(word), NAME) if word else masked
        return bool(decline.spares.fullmatch(masked)) and any(
            not one.entry.attributes or asked_attributes(one.entry, question, self.asked_for) for one in named
        )


@dataclass(frozen=True)
class NotFoundStage:
    """Answers what no entry was found for: a model that answers from entries has nothing to answer from.

    A small one then invents an answer, or takes a greeting for an emergency (benchmarks/real.md). Where a safety rule
    has its own advice (a bite: wash it, a vaccine today), that is the answer.
    """

    notices: Notices

    async def __call__(self, consultation: Consultation) -> Consultation | Decided:
        """See ``PipelineStage``."""
        if consultation.retrieved.found:
            return consultation
        elsewhere = "".join(self.notices.no_entry.format(name=name) for name in consultation.retrieved.elsewhere)
        known = self._first_aid(consultation) or self._small_talk(consultation)
        answer = elsewhere or known or self.notices.not_found
        return Decided(replace(consultation, notice=""), FixedAnswer(answer))

    def _first_aid(self, consultation: Consultation) -> str | None:
        level, advice = consultation.level, consultation.triage.advice
        return advice if level.title and advice != level.advice else None

    def _small_talk(self, consultation: Consultation) -> str | None:
        """What fits a message that asks nothing; None where it asks, or somebody is ill."""
        text = normalised(consultation.question)
        if is_courtesy(text):
            return self.notices.small_talk.get(small_talk_kind(text))
        if is_closing(text) and consultation.triage.disposition == "none":
            return self.notices.small_talk.get("thanks" if "谢" in text else "understood")
        return None
