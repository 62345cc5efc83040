"""Facts: which reference facts an answer states, and what it states besides.

Recall is the share of the reference facts that are stated. A fact that the answer denies, directly or in a list
(``不会引起头痛、头晕``), is not stated; other names of an entry, everyday words and traditional characters are the
same fact (``domains/claims/``). What is beyond the reference is what recall does not punish: of all items that
answers list or state, the share that is in no reference. It need not be wrong, but nobody has checked it. How often
the rules are right: ``benchmarks/judges.md``.
"""

from collections.abc import Collection, Sequence
from functools import cache

from data_recipes.schema.example import Example
from domains.claims.language import ClaimLanguage, Form, form_of
from domains.claims.stated import beyond, stated
from domains.domain import DOMAINS, find_domain
from domains.knowledge_base import KnowledgeBase
from eval.answers import ModelAnswer
from eval.bilingual import Text
from eval.judges.judge import ItemScore, Judge, each

SIGNATURE = "fact_recall|form:simplified,synonyms,aliases|neg:scope|v2"
BEYOND = "beyond_reference|form:simplified,synonyms,aliases|items:listed,stated|v1"
PLAIN = Form(ClaimLanguage(), KnowledgeBase(entries=(), sha256=""))
"""The form where nothing is known about the domain's words."""


@cache
def _known() -> list[tuple[KnowledgeBase, Form]]:
    """The knowledge bases whose words are known, with their forms."""
    domains = [find_domain(name) for name in DOMAINS]
    bases = [(one.claims, one.knowledge.load()) for one in domains if one.claims and one.knowledge]
    return [(knowledge, form_of(language, knowledge)) for language, knowledge in bases]


def form_for(ids: Collection[str]) -> Form:
    """The form in which statements about these entries are compared."""
    return next((form for knowledge, form in _known() if ids and knowledge.by_id.keys() >= set(ids)), PLAIN)


def fact_recall(answer: str, facts: Sequence[str], form: Form = PLAIN) -> float:
    """Share of the facts that the answer states, 0 to 1."""
    return sum(stated(answer, facts, form)) / len(facts)


def _has_facts(example: Example) -> bool:
    return example.behaviour == "answer" and bool(example.facts)


def _beyond(examples: Sequence[Example], answers: Sequence[ModelAnswer]) -> list[ItemScore | None]:
    """A rate over all items of all answers, not a mean of rates; an answer that states nothing has none."""
    return [_beyond_one(example, answer.text) for example, answer in zip(examples, answers, strict=True)]


def _beyond_one(example: Example, answer: str) -> ItemScore | None:
    known = "\n".join(message.content for message in example.messages if message.role != "system")
    foreign, count = beyond(answer, example.facts, known, form_for(example.grounding))
    return ItemScore(len(foreign) / count, (float(len(foreign)), float(count))) if count else None


JUDGES = (
    Judge(
        name="fact_recall",
        title=Text("事实召回率", "Fact recall"),
        meaning=Text("参考事实中被答出的比例", "share of the reference facts that the answer states"),
        signature=SIGNATURE,
        applies=_has_facts,
        judge=each(lambda example, answer: fact_recall(answer, example.facts, form_for(example.grounding))),
        prominence="headline",
        checks_pairs=True,
    ),
    Judge(
        name="beyond_reference",
        title=Text("参考之外的陈述", "Statements beyond the reference"),
        meaning=Text(
            "答出的条目中参考答案没有的比例，越低越好",
            "share of what is stated that is not in the reference; lower is better",
        ),
        signature=BEYOND,
        applies=_has_facts,
        judge=_beyond,
        higher_is_better=False,
    ),
)
