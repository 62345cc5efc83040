"""Which messages the medical safety rules send to emergency care, beside labels that somebody else gave them.

    python benchmarks/triage.py        writes benchmarks/triage.md

The messages in domains/medical/triage_cases/ were written by somebody who had not seen the rules. ``dev`` may be read
when a rule is made; ``test`` may not.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from common.files import write_text
from domains.domain import find_domain
from domains.medical.knowledge_base import KNOWLEDGE
from domains.retrieval.labelled import Share

CASES = Path(__file__).parent.parent / "domains/medical/triage_cases"
HALVES = ("dev", "test")


@dataclass(frozen=True)
class Case:
    """A message with its label and what the rules say.

    Attributes:
        question: The message.
        kind: What it is about.
        level: The right level.
        given: The level of the rules.
    """

    question: str
    kind: str
    level: str
    given: str


def main() -> None:
    """Judges and writes the page."""
    knowledge = KNOWLEDGE.load()
    triager = find_domain("medical").triager(knowledge)
    page = [
        "# Safety triage",
        "",
        f"Made by `python benchmarks/triage.py`; knowledge base {knowledge.version}. Messages as people type them,"
        " labelled as a"
        " careful emergency physician would; no clinician has reviewed the labels. Shares in %, with Wilson's 95 %"
        " intervals. Rules were changed after reading `dev`, never after reading `test`.",
    ]
    for half in HALVES:
        lines = [json.loads(line) for line in (CASES / f"{half}.jsonl").read_text("utf-8").splitlines()]
        cases = [Case(**line, given=triager.triage(line["question"]).level) for line in lines]
        page += ["", *table(half, cases)]
    write_text(Path(__file__).with_suffix(".md"), "\n".join(page) + "\n")
    print("\n".join(page))


def table(half: str, cases: list[Case]) -> list[str]:
    """The rows of a half."""
    urgent = [case for case in cases if case.level == "emergency"]
    alarmed = [case for case in cases if case.given == "emergency"]
    no_alarm = [case for case in cases if case.level == "routine"]
    rows = [
        (
            "recall: emergencies that are sent to 120 or an emergency department",
            (c.given == "emergency" for c in urgent),
        ),
        ("at least sent to a doctor today", (c.given != "routine" for c in urgent)),
        ("precision: alarms that are one", (c.level == "emergency" for c in alarmed)),
        ("alarms that are one, or that need a doctor today", (c.level != "routine" for c in alarmed)),
        ("false alarms among harmless messages", (c.given == "emergency" for c in no_alarm)),
    ]
    return [f"| {half} ({len(cases)}) | |", "|---|---|", *(f"| {name} | {share(right)} |" for name, right in rows)]


def share(right: Iterable[bool]) -> str:
    """A share with its interval."""
    of = Share.of(list(right))
    return f"{100 * of.value:.1f} [{100 * of.low:.1f}, {100 * of.high:.1f}], n = {of.n}"


if __name__ == "__main__":
    main()
