"""Draws splits so that nothing similar is on both sides: whole groups of linked rows, never a part of one."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from data_recipes.leakage.hashes import Hashes, mix

MOST_TESTED = 0.5  # share of the rows that dev and test may take
ADVISED = 4  # the advised sizes of too few rows take one in so many of them


def draw(
    roots: npt.NDArray[np.int32], ids: Hashes, sizes: Mapping[str, int], seed: int, first: int
) -> npt.NDArray[np.int16]:
    """Draws whole groups for each split; training takes the rest.

    The order of the draw depends only on the seed and the id of each group's first row, so that rows added later do not
    reshuffle it. A split has fewer rows than requested where no group is left that is small enough.

    Args:
        roots: For each row that may be drawn, the first row of its group.
        ids: Hashes of the ids of all rows.
        sizes: Size of each split besides ``train``.
        seed: Of the draw.
        first: The number of the first of these splits; 0 is training.

    Returns:
        The number of the split of each row.
    """
    groups, group_of, members = np.unique(roots, return_inverse=True, return_counts=True)
    order = np.argsort(mix(ids[groups] ^ mix(np.array([seed % (1 << 64)], np.uint64))), kind="stable")
    place = np.zeros(len(groups), np.int16)
    for number, size in enumerate(sizes.values(), first):
        for group in order[place[order] == 0]:
            if members[group] <= size:
                place[group] = number
                size -= int(members[group])
            if not size:
                break
    return place[group_of]


def are_too_many(sizes: Mapping[str, int], rows: int) -> bool:
    """Whether splits of these sizes would leave too little for training."""
    return sum(sizes.values()) > MOST_TESTED * rows


def fitting(sizes: Mapping[str, int], rows: int) -> dict[str, int]:
    """Sizes for this number of rows: the requested ones, or smaller ones in the same proportion, at least one row."""
    if not are_too_many(sizes, rows):
        return dict(sizes)
    return {name: max(1, size * rows // (ADVISED * sum(sizes.values()))) for name, size in sizes.items()}


def sizes_that_hold(roots: npt.NDArray[np.int32], ids: Hashes, sizes: Mapping[str, int], seed: int) -> dict[str, int]:
    """Sizes near the requested ones that a draw meets exactly, together no more than may be drawn.

    A draw that requests what an earlier one has got, gets it again: it chooses the same groups.

    Args:
        roots: See ``draw``.
        ids: See ``draw``.
        sizes: The requested sizes.
        seed: Of the draw.

    Returns:
        None where no such sizes were found.
    """
    smallest = int(np.unique(roots, return_counts=True)[1].min(initial=len(roots)))
    tried = {name: max(smallest, size) for name, size in fitting(sizes, len(roots)).items()}
    drawn = np.bincount(draw(roots, ids, tried, seed, 1), minlength=len(sizes) + 1)[1:].tolist()
    found = dict(zip(sizes, drawn, strict=True))
    return {} if are_too_many(found, len(roots)) or not all(drawn) else found
