"""Groups of linked rows that are a large share of all: how many rows they have, and what links most of them."""

import numpy as np
import pyarrow as pa

from data_recipes.leakage.groups import Buckets, Rows
from data_recipes.leakage.hashes import Hashes, hashes_by_place, questions
from data_recipes.leakage.normalise import LATIN_RUN, RUN
from data_recipes.leakage.overlap import Mask
from data_recipes.pipeline.hash_files import HashFiles
from data_recipes.schema.example import TEXT
from data_recipes.schema.manifest import LargeGroup

LARGE_GROUP = 0.1  # share of the rows from which a group is reported
MOST_REPORTED = 5


def large_groups(files: HashFiles, roots: Rows, clusters: Hashes, pool: Mask, buckets: Buckets) -> list[LargeGroup]:
    """The groups with more than a share of some rows, the largest first.

    Args:
        files: The hashes of all rows.
        roots: The first row of each row's group.
        clusters: The cluster of near-duplicates of each row.
        pool: The rows that splits are drawn from.
        buckets: The runs of characters of all rows.
    """
    sizes = np.bincount(roots[pool], minlength=files.rows)
    largest = np.argsort(-sizes, kind="stable")[:MOST_REPORTED]
    found = []
    for root in largest[sizes[largest] > max(1, LARGE_GROUP * pool.sum())]:
        members = pool & (roots == root)
        links = [
            (*_most_frequent(files.whole("group"), members), "group"),
            (*_most_frequent(files.questions(), members), "question"),
            (*_most_frequent(clusters, members), "near_duplicates"),
            (*_most_frequent_run(files, members, buckets), "run"),
        ]
        rows, with_link, link = max(links, key=lambda one: one[0])
        text = _run_text(files, with_link) if link == "run" else _text(files, with_link)
        share = round(float(sizes[root] / pool.sum()), 4)
        found.append(LargeGroup(rows=int(sizes[root]), share=share, link=link, linked=rows, text=text))
    return found


def _most_frequent(hashes: Hashes, members: Mask) -> tuple[int, Mask]:
    """How many of some rows have the hash that most of them have, and which."""
    different, numbers = np.unique(hashes[members], return_counts=True)
    return int(numbers.max()), members & (hashes == different[numbers.argmax()])


def _most_frequent_run(files: HashFiles, members: Mask, buckets: Buckets) -> tuple[int, Mask]:
    most, with_run = 0, np.zeros(files.rows, bool)
    for hashes, rows in buckets.each():
        inside = members[rows] & files.counted(hashes)
        different, place, numbers = np.unique(hashes[inside], return_inverse=True, return_counts=True)
        if len(different) and numbers.max() > most:
            most, with_run = int(numbers.max()), np.zeros(files.rows, bool)
            with_run[rows[inside][place == numbers.argmax()]] = True
    return int(with_run.sum()), with_run


def _run_text(files: HashFiles, with_run: Mask) -> str:
    """The first run that is in all of some questions, or in their system texts."""
    table = pa.concat_tables(files.tables(with_run))
    for length in (LATIN_RUN, RUN):
        texts = questions(table)
        places, hashes = hashes_by_place(texts, length)
        rows = np.searchsorted(texts.ends, places, side="right")
        different, numbers = np.unique(
            np.unique(np.stack([hashes, rows.astype(np.uint64)]), axis=1)[0], return_counts=True
        )
        shared = places[np.isin(hashes, different[numbers == len(table)])]
        if len(shared):
            return "".join(map(chr, texts.characters[shared[0] : shared[0] + length].tolist()))
    return _text(files, with_run)


def _text(files: HashFiles, rows: Mask) -> str:
    """The beginning of the first question of some rows, or of the first document."""
    table = next(files.tables(rows)).slice(0, 1)
    return next(m["content"] for m in table["messages"][0].as_py() if m["role"] in ("user", TEXT))[:LATIN_RUN]
