"""Exact values of written arithmetic, as textbooks and datasets write it.

Numbers may be whole, decimal, percent (``25%``), fractions (``3/4``) and mixed fractions (``1又3/4``, or ``1(3/4)`` as
Ape210K has it). ``/`` binds tighter than ``×``, ``÷``, ``*`` and ``:``, so that ``240÷3/4`` divides by three quarters.
"""

import itertools
import re
import unicodedata
from fractions import Fraction
from typing import NamedTuple

LONGEST = 400  # characters
DEEPEST = 40  # brackets inside brackets
LARGEST_POWER = 12
MOST_BITS = 4096

_SIGNS = str.maketrans({"×": "*", "÷": ":", "−": "-", "–": "-", "⁄": "/", "[": "(", "]": ")", "{": "(", "}": ")"})
_MIXED = re.compile(r"(\d+)(?:又(\d+)/(\d+)|\((\d+)/(\d+)\))")
_TOKEN = re.compile(r"\d+(?:\.\d*)?|\.\d+|\*\*|[-+*/:()%^]")
_EQUATION = re.compile(r"(?:[\d.+\-×÷*/:()%又]+=)+[\d.+\-×÷*/:()%又]+")


class NotArithmetic(Exception):
    """A text has no value: it is not arithmetic, divides by zero or is out of bounds."""


class Equation(NamedTuple):
    """One written equation.

    Attributes:
        left: What is computed, as written.
        right: What comes out, as written.
    """

    left: str
    right: str

    @property
    def holds(self) -> bool:
        """Whether both sides have the same exact value."""
        return value(self.left) == value(self.right)


def value(text: str) -> Fraction:
    """The exact value of an expression.

    Args:
        text: E.g. ``6000÷(1+3/5)`` or ``1(5/6)+25%``; widths of characters do not matter.

    Raises:
        NotArithmetic: It has none.
    """
    if len(text) > LONGEST:
        raise NotArithmetic(f"longer than {LONGEST} characters")
    plain = "".join(unicodedata.normalize("NFKC", text).translate(_SIGNS).split())
    return _Parser(_MIXED.sub(_as_sum, plain)).whole()


def equations(text: str) -> list[Equation]:
    """Every equation in a solution, in order; ``a=b=c`` is two."""
    found = []
    for match in _EQUATION.finditer(text):
        sides = match.group().split("=")
        found += [Equation(*pair) for pair in itertools.pairwise(sides)]
    return found


def _as_sum(match: re.Match[str]) -> str:
    whole, *parts = [part for part in match.groups() if part]
    return f"({whole}+{'/'.join(parts)})"


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        if not self._tokens or "".join(self._tokens) != text:
            raise NotArithmetic("not an expression")
        self._place = self._depth = 0

    def whole(self) -> Fraction:
        result = self._sum()
        if self._place < len(self._tokens):
            raise NotArithmetic(f"unexpected {self._tokens[self._place]!r}")
        return result

    def _next_is(self, *tokens: str) -> str:
        """Takes the next token if it is one of these."""
        if self._place < len(self._tokens) and self._tokens[self._place] in tokens:
            self._place += 1
            return self._tokens[self._place - 1]
        return ""

    def _sum(self) -> Fraction:
        result = self._product()
        while sign := self._next_is("+", "-"):
            term = self._product()
            result = result + term if sign == "+" else result - term
        return result

    def _product(self) -> Fraction:
        result = self._fraction()
        while sign := self._next_is("*", ":"):
            factor = self._fraction()
            result = result * factor if sign == "*" else _divided(result, factor)
        return result

    def _fraction(self) -> Fraction:
        result = self._power()
        while self._next_is("/"):
            result = _divided(result, self._power())
        return result

    def _power(self) -> Fraction:
        negative = False
        while sign := self._next_is("-", "+"):
            negative ^= sign == "-"
        base = self._percent()
        if self._next_is("**", "^"):
            base = _raised(base, self._percent())
        return -base if negative else base

    def _percent(self) -> Fraction:
        result = self._number()
        while self._next_is("%"):
            result /= 100
        return result

    def _number(self) -> Fraction:
        if self._next_is("("):
            self._depth += 1
            if self._depth > DEEPEST:
                raise NotArithmetic("too many brackets")
            result = self._sum()
            if not self._next_is(")"):
                raise NotArithmetic("a bracket is not closed")
            self._depth -= 1
            return result
        if self._place == len(self._tokens) or not self._tokens[self._place].strip("."):
            raise NotArithmetic("it ends too early")
        token = self._tokens[self._place]
        if not token[-1].isdigit() and not token[0].isdigit():
            raise NotArithmetic(f"unexpected {token!r}")
        self._place += 1
        return Fraction(token.rstrip("."))


def _divided(numerator: Fraction, denominator: Fraction) -> Fraction:
    if not denominator:
        raise NotArithmetic("division by zero")
    return numerator / denominator


def _raised(base: Fraction, power: Fraction) -> Fraction:
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if power.denominator != 1 or not 0 <= power <= LARGEST_POWER or bits * power > MOST_BITS:
        raise NotArithmetic("a power out of bounds")
    return Fraction(base ** int(power))
