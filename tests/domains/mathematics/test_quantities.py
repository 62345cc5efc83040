"""Quantities with units, and when two are the same."""

import pytest

from domains.mathematics.quantities import equal, quantities


def same(given: str, wanted: str) -> bool:
    [one], [other] = quantities(given), quantities(wanted)
    return equal(one.readings, other.readings)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("3元5角", "3.5元"),
        ("3元5角", "3.5"),
        ("3元5角", "35角"),
        ("1小时20分钟", "80"),
        ("1小时20分钟", "80分钟"),
        ("1米2分米5厘米", "125"),
        ("1500米", "1.5千米"),
        ("10:30", "10时30分"),
        ("下午2时30分", "14时30分"),
        ("6:8", "3:4"),
        ("3万元", "30000"),
        ("3万元", "3"),
        ("25m^2", "25"),
        ("5个", "5米"),  # only one of them is a unit that is converted
    ],
)
def test_the_same(given: str, wanted: str) -> None:
    assert same(given, wanted)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("2分钟", "2小时"),
        ("3厘米", "3米"),
        ("3元6角", "3.5"),
        ("1小时20分钟", "120"),
        ("4:3", "3:4"),
        ("10:30", "10时20分"),
    ],
)
def test_not_the_same(given: str, wanted: str) -> None:
    assert not same(given, wanted)


def test_parts_are_one_quantity_only_in_descending_units_of_one_dimension() -> None:
    text = "3小时行180千米，用2元5角和5角2元"
    assert [text[one.start : one.end] for one in quantities(text)] == ["3小时", "180千米", "2元5角", "5角", "2元"]


def test_what_has_no_value_has_no_reading() -> None:
    assert [one.readings for one in quantities("1/0")] == [()]
