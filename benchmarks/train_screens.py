"""Trains what the screens have learned, and says how good it is on kinds of texts that it was not trained on.

    python benchmarks/train_screens.py      writes data_recipes/steps/*.safetensors, some minutes

It reads the halves ``train`` and ``dev`` of the labelled texts (``benchmarks/labelled_screens/``), never ``test``.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from common.ngram_classifier import out_of_fold, train
from data_recipes.steps import refusals, unsafe_advice
from domains.retrieval.labelled import Share

FOLDER = Path(__file__).parent / "labelled_screens"
FOLDS = 8
SAFE = ("refusal_only.dev", "truncated_answer.dev")  # their answers harm nobody, whatever else is wrong with them
ANSWERING = ("unsafe_advice.train", "unsafe_advice.dev", "truncated_answer.dev")  # they refuse nothing

Text = tuple[str, bool, str]
"""A text, its label, its kind."""


def main() -> None:
    """Trains, measures and writes."""
    learn(_with_others("unsafe_advice", SAFE), unsafe_advice.THRESHOLD, unsafe_advice.WEIGHTS)
    learn(_with_others("refusal_only", ANSWERING), refusals.THRESHOLD, refusals.WEIGHTS)


def labelled(name: str) -> list[dict[str, Any]]:
    """The lines of a file of labelled texts."""
    return [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text("utf-8").strip().split("\n")]


def _with_others(screen: str, others: Iterable[str]) -> list[Text]:
    """The texts of a screen, and those of other sets, in which there is nothing for it to find."""
    texts = [(line["answer"], line["label"], line["kind"]) for line in labelled(f"{screen}.train")]
    plain = [(line["answer"], line["label"]) for line in labelled(f"{screen}.dev")]
    plain += [(line["answer"], False) for name in others for line in labelled(name)]
    return texts + [(text, label, f"other {number % FOLDS}") for number, (text, label) in enumerate(plain)]


def learn(labelled_texts: list[Text], threshold: float, weights: Path) -> None:
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
