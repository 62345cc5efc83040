"""Cuts documents into passages for retrieval and for writing questions."""

import json
from collections import Counter
from pathlib import Path
from typing import ClassVar, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field
from tqdm import tqdm

from common.command import Config
from common.errors import UserError
from common.files import replacing_file, write_text
from data_recipes.formats.blocks import NoText
from data_recipes.formats.documents import PassageText, is_document, passages
from data_recipes.schema.dropped import Dropped

SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "document": pa.string(),
        "headings": pa.list_(pa.string()),
        "page": pa.int32(),
        "last_page": pa.int32(),
        "text": pa.string(),
    }
)


class PassagesConfig(Config):
    """``data_recipes/passages.py``.

    Attributes:
        documents: A document, or a folder of them.
        out: A new file: JSON lines, or Parquet where it ends in ``.parquet``.
        characters: Most characters of a passage.
    """

    positional: ClassVar[tuple[str, ...]] = ("documents",)
    as_typed: ClassVar[tuple[str, ...]] = ("out",)

    documents: Path
    out: Path
    characters: int = Field(400, ge=50)


class Cut(NamedTuple):
    """What was made of the documents.

    Attributes:
        passages: In the order of the files.
        empty: Pages without text (``file:page``), and documents of a folder without any.
        others: Files of a folder that are no documents.
    """

    passages: list[PassageText]
    empty: list[Dropped]
    others: list[Path]


def cut(path: Path, characters: int) -> Cut:
    """Cuts one document, or all of a folder, into passages.

    Raises:
        UserError: One of them cannot be read, two have the same name, or there is none with text.
    """
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    documents = [file for file in files if is_document(file)] if path.is_dir() else files
    if not documents:
        raise UserError("there is no document in this folder", where=str(path), fix="give a file, or another folder")
    twice = [name for name, count in Counter(file.name for file in documents).items() if count > 1]
    if twice:
        raise UserError(
            f"two documents are named {twice[0]}", where=str(path), fix="rename one: ids are made from names"
        )
    found = Cut([], [], [file for file in files if file not in documents])
    for document in tqdm(documents, desc="documents", unit="file", disable=None):
        try:
            for item in passages(document, characters):
                if isinstance(item, Dropped):
                    found.empty.append(item)
                else:
                    found.passages.append(item)
        except NoText as nothing:
            if not path.is_dir():
                raise
            found.empty.append(Dropped(document.name, nothing.problem))
    if not found.passages:
        raise UserError("no document in this folder has text", where=str(path), fix="are they scanned? run OCR on them")
    return found


def write(found: list[PassageText], out: Path) -> None:
    """Writes the passages, whole or not at all."""
    rows = [passage._asdict() for passage in found]
    if out.suffix.lower() != ".parquet":
        write_text(out, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
        return
    with replacing_file(out) as partial:
        pq.write_table(pa.Table.from_pylist(rows, SCHEMA), partial)


def cut_to_file(config: PassagesConfig) -> None:
    """Cuts documents into passages, writes them and prints a summary.

    Raises:
        UserError: The documents cannot be read, or ``out`` exists.
    """
    out = config.out
    if out.exists():  # users may have added questions to it
        raise UserError("this already exists", where=f"out={out}", fix="name a new file; nothing is overwritten")
    found = cut(config.documents, config.characters)
    for item in found.empty:
        print(f"{item.id}: {item.reason}")
    if found.others:
        endings = ", ".join(sorted({file.suffix or file.name for file in found.others}))
        print(f"not read: {len(found.others)} files of other formats ({endings})")
    write(found.passages, out)
    documents = len({passage.document for passage in found.passages})
    pages = sum(item.bad for item in found.empty)
    print(
        f"{len(found.passages)} passages of {documents} documents, {pages} pages without text, "
        f"{len(found.empty) - pages} documents without text -> {out}"
    )
