"""Fact recall: the share of the reference facts that an answer states.

A fact counts when its text occurs in the answer (after NFKC, lower case, whitespace removed) at least once without a
negation directly before it: 没有发热 does not state 发热.
"""

import re
import unicodedata
from collections.abc import Sequence

from eval.bilingual import Text
from eval.judges.judge import Judge, each

SIGNATURE = "fact_recall|norm:nfkc,lower,nospace|neg:direct|v1"
NEGATED = re.compile(r"(没有?|无|未见?|不是|不属于|不会|不伴有?|并?非|不)$")


def normalised(text: str) -> str:
    """The text in NFKC and lower case, without whitespace."""
    return "".join(unicodedata.normalize("NFKC", text).lower().split())


def states(answer: str, fact: str) -> bool:
    """Whether a normalised answer contains a normalised fact without a negation directly before it."""
    return any(not NEGATED.search(answer[: match.start()]) for match in re.finditer(re.escape(fact), answer))


def fact_recall(answer: str, facts: Sequence[str]) -> float:
    """Share of the facts that the answer states, 0 to 1."""
    text = normalised(answer)
    return sum(states(text, normalised(fact)) for fact in facts) / len(facts)


JUDGES = (
    Judge(
        name="fact_recall",
        title=Text("事实召回率", "Fact recall"),
        meaning=Text("参考事实中被答出的比例", "share of the reference facts that the answer states"),
        signature=SIGNATURE,
        applies=lambda example: example.behaviour == "answer" and bool(example.facts),
        judge=each(lambda example, answer: fact_recall(answer, example.facts)),
        prominence="headline",
        checks_pairs=True,
    ),
)
