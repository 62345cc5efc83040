"""Word, PDF, Markdown and plain text, cut into passages for retrieval and for writing questions.

A passage never crosses a heading, ends where a paragraph or a sentence ends, and knows the headings above it and its
pages. Headings are what the document marks as such: Word's heading styles, Markdown's headings, the outline of a PDF.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from common.errors import UserError
from data_recipes.formats.encoding import encoding_of, undecodable
from data_recipes.formats.markdown import joined_lines, markdown_blocks
from data_recipes.schema.dropped import Dropped

SENTENCE = re.compile(r".+?(?:[。！？!?；;]+[”’」』）)\"']*|\.(?=\s)|$)", re.S)
ENDS_PARAGRAPH = re.compile(r"[。！？!?：:；;][”’」』）)\"']*$")
STYLE = re.compile(r"(?:[Hh]eading|标题)\s*(\d)")
PAGE_NUMBER = re.compile(r"\W*(?:第\s*)?\d+(?:\s*页)?(?:\W*(?:共|of)?\W*\d+(?:\s*页)?)?\W*")
ENDS_INSIDE = ("unexpected end of data", "incomplete multibyte sequence")  # what Python says of UTF-8 and GB18030
RUNNING = 3  # a first or last line on this many pages is a running header or footer


class NoText(UserError):
    """A document in which there is nothing to cut."""


class DamagedDocument(UserError):
    """A document of which nothing can be read.

    Args:
        problem: What is wrong.
        path: The file.
        reason: The reason that is counted where one of many documents is damaged.
        fix: What to do about it.
        line: Where the damage begins, where that is known.
    """

    def __init__(self, problem: str, path: Path, reason: str, *, fix: str, line: int = 1) -> None:
        self.reason, self.line = reason, line
        super().__init__(problem, where=f"{path}:{line}" if line > 1 else str(path), fix=fix)


class Block(NamedTuple):
    """A paragraph, or a heading.

    Attributes:
        level: Of the heading, from 1; 0 for a paragraph.
        page: Page number from 1, where the format has pages.
    """

    text: str
    level: int = 0
    page: int | None = None


class PassageText(NamedTuple):
    """A piece of a document.

    Attributes:
        id: Name of the document and number of the passage in it.
        document: File name.
        headings: The headings above it, outermost first.
        page: Its first page, where the format has pages.
        last_page: Its last page.
        text: Paragraphs, separated by line breaks.
    """

    id: str
    document: str
    headings: tuple[str, ...]
    page: int | None
    last_page: int | None
    text: str


def passages(path: Path, characters: int) -> Iterator[PassageText | Dropped]:
    """Reads a document and cuts it.

    Args:
        path: ``.docx``, ``.pdf``, ``.md``, ``.markdown`` or ``.txt``.
        characters: Most characters of a passage.

    Returns:
        The passages in their order, and the pages that have no text (``file:page``).

    Raises:
        NoText: It is empty, or its pages are pictures.
        UserError: It is missing, damaged, locked or of another format.
    """
    number = 0
    for piece in _cut(_blocks(path), characters):
        if isinstance(piece, Dropped):
            yield piece
        else:
            number += 1
            yield piece._replace(id=f"{path.name}-{number}", document=path.name)
    if not number:
        raise NoText("there is no text in this document", where=str(path), fix="is it scanned? run OCR on it")


def running_text(path: Path, characters: int) -> Iterator[str | Dropped]:
    """Reads a document as running text, headings included, in parts.

    Args:
        path: As of ``passages``.
        characters: Most characters of a part; it ends where a paragraph or a sentence ends.

    Returns:
        The parts in their order, and the pages that have no text (``file:page``).

    Raises:
        NoText: It is empty, or its pages are pictures.
        UserError: It is missing, damaged, locked or of another format.
    """
    blocks = (block if isinstance(block, Dropped) else block.text for block in _blocks(path))
    found = False
    for part in parts_of(blocks, characters):
        found |= isinstance(part, str)
        yield part
    if not found:
        raise NoText("there is no text in this document", where=str(path), fix="is it scanned? run OCR on it")


def parts_of(paragraphs: Iterable[str | Dropped], characters: int) -> Iterator[str | Dropped]:
    """Joins paragraphs to parts of at most this many characters; what is no paragraph is passed on."""
    parts: list[str] = []
    for paragraph in paragraphs:
        if isinstance(paragraph, Dropped):
            yield paragraph
            continue
        for sentence in sentences_within(paragraph, characters):
            if parts and sum(map(len, parts)) + len(sentence) > characters:
                yield "".join(parts).strip()
                parts = []
            parts.append(sentence)
        if parts:
            parts[-1] += "\n"
    if text := "".join(parts).strip():
        yield text


def is_document(path: Path) -> bool:
    """Whether a file has a format that can be read here."""
    return path.suffix.lower() in READERS


def _blocks(path: Path) -> Iterator[Block | Dropped]:
    if not path.is_file():
        raise UserError("the file does not exist", where=str(path), fix="check the path")
    if not path.stat().st_size:
        raise NoText("the file is empty", where=str(path), fix="copy it again from its origin")
    if not is_document(path):
        raise UserError("this format is not supported", where=str(path), fix=f"use one of {', '.join(READERS)}")
    return READERS[path.suffix.lower()](path)


def _cut(blocks: Iterator[Block | Dropped], characters: int) -> Iterator[PassageText | Dropped]:
    headings: list[tuple[int, str]] = []
    parts: list[str] = []
    pages: list[int] = []

    def passage() -> PassageText:
        above = tuple(text for _, text in headings)
        return PassageText("", "", above, min(pages, default=None), max(pages, default=None), "".join(parts).strip())

    for block in blocks:
        if isinstance(block, Dropped):
            yield block
            continue
        if block.level:
            if parts:
                yield passage()
            headings = [*((level, text) for level, text in headings if level < block.level), (block.level, block.text)]
            parts, pages = [], []
            continue
        for sentence in sentences_within(block.text, characters):
            if parts and sum(map(len, parts)) + len(sentence) > characters:
                yield passage()
                parts, pages = [], []
            parts.append(sentence)
            pages += [block.page] if block.page else []
        if parts:
            parts[-1] += "\n"
    if parts:
        yield passage()


def sentences_within(text: str, characters: int) -> Iterator[str]:
    """The whole paragraph where it fits, else its lines' sentences; a sentence that is too long is cut.

    Args:
        text: The paragraph, or the lines of a list.
        characters: Most characters of each part; a line break is at the beginning of the next line.
    """
    if len(text) <= characters:
        yield text
        return
    for number, line in enumerate(text.splitlines()):
        for sentence in SENTENCE.findall(f"\n{line}" if number else line):
            for start in range(0, len(sentence), characters):
                yield sentence[start : start + characters]


def _plain(path: Path) -> Iterator[Block]:
    for line in _lines(path):
        if line.strip():
            yield Block(line.strip())


def _markdown(path: Path) -> Iterator[Block]:
    for block in markdown_blocks("\n".join(_lines(path))):
        yield Block(block.text, block.level)


def _lines(path: Path) -> list[str]:
    encoding = encoding_of(path)
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        if error.end == len(content) and error.reason in ENDS_INSIDE:
            problem = "the file ends inside a character: it was cut off"
            raise DamagedDocument(
                problem, path, "cut_off", line=line, fix="copy it again from its origin, or delete its last line"
            ) from None
        problem, fix = "neither UTF-8 nor GB18030", "save the file as UTF-8"
        raise DamagedDocument(problem, path, undecodable(encoding), line=line, fix=fix) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DamagedDocument("NUL bytes", path, "nul_bytes", line=line, fix="it is damaged; copy it again, as text")
    return text.splitlines()


def _word(path: Path) -> Iterator[Block]:
    try:
        import docx
    except ImportError:
        raise _lacking("python-docx", path) from None
    try:
        blocks = list(docx.Document(str(path)).iter_inner_content())
    except Exception as error:  # a zip of XML: each kind of damage raises another exception
        raise _damaged(path, "Word", error) from None
    for block in blocks:
        if isinstance(block, docx.table.Table):
            for row in block.rows:
                if text := " | ".join(cell.text.strip().replace("\n", " ") for cell in row.cells).strip(" |"):
                    yield Block(text)
        elif text := block.text.strip():
            style = STYLE.match(str(block.style.name if block.style else ""))
            yield Block(text, int(style[1]) if style else 0)


def _pdf(path: Path) -> Iterator[Block | Dropped]:
    try:
        import pypdf
    except ImportError:
        raise _lacking("pypdf", path) from None
    try:
        reader = pypdf.PdfReader(str(path))
        if reader.is_encrypted:
            raise DamagedDocument("this PDF is locked", path, "locked", fix="save it without a password")
        pages = [(page.extract_text() or "").splitlines() for page in reader.pages]
        outline = _outline(reader, reader.outline)
    except UserError:
        raise
    except Exception as error:  # pypdf has many exceptions of its own, and lets others through
        raise _damaged(path, "PDF", error) from None
    for number, lines in enumerate(_without_running_lines(pages), 1):
        titles = dict(outline.get(number, ()))
        on_page = {line.strip() for line in lines}
        for title, level in titles.items():
            if title not in on_page:
                yield Block(title, level, number)
        if not any(line.strip() for line in lines):
            yield Dropped(f"{path.name}:{number}", "page_without_text")
        yield from _paragraphs(lines, titles, number)


def _paragraphs(lines: list[str], titles: dict[str, int], page: int) -> Iterator[Block]:
    """Lines joined to paragraphs: one ends where a line ends a sentence."""
    paragraph = ""
    for line in map(str.strip, lines):
        if line in titles:
            if paragraph:
                yield Block(paragraph, page=page)
            paragraph = ""
            yield Block(line, titles[line], page)
            continue
        paragraph = joined_lines(paragraph, line)
        if paragraph and (not line or ENDS_PARAGRAPH.search(line)):
            yield Block(paragraph, page=page)
            paragraph = ""
    if paragraph:
        yield Block(paragraph, page=page)


def _outline(reader: Any, entries: Any, level: int = 1) -> dict[int, list[tuple[str, int]]]:
    """Titles and levels by page number."""
    found: dict[int, list[tuple[str, int]]] = {}
    for entry in entries:
        if isinstance(entry, list):
            for page, titles in _outline(reader, entry, level + 1).items():
                found.setdefault(page, []).extend(titles)
        elif (page := reader.get_destination_page_number(entry)) is not None:
            found.setdefault(page + 1, []).append((str(entry.title).strip(), level))
    return found


def _without_running_lines(pages: list[list[str]]) -> list[list[str]]:
    """The pages without page numbers, and without a first or last line that most of them share."""
    cleaned = [[line for line in lines if line.strip()] for lines in pages]
    for end in (0, -1):
        shown = Counter(lines[end].strip() for lines in cleaned if lines)
        running = {line for line, count in shown.items() if count >= max(RUNNING, len(pages) / 2)}
        for lines in cleaned:
            if lines and (lines[end].strip() in running or PAGE_NUMBER.fullmatch(lines[end].strip())):
                del lines[end]
    return cleaned


def _lacking(package: str, path: Path) -> UserError:
    return UserError(f"reading this needs {package}", where=str(path), fix="pip install 'xinglin[documents]'")


def _damaged(path: Path, what: str, error: Exception) -> DamagedDocument:
    detail = str(error).splitlines()[0] if str(error) else type(error).__name__
    problem, fix = f"this {what} file is damaged: {detail}", "copy it again from its origin"
    return DamagedDocument(problem, path, "damaged", fix=fix)


READERS: dict[str, Callable[[Path], Iterator[Any]]] = {
    ".docx": _word,
    ".pdf": _pdf,
    ".md": _markdown,
    ".markdown": _markdown,
    ".txt": _plain,
}
