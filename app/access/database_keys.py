"""API keys in tables of PostgreSQL, for several replicas; see ``KeyStore``."""

import time
from collections.abc import Mapping
from dataclasses import asdict, fields

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from app.access.keys import ApiKey, Usage, hashed, name_taken, new_secret, no_such_key
from app.database.database import Database
from app.database.tables import KEYS, USAGE

COLUMNS = [KEYS.c[field.name] for field in fields(ApiKey)]


class DatabaseKeys:
    """The keys in a database.

    Args:
        database: Where.
    """

    def __init__(self, database: Database) -> None:
        self.database, self.where = database, str(database.url)

    def add(self, key: ApiKey) -> str:
        """See ``KeyStore.add``."""
        secret = new_secret()
        row = asdict(key) | {"sha256": hashed(secret)}
        with self.database.transaction() as connection:
            added = insert(KEYS).values(row).on_conflict_do_nothing(index_elements=["name"]).returning(KEYS.c.name)
            if connection.scalar(added) is None:
                raise name_taken(key.name)
        return secret

    def revoke(self, name: str) -> None:
        """See ``KeyStore.revoke``."""
        if name not in [key.name for key in self.read().values()]:
            raise no_such_key(self, name)
        with self.database.transaction() as connection:
            valid = update(KEYS).where(KEYS.c.name == name, KEYS.c.revoked.is_(None))
            connection.execute(valid.values(revoked=time.time()))

    def read(self) -> dict[str, ApiKey]:
        """See ``KeyStore.read``."""
        with self.database.transaction() as connection:
            rows = connection.execute(select(KEYS.c.sha256, *COLUMNS).order_by(KEYS.c.made, KEYS.c.name)).all()
        return {sha256: ApiKey(*values) for sha256, *values in rows}

    def used(self, day: str) -> dict[str, Usage]:
        """See ``KeyStore.used``."""
        with self.database.transaction() as connection:
            of_day = select(USAGE.c.name, USAGE.c.requests, USAGE.c.tokens).where(USAGE.c.day == day)
            rows = connection.execute(of_day).all()
        return {name: Usage(*counts) for name, *counts in rows}

    def use(self, used: Mapping[tuple[str, str], Usage]) -> None:
        """See ``KeyStore.use``."""
        rows = [{"name": name, "day": day, **asdict(one)} for (name, day), one in sorted(used.items())]  # no deadlock
        new = insert(USAGE)
        counts = {name: USAGE.c[name] + new.excluded[name] for name in ("requests", "tokens")}
        with self.database.transaction() as connection:
            connection.execute(new.on_conflict_do_update(index_elements=["name", "day"], set_=counts), rows)
