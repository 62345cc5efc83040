"""Exact values of written arithmetic."""

from fractions import Fraction

import pytest

from domains.mathematics.expression import Equation, NotArithmetic, equations, value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("6000/(1+(3/5))", Fraction(3750)),
        ("2.75-1(5/6)+3(1/4)-2(1/6)", Fraction(2)),
        ("1又3/4", Fraction(7, 4)),
        ("-1又1/2", Fraction(-3, 2)),
        ("240÷3/4", Fraction(320)),
        ("240×3/4", Fraction(180)),
        ("4:8*10", Fraction(5)),
        ("10-2-3", Fraction(5)),
        ("100÷5÷2", Fraction(10)),
        ("(+100*(+100+1))/2-80*+60", Fraction(250)),
        ("3.14*(18.84/3.14)**2/2", Fraction(5652, 100)),
        ("３０×（１－２５％）", Fraction(45, 2)),
        ("[1+2]*{3}", Fraction(9)),
        ("80%-.5", Fraction(3, 10)),
    ],
)
def test_value(text: str, expected: Fraction) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "x", "1/0", "1+", "(1", "1)", "2 3 4 apples", "9**99", "9**9**9", "1.2.3", "..", "(" * 300, "1" * 500, "3()"],
)
def test_what_has_no_value_says_so(text: str) -> None:
    with pytest.raises(NotArithmetic):
        value(text)


def test_equations_are_found_between_words_and_chained_ones_are_two() -> None:
    text = "先求单价：12÷4=3（元），再求：3×5=10+5=15（元）。x=a"
    found = equations(text)
    assert found == [Equation("12÷4", "3"), Equation("3×5", "10+5"), Equation("10+5", "15")]
    assert all(equation.holds for equation in found)
    assert not Equation("2×3", "7").holds
