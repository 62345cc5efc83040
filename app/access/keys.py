"""API keys in one SQLite file: their names, roles, limits and SHA-256; a key itself is shown once and kept nowhere.

A key is 256 random bits: no search finds one with a given SHA-256, so slow hashes, as for passwords, have no use.
"""

import hashlib
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field

from common.errors import UserError

SECONDS_OF_A_DAY = 24 * 60 * 60

# what a key may be limited to: dates that calendars have, and numbers that SQLite has
Days = Annotated[int, Field(ge=1, le=36_500)]
RequestsPerMinute = Annotated[int, Field(ge=1, le=100_000)]
TokensPerDay = Annotated[int, Field(ge=1, le=2**53)]

Role = Literal["patient", "doctor", "admin", "monitor"]
Scope = Literal["ask", "raw", "correct", "admin", "metrics"]

SCOPES: Mapping[Role, frozenset[Scope]] = {
    "patient": frozenset[Scope]({"ask"}),
    "doctor": frozenset[Scope]({"ask", "raw", "correct"}),
    "admin": frozenset[Scope]({"ask", "raw", "correct", "admin", "metrics"}),
    "monitor": frozenset[Scope]({"metrics"}),
}
"""What each role may do: ask and complain; use the model alone; correct answers; see keys and records; read metrics."""

DEFAULT_FILE = Path("keys.sqlite")

PREFIX = "xl-"
"""How a key begins, so that one that was published by mistake can be searched for."""

VERSION = 2
SECONDS_FOR_A_LOCK = 5.0

_TABLES = f"""
CREATE TABLE IF NOT EXISTS keys (
    name TEXT PRIMARY KEY,
    role TEXT NOT NULL CHECK (role IN {get_args(Role)}),
    made REAL NOT NULL,
    expires REAL,
    revoked REAL,
    requests_per_minute INTEGER,
    tokens_per_day INTEGER,
    sha256 TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE IF NOT EXISTS usage (
    name TEXT NOT NULL,
    day TEXT NOT NULL,
    requests INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    PRIMARY KEY (name, day)
) STRICT;
PRAGMA user_version = {VERSION};
"""

_FROM_VERSION_1 = f"ALTER TABLE keys RENAME TO keys_1;{_TABLES}INSERT INTO keys SELECT * FROM keys_1;DROP TABLE keys_1;"
"""Roles have been added since, and SQLite cannot change a CHECK. Done twice it does nothing."""


class NameTaken(UserError):
    """There is, or was, a key of this name."""


class NoSuchKey(UserError):
    """There is no key of this name."""


@dataclass(frozen=True)
class ApiKey:
    """What is known of a key.

    Attributes:
        name: Who has it; a name is used once, so that records of later years are clear.
        role: What it may do.
        made: When it was made; times are in seconds since 1970.
        expires: Until when it is valid; None for ever.
        revoked: Since when it is not valid any more; None where it was not revoked.
        requests_per_minute: Most requests in any 60 seconds; None without limit.
        tokens_per_day: Most tokens of prompts and answers per day; None without limit.
    """

    name: str
    role: Role
    made: float
    expires: float | None = None
    revoked: float | None = None
    requests_per_minute: int | None = None
    tokens_per_day: int | None = None

    @classmethod
    def valid_for(
        cls, days: int | None, name: str, role: Role, requests_per_minute: int | None, tokens_per_day: int | None
    ) -> "ApiKey":
        """A key that is made now; ``days`` is None for one that does not expire."""
        now = time.time()
        expires = None if days is None else now + days * SECONDS_OF_A_DAY
        return cls(name, role, now, expires, None, requests_per_minute, tokens_per_day)

    @property
    def state(self) -> Literal["valid", "expired", "revoked"]:
        """Whether it opens anything now."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= time.time() else "valid"


_COLUMNS = ", ".join(field.name for field in fields(ApiKey))


@dataclass(frozen=True)
class Usage:
    """What a key has used on a day.

    Attributes:
        requests: Requests that were let through.
        tokens: Tokens of prompts and answers.
    """

    requests: int = 0
    tokens: int = 0


def hashed(secret: str) -> str:
    """Hex SHA-256 of a key, as it is stored and looked up."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


class KeyFile:
    """The file of the keys. Each call opens it for itself, so several processes may use it; WAL keeps readers going.

    Args:
        path: The file; it is made with the first key, readable for its owner alone.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def command(self, words: str) -> str:
        """The command that does something with the keys of this file."""
        return f"python -m app.keys {words}" + ("" if self.path == DEFAULT_FILE else f" file={self.path}")

    def add(self, key: ApiKey) -> str:
        """Makes a key.

        Returns:
            The key itself, which nobody can read again.

        Raises:
            NameTaken: There is, or was, one of this name.
            UserError: The file cannot be written.
        """
        secret = PREFIX + secrets.token_urlsafe(32)
        marks = ", ".join("?" * (len(fields(ApiKey)) + 1))
        with self._opened() as database:
            try:
                database.execute(
                    f"INSERT INTO keys ({_COLUMNS}, sha256) VALUES ({marks})", (*astuple(key), hashed(secret))
                )
            except sqlite3.IntegrityError:
                fix = "choose another name; records of the old key keep this one"
                raise NameTaken(f"there is, or was, a key named {key.name}", where="name", fix=fix) from None
        return secret

    def revoke(self, name: str) -> None:
        """Makes a key invalid from now on; services notice within a second.

        Raises:
            NoSuchKey: There is none.
            UserError: The file cannot be written.
        """
        known = sorted(key.name for key in self.read().values())
        if name not in known:
            available = f"available: {', '.join(known)}" if known else f"{self.path} has none"
            raise NoSuchKey(f"no such key: {name}; {available}", where="name", fix=f"see {self.command('list')}")
        with self._opened() as database:
            database.execute("UPDATE keys SET revoked = ? WHERE name = ? AND revoked IS NULL", (time.time(), name))

    def read(self) -> dict[str, ApiKey]:
        """All keys, revoked ones too, by their SHA-256; none where there is no file.

        Raises:
            UserError: The file cannot be read.
        """
        if not self.path.exists():
            return {}
        with self._opened() as database:
            rows = database.execute(f"SELECT sha256, {_COLUMNS} FROM keys ORDER BY made, name").fetchall()
        return {sha256: ApiKey(*values) for sha256, *values in rows}

    def used(self, day: str) -> dict[str, Usage]:
        """What each key has used on a day, by name.

        Raises:
            UserError: The file cannot be read.
        """
        if not self.path.exists():
            return {}
        with self._opened() as database:
            rows = database.execute("SELECT name, requests, tokens FROM usage WHERE day = ?", (day,)).fetchall()
        return {name: Usage(*counts) for name, *counts in rows}

    def use(self, used: Mapping[tuple[str, str], Usage]) -> None:
        """Adds what was used, by name and day.

        Raises:
            UserError: The file cannot be written.
        """
        rows = [(name, day, one.requests, one.tokens) for (name, day), one in used.items()]
        with self._opened() as database:
            database.executemany(
                "INSERT INTO usage VALUES (?, ?, ?, ?) ON CONFLICT (name, day) "
                "DO UPDATE SET requests = requests + excluded.requests, tokens = tokens + excluded.tokens",
                rows,
            )

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """The database, in a transaction; it is made where it is missing."""
        try:
            if not self.path.exists():
                self.path.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(self.path, os.O_CREAT | os.O_WRONLY, 0o600))  # SQLite's own files get the same mode
            with closing(sqlite3.connect(self.path, timeout=SECONDS_FOR_A_LOCK)) as database:
                self._prepare(database)
                with database:
                    yield database
        except (sqlite3.Error, OSError) as error:
            fix = "check that it is a file of keys, that it may be written, and that the disk has room"
            raise UserError(f"the keys cannot be used: {error}", where=str(self.path), fix=fix) from None

    def _prepare(self, database: sqlite3.Connection) -> None:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version not in (0, 1, VERSION):
            fix = f"use the Xinglin that made it; this one reads version {VERSION}"
            raise UserError(f"a file of keys of version {version}", where=str(self.path), fix=fix)
        if version == 0:
            database.execute("PRAGMA journal_mode = WAL")
        if version < VERSION:
            database.executescript(f"BEGIN IMMEDIATE;{_FROM_VERSION_1 if version else _TABLES}COMMIT;")
