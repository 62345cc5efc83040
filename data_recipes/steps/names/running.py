"""Names in running text: candidates that score above a threshold, and what LAC's tagger says of doubtful ones."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from data_recipes.steps.names import features, lists
from data_recipes.steps.names.features import Joined
from data_recipes.steps.names.forms import NAMES
from data_recipes.steps.names.scores import BESIDE, CUT_BY_TAGGER, TAGGED, THRESHOLD, Weights, weights
from data_recipes.steps.personal_kind import PersonalValue, Span
from data_recipes.steps.tagger import people

_ROUNDS = 3  # a name may be beside one that was found in the round before
_WINDOW = 8  # characters of a clause that the tagger reads on each side
_NO_LETTERS = re.compile(r"[^\w·]")
_SIMPLIFIED = str.maketrans(dict(lists.TRADITIONAL))
_BETWEEN = re.compile("[、，,和与及跟/ \u3000]?")  # names of a list


@dataclass
class _Text:
    """A text whose names are looked for.

    Attributes:
        text: It.
        others: What was found in it before; what overlaps with it is no name.
        scores: Its candidates.
        tagged: What the tagger added to the scores of those that it was asked about.
        names: What was found.
    """

    text: str
    others: Sequence[PersonalValue]
    scores: dict[Span, float] = field(default_factory=dict)
    tagged: dict[Span, float] = field(default_factory=dict)
    names: list[Span] = field(default_factory=list)

    def doubtful(self, by: Weights) -> list[Span]:
        """The candidates about which the tagger's word would decide."""
        gain, loss = by.of[TAGGED], by.of[CUT_BY_TAGGER]
        scores = {span: self._score(span, by) for span in self.scores if span not in self.tagged}
        return [span for span, score in scores.items() if score + loss <= THRESHOLD < score + gain]

    def choose(self, by: Weights) -> None:
        """Takes the best candidates that do not overlap."""
        scores = {span: self._score(span, by) for span in self.scores}
        self.names = []
        for span in sorted(scores, key=lambda span: (-scores[span], span)):
            if scores[span] > THRESHOLD and not any(overlap(span, name) for name in self.names):
                self.names.append(span)

    def _score(self, span: Span, by: Weights) -> float:
        known = [*self.names, *(value[:2] for value in self.others if value.kind.name == "name")]
        beside = by.of[BESIDE] if is_beside(self.text, span, known) else 0.0
        return self.scores[span] + self.tagged.get(span, 0.0) + beside

    def values(self) -> list[PersonalValue]:
        """The names, and where else they are."""
        again = (match.span() for name in self.names for match in re.finditer(re.escape(self.text[slice(*name)]), self.text))
        taken = [value[:2] for value in self.others]
        return [PersonalValue(*span, NAMES[0]) for span in sorted({*self.names, *again}) if not any(overlap(span, other) for other in taken)]


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
    searched = _scored(texts, found, by)
    for _ in range(_ROUNDS):
        _ask({number: text.doubtful(by) for number, text in searched.items()}, searched, by)
        before = {number: text.names for number, text in searched.items()}
        for text in searched.values():
            text.choose(by)
        if all(text.names == before[number] for number, text in searched.items()):
            break
    values = {number: text.values() for number, text in searched.items()}
    return {number: of_text for number, of_text in values.items() if of_text}


def _scored(texts: Sequence[str], found: Sequence[Sequence[PersonalValue]], by: Weights) -> dict[int, _Text]:
    """The texts that may have names, with their candidates."""
    joined = Joined.of(texts)
    likely = by.likely(joined, features.candidates(joined))
    scores = by.score(features.described(joined, likely))
    hopeful = scores + by.of[TAGGED] + by.of[BESIDE] > THRESHOLD
    likely, scores = likely.at(hopeful), scores[hopeful]
    numbers = joined.text_of(likely.start)
    begins, ends = likely.start - joined.starts[numbers], likely.end - joined.starts[numbers]
    searched: dict[int, _Text] = {}
    for number, *span, score in zip(numbers.tolist(), begins.tolist(), ends.tolist(), scores.tolist(), strict=True):
        text = searched.setdefault(number, _Text(texts[number], found[number]))
        if not any(overlap((span[0], span[1]), value[:2]) for value in text.others):
            text.scores[span[0], span[1]] = score
    return searched


def _ask(doubtful: Mapping[int, Sequence[Span]], searched: Mapping[int, _Text], by: Weights) -> None:
    """Adds what the tagger says of doubtful candidates, of all texts at once."""
    places = [(searched[number], span) for number, spans in doubtful.items() for span in spans]
    answers = asked([(text.text, span) for text, span in places])
    for (text, span), answer in zip(places, answers, strict=True):
        text.tagged[span] = by.of[answer] if answer else 0.0


def asked(places: Sequence[tuple[str, Span]]) -> list[str | None]:
    """What the tagger says of each place of a text: that it is a name, or that a name overlaps with it, or nothing."""
    read = [_clause(text, span[0]) for text, span in places]
    clauses = sorted({clause for clause, _ in read})
    named = dict(zip(clauses, people(clauses), strict=True))
    answers = list[str | None]()
    for (_, span), (clause, start) in zip(places, read, strict=True):
        own = (span[0] - start, span[1] - start)
        cut = CUT_BY_TAGGER if any(overlap(own, name) for name in named[clause]) else None
        answers.append(TAGGED if own in named[clause] else cut)
    return answers


def _clause(text: str, at: int) -> tuple[str, int]:
    """What the tagger reads around a place: letters, not far from it; and where it begins."""
    start = max([0, at - _WINDOW, *(sign.end() for sign in _NO_LETTERS.finditer(text, max(0, at - _WINDOW), at))])
    sign = _NO_LETTERS.search(text, at, at + _WINDOW)
    return text[start : sign.start() if sign else at + _WINDOW].translate(_SIMPLIFIED), start
