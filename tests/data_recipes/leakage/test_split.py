from pathlib import Path

import numpy as np

from data_recipes.leakage.groups import BUCKET, Buckets, Links
from data_recipes.leakage.split import are_too_many, draw, sizes_that_hold

IDS = np.random.default_rng(0).integers(0, 1 << 63, 200).astype(np.uint64)


def groups(*sizes: int) -> np.ndarray:
    """The root of each row, for adjacent groups of these sizes."""
    starts = np.cumsum([0, *sizes[:-1]])
    return np.repeat(starts, sizes).astype(np.int32)


def test_a_group_is_never_divided_and_the_sizes_are_met() -> None:
    roots = groups(3, 7, *[1] * 40, 5, *[2] * 20)
    for seed in range(20):
        place = draw(roots, IDS, {"dev": 10, "test": 9}, seed, 1)
        assert [int((place == n).sum()) for n in range(3)] == [len(roots) - 19, 10, 9]
        assert all(len(set(place[roots == root])) == 1 for root in set(roots))


def test_the_draw_follows_the_seed() -> None:
    roots = groups(*[1] * 90)
    drawn = [draw(roots, IDS, {"dev": 7, "test": 9}, seed, 1).tolist() for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_rows_that_come_later_do_not_reshuffle_the_draw() -> None:
    few, more = (draw(groups(*[1] * n), IDS, {"test": 9}, 1, 1)[:90] for n in (90, 91))
    assert np.sum((few > 0) & (more > 0)) >= 8


def test_sizes_that_hold_are_met_by_a_draw_to_the_row() -> None:
    for seed in range(20):
        roots = groups(*np.random.default_rng(seed).integers(1, 9, 30).tolist())
        ids = np.random.default_rng(seed).integers(0, 1 << 63, len(roots)).astype(np.uint64)
        sizes = sizes_that_hold(roots, ids, {"dev": 7, "test": 200}, seed)
        place = draw(roots, ids, sizes, seed, 1)
        assert [int((place == n).sum()) for n in (1, 2)] == list(sizes.values())
        assert sizes["dev"] > 0 and sizes["test"] > 0 and not are_too_many(sizes, len(roots))


def test_there_are_no_such_sizes_where_all_rows_are_one_group() -> None:
    assert sizes_that_hold(groups(90), IDS, {"dev": 4, "test": 4}, 1) == {}


def test_links_join_rows_directly_and_through_others_whatever_the_order() -> None:
    pairs = [(5, 4), (1, 0), (4, 3), (2, 1), (3, 2), (8, 9)]  # a chain from 5 to 0, and a pair
    hashes = np.repeat(np.arange(len(pairs)), 2).astype(np.uint64)
    rows = np.array(pairs, np.int32).ravel()
    at_once, one_by_one = Links(10), Links(10)
    at_once.add(hashes, rows)
    for place in range(0, len(rows), 2):
        one_by_one.add(hashes[place : place + 2], rows[place : place + 2])
    assert at_once.roots.tolist() == one_by_one.roots.tolist() == [0, 0, 0, 0, 0, 0, 6, 7, 8, 8]


def test_links_agree_with_a_plain_search_on_random_rows() -> None:
    rng = np.random.default_rng(1)
    hashes, rows = rng.integers(0, 60, 300).astype(np.uint64), rng.integers(0, 400, 300).astype(np.int32)
    links = Links(400)
    links.add(hashes, rows)
    plain = list(range(400))
    for _ in range(400):
        for value in range(60):
            members = rows[hashes == value].tolist()
            for member in members:
                plain[member] = min(plain[other] for other in members)
    assert links.roots.tolist() == plain


def test_hashes_come_back_from_disk_with_equal_ones_together(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    hashes, rows = rng.integers(0, 1 << 64, 5000, dtype=np.uint64), np.arange(5000, dtype=np.int32)
    hashes[::7] = hashes[3]
    buckets = Buckets(tmp_path / "runs", 20 * BUCKET)
    buckets.add(hashes[:1000], rows[:1000])
    buckets.add(hashes[1000:], rows[1000:])
    parts = list(buckets.each())
    assert len(parts) > 10 and sum(hashes[3] in part for part, _ in parts) == 1
    assert sorted((int(h), int(r)) for part in parts for h, r in zip(*part, strict=True)) == sorted(
        zip(hashes.tolist(), rows.tolist(), strict=True)
    )
