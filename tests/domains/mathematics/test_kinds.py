"""The word problems: every written equation is true, by arithmetic that shares no code with the generator."""

import re
from collections.abc import Iterator
from fractions import Fraction
from random import Random

import pytest

from domains.mathematics.draw import Draw
from domains.mathematics.kinds import KINDS
from domains.mathematics.problem import Problem, ProblemKind, fraction, percent, shown

EACH = 60
NUMBER = r"\d+(?:\.\d+)?"
EQUATION = re.compile(r"([\d.+\-×÷()/%又]+)=([\d./%又]+)")


def problems(kind: ProblemKind) -> Iterator[Problem]:
    for in_training in (True, False):
        d = Draw(Random(kind.name), in_training)
        for _ in range(EACH):
            yield kind.make(d)


def computed(text: str) -> Fraction:
    """Python's own arithmetic over fractions."""
    text = re.sub(r"(\d+)又(\d+)/(\d+)", r"(Fraction(\1)+Fraction(\2,\3))", text)
    text = re.sub(r"(?<![\d,(])(\d+)/(\d+)|\((\d+)/(\d+)\)", _ratio, text)
    text = re.sub(rf"({NUMBER})%", r'(Fraction("\1")/100)', text)
    text = re.sub(rf'(?<![\w".(,])({NUMBER})(?![\d"])|(?<=\()({NUMBER})(?=[-+×÷])', _whole, text)
    return Fraction(eval(text.replace("×", "*").replace("÷", "/"), {"Fraction": Fraction}))


def _ratio(match: re.Match[str]) -> str:
    above, below = (part for part in match.groups() if part)
    return f"Fraction({above},{below})"


def _whole(match: re.Match[str]) -> str:
    return f'Fraction("{match[1] or match[2]}")'


def test_there_are_kinds_of_every_grade() -> None:
    assert len(KINDS) >= 40
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    assert {kind.grade for kind in KINDS} == {1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_equation_is_true_and_the_last_one_is_the_answer(kind: ProblemKind) -> None:
    for problem in problems(kind):
        written = [pair for step in problem.steps for pair in EQUATION.findall(step)]
        assert written, problem
        assert all(computed(left) == computed(right) for left, right in written), problem
        assert computed(written[-1][1]) == computed(problem.result), problem
        assert computed(problem.result) > 0, problem


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_problems_read_well_and_differ(kind: ProblemKind) -> None:
    texts = [problem.text for problem in problems(kind)]
    assert len(set(texts)) > 1.5 * EACH
    for text in texts:
        assert re.search(r"？(（π取3.14）)?$", text), text
        assert not re.search(r"None|[{}a-wyzA-Z]|，，|。。|，。|\d(?=\d*又)\D*Fraction", text), text


def test_the_answers_of_chickens_and_rabbits_are_counted_out() -> None:
    [kind] = [kind for kind in KINDS if kind.name == "鸡兔同笼"]
    counted = [problem for problem in problems(kind) if "兔" in problem.text]
    for problem in counted:
        heads, legs = map(int, re.findall(r"\d+", problem.text))
        found = [rabbits for rabbits in range(heads + 1) if 4 * rabbits + 2 * (heads - rabbits) == legs]
        assert [str(rabbits) for rabbits in found] == [problem.result]
    assert len(counted) > 10


def test_the_answers_of_meetings_are_driven_out() -> None:
    [kind] = [kind for kind in KINDS if kind.name == "相遇"]
    for problem in problems(kind):
        numbers = list(map(int, re.findall(r"\d+", problem.text)))
        way = max(numbers)
        speeds = [number for number in numbers if number != way]
        assert way == sum(speed * int(problem.result) for speed in speeds)


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (Fraction(36), "36"),
        (Fraction(7, 2), "3.5"),
        (Fraction(1, 3), "1/3"),
        (Fraction(7, 3), "2又1/3"),
        (Fraction(-7, 3), "-2又1/3"),
        (Fraction(1, 16), "0.0625"),
        (Fraction(-3, 2), "-1.5"),
    ],
)
def test_numbers_are_written_as_pupils_write_them(number: Fraction, written: str) -> None:
    assert shown(number) == written
    assert percent(Fraction(1, 8)) == "12.5%" and fraction(Fraction(3, 4)) == "3/4"


def test_a_wrong_solution_is_noticed() -> None:
    with pytest.raises(ValueError, match="the solution is wrong"):
        Problem("有3个", "还剩几个？", ("3-1=1（个）",), "1", "个").check()
    with pytest.raises(ValueError, match="the solution is wrong"):
        Problem("有3个", "还剩几个？", ("3-1=2（个）",), "1", "个").check()
