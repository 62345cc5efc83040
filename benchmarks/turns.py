"""Whether a second question is recognised as being about the first one, beside labels.

    python benchmarks/turns.py        writes benchmarks/turns.md

The pairs in domains/medical/turns/ were labelled before the rules of domains/retrieval/turns.py were written, and split
at random. ``dev`` may be read when a rule is made; ``test`` may not.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from common.files import write_text
from domains.medical.knowledge_base import KNOWLEDGE
from domains.retrieval.labelled import Share
from domains.retrieval.retriever import Retriever

PAIRS = Path(__file__).parent.parent / "domains/medical/turns"
HALVES = ("dev", "test")


def main() -> None:
    """Judges and writes the page."""
    knowledge = KNOWLEDGE.load()
    retriever = Retriever(knowledge)
    page = [
        "# Second questions",
        "",
        f"Made by `python benchmarks/turns.py`; knowledge base {knowledge.version}. A second question is a follow-up"
        " where it cannot be understood without the first; one that names its own subject, greets, thanks or closes is"
        " not. One author wrote the pairs and the rules, so strangers' questions will do worse. Shares in %, with"
        " Wilson's 95 % intervals. Rules were changed after reading `dev`, never after reading `test`.",
        "",
        "| | precision: said to be follow-ups that are | recall: follow-ups that are recognised | all right |",
        "|---|---|---|---|",
        *(row(half, retriever) for half in HALVES),
    ]
    write_text(Path(__file__).with_suffix(".md"), "\n".join(page) + "\n")
    print("\n".join(page))


def row(half: str, retriever: Retriever) -> str:
    """The figures of a half."""
    pairs = [json.loads(line) for line in (PAIRS / f"{half}.jsonl").read_text("utf-8").splitlines()]
    judged = [(pair["follow_up"], retriever.is_follow_up(pair["question"], pair["earlier"])) for pair in pairs]
    precision, recall = (right for right, said in judged if said), (said for right, said in judged if right)
    return f"| {half} ({len(pairs)}) | {share(precision)} | {share(recall)} | {share(a == b for a, b in judged)} |"


def share(right: Iterable[bool]) -> str:
    """A share with its interval."""
    of = Share.of(list(right))
    return f"{100 * of.value:.1f} [{100 * of.low:.1f}, {100 * of.high:.1f}], n = {of.n}"


if __name__ == "__main__":
    main()
