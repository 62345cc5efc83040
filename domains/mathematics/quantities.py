"""Quantities in a text: a number with its unit, read in every way it can be meant.

``3元5角`` is 3.5 (元) or 35 (角), and as much money as ``3.5元``; ``3万元`` is 3 (万元) or 30,000; ``10:30`` is a
ratio or a time of day.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from domains.mathematics.expression import NotArithmetic, value
from domains.mathematics.numerals import MYRIADS

_SIZES: dict[str, dict[str, Fraction]] = {
    "money": {"元": Fraction(1), "块": Fraction(1), "圆": Fraction(1), "角": Fraction(1, 10), "毛": Fraction(1, 10)},
    "time": {
        **dict.fromkeys(("天", "日", "day", "days"), Fraction(86400)),
        **dict.fromkeys(("小时", "个小时", "时", "点", "hour", "hours", "h"), Fraction(3600)),
        **dict.fromkeys(("分钟", "minute", "minutes", "min"), Fraction(60)),
        **dict.fromkeys(("秒", "秒钟", "second", "seconds", "s"), Fraction(1)),
        **dict.fromkeys(("周", "星期", "week", "weeks"), Fraction(7 * 86400)),
    },
    "length": {
        **dict.fromkeys(("千米", "公里", "km"), Fraction(1000)),
        **dict.fromkeys(("米", "m"), Fraction(1)),
        **dict.fromkeys(("分米", "dm"), Fraction(1, 10)),
        **dict.fromkeys(("厘米", "cm"), Fraction(1, 100)),
        **dict.fromkeys(("毫米", "mm"), Fraction(1, 1000)),
    },
    "mass": {
        **dict.fromkeys(("吨", "t"), Fraction(10**6)),
        **dict.fromkeys(("千克", "公斤", "kg"), Fraction(1000)),
        "斤": Fraction(500),
        **dict.fromkeys(("克", "g"), Fraction(1)),
        **dict.fromkeys(("毫克", "mg"), Fraction(1, 1000)),
    },
    "area": {
        **dict.fromkeys(("平方千米", "平方公里", "km^2", "km2"), Fraction(10**6)),
        "公顷": Fraction(10**4),
        **dict.fromkeys(("平方米", "平米", "m^2", "m2"), Fraction(1)),
        **dict.fromkeys(("平方分米", "dm^2", "dm2"), Fraction(1, 100)),
        **dict.fromkeys(("平方厘米", "cm^2", "cm2"), Fraction(1, 10**4)),
        **dict.fromkeys(("平方毫米", "mm^2", "mm2"), Fraction(1, 10**6)),
    },
    "volume": {
        **dict.fromkeys(("立方米", "m^3", "m3"), Fraction(1000)),
        **dict.fromkeys(("立方分米", "dm^3", "dm3", "升", "L", "l"), Fraction(1)),
        **dict.fromkeys(("立方厘米", "cm^3", "cm3", "毫升", "mL", "ml"), Fraction(1, 1000)),
    },
}
_SHARED = {"分": {"money": Fraction(1, 100), "time": Fraction(60)}}
"""A unit of two dimensions; what it is written with says which: 3元5分, 3时5分."""

_BY_UNIT = {unit: {dimension: size} for dimension, units in _SIZES.items() for unit, size in units.items()} | _SHARED
_UNIT = "|".join(sorted(map(re.escape, _BY_UNIT), key=len, reverse=True))
_DAYTIME = r"(?P<daytime>上午|早上|凌晨|清晨|中午|下午|傍晚|晚上)?"
_NUMBER = (
    r"(?:(?<![\d.)%])-)?(?<![\d.])(?:"
    r"\d+又\d+/\d+|\d+\(\d+/\d+\)|\d+ +\d+/\d+(?![\d.])"  # mixed fractions
    r"|\(?\d+(?:\.\d+)?\)?/\(?\d+(?:\.\d+)?\)?|\d+(?:\.\d+)?:\d+(?:\.\d+)?"  # fractions, ratios
    r"|\d+\^\d+|\d+(?:\.\d+)?|\.\d+)(?: ?%)?"
)
_QUANTITY = re.compile(
    rf"{_DAYTIME}(?P<number>{_NUMBER})(?P<myriad>[万亿])?"
    rf"(?: ?(?P<unit>{_UNIT})(?![a-zA-Z]|(?<=[a-zA-Z])[\d^]|(?<=角)形))?"
)
_MIXED = re.compile(r"(-?\d+)(?: +|\()(\d+/\d+)\)?")
_CLOCK = re.compile(r"(\d{1,2}):([0-5]\d)")
_BETWEEN_PARTS = re.compile(r"[ 零又]{0,2}")
_AFTERNOON = ("下午", "傍晚", "晚上")


@dataclass(frozen=True)
class QuantityReading:
    """One way to read a quantity.

    Attributes:
        value: The number.
        dimension: What it measures; empty where it has no unit, or one that is not converted.
        size: Its unit, in the smallest terms of the dimension.
    """

    value: Fraction
    dimension: str = ""
    size: Fraction = Fraction(1)


@dataclass(frozen=True)
class Quantity:
    """A quantity in a text.

    Attributes:
        start: Where it begins.
        end: Where it ends, its unit included.
        readings: In every way it can be read; none where it has no value (1/0).
    """

    start: int
    end: int
    readings: tuple[QuantityReading, ...]


def quantities(text: str) -> list[Quantity]:
    """All quantities of a text in order, compound ones (``3元5角``) as one.

    Args:
        text: With numbers in digits.
    """
    found: list[list[re.Match[str]]] = []
    for match in _QUANTITY.finditer(text):
        if found and _continues(found[-1], match):
            found[-1].append(match)
        else:
            found.append([match])
    return [Quantity(parts[0].start("number"), parts[-1].end(), tuple(_readings(parts))) for parts in found]


def equal(given: Sequence[QuantityReading], wanted: Sequence[QuantityReading]) -> bool:
    """Whether two quantities are the same in one way of reading each: 3千米 and 3000米 are, 3米 and 3厘米 are not."""
    pairs = [(one, other) for one in given for other in wanted]
    measured = [(one, other) for one, other in pairs if one.dimension and one.dimension == other.dimension]
    if any(same(one.value * one.size / other.size, other.value) for one, other in measured):
        return True
    plain = [(one, other) for one, other in pairs if not measured or not (one.dimension or other.dimension)]
    return any(same(one.value, other.value) for one, other in plain)


def same(given: Fraction, wanted: Fraction) -> bool:
    """Whether two numbers are equal, or the first is the second rounded to two or more decimals of infinitely many."""
    if given == wanted:
        return True
    if _decimals(wanted) is not None:
        return False
    places = _decimals(given)
    return places is not None and places >= 2 and abs(given - wanted) * 2 <= Fraction(1, 10**places)


def _decimals(number: Fraction) -> int | None:
    """Decimals that a number needs; None where no number of them is enough."""
    places, rest = 0, number.denominator
    while rest % 10 == 0:
        rest, places = rest // 10, places + 1
    for prime in (2, 5):
        while rest % prime == 0:
            rest, places = rest // prime, places + 1
    return places if rest == 1 else None


def _continues(parts: Sequence[re.Match[str]], match: re.Match[str]) -> bool:
    """Whether a number is the next part of a compound quantity: its unit is a smaller one of the same dimension."""
    last = parts[-1]
    if not last["unit"] or not _BETWEEN_PARTS.fullmatch(match.string, last.end(), match.start()):
        return False
    return any(
        match["unit"] and size > _size(match["unit"], dimension) > 0
        for dimension, size in _BY_UNIT[last["unit"]].items()
    )


def _size(unit: str, dimension: str) -> Fraction:
    return _BY_UNIT[unit].get(dimension, Fraction(0))


def _readings(parts: Sequence[re.Match[str]]) -> Iterator[QuantityReading]:
    try:
        numbers = [value(_plain(part["number"])) * MYRIADS.get(part["myriad"], 1) for part in parts]
    except NotArithmetic:
        return
    first = parts[0]
    if first["daytime"] in _AFTERNOON and numbers[0] < 12:
        numbers[0] += 12
    if clock := _CLOCK.fullmatch(first["number"]):
        yield QuantityReading(Fraction(clock[1]) + Fraction(int(clock[2]), 60), "time", Fraction(3600))
    units = [part["unit"] for part in parts]
    dimensions = [d for d in _BY_UNIT.get(units[0], ()) if all(_size(unit, d) for unit in units)]
    for dimension in dimensions:
        total = sum(number * _size(unit, dimension) for number, unit in zip(numbers, units, strict=True))
        for unit in units:
            yield QuantityReading(total / _size(unit, dimension), dimension, _size(unit, dimension))
    if not dimensions:
        yield QuantityReading(numbers[0])
    if first["myriad"]:
        yield QuantityReading(numbers[0] / MYRIADS[first["myriad"]])


def _plain(number: str) -> str:
    if mixed := _MIXED.fullmatch(number.rstrip("% ")):
        return f"{mixed[1]}又{mixed[2]}"
    return number.replace("(", "").replace(")", "")
