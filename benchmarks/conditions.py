"""Whether a reader who tells a circumstance is answered by what the entry holds against the medicine, beside labels.

    python benchmarks/conditions.py             both halves; writes benchmarks/conditions.md
    python benchmarks/conditions.py half=dev    with its mistakes; writes nothing

A line of ``labelled_conditions/`` has a question whether somebody in a circumstance may take a medicine, the entry,
whether it speaks of the circumstance, and the item that does. They were written and labelled by an author who had seen
the knowledge base alone, none of the code. ``dev`` may be read when a word is added; ``test`` may not.
"""

import asyncio
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from claims import shown

from app.backends.backend import AnswerStream, ChatTurn
from app.config import ServeConfig
from app.pipeline.answer_check import NOT_ANSWERED
from app.pipeline.consultation import Consultation, FixedAnswer, PipelineStage, consult
from app.pipeline.in_turn import InTurnStage
from app.pipeline.questions import QuestionsStage
from app.pipeline.taking import TakingStage
from app.service import pipeline
from common.files import write_text
from domains.domain import find_domain
from models.engines.engine import Sampling

FOLDER = Path(__file__).parent / "labelled_conditions"
HALVES = ("dev", "test")
NOTE = "没有专门提到"
CAREFUL = ("禁忌", "注意事项", "相互作用")
_ATTRIBUTE = re.compile(r"的([^，。：【】]{2,5})：[^【】]*【([A-Z]\d+)】")
HEAD = """# Whether somebody in a circumstance may take a medicine

Made by `python benchmarks/conditions.py`; knowledge base {version}. The whole pipeline of the service, with a model
that says nothing, so that entries' own words answer. The questions were written and labelled by an author who had seen
the knowledge base alone, none of the code; no clinician has reviewed the labels. Words were changed after reading
`dev`, never after reading `test`. Where an entry speaks twice of a circumstance only one item is labelled. Shares in %,
with Wilson's 95 % intervals.

- *item shown*: of the questions whose entry speaks of the circumstance, those whose answer has the labelled item.
- *told*: of the others, those whose answer says that it is not mentioned.
- *told wrongly*: of the questions whose entry speaks of it, those whose answer says that it is not mentioned.
- *looks like a yes*: of all, those whose answer quotes an entry, but nothing that it holds against taking
  the medicine, and says nothing of what is not mentioned.
- *no answer*: of all, those that no entry answers: nothing found, declined, sent to 120.
- *without the stage*: the same pipeline without `app/pipeline/taking.py`.

| | item shown | told | told wrongly | looks like a yes | no answer |
|---|---|---|---|---|---|"""


@dataclass(frozen=True)
class Case:
    """A question, its label, and what is served.

    Attributes:
        text: The question.
        drug: Id of the entry.
        quote: The item that speaks of the circumstance; empty where none does.
        served: The answer.
    """

    text: str
    drug: str
    quote: str
    served: str

    @property
    def item_shown(self) -> bool:
        """Whether the item is in the answer."""
        return self.quote in self.served

    @property
    def told(self) -> bool:
        """Whether the answer says that the circumstance is not mentioned."""
        return NOTE in self.served

    @property
    def answered(self) -> bool:
        """Whether it has an entry's words."""
        return bool(_ATTRIBUTE.search(self.served)) or f"【{self.drug}】" in self.served

    @property
    def looks_like_a_yes(self) -> bool:
        """Whether it has an entry's words, and none that warn."""
        said = {attribute for attribute, _ in _ATTRIBUTE.findall(self.served)}
        return self.answered and not self.told and not said & set(CAREFUL)

    @property
    def is_right(self) -> bool:
        """Whether it is as it should be."""
        return self.item_shown and not self.told if self.quote else self.told and f"【{self.drug}】" in self.served


class SilentBackend:
    """A model that says nothing."""

    async def stream(self, conversation: Sequence[ChatTurn], sampling: Sampling) -> AnswerStream:
        """See ``Backend``."""
        return FixedAnswer("")


def main() -> None:
    """Judges, and writes the page."""
    chosen = dict(word.split("=") for word in sys.argv[1:]).get("half")
    domain = find_domain("medical")
    assert domain.knowledge is not None
    knowledge = domain.knowledge.load()
    config = ServeConfig(content_producer="benchmark")
    stages = pipeline(SilentBackend(), domain, domain.triager(knowledge), knowledge, config)  # type: ignore[arg-type]
    without = _without(stages)
    page = [HEAD.format(version=knowledge.version)]
    for half in [chosen] if chosen else HALVES:
        cases = asyncio.run(judged(half, stages))
        if half == chosen == "dev":
            print(
                "\n".join(f"{one.text} ({one.drug} {one.quote})\n    {one.served}" for one in cases if not one.is_right)
            )
        page.append(row(f"{half} ({len(cases)})", cases))
        page.append(row("· without the stage", asyncio.run(judged(half, without))))
    print("\n".join(page))
    if not chosen:
        write_text(Path(__file__).with_suffix(".md"), "\n".join(page) + "\n")


def _without(stages: Sequence[PipelineStage]) -> list[PipelineStage]:
    """The same stages but for the one that is judged, which reads each question of a message."""
    *before, in_turn = stages
    assert isinstance(in_turn, InTurnStage)
    [questions] = in_turn.stages
    assert isinstance(questions, QuestionsStage)
    reading = [stage for stage in questions.reading if not isinstance(stage, TakingStage)]
    assert len(reading) == len(questions.reading) - 1
    return [*before, InTurnStage([replace(questions, reading=reading)])]


async def judged(half: str, stages: Sequence[PipelineStage]) -> list[Case]:
    """The cases of a half."""
    lines = map(json.loads, (FOLDER / f"{half}.jsonl").read_text("utf-8").splitlines())
    return [Case(line["text"], line["drug"], line["quote"], await served(line["text"], stages)) for line in lines]


async def served(question: str, stages: Sequence[PipelineStage]) -> str:
    """What is served."""
    decided = await consult(stages, Consultation("r", question))
    text = "".join([event async for event in decided if isinstance(event, str)])
    return "" if text == NOT_ANSWERED else text


def row(name: str, cases: Sequence[Case]) -> str:
    """The figures of a half."""
    cells = [
        shown(one.item_shown for one in cases if one.quote),
        shown(one.told for one in cases if not one.quote),
        shown(one.told for one in cases if one.quote),
        shown(one.looks_like_a_yes for one in cases),
        shown(not one.answered for one in cases),
    ]
    return f"| {name} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
