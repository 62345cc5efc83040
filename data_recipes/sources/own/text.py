"""Plain text for continued pre-training: documents of the user's own, which nobody has made questions of.

A folder, or one file: Word, PDF, Markdown and plain text are read as running text; JSON lines and Parquet have a
``text`` on every row, as ``data_recipes/passages.py`` writes it, too. A long document becomes several rows, cut where a
paragraph or a sentence ends, so that what overlaps with a protected question costs a part and not the whole book.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from common.command import Config
from common.errors import UserError
from data_recipes.formats.blocks import DamagedDocument, NoText
from data_recipes.formats.documents import is_document, parts_of, running_text
from data_recipes.formats.json_rows import read_objects
from data_recipes.formats.jsonl import Line
from data_recipes.formats.tables import read_table
from data_recipes.formats.values import NotText, text_of
from data_recipes.leakage.normalise import says_something
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import TEXT, Example, Message
from data_recipes.schema.manifest import Description
from data_recipes.sources.read_notes import ReadNotes
from data_recipes.sources.source import Source, existing

ROWS = (".jsonl", ".json", ".parquet")
COLUMNS = ("id", "document", "headings", "page", "last_page", "text")

SPLITS = {
    "train": Description(zh="继续预训练的文本", en="texts to go on pre-training with"),
    "dev": Description(zh="没有读过的文本：用于验证损失", en="texts not read: for the loss"),
    "test": Description(zh="没有读过的文本：每字比特数", en="texts not read: bits per character"),
}


class TextSource(Config):
    """Documents.

    Attributes:
        kind: Selects this source.
        path: A file, or a folder of them; other files in it are dropped and counted, a damaged one is a bad row.
        characters: Most characters of a row; a longer document becomes several.
        kept_together: What is on one side of a split: the parts of a ``document``, or each ``part`` for itself, where
            there are too few documents to hold some out.
    """

    kind: Literal["text"]
    path: str
    characters: int = Field(1000, ge=50)
    kept_together: Literal["document", "part"] = "document"


def read(config: TextSource) -> Iterator[Example | Dropped | ReadNotes]:
    """Yields one item per part of a document, and one per row or file without text."""
    notes = ReadNotes()
    for path in files(config):
        name = _name(path, config)
        if not path.stat().st_size:
            yield Dropped(name, "no_text")
        elif path.suffix.lower() in ROWS:
            yield from _rows(path, name, config, notes)
        elif is_document(path):
            yield from _document(path, name, config)
        else:
            yield Dropped(name, "no_document")
    yield from notes.found()


def files(config: TextSource) -> list[Path]:
    """The files that are read, and those of other formats.

    Raises:
        UserError: There is none, or it is empty.
    """
    path = Path(config.path).expanduser()
    if not path.is_dir():
        return existing(path)
    found = sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
    if not any(is_document(file) or file.suffix.lower() in ROWS for file in found):
        raise UserError("there is no text in this folder", where=str(path), fix="give a file, or another folder")
    return found


def _name(path: Path, config: TextSource) -> str:
    folder = Path(config.path).expanduser()
    return path.relative_to(folder).as_posix() if folder.is_dir() else path.name


def _document(path: Path, name: str, config: TextSource) -> Iterator[Example | Dropped]:
    """The parts of a document. One of many that is damaged is a bad row, as a damaged line of a file of rows is."""
    try:
        yield from _examples(running_text(path, config.characters), name, name, config)
    except NoText:
        yield Dropped(name, "no_text")
    except DamagedDocument as damage:
        if path == Path(config.path).expanduser():
            raise
        yield Dropped(f"{name}:{damage.line}", damage.reason)


def _rows(path: Path, name: str, config: TextSource, notes: ReadNotes) -> Iterator[Example | Dropped]:
    for line in read_table(path, ("text",)) if path.suffix.lower() == ".parquet" else read_objects(path):
        notes.add(line, COLUMNS)
        yield from [line] if isinstance(line, Dropped) else _row(line, name, config)


def _row(line: Line, name: str, config: TextSource) -> Iterator[Example | Dropped]:
    if "text" not in line.row:
        yield Dropped(line.where, "no_field_text")
        return
    try:
        text, document = text_of(line.row.get("text")).strip(), _document_of(line.row)
    except NotText as flaw:
        yield Dropped(line.where, flaw.reason)
        return
    if not says_something(text):
        yield Dropped(f"text-{name}-{line.number}", "no_text")
        return
    yield from _examples(parts_of(text.splitlines(), config.characters), f"{name}-{line.number}", document, config)


def _document_of(row: dict[str, Any]) -> str:
    """The document that a row is from, where it says so, as passages do."""
    return text_of(row.get("document")).strip()


def _examples(
    parts: Iterator[str | Dropped], id: str, document: str, config: TextSource
) -> Iterator[Example | Dropped]:
    """The parts of a document, numbered; pages without text are passed on."""
    number = 0
    for part in parts:
        if isinstance(part, Dropped):
            yield part
            continue
        number += 1
        own = f"text-{id}-{number}"
        group = own if config.kept_together == "part" else document or f"text-{id}"
        yield Example(
            id=own, messages=(Message(role=TEXT, content=part),), source="text", group=group, kind=document or "text"
        )


SOURCE = Source(
    config=TextSource,
    read=read,
    files=files,
    about=Description(
        zh="使用者自己的文档，作为纯文本：用于继续预训练，没有题目。",
        en="The user's own documents as plain text, for continued pre-training; there are no questions.",
    ),
    licence="the user's own",
    splits=SPLITS,
    fields="text, and may have document, id",
    ungrouped=lambda config: "source.kept_together=part" if config.kept_together == "document" else "",
)
