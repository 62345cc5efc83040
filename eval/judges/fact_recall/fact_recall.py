"""Fact recall: the share of the reference facts that an answer states.

A fact counts when its text occurs in the answer (after NFKC, lower case, whitespace removed) at least once without a
negation directly before it: 没有发热 does not state 发热.
"""

import re
import unicodedata

import datasets
import evaluate

SIGNATURE = "fact_recall|norm:nfkc,lower,nospace|neg:direct|v1"
NEGATED = re.compile(r"(没有?|无|未见?|不是|不属于|不会|不伴有?|并?非|不)$")


def normalised(text: str) -> str:
    """The text in NFKC and lower case, without whitespace."""
    return "".join(unicodedata.normalize("NFKC", text).lower().split())


def states(answer: str, fact: str) -> bool:
    """Whether a normalised answer holds a normalised fact that is not negated directly before."""
    return any(not NEGATED.search(answer[: match.start()]) for match in re.finditer(re.escape(fact), answer))


def fact_recall(answer: str, facts: list[str]) -> float:
    """Share of the facts that the answer states, 0 to 1."""
    text = normalised(answer)
    return sum(states(text, normalised(fact)) for fact in facts) / len(facts)


class FactRecall(evaluate.Metric):
    """Mean share of stated facts; every item weighs the same."""

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=(
                "Args: predictions: texts; references: for each, its facts (one or more). "
                "Returns: fact_recall, scores, signature."
            ),
            features=datasets.Features({"predictions": text, "references": datasets.List(text)}),
        )

    def _compute(self, predictions: list[str], references: list[list[str]]) -> dict[str, object]:
        scores = [fact_recall(p, facts) for p, facts in zip(predictions, references, strict=True)]
        return {"fact_recall": sum(scores) / len(scores), "scores": scores, "signature": SIGNATURE}
