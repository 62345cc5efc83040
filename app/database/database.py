"""A PostgreSQL database: connections, transactions, its tables at the version of this code, and errors in plain words.

SQLAlchemy and Alembic come with an extra, so this module is loaded only where a URL is given.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app.database.place import PostgresUrl
from common.errors import UserError

MIGRATIONS = Path(__file__).parent / "migrations"

PREPARING, RECORDING = 7_814_801, 7_814_802
"""Numbers of advisory locks: who makes tables, and who appends to the chain. Any that others do not use."""

SETTINGS = "-c lock_timeout=5s -c statement_timeout=120s -c idle_in_transaction_session_timeout=300s"
"""Nobody waits for ever for a table that somebody else keeps."""

CONNECT_SECONDS = 5


class Database:
    """One database. Several threads, processes and machines may use it.

    Args:
        url: Where it is.
    """

    def __init__(self, url: PostgresUrl) -> None:
        self.url = url
        # a connection that broke meanwhile (a restart, a fail-over) is replaced before it is used
        self._engine = create_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            connect_args={"connect_timeout": CONNECT_SECONDS, "options": SETTINGS, "application_name": "xinglin"},
        )
        self._preparing = threading.Lock()
        self._is_prepared = False

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection, in a transaction that is written at the end of the block; tables are made where they miss.

        Raises:
            UserError: It cannot be reached or written, or is that of a newer version.
        """
        try:
            self._prepare()
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            fix = "check that it runs, that this user may write there, and that its disk has room"
            raise UserError(f"the database cannot be used: {reason(error)}", where=self.url, fix=fix) from None

    def _prepare(self) -> None:
        """Brings the tables to the version of this code, once per process; one replica does it, others wait."""
        with self._preparing:
            if self._is_prepared:
                return
            with self._engine.begin() as connection:
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": PREPARING})
                self._upgrade(connection)
            self._is_prepared = True

    def _upgrade(self, connection: Connection) -> None:
        config = AlembicConfig()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        scripts = ScriptDirectory.from_config(config)
        known = {script.revision for script in scripts.walk_revisions()}
        found = MigrationContext.configure(connection).get_current_revision()
        if found is not None and found not in known:
            newest = scripts.get_current_head()
            fix = f"use the Xinglin that made it; this one knows version {newest}"
            raise UserError(f"a database of version {found}", where=self.url, fix=fix)
        if found != scripts.get_current_head():
            command.upgrade(config, "head")


@cache
def database(url: PostgresUrl) -> Database:
    """The database at a URL, one pool of connections per process."""
    return Database(url)


def reason(error: SQLAlchemyError) -> str:
    """What went wrong, without the statement and its values, which may be what a patient wrote."""
    if isinstance(error, DBAPIError) and isinstance(error.orig, psycopg.Error):
        return error.orig.diag.message_primary or str(error.orig).partition("\n")[0]
    return type(error).__name__
