"""Trains what the screens have learned, and says how good it is on kinds of texts that it was not trained on.

    python benchmarks/train_screens.py      writes data_recipes/steps/*.safetensors, some minutes

It reads the halves ``train`` and ``dev`` of the labelled texts (``benchmarks/labelled_screens/``), never ``test``.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from common.ngram_classifier import out_of_fold, train
from data_recipes.steps import unsafe_advice
from domains.retrieval.labelled import Share

FOLDER = Path(__file__).parent / "labelled_screens"
FOLDS = 8
SAFE = ("refusal_only", "truncated_answer")  # sets whose answers harm nobody, whatever else is wrong with them


def main() -> None:
    """Trains, measures and writes."""
    texts = [(line["answer"], line["label"], line["kind"]) for line in labelled("unsafe_advice.train")]
    texts += _in_folds([(line["answer"], line["label"]) for line in labelled("unsafe_advice.dev")])
    texts += _in_folds([(line["answer"], False) for name in SAFE for line in labelled(f"{name}.dev")])
    learn(texts, unsafe_advice.THRESHOLD, unsafe_advice.WEIGHTS)


def labelled(name: str) -> list[dict[str, Any]]:
    """The lines of a file of labelled texts."""
    return [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text("utf-8").strip().split("\n")]


def _in_folds(texts: list[tuple[str, bool]]) -> list[tuple[str, bool, str]]:
    """Texts without kinds, in as many kinds as there are folds."""
    return [(text, label, f"other {number % FOLDS}") for number, (text, label) in enumerate(texts)]


def learn(labelled_texts: list[tuple[str, bool, str]], threshold: float, weights: Path) -> None:
    """Trains a classifier, writes its weights, and prints what it finds of kinds that it has not seen."""
    texts, labels, kinds = (list(column) for column in zip(*labelled_texts, strict=True))
    truth, found = np.array(labels), out_of_fold(texts, labels, kinds, FOLDS) > threshold
    print(f"{weights.stem}: {len(texts)} texts of {len(set(kinds))} kinds, above {threshold} on unseen kinds:")
    for name, right in (
        ("precision", truth[found]),
        ("recall", found[truth]),
        ("found where there is nothing", found[~truth]),
    ):
        of = Share.of(right.tolist())
        print(f"  {name} {100 * of.value:.1f} [{100 * of.low:.1f}, {100 * of.high:.1f}], n = {of.n}")
    train(texts, labels).save(weights)


if __name__ == "__main__":
    main()
