"""A linear classifier of short texts: logistic regression over hashed runs of characters.

    model = train(texts, labels)            # needs scipy (extra: dev); once, by a command
    model.save(path)                        # 128 KB
    NgramClassifier.load(path).probability("直接停药就行")   # numpy only

A text is the set of its runs of one to four characters, each hashed to one of 2^16 weights (the hashing trick,
arXiv:0902.2206), so there is no vocabulary to keep, and judging takes linear time. ``out_of_fold`` says how good it is
on kinds of texts that it was not trained on.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common.files import replacing_file

BITS = 16  # of a bucket's number
LONGEST = 4  # characters of a run
_MULTIPLIER, _MIX = np.uint32(0x01000193), np.uint32(0x9E3779B1)  # FNV's prime; the golden ratio
_SPACE, _NUMBER = re.compile(r"\s+"), re.compile(r"\d+(?:\.\d+)?")
_EDGE = "\n"

Buckets = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class NgramClassifier:
    """Weights that tell two classes of texts apart.

    Attributes:
        weights: One per bucket, ``(2**BITS,)``.
        bias: What a text without any known run scores, in log-odds.
    """

    weights: NDArray[np.float16]
    bias: float

    def probability(self, text: str) -> float:
        """How likely the text is of the class that was labelled true."""
        runs = buckets(text)
        odds = self.bias + self.weights[runs].sum(dtype=np.float64) / len(runs) ** 0.5
        return float(_sigmoid(odds))

    def save(self, path: Path) -> None:
        """Writes the weights in the format of safetensors; the same weights give the same bytes."""
        from safetensors.numpy import save_file

        with replacing_file(path) as partial:
            save_file({"bias": np.array([self.bias]), "weights": self.weights}, partial)

    @classmethod
    def load(cls, path: Path) -> "NgramClassifier":
        """The weights of a file that ``save`` wrote."""
        from safetensors.numpy import load_file

        tensors = load_file(path)
        return cls(tensors["weights"], float(tensors["bias"][0]))


def buckets(text: str) -> Buckets:
    """The buckets of a text's runs, each once, in ascending order.

    Width, case, spaces and the values of numbers make no difference; where a text begins and ends does.
    """
    plain = _NUMBER.sub("0", _SPACE.sub("", unicodedata.normalize("NFKC", text).lower()))
    codes = np.frombuffer(f"{_EDGE}{plain}{_EDGE}".encode("utf-32-le", "replace"), np.uint32)
    hashes, found = codes, []
    for longer in range(LONGEST):
        found.append((hashes ^ (hashes >> np.uint32(15))) * _MIX >> np.uint32(32 - BITS))
        hashes = hashes[:-1] * _MULTIPLIER ^ codes[longer + 1 :]
    return np.unique(np.concatenate(found)).astype(np.int64)


def train(texts: Sequence[str], labels: Sequence[bool], *, penalty: float = 0.3) -> NgramClassifier:
    """Fits the weights by L-BFGS.

    Args:
        texts: The texts.
        labels: The class of each.
        penalty: Strength of the ridge penalty; the larger, the less single runs count.
    """
    from scipy.optimize import minimize  # only who trains needs it

    runs = [buckets(text) for text in texts]
    at, owner = np.concatenate(runs), np.repeat(np.arange(len(runs)), [len(run) for run in runs])
    value = np.concatenate([np.full(len(run), len(run) ** -0.5) for run in runs])
    truth = np.asarray(labels, np.float64)

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights, bias = parameters[:-1], parameters[-1]
        odds = np.bincount(owner, value * weights[at], len(runs)) + bias
        error = _sigmoid(odds) - truth
        slope = np.bincount(at, value * error[owner], len(weights)) + penalty * weights
        cost = np.logaddexp(0, odds).sum() - truth @ odds + penalty / 2 * weights @ weights
        return float(cost), np.append(slope, error.sum())

    fitted = minimize(loss, np.zeros(2**BITS + 1), jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    return NgramClassifier(fitted[:-1].astype(np.float16), float(fitted[-1]))


def out_of_fold(
    texts: Sequence[str], labels: Sequence[bool], kinds: Sequence[str], *, folds: int = 5, penalty: float = 0.3
) -> NDArray[np.float64]:
    """The probability of each text by a model that saw none of its kind.

    Args:
        texts: The texts.
        labels: The class of each.
        kinds: What each is about; a kind is never divided.
        folds: How many models are trained.
        penalty: As for ``train``.
    """
    names = {name: number % folds for number, name in enumerate(sorted(set(kinds)))}
    fold = np.array([names[kind] for kind in kinds])
    probability = np.zeros(len(texts))
    for number in range(folds):
        seen = np.flatnonzero(fold != number)
        model = train([texts[at] for at in seen], [labels[at] for at in seen], penalty=penalty)
        for at in np.flatnonzero(fold == number):
            probability[at] = model.probability(texts[at])
    return probability


def _sigmoid(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return 0.5 * (1 + np.tanh(odds / 2))
