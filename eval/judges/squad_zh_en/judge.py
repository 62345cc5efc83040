"""Exact match and F1 of extracted answers as SQuAD 2 defines them (Rajpurkar et al. 2018), in English and Chinese.

Answers are compared without case, punctuation and English articles, over all references: the best one counts. English
is compared by words, Chinese by characters (as in CMRC 2018), mixed text by both. An empty answer says that the passage
does not answer the question. As in SQuAD 2, a question for which any annotator found an answer has one: an empty
reference then does not count, except in ``either``.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from data_recipes.schema.example import Example
from eval.bilingual import Text
from eval.judges.judge import Judge, Judging, each

SIGNATURE = "squad_zh_en|norm:nfkc,lower,nopunct,noarticles|tok:word-or-han|refs:max,nonempty-first|v1"
ARTICLES = frozenset(("a", "an", "the"))
NOT_SAID = re.compile(r"(not mentioned|没有提到)[.。]?", re.IGNORECASE)
TOKEN = re.compile(
    r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003134f]|[^\s\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003134f]+"
)


class SpanScore(NamedTuple):
    """Exact match, F1, and the F1 where any annotator's "no answer" counts as well."""

    exact: float
    f1: float
    either: float


def tokens(text: str) -> list[str]:
    """English words and single Chinese characters of a text; none of a text that says that there is no answer."""
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


def span_score(answer: str, references: Sequence[str]) -> SpanScore:
    """Compares an answer with all its references."""
    said, all_references = tokens(answer), [tokens(reference) for reference in references]
    answers = [reference for reference in all_references if reference] or [[]]
    exact = float(said in answers)
    return SpanScore(exact, max(f1(said, r) for r in answers), max(f1(said, r) for r in all_references))


def score_of(example: Example, answer: str) -> SpanScore:
    """Compares an answer with the references of an item."""
    return span_score(answer, [example.answer, *example.references])


def _has_passage(example: Example) -> bool:
    return example.passage is not None


def _is_answerable(example: Example) -> bool:
    return example.passage is not None and example.behaviour == "answer"


def _is_unanswerable(example: Example) -> bool:
    return example.passage is not None and example.behaviour != "answer"


def _by(part: Callable[[SpanScore], float]) -> Judging:
    return each(lambda example, answer: part(score_of(example, answer)))


JUDGES = (
    Judge(
        name="span_f1",
        title=Text("片段 F1", "Span F1"),
        meaning=Text(
            "与最接近的参考片段的词（字）重合；规则同 SQuAD 2",
            "words shared with the closest reference, as SQuAD 2 counts",
        ),
        signature=SIGNATURE,
        applies=_has_passage,
        judge=_by(lambda score: score.f1),
        prominence="headline",
    ),
    Judge(
        name="span_exact",
        title=Text("片段完全一致", "Span exact match"),
        meaning=Text("与某个参考片段完全一致", "equal to a reference"),
        signature=SIGNATURE,
        applies=_has_passage,
        judge=_by(lambda score: score.exact),
    ),
    Judge(
        name="span_f1_answerable",
        title=Text("片段 F1（有答案的题）", "Span F1, answerable"),
        meaning=Text("只算至少一位标注者找到答案的题", "questions that an annotator found answered"),
        signature=SIGNATURE,
        applies=_is_answerable,
        judge=_by(lambda score: score.f1),
    ),
    Judge(
        name="span_exact_answerable",
        title=Text("片段完全一致（有答案的题）", "Span exact match, answerable"),
        meaning=Text("同上，完全一致", "the same, equal to a reference"),
        signature=SIGNATURE,
        applies=_is_answerable,
        judge=_by(lambda score: score.exact),
    ),
    Judge(
        name="span_unanswerable",
        title=Text("无答案的题答对", "Correct abstentions, unanswerable"),
        meaning=Text("标注者都没找到答案，模型也说没有", "no annotator found an answer, and none was given"),
        signature=SIGNATURE,
        applies=_is_unanswerable,
        judge=_by(lambda score: score.exact),
    ),
    Judge(
        name="span_f1_either",
        title=Text("片段 F1（任一标注者）", "Span F1, either annotator"),
        meaning=Text(
            "任一标注者的“没有答案”也算参考；总答“没有”时得分很高",
            'an annotator\'s "no answer" counts as a reference too; never answering scores high',
        ),
        signature=SIGNATURE,
        applies=_has_passage,
        judge=_by(lambda score: score.either),
    ),
)
