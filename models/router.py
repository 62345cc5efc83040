"""Which of several experts a question is for: naive Bayes over pairs and triples of characters.

It is trained on the experts' own training questions in a second, and asked before the model is.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

from common.errors import UserError

FILE_NAME = "router.safetensors"
SIZES = (2, 3)
"""Characters of what is counted."""
PLACES = 1 << 16
"""What is counted is found by a hash; this many have a place of their own."""
UNSEEN = 1e-3
"""The share of questions that count as having what none of an expert has: less makes a rare word decide more."""


@dataclass(frozen=True)
class Router:
    """Chooses an expert for a question.

    Attributes:
        names: The experts; a question of which nothing is known goes to the first.
        weights: Log-probability of each part of a question, ``[experts, PLACES]``.
    """

    names: tuple[str, ...]
    weights: NDArray[np.float32]

    @classmethod
    def trained(cls, questions: Mapping[str, Sequence[str]]) -> "Router":
        """Learns from the questions of each expert. Experts with more of them are not preferred.

        Args:
            questions: By the name of the expert.
        """
        shares = np.full((len(questions), PLACES), UNSEEN)
        for row, texts in zip(shares, questions.values(), strict=True):
            for text in texts:
                row[_places(text)] += 1 / len(texts)
        weights = np.log(shares)
        weights -= weights.max(0)  # what all have, or none, weighs nothing
        return cls(tuple(questions), weights.astype(np.float32))

    def choose(self, question: str) -> str:
        """The expert for a question."""
        return self.names[int(self.weights[:, _places(question)].sum(1).argmax())]

    def save(self, directory: Path, experts: str = "") -> None:
        """Writes ``router.safetensors``.

        Args:
            directory: Where to.
            experts: A hash of what it chooses among: the hash of this file then stands for all of it.
        """
        metadata = {"names": "\n".join(self.names), "experts": experts}
        save_file({"weights": self.weights}, directory / FILE_NAME, metadata=metadata)

    @classmethod
    def load(cls, directory: Path) -> "Router":
        """Reads it back.

        Raises:
            UserError: It is not there.
        """
        file = directory / FILE_NAME
        if not file.is_file():
            raise UserError("missing", where=str(file), fix="make it again: python training/expert_router.py")
        with safe_open(file, framework="np") as opened:
            return cls(tuple(opened.metadata()["names"].split("\n")), opened.get_tensor("weights"))


def _places(text: str) -> list[int]:
    """Places of the parts of a text, each once."""
    text = f" {text.casefold().strip()} "
    parts = {text[start : start + size] for size in SIZES for start in range(len(text) - size + 1)}
    return sorted({zlib.crc32(part.encode()) % PLACES for part in parts})
