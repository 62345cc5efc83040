"""What figures in a message mean: blood pressure, pulse, oxygen, glucose and temperature by the limits of guidelines.

The classifier of messages reads runs of characters, to which 160/100 and 16/100 are alike. So a figure is replaced by
one character that says between which limits it lies: all figures between them are one, however they are written. The
safety rules read the figures themselves, by the same limits (``red_flags.yaml``).
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

_FIRST = 0xE000  # private use: no message has such a character
_MOST = 8  # bands of a measure

# 140/90 and 180/110: grades 1 and 3 of hypertension (Chinese guidelines, 2024). 220/140: an emergency without any sign
# (Chinese expert consensus on hypertension in emergency medicine, 2017). Below 90: NEWS2 (Royal College of Physicians,
# 2017), and below 80 in shock.
_SYSTOLIC, _DIASTOLIC = (80, 90, 140, 180, 220), (45, 50, 90, 110, 140)
# Below 40 and from 131 on: NEWS2, where one such figure calls a doctor. 150: fast enough to cause signs itself (ACLS).
_PULSE = (40, 50, 101, 131, 150)
# Below 90: respiratory failure. 94: NEWS2.
_OXYGEN = (90, 94)
# mmol/L. Below 3.0 and 3.9: hypoglycaemia of levels 2 and 1 (Chinese guidelines for diabetes, 2024; ADA). 16.7 and 30:
# where ketoacidosis and a hyperosmolar state are to be ruled out. 7.0: diabetes, fasting; 11.1: at any time (the same
# guidelines).
_GLUCOSE = (3.0, 3.9, 7.0, 11.1, 16.7, 30)
# Below 35: hypothermia. 37.3: fever. 39.1: NEWS2. 41: hyperpyrexia.
_TEMPERATURE = (35, 37.3, 38.1, 39.1, 41)
_WHOLE = "(?:3[3-9]|4[0-3])"
_GAP = r"[^\d,。;!? \ue000-\ue0ff]"  # between a name and its figure


@dataclass(frozen=True)
class Measure:
    """A figure that messages state.

    Attributes:
        stated: Matches it in a normalised text; group 1 is the figure, group 2 a second one that belongs to it.
        limits: Where each band but the lowest begins, for each group.
        normal: The band that is nothing unusual; of two figures, the one that is further from it counts.
        least: A first figure below it is something else.
        most: A first figure above it is something else.
        within: What the text must speak of.
    """

    stated: re.Pattern[str]
    limits: tuple[tuple[float, ...], ...]
    normal: int
    least: float
    most: float
    within: re.Pattern[str] = re.compile("")

    def band(self, stated: re.Match[str]) -> int | None:
        """Between which limits a figure lies, 0 below all of them; None where it is something else."""
        figures = [float(re.sub("[点度]", ".", figure)) for figure in stated.groups()]
        if not self.least <= figures[0] <= self.most:
            return None
        bands = [bisect_right(limits, figure) for limits, figure in zip(self.limits, figures, strict=True)]
        return max(bands, key=lambda band: abs(band - self.normal))


MEASURES: tuple[tuple[Measure, ...], ...] = (
    (
        Measure(
            re.compile(r"(?<![\d./])(\d{2,3})(?:mmhg)?[/\\比](\d{2,3})(?![\d./])"),
            (_SYSTOLIC, _DIASTOLIC),
            normal=2,
            least=40,
            most=300,
            within=re.compile("[血高低]压|收缩压|舒张压|bp|mmhg"),
        ),
        Measure(
            re.compile(rf"(?:血压|高压|收缩压|bp){_GAP}{{0,6}}(\d{{2,3}})(?![\d./]|[次下分天周年岁毫])"),
            (_SYSTOLIC,),
            normal=2,
            least=40,
            most=300,
        ),
    ),
    (
        Measure(
            re.compile(rf"(?:(?<!胎)心率|(?<!胎)心跳|脉搏|脉率|(?<![a-z])hr){_GAP}{{0,6}}(\d{{2,3}})(?![\d.])"),
            (_PULSE,),
            normal=2,
            least=15,
            most=300,
        ),
    ),
    (
        Measure(
            re.compile(rf"(?:血氧|氧饱和|spo2|sao2){_GAP}{{0,8}}(\d{{2,3}})(?![\d.])"),
            (_OXYGEN,),
            normal=2,
            least=30,
            most=100,
        ),
    ),
    (
        Measure(
            re.compile(rf"(?:血糖|空腹|餐后){_GAP}{{0,6}}(\d{{1,2}}(?:\.\d{{1,2}})?)(?![\d.]|[次天周年岁月点小个型])"),
            (_GLUCOSE,),
            normal=2,
            least=0.5,
            most=60,
        ),
    ),
    (
        Measure(
            re.compile(rf"(?<!气温)(?<!室温)(?<!水温)(?<![\d.])({_WHOLE}度\d|{_WHOLE}(?:[.点]\d)?(?=°|度|摄氏))"),
            (_TEMPERATURE,),
            normal=1,
            least=33,
            most=43.9,
        ),
        Measure(
            re.compile(rf"(?:体温|[腋耳额肛口]温|烧|热){_GAP}{{0,3}}({_WHOLE}(?:[.点]\d)?)(?![\d.年岁天周月床%])"),
            (_TEMPERATURE,),
            normal=1,
            least=33,
            most=43.9,
        ),
    ),
)
"""Measure by measure, the ways to state one."""


BLOOD_PRESSURE, PULSE, OXYGEN, GLUCOSE, TEMPERATURE = MEASURES


def stated(measures: tuple[Measure, ...], text: str) -> tuple[float, ...]:
    """The first figure of a measure in a normalised text, with the one that belongs to it; empty where it has none."""
    for measure in measures:
        for found in measure.stated.finditer(text) if measure.within.search(text) else ():
            if measure.band(found) is not None:
                return tuple(float(re.sub("[点度]", ".", figure)) for figure in found.groups())
    return ()


def conditions_measured(text: str) -> Iterator[tuple[str, str]]:
    """What figures of a normalised text are called where they are not usual, each with the words that state it."""
    for measures, names in _CALLED:
        for measure in measures:
            for found in measure.stated.finditer(text) if measure.within.search(text) else ():
                if name := names.get(measure.band(found)):
                    yield found[0], name


_CALLED: tuple[tuple[tuple[Measure, ...], dict[int | None, str]], ...] = (
    (BLOOD_PRESSURE, {0: "低血压", 1: "低血压", 3: "高血压", 4: "严重高血压", 5: "严重高血压"}),
    (PULSE, {0: "心动过缓", 1: "心动过缓", 3: "心动过速", 4: "心动过速", 5: "心动过速"}),
    (GLUCOSE, {0: "低血糖", 1: "低血糖", 3: "高血糖", 4: "高血糖", 5: "高血糖"}),
)
"""By band, what a figure of a measure is called in entries; 2 is usual."""


def with_bands(text: str) -> str:
    """A normalised text with a character for its band in the place of each figure."""
    for number, measures in enumerate(MEASURES):
        for measure in measures:
            if measure.within.search(text):
                text = measure.stated.sub(partial(_banded, measure, number), text)
    return text


def _banded(measure: Measure, number: int, stated: re.Match[str]) -> str:
    band = measure.band(stated)
    if band is None:
        return stated[0]
    before = stated.string[stated.start() : stated.start(1)]
    return before + chr(_FIRST + number * _MOST + band)
