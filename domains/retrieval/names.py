"""Names in a question: of entries, of the lexicon, and words that mean several entries. The longest counts."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from domains.knowledge_base import KnowledgeBase
from domains.retrieval.lexicon import Spoken
from domains.retrieval.normalise import normalised

NameKind = Literal["name", "alias", "broader", "elsewhere"] | Spoken


@dataclass(frozen=True)
class Meaning:
    """What a word may mean.

    Attributes:
        id: Of the entry; empty where it has none.
        kind: What kind of name the word is for it.
    """

    id: str
    kind: NameKind


@dataclass(frozen=True)
class Mention:
    """A word of a question that stands for entries.

    Attributes:
        word: The word, normalised.
        start: Where it begins in the normalised question.
        meanings: What it may mean, the most usual first.
        misspelt: Whether the word is only like a name.
        partial: Whether it may be only a part of a longer name, one that is not there.
    """

    word: str
    start: int
    meanings: tuple[Meaning, ...]
    misspelt: bool = False
    partial: bool = False

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is the name of something without an entry."""
        return self.meanings[0].kind == "elsewhere"

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.start + len(self.word)


_CUT_BEFORE = re.compile("[a-z0-9]{2}")
_CUT_AFTER = re.compile("[a-z]{2}|[0-9]{2}")
_IN_A_PHRASE = re.compile("[a-z] #|# [a-z]")  # a short word in an English sentence is no abbreviation


def names_of(knowledge: KnowledgeBase) -> dict[str, tuple[Meaning, ...]]:
    """Every word that stands for entries, normalised, with what it means."""
    found: dict[str, dict[str, Meaning]] = {}
    for word, meaning in _all_names(knowledge):
        found.setdefault(normalised(word), {}).setdefault(meaning.id, meaning)
    for word in knowledge.lexicon.elsewhere:
        found.setdefault(normalised(word), {"": Meaning("", "elsewhere")})
    return {word: tuple(meanings.values()) for word, meanings in found.items()}


def _all_names(knowledge: KnowledgeBase) -> Iterator[tuple[str, Meaning]]:
    for entry in knowledge.entries:
        yield entry.name, Meaning(entry.id, "name")
    for entry in knowledge.entries:
        for alias in entry.names[1:]:
            yield alias, Meaning(entry.id, "alias")
    for line in knowledge.lexicon.names:
        for name, kind in line.names():
            yield name, Meaning(line.id, kind)
    for broader in knowledge.lexicon.broader:
        for word in (broader.word, *broader.also):
            for id in broader.entries:
                yield word, Meaning(id, "broader")


class Names:
    """Finds names in a question.

    Args:
        meanings: By word, as ``names_of`` returns it.
    """

    def __init__(self, meanings: Mapping[str, tuple[Meaning, ...]]) -> None:
        self._meanings = meanings
        self._longest = max(map(len, meanings), default=0)

    def candidates(self, text: str) -> Iterator[Mention]:
        """All names in a normalised question, also those that overlap."""
        for start in range(len(text)):
            for end in range(start + 1, min(len(text), start + self._longest) + 1):
                word = text[start:end]
                if word in self._meanings and is_whole(text, start, end):
                    yield Mention(word, start, self._meanings[word])


def is_whole(text: str, start: int, end: int) -> bool:
    """Whether no Latin word or number is cut: ``ms`` is in ``得了ms`` and not in ``cams``; ``hpv`` is in ``hpv16``."""
    if _CUT_BEFORE.match(text[start - 1 : start + 1]) or _CUT_AFTER.match(text[end - 1 : end + 1]):
        return False
    return end - start > 2 or not _IN_A_PHRASE.search(f"{text[:start][-2:]}#{text[end:][:2]}")


def longest(candidates: Iterable[Mention]) -> list[Mention]:
    """Of names that overlap the longest; of equally long ones the one that is whole, then the one spelt right."""
    kept: list[Mention] = []
    for mention in sorted(candidates, key=lambda one: (-len(one.word), one.partial, one.misspelt, one.start)):
        if all(mention.end <= other.start or other.end <= mention.start for other in kept):
            kept.append(mention)
    return sorted(kept, key=lambda mention: mention.start)
