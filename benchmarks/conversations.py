"""How second questions and messages that ask several things are understood, beside a stranger's labels.

    python benchmarks/conversations.py             both halves; writes benchmarks/conversations.md
    python benchmarks/conversations.py half=dev    with its mistakes; writes nothing

The cases in domains/medical/follow_ups/ and double_questions/ were written and labelled by an author who did not see
the code, and divided by scenario. ``dev`` may be read when a rule is made; ``test`` may not.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.backends.backend import AnswerStream, ChatTurn
from app.backends.missing import MissingModel
from app.config import ServeConfig
from app.pipeline.answer_check import NOT_ANSWERED
from app.pipeline.consultation import Consultation, Decided, PipelineStage, consult
from app.service import pipeline
from common.files import write_text
from domains.citations import Quotation, quoted_attribute
from domains.domain import find_domain
from domains.knowledge_base import KnowledgeBase
from domains.medical.knowledge_base import KNOWLEDGE
from domains.retrieval.labelled import Share
from models.conversation import Prompt
from models.engines.engine import Completion, Sampling

MEDICAL = Path(__file__).parent.parent / "domains/medical"
HALVES = ("dev", "test")
HEAD = """# Second questions, and messages that ask several things

Made by `python benchmarks/conversations.py`; knowledge base {version}. Whole pipeline without asking back, with a model
that says nothing: an entry's own words answer, so that it is seen which attributes of which entry a question is taken
to ask for. The cases are by an author who did not see the code; no clinician has reviewed them. Rules were changed
after reading `dev`, never after reading `test`. Shares in %, with Wilson's 95 % intervals.
"""
FOLLOW_UPS = """
## Second questions

A first question and a second one, which goes on from it, is about another entry, or is about none.

- *entry*: the first entry that is cited is the labelled one; none is, where none is labelled.
- *attribute*: of those with an entry; what answers is the labelled attribute, alone or with one other; where the entry
  does not say it, the reader is told so.

| | entry | attribute |
|---|---|---|"""
DOUBLES = """
## Messages that ask several things

Messages of two questions, and messages of one that have several clauses.

- *two, divided*: messages of two questions that are answered in two parts.
- *one, not divided*: messages of one question that are answered as one.
- *entry*: of all questions, those whose part cites the labelled entry first; where none is labelled, those that the
  reader is told have no answer. Where the number of parts is wrong, those whose entry is cited at all.
- *answered*: of all questions, those that the labelled attribute of that entry answers (alone or with one other in its
  part), or of which the reader is told that there is no answer.

| | two, divided | one, not divided | entry | answered |
|---|---|---|---|---|"""


class Silence:
    """An answer without a word; see ``AnswerStream``."""

    async def __aiter__(self) -> AsyncIterator[str | Completion]:
        yield Completion("", "stop", 0, 0)

    def cancel(self) -> None:
        """There is nothing to cancel."""


class SilentModel(MissingModel):
    """A model that says nothing."""

    async def stream(self, prompt: Prompt, sampling: Sampling) -> AnswerStream:
        """See ``Backend.stream``."""
        return Silence()


@dataclass(frozen=True)
class Answered:
    """What the service answers to one question.

    Attributes:
        entries: Ids of what it cites, in order.
        attributes: Of the first of them, those that are said.
        told: Whether the reader is told that there is no answer.
    """

    entries: tuple[str, ...]
    attributes: tuple[str, ...]
    told: bool

    def is_of(self, entry: str) -> bool:
        """Whether it cites an entry first; none, where that is empty."""
        return self.entries[:1] == ((entry,) if entry else ())

    def says(self, attribute: str) -> bool:
        """Whether it answers by an attribute; says that there is no answer, where that is empty."""
        return attribute in self.attributes and len(self.attributes) < 3 if attribute else self.told


class Bench:
    """The service without a model."""

    def __init__(self) -> None:
        self.knowledge: KnowledgeBase = KNOWLEDGE.load()
        domain = find_domain("medical")
        triager, config = domain.triager(self.knowledge), ServeConfig(ask_back=False)
        self._not_found = domain.notices.not_found
        self._stages: Sequence[PipelineStage] = pipeline(
            SilentModel("none"), domain, triager, self.knowledge, config, turns="single"
        )

    def answered(self, *said: str) -> list[Answered]:
        """What the last of several messages is answered, by parts."""
        return asyncio.run(self._answered(said))

    async def _answered(self, said: Sequence[str]) -> list[Answered]:
        *before, message = said
        history = [turn for text in before for turn in (ChatTurn("user", text), ChatTurn("assistant", "好的。"))]
        decided = await consult(self._stages, Consultation("r", message, history))
        return [await self._part(part) for part in decided.parts or (decided,)]

    async def _part(self, decided: Decided) -> Answered:
        said = "".join([event async for event in decided if isinstance(event, str)])
        cited = decided.consultation.citations
        entry = self.knowledge.by_id[cited[0].id] if cited else None
        names = entry.attributes if entry else ()
        attributes = [
            name
            for name in names
            if entry and (quoted_attribute(entry, name, "").text in said or _quotes(said, cited, entry.id, name))
        ]
        told = (
            said == self._not_found
            or NOT_ANSWERED in said
            or bool(decided.verification and decided.verification.not_mentioned)
        )
        return Answered(tuple(one.id for one in cited), tuple(attributes), told)


def _quotes(said: str, cited: Sequence[Quotation], id: str, attribute: str) -> bool:
    """Whether a citation of an attribute is said, in whatever order its items are."""
    return any((one.id, one.attribute) == (id, attribute) and one.text in said for one in cited)


def main() -> None:
    """Judges, and writes the page."""
    chosen = dict(word.split("=") for word in sys.argv[1:]).get("half")
    bench, halves = Bench(), [chosen] if chosen else HALVES
    page = [HEAD.format(version=bench.knowledge.version), FOLLOW_UPS]
    page += [follow_ups(bench, half, half == chosen == "dev") for half in halves]
    page += [DOUBLES, *(doubles(bench, half, half == chosen == "dev") for half in halves)]
    print("\n".join(page))
    if not chosen:
        write_text(Path(__file__).with_suffix(".md"), "\n".join(page) + "\n")


def follow_ups(bench: Bench, half: str, mistakes: bool) -> str:
    """The figures of second questions; prints the mistakes where they may be read."""
    entry, attribute = [], []
    cases = lines(MEDICAL / f"follow_ups/{half}.jsonl")
    for case in cases:
        parts = bench.answered(case["first"], case["second"])
        entry.append(len(parts) == 1 and parts[0].is_of(case["entry"]))
        if case["entry"]:
            attribute.append(entry[-1] and parts[0].says(case["attribute"]))
        if mistakes and not (entry[-1] and (not case["entry"] or attribute[-1])):
            print(case["first"], "/", case["second"], case["entry"], case["attribute"], parts)
    return f"| {half} ({len(cases)}) | {share(entry)} | {share(attribute)} |"


def doubles(bench: Bench, half: str, mistakes: bool) -> str:
    """The figures of messages that ask several things."""
    divided, whole, entry, answered = [], [], [], []
    cases = lines(MEDICAL / f"double_questions/{half}.jsonl")
    for case in cases:
        parts, asked = bench.answered(case["text"]), case["parts"]
        right = len(parts) == len(asked)
        (divided if len(asked) > 1 else whole).append(right)
        found = [of_part(parts, question, place if right else None) for place, question in enumerate(asked)]
        entry += [of_entry for of_entry, _ in found]
        answered += [of_answer for _, of_answer in found]
        if mistakes and not (right and all(map(all, found))):
            print(case["text"], [(question["entry"], question["attribute"]) for question in asked], parts)
    return f"| {half} ({len(cases)}) | {share(divided)} | {share(whole)} | {share(entry)} | {share(answered)} |"


def of_part(parts: Sequence[Answered], question: dict[str, Any], place: int | None) -> tuple[bool, bool]:
    """Whether a question has its entry, and its answer; the place of its part is None where their number is wrong."""
    entry, attribute = question["entry"], question["attribute"]
    if place is None:
        found = bool(entry) and any(entry in part.entries for part in parts)
        return found, found and any(part.is_of(entry) and part.says(attribute) for part in parts)
    part = parts[place]
    return (part.is_of(entry), part.is_of(entry) and part.says(attribute)) if entry else (part.told, part.told)


def lines(file: Path) -> list[dict[str, Any]]:
    """The objects of a file."""
    return list(map(json.loads, file.read_text("utf-8").splitlines()))


def share(right: Iterable[bool]) -> str:
    """A share with its interval."""
    of = Share.of(list(right))
    return f"{100 * of.value:.1f} [{100 * of.low:.1f}, {100 * of.high:.1f}], n = {of.n}" if of.n else "–"


if __name__ == "__main__":
    main()
