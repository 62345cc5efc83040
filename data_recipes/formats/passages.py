"""Cuts documents into passages for retrieval and for writing questions."""

import json
from collections import Counter
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field
from tqdm import tqdm

from common.command import Config
from common.errors import UserError
from common.files import replacing_file, write_text
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


def cut(path: Path, characters: int) -> tuple[list[PassageText], list[Dropped]]:
    """Cuts one document, or all of a folder, into passages.

    Raises:
        UserError: One of them cannot be read, two have the same name, or there is none.
    """
    documents = sorted(file for file in path.rglob("*") if is_document(file)) if path.is_dir() else [path]
    if not documents:
        raise UserError("there is no document in this folder", where=str(path), fix="give a file, or another folder")
    twice = [name for name, count in Counter(file.name for file in documents).items() if count > 1]
    if twice:
        raise UserError(
            f"two documents are named {twice[0]}", where=str(path), fix="rename one: ids are made from names"
        )
    found, empty_pages = [], []
    for document in tqdm(documents, desc="documents", unit="file", disable=None):
        for item in passages(document, characters):
            if isinstance(item, Dropped):
                empty_pages.append(item)
            else:
                found.append(item)
    return found, empty_pages


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
    found, empty_pages = cut(config.documents, config.characters)
    for item in empty_pages:
        print(f"{item.id}: {item.reason}")
    write(found, out)
    documents = len({passage.document for passage in found})
    print(f"{len(found)} passages of {documents} documents, {len(empty_pages)} pages without text -> {out}")
