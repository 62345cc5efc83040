"""The report's plots as inline SVG. They stretch with the page: positions are percentages, strokes keep their width.

Text never goes into the SVG (it would shrink on a phone); the page writes it beside the plot.
"""

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from eval.report.schema import Curve, Lengths, Point, Score, System

TICKS = 4
STRETCHED = 'class="stretch" viewBox="0 0 100 100" preserveAspectRatio="none"'


def nice_ceiling(value: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is not below a value."""
    if not math.isfinite(value) or value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value * (1 - 1e-9))


def interval_plot(scores: Mapping[System, Score], top: float, label: str) -> Markup:
    """Dot and interval of each system on a scale from 0 to ``top``, one above the other.

    Args:
        scores: The scores of one row.
        top: Right end of the scale.
        label: What a screen reader says instead.
    """
    places = (
        [("base", 8), ("tuned", 18)] if len(scores) > 1 else [("tuned", 13)]
    )  # one model alone gets the main colour
    ticks = [_percent(tick, TICKS) for tick in range(TICKS + 1)]
    parts = [Markup('<line class="grid" x1="{0}%" x2="{0}%" y1="0" y2="26"/>').format(tick) for tick in ticks]
    for (colour, y), score in zip(places, scores.values(), strict=True):
        if score.low is not None and score.high is not None:
            ends = _percent(score.low, top), _percent(score.high, top)
            parts.append(Markup('<line class="{}" x1="{}%" x2="{}%" y1="{}" y2="{}"/>').format(colour, *ends, y, y))
        centre = _percent(score.value, top)
        parts.append(Markup('<circle class="{}" cx="{}%" cy="{}" r="5"/>').format(colour, centre, y))
    return _svg('class="interval" height="26"', parts, label)


def _percent(value: float, top: float) -> str:
    """Where a value lies, with room at both ends for half a dot."""
    share = min(max(value / top, 0.0), 1.0) if math.isfinite(value) else 1.0
    return f"{2 + 96 * share:.2f}"


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
