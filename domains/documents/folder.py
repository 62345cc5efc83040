"""Any folder as a knowledge base: Word, PDF, Markdown and text in passages, questions with answers, named entries.

What a file is follows from its ending and, for rows, from its columns: ``question`` and ``answer`` under any of their
usual names (``data_recipes.formats.columns``), or ``name`` with ``text`` or ``attributes``. A longer text becomes
several passages, cut where a sentence ends. An id consists of letters made from the file's path in the folder and a
number in it, so that no other file can change it; a row may have one of its own.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from loguru import logger

from common.errors import UserError
from common.hashing import sha256_file, sha256_text, sha256_value
from data_recipes.formats.columns import ANSWER, INPUT, QUESTION, question_and_answer
from data_recipes.formats.documents import (
    READERS,
    SAYS_WHAT,
    NoText,
    PassageText,
    is_document,
    passages,
    sentences_within,
)
from data_recipes.formats.json_rows import read_objects
from data_recipes.formats.jsonl import Line
from data_recipes.formats.tables import TABLES, read_table
from data_recipes.leakage.normalise import says_something
from data_recipes.schema.dropped import Dropped
from domains.documents.passage import JOINT, PassageEntry, sentences
from domains.documents.phrasings import LEAFLET
from domains.knowledge_base import KnowledgeBase, KnowledgeSchema, joined
from domains.retrieval.normalise import HAN, normalised

PASSAGE = "passage"
CHARACTERS = 200  # of a passage: three fit into the prompt of the smallest model
LETTERS = 4  # of an id
LONGEST_SUBJECT = 16  # characters of a subject that is made of the beginning of a text
ROWS = (".jsonl", ".json", *TABLES)
ENTRY_COLUMNS = ("id", "name", "aliases", "text", "definition", "attributes")
WANTED = f"one of {', '.join(QUESTION)} with one of {', '.join(ANSWER)}, or name with text or attributes"

UNREAD_PAGE = "nothing on this page can be found or cited; run OCR on the file"

_ID = re.compile(r"[A-Za-z]+\d+")
_NUMBERING = re.compile(
    r"^(?:第[\d一二三四五六七八九十百]+[章节条篇]|[\d一二三四五六七八九十]+(?:\.\d+)*[、.．)）](?!\d)|\d+(?:\.\d+)+\s"
    r"|[（(][\d一二三四五六七八九十]+[)）]|[①-⑳])\s*"
)
_SPACES = re.compile(rf"(?<=[{HAN}])\s+(?=\w)|(?<=\w)\s+(?=[{HAN}])")  # 增强 CT
_CLAUSE_END = re.compile(r"[，。；：！？,;!?（(]|:(?!\d)")
_TEMPORARY = ("~$", ".")  # locks of Office, hidden files


@dataclass(frozen=True)
class FolderText:
    """A text of a file, before it has an id.

    Attributes:
        where: ``file:line``, or the file where it has no lines.
        headings: The headings above it, or its name, or the question that it answers.
        text: The text.
        id: Its own id; empty where it has none.
        aliases: Its other names.
        is_answer: Whether the heading is a question.
        pages: Its first and last page, where the file has pages.
    """

    where: str
    headings: tuple[str, ...]
    text: str
    id: str = ""
    aliases: tuple[str, ...] = ()
    is_answer: bool = False
    pages: tuple[int, int] | None = None


@dataclass(frozen=True)
class FolderSchema(KnowledgeSchema):
    """A knowledge base whose files are whatever a folder holds."""

    def files(self, folder: Path | None = None) -> list[Path]:
        """The files that can be read, in the order of their paths.

        Raises:
            UserError: There is no such folder, or nothing in it can be read.
        """
        return readable_files(folder or self.folder)

    def load(self, folder: Path | None = None) -> KnowledgeBase:
        """See ``load_folder``."""
        return load_folder(folder or self.folder)


def readable_files(folder: Path) -> list[Path]:
    """The files of a folder and of the folders in it that can be read, in the order of their paths.

    Raises:
        UserError: There is no such folder, nothing in it can be read, or all of that is empty.
    """
    if not folder.is_dir():
        raise UserError("there is no such folder", where=str(folder), fix="give a folder of documents: source.path=DIR")
    below = (path for path in folder.rglob("*") if path.is_file())
    found = sorted(path for path in below if not _is_temporary(path.relative_to(folder)))
    files = [path for path in found if is_document(path) or path.suffix.lower() in ROWS]
    filled = [path for path in files if path.stat().st_size]
    if files and not filled:
        raise UserError("all files are empty", where=str(folder), fix="copy them again from their origin")
    if empty := [path.relative_to(folder).as_posix() for path in files if path not in filled]:
        _say("WARNING", f"{folder}: {len(empty)} files are empty: {_listed(empty)}")
    if not files:
        what = f"none of the {len(found)} files can be read" if found else "the folder is empty"
        raise UserError(what, where=str(folder), fix=f"put in files of {', '.join((*READERS, *ROWS))}")
    if others := [path.relative_to(folder).as_posix() for path in found if path not in files]:
        _say("WARNING", f"{folder}: {len(others)} files are of another format and are not read: {_listed(others)}")
    return filled


def load_folder(folder: Path) -> KnowledgeBase:
    """Reads a folder as a knowledge base; its hash is over the paths and contents of the files.

    Raises:
        UserError: There is nothing to read, a file or a line is damaged, or two passages have the same id.
    """
    files = readable_files(folder)
    letters = _letters(folder, files)
    placed = [one for path in files for one in _placed(path, letters[path], path.relative_to(folder).as_posix())]
    if not placed:
        raise UserError("no file of this folder has text", where=str(folder), fix="are they scanned? run OCR on them")
    _check_unique(placed)
    contents = [[path.relative_to(folder).as_posix(), sha256_file(path)] for path in files]
    return KnowledgeBase(_named([entry for _, entry in placed]), sha256_value(contents), described=True)


def pieces_in(path: Path) -> int:
    """Passages of a document, before those without a word are dropped, or rows of a table."""
    if is_document(path):
        return sum(isinstance(passage, PassageText) for passage in _passages(path))
    return sum(1 for _ in rows_in(path))


def rows_in(path: Path) -> Iterator[Line | Dropped]:
    """The rows of a table or of a file of JSON, good and bad ones."""
    return read_table(path, ()) if path.suffix.lower() in TABLES else read_objects(path)


def columns_read(row: Mapping[str, Any]) -> set[str]:
    """The columns of a row that its passage is made of."""
    found = question_and_answer(row)
    return {*found, INPUT, "id"} if found.question and found.answer else set(ENTRY_COLUMNS)


def _is_temporary(path: Path) -> bool:
    return any(part.startswith(_TEMPORARY) for part in path.parts)


@cache
def _say(level: str, text: str) -> None:
    """Logs something once, however often the folder is read."""
    logger.log(level, "{}", text)


def _listed(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")


def _letters(folder: Path, files: Sequence[Path]) -> dict[Path, str]:
    """The letters of each file's ids, which follow from its path in the folder alone."""
    letters: dict[Path, str] = {}
    for path in files:
        name = unicodedata.normalize("NFC", path.relative_to(folder).as_posix())
        number = int(sha256_text(name), 16)
        letters[path] = "".join(chr(ord("A") + number // 26**place % 26) for place in range(LETTERS))
    twice = Counter(letters.values())
    if same := [str(path) for path in files if twice[letters[path]] > 1]:
        raise UserError(
            f"the ids of two files would begin with the same letters: {same[0]}", where=same[1], fix="rename one file"
        )
    return letters


def _placed(path: Path, letters: str, name: str) -> list[tuple[str, PassageEntry]]:
    """The passages of a file with their places."""
    pieces = [part for piece in _pieces(path) for part in _parts(piece)]
    if not pieces:
        _say("WARNING", f"{path}: there is no text in this file (if it is scanned, run OCR on it)")
    return [
        (piece.where, _entry(piece, piece.id or f"{letters}{number}", name)) for number, piece in _told_apart(pieces)
    ]


def _told_apart(pieces: Sequence[FolderText]) -> Iterator[tuple[int, FolderText]]:
    """The pieces with their numbers; what continues another one under the same headings is named by how it begins."""
    for headings, section in groupby(enumerate(pieces, 1), key=lambda numbered: numbered[1].headings):
        first, *others = section
        yield first
        if others:
            _say("INFO", f"{first[1].where}: longer than {CHARACTERS} characters, {1 + len(others)} passages")
        for number, piece in others:
            begins = (*headings, _beginning(piece.text))
            yield number, replace(piece, headings=begins, aliases=(), is_answer=False)


def _entry(piece: FolderText, id: str, file: str) -> PassageEntry:
    return PassageEntry(
        id=id,
        type=PASSAGE,
        file=file,
        name=JOINT.join(piece.headings),
        aliases=piece.aliases,
        definition=piece.text,
        attributes={},
        subject=_SPACES.sub("", _without_number(piece.headings[-1])),
        is_answer=piece.is_answer,
        pages=piece.pages,
    )


def _beginning(text: str) -> str:
    """The first clause of a text."""
    first = _without_number(sentences(text)[0])
    return _CLAUSE_END.split(first)[0][:LONGEST_SUBJECT] or first[:LONGEST_SUBJECT]


def _without_number(heading: str) -> str:
    return _NUMBERING.sub("", heading) or heading


def _parts(piece: FolderText) -> Iterator[FolderText]:
    """A text as it is, or cut where sentences end; an id of its own belongs to the first part."""
    parts = [""]
    for part in sentences_within(piece.text, CHARACTERS):
        parts = [*parts[:-1], parts[-1] + part] if len(parts[-1]) + len(part) <= CHARACTERS else [*parts, part]
    said = [part.strip() for part in parts if says_something(part)]
    for number, text in enumerate(said):
        yield replace(piece, text=text, id="" if number else piece.id)


def _pieces(path: Path) -> Iterator[FolderText]:
    if is_document(path):
        yield from _of_document(path)
        return
    for line in rows_in(path):
        if isinstance(line, Dropped):
            reason = line.reason.replace("_", " ")
            raise UserError(reason, where=_where(path, line.id), fix="fix this row, or move the file out of the folder")
        yield _of_row(path, line)


def _of_document(path: Path) -> Iterator[FolderText]:
    for passage in _passages(path):
        if isinstance(passage, Dropped):
            _say("WARNING", f"{_where(path, passage.id)}: {passage.reason.replace('_', ' ')}; {UNREAD_PAGE}")
        elif says_something(passage.text):
            headings = passage.headings or (path.stem, _beginning(passage.text))
            pages = (passage.page, passage.last_page) if passage.page and passage.last_page else None
            is_answer = headings[-1].endswith(("？", "?"))
            yield FolderText(str(path), headings, passage.text, is_answer=is_answer, pages=pages)


def _passages(path: Path) -> Iterator[PassageText | Dropped]:
    """The passages of a document; none where it has no text, which must not cost the others of the folder."""
    try:
        yield from passages(path, CHARACTERS)
    except NoText:
        return


def _where(path: Path, place: str) -> str:
    return f"{path}:{place.rpartition(':')[2]}"


def _of_row(path: Path, line: Line) -> FolderText:
    row, where = line.row, _where(path, line.where)
    found = question_and_answer(row)
    if found.question and found.answer:
        question = " ".join(filter(None, (_text(row, found.question, where), _optional(row, INPUT, where))))
        return FolderText(where, (question,), _text(row, found.answer, where), _own_id(row), is_answer=True)
    if "name" not in row:
        raise UserError(f"the columns are {', '.join(row)}", where=where, fix=f"expected: {WANTED}")
    said = [_optional(row, column, where) for column in ("text", "definition")]
    said += [f"{name}：{joined(items)}。" for name, items in _attributes(row, where).items() if items]
    text = "\n".join(filter(None, said))
    if not says_something(text):
        raise UserError("this entry says nothing", where=where, fix="give it a text or attributes")
    return FolderText(
        where, (_text(row, "name", where),), text, _own_id(row), _strings(row.get("aliases"), "aliases", where)
    )


def _own_id(row: Mapping[str, Any]) -> str:
    """The row's id where answers could cite it."""
    id = row.get("id")
    return id.strip() if isinstance(id, str) and _ID.fullmatch(id.strip()) else ""


def _text(row: Mapping[str, Any], column: str, where: str) -> str:
    if not says_something(text := _optional(row, column, where)):
        raise UserError(f"{column} is empty", where=where, fix="fill it, or remove the row")
    return text


def _optional(row: Mapping[str, Any], column: str, where: str) -> str:
    value = row.get(column) or ""
    if not isinstance(value, str):
        raise UserError(f"{column} is a {type(value).__name__}", where=where, fix="write it as text")
    return value.strip()


def _attributes(row: Mapping[str, Any], where: str) -> dict[str, tuple[str, ...]]:
    attributes = row.get("attributes") or {}
    if not isinstance(attributes, Mapping):
        raise UserError("attributes is no object", where=where, fix='write {"attributes": {"电话": ["…"]}}')
    return {str(name): _strings(items, f"attributes.{name}", where) for name, items in attributes.items()}


def _strings(value: Any, column: str, where: str) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value or []
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise UserError(f"{column} is no list of texts", where=where, fix='write ["…", "…"]')
    return tuple(item.strip() for item in items if item.strip())


def _check_unique(placed: Sequence[tuple[str, PassageEntry]]) -> None:
    seen: dict[str, str] = {}
    for where, entry in placed:
        if entry.id in seen:
            raise UserError(f"the id {entry.id} is used twice", where=where, fix=f"the other one: {seen[entry.id]}")
        seen[entry.id] = where


def _named(entries: Sequence[PassageEntry]) -> tuple[PassageEntry, ...]:
    """The passages with the subjects that questions call them by, each of which names one passage where possible.

    A heading that several have, 注意事项, is told apart by the heading above it; what then has a subject of its own is
    found by it.
    """
    shared = Counter(normalised(entry.subject) for entry in entries)
    full = [_full_subject(entry) if shared[normalised(entry.subject)] > 1 else entry.subject for entry in entries]
    times = Counter(map(normalised, full))
    return tuple(
        entry.model_copy(
            update={
                "subject": subject,
                "called": (*((_bare(subject),) if times[normalised(subject)] == 1 else ()), *_asked_as(entry)),
            }
        )
        for entry, subject in zip(entries, full, strict=True)
    )


def _full_subject(entry: PassageEntry) -> str:
    *_, above, _ = ("", *entry.name.split(JOINT))
    return entry.subject if entry.is_answer or not above else f"{_without_number(above)}的{entry.subject}"


def _asked_as(entry: PassageEntry) -> Iterator[str]:
    """How a section of a medicine's leaflet is asked for: 缬沙坦胶囊怎么吃 for 缬沙坦胶囊说明书 > 用法用量."""
    *_, leaflet, heading = ("", *entry.name.split(JOINT))
    if heading in LEAFLET and (medicine := SAYS_WHAT.sub("", leaflet)):
        yield from (f"{medicine}{asked}" for asked in (f"的{heading}", *LEAFLET[heading]))


def _bare(subject: str) -> str:
    return subject.rstrip("？?！!。. ")
