"""A PostgreSQL server of the tests' own, where one is installed."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.database.place import PostgresUrl


def program(name: str) -> str:
    """A program of PostgreSQL; Debian has them outside of PATH. Skips the test where there is none."""
    found = [*sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))][-1:] or [shutil.which(name)]
    if found[0] is None:
        pytest.skip(f"PostgreSQL is not installed ({name}): apt-get install postgresql")
    return str(found[0])


def as_user(*words: str) -> None:
    """Runs a program as somebody who is not root, which PostgreSQL refuses."""
    prefix = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    done = subprocess.run([*prefix, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/")
    assert done.returncode == 0, done.stdout.decode()


@contextmanager
def postgres() -> Iterator[PostgresUrl]:
    """A server that listens on a socket in a folder of its own, until the block ends."""
    for library in ("sqlalchemy", "alembic", "psycopg"):
        pytest.importorskip(library, reason="pip install 'xinglin[postgres]'")
    initdb, pg_ctl = program("initdb"), program("pg_ctl")
    with tempfile.TemporaryDirectory() as folder:
        if os.getuid() == 0:
            shutil.chown(folder, "postgres")
        data = f"{folder}/data"
        as_user(initdb, "-D", data, "-A", "trust", "-U", "xinglin", "--encoding=UTF8", "--no-sync")
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        as_user(pg_ctl, "-D", data, "-w", "-o", options, "-l", f"{folder}/log", "start")
        try:
            yield PostgresUrl(f"postgresql://xinglin@/postgres?host={folder}")
        finally:
            as_user(pg_ctl, "-D", data, "-m", "immediate", "stop")
