"""An endless stream of different word problems, some kinds, numbers and wordings of which are kept for testing."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from random import Random

from common.errors import UserError
from data_recipes.leakage.normalise import normalise
from domains.mathematics.aside import aside
from domains.mathematics.draw import Draw
from domains.mathematics.problem import Problem, ProblemKind

Wanted = Callable[[Problem], bool]

MOST_TRIES = 2000  # draws of one kind without a new problem before it counts as exhausted
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Written:
    """A problem as it is asked.

    Attributes:
        kind: What kind it is of.
        problem: With its checked solution.
        question: Its text, with an aside where there is one.
    """

    kind: ProblemKind
    problem: Problem
    question: str


def is_kept_for_testing(number: str) -> bool:
    """Whether training problems never give this number: one in eleven from 15 on, decimals by their digits."""
    digits = int(number.replace(".", ""))
    return digits >= 10 and digits % 11 == 4


def has_unseen_number(problem: Problem) -> bool:
    """Whether a problem gives a number that training problems never give."""
    return any(map(is_kept_for_testing, _NUMBER.findall(problem.text)))


def has_seen_numbers(problem: Problem) -> bool:
    """Whether every number of a problem may occur in training."""
    return not has_unseen_number(problem)


class Stream:
    """Writes problems, none of which equals an earlier one of the same object.

    Memory grows by one 64-bit hash per problem, nothing else.

    Args:
        seed: The same seed and the same calls give the same problems.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._asked: set[int] = set()

    def write(
        self,
        name: str,
        number: int,
        kinds: Sequence[ProblemKind],
        wanted: Wanted,
        *,
        in_training: bool = False,
        aside_share: float = 0,
    ) -> Iterator[Written]:
        """Writes a number of problems, the kinds in turn.

        Args:
            name: Name of this series; other names draw other problems.
            number: How many.
            kinds: Which kinds.
            wanted: Selects among the problems of these kinds.
            in_training: Whether they are worded as in training; test problems have their own wordings.
            aside_share: Share that gets a sentence which has nothing to do with it.

        Raises:
            UserError: There are not that many different ones.
        """
        random = Random(f"{self._seed} {name}")
        d = Draw(random, in_training)
        left = list(kinds)
        written = 0
        while written < number:
            if not left:
                raise UserError(
                    f"these kinds give only {written} different problems instead of {number}",
                    where=f"source.sizes.{name}",
                    fix="ask for fewer, or for more grades",
                )
            kind = left[written % len(left)]
            if found := self._new(kind, d, wanted, aside_share):
                written += 1
                yield found
            else:
                left.remove(kind)

    def _new(self, kind: ProblemKind, d: Draw, wanted: Wanted, aside_share: float) -> Written | None:
        for _ in range(MOST_TRIES):
            problem = kind.make(d)
            if not wanted(problem):
                continue
            question = problem.text
            if d.share() < aside_share:
                question = problem.with_aside(aside(problem, d))
            key = int.from_bytes(blake2b(normalise(question).encode(), digest_size=8).digest(), "big")
            if key not in self._asked:
                self._asked.add(key)
                problem.check()
                return Written(kind, problem, question)
        return None
