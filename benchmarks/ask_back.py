"""When medicine asks back, beside labels: complaints that need it, and what must never be asked about.

    python benchmarks/ask_back.py        writes benchmarks/ask_back.md

The messages in domains/medical/ask_back_cases/ were labelled before the questions were written, and split by hash.
``dev`` may be read when a phrase is added; ``test`` may not.
"""

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from app.backends.backend import ChatTurn, ModelMissing
from app.backends.missing import MissingModel
from app.config import ServeConfig
from app.pipeline.consultation import Consultation, PipelineStage, consult
from app.service import pipeline
from common.files import write_text
from domains.domain import find_domain
from domains.medical.ask_back import ask_back
from domains.medical.knowledge_base import KNOWLEDGE
from domains.retrieval.labelled import Share

MEDICAL = Path(__file__).parent.parent / "domains/medical"
HALVES = ("dev", "test")
HEAD = """# Asking back

Made by `python benchmarks/ask_back.py`; knowledge base {version}. Whole pipeline, without a model. One author wrote the
messages, their labels and, after these, the questions; strangers' complaints will do worse, and no clinician has
reviewed either. Phrases were changed after reading `dev`, never after reading `test`. Shares in %, with Wilson's 95 %
intervals.

- *precision*: of the messages that are asked about, those that are complaints whose red flags are not decided yet.
- *recall*: of these complaints, those that are asked about. Triage sends some to 120 at once, which are never asked;
  the second recall is that of the others.
- *asked among the others*: knowledge, medicines, results, thanks, figures of speech, pets, and emergencies.

| | precision | recall | sent to 120 at once | recall of the others | asked among the others |
|---|---|---|---|---|---|"""


def main() -> None:
    """Judges and writes the page."""
    knowledge = KNOWLEDGE.load()
    domain = find_domain("medical")
    stages = pipeline(MissingModel("none"), domain, domain.triager(knowledge), knowledge, ServeConfig())
    page = [HEAD.format(version=knowledge.version), *(row(half, stages) for half in HALVES), ""]
    page += [*of_others(stages), "", *answers(stages)]
    write_text(Path(__file__).with_suffix(".md"), "\n".join(page) + "\n")
    print("\n".join(page))


def outcome(stages: Sequence[PipelineStage], said: Sequence[str]) -> str:
    """What the service does with the last of these turns: ``ask``, the level of an alarm, or ``answer``."""
    turns = [ChatTurn("assistant" if place % 2 else "user", text) for place, text in enumerate(said)]
    *history, question = turns
    try:
        decided = asyncio.run(consult(stages, Consultation("r", question.content, history))).consultation
    except ModelMissing:
        return "answer"
    return "ask" if decided.asked else "120" if decided.triage.level == "emergency" else "answer"


def row(half: str, stages: Sequence[PipelineStage]) -> str:
    """The figures of a half."""
    cases = list(lines(MEDICAL / f"ask_back_cases/{half}.jsonl"))
    judged = [(case["asks"], outcome(stages, [case["text"]])) for case in cases]
    cells = [
        share(asks for asks, did in judged if did == "ask"),
        share(did == "ask" for asks, did in judged if asks),
        share(did == "120" for asks, did in judged if asks),
        share(did == "ask" for asks, did in judged if asks and did != "120"),
        share(did == "ask" for asks, did in judged if not asks),
    ]
    return f"| {half} ({len(cases)}) | {' | '.join(cells)} |"


def of_others(stages: Sequence[PipelineStage]) -> Iterator[str]:
    """How often others' messages are asked about: questions to the knowledge base, and emergencies."""
    asked = [one for one in lines(MEDICAL / "questions/test.jsonl") if not one.get("earlier")]
    named = [outcome(stages, [one["question"]]) for one in asked if one["kind"] != "description"]
    files = [MEDICAL / f"triage_cases/test/{name}_scenarios.jsonl" for name in ("unseen", "seen")]
    messages = [one for file in files for one in lines(file)]
    grave = [outcome(stages, [one["text"]]) for one in messages if one["emergency"]]
    harmless = [outcome(stages, [one["text"]]) for one in messages if one.get("disposition") == "none"]
    yield "On messages of other authors, which nobody reads:"
    yield ""
    yield (
        f"- {asked_share(named)} of the questions by which retrieval is tested, without descriptions; in their dev "
        "half, most that are asked about are complaints (头晕三四天了,挂哪个科啊);"
    )
    yield f"- {asked_share(harmless)} of the messages about no patient, by which triage is tested;"
    yield (
        f"- {asked_share(grave)} of the emergencies, instead of being sent to 120 at once: "
        f"{asked_share([did for did in grave if did != '120'])} of those that triage does not hear get a second chance."
    )


def answers(stages: Sequence[PipelineStage]) -> Iterator[str]:
    """Whether 是 to each question is the alarm that its file says."""
    calm = [complaint for complaint in ask_back().complaints if outcome(stages, [complaint.name]) != "120"]
    asked = [(complaint.name, question) for complaint in calm for question in complaint.questions]
    affirmed = [outcome(stages, [name, one.ask, "是"]) == "120" for name, one in asked if one.level == "emergency"]
    denied = [outcome(stages, [name, one.ask, "没有"]) != "120" for name, one in asked]
    yield (
        f"Of {len(calm)} complaints that are no alarm by their name alone: 是 to a question that decides an emergency "
        f"is an alarm in {share(affirmed)}; 没有 to any question is none in {share(denied)}."
    )


def asked_share(outcomes: Iterable[str]) -> str:
    """The share that is asked about."""
    return share(did == "ask" for did in outcomes)


def lines(file: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file."""
    return map(json.loads, file.read_text("utf-8").splitlines())


def share(right: Iterable[bool]) -> str:
    """A share with its interval."""
    of = Share.of(list(right))
    return f"{100 * of.value:.1f} [{100 * of.low:.1f}, {100 * of.high:.1f}], n = {of.n}" if of.n else "–"


if __name__ == "__main__":
    main()
