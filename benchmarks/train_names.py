"""Trains how much speaks for a name (``data_recipes/steps/names/``), and says what is found of unseen authors.

    python benchmarks/train_names.py      writes data_recipes/steps/names/weights.json, a minute

It reads the dev half of the texts that are labelled for personal data, and prose of the project in which nobody is
named: the knowledge base, questions about it, answers that are labelled for other screens. It never reads ``test``.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_array
from screens import FOLDER, Result, judge_personal, share

from data_recipes.steps.names import features, scores
from data_recipes.steps.names.features import Column, Joined
from data_recipes.steps.names.running import is_beside, overlap, running_names
from data_recipes.steps.names.scores import BESIDE, STEP, Weights
from data_recipes.steps.personal_data import KINDS
from data_recipes.steps.personal_kind import Span, find
from data_recipes.steps.personal_text import read

AUTHORS = (150, 357, 377, 15, 320, 320, 320, 320)
"""How many of the labelled texts each author wrote, in their order; the fourth names nobody."""

PENALTY = 0.1
"""Strength of the ridge penalty."""

OF_PROSE = 4.0
"""How much a candidate in prose counts, of which there are ten times as many as in labelled texts."""

CUTTING = 0.5
"""How much one counts that is a part of a name or has one: a mistake, but a smaller one."""

COMMON = 2.0
"""From which on a word is common: the logarithm of how often it occurs."""

WORDS = 0.3
"""How much a name counts that is also a common word: who writes a test likes them, but hardly anybody bears one."""

ROOT = Path(__file__).parents[1]
PROSE = (
    "domains/medical/knowledge/*.jsonl",
    "domains/medical/questions/dev.jsonl",
    "domains/medical/triage_cases/train.jsonl",
    "domains/medical/triage_cases/questions.jsonl",
    "domains/medical/triage_cases/rules.jsonl",
    "domains/medical/triage_cases/dev.jsonl",
    "data_recipes/teacher/seed_tasks.jsonl",
    "benchmarks/labelled_screens/unsafe_advice.train.jsonl",
    "benchmarks/labelled_screens/refusal_only.train.jsonl",
    "benchmarks/labelled_screens/refusal_only.dev.jsonl",
    "benchmarks/labelled_screens/truncated_answer.dev.jsonl",
)

CERTAIN = 12.0
"""The least that a row of parts of names counts, whatever is around it: hardly any text has one that is none."""

AT_MOST = {
    "is a word": -1.5,
    "cuts a listed word": -2.0,
    "is no name": -6.0,
    "begins like a word": -0.7,
    "given name is a word, surname too": -0.5,
    "given name is a word, rare surname": -1.0,
}
"""The most that it may count, for each power of ten of how often a word occurs: labelled texts have more names, and
more that are words, than texts of hospitals have."""

AGAINST = ("cuts", "begins", "is a", "is no", "given", "surname", "twice", "rare")
"""How the features begin that can only speak against a name."""

FOR = ("a word",)
"""How the features begin that can only speak for one."""

Labelled = dict[str, Any]


@dataclass(frozen=True)
class Examples:
    """Candidates to learn from.

    Attributes:
        columns: What is known of each.
        named: Whether each is a name.
        counts: How much each counts.
        text: The number of its text.
    """

    columns: dict[str, Column]
    named: NDArray[np.bool_]
    counts: Column
    text: NDArray[np.int64]

    def at(self, chosen: NDArray[np.bool_]) -> "Examples":
        """Some of them."""
        columns = {name: column[chosen] for name, column in self.columns.items()}
        return Examples(columns, self.named[chosen], self.counts[chosen], self.text[chosen])


def main() -> None:
    """Trains, measures and writes."""
    lines = [json.loads(line) for line in (FOLDER / "personal.dev.jsonl").read_text("utf-8").strip().split("\n")]
    plain = prose()
    labelled, others = examples(lines), examples([{"text": text, "values": []} for text in plain], OF_PROSE)
    author = np.repeat(np.arange(len(AUTHORS)), AUTHORS)
    for number in range(len(AUTHORS)):
        learned = fitted(labelled.at(author[labelled.text] != number), others)
        result = names_found([lines[at] for at in np.flatnonzero(author == number)], learned)
        print(f"author {number}, not learned from: precision {share(result.right)}; recall {share(result.found)}")
    final = fitted(labelled, others)
    final.save(scores.FILE)
    wrong = running_names(plain, [[]] * len(plain), final)
    print(f"in {sum(map(len, plain))} characters of prose, learned from: {sum(map(len, wrong.values()))} wrong names")


def prose() -> list[str]:
    """The texts in which nobody is named."""
    files = sorted(file for pattern in PROSE for file in ROOT.glob(pattern))
    lines = (json.loads(line) for file in files for line in file.read_text("utf-8").split("\n") if line)
    return list(dict.fromkeys(text for line in lines for text in _texts(line)))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def names_found(lines: Sequence[Labelled], by: Weights) -> Result:
    """What is found of the names with these weights."""
    texts = [line["text"] for line in lines]
    found = [find(read(text), KINDS) for text in texts]
    names = running_names(texts, found, by)
    return judge_personal(lines, {at: [*found[at], *names.get(at, [])] for at in range(len(lines))})["names"]


def examples(lines: Sequence[Labelled], count: float = 1.0) -> Examples:
    """The candidates of labelled texts; those that overlap with other values or optional ones count nothing."""
    texts = [line["text"] for line in lines]
    joined = Joined.of(texts)
    every = features.candidates(joined)
    text = joined.text_of(every.start)
    begins, ends = every.start - joined.starts[text], every.end - joined.starts[text]
    spans = [*zip(begins.tolist(), ends.tolist(), strict=True)]
    places = [*zip(text.tolist(), spans, strict=True)]
    names, others = zip(*map(labels, lines), strict=True)
    named = np.array([span in names[at] for at, span in places])
    cutting = np.array([any(overlap(span, name) for name in names[at]) for at, span in places])
    other = np.array([any(overlap(span, value) for value in others[at]) for at, span in places])
    beside = np.array([is_beside(texts[at], span, names[at]) for at, span in places], float)
    columns = features.described(joined, every) | {BESIDE: beside}
    of_names = np.where(columns["is a word"] > COMMON, WORDS, 1.0)
    counts = count * np.where(named, of_names, np.where(other, 0.0, np.where(cutting, CUTTING, 1.0)))
    return Examples(columns, named, counts, text)


def labels(line: Labelled) -> tuple[list[Span], list[Span]]:
    """The places of a text's names, and of its other values and optional ones."""
    names, others = list[Span](), list[Span]()
    for value in line["values"]:
        (names if value["type"] == "name" else others).extend(_places(value["value"], line["text"]))
    for value in line.get("optional", []):
        others.extend(_places(value, line["text"]))
    return names, others


def _places(value: str, text: str) -> list[Span]:
    return [at.span() for at in re.finditer(re.escape(value), text)]


def fitted(*parts: Examples) -> Weights:
    """Fits the weights by L-BFGS, within the bounds of what each feature can mean."""
    names = [*parts[0].columns]
    values = csr_array(np.concatenate([np.stack([part.columns[name] for name in names], axis=1) for part in parts]))
    truth = np.concatenate([part.named for part in parts]).astype(float)
    counts = np.concatenate([part.counts for part in parts])

    def loss(parameters: Column) -> tuple[float, Column]:
        weights, bias = parameters[:-1], parameters[-1]
        odds = values @ weights + bias
        error = counts * (0.5 * (1 + np.tanh(odds / 2)) - truth)
        cost = counts @ (np.logaddexp(0, odds) - truth * odds) + PENALTY / 2 * weights @ weights
        return float(cost), np.append(values.T @ error + PENALTY * weights, error.sum())

    bounds = [*map(_bounds, names), (None, None)]
    start = np.array([low or min(high or 0.0, 0.0) for low, high in bounds])
    best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500})
    rounded = (np.rint(best.x * STEP) / STEP + 0.0).tolist()
    return Weights(rounded[-1], dict(zip(names, rounded[:-1], strict=True)))


def _bounds(name: str) -> tuple[float | None, float | None]:
    """The least and the most that a feature may count."""
    if name == features.ROW_OF_PARTS:
        return CERTAIN, None
    if name.startswith(AGAINST):
        return None, AT_MOST.get(name, 0.0)
    return (0.0 if name.startswith(FOR) else None), None


if __name__ == "__main__":
    main()
