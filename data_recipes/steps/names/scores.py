"""How much each feature counts: the weights of a logistic regression, trained by ``benchmarks/train_names.py``."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from common.files import write_text
from data_recipes.steps.names import features, lists
from data_recipes.steps.names.features import Candidates, Column, Joined

FILE = Path(__file__).with_name("weights.json")
THRESHOLD = -1.25
"""The log-odds above which a candidate is a name."""

STEP = 256
BESIDE = "beside a name"
"""What is known only when other names are: in a list of names there is another one."""

BETWEEN = "、，,和与及跟/ \u3000"
"""The characters between the names of a list."""


@dataclass(frozen=True)
class Weights:
    """Log-odds for what ``features.described`` says and what is known later.

    Attributes:
        bias: Those of a candidate about which nothing is known.
        of: Those of each feature, by name.
    """

    bias: float
    of: Mapping[str, float]

    def save(self, path: Path) -> None:
        """Writes them, the largest first."""
        ordered = dict(sorted(self.of.items(), key=lambda one: (-one[1], one[0])))
        write_text(path, json.dumps({"bias": self.bias, "weights": ordered}, ensure_ascii=False, indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> "Weights":
        """The weights of a file that ``save`` wrote."""
        read = json.loads(path.read_text("utf-8"))
        return cls(read["bias"], read["weights"])

    def score(self, columns: Mapping[str, Column]) -> Column:
        """The log-odds of candidates, from what is known of them."""
        return sum((self.of[name] * column for name, column in columns.items()), np.array(self.bias))

    def scored(self, joined: Joined) -> tuple[Candidates, Column]:
        """The candidates that may be names, and their scores without what is known later.

        What is quick to tell comes first, and who cannot reach the threshold any more leaves at once.
        """
        every, (before, after), codes = features.candidates(joined), self._most, joined.codes
        cut = self.of[features.CUTS] * features.cut_before(joined, every.start)
        sides = before[codes[every.start - 1]] + after[codes[every.end]]
        score = self.score(features.own(joined, every))
        every, score = _kept(score + cut + sides + self._later(joined, every) + self._most_of_words, every, score)
        score += self.score(features.around(joined, every)) - self.bias
        every, score = _kept(score + self._later(joined, every) + self._most_of_words, every, score)
        score += self.score(features.in_words(joined, every)) - self.bias
        return _kept(score + self._later(joined, every), every, score)

    def _later(self, joined: Joined, of: Candidates) -> Column:
        """What it may count that a candidate is beside a name."""
        between = features.mask(BETWEEN)
        listed = between[joined.codes[of.start - 1]] | between[joined.codes[of.end]]
        return np.where(listed, self.of[BESIDE], 0.0)

    @cached_property
    def _most_of_words(self) -> float:
        """The most that the words of the dictionary around a candidate may count."""
        speech = features.SPEECH.values()
        kinds = [max(0.0, *(self.of[f"{side} a {name}"] for name in speech)) for side in ("after", "before")]
        return sum(kinds) + features.MOST * (self.of["a word ends before"] + self.of["a word begins after"])

    @cached_property
    def _most(self) -> tuple[Column, Column]:
        """The most that what is before and after a candidate may count, by the code of the character there."""
        before, after = np.zeros(0x10000), np.zeros(0x10000)
        for name, words in lists.BEFORE.items():
            ends = features.mask(word[-1] for word in words)
            before[ends] = np.maximum(before[ends], self.of[f"after {name}"])
        for name, words in lists.AFTER.items():
            begins = features.mask(word[0] for word in words)
            after[begins] = np.maximum(after[begins], self.of[f"before {name}"])
        signs = ~features.letters()
        before[signs] += max(
            0.0, *(self.of[f"after {name}, {sign}"] for name in lists.BEFORE for sign in ("colon", "sign"))
        )
        after[signs] += max(0.0, *(self.of[f"before sign, {name}"] for name in lists.AFTER))
        for name, characters in features.SIGNS.items():
            before[features.mask(characters)] += self.of[f"after sign {name}"]
            after[features.mask(characters)] += self.of[f"before sign {name}"]
        for name, of_signs in features.TOGETHER.items():
            before[features.mask(of_signs) if of_signs else signs] += max(0.0, self.of[name])
        return before, after


def _kept(most: Column, every: Candidates, score: Column) -> tuple[Candidates, Column]:
    """Those that may reach the threshold."""
    kept = most > THRESHOLD
    return every.at(kept), score[kept]


@cache
def weights() -> Weights:
    """The trained ones."""
    return Weights.load(FILE)
