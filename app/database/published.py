"""The files of a knowledge base in PostgreSQL: published once, the same for every replica.

Only the files are kept there. Each replica reads them as it reads a folder, and searches in memory: decision 0183.
"""

from pathlib import Path, PurePosixPath

from sqlalchemy import Row, delete, insert, select

from app.database.database import Database
from app.database.tables import KNOWLEDGE_FILES
from common.errors import UserError
from common.files import cache_dir, disk_errors, replacing_directory
from common.hashing import sha256_file, sha256_value


def publish(folder: Path, database: Database) -> int:
    """Puts the files of a folder in the place of those that are there, all at once.

    Hidden files and the locks of Office (``~$…``) stay where they are.

    Returns:
        How many files there are.

    Raises:
        UserError: The database cannot be used.
    """
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    rows = [
        {"path": path.relative_to(folder).as_posix(), "sha256": sha256_file(path), "content": path.read_bytes()}
        for path in found
        if not any(part.startswith((".", "~$")) for part in path.relative_to(folder).parts)
    ]
    with database.transaction() as connection:
        connection.execute(delete(KNOWLEDGE_FILES))
        connection.execute(insert(KNOWLEDGE_FILES), rows)
    return len(rows)


def fetch(database: Database) -> Path:
    """The published files as a folder in the cache, named by their hash and written once.

    Raises:
        UserError: Nothing is published, the database cannot be used, or the cache cannot be written.
    """
    files = KNOWLEDGE_FILES.columns
    with database.transaction() as connection:
        listed = connection.execute(select(files.path, files.sha256).order_by(files.path)).all()
        if not listed:
            fix = f"publish a folder: python -m app.knowledge DIR to={database.url}"
            raise UserError("no knowledge base is published there", where=database.url, fix=fix)
        folder = cache_dir() / "knowledge" / sha256_value([list(row) for row in listed])[:32]
        if not _is_whole(folder, listed):
            with replacing_directory(folder) as partial, disk_errors(folder):
                for row in listed:
                    content = connection.execute(select(files.content).where(files.path == row.path)).scalar_one()
                    _write(partial, row.path, content)
    return folder


def _is_whole(folder: Path, listed: list[Row[tuple[str, str]]]) -> bool:
    """Whether the files are there as they were published."""
    return all((folder / row.path).is_file() and sha256_file(folder / row.path) == row.sha256 for row in listed)


def _write(folder: Path, name: str, content: bytes) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise UserError(
            f"a file would be written outside of its folder: {name}", where="the database", fix="publish again"
        )
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(content)
