"""A user's own rows: JSON lines, a JSON array, CSV, TSV, XLSX or Parquet, in any of the usual layouts.

OpenAI ``messages``, ShareGPT ``conversations``, question and answer under the names of ``formats.columns`` (Alpaca's
among them), or any columns that the configuration names. UTF-8 is expected; other files are read where their
encoding is certain.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from common.command import Config
from common.errors import UserError
from data_recipes.formats.columns import ANSWER, CONVERSATIONS, INPUT, QUESTION, ROLES, question_and_answer
from data_recipes.formats.json_rows import read_objects
from data_recipes.formats.jsonl import Line
from data_recipes.formats.tables import TABLES, header_of, read_table
from data_recipes.leakage.normalise import says_something
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example, Message
from data_recipes.schema.manifest import Description
from data_recipes.sources.source import DRAWN, Source, existing

OPENAI_ROLES = {name: name for name in ("system", "user", "assistant")}

Turns = list[tuple[str, str]]  # role and text


class Columns(Config):
    """Which column holds what, for rows that are neither ``messages`` nor ``conversations``.

    Attributes:
        question: Columns that are joined by line breaks, empty ones skipped; null finds the question under its usual
            names, with ``input`` where there is one.
        answer: The answer; null finds it under its usual names.
        system: Instructions before the question.
        history: Turns before the question as pairs, ``[["question", "answer"], …]``, also as JSON in a text.
        kind: The question type of the report.
        group: What must not straddle a split, e.g. a patient's number.
        split: The split that the row belongs to.
    """

    question: tuple[str, ...] | None = None
    answer: str | None = None
    system: str | None = None
    history: str | None = None
    kind: str | None = None
    group: str | None = None
    split: str | None = None


class RowsSource(Config):
    """A file of rows.

    Attributes:
        kind: Selects this source.
        path: The file: ``.jsonl``, ``.json``, ``.csv``, ``.tsv``, ``.xlsx`` (its first sheet) or ``.parquet``.
        columns: Which column holds what.
    """

    kind: Literal["rows"]
    path: str
    columns: Columns = Columns()


def read(config: RowsSource) -> Iterator[Example | Dropped]:
    """Yields one item per row.

    Raises:
        UserError: The file is damaged as a whole, or lacks the columns that hold question and answer.
    """
    path = Path(config.path)
    if path.suffix.lower() in TABLES:
        _check(header_of(path), config.columns, path)
        rows = read_table(path, [])
    else:
        rows = read_objects(path)
    for line in rows:
        yield line if isinstance(line, Dropped) else _item(line, config.columns)


def _check(header: list[str], columns: Columns, path: Path) -> None:
    if not set(header).isdisjoint(CONVERSATIONS):
        return
    found = question_and_answer(header)
    wanted = list(columns.question or [found.question or " / ".join(QUESTION)])
    wanted += [columns.answer or found.answer or " / ".join(ANSWER)]
    wanted += filter(None, (columns.system, columns.history, columns.kind, columns.group, columns.split))
    if missing := [name for name in wanted if name not in header]:
        raise UserError(
            f"the columns are {', '.join(header)}; there is no {', '.join(missing)}",
            where=f"{path}:1",
            fix="name yours: 'source.columns.question=[\"提问\"]' source.columns.answer=回答",
        )


def _item(line: Line, columns: Columns) -> Example | Dropped:
    turns = _turns(line.row, columns)
    if turns is None:
        return Dropped(line.where, "no_question_or_answer")
    if not all(says_something(text) for role, text in turns if role != "system"):
        return Dropped(line.where, "empty_turn")
    roles = [role for role, _ in turns if role != "system"]
    if roles != ["user", "assistant"] * (len(roles) // 2) or not roles or any(r == "system" for r, _ in turns[1:]):
        return Dropped(line.where, "wrong_role_order")
    id = f"rows-{line.number}"
    try:
        return Example(
            id=id,
            messages=tuple(Message.model_validate({"role": role, "content": text.strip()}) for role, text in turns),
            source="rows",
            group=_text(line.row, columns.group) or id,
            kind=_text(line.row, columns.kind) or "问答",
            split=_text(line.row, columns.split),
        )
    except ValidationError:
        return Dropped(line.where, "not_a_conversation")


def _turns(row: Mapping[str, Any], columns: Columns) -> Turns | None:
    """Role and text of each turn; none where the row has no such columns."""
    if row.get("messages"):
        return _spoken(row["messages"], "role", "content", OPENAI_ROLES)
    if row.get("conversations"):
        return _spoken(row["conversations"], "from", "value", ROLES | OPENAI_ROLES)
    found = question_and_answer(row)
    asked = columns.question or ((found.question, INPUT) if found.question else ())
    answer = columns.answer or found.answer
    history = _pairs(row.get(columns.history)) if columns.history else []
    if not answer or answer not in row or not any(name in row for name in asked) or history is None:
        return None
    question = "\n".join(filter(None, (_text(row, name).strip() for name in asked)))
    system = _text(row, columns.system)
    first = [("system", system)] if system else []
    return [*first, *history, ("user", question), ("assistant", _text(row, answer))]


def _spoken(value: Any, role: str, content: str, roles: Mapping[str, str]) -> Turns | None:
    turns = _json(value)
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        return None
    return [(roles.get(str(turn.get(role)), "?"), str(turn.get(content) or "")) for turn in turns]


def _pairs(value: Any) -> Turns | None:
    """Earlier questions and answers; none where they are not in pairs."""
    pairs = _json(value) or []
    if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        return None
    return [turn for asked, said in pairs for turn in (("user", str(asked)), ("assistant", str(said)))]


def _json(value: Any) -> Any:
    """A value that a table stores as JSON text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value or "[]")
    except (json.JSONDecodeError, RecursionError):
        return value


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
