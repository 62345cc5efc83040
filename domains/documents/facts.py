"""What can be asked about the passages of a folder, each with the sentences that answer it."""

import re
from collections.abc import Iterator, Sequence

from domains.documents.passage import CONTENT, PassageEntry, as_text, sentences, statements
from domains.documents.phrasings import ANSWER, PASSAGE, reworded
from domains.documents.written import WrittenQuestion
from domains.facts import Fact
from domains.grounding import quoted
from domains.knowledge_base import KnowledgeBase
from domains.wording import Wording

QUESTION = "问答"
"""The kind of the facts whose question is in the folder; those about a heading are ``CONTENT``."""

LONGEST_ANSWER = 100

_END = re.compile("[。；;，,]+$")


def passages_of(kb: KnowledgeBase) -> list[PassageEntry]:
    """The passages that can be asked about: those with a subject of their own."""
    return [entry for entry in kb.entries if isinstance(entry, PassageEntry) and entry.called]


def fact_about(entry: PassageEntry) -> Fact:
    """The question that a passage answers, or what can be asked about its heading: all of it, or its beginning."""
    return _fact(
        entry,
        key=f"{entry.id}.{QUESTION if entry.is_answer else CONTENT}",
        wording=ANSWER if entry.is_answer else PASSAGE,
        slots={"name": entry.subject, "reworded": reworded(entry.subject)},
        said=_first(entry.definition),
    )


def written_facts(entry: PassageEntry, written: Sequence[WrittenQuestion]) -> Iterator[Fact]:
    """The questions that a teacher wrote about a passage; of three or more the last one is kept for testing."""
    said = sentences(entry.definition)
    for number, one in enumerate(written, 1):
        kept = number == len(written) >= 3
        wording = Wording("{items}", {} if kept else {"written": ("{name}",)}, ("{name}",) if kept else ())
        answers = [said[place - 1] for place in one.sentences]
        yield _fact(entry, f"{entry.id}.written{number}", wording, {"name": one.question}, answers)


def _fact(entry: PassageEntry, key: str, wording: Wording, slots: dict[str, str], said: Sequence[str]) -> Fact:
    return Fact(
        key=key,
        kind=CONTENT if wording is PASSAGE else QUESTION,
        wording=wording,
        slots=slots,
        answer=quoted(as_text(list(said))),
        items=tuple(quoted(_END.sub("", sentence)) for sentence in said),
        grounding=(entry.id,),
        aliases=entry.aliases if wording is PASSAGE else (),
    )


def _first(text: str) -> list[str]:
    """As many sentences as fit into an answer, at least one; a list or a table that begins there is whole."""
    first: list[str] = []
    for said in statements(text):
        if first and sum(map(len, first)) + len(said[0]) > LONGEST_ANSWER:
            break
        first += said
    return first
