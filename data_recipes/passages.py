"""Cuts documents into passages for retrieval and for writing questions."""

import json
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from common.command import run_command
from common.errors import UserError
from common.files import disk_errors, write_text
from data_recipes.formats.documents import PassageText, is_document, passages
from data_recipes.schema.dropped import Dropped

HELP = """
python data_recipes/passages.py FILE|DIR out=passages.jsonl [characters=400]

FILE is a Word file (.docx), a PDF, Markdown or plain text; of a folder all of these in it are read.
out= is JSON lines, or Parquet where it ends in .parquet: id, document, headings, page, last_page, text.
characters= is the most that a passage has; it ends where a paragraph or a sentence ends, and never crosses a heading.

Pages without text (scanned ones) are listed. With a question and an answer added to its rows, the file is a source:
python data_recipes/build.py data=documents source.path=passages.jsonl out=datasets/documents
"""

CHARACTERS = 400
FEWEST = 50
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
        raise UserError(f"two documents are called {twice[0]}", where=str(path), fix="rename one: ids come from it")
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
    partial = out.with_name(f".{out.name}.partial")
    with disk_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows, SCHEMA), partial)
        partial.replace(out)


def _arguments(arguments: list[str]) -> tuple[Path, Path, int]:
    files = [word for word in arguments if "=" not in word]
    keys = dict(word.split("=", 1) for word in arguments if "=" in word)
    characters = keys.pop("characters", str(CHARACTERS))
    if len(files) != 1 or set(keys) != {"out"} or not keys["out"]:
        raise UserError("a document and out= are wanted", fix="python data_recipes/passages.py FILE out=passages.jsonl")
    if not characters.isdecimal() or int(characters) < FEWEST:
        raise UserError(f"not a number from {FEWEST} on: {characters}", where="characters", fix="characters=400")
    return Path(files[0]), Path(keys["out"]), int(characters)


def main(arguments: list[str]) -> None:
    """Cuts documents into passages and says what came of it."""
    path, out, characters = _arguments(arguments)
    if out.exists():  # questions may have been added to it
        raise UserError("this exists already", where=f"out={out}", fix="name a new file; nothing is overwritten")
    found, empty_pages = cut(path, characters)
    for item in empty_pages:
        print(f"{item.id}: {item.reason}")
    write(found, out)
    documents = len({passage.document for passage in found})
    print(f"{len(found)} passages of {documents} documents, {len(empty_pages)} pages without text -> {out}")


if __name__ == "__main__":
    run_command(main, HELP)
