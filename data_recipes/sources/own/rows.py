"""A user's own rows: JSON in any layout, CSV, TSV, XLSX or Parquet, one file or a folder of them.

What a row says is read by ``formats.conversation``, as ``validate`` reads it. UTF-8 is expected; other files are read
where their encoding is certain.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from loguru import logger

from common.command import Config
from common.errors import UserError
from data_recipes.formats.columns import SPLITS, Columns
from data_recipes.formats.conversation import BadRow, RowReader, in_order
from data_recipes.formats.json_rows import read_objects
from data_recipes.formats.jsonl import Line
from data_recipes.formats.special_tokens import special_token
from data_recipes.formats.tables import TABLES, table_rows
from data_recipes.formats.validation import check_command
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example, Message
from data_recipes.schema.manifest import Description
from data_recipes.sources.read_notes import ReadNotes
from data_recipes.sources.source import DRAWN, Source, existing

JSON = (".jsonl", ".json")
ABOUT = Description(zh="使用者自己的问答数据。", en="The user's own questions and answers.")
LICENCE = "the user's own"


class RowsSource(Config):
    """Rows of one file, or of all files of a folder.

    Attributes:
        kind: Selects this source.
        path: The file: ``.jsonl``, ``.json``, ``.csv``, ``.tsv``, ``.xlsx`` or ``.parquet``; or a folder. A file of a
            folder that is named ``train``, ``dev`` (``valid``, ``validation``, ``val``) or ``test`` is that split.
        sheet: The sheet of an XLSX file, where several have rows.
        columns: Which column holds what.
    """

    kind: Literal["rows"]
    path: str
    sheet: str = ""
    columns: Columns = Columns()


class OwnFile(NamedTuple):
    """One file of rows.

    Attributes:
        path: The file.
        split: The split that it is; nothing where the recipe draws it.
        ids: What the ids of its rows begin with.
    """

    path: Path
    split: str
    ids: str


def read(config: RowsSource) -> Iterator[Example | Dropped | ReadNotes]:
    """Yields one item per row.

    Raises:
        UserError: A file is damaged as a whole, or lacks the columns that hold question and answer.
    """
    reader, notes = RowReader(config.columns), ReadNotes()
    for file in _files(config):
        is_empty = True
        for line in _lines(file.path, config):
            is_empty = False
            yield line if isinstance(line, Dropped) else _item(line, reader, file, notes)
        if is_empty:
            logger.warning("{}: there is no row in this file", file.path)
    if notes.special_tokens:
        logger.warning(
            "rows with a special token of a prompt format in a text: {}, the first in {}; they are kept, and a prompt "
            "breaks it by a space; validate.py FILE fix=OUT takes out what ends a text, and drops the others",
            *(len(notes.special_tokens), notes.special_tokens[0]),
        )
    yield from notes.found()


def _files(config: RowsSource) -> list[OwnFile]:
    """The files to read, in the order of their names.

    Raises:
        UserError: There is none.
    """
    given = Path(config.path)
    if not given.is_dir():
        return [OwnFile(path, "", "rows") for path in existing(given)]
    inside = sorted(path for path in given.iterdir() if not path.name.startswith((".", "~$")))  # Excel's locks
    found = [path for path in inside if path.is_file() and path.suffix.lower() in (*JSON, *TABLES)]
    filled = [path for path in found if path.stat().st_size]
    _tell(given, "not read", tuple(path.name for path in inside if path not in found))
    _tell(given, "empty", tuple(path.name for path in found if path not in filled))
    if not filled:
        what = "all files of rows in this folder are empty" if found else "no file of rows is in this folder"
        raise UserError(what, where=config.path, fix=f"known: {', '.join((*JSON, *TABLES))}")
    return [OwnFile(path, SPLITS.get(path.stem.casefold(), ""), f"rows-{path.name}") for path in filled]


@cache
def _tell(folder: Path, what: str, names: tuple[str, ...]) -> None:
    if names:
        logger.warning("{}: {}: {}", folder, what, ", ".join(names))


def _lines(path: Path, config: RowsSource) -> Iterator[Line | Dropped]:
    if path.suffix.lower() not in TABLES:
        return read_objects(path, config.columns.named)
    return table_rows(path, config.sheet, config.columns)


def _item(line: Line, reader: RowReader, file: OwnFile, notes: ReadNotes) -> Example | Dropped:
    try:
        said = reader.read(line.row)
    except BadRow as bad:
        return Dropped(line.where, bad.reason, bad.detail)
    if not in_order(turn.role for turn in said.turns):
        return Dropped(line.where, "wrong_role_order")
    notes.unread.update(said.unread)
    notes.as_text.update({change.kind for change in said.changes if change.kind})
    if any(special_token(turn.content) for turn in said.turns):
        notes.special_tokens.append(line.where)
    id = f"{file.ids}-{line.number}"
    return Example(
        id=id,
        messages=tuple(Message(role=turn.role, content=turn.content.strip()) for turn in said.turns),
        source="rows",
        group=said.group or id,
        kind=said.kind or "问答",
        split=said.split or file.split,
    )


SOURCE = Source(
    config=RowsSource,
    read=read,
    files=lambda config: [file.path for file in _files(config)],
    about=ABOUT,
    licence=LICENCE,
    splits=DRAWN,
    check=lambda config, path: check_command(path, config.columns, config.sheet),
)
