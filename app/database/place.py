"""Where something is kept: a file or folder of this machine, or a PostgreSQL database by its URL."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from pydantic import PlainValidator, WithJsonSchema

from common.errors import UserError

if TYPE_CHECKING:
    from app.database.database import Database

SCHEMES = ("postgresql", "postgres")


class PostgresUrl(str):
    """``postgresql://user@host/database``; the password is libpq's own matter (PGPASSFILE)."""


def read_place(value: Any) -> Path | PostgresUrl:
    """Reads a path, or the URL of a database.

    Raises:
        ValueError: The URL has a password, which others could read, or names no database.
    """
    if isinstance(value, (Path, PostgresUrl)):
        return value
    if not isinstance(value, str) or not value:
        raise ValueError("give a path, or postgresql://user@host/database")
    url = urlsplit(value)
    if url.scheme not in SCHEMES:
        return Path(value)
    if url.password or "password=" in url.query:
        raise ValueError("a password on the command line can be read by others; put it into a file: PGPASSFILE")
    if len(url.path) < 2:
        raise ValueError("the database is missing: postgresql://user@host/database")
    return PostgresUrl(value)


Place = Annotated[
    Path | PostgresUrl,
    PlainValidator(read_place),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "path"}, {"type": "string", "format": "uri"}]}),
]


def database_at(url: PostgresUrl) -> "Database":
    """The database at a URL; its libraries are loaded only here.

    Raises:
        UserError: They are not installed.
    """
    try:
        from app.database.database import database
    except ImportError as error:
        fix = "pip install 'xinglin[postgres]'"
        raise UserError(f"PostgreSQL needs libraries of an extra ({error.name})", where=url, fix=fix) from None
    return database(url)
