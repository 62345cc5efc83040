"""The report's plots as inline SVG. They stretch with the page: positions are percentages, strokes keep their width.

Text never goes into the SVG (it would shrink on a phone); the page puts it next to the plot.
"""

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from eval.report.schema import Curve, Lengths, Point, ReliabilityBin, System, ThresholdPoint
from eval.significance import Estimate

TICKS = 4
COLOURS = 5  # besides the baseline's grey; further systems reuse them
STRETCHED = 'class="stretch" viewBox="0 0 100 100" preserveAspectRatio="none"'


def nice_ceiling(value: float) -> float:
    """The smallest of 1, 2, 2.5 or 5 times a power of ten that is at least a value."""
    if not math.isfinite(value) or value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value * (1 - 1e-9))


def colours(systems: Sequence[System]) -> dict[System, str]:
    """The class of each system's colour: grey for the baseline, the main colour for the next or a single one."""
    if len(systems) == 1:
        return {systems[0]: "colour-1"}
    return {system: f"colour-{(i - 1) % COLOURS + 1 if i else 0}" for i, system in enumerate(systems)}


def interval_plot(scores: Mapping[System, Estimate], colour_of: Mapping[System, str], label: str) -> Markup:
    """Dot and interval of each system on a scale from 0 to 1, one above the other.

    Args:
        scores: The scores of one row.
        colour_of: The colour of each system.
        label: The text for screen readers.
    """
    height = max(26, 10 * len(scores) + 6)
    ticks = [_percent(tick / TICKS) for tick in range(TICKS + 1)]
    parts = [Markup('<line class="grid" x1="{0}%" x2="{0}%" y1="0" y2="{1}"/>').format(tick, height) for tick in ticks]
    for place, (system, score) in enumerate(scores.items()):
        colour, y = colour_of[system], height / 2 + 10 * (place - (len(scores) - 1) / 2)
        if score.low is not None and score.high is not None:
            ends = _percent(score.low), _percent(score.high)
            parts.append(Markup('<line class="{}" x1="{}%" x2="{}%" y1="{}" y2="{}"/>').format(colour, *ends, y, y))
        centre = _percent(score.value)
        parts.append(Markup('<circle class="{}" cx="{}%" cy="{}" r="5"/>').format(colour, centre, y))
    return _svg(f'class="interval" height="{height}"', parts, label)


def _percent(share: float) -> str:
    """Where a share is drawn, with room at both ends for half a dot."""
    return f"{2 + 96 * min(max(share, 0.0), 1.0):.2f}"


def reliability_plot(bins: Sequence[ReliabilityBin], colour: str, label: str) -> Markup:
    """Confidence from left to right, the share of right answers from bottom to top, both from 0 to 1, and the diagonal
    on which a calibrated system lies.

    Args:
        bins: At least one.
        colour: The class of the system's colour.
        label: The text for screen readers.
    """
    ticks = [100 * tick / TICKS for tick in range(TICKS + 1)]
    parts = [Markup('<line class="grid" x1="0" x2="100" y1="{0}" y2="{0}"/>').format(tick) for tick in ticks]
    parts.append(Markup('<line class="grid diagonal" x1="0" x2="100" y1="100" y2="0"/>'))
    for one in bins:
        x, right = f"{100 * one.confidence:.2f}", one.right
        if right.low is not None and right.high is not None:
            ends = f"{100 * (1 - right.low):.2f}", f"{100 * (1 - right.high):.2f}"
            parts.append(Markup('<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(colour, x, x, *ends))
        parts.append(
            Markup('<circle class="{}" cx="{}" cy="{:.2f}" r="2.5"/>').format(colour, x, 100 - 100 * right.value)
        )
    return _svg('class="interval square" viewBox="0 0 100 100"', parts, label)


def threshold_plot(
    curves: Mapping[System, Sequence[ThresholdPoint]], colour_of: Mapping[System, str], label: str
) -> Markup:
    """F1 from 0 to 1 by the share of questions that is answered, a line per system."""
    ticks = [100 * tick / TICKS for tick in range(TICKS + 1)]
    parts = [Markup('<line class="grid" x1="0" x2="100" y1="{0}" y2="{0}"/>').format(tick) for tick in ticks]
    for system, points in curves.items():
        places = " ".join(f"{100 * point.answered:.2f},{100 * (1 - point.f1.value):.2f}" for point in points)
        parts.append(Markup('<polyline class="{}" points="{}"/>').format(colour_of[system], places))
    return _svg(STRETCHED, parts, label)


def loss_plot(curve: Curve, top: float, label: str) -> Markup:
    """Training loss as a line and dev loss as a line with dots, from step 0 and loss 0."""
    last = max(point.step for point in (*curve.train, *curve.dev))
    ticks = [100 * tick / TICKS for tick in range(TICKS + 1)]
    parts = [Markup('<line class="grid" x1="0" x2="100" y1="{0}" y2="{0}"/>').format(tick) for tick in ticks]
    for name, points in (("train", curve.train), ("dev", curve.dev)):
        parts.append(Markup('<polyline class="{}" points="{}"/>').format(name, _points(points, last, top)))
    return _svg(STRETCHED, parts, label)


def _points(points: Sequence[Point], last: int, top: float) -> str:
    known = [point for point in points if math.isfinite(point.loss)]
    return " ".join(f"{100 * p.step / last:.2f},{100 * (1 - min(p.loss / top, 1)):.2f}" for p in known)


def histogram(counts: Sequence[int], lengths: Lengths, label: str) -> Markup:
    """Bars over the common scale of questions and answers."""
    highest = max(*lengths.questions, *lengths.answers, 1)
    width = 100 / len(counts)
    bars = [
        Markup('<rect x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"/>').format(
            (i + 0.08) * width, 100 * (1 - count / highest), 0.84 * width, 100 * count / highest
        )
        for i, count in enumerate(counts)
    ]
    return _svg(STRETCHED, bars, label)


def _svg(attributes: str, parts: Sequence[Markup], label: str) -> Markup:
    opening = Markup('<svg {} role="img" aria-label="{}">').format(Markup(attributes), label)
    return opening + Markup("").join(parts) + Markup("</svg>")
