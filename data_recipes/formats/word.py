"""Word files as headings and paragraphs: what a reader sees of the document once all changes are accepted.

Text that was inserted while changes were tracked counts, deleted and hidden text does not. Text boxes come after the
paragraph that they are anchored to, a list is one paragraph with a line per item, a table has a line per row. Tables of
contents, headers, footers, footnotes and comments are not read.
"""

import re
from collections.abc import Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from data_recipes.formats.blocks import Block, damaged, lacking
from data_recipes.formats.markdown import list_text, table_row

WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"  # a text box once more, for old Word
CONTAINERS = frozenset(f"{WORD}{name}" for name in ("sdt", "sdtContent", "ins", "moveTo", "customXml"))
NOT_SHOWN = frozenset((f"{WORD}del", f"{WORD}moveFrom", f"{WORD}txbxContent", FALLBACK))
BREAKS = {f"{WORD}tab": " ", f"{WORD}br": "\n", f"{WORD}cr": "\n", f"{WORD}noBreakHyphen": "-"}

_HEADING = re.compile(r"(?:heading|标题)\s*(\d)", re.IGNORECASE)
_TITLE = re.compile(r"title|标题", re.IGNORECASE)
_CONTENTS = re.compile(r"(?:toc|目录)\s*\d", re.IGNORECASE)


def word_blocks(path: Path) -> Iterator[Block]:
    """The headings and paragraphs of a Word file.

    Raises:
        UserError: It is damaged, or python-docx is not installed.
    """
    try:
        import docx
    except ImportError:
        raise lacking("python-docx", path) from None
    try:
        document = docx.Document(str(path))
        blocks = list(_Reader(document).blocks(document.element.body))
    except Exception as error:  # a zip of XML: each kind of damage raises another exception
        raise damaged(path, "Word", error) from None
    yield from blocks


class _Reader:
    """Reads the XML of a document; python-docx itself knows neither tracked changes nor text boxes."""

    def __init__(self, document: Any) -> None:
        self._styles = {style.style_id: style.element for style in document.styles}
        self._signs = _signs(document)
        self._numbers: dict[tuple[str, int], int] = {}
        named = (self._style_names(paragraph) for paragraph in document.element.body.iter(f"{WORD}p"))
        self._titled = any(_TITLE.fullmatch(name) for names in named for name in names)

    def blocks(self, parent: Any) -> Iterator[Block]:
        """What is in a body, a cell or a text box, in order."""
        for listed, found in groupby(self._found(parent), key=lambda one: isinstance(one, str)):
            if listed:
                yield Block(list_text([str(item) for item in found]))
            else:
                yield from (block for block in found if isinstance(block, Block))

    def _found(self, parent: Any) -> Iterator[Block | str]:
        """Blocks, and items of lists as texts."""
        for element in _content(parent):
            if element.tag == f"{WORD}tbl":
                yield from self._table(element)
                continue
            level, numbering = self._level(element), self._numbering(element)
            if any(_CONTENTS.match(name) for name in self._style_names(element)) or not (text := _text(element)):
                pass
            elif level:
                yield Block(" ".join(text.split()), level)
            elif numbering:
                yield self._label(*numbering) + " ".join(text.split())
            else:
                yield Block(text)
            yield from self._boxes(element)

    def _boxes(self, paragraph: Any) -> Iterator[Block]:
        """The text boxes that are anchored to a paragraph."""
        for box in paragraph.iter(f"{WORD}txbxContent"):
            if next(box.iterancestors(f"{WORD}p", FALLBACK)) is paragraph:
                yield from self.blocks(box)

    def _table(self, table: Any) -> Iterator[Block]:
        """A line per row; under a first row that is a header, each cell has the name of its column."""
        rows = _grid(table)
        if all(len(row) == 1 for row in rows):  # a frame around text
            for row in rows:
                yield from self.blocks(row[0])
            return
        if len(rows) > 1 and _is_header(table):
            header, *others = [[_cell_text(cell) for cell in row] for row in rows]
            yield Block(list_text([line for row in others if (line := table_row(header, row))]))
        else:
            cells = ([_cell_text(cell) for cell, _ in groupby(row)] for row in rows)
            yield from (Block(line) for row in cells if (line := table_row([], row)))

    def _level(self, paragraph: Any) -> int:
        """The level of a heading, by its style or its outline level; 0 where it is none."""
        for name in self._style_names(paragraph):
            if found := _HEADING.match(name):
                return int(found[1]) + self._titled
            if _TITLE.fullmatch(name):
                return 1
        for properties in self._properties(paragraph):
            if (level := _value(properties, "outlineLvl")) is not None:
                return int(level) + 1 + self._titled if int(level) < 9 else 0  # 9 is the level of text
        return 0

    def _numbering(self, paragraph: Any) -> tuple[str, int] | None:
        """The numbering and the level of an item of a list; None for others."""
        for properties in self._properties(paragraph):
            if (numbering := properties.find(f"{WORD}numPr")) is not None:
                id, level = _value(numbering, "numId"), int(_value(numbering, "ilvl") or 0)
                return (id, level) if id and id != "0" else None
        return None

    def _label(self, id: str, level: int) -> str:
        """What stands before an item; a number goes on where the last item of the same list and level ended."""
        if (id, str(level)) in self._signs:
            return ""
        number = self._numbers.get((id, level), 0) + 1
        self._numbers = {place: last for place, last in self._numbers.items() if place[0] != id or place[1] < level}
        self._numbers[id, level] = number
        return f"（{number}）"

    def _properties(self, paragraph: Any) -> Iterator[Any]:
        """What is set for a paragraph, then for its style and what that is based on."""
        for element in (paragraph, *self._styles_of(paragraph)):
            if (properties := element.find(f"{WORD}pPr")) is not None:
                yield properties

    def _style_names(self, paragraph: Any) -> list[str]:
        return [str(_value(style, "name")) for style in self._styles_of(paragraph)]

    def _styles_of(self, paragraph: Any) -> Iterator[Any]:
        """The style of a paragraph and what it is based on."""
        properties = paragraph.find(f"{WORD}pPr")
        id = _value(properties, "pStyle") if properties is not None else None
        seen = set()
        while id in self._styles and id not in seen:
            seen.add(id)
            yield self._styles[id]
            id = _value(self._styles[id], "basedOn")


def _content(parent: Any) -> Iterator[Any]:
    """The paragraphs and tables of a body, also those in content controls."""
    for element in parent:
        if element.tag in (f"{WORD}p", f"{WORD}tbl"):
            yield element
        elif element.tag in CONTAINERS:
            yield from _content(element)


def _text(paragraph: Any) -> str:
    """What a reader sees of a paragraph, without its text boxes."""
    return "".join(_pieces(paragraph)).strip()


def _pieces(element: Any) -> Iterator[str]:
    for child in element:
        if child.tag == f"{WORD}t":
            yield child.text or ""
        elif child.tag in BREAKS:
            yield BREAKS[child.tag]
        elif child.tag not in NOT_SHOWN and not _is_hidden(child):
            yield from _pieces(child)


def _is_hidden(element: Any) -> bool:
    return element.tag == f"{WORD}r" and _is_on(element, "vanish")


def _is_bold(row: Any) -> bool:
    """Whether all text of a row is in bold type."""
    runs = [run for run in row.iter(f"{WORD}r") if run.findtext(f"{WORD}t")]
    return bool(runs) and all(_is_on(run, "b") for run in runs)


def _is_on(run: Any, name: str) -> bool:
    mark = run.find(f"{WORD}rPr/{WORD}{name}")
    return mark is not None and mark.get(f"{WORD}val", "1") not in ("0", "false", "off")


def _is_header(table: Any) -> bool:
    """Whether the first row is a header: marked as repeated on each page, or the only one in bold type."""
    first, second = islice(_rows(table), 2)
    return first.find(f"{WORD}trPr/{WORD}tblHeader") is not None or (_is_bold(first) and not _is_bold(second))


def _grid(table: Any) -> list[list[Any]]:
    """The cells by row and column; one that was merged is in each of its columns and rows."""
    grid: list[list[Any]] = []
    for row in _rows(table):
        cells: list[Any] = []
        for cell in row.iterchildren(f"{WORD}tc"):
            properties = cell.find(f"{WORD}tcPr")
            merged = properties.find(f"{WORD}vMerge") if properties is not None else None
            goes_on = merged is not None and merged.get(f"{WORD}val") != "restart"
            if goes_on and grid and len(cells) < len(grid[-1]):
                cell = grid[-1][len(cells)]
            cells += [cell] * int(_value(properties, "gridSpan") or 1 if properties is not None else 1)
        if cells:
            grid.append(cells)
    return grid


def _rows(table: Any) -> Iterator[Any]:
    """The rows that no tracked change deletes."""
    return (row for row in table.iterchildren(f"{WORD}tr") if row.find(f"{WORD}trPr/{WORD}del") is None)


def _cell_text(cell: Any) -> str:
    return " ".join(" ".join(map(_text, cell.iter(f"{WORD}p"))).split())


def _signs(document: Any) -> set[tuple[str, str]]:
    """The numberings and levels that have signs instead of numbers."""
    parts = [part for part in document.part.package.iter_parts() if part.partname.endswith("/numbering.xml")]
    if not parts:
        return set()
    numbering = parts[0].element
    signs = {
        (_attribute(kind, "abstractNumId"), _attribute(level, "ilvl"))
        for kind in numbering.iter(f"{WORD}abstractNum")
        for level in kind.iter(f"{WORD}lvl")
        if _value(level, "numFmt") == "bullet"
    }
    return {
        (_attribute(number, "numId"), level)
        for number in numbering.iter(f"{WORD}num")
        for kind, level in signs
        if _value(number, "abstractNumId") == kind
    }


def _value(element: Any, name: str) -> str | None:
    found = element.find(f"{WORD}{name}")
    return None if found is None else found.get(f"{WORD}val")


def _attribute(element: Any, name: str) -> str:
    return str(element.get(f"{WORD}{name}"))
