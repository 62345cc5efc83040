"""Solved problems and sums as plain prose, for pre-training the small base model that the project builds itself.

A paragraph tells a problem's story and its solution, or a few sums. There are only statements: how questions are asked
and answered is left to tuning, so no question of any split can occur. Nor do kinds of problems and numbers that
are kept for testing; and the stories are worded as in training, unlike test problems.
"""

import re
from collections.abc import Iterator
from random import Random

from domains.mathematics.generate import Stream, has_seen_numbers, is_kept_for_testing
from domains.mathematics.kinds import KINDS
from domains.mathematics.problem import Problem

GRADES = (1, 2, 3)
# as in configs/data/word_problems.yaml; a test compares
HELD_OUT = ("排队", "找零", "和倍", "盈亏", "方阵", "最大公因数", "浓度", "比例尺")
PROBLEMS = 36_000
SUMS = 120_000
SUMS_IN_PARAGRAPH = 4
LARGEST = (20, 100, 100, 400, 1500)  # largest number of a sum; within 100 twice as often
SEED = 20261123


def corpus() -> list[str]:
    """Tells solved problems and sums.

    Returns:
        Paragraphs; the same ones in the same order every time.
    """
    paragraphs = [*_solved(), *_sums()]
    Random(SEED).shuffle(paragraphs)
    return paragraphs


def _solved() -> Iterator[str]:
    kinds = [kind for kind in KINDS if kind.grade in GRADES and kind.name not in HELD_OUT]
    for written in Stream(SEED).write("corpus", PROBLEMS, kinds, _story_gives_all, in_training=True):
        yield "".join(f"{sentence}。" for sentence in (written.problem.story, *written.problem.steps))


def _story_gives_all(problem: Problem) -> bool:
    """Whether the solution follows from the story: a number that only the question gives would come from nowhere."""
    return has_seen_numbers(problem) and not re.search(r"\d", problem.ask)


def _sums() -> Iterator[str]:
    random = Random(f"{SEED} sums")
    for _ in range(SUMS // SUMS_IN_PARAGRAPH):
        yield "".join(f"{_sum(random)}。" for _ in range(SUMS_IN_PARAGRAPH))


def _sum(random: Random) -> str:
    """One sum as the solutions need them: small numbers are frequent, large ones occur too."""
    while True:
        sign = random.choice("+-×÷")
        largest = random.choice(LARGEST)
        if sign in "+-":
            b = random.randint(1, min(largest // 2, 150))
            a = random.randint(1, largest - b)
            c = a + b
        else:
            b = random.randint(2, 12 if largest < max(LARGEST) else 50)
            a = random.randint(2, max(3, largest // b))
            c = a * b
        if sign in "-÷":
            a, c = c, a
        elif random.random() < 0.5:
            a, b = b, a
        if not (is_kept_for_testing(str(a)) or is_kept_for_testing(str(b))):
            return f"{a}{sign}{b}={c}"
