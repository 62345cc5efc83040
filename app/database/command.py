"""Publishes a knowledge base; ``python -m app.knowledge``."""

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import PlainValidator, WithJsonSchema

from app.database.place import PostgresUrl, database_at, read_place
from common.command import Config
from common.errors import UserError
from domains.domain import DomainName, find_domain


def _url(value: object) -> PostgresUrl:
    place = read_place(value)
    if isinstance(place, Path):
        raise ValueError("give a database: postgresql://user@host/database")
    return place


class PublishConfig(Config):
    """``python -m app.knowledge``.

    Attributes:
        folder: The folder.
        to: The database, ``postgresql://user@host/database``.
        domain: Whose knowledge base it is; it says which files there must be.
    """

    positional: ClassVar[tuple[str, ...]] = ("folder",)

    folder: Path
    to: Annotated[PostgresUrl, PlainValidator(_url), WithJsonSchema({"type": "string", "format": "uri"})]
    domain: DomainName = "documents"


def publish_folder(config: PublishConfig) -> None:
    """Reads a folder as services will, and publishes its files.

    Raises:
        UserError: It is damaged, the domain has no knowledge base, or the database cannot be used.
    """
    knowledge = find_domain(config.domain).knowledge
    if knowledge is None:
        raise UserError(f"the domain {config.domain} cites no knowledge base", where="domain", fix="give another one")
    read = knowledge.load(config.folder)
    database = database_at(config.to)
    from app.database.published import publish  # needs libraries of an extra

    files = publish(config.folder, database)
    print(f"已发布 published: {files} files, {len(read.entries)} entries, version {read.version} -> {config.to}")
