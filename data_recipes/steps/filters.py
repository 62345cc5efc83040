"""Rows in another language, too short or too long, or repetitive."""

from typing import Literal

import polars as pl
import pyarrow as pa
from pydantic import Field, NonNegativeInt, PositiveInt

from common.command import Config
from data_recipes.steps import texts
from data_recipes.steps.step import Outcome, Step, StepKind

_RUN = 8  # characters


class FilterStep(Config):
    """Drops rows by language, length and repetition. Lengths are in characters.

    Attributes:
        kind: Selects this step.
        min_question: Fewest characters of what the user asked.
        max_question: Most characters of it.
        min_answer: Fewest characters of the answer.
        max_answer: Most characters of it.
        min_han: Smallest share of Chinese characters among the letters of a row; 0 accepts every language.
        max_repeated: Largest share of an answer's runs of 8 characters that repeat earlier ones.
    """

    kind: Literal["filter"]
    min_question: NonNegativeInt = 2
    max_question: PositiveInt = 8_000
    min_answer: NonNegativeInt = 1
    max_answer: PositiveInt = 16_000
    min_han: float = Field(default=0, ge=0, le=1)
    max_repeated: float = Field(default=0.4, ge=0, le=1)


def make(config: FilterStep) -> Step:
    """The step for these bounds."""
    from data_recipes.steps.repetition import repeated_share  # loads a compiler

    def filtered(rows: pa.Table) -> Outcome:
        questions, answers = texts.questions(rows), texts.answers(rows)
        asked, said = questions.str.len_chars(), answers.str.len_chars()
        reasons = [
            ("short_question", asked < config.min_question),
            ("long_question", asked > config.max_question),
            ("short_answer", said < config.min_answer),
            ("long_answer", said > config.max_answer),
            ("repetitive_answer", pl.Series(repeated_share(answers, _RUN) > config.max_repeated)),
        ]
        if config.min_han:
            reasons.append(("other_language", _han_share(questions, answers) < config.min_han))
        return texts.without(rows, reasons)

    return filtered


def _han_share(*columns: pl.Series) -> pl.Series:
    """The share of Chinese characters among the letters; 1 where there are none, such as in a bare sum."""
    han = sum((column.str.count_matches(r"\p{Han}") for column in columns), pl.Series([0]))
    letters = sum((column.str.count_matches(r"\p{L}") for column in columns), pl.Series([0]))
    return (han / letters).fill_nan(1.0)


STEP = StepKind(FilterStep, make)
