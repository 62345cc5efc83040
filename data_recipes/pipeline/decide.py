"""The third stage of a build: what is repeated, what leaks, and which split each row goes to.

Only hashes are read, one column at a time: ten million rows take well under 2 GiB.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from common.errors import Refused, UserError
from data_recipes.config import DataConfig
from data_recipes.leakage.boilerplate import MOST_ROWS, CommonRuns, common_hashes
from data_recipes.leakage.groups import Buckets, Links, Rows
from data_recipes.leakage.hashes import Hashes, codes, conversations, mix
from data_recipes.leakage.near_duplicates import BandFiles, signatures
from data_recipes.leakage.near_duplicates import clusters as clusters_of
from data_recipes.leakage.normalise import RUN
from data_recipes.leakage.overlap import Fingerprints, HashSet, Mask, top_bits
from data_recipes.pipeline.drawn import Pool, draw_splits, listed
from data_recipes.pipeline.hash_files import HashFiles
from data_recipes.pipeline.large_groups import LARGE_GROUP, large_groups
from data_recipes.schema.manifest import LargeGroup, SplitOverlap
from data_recipes.schema.splits import TRAIN

POOL = 0  # the position of the training pool among the splits that rows name
SAMPLE = 50_000  # rows in which boilerplate is searched


class Ledger:
    """Which rows are left, and why the others were dropped."""

    def __init__(self, rows: int) -> None:
        self.reasons = [""]
        self.reason = np.zeros(rows, np.int16)

    @property
    def left(self) -> Mask:
        """The rows that are still there."""
        return self.reason == 0

    def drop(self, rows: Mask, reason: str) -> None:
        """Drops rows that are still there."""
        if reason not in self.reasons:
            self.reasons.append(reason)
        self.reason[rows & self.left] = self.reasons.index(reason)

    def counts(self, rows: Mask) -> dict[str, int]:
        """Why some rows were dropped, the most frequent reason first."""
        numbers = np.bincount(self.reason[rows], minlength=len(self.reasons))
        return {self.reasons[n]: int(numbers[n]) for n in np.argsort(-numbers, kind="stable") if n and numbers[n]}


@dataclass(frozen=True)
class Decision:
    """The decision about every row.

    Attributes:
        splits: The splits of the dataset; training comes first.
        place: Each row's position in ``splits``; -1 where it is dropped.
        reasons: Why rows are dropped.
        reason: Each row's position in ``reasons``.
        group: The number of the group that each row was joined to; 0 where it keeps its own.
        overlap: What each split other than training shares with it.
        large_groups: Groups with more than ``LARGE_GROUP`` of the rows that splits were drawn from.
    """

    splits: list[str]
    place: npt.NDArray[np.int16]
    reasons: list[str]
    reason: npt.NDArray[np.int16]
    group: Hashes
    overlap: dict[str, SplitOverlap]
    large_groups: list[LargeGroup]


def decide(
    data: DataConfig, files: HashFiles, protected: Mapping[str, Fingerprints], scratch: Path, ungrouped: str = ""
) -> Decision:
    """Decides on every row from its hashes.

    Args:
        data: The policies, the sizes of the splits and the seed.
        files: The hashes of all rows.
        protected: Fingerprints that training must not overlap with, by name.
        scratch: A folder for files that do not fit into memory.
        ungrouped: The setting of the source by which no row shares its group key; empty where there is none.

    Raises:
        UserError: There are too few rows for the splits, or nothing is left for one.
        Refused: A test question is still a training question.
    """
    ledger = Ledger(files.rows)
    clusters = _clusters(data, files, scratch)
    buckets = _sorted_runs(files, scratch)
    _drop_repeats(data, files, ledger, clusters)
    for name, fingerprints in protected.items():
        ledger.drop(_in_set(files, fingerprints) & (files.split == POOL), f"overlaps_{name}")
    for number, name in list(enumerate(files.splits))[1:]:
        _drop_overlap(data, files, ledger, clusters, number, name)
    _check_left(files, ledger)
    drawn = {name: size for name, size in data.splits.items() if name not in files.splits and TRAIN in files.came}
    if drawn and TRAIN in data.splits:
        raise UserError("training takes what the others do not", where="data.splits.train", fix="remove its size")
    place, group = files.split.copy(), np.zeros(files.rows, np.uint64)
    pool, large = Pool(files, ledger.left & (files.split == POOL), clusters, buckets), []
    if drawn:
        links = pool.links()
        group = _joined(files, links, pool.rows)
        large = large_groups(files, links.roots, clusters, pool.rows, buckets)
        chosen = draw_splits(data, pool, links, drawn, large, ungrouped)
        place[pool.rows] = np.where(chosen, chosen + (len(files.splits) - 1), POOL)
    place[~ledger.left] = -1
    splits = [*files.splits, *drawn]
    overlap = {name: _measured(files, place, number, name) for number, name in enumerate(splits) if number != POOL}
    return Decision(splits, place, ledger.reasons, ledger.reason, group, overlap, large)


def _clusters(data: DataConfig, files: HashFiles, scratch: Path) -> Hashes:
    """The number of each row's cluster of near-duplicates: that of the first row in it."""
    if data.near_duplicates == "keep":
        return np.arange(files.rows, dtype=np.uint64)
    bands = _bands(scratch / "bands", files.each("bands"))
    roots = clusters_of(bands, files.rows, threshold=data.near_duplicate_share)
    large = _large(files, roots)
    if large.any():
        roots = _without_boilerplate(data, files, roots, large, scratch)
    return roots.astype(np.uint64)


def _bands(folder: Path, parts: Iterable[npt.NDArray[np.uint64]]) -> BandFiles:
    folder.mkdir()
    bands = BandFiles(folder)
    for part in parts:
        bands.append(part)
    return bands


def _large(files: HashFiles, roots: Rows) -> Mask:
    """The rows in clusters of too many questions to be near-duplicates for what they say themselves."""
    rows = np.flatnonzero(np.bincount(roots, minlength=files.rows)[roots] > MOST_ROWS)
    if not len(rows):
        return np.zeros(files.rows, bool)
    different = np.unique(np.stack([roots[rows].astype(np.uint64), files.questions()[rows]]), axis=1)[0].astype(
        np.int64
    )
    return np.bincount(different, minlength=files.rows)[roots] > MOST_ROWS


def _without_boilerplate(data: DataConfig, files: HashFiles, roots: Rows, large: Mask, scratch: Path) -> Rows:
    """Clusters again, of what the rows of large clusters have besides runs that many of them share.

    A row that has less than a run of its own stays in its cluster, unless that is a large share of all rows.
    """
    members = np.flatnonzero(large)
    sample = np.zeros(files.rows, bool)
    sample[members[:: -(-len(members) // SAMPLE)]] = True
    texts = [conversations(table) for table in files.tables(sample)]
    common = CommonRuns(codes(pa.concat_arrays(texts)))
    sizes: list[int] = []

    def own() -> Iterator[npt.NDArray[np.uint64]]:
        for table in files.tables(large):
            left = common.without(codes(conversations(table)))
            sizes.extend(map(len, left))
            yield signatures(pa.array(left, pa.string()))

    bands = _bands(scratch / "own-bands", own())
    again = clusters_of(bands, len(members), threshold=data.near_duplicate_share)
    share = np.bincount(roots, minlength=files.rows)[roots[members]] / files.rows
    judged = (np.array(sizes) >= RUN) | (share > LARGE_GROUP)
    links = Links(files.rows)
    rest = np.setdiff1d(np.arange(files.rows, dtype=np.int32), members[judged])
    links.add(roots[rest].astype(np.uint64), rest)
    links.join(members[judged].astype(np.int32), members[again[judged]].astype(np.int32))
    return links.roots


def _sorted_runs(files: HashFiles, scratch: Path) -> Buckets:
    """All runs, sorted; from now on ``files`` counts only those that are no boilerplate."""
    buckets = Buckets(scratch / "runs", sum(len(hashes) for hashes, _ in files.runs()))
    for hashes, rows in files.runs():
        buckets.add(hashes, rows)
    same = Links(files.rows)  # a run counts once for all rows with one group key or question
    every = np.arange(files.rows, dtype=np.int32)
    same.add(files.whole("group"), every)
    same.add(files.questions(), every)
    files.common = HashSet(common_hashes(buckets.sort(), same.roots))
    return buckets


def _drop_repeats(data: DataConfig, files: HashFiles, ledger: Ledger, clusters: Hashes) -> None:
    ledger.drop(_repeated(files.whole("id"), ledger.left), "duplicate_id")
    of_split = mix(files.split.astype(np.uint64))
    if data.duplicates != "keep":
        ledger.drop(_repeated(files.questions("row") ^ of_split, ledger.left), "duplicate_row")
    if data.duplicates == "question":
        ledger.drop(_repeated(files.questions() ^ of_split, ledger.left), "duplicate_question")
    if data.near_duplicates == "drop":
        ledger.drop(_repeated(clusters, ledger.left & (files.split == POOL)), "near_duplicate")


def _repeated(hashes: Hashes, among: Mask) -> Mask:
    """Which of some rows have the hash of an earlier one."""
    rows = np.flatnonzero(among)
    order = rows[np.argsort(hashes[rows], kind="stable")]
    repeats = np.zeros(len(hashes), bool)
    repeats[order[1:]] = hashes[order[1:]] == hashes[order[:-1]]
    return repeats


def _numbers(rows: Mask) -> npt.NDArray[np.int32]:
    return np.flatnonzero(rows).astype(np.int32)


def _in_set(files: HashFiles, fingerprints: Fingerprints) -> Mask:
    """Which rows share a question or a run with a protected set."""
    batches = list(fingerprints.batches())
    questions, whole, parts = (HashSet(np.concatenate(hashes)) for hashes in zip(*batches, strict=True))
    found = questions.find(files.questions())
    for runs in files.runs_with_parts():
        seen = whole.find(top_bits(runs.hashes, fingerprints.run_bits))
        shared = runs.among(seen, parts.find(top_bits(runs.parts, fingerprints.part_bits)))
        shared &= files.counted(runs.hashes) & ~np.isin(runs.hashes, fingerprints.common)
        found[runs.rows[shared]] = True
    return found


def _drop_overlap(data: DataConfig, files: HashFiles, ledger: Ledger, clusters: Hashes, place: int, name: str) -> None:
    """Drops what training and a prescribed split have in common from one of the two."""
    pool, test = ledger.left & (files.split == POOL), ledger.left & (files.split == place)
    shared = _shared(files, pool, test)
    if data.on_overlap == "drop_train":
        ledger.drop(pool & (shared.train | np.isin(clusters, clusters[test])), f"overlaps_{name}")
    else:
        near = np.isin(clusters, clusters[pool])
        ledger.drop(test & (shared.exact | shared.partly | near), f"overlaps_{TRAIN}")


@dataclass(frozen=True)
class _Shared:
    """What training and a test split have in common.

    Attributes:
        train: Training rows that share a question or a run with a test row.
        exact: Test rows whose question is a training question.
        partly: Test rows that share a run with a training question.
    """

    train: Mask
    exact: Mask
    partly: Mask


def _shared(files: HashFiles, train: Mask, test: Mask) -> _Shared:
    asked = files.questions()
    questions = HashSet(asked[test])
    runs = HashSet(np.concatenate([np.zeros(0, np.uint64), *(h[test[rows]] for h, rows in files.runs())]))
    found, exact, partly = (np.zeros(files.rows, bool) for _ in range(3))
    found[train] = questions.find(asked[train])
    for hashes, rows in files.runs():
        inside = train[rows]
        found[rows[inside][runs.find(hashes[inside])]] = True
    exact[test] = questions.was_seen(asked[test])
    for hashes, rows in files.runs():
        inside = test[rows]
        partly[rows[inside][runs.was_seen(hashes[inside])]] = True
    return _Shared(found, exact, partly)


def _joined(files: HashFiles, links: Links, pool: Mask) -> Hashes:
    """The group number of every row that was linked with a row of another group key; else 0."""
    declared = files.whole("group")
    joins = np.zeros(files.rows, bool)
    joins[links.roots[declared[links.roots] != declared]] = True
    return np.where(joins[links.roots] & pool, files.whole("id")[links.roots], np.uint64(0))


def _check_left(files: HashFiles, ledger: Ledger) -> None:
    for number, name in enumerate(files.splits):
        rows = files.split == number
        if name in files.came and not (rows & ledger.left).any():
            raise UserError(
                f"nothing is left for {name}; dropped: {listed(ledger.counts(rows))}",
                where="source",
                fix="fix or add rows, or change the policy that drops them (data.on_overlap, data.duplicates)",
            )


def _measured(files: HashFiles, place: npt.NDArray[np.int16], number: int, name: str) -> SplitOverlap:
    test = place == number
    shared = _shared(files, place == POOL, test)
    if exact := int(shared.exact.sum()):
        raise Refused(f"{exact} questions of {name} are training questions")
    return SplitOverlap(n=int(test.sum()), exact=exact, ngram=int(shared.partly.sum()))
