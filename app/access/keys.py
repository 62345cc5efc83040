"""API keys: their names, roles, limits and SHA-256; a key itself is shown once and kept nowhere.

They are in one SQLite file, or in a database that several replicas share (``database_keys``).

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
from typing import Annotated, Literal, Protocol, get_args

from pydantic import Field

from app.database.place import Place, PostgresUrl, database_at
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


class KeyStore(Protocol):
    """Where keys and what they have used are kept; several processes may use it.

    Every method raises ``UserError`` where it cannot be read or written.

    Attributes:
        where: The file or the database, for messages and commands.
    """

    where: str

    def add(self, key: ApiKey) -> str:
        """Makes a key, and returns it; nobody can read it again. Raises ``NameTaken``."""

    def revoke(self, name: str) -> None:
        """Makes a key invalid from now on; services notice within a second. Raises ``NoSuchKey``."""

    def read(self) -> dict[str, ApiKey]:
        """All keys, revoked ones too, by their SHA-256; none where nothing was ever kept."""

    def used(self, day: str) -> dict[str, Usage]:
        """What each key has used on a day, by name."""

    def use(self, used: Mapping[tuple[str, str], Usage]) -> None:
        """Adds what was used, by name and day."""


def keys_at(place: Place) -> KeyStore:
    """The keys that are kept at a place.

    Raises:
        UserError: What PostgreSQL needs is not installed.
    """
    if not isinstance(place, PostgresUrl):
        return KeyFile(place)
    database = database_at(place)
    from app.access.database_keys import DatabaseKeys  # needs libraries of an extra

    return DatabaseKeys(database)


def command(store: KeyStore, words: str) -> str:
    """The command that does something with the keys that are kept there."""
    return f"python -m app.keys {words}" + ("" if store.where == str(DEFAULT_FILE) else f" file={store.where}")


def new_secret() -> str:
    """A key."""
    return PREFIX + secrets.token_urlsafe(32)


def name_taken(name: str) -> NameTaken:
    """What is raised where a name was used before."""
    fix = "choose another name; records of the old key keep this one"
    return NameTaken(f"there is, or was, a key named {name}", where="name", fix=fix)


def no_such_key(store: KeyStore, name: str) -> NoSuchKey:
    """What is raised where there is no key to revoke."""
    known = sorted(key.name for key in store.read().values())
    available = f"available: {', '.join(known)}" if known else f"{store.where} has none"
    return NoSuchKey(f"no such key: {name}; {available}", where="name", fix=f"see {command(store, 'list')}")


class KeyFile:
    """The file of the keys; see ``KeyStore``. Each call opens it for itself, and WAL keeps readers going.

    Args:
        path: The file; it is made with the first key, readable for its owner alone.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.where = path, str(path)

    def add(self, key: ApiKey) -> str:
        """See ``KeyStore.add``."""
        secret = new_secret()
        marks = ", ".join("?" * (len(fields(ApiKey)) + 1))
        with self._opened() as database:
            try:
                database.execute(
                    f"INSERT INTO keys ({_COLUMNS}, sha256) VALUES ({marks})", (*astuple(key), hashed(secret))
                )
            except sqlite3.IntegrityError:
                raise name_taken(key.name) from None
        return secret

    def revoke(self, name: str) -> None:
        """See ``KeyStore.revoke``."""
        if name not in [key.name for key in self.read().values()]:
            raise no_such_key(self, name)
        with self._opened() as database:
            database.execute("UPDATE keys SET revoked = ? WHERE name = ? AND revoked IS NULL", (time.time(), name))

    def read(self) -> dict[str, ApiKey]:
        """See ``KeyStore.read``."""
        if not self.path.exists():
            return {}
        with self._opened() as database:
            rows = database.execute(f"SELECT sha256, {_COLUMNS} FROM keys ORDER BY made, name").fetchall()
        return {sha256: ApiKey(*values) for sha256, *values in rows}

    def used(self, day: str) -> dict[str, Usage]:
        """See ``KeyStore.used``."""
        if not self.path.exists():
            return {}
        with self._opened() as database:
            rows = database.execute("SELECT name, requests, tokens FROM usage WHERE day = ?", (day,)).fetchall()
        return {name: Usage(*counts) for name, *counts in rows}

    def use(self, used: Mapping[tuple[str, str], Usage]) -> None:
        """See ``KeyStore.use``."""
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
