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
THRESHOLD = 0.0
"""The log-odds above which a candidate is a name."""

STEP = 256
BESIDE, TAGGED, CUT_BY_TAGGER = "beside a name", "tagged as a name", "cut by the tagger"
"""What is known only later: of a list of names the next one, and what the tagger says."""


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
        return sum((self.of[name] * column for name, column in columns.items()), self.bias)

    def likely(self, joined: Joined, every: Candidates) -> Candidates:
        """The candidates that may be names, as far as their characters and those beside them tell; quick."""
        codes, (before, after) = joined.codes, self._most
        most = self.score(features.own(joined, every)) + before[codes[every.start - 1]] + after[codes[every.end]]
        most += self.of[features.CUTS] * features.cut_before(joined, every.start)
        return every.at(most + self.of[TAGGED] + self.of[BESIDE] > THRESHOLD)

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
        before[signs] += max(0.0, *(self.of[f"after {name}, {sign}"] for name in lists.BEFORE for sign in ("colon", "sign")))
        after[signs] += max(0.0, *(self.of[f"before sign, {name}"] for name in lists.AFTER))
        for name, characters in features.SIGNS.items():
            before[features.mask(characters)] += self.of[f"after sign {name}"]
            after[features.mask(characters)] += self.of[f"before sign {name}"]
        before[signs] += sum(max(0.0, self.of[name]) for name in features.TOGETHER)
        before += features.MOST * self.of["a word ends before"]
        after += features.MOST * self.of["a word begins after"]
        before += max(0.0, *(self.of[f"after a {name}"] for name in features.SPEECH.values()))
        after += max(0.0, *(self.of[f"before a {name}"] for name in features.SPEECH.values()))
        return before, after


@cache
def weights() -> Weights:
    """The trained ones."""
    return Weights.load(FILE)
