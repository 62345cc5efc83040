from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pytest

from data_recipes.leakage.near_duplicates import BandFiles, clusters, signatures, similarity
from data_recipes.leakage.normalise import normalise

CHARACTERS = [chr(code) for code in range(0x4E00, 0x4E00 + 2000)]


def texts(n: int, seed: int = 0) -> list[str]:
    random = Random(seed)
    return ["".join(random.choices(CHARACTERS, k=random.randint(60, 200))) for _ in range(n)]


def edited(text: str, edits: int, seed: int) -> str:
    random, characters = Random(seed), list(text)
    for _ in range(edits):
        characters[random.randrange(len(characters))] = random.choice(CHARACTERS)
    return "".join(characters)


def jaccard(one: str, other: str) -> float:
    runs = [{t[i : i + 5] for i in range(max(1, len(t) - 4))} for t in (normalise(one), normalise(other))]
    return len(runs[0] & runs[1]) / len(runs[0] | runs[1])


@pytest.mark.parametrize(("bands", "rows"), [(24, 5), (16, 8), (32, 4)])
def test_the_estimate_is_unbiased_and_as_narrow_as_minhash(bands: int, rows: int) -> None:
    left = texts(1500)
    right = [edited(text, 1 + i % 8, i) for i, text in enumerate(left)]
    exact = np.array([jaccard(a, b) for a, b in zip(left, right, strict=True)])
    one, other = (signatures(pa.array(side), bands=bands, rows=rows) for side in (left, right))
    pairs = np.arange(len(one))
    error = similarity(np.concatenate([one, other]).T, pairs, pairs + len(one), rows) - exact
    assert abs(error.mean()) < 0.005
    assert error.std() < np.sqrt(exact * (1 - exact) / (bands * rows)).mean() * 1.1


def test_planted_near_duplicates_are_found_and_nothing_else() -> None:
    plain = texts(3000)
    pairs = [(text, edited(text, 1 + i % 9, i)) for i, text in enumerate(texts(1000, seed=1))]
    like = np.array([jaccard(*pair) for pair in pairs])
    rows = plain + [text for pair in pairs for text in pair]
    found = clusters(signatures(pa.array(rows)).T, len(rows))
    joined = found[len(plain) + 1 :: 2] == found[len(plain) :: 2]
    assert joined[like >= 0.8].mean() > 0.995
    assert joined[like >= 0.7].mean() > 0.985
    assert not joined[like < 0.55].any()
    assert (found[: len(plain)] == np.arange(len(plain))).all()
    assert (found[len(plain) :: 2] == np.arange(len(plain), len(rows), 2)).all()  # the first row names the cluster


def test_width_case_and_punctuation_do_not_tell_texts_apart() -> None:
    rows = ["体温３８．５℃，服用ＡＢＣ片，每日两次。", "体温38.5℃ 服用abc片 每日两次"]
    one, other = signatures(pa.array(rows))
    assert (one == other).all()


def test_every_text_has_bands_whatever_it_holds() -> None:
    rows = ["", "痛", "𠀀𠀁𠀂𠀃𠀄𠀅", "abc é ü", "😀😀", None, "长" * 100_000]
    bands = signatures(pa.array(rows))
    assert bands.shape == (7, 24)
    assert (bands[0] == bands[4]).all()  # neither has any text left
    assert (bands[0] == bands[5]).all()
    assert len({tuple(row) for row in bands[[0, 1, 2, 3, 6]].tolist()}) == 5


def test_neither_batches_nor_slices_nor_chunks_change_the_bands() -> None:
    rows = texts(50)
    whole = signatures(pa.array(rows))
    parts = [signatures(pa.array(rows).slice(start, 7)) for start in range(0, 50, 7)]
    assert (np.concatenate(parts) == whole).all()
    assert (signatures(pa.chunked_array([rows[:20], rows[20:]])) == whole).all()


def test_a_text_of_one_row_is_not_joined_with_what_only_shares_a_stock_phrase() -> None:
    stock = "您好，根据您的描述，考虑是这种情况，建议您到正规医院就诊，遵医嘱用药，祝您早日康复。"
    rows = [f"{text[:60]}{stock}" for text in texts(200)]
    assert (clusters(signatures(pa.array(rows)).T, 200) == np.arange(200)).all()


def test_files_give_what_memory_gives(tmp_path: Path) -> None:
    rows = texts(300) + [edited(text, 2, 5) for text in texts(300)]
    bands = signatures(pa.array(rows))
    files = BandFiles(tmp_path)
    files.append(bands[:450])
    files.append(bands[450:])
    assert (clusters(files, 600) == clusters(bands.T, 600)).all()


def test_many_different_rows_behind_one_band_value_are_told_apart() -> None:
    """A leader that is like no other must not hide that the others are like each other."""
    alike = texts(2)
    rows = [alike[0], alike[1], edited(alike[1], 1, 0)]
    bands = signatures(pa.array(rows))
    bands[:, 0] = 7
    bands[:, 1:] |= np.arange(3, dtype=np.uint64)[:, None] << np.uint64(60)  # only the first band is shared
    assert clusters(bands.T, 3).tolist() == [0, 1, 1]
