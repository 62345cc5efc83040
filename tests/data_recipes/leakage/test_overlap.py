from dataclasses import replace
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.errors import UserError
from data_recipes.leakage import overlap
from data_recipes.leakage.normalise import normalise
from data_recipes.schema.arrow import to_table
from data_recipes.schema.example import Example, Message


def example(id: str, *questions: str) -> Example:
    messages = [
        Message(role=role, content=text) for q in questions for role, text in (("user", q), ("assistant", "好"))
    ]
    return Example(id=id, messages=tuple(messages), source="test", group=id, kind="test")


HAN = [chr(code) for code in range(0x4E00, 0x5E00)]
TRAIN = overlap.fingerprints_of([example("t1", "高血压患者平时应该怎样安排一日三餐？"), example("t2", "头痛？")])


def measured(*questions: str) -> tuple[int, int]:
    found = overlap.measure(TRAIN, [example("x", *questions)])
    return found.exact, found.ngram


def test_width_case_spaces_and_punctuation_do_not_hide_a_repeated_question() -> None:
    assert measured(" 高血压患者 平时应该怎样安排一日三餐?!") == (1, 1)
    assert normalise("ＣＴ 检查，A-b") == "ct检查ab"


def test_a_run_of_thirteen_characters_is_found_and_one_of_twelve_is_not() -> None:
    text = normalise("高血压患者平时应该怎样安排一日三餐")
    assert measured(f"请问{text[2:15]}呢") == (0, 1)
    assert measured(f"请问{text[2:14]}呢") == (0, 0)


def test_a_short_question_is_only_compared_whole() -> None:
    assert measured("头痛") == (1, 0)
    assert measured("头痛吗") == (0, 0)


def test_all_turns_of_the_user_count() -> None:
    assert measured("高血压患者平时应该怎样", "安排一日三餐") == (1, 1)


def test_ids_and_size_are_reported() -> None:
    found = overlap.measure(TRAIN, [example("a", "头痛"), example("b", "别的问题")])
    assert (found.n, found.exact_ids, found.ngram_ids) == (2, ("a",), ())


def test_saved_fingerprints_measure_the_same(tmp_path: Path) -> None:
    overlap.save(TRAIN, tmp_path)
    tests = [
        example("a", "头痛"),
        example("b", "高血压患者平时应该怎样呢"),
        example("c", "高血压患者平时应该怎样安排一日三餐"),
    ]
    found = overlap.measure(overlap.load(tmp_path), tests)
    assert (found.exact_ids, found.ngram_ids) == (("a", "c"), ("c",)) == _ids(overlap.measure(TRAIN, tests))


def choice(id: str, stem: str, *options: str) -> Example:
    listed = "\n".join(f"{letter}. {option}" for letter, option in zip("ABCD", options, strict=False))
    return example(id, f"{stem}\n{listed}").model_copy(update={"choices": options})


def test_the_options_of_a_choice_count_in_any_order() -> None:
    train = overlap.fingerprints_of([choice("t", "哪项对？", "甲，1", "乙", "丙")])
    tests = [
        choice("moved", "哪项对", "丙", "甲 1。", "乙"),
        choice("same", "哪项对？", "甲，1", "乙", "丙"),
        choice("other option", "哪项对？", "甲，1", "乙", "丁"),
        choice("fewer", "哪项对？", "甲，1", "乙"),
        choice("other stem", "哪项错？", "甲，1", "乙", "丙"),
        example("no choice", "哪项对？甲，1乙丙"),
        example("asked otherwise", "甲，1、乙、丙中哪项对？").model_copy(update={"choices": ("甲，1", "乙", "丙")}),
    ]
    assert overlap.measure(train, tests).exact_ids == ("moved", "same")


def test_fingerprints_are_smaller_than_the_questions_and_find_what_whole_hashes_find(tmp_path: Path) -> None:
    rng = Random(0)
    texts = ["".join(rng.choices(HAN, k=60)) for _ in range(2000)]
    train = overlap.fingerprints_of([example(f"t{n}", text) for n, text in enumerate(texts)])
    overlap.save(train, tmp_path)
    saved = overlap.load(tmp_path)
    tests = [example(f"x{n}", "".join(rng.choices(HAN, k=60))) for n in range(500)]
    tests += [example(f"y{n}", "".join(rng.choices(HAN, k=9)) + text[20:33]) for n, text in enumerate(texts[:100])]
    assert overlap.measure(saved, tests).ngram_ids == tuple(f"y{n}" for n in range(100))
    assert (tmp_path / overlap.FINGERPRINTS).stat().st_size < sum(len(text.encode()) for text in texts)


def test_fingerprints_of_english_find_every_run_and_are_smaller_than_its_letters_compressed(tmp_path: Path) -> None:
    rng = Random(0)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 8))) for _ in range(3000)]
    texts = [" ".join(rng.choices(words, k=60)) for _ in range(400)]
    overlap.save(overlap.fingerprints_of([example(f"t{n}", text) for n, text in enumerate(texts)]), tmp_path)
    saved = overlap.load(tmp_path)
    letters = [normalise(text) for text in texts]
    new = [" ".join(rng.choices(words, k=40)) for _ in texts]
    whole = [example(f"y{n}", new[n] + text[n % 200 :][:60] + new[n]) for n, text in enumerate(letters)]
    short = [example(f"z{n}", new[n] + text[n % 200 :][:57] + "0" * 20) for n, text in enumerate(letters)]
    other = [example(f"x{n}", text) for n, text in enumerate(new)]
    assert overlap.measure(saved, whole).ngram == len(texts)
    assert overlap.measure(saved, other).ngram == 0
    assert overlap.measure(saved, short).ngram < 0.03 * len(texts)  # 4 · 2⁻⁹, and letters that agree by chance
    pq.write_table(pa.table({"text": texts}), tmp_path / "texts.parquet", compression="zstd", use_dictionary=False)
    assert (tmp_path / overlap.FINGERPRINTS).stat().st_size < 1.2 * (tmp_path / "texts.parquet").stat().st_size


def test_what_is_boilerplate_stays_so_in_saved_fingerprints(tmp_path: Path) -> None:
    """Its parts are there, as parts of the runs around it."""
    common = "please answer the following question of a patient in plain words and briefly"
    train = overlap.fingerprints_of(
        [example("t", f"how much salt a day with high blood pressure {common} thanks a lot")]
    )
    runs = overlap.hashed(to_table([example("c", common)]))[1].hashes
    asked = [example("a", f"cut finger {common} goodbye then")]
    assert overlap.measure(train, asked).ngram == 1
    overlap.save(replace(train, common=runs), tmp_path)
    assert overlap.measure(overlap.load(tmp_path), asked).ngram == 0


@pytest.mark.parametrize("version", ["3", "5"])
def test_fingerprints_of_an_earlier_or_later_version_are_refused(tmp_path: Path, version: str) -> None:
    columns = {"run": [False, True], "hash": [1, 2]}
    table = pa.table(columns).replace_schema_metadata({"version": version, "run_bits": "24"})
    pq.write_table(table, tmp_path / overlap.FINGERPRINTS)
    with pytest.raises(UserError, match="another version"):
        overlap.load(tmp_path)


def test_fingerprints_of_another_version_are_refused(tmp_path: Path) -> None:
    overlap.save(TRAIN, tmp_path)
    path = tmp_path / overlap.FINGERPRINTS
    pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)
    with pytest.raises(UserError, match="another version"):
        overlap.measure(overlap.load(tmp_path), [example("a", "头痛")])


def _ids(found: overlap.MeasuredOverlap) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return found.exact_ids, found.ngram_ids
