"""Passages of the user's documents with questions about them, as ``data_recipes/passages.py`` cuts them.

JSON lines or Parquet with ``id``, ``document``, ``headings``, ``text`` and, added by the author of the questions,
``question`` and ``answer``. The passage is in the prompt; a row without a question is no example and is counted.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from common.command import Config
from data_recipes.formats.json_rows import read_objects
from data_recipes.formats.jsonl import Line
from data_recipes.formats.tables import TABLES, read_table
from data_recipes.formats.values import NotText, text_of
from data_recipes.leakage.normalise import says_something
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example, Message
from data_recipes.schema.manifest import Description
from data_recipes.sources.read_notes import ReadNotes
from data_recipes.sources.source import DRAWN, Source, existing

ASKING = "只根据下面的资料回答；资料里没有的，就说没有。"


class DocumentsSource(Config):
    """Passages with questions.

    Attributes:
        kind: Selects this source.
        path: The file.
    """

    kind: Literal["documents"]
    path: str


def read(config: DocumentsSource) -> Iterator[Example | Dropped | ReadNotes]:
    """Yields one item per row."""
    path, notes = Path(config.path), ReadNotes()
    table = path.suffix.lower() in TABLES
    for line in read_table(path, ("id", "document", "text")) if table else read_objects(path):
        notes.add(line, ("id", "document", "headings", "text", "question", "answer"))
        yield line if isinstance(line, Dropped) else _item(line)
    yield from notes.found()


def _item(line: Line) -> Example | Dropped:
    row = line.row
    for column in ("id", "document", "text"):
        if not isinstance(row.get(column), str) or not row[column].strip():
            return Dropped(line.where, f"no_text_in_{column}")
    id = f"documents-{line.number}"
    try:
        question, answer = (text_of(row.get(column)).strip() for column in ("question", "answer"))
        headings = _headings(row.get("headings"))
    except NotText as flaw:
        return Dropped(line.where, flaw.reason)
    if not says_something(question):
        return Dropped(id, "passage_without_question")
    if not says_something(answer):
        return Dropped(line.where, "empty_answer")
    given = "\n".join(filter(None, (ASKING, headings, row["text"].strip())))
    return Example(
        id=id,
        messages=(
            Message(role="system", content=given),
            Message(role="user", content=question),
            Message(role="assistant", content=answer),
        ),
        source="documents",
        group=row["id"],
        kind=row["document"],
        grounding=(row["id"],),
    )


def _headings(value: Any) -> str:
    """The headings above a passage, in one line."""
    return " > ".join(map(text_of, value)) if isinstance(value, list) else text_of(value)


SOURCE = Source(
    config=DocumentsSource,
    read=read,
    files=lambda config: existing(Path(config.path)),
    about=Description(
        zh="使用者自己的文档：段落在题前给出，问题和答案由使用者写。",
        en="The user's own documents: the passage comes before the question; questions and answers are the user's.",
    ),
    licence="the user's own",
    splits=DRAWN,
)
