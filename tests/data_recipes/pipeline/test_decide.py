"""What a recipe must find: duplicates, near-duplicates and overlap that were planted, whatever the shards."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from common.command import Config, read_config
from common.errors import UserError
from data_recipes import sources
from data_recipes.build import BuiltDataset, build, load
from data_recipes.config import BuildConfig, DataConfig
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example, Message
from data_recipes.schema.manifest import Description
from data_recipes.sources.source import DRAWN, Source
from tests.data_recipes.conftest import Run

HAN = [chr(code) for code in range(0x4E00, 0x5E00)]
TOLD = Description(zh="测试", en="a test")


class PlantedSource(Config):
    """Examples that a test made, as JSON lines."""

    kind: str = "planted"
    path: str


def _read(config: PlantedSource) -> Iterator[Example | Dropped]:
    for line in Path(config.path).read_text().splitlines():
        yield Example.model_validate_json(line)


PLANTED = Source(PlantedSource, _read, lambda c: [Path(c.path)], TOLD, "written for this test", DRAWN)


@pytest.fixture(autouse=True)
def planted_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "SOURCES", (*sources.SOURCES, PLANTED))


def text(rng: Random, length: int = 60) -> str:
    return "".join(rng.choices(HAN, k=length))


def example(id: str, question: str, answer: str, split: str = "", group: str = "") -> Example:
    messages = (Message(role="user", content=question), Message(role="assistant", content=answer))
    return Example(id=id, messages=messages, source="planted", group=group or id, kind="k", split=split)


def changed(rng: Random, original: str, places: int) -> str:
    """The text with other characters in some places, none of them within a run of 13 that stays."""
    letters = list(original)
    for place in range(6, len(letters), max(1, len(letters) // places)):
        letters[place] = rng.choice(HAN)
    return "".join(letters)


def built(tmp_path: Path, examples: list[Example], **data: object) -> BuiltDataset:
    path = tmp_path / "planted.jsonl"
    path.write_text("".join(f"{e.model_dump_json()}\n" for e in examples))
    values = {"name": "planted", "seed": 1, "splits": {}, "max_bad_share": 0, "shard_rows": 37, "workers": 1, **data}
    config = BuildConfig.model_construct(
        data=DataConfig.model_validate(values), source=PlantedSource(path=str(path)), out=str(tmp_path / "out")
    )
    build(config)
    return load(tmp_path / "out")


def reasons(dataset: BuiltDataset) -> dict[str, str]:
    lines = (dataset.directory / "dropped.jsonl").read_text().splitlines()
    return {row["id"]: row["reason"] for row in map(json.loads, lines)}


def rows(rng: Random, number: int, **more: str) -> list[Example]:
    return [example(f"a-{n}", text(rng), text(rng, 240), **more) for n in range(number)]


def test_every_planted_duplicate_is_found_and_nothing_else(tmp_path: Path) -> None:
    rng = Random(1)
    originals = rows(rng, 200)
    again = [e.model_copy(update={"id": f"row-{n}"}) for n, e in enumerate(originals[:30])]
    asked = [example(f"asked-{n}", f" {e.messages[0].content}！", text(rng)) for n, e in enumerate(originals[50:80])]
    twice = [originals[90].model_copy(update={"messages": rows(rng, 1)[0].messages})]
    found = reasons(built(tmp_path, originals + again + asked + twice))
    assert found == {
        **{e.id: "duplicate_row" for e in again},
        **{e.id: "duplicate_question" for e in asked},
        "a-90": "duplicate_id",
    }


def test_policies_keep_repeated_questions_or_everything(tmp_path: Path) -> None:
    rng = Random(2)
    originals = rows(rng, 20)
    more = [originals[0].model_copy(update={"id": "row"}), example("asked", originals[1].messages[0].content, "另一个")]
    assert reasons(built(tmp_path, originals + more, duplicates="row", near_duplicates="keep")) == {
        "row": "duplicate_row"
    }
    assert reasons(built(tmp_path, originals + more, duplicates="keep", near_duplicates="keep")) == {}


def near_duplicates(rng: Random, originals: list[Example]) -> list[Example]:
    """The same rows with a character changed in the middle of every dozen: no run of 13 stays in the question."""
    return [example(f"near-{n}", changed(rng, e.messages[0].content, 5), e.answer) for n, e in enumerate(originals)]


def test_near_duplicates_share_a_side_of_the_split_or_are_dropped(tmp_path: Path) -> None:
    rng = Random(3)
    originals = rows(rng, 150)
    near = near_duplicates(rng, originals[:50])
    dataset = built(tmp_path, originals + near, splits={"dev": 20, "test": 40})
    side = {e.id: name for name, members in dataset.splits.items() for e in members}
    assert Counter(side.values()) == {"train": 140, "dev": 20, "test": 40}
    assert all(side[f"a-{n}"] == side[f"near-{n}"] for n in range(50))
    group = {e.id: e.group for members in dataset.splits.values() for e in members}
    assert all(group[f"a-{n}"] == group[f"near-{n}"] for n in range(50)) and group["a-60"] == "a-60"
    found = reasons(built(tmp_path, originals + near, near_duplicates="drop"))
    assert found == {e.id: "near_duplicate" for e in near}


def test_a_declared_key_never_straddles_a_split(tmp_path: Path) -> None:
    rng = Random(4)
    examples = [example(f"a-{n}", text(rng), text(rng), group=f"patient-{n % 30}") for n in range(150)]
    dataset = built(tmp_path, examples, splits={"test": 40})
    groups = {name: {e.group for e in members} for name, members in dataset.splits.items()}
    assert not groups["train"] & groups["test"] and len(dataset.splits["test"]) == 40


def test_training_rows_that_lie_in_a_prescribed_test_leave_training(tmp_path: Path) -> None:
    rng = Random(5)
    train = rows(rng, 120, split="train")
    test = [example(f"t-{n}", text(rng), text(rng, 240), split="test") for n in range(40)]
    leaks = [
        example("same", f"{test[0].messages[0].content}？", text(rng)),
        example("run", text(rng, 20) + test[1].messages[0].content[7:20] + text(rng, 20), text(rng)),
        example("twelve", text(rng, 20) + test[2].messages[0].content[7:19] + text(rng, 20), text(rng)),
        *near_duplicates(rng, test[3:10]),
    ]
    dataset = built(tmp_path, [*train, *leaks, *test])
    assert reasons(dataset) == dict.fromkeys(["same", "run", *(f"near-{n}" for n in range(7))], "overlaps_test")
    assert dataset.manifest.splits == {"train": 121, "test": 40}
    assert dataset.manifest.overlap["test"].model_dump() == {"n": 40, "exact": 0, "ngram": 0}


def test_the_test_row_leaves_where_the_recipe_says_so(tmp_path: Path) -> None:
    rng = Random(6)
    train, test = rows(rng, 60), [example(f"t-{n}", text(rng), text(rng), split="test") for n in range(10)]
    leak = example("t-leak", train[3].messages[0].content, text(rng), split="test")
    assert reasons(built(tmp_path, [*train, *test, leak], on_overlap="drop_test")) == {"t-leak": "overlaps_train"}


def test_a_split_is_drawn_beside_a_prescribed_one(tmp_path: Path) -> None:
    rng = Random(7)
    test = [example(f"t-{n}", text(rng), text(rng), split="test") for n in range(10)]
    dataset = built(tmp_path, [*rows(rng, 60, split="train"), *test], splits={"dev": 12})
    assert dataset.manifest.splits == {"train": 48, "test": 10, "dev": 12}


def test_a_protected_set_is_kept_out_of_the_training_of_others(tmp_path: Path, suites: Run) -> None:
    rng = Random(8)
    suite = [example(f"s-{n}", text(rng), text(rng), split="test") for n in range(30)]
    (tmp_path / "suite").mkdir()
    registered = built(tmp_path / "suite", suite, name="board_exam")
    assert list(registered.splits) == ["test"]
    assert suites("add", str(registered.directory)) == 0
    stolen = [example("stolen", suite[4].messages[0].content, text(rng)), *rows(rng, 50)]
    dataset = built(tmp_path, stolen)
    assert reasons(dataset) == {"stolen": "overlaps_board_exam"}
    assert [s.name for s in dataset.manifest.protected_sets] == ["board_exam"]
    assert suites("remove", "board_exam") == 0
    held_out = registered.directory / "held_out.parquet"
    held_out.write_bytes(held_out.read_bytes()[:100])
    assert suites("add", str(registered.directory)) == 2 and suites("remove", "board_exam") == 2
    assert reasons(built(tmp_path, stolen)) == {}


def test_too_few_rows_and_a_size_for_training_are_refused(tmp_path: Path) -> None:
    for sizes in ({"test": 30}, {"train": 5, "test": 5}):
        with pytest.raises(UserError, match=r"data\.splits"):
            built(tmp_path, rows(Random(9), 40), splits=sizes)
    assert not (tmp_path / "out").exists()


def test_a_short_question_with_several_answers_stays_on_one_side(tmp_path: Path) -> None:
    """Too short for a run of 13 characters, and its answers differ: only the question itself links the rows."""
    rows = [
        {"instruction": f"{topic}怎么办？", "output": f"第{answer}种办法，针对{topic}，编号{topic}{answer}。"}
        for topic in (f"第{number}类" for number in range(60))
        for answer in range(3)
    ]
    file = tmp_path / "my.jsonl"
    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    words = ["data=rows", f"source.path={file}", "data.duplicates=row", "data.near_duplicates=keep"]
    sizes = ["data.splits.dev=20", "data.splits.test=40", f"out={tmp_path / 'out'}"]
    (config,) = read_config("build", [*words, *sizes], BuildConfig)
    build(config)
    dataset = load(tmp_path / "out")
    asked = {
        name: {example.messages[0].content for example in dataset.splits[name]} for name in ("train", "dev", "test")
    }
    assert not asked["train"] & asked["test"] and not asked["train"] & asked["dev"]
    assert sum(len(dataset.splits[name]) for name in asked) == len(rows)
