"""Claim support: of the claims of an answer, how many the entries in its prompt hold, and how many they contradict.

An answer is read clause by clause, as the service reads it (``domains/claims/reader.py``; how often that is right:
``benchmarks/claims.md``), and each claim is compared with the whole entries that were given. What they say of another
attribute than the one that is asked is no support: that salt is a cause does not hold it as a diet. An item whose
entries are of no knowledge base that ships with a domain, and an answer without a claim, are not judged: to say
nothing is no support, and what refuses rightly is another metric.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from data_recipes.schema.example import GIVEN, Example
from domains.citations import CITATIONS, AskedFor, asked_attributes, besides_names
from domains.claims.entries import Verdict
from domains.claims.language import ClaimLanguage, Form, form_of
from domains.claims.reader import CLAUSE_END, ClaimReader
from domains.domain import DOMAINS, find_domain
from domains.knowledge_base import Entry
from eval.answers import ModelAnswer
from eval.bilingual import Text
from eval.judges.judge import ItemScore, Judge, Judging

_ENTRY = re.compile(r"^【([A-Za-z]+\d+)】「([^；」（]+)", re.MULTILINE)
_CLAUSE = re.compile(rf"(.*?)({CLAUSE_END.pattern}|$)", re.DOTALL)
SIGNATURE = "read:clauses|entries:given,whole|held-by-what-is-asked|v1"


class _Known(NamedTuple):
    """A knowledge base whose claims can be read."""

    entries: dict[str, Entry]
    asked_for: AskedFor
    language: ClaimLanguage
    form: Form


@cache
def _known() -> tuple[_Known, ...]:
    domains = [domain for name in DOMAINS if (domain := find_domain(name)).claims and domain.knowledge]
    found = []
    for domain in domains:
        assert domain.knowledge is not None and domain.claims is not None
        knowledge = domain.knowledge.load()
        found.append(_Known(knowledge.by_id, domain.asked_for, domain.claims, form_of(domain.claims, knowledge)))
    return tuple(found)


@cache
def _given(system: str) -> tuple[_Known, tuple[Entry, ...]] | None:
    """The entries that a system turn gives; None where it gives none, or such as no domain has."""
    named = _ENTRY.findall(system) if system.startswith(GIVEN[0]) else []
    for known in _known() if named else ():
        entries = tuple(known.entries[id] for id, _ in named if id in known.entries)
        if [(entry.id, entry.name) for entry in entries] == named:
            return known, entries
    return None


def _of(example: Example) -> tuple[_Known, tuple[Entry, ...]] | None:
    return _given(example.messages[0].content) if example.messages[0].role == "system" else None


def verdicts(example: Example, answer: str) -> Iterator[Verdict]:
    """What the entries of an item say about each claim of an answer.

    Args:
        example: An item whose entries are known.
        answer: The answer.
    """
    given = _of(example)
    assert given is not None
    known, entries = given
    question = example.prompt[-1].content
    rest = besides_names(question, entries)
    asked = {entry.id: asked_attributes(entry, rest, known.asked_for) for entry in entries}
    reader = ClaimReader(question, entries, list(asked), asked, known.language, known.form)
    for clause in _CLAUSE.finditer(CITATIONS.sub("", answer)):
        for part in reader.clause(clause[1], clause[2]):
            if part.kind == "claim" and part.judged:
                yield part.judged.verdict


def _share(counts: Callable[[Verdict], bool]) -> Judging:
    """The share of all claims, not the mean over answers: a long answer says more."""

    def judging(examples: Sequence[Example], answers: Sequence[ModelAnswer]) -> list[ItemScore | None]:
        scores: list[ItemScore | None] = []
        for example, answer in zip(examples, answers, strict=True):
            found = [float(counts(verdict)) for verdict in verdicts(example, answer.text)]
            scores.append(ItemScore(sum(found) / len(found), (sum(found), float(len(found)))) if found else None)
        return scores

    return judging


JUDGES = (
    Judge(
        name="claims_supported",
        title=Text("有依据的说法", "Supported claims"),
        meaning=Text("回答中的说法有所给条目为依据的比例", "of what is claimed, the share that the given entries hold"),
        signature=f"claims_supported|{SIGNATURE}",
        applies=lambda example: _of(example) is not None,
        judge=_share(lambda verdict: verdict == "held"),
        needs_reference=False,
    ),
    Judge(
        name="claims_contradicted",
        title=Text("与条目相反的说法", "Contradicted claims"),
        meaning=Text("回答中与所给条目相反的说法，越低越好", "claims that the entries contradict; lower is better"),
        signature=f"claims_contradicted|{SIGNATURE}",
        applies=lambda example: _of(example) is not None,
        judge=_share(lambda verdict: verdict == "contradicted"),
        needs_reference=False,
        higher_is_better=False,
    ),
)
