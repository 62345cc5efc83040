"""Bar charts as SVG files or plain text, without a plotting library: the same numbers give the same bytes."""

from collections import Counter
from collections.abc import Sequence
from html import escape

from data_recipes.dataset.lengths import quantile

BINS = 24
COLUMNS = 50  # characters of the longest bar of a text
WIDTH, LINE, LEFT, RIGHT, TOP = 720, 22, 150, 90, 34


def binned(lengths: Counter[int]) -> list[tuple[str, int]]:
    """Counts lengths in bins of equal width; the last one holds everything beyond the 99.5 % quantile."""
    longest = quantile(lengths, 0.995)
    width = max(1, -(-(longest + 1) // BINS))
    bins = Counter[int]()
    for length, number in lengths.items():
        bins[min(length // width, BINS - 1)] += number
    last = max(bins)
    return [(_label(number, width, number == BINS - 1), bins[number]) for number in range(last + 1)]


def _label(number: int, width: int, open_end: bool) -> str:
    return f"{number * width}–" if open_end else f"{number * width}–{(number + 1) * width - 1}"


def bars(numbers: Sequence[tuple[str, int]], title: str) -> str:
    """A horizontal bar for each number.

    Args:
        numbers: Label and value of each bar.
        title: Above the chart.
    """
    most = max(1, *(number for _, number in numbers))
    height = TOP + LINE * len(numbers) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        ' font-family="sans-serif" font-size="13">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{LEFT}" y="20" fill="#333">{escape(title)}</text>',
    ]
    for place, (label, number) in enumerate(numbers):
        y = TOP + LINE * place
        length = round((WIDTH - LEFT - RIGHT) * number / most, 1)
        parts += [
            f'<text x="{LEFT - 8}" y="{y + 14}" text-anchor="end" fill="#333">{escape(label)}</text>',
            f'<rect x="{LEFT}" y="{y + 2}" width="{length}" height="{LINE - 6}" fill="#2f7d6b"/>',
            f'<text x="{LEFT + length + 6}" y="{y + 14}" fill="#555">{number:,}</text>',
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def text_bars(numbers: Sequence[tuple[str, int]]) -> str:
    """The same for a terminal: a line for each number."""
    most = max(1, *(number for _, number in numbers))
    width = max(len(label) for label, _ in numbers)
    return "\n".join(f"{label:>{width}}  {'█' * -(-COLUMNS * number // most)} {number:,}" for label, number in numbers)
