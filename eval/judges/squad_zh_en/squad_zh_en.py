"""Exact match and F1 of extracted answers as SQuAD 2 defines them (Rajpurkar et al. 2018), in English and Chinese.

Answers are compared without case, punctuation and English articles, over all references: the best one counts. English
is compared by words, Chinese by characters (as CMRC 2018 does); a text with both, by both. An empty answer says that
the passage does not answer. As in SQuAD 2, a question that any annotator found answered has an answer: then an empty
reference beside it does not count (``either_scores`` are those where it does).
"""

import re
import unicodedata
from collections import Counter

import datasets
import evaluate

SIGNATURE = "squad_zh_en|norm:nfkc,lower,nopunct,noarticles|tok:word-or-han|refs:max,nonempty-first|v1"
ARTICLES = frozenset(("a", "an", "the"))
NOT_SAID = re.compile(r"(not mentioned|没有提到)[.。]?", re.IGNORECASE)
TOKEN = re.compile(
    r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003134f]|[^\s\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003134f]+"
)


def tokens(text: str) -> list[str]:
    """English words and single Chinese characters of a text; none of one that says that there is no answer."""
    if NOT_SAID.fullmatch(text.strip()):
        return []
    folded = unicodedata.normalize("NFKC", text).lower()
    kept = "".join(c for c in folded if not unicodedata.category(c).startswith("P"))
    return [token for token in TOKEN.findall(kept) if token not in ARTICLES]


def f1(answer: list[str], reference: list[str]) -> float:
    """Harmonic mean of precision and recall of tokens; 1 for two empty texts, 0 where one is empty."""
    if not answer or not reference:
        return float(answer == reference)
    common = (Counter(answer) & Counter(reference)).total()
    return 2 * common / (len(answer) + len(reference))


def score(answer: str, references: list[str]) -> tuple[float, float, float]:
    """Exact match, F1, and the F1 where any annotator's "no answer" counts as well."""
    said, all_references = tokens(answer), [tokens(reference) for reference in references]
    answers = [reference for reference in all_references if reference] or [[]]
    exact = float(said in answers)
    return exact, max(f1(said, r) for r in answers), max(f1(said, r) for r in all_references)


class SquadZhEn(evaluate.Metric):
    """Mean exact match and F1; every question weighs the same."""

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=__doc__,
            citation="Rajpurkar, Jia, Liang 2018, https://aclanthology.org/P18-2124",
            inputs_description=(
                "Args: predictions: texts; references: for each, one text or more, the empty text for no answer. "
                "Returns: exact_match, f1, either; exact_scores, f1_scores, either_scores; signature."
            ),
            features=datasets.Features({"predictions": text, "references": datasets.List(text)}),
        )

    def _compute(self, predictions: list[str], references: list[list[str]]) -> dict[str, object]:
        exact, overlap, either = zip(*map(score, predictions, references), strict=True)
        return {
            "exact_match": sum(exact) / len(exact),
            "f1": sum(overlap) / len(overlap),
            "either": sum(either) / len(either),
            "exact_scores": list(exact),
            "f1_scores": list(overlap),
            "either_scores": list(either),
            "signature": SIGNATURE,
        }
