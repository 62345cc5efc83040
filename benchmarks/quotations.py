"""What is served of answers from a folder's passages: labelled ones, and the reference answers of ``data=grounded``.

    python benchmarks/quotations.py             the test half, and reference answers; writes benchmarks/quotations.md
    python benchmarks/quotations.py half=dev    the half that the rules were written on, with its mistakes
    python benchmarks/quotations.py folder=DIR  reference answers about a folder of your own; writes nothing

A line of ``benchmarks/labelled_quotations/`` is a passage with six answers of a model beside it, of one kind each; the
halves have no passage in common. Claims are in braces: ``{h:…}`` the passage's own whole sentence, ``{p:…}`` a part of
one without what limits it, ``{n:…}`` what the passage does not say, ``{r:…}`` what it says, in other words.
"""

import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.pipeline.answer_check import AnswerCheck
from app.pipeline.consultation import Consultation
from app.pipeline.verify import VerifyStage
from benchmarks.claims import shown, streamed
from common.command import read_config
from common.files import write_text
from common.machine import processor
from data_recipes.config import BuildConfig
from data_recipes.schema.example import Example
from data_recipes.sources.generated.grounded import GroundedSource, read
from domains.documents.folder import PASSAGE
from domains.documents.knowledge_base import KNOWLEDGE
from domains.documents.passage import PassageEntry
from domains.domain import find_domain
from domains.grounding import given_texts
from domains.knowledge_base import KnowledgeBase
from domains.retrieval.retriever import Found, Retrieved

FOLDER = Path(__file__).parent / "labelled_quotations"
FOLDERS = {
    "the handbook that ships": "domains/documents/handbook/*",
    "the medical knowledge base as a folder of entries": "domains/medical/knowledge/*.jsonl",
    "the Chinese pages of this project": "docs/*.zh-CN.md",
}
DOMAIN = "hospital"
SPLITS = ("heldout_phrasing", "unseen_entity")
_CLAIM = re.compile(r"\{([hpnr]):(.*?)([。；]?)\}")
_CITATION = re.compile("【.*?】|「.*?」：")


@dataclass(frozen=True)
class Case:
    """A labelled answer and what is served of it.

    Attributes:
        kind: What it is an example of.
        claims: Label and text of each claim, with what ends it.
        served: What is said.
        passage: What it stands beside.
        completed: Claims that were completed.
    """

    kind: str
    claims: tuple[tuple[str, str], ...]
    served: str
    passage: str
    completed: int

    @property
    def is_own(self) -> bool:
        """Whether every sentence that is served is a whole one of the passage."""
        return {one for one in self._said if one} <= set(re.split("[。；]", self.passage))

    def serves(self, claim: str) -> bool:
        """Whether a claim is served as it is: as a sentence, not as a part of a longer one."""
        return claim.strip("。；") in self._said

    @property
    def _said(self) -> list[str]:
        return re.split("[。；]", _CITATION.sub("", self.served))


def check_of(question: str, ids: Sequence[str], knowledge: KnowledgeBase) -> AnswerCheck:
    """The check of an answer beside these passages, as the service makes it."""
    found = Retrieved(tuple(Found(knowledge.by_id[id], 1.0, "name") for id in ids))
    check = VerifyStage(find_domain(DOMAIN), knowledge).checked(Consultation("r", question, retrieved=found))
    assert check is not None
    return check


def labelled(half: str) -> Iterator[Case]:
    """The labelled answers of a half, as they are served."""
    for line in map(json.loads, (FOLDER / f"{half}.jsonl").read_text(encoding="utf-8").splitlines()):
        entry = PassageEntry(
            id=line["id"],
            type=PASSAGE,
            file="手册.md",
            name=line["name"],
            aliases=(),
            definition=line["text"],
            attributes={},
            subject=line["name"],
        )
        knowledge = KnowledgeBase(entries=(entry,), sha256="0" * 64)
        for case in line["cases"]:
            check = check_of(case["question"], [entry.id], knowledge)
            served = streamed(check, _CLAIM.sub(r"\2\3", case["answer"]))[0]
            claims = tuple((found[1], found[2] + found[3]) for found in _CLAIM.finditer(case["answer"]))
            yield Case(case["kind"], claims, served, line["text"], check.done.completed)


def labelled_rows(cases: Sequence[Case]) -> list[str]:
    """The table of a half."""
    claims = [(label, case.serves(claim), case) for case in cases for label, claim in case.claims]
    held = "whole sentences of the passage"
    rows = [
        (f"served as they are: {held} (precision of held)", [label == "h" for label, same, _ in claims if same]),
        (f"{held}: served as they are (recall of held)", [same for label, same, _ in claims if label == "h"]),
        (
            "parts without what limits them: completed",
            [case.completed > 0 for label, _, case in claims if label == "p"],
        ),
        *(
            (f"· {kind}: not served", [not same for label, same, case in claims if case.kind == kind])
            for kind in ("number", "welded", "negation", "paraphrased")
        ),
        ("answers of which every served sentence is one of the passage's own", [case.is_own for case in cases]),
    ]
    return [f"| {name} | {shown(right)} |" for name, right in rows]


@dataclass(frozen=True)
class Reference:
    """A reference answer and what is served of it.

    Attributes:
        split: Of its example.
        answer: The answer.
        said: What is said.
        lost: Whether a claim, or its citation, was taken out.
    """

    split: str
    answer: str
    said: str
    lost: bool

    @property
    def same(self) -> bool:
        """Whether it is served unchanged."""
        return self.said == self.answer


def reference_answers(folder: str) -> Iterator[Reference]:
    """The answers of the test splits of ``data=grounded``, beside the passages of their prompts."""
    words = ["data=grounded", "out=unused", f"source.domain={DOMAIN}", f"source.path={folder}"]
    source = read_config("build", words, BuildConfig)[0].source
    assert isinstance(source, GroundedSource)
    knowledge = KNOWLEDGE.load(Path(folder))
    for example in read(source):
        if not isinstance(example, Example) or example.split not in SPLITS:
            continue
        system, question, answer = example.messages
        if ids := list(given_texts(system.content)):  # where nothing was found, no model is asked
            check = check_of(question.content, ids, knowledge)
            said = streamed(check, answer.content)[0]
            yield Reference(
                example.split, answer.content, said, bool(check.done.removed or check.done.citations_removed)
            )


def shipped() -> Iterator[tuple[str, list[Reference]]]:
    """The reference answers about each of ``FOLDERS``."""
    for name, files in FOLDERS.items():
        with tempfile.TemporaryDirectory() as folder:
            for path in Path().glob(files):
                shutil.copy(path, folder)
            yield name, list(reference_answers(folder))


def reference_rows(went: Sequence[Reference]) -> list[str]:
    """The table of the reference answers; prints what was changed."""
    for one in went:
        if not one.same:
            print(f"{one.answer}\n  -> {one.said}")
    answers = len({one.answer for one in went})
    rows = [
        *((f"{split}: served unchanged", [one.same for one in went if one.split == split]) for split in SPLITS),
        (f"both, {answers} different answers: something is taken out", [one.lost for one in went]),
    ]
    return [f"| {name} | {shown(right)} |" for name, right in rows]


def main() -> None:
    """Measures, and writes the page."""
    options = dict(word.split("=") for word in sys.argv[1:])
    half, folder = options.get("half", "test"), options.get("folder", "")
    cases = list(labelled(half))
    lines = ["| labelled answers | |", "|---|---|", *labelled_rows(cases)]
    if half == "dev":
        print("\n".join(lines))
        for case in cases:
            wrong = any(case.serves(claim) != (label == "h") for label, claim in case.claims)
            if wrong or not case.is_own or "replaced" in options:
                print(case.kind, case.claims, "->", case.served)
        return
    references = {folder: list(reference_answers(folder))} if folder else dict(shipped())
    references["all of these"] = [one for went in references.values() for one in went]
    for name, went in references.items():
        lines += ["", f"| reference answers of `data=grounded` about {name} | |", "|---|---|", *reference_rows(went)]
    page = "\n".join([*_head(), "", *lines])
    print(page)
    if not folder:
        write_text(Path(__file__).with_suffix(".md"), page + "\n")


def _head() -> list[str]:
    return [
        "# Answers from a folder's passages, checked against them",
        "",
        f"Made by `python benchmarks/quotations.py` on {processor()}; domain `{DOMAIN}`, `verify=strict`. Shares in %, "
        "with Wilson's 95 % intervals. The labelled answers (`labelled_quotations/`: 120 beside 20 made-up passages, "
        "one of each kind beside each) are by the author of the check, written before it and by the same ideas; the "
        "rules were written on the dev half. What is right in other words counts as not held: nothing here can tell "
        "it from what is wrong, and the passage's own sentences are served instead. Reference answers are those of "
        "the test splits; many questions share one.",
    ]


if __name__ == "__main__":
    main()
