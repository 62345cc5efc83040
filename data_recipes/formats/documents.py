"""Word, PDF, Markdown and plain text, cut into passages for retrieval and for writing questions.

A passage never crosses a heading, ends where a paragraph or a sentence ends, and knows the headings above it and its
pages. Headings are what the document marks as such: Word's heading styles, Markdown's headings, the outline of a PDF or
its larger type; in a leaflet, 【用法用量】 at the beginning of a line.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from common.errors import UserError
from data_recipes.formats.blocks import Block, DamagedDocument, NoText
from data_recipes.formats.encoding import encoding_of, undecodable
from data_recipes.formats.markdown import markdown_blocks
from data_recipes.formats.pdf import pdf_blocks
from data_recipes.formats.word import word_blocks
from data_recipes.schema.dropped import Dropped

SENTENCE = re.compile(r".+?(?:[。！？!?；;]+[”’」』）)\"']*|\.(?=\s)|$)", re.S)
SECTION = re.compile(r"【\s*([^【】\n]{0,11}[^【】\nA-Za-z0-9\s])\s*】")  # 【D001】 is a citation
FEWEST_SECTIONS = 3
TITLE_LEVEL, SECTION_LEVEL = 10, 11  # below any heading
LONGEST_TITLE = 30
SAYS_WHAT = re.compile(r"(?:说明书|指南|手册|须知)$")
ENDS_INSIDE = ("unexpected end of data", "incomplete multibyte sequence")  # what Python says of UTF-8 and GB18030


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
    yield from _with_sections(list(READERS[path.suffix.lower()](path)), path.stem)


def _with_sections(blocks: Sequence[Block | Dropped], name: str) -> Iterator[Block | Dropped]:
    """The blocks; where several begin as the sections of a leaflet do, with these as headings below its title.

    Args:
        blocks: Of a document.
        name: Its title, where no line above the sections is one.
    """
    sections = [_section(block) for block in blocks]
    if sum(map(bool, sections)) < FEWEST_SECTIONS:
        yield from blocks
        return
    titled = False
    for block, section in zip(blocks, sections, strict=True):
        if isinstance(block, Dropped):
            yield block
        elif section:
            if not titled:
                yield Block(name, TITLE_LEVEL, block.page)
            titled = True
            yield Block(section[1], SECTION_LEVEL, block.page)
            if text := block.text[section.end() :].strip():
                yield block._replace(text=text)
        elif not titled and not block.level and len(block.text) <= LONGEST_TITLE and SAYS_WHAT.search(block.text):
            titled = True
            yield block._replace(level=TITLE_LEVEL)
        else:
            titled = titled or bool(block.level)
            yield block


def _section(block: Block | Dropped) -> re.Match[str] | None:
    return SECTION.match(block.text) if isinstance(block, Block) and not block.level else None


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


READERS: dict[str, Callable[[Path], Iterator[Any]]] = {
    ".docx": word_blocks,
    ".pdf": pdf_blocks,
    ".md": _markdown,
    ".markdown": _markdown,
    ".txt": _plain,
}
