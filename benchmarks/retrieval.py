"""How well the medical knowledge base's entries are found for questions as people ask them, and how fast.

    python benchmarks/retrieval.py        writes benchmarks/retrieval.md

Every file of labelled questions in domains/medical/questions/ is judged. Times are processor times of one thread.
"""

import statistics
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from common.files import write_text
from common.machine import processor
from domains.medical.knowledge_base import KNOWLEDGE
from domains.retrieval.labelled import LabelledQuestion, Share, by_kind, judge, measures, read_questions
from domains.retrieval.retriever import Retriever

QUESTIONS = Path(__file__).parent.parent / "domains/medical/questions"
ROUNDS = 3
LIBRARIES = ("jieba", "numpy", "OpenCC", "pypinyin")


def main() -> None:
    """Measures and writes the page."""
    begun = time.process_time()
    knowledge = KNOWLEDGE.load()
    retriever = Retriever(knowledge)
    loading = time.process_time() - begun
    sets = {file.stem: read_questions(file, knowledge) for file in sorted(QUESTIONS.glob("*.jsonl"))}
    every = [question for questions in sets.values() for question in questions]
    milliseconds = times(every, retriever)
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    text = (
        "# Finding entries\n\n"
        f"Made by `python benchmarks/retrieval.py` on {processor()}; {versions}; knowledge base {knowledge.version} "
        f"({len(knowledge.entries)} entries), lexicon {knowledge.lexicon.sha256[:12]}. Shares in %, with Wilson's 95 % "
        "intervals: the first entry is right; a right one is among the first five (both, where a question names two); "
        "rightly nothing is found. The rules and the threshold were set on `dev` alone.\n\n"
        f"One thread: {statistics.median(milliseconds):.1f} ms a question (median), "
        f"{statistics.quantiles(milliseconds, n=100)[94]:.1f} ms (95th percentile); loading knowledge base, lexicon "
        f"and index {loading:.2f} s.\n\n" + "\n\n".join(table(name, asked, retriever) for name, asked in sets.items())
    )
    write_text(Path(__file__).with_suffix(".md"), text + "\n")
    print(text)


def times(questions: Sequence[LabelledQuestion], retriever: Retriever) -> list[float]:
    """Milliseconds of each question, the least of several rounds: other work on the machine only adds."""
    taken = []
    for asked in questions:
        rounds = []
        for _ in range(ROUNDS):
            begun = time.process_time()
            retriever.retrieve(asked.question, asked.earlier)
            rounds.append(time.process_time() - begun)
        taken.append(min(rounds) * 1e3)
    return taken


def table(name: str, questions: Sequence[LabelledQuestion], retriever: Retriever) -> str:
    judged = judge(questions, retriever)
    rows = [("all", measures(judged)), *by_kind(judged).items()]
    lines = [
        f"| {kind} | {cell(shares.get('at_1'))} | {cell(shares.get('at_5'))} | {cell(shares.get('nothing'))} |"
        for kind, shares in rows
    ]
    head = f"| {name} | first | first five | nothing |\n|---|---|---|---|"
    return "\n".join([head, *lines])


def cell(share: Share | None) -> str:
    if share is None:
        return ""
    return f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%}), n = {share.n}".replace("%", "")


if __name__ == "__main__":
    main()
