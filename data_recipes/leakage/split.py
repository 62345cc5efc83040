"""Draws splits so that nothing similar is on both sides: whole groups of linked rows, never a part of one."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from common.errors import UserError
from data_recipes.leakage.hashes import Hashes, mix

MOST_TESTED = 0.5  # share of the rows that dev and test may take


def draw(
    roots: npt.NDArray[np.int32], ids: Hashes, sizes: Mapping[str, int], seed: int, first: int
) -> npt.NDArray[np.int16]:
    """Draws whole groups for each split; training takes the rest.

    The order of the draw depends only on the seed and the id of each group's first row, so that rows added later do not
    reshuffle it.

    Args:
        roots: For each row that may be drawn, the first row of its group.
        ids: Hashes of the ids of all rows.
        sizes: Size of each split besides ``train``.
        seed: Of the draw.
        first: The number of the first of these splits; 0 is training.

    Returns:
        The number of the split of each row.

    Raises:
        UserError: There are too few rows for splits of these sizes.
    """
    if sum(sizes.values()) > MOST_TESTED * len(roots):
        raise _too_few(len(roots), sizes)
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


def _too_few(rows: int, sizes: Mapping[str, int]) -> UserError:
    """Says which sizes would work: in proportion to the requested ones, together no more than may be drawn."""
    wanted = ", ".join(f"{name} {size}" for name, size in sizes.items())
    most = int(MOST_TESTED * rows)
    smaller = {name: size * most // sum(sizes.values()) for name, size in sizes.items()}
    words = " ".join(f"data.splits.{name}={size}" for name, size in smaller.items())
    return UserError(
        f"{rows} {'row is' if rows == 1 else 'rows are'} too few for {wanted}: together at most half of the rows",
        where="data.splits",
        fix=f"{f'{words}, or ' if all(smaller.values()) else ''}data.splits={{}} to train on all of them",
    )
