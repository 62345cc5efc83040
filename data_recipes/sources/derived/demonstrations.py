"""Demonstrations for in-context learning: chosen from training rows, similar ones by BM25.

They are in the system turn, so that what is asked stays the item's own question and can still be compared with the
training data.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from data_recipes.leakage.normalise import question, runs
from data_recipes.schema.demonstration import Choice
from data_recipes.schema.example import HEAD_OF_DEMONSTRATIONS, Example, Message
from data_recipes.sources.derived.points import point

NGRAM = 2  # characters; most Chinese words have two
K1, B = 1.2, 0.75  # as in Robertson and Zaragoza 2009
SAME_FROM = 0.7  # share of common runs from which on two questions are near-duplicates


class Demonstrations:
    """Chooses demonstrations among training rows.

    Args:
        pool: The training rows.
        number: How many are in a prompt.
        choice: ``fixed``: the same ones for every item of a kind; ``random``: drawn for each item; ``similar``: the
            nearest by BM25.
        same_kind: Whether they must be of the item's kind, where there are enough.
        longest: Characters of a demonstration; longer rows are not used.
        seed: Of the choice.
    """

    def __init__(
        self, pool: Sequence[Example], number: int, choice: Choice, *, same_kind: bool, longest: int, seed: int
    ) -> None:
        self._rows = [row for row in pool if sum(len(m.content) for m in row.messages) <= longest]
        self._number, self._choice, self._same_kind, self._seed = number, choice, same_kind, seed
        self._order = sorted(range(len(self._rows)), key=lambda i: point(seed, self._rows[i].id))
        self._grams = [runs(question(row), NGRAM) for row in self._rows]
        self._nearest = Nearest([question(row) for row in self._rows]) if choice == "similar" else None

    def of(self, item: Example) -> list[Example]:
        """The demonstrations for an item, the nearest one last; never the item, its group or a near-duplicate."""
        ranked = self._ranked(item)
        if self._same_kind:
            ranked.sort(key=lambda i: self._rows[i].kind != item.kind)
        found: list[int] = []
        for i in ranked:
            if not self._is_item(i, item) and not any(_same(self._grams[i], self._grams[j]) for j in found):
                found.append(i)
            if len(found) == self._number:
                break
        return [self._rows[i] for i in reversed(found)]

    def _ranked(self, item: Example) -> list[int]:
        if self._nearest:
            return self._nearest.ranked(question(item))
        if self._choice == "fixed":
            return list(self._order)
        return sorted(self._order, key=lambda i: point(self._seed, item.id, self._rows[i].id))

    def _is_item(self, i: int, item: Example) -> bool:
        row = self._rows[i]
        return row.id == item.id or row.group == item.group or _same(self._grams[i], runs(question(item), NGRAM))


def _same(left: set[str], right: set[str]) -> bool:
    return bool(left or right) and len(left & right) >= SAME_FROM * len(left | right)


class Nearest:
    """BM25 over runs of two characters.

    Args:
        texts: Normalised texts.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [Counter(text[i : i + NGRAM] for i in range(len(text) - NGRAM + 1)) for text in texts]
        lengths = np.array([max(1, count.total()) for count in counts], np.float64)
        norm = K1 * (1 - B + B * lengths / lengths.mean()) if len(texts) else lengths
        places: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for i, count in enumerate(counts):
            for gram, times in count.items():
                places[gram].append((i, times))
        self._size = len(texts)
        self._weights: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for gram, listed in places.items():
            rows, times = np.array(listed, np.int64).T
            rarity = math.log(1 + (len(texts) - len(rows) + 0.5) / (len(rows) + 0.5))
            self._weights[gram] = rows, rarity * times * (K1 + 1) / (times + norm[rows])

    def ranked(self, text: str) -> list[int]:
        """All texts, the nearest first; equal ones in their order."""
        scores = np.zeros(self._size)
        for gram in sorted(runs(text, NGRAM)):
            if gram in self._weights:
                rows, weights = self._weights[gram]
                scores[rows] += weights
        return np.argsort(-scores, kind="stable").tolist()


def shown(demonstrations: Sequence[Example]) -> str:
    """Demonstrations as the text of a system turn."""
    texts = [f"问：{_asked(row)}\n答：{row.answer}" for row in demonstrations]
    return "\n\n".join([HEAD_OF_DEMONSTRATIONS, *texts])


def _asked(row: Example) -> str:
    return "\n".join(message.content for message in row.prompt if message.role == "user")


def prefixed(item: Example, text: str) -> Example:
    """The item with a text before its conversation, after its own system turn where it has one."""
    messages = item.messages
    own = f"{messages[0].content}\n\n" if messages[0].role == "system" else ""
    rest = messages[1:] if own else messages
    return item.model_copy(update={"messages": (Message(role="system", content=own + text), *rest)})
