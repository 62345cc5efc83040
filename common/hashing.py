"""SHA-256 of files, directories and plain values: how every step knows whether its inputs changed."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def sha256_text(text: str) -> str:
    """Hex SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of a file's bytes, read in blocks of 1 MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def sha256_value(value: Any) -> str:
    """Hex SHA-256 of a JSON-able value; the order of dictionary keys does not matter."""
    return sha256_text(json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")))


def sha256_files(paths: Iterable[Path]) -> str:
    """Hex SHA-256 over the names and contents of several files, in the order of their names."""
    return sha256_value([[path.name, sha256_file(path)] for path in sorted(paths)])
