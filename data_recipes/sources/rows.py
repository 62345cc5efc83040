"""A user's own rows: JSON lines, a JSON array or CSV, in any of the usual layouts.

OpenAI ``messages``, ShareGPT ``conversations``, Alpaca ``instruction``/``input``/``output``, or any columns that the
configuration names. UTF-8 is wanted; what is written otherwise is read where its encoding is certain.
"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from common.command import Config
from common.errors import UserError
from data_recipes.csv_rows import REPLACED
from data_recipes.example import Example, Message
from data_recipes.manifest import Description
from data_recipes.rows import Dropped
from data_recipes.sources.source import DRAWN, Source, existing
from data_recipes.text import says_something
from data_recipes.user_rows import UserRow, encoding_of, user_rows

DELIMITERS = {".csv": ",", ".tsv": "\t"}
SHAREGPT_ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}


class Columns(Config):
    """Which column holds what, for rows that are neither ``messages`` nor ``conversations``.

    Attributes:
        question: Columns that are joined by line breaks, empty ones left out.
        answer: The answer.
        system: Instructions before the question.
        kind: The question type of the report.
        group: What must not straddle a split, e.g. a patient's number.
        split: The split that the row belongs to.
    """

    question: tuple[str, ...] = ("instruction", "input")
    answer: str = "output"
    system: str | None = None
    kind: str | None = None
    group: str | None = None
    split: str | None = None


class RowsSource(Config):
    """A file of rows.

    Attributes:
        kind: Selects this source.
        path: The file: ``.jsonl``, ``.json``, ``.csv`` or ``.tsv``.
        columns: Which column holds what.
    """

    kind: Literal["rows"]
    path: str
    columns: Columns = Columns()


def read(config: RowsSource) -> Iterator[Example | Dropped]:
    """Yields one item a row."""
    path = Path(config.path)
    tabular = path.suffix.lower() in DELIMITERS
    for row in _table(path, config.columns) if tabular else user_rows(path):
        where = f"{path.name}:{row.number}"
        if row.value is None:
            yield Dropped(where, "not_readable")
        else:
            yield _item(row.value, row.number, where, config.columns)


def _table(path: Path, columns: Columns) -> Iterator[UserRow]:
    """Rows of a CSV or TSV file under the names of its header.

    Raises:
        UserError: The header lacks the columns that hold question and answer.
    """
    encoding, _ = encoding_of(path)
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        reader = csv.reader((line.replace("\0", "") for line in file), delimiter=DELIMITERS[path.suffix.lower()])
        header = [name.strip() for name in next(reader)]
        if columns.answer not in header or not set(columns.question) & set(header):
            raise UserError(
                f"the columns are {', '.join(header)}",
                where=f"{path}:1",
                fix="name yours: 'source.columns.question=[\"提问\"]' source.columns.answer=回答",
            )
        for fields in reader:
            whole = len(fields) == len(header) and not any(REPLACED in field for field in fields)
            yield UserRow(reader.line_num, dict(zip(header, fields, strict=True)) if whole else None)


def _item(row: Mapping[str, Any], number: int, where: str, columns: Columns) -> Example | Dropped:
    turns = _turns(row, columns)
    if turns is None:
        return Dropped(where, "no_question_or_answer")
    if not all(says_something(text) for role, text in turns if role != "system"):
        return Dropped(where, "empty_turn")
    roles = [role for role, _ in turns if role != "system"]
    if roles != ["user", "assistant"] * (len(roles) // 2) or not roles:
        return Dropped(where, "wrong_role_order")
    id = f"rows-{number}"
    try:
        return Example(
            id=id,
            messages=tuple(Message(role=role, content=text.strip()) for role, text in turns),
            source="rows",
            group=_text(row, columns.group) or id,
            kind=_text(row, columns.kind) or "问答",
            split=_text(row, columns.split),
        )
    except ValidationError:
        return Dropped(where, "not_a_conversation")


def _turns(row: Mapping[str, Any], columns: Columns) -> list[tuple[str, str]] | None:
    """Role and text of each turn; none where the row has no such columns."""
    if isinstance(row.get("messages"), list):
        return [(str(m.get("role")), str(m.get("content") or "")) for m in row["messages"] if isinstance(m, dict)]
    if isinstance(row.get("conversations"), list):
        spoken = [m for m in row["conversations"] if isinstance(m, dict)]
        return [(SHAREGPT_ROLES.get(str(m.get("from")), "?"), str(m.get("value") or "")) for m in spoken]
    if columns.answer not in row or not any(name in row for name in columns.question):
        return None
    question = "\n".join(filter(None, (_text(row, name).strip() for name in columns.question)))
    system = _text(row, columns.system)
    return [*([("system", system)] if system else []), ("user", question), ("assistant", _text(row, columns.answer))]


def _text(row: Mapping[str, Any], column: str | None) -> str:
    value = row.get(column) if column else None
    return "" if value is None else str(value)


SOURCE = Source(
    config=RowsSource,
    read=read,
    files=lambda config: existing(Path(config.path)),
    about=Description(zh="使用者自己的问答数据。", en="The user's own questions and answers."),
    licence="the user's own",
    splits=DRAWN,
)
