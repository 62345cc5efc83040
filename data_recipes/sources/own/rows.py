"""A user's own rows: JSON in any layout, CSV, TSV, XLSX or Parquet, one file or a folder of them.

What a row says is read by ``formats.conversation``, as ``validate`` reads it. UTF-8 is expected; other files are read
where their encoding is certain.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from loguru import logger

from common.command import Config
from common.errors import UserError
from data_recipes.formats.columns import SPLITS, Columns
from data_recipes.formats.conversation import BadRow, RowReader, in_order, opens_json
from data_recipes.formats.json_rows import read_objects
from data_recipes.formats.jsonl import Line
from data_recipes.formats.tables import TABLES, header_of, table_rows
from data_recipes.formats.user_file import lacking
from data_recipes.formats.values import is_empty
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example, Message
from data_recipes.schema.manifest import Description
from data_recipes.sources.source import DRAWN, Source, SourceDetails, existing

JSON = (".jsonl", ".json")
KINDS = {  # of values that are not texts (formats.values.kind_of), in Chinese
    "a number": "数字",
    "a date or time": "日期或时间",
    "a list of 1": "只有一项的列表",
    "a list of parts": "由几段组成的内容",
}
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


def read(config: RowsSource) -> Iterator[Example | Dropped]:
    """Yields one item per row.

    Raises:
        UserError: A file is damaged as a whole, or lacks the columns that hold question and answer.
    """
    reader = RowReader(config.columns)
    for file in _files(config):
        for line in _lines(file.path, config):
            yield line if isinstance(line, Dropped) else _item(line, reader, file)


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
    _tell_others(given, tuple(path.name for path in inside if path not in found))
    if not found:
        raise UserError(
            "no file of rows is in this folder", where=config.path, fix=f"known: {', '.join((*JSON, *TABLES))}"
        )
    return [OwnFile(path, SPLITS.get(path.stem.casefold(), ""), f"rows-{path.name}") for path in existing(*found)]


@cache
def _tell_others(folder: Path, names: tuple[str, ...]) -> None:
    if names:
        logger.warning("{}: not read: {}", folder, ", ".join(names))


def _lines(path: Path, config: RowsSource) -> Iterator[Line | Dropped]:
    if path.suffix.lower() not in TABLES:
        return read_objects(path)
    header = header_of(path, config.sheet)
    if missing := lacking(header, config.columns):
        raise UserError(
            f"the columns are {', '.join(header)}; there is no {', '.join(missing)}",
            where=f"{path}:1",
            fix="name yours: 'source.columns.question=[\"提问\"]' source.columns.answer=回答",
        )
    return table_rows(path, config.sheet)


def _item(line: Line, reader: RowReader, file: OwnFile) -> Example | Dropped:
    try:
        said = reader.read(line.row)
    except BadRow as bad:
        return Dropped(line.where, bad.reason)
    if not in_order(turn.role for turn in said.turns):
        return Dropped(line.where, "wrong_role_order")
    id = f"{file.ids}-{line.number}"
    return Example(
        id=id,
        messages=tuple(Message(role=turn.role, content=turn.content.strip()) for turn in said.turns),
        source="rows",
        group=said.group or id,
        kind=said.kind or "问答",
        split=said.split or file.split,
    )


class Survey(NamedTuple):
    """What the rows of a source have that its examples have not.

    Attributes:
        unread: Rows in which each field that is not read holds something.
        changes: Rows in which each kind of value was read as something else than it is.
    """

    unread: Counter[str]
    changes: Counter[str]


def survey(config: RowsSource) -> Survey:
    """Looks through all rows; a file that has not changed is read once."""
    return _survey(config.model_dump_json(), tuple(file.path.stat().st_mtime_ns for file in _files(config)))


@cache
def _survey(values: str, changed: tuple[int, ...]) -> Survey:
    config, found = RowsSource.model_validate_json(values), Survey(Counter(), Counter())
    notes = _Notes(config.columns)
    for file in _files(config):
        for line in _lines(file.path, config):
            if isinstance(line, Line):
                unread, changes = notes.of(line.row)
                found.unread.update(unread)
                found.changes.update(changes)
    if found.unread:
        logger.warning("{}: not read: {}", config.path, _listed(found.unread))
    return found


class _Notes:
    """What rows have that their examples have not; rows alike in fields and types of values are read once."""

    def __init__(self, columns: Columns) -> None:
        self._reader = RowReader(columns)
        self._known: dict[tuple[Any, ...], tuple[frozenset[str], frozenset[str]]] = {}

    def of(self, row: Mapping[str, Any]) -> tuple[frozenset[str], frozenset[str]]:
        """Fields that are not read, and kinds of values that are written as text; nothing of a bad row."""
        alike = tuple((name, type(value), is_empty(value)) for name, value in row.items())
        has_parts = any(isinstance(value, list | dict) or opens_json(value) for value in row.values())
        if not has_parts and (known := self._known.get(alike)) is not None:
            return known
        try:
            said = self._reader.read(row)
        except BadRow:
            return frozenset(), frozenset()
        found = said.unread, frozenset(change.kind for change in said.changes if change.kind)
        if not has_parts:
            self._known[alike] = found
        return found


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} ({number})" for name, number in counts.most_common())


def details(config: RowsSource) -> SourceDetails:
    """The description, with what is not read and what is read as something else."""
    found = survey(config)
    zh, en = ABOUT.zh, ABOUT.en
    if found.unread:
        zh += f"没有读入的列（行数）：{_listed(found.unread)}。"
        en += f" Columns that are not read (rows): {_listed(found.unread)}."
    if found.changes:
        zh += f"读入时写成文字的值（行数）：{_listed(Counter({KINDS[k]: n for k, n in found.changes.items()}))}。"
        en += f" Values that were written as text (rows): {_listed(found.changes)}."
    return SourceDetails(LICENCE, DRAWN, Description(zh=zh, en=en))


SOURCE = Source(
    config=RowsSource,
    read=read,
    files=lambda config: [file.path for file in _files(config)],
    about=ABOUT,
    licence=LICENCE,
    splits=DRAWN,
    details=details,
)
