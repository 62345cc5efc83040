"""What to do at once about an accident: said before anything else, also where triage sends the reader to 120."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from app.pipeline.consultation import Consultation, Decided, FixedAnswer
from domains.advice import FirstAid
from domains.safety_rules import Level, LevelText


@dataclass(frozen=True)
class FirstAidStage:
    """Says the domain's sentences.

    Attributes:
        first_aid: Reads a message, with what was said before.
        levels: What each level says.
    """

    first_aid: Callable[[str, Sequence[str]], FirstAid | None]
    levels: Mapping[Level, LevelText]

    async def __call__(self, consultation: Consultation) -> Consultation | Decided:
        """See ``PipelineStage``; a rule of triage that has its own advice for this danger is not overruled."""
        help_, triage = self.first_aid(consultation.question, consultation.asked_before), consultation.triage
        if help_ is None:
            return consultation
        if triage.level == "emergency":
            own = triage.advice != consultation.level.advice
            advice = triage.advice if own else help_.now + triage.advice
            return replace(consultation, triage=triage.model_copy(update={"advice": advice}))
        advice = help_.now + help_.then
        urgent = triage.model_copy(update={"level": "urgent", "advice": advice, "disposition": "today"})
        return Decided(replace(consultation, triage=urgent, level=self.levels["urgent"]), FixedAnswer(advice))
