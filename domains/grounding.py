"""The one place where entries of a knowledge base become part of a prompt: what is trained is what is served.

The entries are the system turn, before the conversation, so that a server computes them once for all its turns. Data
recipes write their rows with it and the service fills it; both take the template from ``domains/prompts/``, and its
name and SHA-256 are in the manifest and in the artefact. A published template is never edited: a change is a new file.

An entry is a quotation. Whatever in it could end the quotation or pass for another entry is replaced, and the
instruction says that demands in it are not met.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from common.errors import UserError
from common.hashing import sha256_text
from domains.knowledge_base import Entry, joined

PROMPTS = Path(__file__).parent / "prompts"
TEMPLATE = "entries_1"
"""What new datasets are written with."""

_SPACE = re.compile(r"\s+")
_GIVEN = re.compile(r"^【([A-Za-z]+\d+)】「(.*)」$", re.MULTILINE)
_QUOTED = str.maketrans({"「": "『", "」": "』", "【": "〔", "】": "〕"})


@dataclass(frozen=True)
class GivenEntry:
    """An entry as far as it is given to a model.

    Attributes:
        entry: The entry.
        statements: Items by attribute, the most important attribute first.
        called: What the question calls it, where that is none of its names; empty otherwise.
        cut: Whether items were dropped because the prompt has no room for them.
    """

    entry: Entry
    statements: Mapping[str, tuple[str, ...]]
    called: str = ""
    cut: bool = False

    @classmethod
    def of(cls, entry: Entry, attributes: Sequence[str], called: str = "") -> "GivenEntry":
        """These attributes of an entry, in this order."""
        known = statements_of(entry)
        return cls(entry, {attribute: known[attribute] for attribute in attributes}, called)

    @property
    def size(self) -> int:
        """Number of items."""
        return sum(map(len, self.statements.values()))

    def shortened(self, size: int) -> "GivenEntry":
        """The first ``size`` items, marked as cut where there are more."""
        if size >= self.size:
            return self
        kept: dict[str, tuple[str, ...]] = {}
        for attribute, items in self.statements.items():
            if size > 0:
                kept[attribute] = items[:size]
            size -= len(items)
        return replace(self, statements=kept, cut=True)


@dataclass(frozen=True)
class EntriesBlock:
    """What a model is given before a conversation.

    Attributes:
        given: The entries, in the order of the prompt.
        text: The block as the template writes it.
        cut: Whether entries, or items of them, were dropped because the budget has no room for them.
    """

    given: tuple[GivenEntry, ...]
    text: str
    cut: bool = False


def statements_of(entry: Entry) -> dict[str, tuple[str, ...]]:
    """What an entry says, by attribute: the definition first, then every attribute that has items."""
    label, items = entry.opening
    return {label: items, **{name: items for name, items in entry.attributes.items() if items}}


def write_block(given: Sequence[GivenEntry], template: str = TEMPLATE) -> EntriesBlock:
    """Writes entries as a template has it.

    Args:
        given: The entries, the best first; none where nothing was found.
        template: Name of the template.

    Raises:
        UserError: There is no such template.
    """
    text = _template(template).render(entries=[_fields(one) for one in given])
    return EntriesBlock(tuple(given), text, any(one.cut for one in given))


def given_texts(block: str) -> dict[str, str]:
    """What a written block says of each entry, by id and without the quotation marks."""
    return dict(_GIVEN.findall(block))


async def fitting_block(
    given: Sequence[GivenEntry],
    template: str,
    budget: int,
    count: Callable[[str], Awaitable[int]],
) -> EntriesBlock:
    """Writes as much of the entries as a budget allows: cut between two items, from the last entry to the first.

    Args:
        given: The entries, the best first.
        template: Name of the template.
        budget: Most tokens of the block. A block without any item is written even where it has more.
        count: Tokens of a block.

    Raises:
        UserError: There is no such template.
    """
    whole = write_block(given, template)
    if await count(whole.text) <= budget:
        return whole
    fits, too_long = 0, sum(one.size for one in given)  # items
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if await count(write_block(_first_items(given, middle), template).text) <= budget:
            fits = middle
        else:
            too_long = middle
    return replace(write_block(_first_items(given, fits), template), cut=True)


@cache
def template_sha256(template: str) -> str:
    """Identity of a template: the SHA-256 of its text.

    Raises:
        UserError: There is no such template.
    """
    path = PROMPTS / f"{template}.jinja"
    if not path.is_file():
        known = ", ".join(sorted(path.stem for path in PROMPTS.glob("*.jinja")))
        raise UserError(f"no template of entries {template!r}", where=str(PROMPTS), fix=f"available: {known}")
    return sha256_text(path.read_text(encoding="utf-8"))


@cache
def _template(name: str) -> Template:
    template_sha256(name)  # refuses an unknown one
    environment = Environment(loader=FileSystemLoader(PROMPTS), undefined=StrictUndefined, autoescape=False)
    return environment.get_template(f"{name}.jinja")


def _fields(given: GivenEntry) -> dict[str, Any]:
    """What a template sees of an entry."""
    names = dict.fromkeys((*given.entry.aliases, given.called))
    return {
        "id": given.entry.id,
        "name": quoted(given.entry.name),
        "aliases": quoted("、".join(filter(None, names))),
        "statements": [(quoted(name), quoted(joined(items))) for name, items in given.statements.items()],
        "cut": given.cut,
    }


def quoted(text: str) -> str:
    """A text on one line that neither ends the quotation nor opens an entry."""
    return _SPACE.sub(" ", text).translate(_QUOTED)


def _first_items(given: Sequence[GivenEntry], size: int) -> list[GivenEntry]:
    """The entries of the first ``size`` items; those of which nothing is left are dropped."""
    kept = []
    for one in given:
        if size <= 0:
            break
        kept.append(one.shortened(size))
        size -= one.size
    return kept
