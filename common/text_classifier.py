"""Linear classifiers of short texts: logistic regression over a kept vocabulary of runs of characters.

    model = train(texts, {"urgent": labels})          # once, by a command
    model.save(path)                                  # some hundred KB
    TextClassifier.load(path).log_odds(text)          # numpy only

A text is the set of its runs of one to three characters. Runs of only one training text are unknown, and a rare run
counts more than a common one (its inverse document frequency is folded into the weights), which generalises better to
what no training text is about than hashing all runs does. Judging takes linear time.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from common.files import replacing_file

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

LONGEST = 3  # characters of a run
FEWEST = 2  # training texts that a run must occur in
PENALTY = 0.8
"""Strength of the ridge penalty; the larger, the less single runs count."""

STEP = 1 / 128
"""Weights are multiples of it, so that the file is a fifth smaller; the log-odds of a text change by thousandths."""

_EDGE = "\n"

Column = NDArray[np.float64]
Labels = Mapping[str, Sequence[bool | None]]
"""The answers to each question, one per text; a text whose answer is None is not used for that question."""


@dataclass(frozen=True, eq=False)
class TextClassifier:
    """Weights of several yes-or-no questions about a text.

    Attributes:
        outputs: The questions, by name.
        runs: The known runs, and the row of each in ``weights``.
        weights: ``(runs, outputs)``.
        bias: What a text without any known run scores, ``(outputs,)``.
    """

    outputs: tuple[str, ...]
    runs: Mapping[str, int]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def log_odds(self, text: str) -> dict[str, float]:
        """How likely the answer to each question is yes: the logarithm of the odds."""
        found = runs_of(text)
        known = [row for run in found if (row := self.runs.get(run)) is not None]
        odds = self.bias + self.weights[known].sum(axis=0) / len(found) ** 0.5
        return dict(zip(self.outputs, odds.tolist(), strict=True))

    def save(self, path: Path) -> None:
        """Writes the weights as numpy's compressed arrays; the same weights give the same bytes."""
        text = "\0".join(self.runs).encode()
        with replacing_file(path) as partial, partial.open("wb") as file:
            np.savez_compressed(
                file,
                outputs=np.array(self.outputs),
                runs=np.frombuffer(text, np.uint8),
                weights=np.rint(self.weights / STEP).astype(np.int16),
                bias=self.bias,
            )

    @classmethod
    def load(cls, path: Path) -> "TextClassifier":
        """The weights of a file that ``save`` wrote."""
        with np.load(path) as saved:
            runs = saved["runs"].tobytes().decode().split("\0")
            rows = {run: row for row, run in enumerate(runs)}
            return cls(tuple(saved["outputs"].tolist()), rows, saved["weights"] * np.float32(STEP), saved["bias"])


def runs_of(text: str) -> set[str]:
    """The runs of a text; where it begins and ends counts as a character."""
    text = f"{_EDGE}{text}{_EDGE}"
    return {text[at : at + length] for length in range(1, LONGEST + 1) for at in range(len(text) - length + 1)}


def train(texts: Sequence[str], labels: Labels) -> TextClassifier:
    """Fits the weights by L-BFGS."""
    found = [runs_of(text) for text in texts]
    count = Counter(run for runs in found for run in runs)
    known = {run: row for row, run in enumerate(sorted(run for run in count if count[run] >= FEWEST))}
    rarity = np.log(len(texts) / np.array([count[run] for run in known]))
    counted = _matrix(found, known, rarity)
    fitted = [fit(counted, answers, PENALTY, steps=200) for answers in labels.values()]
    weights = np.stack([rarity * weight for weight, _ in fitted], axis=1)
    kept = (np.rint(weights / STEP) * STEP).astype(np.float32)
    return TextClassifier(tuple(labels), known, kept, np.array([bias for _, bias in fitted], np.float32))


def _matrix(found: Sequence[set[str]], known: Mapping[str, int], rarity: Column) -> "csr_matrix":
    """The runs of each text, ``(texts, runs)``."""
    from scipy.sparse import csr_matrix  # only who trains needs it

    rows = [sorted(known[run] for run in runs if run in known) for runs in found]
    ends = np.cumsum([0, *map(len, rows)])
    columns = np.concatenate([np.array(row, np.int64) for row in rows])
    sizes = np.repeat([len(runs) ** -0.5 for runs in found], [len(row) for row in rows])
    return csr_matrix((sizes * rarity[columns], columns, ends), shape=(len(found), len(known)))


def fit(
    features: "csr_matrix | Column", answers: Sequence[bool | None], penalty: float, steps: int
) -> tuple[Column, float]:
    """Weights and bias of a logistic regression, by L-BFGS.

    Args:
        features: ``(texts, features)``.
        answers: One per text; a text whose answer is None is not used.
        penalty: Strength of the ridge penalty.
        steps: Most iterations.
    """
    from scipy.optimize import minimize

    answered = [at for at, answer in enumerate(answers) if answer is not None]
    seen, truth = features[answered], np.array([float(bool(answers[at])) for at in answered])

    def loss(parameters: Column) -> tuple[float, Column]:
        weights, bias = parameters[:-1], parameters[-1]
        odds = seen @ weights + bias
        error = 0.5 * (1 + np.tanh(odds / 2)) - truth
        cost = np.logaddexp(0, odds).sum() - truth @ odds + penalty / 2 * weights @ weights
        return float(cost), np.append(seen.T @ error + penalty * weights, error.sum())

    start = np.zeros(features.shape[1] + 1)
    fitted = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": steps}).x
    return fitted[:-1], float(fitted[-1])


def out_of_fold(
    texts: Sequence[str], labels: Labels, groups: Sequence[str | None], folds: int = 5
) -> list[TextClassifier]:
    """For each text that has a group, in order, a classifier that saw none of it.

    Args:
        texts: The texts.
        labels: The answers.
        groups: What each text is about; a group is never divided. All classifiers see the texts without one.
        folds: How many classifiers are trained.
    """
    fold = {group: number % folds for number, group in enumerate(sorted({group for group in groups if group}))}
    models = []
    for number in range(folds):
        seen = [at for at, group in enumerate(groups) if group is None or fold[group] != number]
        answers = {name: [answer[at] for at in seen] for name, answer in labels.items()}
        models.append(train([texts[at] for at in seen], answers))
    return [models[fold[group]] for group in groups if group is not None]
