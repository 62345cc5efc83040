"""Triage: how serious a question is, by rule, before the model and independently of it.

Rules run in a thread of their own, so that neither a long text nor what fills the other threads keeps the event loop or
an emergency waiting. A long text is judged in windows: every part of it is read, in time linear in its length, and
between two windows other questions have their turn.
"""

import asyncio
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from app.pipeline.consultation import Consultation
from domains.retrieval.retriever import TURNS, Retriever
from domains.safety_rules import LEVELS, Triage, Triager

WINDOW, OVERLAP = 1000, 250  # characters; signs that are further apart than a window do not add up
EARLIER = 12  # turns of the same person that signs are added up over

_LONG_NUMBER = re.compile(r"(\d{12})\d+")


def _own_thread() -> Executor:
    return ThreadPoolExecutor(1, thread_name_prefix="triage")


@dataclass(frozen=True)
class TriageStage:
    """Judges a question by the domain's safety rules.

    Attributes:
        triager: Applies the rules.
        retriever: Knows whether a question leaves what was said before.
        thread: Where the rules run.
    """

    triager: Triager
    retriever: Retriever
    thread: Executor = field(default_factory=_own_thread)

    async def __call__(self, consultation: Consultation) -> Consultation:
        """See ``PipelineStage``."""
        earlier = _latest(consultation.asked_before)
        judged: list[Triage] = []
        for window in windows(consultation.question):
            judged.append(await asyncio.get_running_loop().run_in_executor(self.thread, self._judged, window, earlier))
            if judged[-1].level == "emergency":
                break
        worst = max(judged, key=lambda triage: LEVELS.index(triage.level))
        return replace(consultation, triage=worst, level=self.triager.levels[worst.level])

    def _judged(self, question: str, earlier: Sequence[str]) -> Triage:
        """What the conversation shows; an alarm that was given holds until the conversation moves on.

        What an alarm rests on is compared, because signs add up over all turns: 胸口疼, another question, 还出冷汗.
        """
        together = self.triager.triage(question, earlier)
        if not earlier:
            return together
        alarm = self._last_alarm(earlier)
        if alarm is None:
            return together
        turns = [*earlier, question]
        since = max((place for place in range(1, len(turns)) if self._moves_on(turns, place)), default=0)
        if not since:
            return together if together.level == "emergency" else alarm
        before = self._last_alarm(turns[:since])
        if together.level == "emergency" and not (before and set(together.reasons) <= set(before.reasons)):
            return together
        return self._judged(question, turns[since:-1])

    def _last_alarm(self, turns: Sequence[str]) -> Triage | None:
        for place in reversed(range(max(0, len(turns) - TURNS), len(turns))):
            if (triage := self.triager.triage(turns[place], turns[:place])).level == "emergency":
                return triage
        return None

    def _moves_on(self, turns: Sequence[str], place: int) -> bool:
        return self.retriever.moves_on(turns[place], turns[:place])


def windows(text: str) -> Iterator[str]:
    """A text in overlapping parts; a short one whole. Numbers that no rule could mean, which take long, are cut."""
    text = _LONG_NUMBER.sub(r"\1", text)
    for start in range(0, max(1, len(text) - OVERLAP), WINDOW - OVERLAP):
        yield text[start : start + WINDOW]


def _latest(turns: Sequence[str]) -> list[str]:
    """The last turns, at most a window of characters: what is older was judged when it was said."""
    kept: list[str] = []
    room = WINDOW
    for turn in reversed(turns[-EARLIER:]):
        if room <= 0:
            break
        kept.append(turn[-room:])
        room -= len(turn)
    return kept[::-1]
