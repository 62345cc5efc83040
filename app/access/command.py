"""Makes, lists and revokes keys; ``python -m app.keys``."""

import re
from datetime import datetime
from typing import ClassVar, Literal

from loguru import logger
from pydantic import model_validator

from app.access.keys import (
    DEFAULT_FILE,
    SCOPES,
    ApiKey,
    Days,
    KeyStore,
    RequestsPerMinute,
    Role,
    TokensPerDay,
    Usage,
    command,
    keys_at,
)
from app.database.place import Place
from common.command import Config

NAME = r"[\w.-]{1,64}"


class KeysConfig(Config):
    """``python -m app.keys``.

    Attributes:
        action: What is done: keys are listed, or one is added or revoked.
        name: Who has the key to add or revoke: letters, digits, ``.``, ``-`` and ``_``.
        role: What it may do: ``patient`` asks, ``doctor`` also corrects answers and uses the model alone, ``admin``
            also sees keys and records, ``monitor`` reads metrics alone.
        days: How long it is valid; null for ever.
        requests_per_minute: Most requests in any 60 seconds; null without limit.
        tokens_per_day: Most tokens of prompts and answers per day; null without limit.
        file: Where the keys are, the service's ``access.keys``: a file, or ``postgresql://user@host/database``.
    """

    positional: ClassVar[tuple[str, ...]] = ("action", "name")

    action: Literal["list", "add", "revoke"] = "list"
    name: str | None = None
    role: Role | None = None
    days: Days | None = 365
    requests_per_minute: RequestsPerMinute | None = None
    tokens_per_day: TokensPerDay | None = None
    file: Place = DEFAULT_FILE

    @model_validator(mode="after")
    def _names_one(self) -> "KeysConfig":
        if (self.name is None) != (self.action == "list"):
            raise ValueError("give add NAME role=…, revoke NAME, or nothing to list the keys")
        if self.name is not None and not re.fullmatch(NAME, self.name):
            raise ValueError("name: letters, digits, '.', '-' and '_' only, 64 at most")
        if self.action == "add" and self.role is None:
            raise ValueError(f"role is missing; give one of {', '.join(f'role={role}' for role in SCOPES)}")
        if self.action != "add" and self.role is not None:
            raise ValueError("role=… belongs to add")
        return self


def make_or_list(config: KeysConfig) -> None:
    """Does what a command says.

    Raises:
        UserError: It cannot be done.
    """
    store = keys_at(config.file)
    match config.action:
        case "add":
            _add(store, config)
        case "revoke":
            assert config.name is not None
            store.revoke(config.name)
            logger.info("{} is revoked; running services notice within a second", config.name)
        case "list":
            print("\n".join(listed(store)))


def _add(store: KeyStore, config: KeysConfig) -> None:
    assert config.name is not None and config.role is not None
    limits = config.requests_per_minute, config.tokens_per_day
    key = ApiKey.valid_for(config.days, config.name, config.role, *limits)
    print(store.add(key))
    logger.info("the key of {} ({}); it is shown once: {} has its hash alone", key.name, key.role, store.where)


HEAD = ("name", "role", "state", "made", "expires", "requests/min", "tokens/day", "requests today", "tokens today")


def listed(store: KeyStore) -> list[str]:
    """The keys as lines of a table; where there are none, a line that says so.

    Raises:
        UserError: They cannot be read.
    """
    keys, used = store.read().values(), store.used(datetime.now().astimezone().date().isoformat())
    if not keys:
        return [f"{store.where}: no keys; {command(store, 'add NAME role=doctor')} makes one"]
    rows = [HEAD, *(_row(key, used.get(key.name, Usage())) for key in keys)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _row(key: ApiKey, used: Usage) -> tuple[str, ...]:
    limits = ("-" if limit is None else str(limit) for limit in (key.requests_per_minute, key.tokens_per_day))
    days = (_day(key.made), "never" if key.expires is None else _day(key.expires))
    return key.name, key.role, key.state, *days, *limits, str(used.requests), str(used.tokens)


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().date().isoformat()
