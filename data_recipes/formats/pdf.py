"""PDF as headings and paragraphs: lines joined across breaks, column by column, without what every page repeats.

Text comes in the order in which the file draws it, which is that of reading; a page whose two columns are drawn line by
line is put into order by the places of its pieces. Headings are those of the outline; without one, short lines in
larger type. Lines of several cells are rows of a table, one paragraph each.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import groupby
from math import hypot
from pathlib import Path
from typing import Any, NamedTuple

from common.errors import UserError
from data_recipes.formats.blocks import ENDS_PARAGRAPH, Block, DamagedDocument, damaged, lacking
from data_recipes.formats.markdown import joined_lines, table_row
from data_recipes.schema.dropped import Dropped

PAGE_NUMBER = re.compile(r"\W*(?:第\s*)?\d+(?:\s*页)?(?:\W*(?:共|of)?\W*\d+(?:\s*页)?)?\W*")
PAGE_MARK = re.compile(r"[第共]\s*\d+\s*页|[-—–]\s*\d+\s*[-—–]|[Pp]age\s*\d+|\d+\s*/\s*\d+|(?<=\s)\d+$|^\d+(?=\s)")
NUMBER = re.compile(
    r"^\s*(?:第[\d一二三四五六七八九十百]+[章节条篇]|[一二三四五六七八九十]+、|(?:[A-Z]\.)?\d+(?:\.\d+)*(?:[.、．]|\s))"
)
HYPHEN = re.compile(r"(?<=[A-Za-z])[-‐]$")  # a word divided at the end of a line
RUNNING = 3  # a first or last line on this many pages is a running header or footer
RUNNING_LINES = 3  # most lines of a header, and of a footer
GAP = 1.0  # between cells, in widths of a character
NARROW = 0.6  # width of a Latin letter or digit beside that of a Chinese character
SHORT = 0.6  # a line shorter than this share of a full one ends a paragraph
COLUMN_ROWS = 6  # fewest rows of two columns: tables have less
COLUMN_CHARACTERS = 10  # fewest characters of a column in a row
LARGER = 1.12  # type of a heading beside that of the text
LONGEST_HEADING = 40
UNREADABLE = 0.3  # share of a page's characters that are none: its font does not say which they are

_WIDE = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u2014\u2018-\u201d\u2026"
_SPACED = re.compile(rf"(?<![{_WIDE}])(?:[{_WIDE}] ){{2,}}[{_WIDE}](?![{_WIDE}])")  # 诊 室 血 压: a justified line
_AT_SIGN = re.compile(r" *([，。；：、！？（）《》“”]) *")
_COMPATIBLE = re.compile("[\u2f00-\u2fdf\uf900-\ufaff\ufb00-\ufb06]")  # radicals and ligatures that stand for letters
_NO_TEXT = re.compile("[\x00-\x08\x0b-\x1f\ue000-\uf8ff\ufffd]")
_INVISIBLE = str.maketrans("", "", "\u00ad\u200b\u200c\u200d\u2060\ufeff")
_RADICALS = str.maketrans(  # fonts have one shape for both, and files name the other one
    "⺠⺟⻁⻄⻅⻆⻉⻋⻓⻔⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻨⻩⻬⻮⻰⻳", "民母虎西见角贝车长门青韦页风飞食马骨鬼鱼鸟麦黄齐齿龙龟"
)


class Title(NamedTuple):
    """An entry of the outline.

    Attributes:
        text: The title.
        level: From 1.
        top: Where it leads to, in points from the bottom of its page; None for the whole page.
    """

    text: str
    level: int
    top: float | None


class PlacedText(NamedTuple):
    """Text that is drawn in one place.

    Attributes:
        text: The text.
        x: Where it begins, in points from the left.
        y: Its baseline, in points from the bottom.
        size: Of its type, in points.
    """

    text: str
    x: float
    y: float
    size: float

    @property
    def end(self) -> float:
        """About where it ends; rather too far, as the widths of characters are not looked up."""
        return self.x + self.size * sum(NARROW if character.isascii() else 1.0 for character in self.text)


Line = Sequence[PlacedText]
"""The pieces of a line with a gap between them: one, or the cells of a table, or of columns."""


def pdf_blocks(path: Path) -> Iterator[Block | Dropped]:
    """The headings and paragraphs of a PDF, and its pages without text (``file:page``).

    Raises:
        UserError: It is damaged or locked, or pypdf is not installed.
    """
    try:
        import pypdf
        from pypdf.errors import DependencyError
    except ImportError:
        raise lacking("pypdf", path) from None
    locked = DamagedDocument("this PDF is locked", path, "locked", fix="save it without a password")
    try:
        reader = pypdf.PdfReader(str(path))
        if reader.is_encrypted and not reader.decrypt(""):
            raise locked
        pages = [_in_reading_order(_lines(page)) for page in reader.pages]
        outline = _outline(reader, reader.outline)
    except UserError:
        raise
    except DependencyError:  # ciphers that pypdf leaves to another library
        raise locked from None
    except Exception as error:  # pypdf has many exceptions of its own, and lets others through
        raise damaged(path, "PDF", error) from None
    pages = _without_running_lines(pages)
    levels = {} if outline else _levels(pages)
    for number, lines in enumerate(pages, 1):
        titles = outline.get(number, [])
        if problem := _problem(lines):
            yield from (Block(title.text, title.level, number) for title in titles)
            yield Dropped(f"{path.name}:{number}", problem)
        else:
            yield from _paragraphs(_with_titles(lines, titles), titles, levels, number)


def _lines(page: Any) -> list[Line]:
    """The lines of a page in the order in which they are drawn."""
    lines: list[list[PlacedText]] = [[]]

    def drawn(text: str, at: Sequence[float], within: Sequence[float], font: Any, size: float) -> None:
        x = within[4] * at[0] + within[5] * at[2] + at[4]
        y = within[4] * at[1] + within[5] * at[3] + at[5]
        height = hypot(within[2] * at[0] + within[3] * at[2], within[2] * at[1] + within[3] * at[3])
        for number, part in enumerate(text.split("\n")):
            if number:
                lines.append([])
            if part:
                lines[-1].append(PlacedText(part, x, y, size * height))

    page.extract_text(visitor_text=drawn)
    return [joined for line in lines if (joined := _joined(line))]


def _joined(pieces: Sequence[PlacedText]) -> Line:
    """The pieces of a line, those without a gap between them as one."""
    found: list[PlacedText] = []
    for piece in pieces:
        if found and piece.x - found[-1].end < GAP * piece.size:
            last = found[-1]
            found[-1] = last._replace(text=last.text + piece.text, size=max(last.size, piece.size))
        else:
            found.append(piece)
    cleaned = [piece._replace(text=_cleaned(piece.text)) for piece in found]
    return [piece for piece in cleaned if piece.text]


def _cleaned(text: str) -> str:
    """A piece as it would be typed."""
    text = _COMPATIBLE.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    text = text.translate(_INVISIBLE).translate(_RADICALS)
    text = _SPACED.sub(lambda found: found[0].replace(" ", ""), " ".join(text.split()))
    return _AT_SIGN.sub(r"\1", text)


def _text(line: Line) -> str:
    return line[0].text if len(line) == 1 else table_row([], [piece.text for piece in line])


def _width(line: Line) -> float:
    return line[-1].end - line[0].x


def _size(line: Line) -> float:
    return max(piece.size for piece in line)


def _in_reading_order(lines: Sequence[Line]) -> list[Line]:
    """The lines of a page, where two columns are drawn line by line first those of the left one."""
    rows = [line for line in lines if len(line) == 2 and min(len(piece.text) for piece in line) >= COLUMN_CHARACTERS]
    starts = Counter(round(right.x) for _, right in rows)
    if not starts or starts.most_common(1)[0][1] < COLUMN_ROWS:
        return list(lines)
    middle = starts.most_common(1)[0][0] - 1.0
    ordered: list[Line] = []
    left: list[Line] = []
    right: list[Line] = []
    for line in lines:
        crosses = any(piece.x < middle < piece.end - piece.size for piece in line)
        if crosses or len(line) > 2:
            ordered += [*left, *right, line]
            left, right = [], []
            continue
        for piece in line:
            (left if piece.x < middle else right).append([piece])
    return [*ordered, *left, *right]


def _levels(pages: Sequence[Sequence[Line]]) -> dict[float, int]:
    """The levels of headings by the size of their type, where a document has no outline."""
    lines = [line for page in pages for line in page]
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[_rounded(line)] += len(_text(line))
    if not sizes:
        return {}
    body = sizes.most_common(1)[0][0]
    larger = {_rounded(line) for line in lines if _rounded(line) > body * LARGER and _may_be_heading(line)}
    return {size: level for level, size in enumerate(sorted(larger, reverse=True), 1)}


def _rounded(line: Line) -> float:
    return round(_size(line) * 2) / 2


def _may_be_heading(line: Line) -> bool:
    text = _text(line)
    return len(line) == 1 and 1 < len(text) <= LONGEST_HEADING and not ENDS_PARAGRAPH.search(text)


def _problem(lines: Sequence[Line]) -> str:
    """Why there is nothing to read on a page; empty where there is."""
    text = "".join(map(_text, lines))
    if not text:
        return "page_without_text"
    return "page_in_an_unreadable_font" if len(_NO_TEXT.findall(text)) > UNREADABLE * len(text) else ""


def _with_titles(lines: Sequence[Line], titles: Sequence[Title]) -> list[Line]:
    """The lines of a page with the titles of the outline that are none of them, each where it leads to."""
    on_page = {_squeezed(_text(line)) for line in lines}
    placed = list(lines)
    for title in reversed(titles):
        if _squeezed(title.text) not in on_page:
            below = (place for place, line in enumerate(placed) if title.top is None or line[0].y < title.top)
            first = next(below, len(placed))
            placed.insert(first, [PlacedText(title.text, 0.0, title.top or float("inf"), 0.0)])
    return placed


def _paragraphs(
    lines: Sequence[Line], titles: Sequence[Title], levels: Mapping[float, int], page: int
) -> Iterator[Block]:
    """Lines joined to paragraphs: one ends where a line ends a sentence, or is much shorter than most."""
    known = {_squeezed(title.text): title for title in titles}
    full = sorted(map(_width, lines))[len(lines) * 3 // 4] if lines else 0.0

    def heading(line: Line) -> tuple[str, int]:
        """The title of the outline that a line is, or the level of its type alone."""
        if title := known.get(_squeezed(_text(line))):
            return title.text, title.level
        return "", levels.get(_rounded(line), 0) if _may_be_heading(line) else 0

    for (title, level), group in groupby(lines, key=heading):
        if level:  # without an outline, of several lines
            yield Block(title or reduce(joined_lines, map(_text, group)), level, page)
        else:
            yield from (Block(text, page=page) for text in _joined_texts(group, full))


def _squeezed(title: str) -> str:
    """A title without what is written differently in the outline and on the page: its number, spaces, signs."""
    return re.sub(r"[\s，。]", "", NUMBER.sub("", title) or title)


def _joined_texts(lines: Iterator[Line], full: float) -> Iterator[str]:
    paragraph = ""
    for line in lines:
        text = _text(line)
        if len(line) > 1 or text.startswith("【"):  # a row of a table, a section of a leaflet
            if paragraph:
                yield paragraph
            paragraph = ""
        paragraph = HYPHEN.sub("", paragraph) + text if _goes_on(paragraph, text) else joined_lines(paragraph, text)
        if len(line) > 1 or ENDS_PARAGRAPH.search(text) or (_width(line) < SHORT * full and text[-1] not in "，、,-‐"):
            yield paragraph
            paragraph = ""
    if paragraph:
        yield paragraph


def _goes_on(paragraph: str, text: str) -> bool:
    """Whether a line goes on with the word that the line before has divided."""
    return bool(HYPHEN.search(paragraph)) and text[:1].isascii() and text[:1].islower()


def _outline(reader: Any, entries: Any, level: int = 1) -> dict[int, list[Title]]:
    """Its titles by page number."""
    found: dict[int, list[Title]] = {}
    for entry in entries:
        if isinstance(entry, list):
            for page, titles in _outline(reader, entry, level + 1).items():
                found.setdefault(page, []).extend(titles)
        elif (page := reader.get_destination_page_number(entry)) is not None:
            found.setdefault(page + 1, []).append(Title(_cleaned(str(entry.title)), level, _top(entry)))
    return found


def _top(entry: Any) -> float | None:
    """Where an entry of the outline leads to on its page, where it says so in points."""
    return float(entry.top) if isinstance(entry.top, (int, float)) else None


def _without_running_lines(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """The pages without page numbers, and without first and last lines that most of them share."""
    cleaned = [list(lines) for lines in pages]
    for end in (0, -1):
        for _ in range(RUNNING_LINES):
            shown = Counter(_without_page_numbers(lines[end]) for lines in cleaned if lines)
            running = {line for line, count in shown.items() if count >= max(RUNNING, len(pages) / 2)} | {""}
            ends = [lines for lines in cleaned if lines and _without_page_numbers(lines[end]) in running]
            for lines in ends:
                del lines[end]
            if not ends:
                break
    return cleaned


def _without_page_numbers(line: Line) -> str:
    """What a header or footer says besides the number of the page; empty for that alone."""
    others = (piece.text for piece in line if not PAGE_NUMBER.fullmatch(piece.text))
    return " ".join(PAGE_MARK.sub("", text).strip() for text in others)
