"""Answers that answer nothing and questions that ask nothing, judged by their form."""

from typing import Literal

import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import Field

from common.command import Config
from data_recipes.steps import texts
from data_recipes.steps.step import Outcome, Step, StepKind

_SORRY = (
    r"^(?:您好|你好)?[，,！!。\s]*(?:(?:非常|很|十分|实在)?(?:对不起|抱歉|不好意思)|作为(?:一[个名])?.{0,8}(?:AI|人工智能|语言模型)"
    r"|我(?:也)?(?:无法|不能|没办法)(?:回答|提供|给出)|(?:这个问题)?我?(?:不知道|不清楚|不太清楚)"
    r"|(?i:sorry|i'm sorry|as an ai)).{0,60}$"
)
_ADVICE = "医院|就医|就诊|检查|治疗|急诊|120|医生|药|休息|饮食|建议"
_CUT = r"[，、,：:（(《“‘\[【]$|(?:以及|因为|由于|但是|并且|例如|比如|包括|如果|而且|或者|从而|其中)$"
_GREETING = (
    "^(?:你好|您好|在吗|在不在|医生|大夫|专家|老师|请问|请教|谢谢|多谢|帮帮我|帮忙|求助|急|怎么办|如题|求解答"
    "|一下|啊|呢|吗|了)*$"
)
_RUN, _LATIN_RUN = 5, 20  # characters; five Latin letters are a single word
_HAN = r"\p{Han}"
_NO_TEXT = r"[^\p{L}\p{N}]"
_TEXT = r"[\p{L}\p{N}\s]"


class QualityStep(Config):
    """Drops rows that teach nothing.

    Attributes:
        kind: Selects this step.
        max_symbols: Largest share of an answer that is neither letter, digit nor space.
        max_repeated: Largest share of an answer's runs of 5 characters that repeat earlier ones; of 20 characters where
            most are not Chinese.
    """

    kind: Literal["quality"]
    max_symbols: float = Field(default=0.5, ge=0, le=1)
    max_repeated: float = Field(default=0.6, ge=0, le=1)


def make(config: QualityStep) -> Step:
    """The step for these bounds."""
    from data_recipes.steps.repetition import repeated_share  # loads a compiler

    def judged(rows: pa.Table) -> Outcome:
        questions, answers = texts.questions(rows), texts.answers(rows)
        refused = pl.Series(rows["behaviour"].combine_chunks()) == "refuse"  # intentional
        trimmed = answers.str.strip_chars()
        chinese = 2 * answers.str.count_matches(_HAN) > answers.str.len_chars()
        repeated = np.where(chinese, repeated_share(answers, _RUN), repeated_share(answers, _LATIN_RUN))
        reasons = [
            ("question_without_content", _bare(questions).str.contains(_GREETING)),
            ("answer_is_question", _same(questions, answers)),
            ("refusal_only", trimmed.str.contains(_SORRY) & ~trimmed.str.contains(_ADVICE) & ~refused),
            ("truncated_answer", trimmed.str.contains(_CUT)),
            ("too_many_symbols", _symbol_share(answers) > config.max_symbols),
            ("repetitive_answer", pl.Series(repeated > config.max_repeated)),
        ]
        return texts.without(rows, reasons)

    return judged


def _bare(column: pl.Series) -> pl.Series:
    """Without punctuation; only short texts, the others are unchanged."""
    short = column.str.len_chars() <= 24
    return column.zip_with(~short, column.str.replace_all(_NO_TEXT, "")) if short.any() else column


def _same(questions: pl.Series, answers: pl.Series) -> pl.Series:
    """Whether both are the same text except for punctuation and spaces."""
    alike = questions.str.slice(0, 2) == answers.str.slice(0, 2)
    bare = [column.zip_with(alike, pl.Series([""])).str.replace_all(_NO_TEXT, "") for column in (questions, answers)]
    return alike & (bare[0] == bare[1]) & (bare[0] != "")


def _symbol_share(column: pl.Series) -> pl.Series:
    length = column.str.len_chars()
    return ((length - column.str.count_matches(_TEXT)) / length).fill_nan(0.0)


STEP = StepKind(QualityStep, make)
