"""Whether a reader is told that no entry speaks of what he asked: 奥司他韦孕妇能用吗, beside labels.

    python benchmarks/mentions.py             both halves; writes benchmarks/mentions.md
    python benchmarks/mentions.py half=dev    the half that the words were chosen on, with its mistakes; writes nothing

A line of ``labelled_mentions/`` has a label, an entry and a yes-or-no question about it. The questions were labelled
beside the entries before the rule was written, by its author, and divided by a hash of the question. ``dev`` may be
read when a word is added; ``test`` may not.
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from claims import Bench, shown

from app.pipeline.answer_check import NOT_ANSWERED
from common.files import write_text
from domains.retrieval.retriever import Retriever

FOLDER = Path(__file__).parent / "labelled_mentions"
QUESTIONS = Path(__file__).parent.parent / "domains/medical/questions"
HALVES = ("dev", "test")
ENDS = {
    "told": "are answered and told that it is not mentioned",
    "not answered": "are told that the entry does not answer",
    "not found": "have no entry",
}
HEAD = """# Questions that no entry speaks of

Made by `python benchmarks/mentions.py`; knowledge base {version}. A yes-or-no question may ask something in particular
that its entry does not mention. Then the entry's list is no answer, and the reader is told so. The model says nothing
here, so that entries' own words answer. One author labelled the questions beside the entries and then wrote the rule,
so strangers' questions will do worse; no clinician has reviewed the labels. Words were changed after reading `dev`,
never after reading `test`. Shares in %, with Wilson's 95 % intervals.

- *precision*: of the questions whose reader is told, those that the entry does not speak of.
- *recall*: of the questions that the entry does not speak of, those whose reader is told.
- *answered*: of the others, those that are answered without it.

| | precision | recall | answered |
|---|---|---|---|"""


def main() -> None:
    """Judges, and writes the page."""
    chosen = dict(word.split("=") for word in sys.argv[1:]).get("half")
    bench = Bench("medical")
    retriever = Retriever(bench.knowledge)
    page = [HEAD.format(version=bench.knowledge.version)]
    for half in [chosen] if chosen else HALVES:
        judged = []
        for line in (FOLDER / f"{half}.tsv").read_text("utf-8").splitlines():
            label, _, question = line.split("\t")
            judged.append((label == "not_answered", how_it_ends(question, bench, retriever) != "answered"))
            if half == chosen == "dev" and judged[-1][0] != judged[-1][1]:
                print(f"{'missed' if judged[-1][0] else 'wrong'}: {line}")
        page.append(row(half, judged))
    for half in [chosen] if chosen else HALVES:
        lines = map(json.loads, (QUESTIONS / f"{half}.jsonl").read_text("utf-8").splitlines())
        asked = [line["question"] for line in lines if line["kind"] != "none" and not line.get("earlier")]
        ends = [how_it_ends(question, bench, retriever) for question in asked]
        if half == chosen == "dev":
            print("\n".join(question for question, end in zip(asked, ends, strict=True) if end == "told"))
        page += [
            "",
            f"Of the questions by which retrieval is tested (`{half}`): "
            + ", ".join(f"{shown(end == one for end in ends)} {what}" for one, what in ENDS.items())
            + ".",
        ]
    print("\n".join(page))
    if not chosen:
        write_text(Path(__file__).with_suffix(".md"), "\n".join(page) + "\n")


def how_it_ends(question: str, bench: Bench, retriever: Retriever) -> str:
    """A key of ``ENDS``, or ``answered``."""
    check = bench.check_found(question, retriever.retrieve(question))
    if check is None:
        return "not found"
    if check.finish("") == NOT_ANSWERED:
        return "not answered"
    return "told" if check.done.not_mentioned else "answered"


def row(half: str, judged: Iterable[tuple[bool, bool]]) -> str:
    """The figures of a half."""
    pairs = list(judged)
    cells = [
        shown(label for label, told in pairs if told),
        shown(told for label, told in pairs if label),
        shown(not told for label, told in pairs if not label),
    ]
    return f"| {half} ({len(pairs)}) | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
