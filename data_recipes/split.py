"""Splits rows so that nothing alike lies on both sides.

Two questions that share a run of 13 characters belong to one group, and so does whatever is linked through others. A
group is never divided. In Bencao's rows, 35 to 43 % of a random test set share such a run with training.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from common.errors import UserError
from data_recipes.example import Example
from data_recipes.manifest import Description, SourceFile
from data_recipes.rows import Dropped
from data_recipes.text import question, runs

MOST_TESTED = 0.5  # share of the rows that dev and test may take


@dataclass(frozen=True)
class Rows:
    """Examples by split and everything that was left out."""

    splits: dict[str, list[Example]]
    dropped: list[Dropped]
    files: list[SourceFile]
    about: Description
    descriptions: dict[str, Description]


def split(examples: list[Example], sizes: Mapping[str, int], seed: int) -> dict[str, list[Example]]:
    """Draws whole groups for each split; training takes the rest.

    Args:
        examples: All examples; their ``group`` is set here.
        sizes: Size of each split besides ``train``.
        seed: Of the draw.

    Returns:
        The splits, ``train`` first; each in the order of ``examples``.

    Raises:
        UserError: There are too few examples for splits of these sizes.
    """
    if sum(sizes.values()) > MOST_TESTED * len(examples):
        wanted = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise UserError(f"{len(examples)} rows are too few for {wanted}", where="data.splits", fix="make them smaller")
    groups: dict[str, list[Example]] = defaultdict(list)
    for example in _grouped(examples):
        groups[example.group].append(example)
    drawn = Random(seed).sample(sorted(groups), len(groups))
    place = dict.fromkeys(groups, "train")
    for name, size in sizes.items():
        for group in drawn:
            if place[group] == "train" and len(groups[group]) <= size:
                place[group] = name
                size -= len(groups[group])
    splits: dict[str, list[Example]] = {name: [] for name in ("train", *sizes)}
    for group, members in groups.items():
        splits[place[group]] += members
    return splits


def _grouped(examples: list[Example]) -> list[Example]:
    """Sets the group of each example to the id of the first example that it is linked with (union-find)."""
    parent = list(range(len(examples)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first_with: dict[str, int] = {}
    for index, example in enumerate(examples):
        for run in runs(question(example)):
            one, other = sorted((root(index), root(first_with.setdefault(run, index))))
            parent[other] = one
    return [e.model_copy(update={"group": examples[root(i)].id}) for i, e in enumerate(examples)]
