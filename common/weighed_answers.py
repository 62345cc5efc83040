"""Answers about a text weighed with each other: what a linear classifier cannot say of one question alone.

    weighing = train(answers, {"urgent": labels})            # once, by a command
    weighing.log_odds(classifier.log_odds(text))             # numpy only

The log-odds of all questions and their products are the features of a second logistic regression: an emergency is told
from a story by how sure it is that somebody is ill, too. Log-odds count no further than they reach in training, since
products of what lies beyond them would say anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from common.files import replacing_file
from common.text_classifier import Column, Labels, fit

PENALTY = 0.1
"""Strength of the ridge penalty on the weights of scaled answers and their products."""

RARELY = 0.005
"""Share of the texts on either side whose answers count as the next ones do."""


@dataclass(frozen=True, eq=False)
class WeighedAnswers:
    """Weights of answers and their products.

    Attributes:
        inputs: The questions whose answers are weighed, by name.
        outputs: The questions that are answered so.
        low: The least log-odds that counts, ``(inputs,)``.
        high: The most, ``(inputs,)``.
        weights: ``(inputs + pairs of inputs, outputs)``.
        bias: ``(outputs,)``.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    low: Column
    high: Column
    weights: Column
    bias: Column

    def log_odds(self, answers: Mapping[str, float]) -> dict[str, float]:
        """How likely the answer to each question is yes, given the log-odds of all."""
        odds = self.columns({name: np.array([answers[name]]) for name in self.inputs})
        return {name: float(column[0]) for name, column in odds.items()}

    def columns(self, answers: Mapping[str, Column]) -> dict[str, Column]:
        """The same for many texts: a column of log-odds for each question."""
        given = np.stack([answers[name] for name in self.inputs], axis=1)
        odds = _features(given, self.low, self.high) @ self.weights + self.bias
        return dict(zip(self.outputs, odds.T, strict=True))

    def less(self, thresholds: Mapping[str, float]) -> "WeighedAnswers":
        """The same with the log-odds less thresholds."""
        return replace(self, bias=self.bias - np.array([thresholds[name] for name in self.outputs]))

    def save(self, path: Path) -> None:
        """Writes the weights as numpy's compressed arrays; the same weights give the same bytes."""
        with replacing_file(path) as partial, partial.open("wb") as file:
            np.savez_compressed(
                file,
                inputs=np.array(self.inputs),
                outputs=np.array(self.outputs),
                low=self.low,
                high=self.high,
                weights=self.weights,
                bias=self.bias,
            )

    @classmethod
    def load(cls, path: Path) -> "WeighedAnswers":
        """The weights of a file that ``save`` wrote."""
        with np.load(path) as saved:
            inputs, outputs = (tuple(saved[key].tolist()) for key in ("inputs", "outputs"))
            return cls(inputs, outputs, saved["low"], saved["high"], saved["weights"], saved["bias"])


def train(answers: Mapping[str, Column], labels: Labels) -> WeighedAnswers:
    """Fits the weights by L-BFGS; a text whose label is None is not used for that question.

    Args:
        answers: The log-odds of each question, of a classifier that has not seen the text.
        labels: The right answers to the questions that are to be answered.
    """
    given = np.stack(list(answers.values()), axis=1)
    low, high = np.quantile(given, (RARELY, 1 - RARELY), axis=0)
    fitted = [fit(_features(given, low, high), right, PENALTY, steps=1000) for right in labels.values()]
    weights, bias = np.stack([weight for weight, _ in fitted], axis=1), np.array([bias for _, bias in fitted])
    return WeighedAnswers(tuple(answers), tuple(labels), low, high, weights, bias)


def _features(given: Column, low: Column, high: Column) -> Column:
    """The answers between -1 and 1, and their products, ``(texts, inputs + pairs of inputs)``."""
    scaled = 2 * (np.clip(given, low, high) - low) / (high - low) - 1
    first, second = np.triu_indices(given.shape[1])
    return np.concatenate([scaled, scaled[:, first] * scaled[:, second]], axis=1)
