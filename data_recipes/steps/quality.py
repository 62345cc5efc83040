"""Answers that answer nothing and questions that ask nothing, judged by their form.

What a screen drops, and what it only flags, was decided on labelled sets: docs/screens.md.
"""

from collections import Counter
from dataclasses import replace
from typing import Literal

import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import Field

from common.command import Config
from common.ngram_classifier import NgramClassifier
from data_recipes.steps import refusals, signs, texts, truncation
from data_recipes.steps.step import Outcome, Step, StepKind

_FULL_STOP = r"[。！？!?…~～]\s*$"
_GREETING = (
    "^(?:你好|您好|在吗|在不在|医生|大夫|专家|老师|请问|请教|谢谢|多谢|帮帮我|帮忙|求助|急|怎么办|如题|求解答"
    "|一下|啊|呢|吗|了)*$"
)
_RUN, _LATIN_RUN = 5, 20  # characters; five Latin letters are a single word
_HAN = r"\p{Han}"
_NO_TEXT = r"[^\p{L}\p{N}]"
_SAYS_NOTHING = r"^[^\p{L}\p{N}]*$"


class QualityStep(Config):
    """Drops rows that teach nothing, flags answers that may be cut, and trims a comma or an empty label at their end.

    Attributes:
        kind: Selects this step.
        max_symbols: Largest share of an answer that is in runs of signs.
        max_repeated: Largest share of an answer's runs of 5 characters that repeat earlier ones; of 20 characters where
            most are not Chinese.
    """

    kind: Literal["quality"]
    max_symbols: float = Field(default=0.4, ge=0, le=1)
    max_repeated: float = Field(default=0.6, ge=0, le=1)


def make(config: QualityStep) -> Step:
    """The step for these bounds."""
    from data_recipes.steps.repetition import repeated_share  # loads a compiler

    refusal_model = NgramClassifier.load(refusals.WEIGHTS)

    def judged(rows: pa.Table) -> Outcome:
        perhaps_cut = texts.holding(texts.answers(rows), _open_ends(texts.answers(rows)), truncation.is_perhaps_cut)
        rows, was_trimmed = _trimmed(rows)
        questions, answers = texts.questions(rows), texts.answers(rows)
        meant = pl.Series(rows["behaviour"].combine_chunks()) == "refuse"
        open_end = _open_ends(answers)
        has_signs = answers.str.contains(signs.HINT) | answers.str.contains(_SAYS_NOTHING)
        chinese = 2 * answers.str.count_matches(_HAN) > answers.str.len_chars()
        repeated = np.where(chinese, repeated_share(answers, _RUN), repeated_share(answers, _LATIN_RUN))
        reasons = [
            ("question_without_content", _bare(questions).str.contains(_GREETING)),
            ("answer_is_question", _same(questions, answers)),
            ("refusal_only", _refusals(questions, answers) & ~meant),
            ("truncated_answer", texts.holding(answers, open_end, truncation.is_cut)),
            (
                "too_many_symbols",
                texts.holding(answers, has_signs, lambda answer: signs.share_of_signs(answer) > config.max_symbols),
            ),
            ("repetitive_answer", pl.Series(repeated > config.max_repeated)),
        ]
        flags = [
            ("refusal_only", _likely(refusal_model, answers) & ~meant),
            ("truncated_answer", perhaps_cut),
        ]
        changes = [(row, "trimmed_end") for row in was_trimmed]
        outcome = texts.without(rows, reasons, flags=flags, changes=changes)
        return replace(outcome, counts=outcome.counts | Counter(row.change for row in outcome.rewritten))

    return judged


def _open_ends(answers: pl.Series) -> pl.Series:
    return ~answers.str.contains(_FULL_STOP)


def _trimmed(rows: pa.Table) -> tuple[pa.Table, list[int]]:
    """The rows with their answers trimmed, and the numbers of those that were."""
    turns = texts.flat(rows, "messages")
    ends = np.cumsum(np.bincount(texts.owners(rows, "messages"), minlength=len(rows))) - 1
    numbers = np.flatnonzero(_open_ends(turns.gather(ends)).to_numpy())
    ends = ends[numbers]
    before = turns.gather(ends).to_list()
    after = [truncation.trimmed(answer) for answer in before]
    if before == after:
        return rows, []
    changed = [number for number, old, new in zip(numbers.tolist(), before, after, strict=True) if old != new]
    return texts.put(rows, "messages", turns.scatter(ends, after)), changed


def _refusals(questions: pl.Series, answers: pl.Series) -> pl.Series:
    at = np.flatnonzero(answers.str.contains(refusals.HINT).to_numpy())
    pairs = zip(questions.gather(at).to_list(), answers.gather(at).to_list(), strict=True)
    found = np.zeros(len(answers), bool)
    found[at] = [refusals.only_refuses(question, answer) for question, answer in pairs]
    return pl.Series(found)


def _likely(model: NgramClassifier, answers: pl.Series) -> pl.Series:
    return pl.Series(model.probabilities(answers.to_list()) > refusals.THRESHOLD)


def _bare(column: pl.Series) -> pl.Series:
    """Without punctuation; only short texts, the others are unchanged."""
    short = column.str.len_chars() <= 24
    return column.zip_with(~short, column.str.replace_all(_NO_TEXT, "")) if short.any() else column


def _same(questions: pl.Series, answers: pl.Series) -> pl.Series:
    """Whether both are the same text except for punctuation and spaces."""
    alike = questions.str.slice(0, 2) == answers.str.slice(0, 2)
    bare = [column.zip_with(alike, pl.Series([""])).str.replace_all(_NO_TEXT, "") for column in (questions, answers)]
    return alike & (bare[0] == bare[1]) & (bare[0] != "")


STEP = StepKind(QualityStep, make)
