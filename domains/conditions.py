"""Words for what people have, are or take, and which of them mean the same or kinds of it.

Who tells of one condition is meant by what is written of it, of what it is a kind of, and of its kinds.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

from domains.claims.language import one_of
from domains.retrieval.normalise import normalised

Kind = Literal["person", "illness", "complaint", "medicine"]


@dataclass(frozen=True)
class Condition:
    """A line of the lists.

    Attributes:
        words: For the same.
        said: Words that only people say, and that mean something else in an entry.
        kind: The list.
        classes: What the class of a medicine has in it that is of this kind.
        above: The conditions that it is a kind of, the widest first, then itself.
    """

    words: tuple[str, ...]
    said: tuple[str, ...]
    kind: Kind
    classes: tuple[str, ...]
    above: tuple[int, ...]


@dataclass(frozen=True)
class Named:
    """A word of a text that stands for conditions.

    Attributes:
        word: The word, normalised.
        start: Where it begins.
        conditions: Places of what it means in the lists.
    """

    word: str
    start: int
    conditions: tuple[int, ...]

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.start + len(self.word)


class Conditions:
    """The conditions of a domain.

    Args:
        people: States of life and habits: a line for each, kinds of it indented under it. A word with ``~`` before it
            is only looked for in what people say; a line that begins with ``+`` goes on with the one before it.
        illnesses: The same of illnesses.
        complaints: The same of what a medicine is usually taken for.
        medicines: The same of medicines; the first word of a line is found in the class of a medicine of its kind.
    """

    def __init__(self, people: str, illnesses: str, complaints: str, medicines: str) -> None:
        self._all: list[Condition] = []
        lists: tuple[tuple[Kind, str], ...] = (
            ("person", people),
            ("illness", illnesses),
            ("complaint", complaints),
            ("medicine", medicines),
        )
        for kind, text in lists:
            self._all += _read(text, kind, len(self._all))

    @cached_property
    def _of_word(self) -> dict[str, tuple[int, ...]]:
        found: dict[str, tuple[int, ...]] = {}
        for place, condition in enumerate(self._all):
            for word in (*condition.words, *condition.said):
                found[word] = (*found.get(word, ()), place)
        return found

    @cached_property
    def _words(self) -> re.Pattern[str]:
        return re.compile(one_of(self._of_word))

    def named(self, text: str) -> Iterator[Named]:
        """The conditions in a normalised text; of words that overlap the longer one counts."""
        for found in self._words.finditer(text):
            yield Named(found[0], found.start(), self._of_word[found[0]])

    def is_medicine(self, named: Named) -> bool:
        """Whether a word stands for medicines alone."""
        return all(self._all[place].kind == "medicine" for place in named.conditions)

    def are_related(self, some: Collection[int], others: Collection[int]) -> bool:
        """Whether some of these conditions and some others are kinds of the same."""
        return bool({self._all[one].above[0] for one in some} & {self._all[one].above[0] for one in others})

    def may_interact(self, conditions: Collection[int]) -> bool:
        """Whether one of these is a habit, a state or a medicine: illnesses interact with nothing."""
        return any(self._all[place].kind in ("person", "medicine") for place in conditions)

    def is_complaint(self, named: Named) -> bool:
        """Whether a word stands for what a medicine may be taken for."""
        return all(self._all[place].kind == "complaint" for place in named.conditions)

    def of_class(self, text: str) -> tuple[int, ...]:
        """The kinds of medicines to which one of this class belongs."""
        return tuple(
            place for place, one in enumerate(self._all) if one.kind == "medicine" and any(map(text.count, one.classes))
        )

    @lru_cache(maxsize=1000)  # noqa: B019 -- there is one of a domain
    def speaking_of(self, conditions: Collection[int], kinds: bool = True, wider: bool = True) -> re.Pattern[str]:
        """What speaks of one of these conditions: words of it, of what it is a kind of, and of its kinds.

        Args:
            conditions: The conditions.
            kinds: Whether of its kinds: of those of a named medicine's class it is only one.
            wider: Whether of what it is a kind of.
        """
        words = {
            word
            for place, one in enumerate(self._all)
            if any(
                place == told or (wider and place in self._all[told].above) or (kinds and told in one.above)
                for told in conditions
            )
            for word in one.words
        }
        return re.compile(one_of(words) or "(?!)")

    @lru_cache(maxsize=1000)  # noqa: B019
    def called(self, conditions: Collection[int]) -> frozenset[str]:
        """The words of these conditions, and of what they are kinds of."""
        places = {place for told in conditions for place in self._all[told].above}
        return frozenset(word for place in places for word in self._all[place].words)

    @lru_cache(maxsize=1000)  # noqa: B019
    def related_to(self, conditions: Collection[int]) -> re.Pattern[str]:
        """What speaks of something related: another kind of the same."""
        roots = {self._all[told].above[0] for told in conditions if self._all[told].kind != "medicine"}
        words = {word for one in self._all if one.above[0] in roots for word in one.words}
        return re.compile(one_of(words) or "(?!)")


@dataclass(frozen=True)
class TakingLanguage:
    """What a domain says of taking medicines.

    Attributes:
        conditions: What people tell of themselves.
        type: Of the entries that are medicines.
        forbids: The attribute that says who must not take one; always answered.
        warns: The one that says of what to be careful; what it says of monitoring speaks of nobody.
        interacts: The one about what is taken besides.
        serves: The one that says what it is for.
        takes: The one that says how it is taken, and by whom not: 六月龄以下婴儿不用.
        kind: The one that says what kind of medicine it is.
        measured: What figures of a normalised text are called, each with the words that state it: 心跳45, 心动过缓.
    """

    conditions: Conditions
    type: str
    forbids: str
    warns: str
    interacts: str
    serves: str
    takes: str
    kind: str
    measured: Callable[[str], Iterable[tuple[str, str]]] = lambda _: ()


def _read(text: str, kind: Kind, start: int) -> Iterator[Condition]:
    above: list[int] = []
    lines = re.sub(r"\n *\+", "", text).strip("\n").splitlines()
    for place, line in enumerate(lines, start):
        depth = (len(line) - len(line.lstrip())) // 2
        above = [*above[:depth], place]
        first, *others = map(normalised, line.split())
        classes = tuple(first.split("/"))
        words = (*classes, *(word for word in others if word[0] != "~"))
        said = tuple(word[1:] for word in others if word[0] == "~")
        yield Condition(words, said, kind, classes if kind == "medicine" else (), tuple(above))
