"""One word problem with its solution, and how numbers and equations are written in it."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from domains.mathematics.draw import Draw
from domains.mathematics.expression import equations, value


@dataclass(frozen=True)
class Problem:
    """A word problem.

    Attributes:
        story: What is given, without punctuation at its end.
        ask: The question, with its question mark.
        steps: The solution, one line per step, each with its equations.
        result: The final answer as it is written, e.g. ``36``, ``1又3/4``, ``75%``.
        unit: What the result counts, e.g. ``个``; empty where it has none.
    """

    story: str
    ask: str
    steps: tuple[str, ...]
    result: str
    unit: str = ""

    @property
    def text(self) -> str:
        """Story and question."""
        return f"{self.story}，{self.ask}"

    def with_aside(self, sentence: str) -> str:
        """The text with one more sentence before the question."""
        return f"{self.story}。{sentence}{self.ask}"

    @property
    def answer(self) -> str:
        """Result and unit."""
        return f"{self.result}{self.unit}"

    def check(self) -> None:
        """Recomputes every written equation.

        Raises:
            ValueError: One is wrong, or the last one does not give the result.
        """
        written = [equation for step in self.steps for equation in equations(step)]
        wrong = [equation for equation in written if not equation.holds]
        if wrong or not written or value(written[-1].right) != value(self.result):
            raise ValueError(f"the solution is wrong: {wrong or self.steps} ({self.text})")


class ProblemKind(NamedTuple):
    """One kind of word problem.

    Attributes:
        name: E.g. ``鸡兔同笼``.
        grade: Primary grade in which it is taught, 1 to 6.
        make: Writes one problem.
    """

    name: str
    grade: int
    make: Callable[[Draw], Problem]


def shown(number: Fraction | int) -> str:
    """A number as pupils write it: whole, finite decimal, or (mixed) fraction."""
    number = Fraction(number)
    if number.denominator == 1:
        return str(number.numerator)
    if _is_finite_decimal(number.denominator):
        return _decimal(number)
    return fraction(number)


def fraction(number: Fraction) -> str:
    """A number as fraction: ``3/4``, ``1又3/4``, or whole."""
    whole, rest = divmod(abs(number), 1)
    sign = "-" if number < 0 else ""
    if not rest:
        return f"{sign}{whole}"
    return f"{sign}{whole}又{rest}" if whole else f"{sign}{rest}"


def bracketed(number: Fraction) -> str:
    """A number as factor: whole, or a fraction in brackets, which cannot be mistaken for a division."""
    return str(number) if number.denominator == 1 else f"({fraction(number)})"


def percent(number: Fraction) -> str:
    """A number as percentage."""
    return f"{shown(number * 100)}%"


def equation(left: str, right: Fraction | int | str, unit: str = "") -> str:
    """A written equation, its unit in brackets."""
    written = right if isinstance(right, str) else shown(right)
    return f"{left}={written}" + (f"（{unit}）" if unit else "")


def _is_finite_decimal(denominator: int) -> bool:
    for prime in (2, 5):
        while denominator % prime == 0:
            denominator //= prime
    return denominator == 1


def _decimal(number: Fraction) -> str:
    places = 0
    while (number * 10**places).denominator != 1:
        places += 1
    digits = str(abs((number * 10**places).numerator)).rjust(places + 1, "0")
    return f"{'-' if number < 0 else ''}{digits[:-places]}.{digits[-places:]}"
