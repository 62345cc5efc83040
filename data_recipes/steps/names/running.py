"""Names in running text: the candidates that score above a threshold, and of overlapping ones the best."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from data_recipes.steps.names.features import Joined
from data_recipes.steps.names.forms import NAMES
from data_recipes.steps.names.scores import BESIDE, BETWEEN, THRESHOLD, Weights, weights
from data_recipes.steps.personal_kind import PersonalValue, Span

_MOST_ROUNDS = 4  # a name may be beside one that was found in the round before
_BETWEEN = re.compile(f"[{BETWEEN}]")


@dataclass
class _Text:
    """A text whose names are looked for.

    Attributes:
        text: It.
        others: What was found in it before; what overlaps with it is no name.
        scores: Its candidates.
        names: What was found.
    """

    text: str
    others: Sequence[PersonalValue]
    scores: dict[Span, float] = field(default_factory=dict)
    names: list[Span] = field(default_factory=list)

    def choose(self, by: Weights) -> None:
        """Takes the best candidates that do not overlap."""
        for _ in range(_MOST_ROUNDS):
            known = [*self.names, *(value[:2] for value in self.others if value.kind.name == "name")]
            before, self.names = self.names, []
            scores = {span: self._score(span, known, by) for span in self.scores}
            for span in sorted(scores, key=lambda span: (-scores[span], span)):
                if scores[span] > THRESHOLD and not any(overlap(span, name) for name in self.names):
                    self.names.append(span)
            if self.names == before:
                return

    def _score(self, span: Span, known: Iterable[Span], by: Weights) -> float:
        return self.scores[span] + (by.of[BESIDE] if is_beside(self.text, span, known) else 0.0)

    def values(self) -> list[PersonalValue]:
        """The names, everywhere in the text."""
        alike = {self.text[begin:end] for begin, end in self.names}
        again = (match.span() for name in alike for match in re.finditer(re.escape(name), self.text))
        taken = [*self.names, *(value[:2] for value in self.others)]
        free = (span for span in again if not any(overlap(span, other) for other in taken))
        return [PersonalValue(*span, NAMES[0]) for span in sorted([*self.names, *free])]


def is_beside(text: str, span: Span, names: Iterable[Span]) -> bool:
    """Whether a place is right before or after one of some names, as in a list."""
    pairs = (sorted((span, name)) for name in names)
    return any(first[1] <= then[0] and _BETWEEN.fullmatch(text, first[1], then[0]) for first, then in pairs)


def overlap(one: Span, other: Span) -> bool:
    """Whether two places have a character in common."""
    return one[0] < other[1] and other[0] < one[1]


def running_names(
    texts: Sequence[str], found: Sequence[Sequence[PersonalValue]], by: Weights | None = None
) -> dict[int, list[PersonalValue]]:
    """The names in running text, by the number of the text.

    Args:
        texts: What is searched.
        found: What was found already in each text; what overlaps with it is none.
        by: How much each feature counts; what was trained, by default.
    """
    by = by or weights()
    names: dict[int, list[PersonalValue]] = {}
    for number, text in _scored(texts, found, by).items():
        text.choose(by)
        if text.names:
            names[number] = text.values()
    return names


def _scored(texts: Sequence[str], found: Sequence[Sequence[PersonalValue]], by: Weights) -> dict[int, _Text]:
    """The texts that may have names, with their candidates."""
    joined = Joined.of(texts)
    likely, scores = by.scored(joined)
    numbers = joined.text_of(likely.start)
    begins, ends = likely.start - joined.starts[numbers], likely.end - joined.starts[numbers]
    searched: dict[int, _Text] = {}
    columns = (column.tolist() for column in (numbers, begins, ends, scores))
    for number, begin, end, score in zip(*columns, strict=True):
        text = searched.setdefault(number, _Text(texts[number], found[number]))
        if not any(overlap((begin, end), value[:2]) for value in text.others):
            text.scores[begin, end] = score
    return searched
