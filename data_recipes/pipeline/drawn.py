"""The splits that are drawn from the training pool, and what helps where it has too few rows or groups.

Every setting that an error names was tried on the rows at hand: typed, it works.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from loguru import logger

from common.errors import UserError
from data_recipes.config import DataConfig
from data_recipes.leakage.groups import Buckets, Links
from data_recipes.leakage.hashes import Hashes
from data_recipes.leakage.overlap import Mask
from data_recipes.leakage.split import are_too_many, draw, sizes_that_hold
from data_recipes.pipeline.hash_files import HashFiles
from data_recipes.schema.manifest import LargeGroup

LEAST_DRAWN = 0.5  # share of the requested rows that a drawn split must get
NO_NEAR_DUPLICATES = "data.near_duplicates=keep"


def listed(numbers: Mapping[str, object]) -> str:
    """Numbers by name, for a message."""
    return ", ".join(f"{name} {value}" for name, value in numbers.items()) or "none"


@dataclass(frozen=True)
class Pool:
    """The rows that splits are drawn from, and what links them.

    Attributes:
        files: The hashes of all rows.
        rows: Which rows these are.
        clusters: The cluster of near-duplicates of each row.
        buckets: The runs of characters of all rows.
    """

    files: HashFiles
    rows: Mask
    clusters: Hashes
    buckets: Buckets

    def links(self, without: Collection[str] = ()) -> Links:
        """Links the rows that must not straddle a split: one group key, one question, near-duplicates, a common run.

        Args:
            without: What does not link here: ``group``, ``near_duplicates``.
        """
        links, numbers = Links(self.files.rows), np.flatnonzero(self.rows).astype(np.int32)
        if "group" not in without:
            links.add(self.files.whole("group")[self.rows], numbers)
        links.add(self.files.questions()[self.rows], numbers)  # it may be too short for a run
        if "near_duplicates" not in without:
            links.add(self.clusters[self.rows], numbers)
        for hashes, rows in self.buckets.each():
            counted = self.rows[rows] & self.files.counted(hashes)
            links.add(hashes[counted], rows[counted])
        return links


def draw_splits(
    data: DataConfig, pool: Pool, links: Links, sizes: Mapping[str, int], large: list[LargeGroup], ungrouped: str
) -> npt.NDArray[np.int16]:
    """Draws splits of these sizes; one that gets fewer rows is a warning, below a half an error.

    Args:
        data: The seed, and whether near-duplicates are searched.
        pool: What is drawn from.
        links: Its links.
        sizes: Size of each split besides ``train``.
        large: Its large groups, for the error.
        ungrouped: The setting of the source by which no row shares its group key; empty where there is none.

    Returns:
        The number of the split of each row of the pool: 0 is training, then in the order of ``sizes``.

    Raises:
        UserError: There are too few rows or groups; says which settings would do.
    """
    rows = int(pool.rows.sum())
    if are_too_many(sizes, rows):
        few = f"{rows} {'row is' if rows == 1 else 'rows are'} too few for {listed(sizes)}"
        raise UserError(
            f"{few}: together at most half of the rows",
            where="data.splits",
            fix=_fix(data, pool, sizes, ungrouped),
        )
    place = draw(links.roots[pool.rows], pool.files.whole("id"), sizes, data.seed, 1)
    drawn = dict(zip(sizes, np.bincount(place, minlength=len(sizes) + 1)[1:].tolist(), strict=True))
    short = {name: f"{drawn[name]} of {size}" for name, size in sizes.items() if drawn[name] < size}
    problem = f"fewer rows than requested: {listed(short)}; a split takes whole groups of linked rows"
    if any(drawn[name] < LEAST_DRAWN * size for name, size in sizes.items()):
        raise UserError(
            problem + "".join(f"\n  - {group.told}" for group in large),
            where="data.splits",
            fix=_fix(data, pool, sizes, ungrouped),
        )
    if short:
        logger.warning("{} (the dataset's README.md names large ones)", problem)
    return place


def _fix(data: DataConfig, pool: Pool, sizes: Mapping[str, int], ungrouped: str) -> str:
    """What to do: smaller sizes if there are any that hold, and the first setting with which more rows can be drawn."""
    fixes, most = [], 0
    for settings, without in _relaxed(data, ungrouped):
        roots = pool.links(without).roots[pool.rows]
        found = sizes_that_hold(roots, pool.files.whole("id"), sizes, data.seed)
        if sum(found.values()) > most:
            most = sum(found.values())
            changed = [f"data.splits.{name}={size}" for name, size in found.items() if size != sizes[name]]
            fixes.append(" ".join([*settings, *changed]))
    return ", or ".join(fixes) or (
        "add rows, or remove what links them; for training elsewhere, data_recipes/build.py takes all rows with "
        "data.splits={}"
    )


def _relaxed(data: DataConfig, ungrouped: str) -> Iterator[tuple[list[str], list[str]]]:
    """The settings to try, and what does not link rows any more with them; what is dropped is the same."""
    keep = [NO_NEAR_DUPLICATES] if data.near_duplicates == "group" else []
    yield [], []
    if ungrouped:
        yield [ungrouped], ["group"]
    if keep:
        yield keep, ["near_duplicates"]
    if ungrouped and keep:
        yield [ungrouped, *keep], ["group", "near_duplicates"]
