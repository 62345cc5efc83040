"""The prose of a domain (``domains.prose``) as plain text: its knowledge base in statements, to go on reading."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator

from common.command import Config
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import TEXT, Example, Message
from data_recipes.schema.manifest import Description
from data_recipes.sources.own.text import SPLITS
from data_recipes.sources.source import PROJECT_LICENCE, Source, SourceDetails, existing
from domains.domain import DOMAINS, Domain, find_domain


def _with_prose(name: str) -> str:
    if not find_domain(name).has_prose:
        having = ", ".join(name for name in DOMAINS if find_domain(name).has_prose)
        raise ValueError(f"the domain {name} has no prose; these have: {having}")
    return name


class ProseSource(Config):
    """The prose of a domain.

    Attributes:
        kind: Selects this source.
        domain: Whose.
        path: Folder of a knowledge base of the user's own; null for the one that ships with the domain.
    """

    kind: Literal["prose"]
    domain: Annotated[str, AfterValidator(_with_prose)]
    path: str | None = None

    @property
    def folder(self) -> Path | None:
        """The user's own knowledge base."""
        return Path(self.path).expanduser() if self.path else None


def read(config: ProseSource) -> Iterator[Example | Dropped]:
    """Yields one example per paragraph; paragraphs that share a statement are linked by it, so they stay together."""
    for number, paragraph in enumerate(find_domain(config.domain).prose(config.folder), 1):
        id = f"prose-{number}"
        yield Example(
            id=id, messages=(Message(role=TEXT, content=paragraph),), source="prose", group=id, kind=config.domain
        )


def files(config: ProseSource) -> list[Path]:
    """The files of the knowledge base; none of a domain whose prose is written by a program."""
    domain: Domain = find_domain(config.domain)
    return existing(*domain.knowledge.schema.files(config.folder)) if domain.knowledge else []


SOURCE = Source(
    config=ProseSource,
    read=read,
    files=files,
    about=Description(
        zh="领域的知识库写成的陈述句：用于继续预训练，没有题目。",
        en="The knowledge base of a domain in statements, for continued pre-training; there are no questions.",
    ),
    licence=PROJECT_LICENCE,
    splits=SPLITS,
    details=lambda config: SourceDetails("a knowledge base of your own" if config.path else PROJECT_LICENCE, SPLITS),
)
