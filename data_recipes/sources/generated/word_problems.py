"""Chinese word problems of the six primary grades, generated with checked solutions; no file is read."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from common.command import Config
from common.errors import UserError
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.schema.manifest import Description
from data_recipes.sources.source import PROJECT_LICENCE, Source
from domains.mathematics.generate import Stream, Written, has_seen_numbers, has_unseen_number
from domains.mathematics.instructions import Solved, Steps, instruction
from domains.mathematics.kinds import KINDS
from domains.mathematics.problem import ProblemKind

Grade = Annotated[int, Field(ge=1, le=6)]


class WordProblemSizes(Config):
    """Problems written for each split, before the build drops those that overlap with training."""

    train: PositiveInt
    dev: NonNegativeInt
    test: NonNegativeInt
    unseen_kinds: NonNegativeInt
    unseen_numbers: NonNegativeInt
    distractors: NonNegativeInt


class WordProblemsSource(Config):
    """Generated word problems.

    Attributes:
        kind: Selects this source.
        sizes: Problems in each split.
        grades: Whose kinds of problems are written.
        held_out_kinds: Kinds that only ``unseen_kinds`` asks.
        distractor_share: Share of the training problems with a sentence that has nothing to do with the question.
        steps: Whether the prompt asks for the steps (``asked``) and whether the answer has them (not with ``none``).
        seed: Of everything.
    """

    kind: Literal["word_problems"]
    sizes: WordProblemSizes
    grades: tuple[Grade, ...] = Field(min_length=1)
    held_out_kinds: tuple[str, ...]
    distractor_share: float = Field(ge=0, le=1)
    steps: Steps
    seed: int


def read(config: WordProblemsSource) -> Iterator[Example | Dropped]:
    """Yields the problems of one split after another, no two of which are equal.

    Raises:
        UserError: A kind does not exist, or there are too few different problems.
    """
    trained, held_out = _kinds(config)
    stream = Stream(config.seed)
    sizes, share, seen = config.sizes, config.distractor_share, has_seen_numbers
    splits = (
        ("train", stream.write("train", sizes.train, trained, seen, in_training=True, aside_share=share)),
        ("dev", stream.write("dev", sizes.dev, trained, seen, in_training=True, aside_share=share)),
        ("test", stream.write("test", sizes.test, trained, seen)),
        ("unseen_kinds", stream.write("unseen_kinds", sizes.unseen_kinds, held_out, lambda _: True)),
        ("unseen_numbers", stream.write("unseen_numbers", sizes.unseen_numbers, trained, has_unseen_number)),
        ("distractors", stream.write("distractors", sizes.distractors, trained, seen, aside_share=1)),
    )
    for split, problems in splits:
        for number, written in enumerate(problems, 1):
            yield _example(written, split, number, config.steps)


def _kinds(config: WordProblemsSource) -> tuple[list[ProblemKind], list[ProblemKind]]:
    """The kinds that are trained and those that are held out."""
    names = {kind.name for kind in KINDS}
    if unknown := [name for name in config.held_out_kinds if name not in names]:
        raise UserError(
            f"no such kind of problem: {', '.join(unknown)}",
            where="source.held_out_kinds",
            fix=f"available: {', '.join(sorted(names))}",
        )
    wanted = [kind for kind in KINDS if kind.grade in config.grades]
    held_out = [kind for kind in wanted if kind.name in config.held_out_kinds]
    return [kind for kind in wanted if kind not in held_out], held_out


def _example(written: Written, split: str, number: int, steps: Steps) -> Example:
    id = f"word_problems-{split}-{number}"
    solved = Solved(
        id=id,
        question=written.question,
        solution="\n".join(written.problem.steps),
        result=written.problem.result,
        answer=written.problem.answer,
        kind=written.kind.name,
        source="word_problems",
        group=id,
        split=split,
    )
    return instruction(solved, steps)


SOURCE = Source(
    config=WordProblemsSource,
    read=read,
    files=lambda config: [],
    about=Description(
        zh="程序编写的小学数学应用题，一至六年级共 64 类；每一步列式都用精确分数重新算过。",
        en="Primary-school word problems written by a program, 64 kinds over six grades; every written equation was"
        " recomputed with exact fractions.",
    ),
    licence=PROJECT_LICENCE,
    splits={
        "train": Description(zh="训练集", en="for training"),
        "dev": Description(zh="训练过的题型，新的题：用于验证损失", en="new problems of trained kinds: for the loss"),
        "test": Description(
            zh="训练过的题型，新的题、训练中没有的说法",
            en="new problems of trained kinds, worded as training never does",
        ),
        "unseen_kinds": Description(zh="训练中没有的题型：考察会不会举一反三", en="kinds that training does not have"),
        "unseen_numbers": Description(
            zh="训练过的题型，但至少有一个数在训练题中从未出现：考察是计算还是背诵",
            en="trained kinds with at least one number that no training problem gives: computed or memorised?",
        ),
        "distractors": Description(
            zh="题中夹有一句无关的话：考察会不会被多余的数字带偏",
            en="with a sentence that has nothing to do with the question: is the model led astray by its number?",
        ),
    },
    instructs_in_system=True,
)
