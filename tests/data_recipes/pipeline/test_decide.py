"""What a recipe must find: duplicates, near-duplicates and overlap that were planted, whatever the shards."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from loguru import logger

from common.command import Config, read_config
from common.errors import UserError
from data_recipes import sources
from data_recipes.config import BuildConfig, DataConfig
from data_recipes.pipeline.build import BuiltDataset, build, load
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
    values = {
        "name": "planted",
        "seed": 1,
        "splits": {},
        "steps": [],
        "max_bad_share": 0,
        "shard_rows": 37,
        "workers": 1,
        **data,
    }
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


def told(system: str, question: str, answer: str, id: str, split: str = "") -> Example:
    turns = [Message(role="system", content=system)] if system else []
    turns += [Message(role="user", content=question), Message(role="assistant", content=answer)]
    return example(id, question, answer, split).model_copy(update={"messages": tuple(turns)})


def test_questions_that_differ_in_a_sign_are_all_kept(tmp_path: Path) -> None:
    rng = Random(10)
    asked = ["3+5等于几？", "3-5等于几？", "3×5等于几？", "HBsAg(+)呢？", "HBsAg(-)呢？", "不到<50kg呢", "不到>50kg呢"]
    answers = [text(rng) for _ in asked]
    rows_ = [example(f"a-{n}", q, a) for n, (q, a) in enumerate(zip(asked, answers, strict=True))]
    again = example("again", "３＋５ 等于几", text(rng))
    assert reasons(built(tmp_path, [*rows_, again])) == {"again": "duplicate_question"}


def test_a_system_text_with_the_case_is_part_of_the_question(tmp_path: Path) -> None:
    rng = Random(11)
    cases = [f"病历：{text(rng)}" for _ in range(20)]
    same = [told(case, "最可能的诊断是什么？", text(rng), f"a-{n}") for n, case in enumerate(cases)]
    twice = told(cases[3], "最可能的诊断是什么", text(rng), "twice")
    dataset = built(tmp_path, [*same, twice], splits={"test": 6})
    assert reasons(dataset) == {"twice": "duplicate_question"}
    assert dataset.manifest.splits == {"train": 14, "test": 6}


def test_a_case_in_training_and_test_is_a_leak(tmp_path: Path) -> None:
    rng = Random(12)
    cases = [f"病历：{text(rng)}" for _ in range(10)]
    train = [told(cases[n % 10], text(rng, 12), text(rng), f"a-{n}") for n in range(20)]
    other = [told(f"病历：{text(rng)}", text(rng, 12), text(rng), f"b-{n}") for n in range(20)]
    test = [told(case, text(rng, 12), text(rng), f"t-{n}", split="test") for n, case in enumerate(cases)]
    assert reasons(built(tmp_path, [*train, *other, *test])) == {f"a-{n}": "overlaps_test" for n in range(20)}


def test_an_instruction_in_the_system_turn_is_no_part_of_the_question(tmp_path: Path) -> None:
    rng = Random(13)
    instruction = "你是一名有耐心的全科医生，请用通俗的话回答患者的问题。"
    train = [told(instruction, text(rng), text(rng), f"a-{n}") for n in range(30)]
    test = [told(instruction, text(rng), text(rng), f"t-{n}", split="test") for n in range(5)]
    asked = told("", train[0].messages[1].content, text(rng), "same", split="test")
    assert reasons(built(tmp_path, [*train, *test, asked], on_overlap="drop_test")) == {"same": "overlaps_train"}


def test_a_case_in_an_earlier_answer_tells_questions_apart(tmp_path: Path) -> None:
    rng = Random(14)

    def row(n: int) -> Example:
        said = (("user", "请读病历。"), ("assistant", text(rng)), ("user", "诊断是什么？"), ("assistant", text(rng)))
        turns = tuple(Message.model_validate({"role": role, "content": content}) for role, content in said)
        return example(f"a-{n}", "问", "答").model_copy(update={"messages": turns})

    assert reasons(built(tmp_path, [row(n) for n in range(20)])) == {}


INSTRUCTION = "请根据下面的病历描述判断患者最可能就诊的科室，只回答科室名称，不要解释，也不要输出其他内容。"
THANKS = "谢谢你的支持和鼓励我会努力"


@pytest.mark.parametrize("own", [7, 40])
@pytest.mark.parametrize("near", ["group", "drop"])
def test_one_instruction_in_every_question_does_not_weld_them(tmp_path: Path, own: int, near: str) -> None:
    rng = Random(15)
    rows_ = [example(f"a-{n}", INSTRUCTION + text(rng, own), rng.choice(["内科", "外科"])) for n in range(120)]
    copy = example("copy", INSTRUCTION + rows_[5].messages[0].content[-own:] + "。", "儿科")
    dataset = built(tmp_path, [*rows_, copy], splits={"dev": 20, "test": 30}, near_duplicates=near)
    assert reasons(dataset) == {"copy": "duplicate_question"}
    assert dataset.manifest.splits == {"train": 70, "dev": 20, "test": 30}


def test_a_courtesy_of_many_rows_is_no_link_and_a_leak_of_two_is(tmp_path: Path) -> None:
    rng = Random(16)
    rows_ = [example(f"a-{n}", text(rng) + THANKS, text(rng)) for n in range(60)]
    linked = [example(f"l-{n}", text(rng, 20) + rows_[n].messages[0].content[10:24], text(rng)) for n in range(10)]
    dataset = built(tmp_path, [*rows_, *linked], splits={"test": 30})
    side = {e.id: name for name, members in dataset.splits.items() for e in members}
    assert dataset.manifest.splits == {"train": 40, "test": 30}
    assert all(side[f"a-{n}"] == side[f"l-{n}"] for n in range(10))
    assert dataset.manifest.overlap["test"].ngram == 0


def test_a_disclaimer_in_every_answer_does_not_weld_them(tmp_path: Path) -> None:
    rng = Random(17)
    disclaimer = "以上内容仅供参考，不能代替医生的诊断，如有不适请及时到正规医院就诊，祝您身体健康，生活愉快。" * 2
    rows_ = [example(f"a-{n}", text(rng, 8), f"{text(rng, 12)}。{disclaimer}") for n in range(20)]
    for near in ("group", "drop"):
        dataset = built(tmp_path, rows_, splits={"test": 6}, near_duplicates=near)
        assert dataset.manifest.splits == {"train": 14, "test": 6}


def test_a_large_group_is_reported_with_what_links_it(tmp_path: Path) -> None:
    rng = Random(18)
    runs = [text(rng, 14) for _ in range(30)]  # each links ten rows to the next ten
    chain = [example(f"c-{n}", text(rng, 9) + runs[n // 5] + runs[n // 5 + 1], text(rng)) for n in range(50)]
    dataset = built(tmp_path, [*chain, *rows(rng, 60)], splits={"test": 40})
    [group] = dataset.manifest.large_groups
    assert (group.rows, group.share, group.link, group.linked) == (50, round(50 / 110, 4), "run", 10)
    assert group.text in {run[:13] for run in runs} | {run[1:] for run in runs}
    assert group.text in (dataset.directory / "README.md").read_text()


def test_a_split_with_fewer_rows_than_requested_is_a_warning_and_below_a_half_an_error(tmp_path: Path) -> None:
    rng, logged = Random(19), list[str]()
    sink = logger.add(logged.append, format="{message}")
    groups = [example(f"a-{n}", text(rng), text(rng), group=f"g-{n % 10}") for n in range(120)]  # twelve rows each
    assert built(tmp_path, groups, splits={"test": 20}).manifest.splits == {"train": 108, "test": 12}
    logger.remove(sink)
    assert any("fewer rows than requested: test 12 of 20" in line for line in logged)
    (tmp_path / "few").mkdir()
    with pytest.raises(UserError, match=r"data\.splits: fewer rows than requested: dev 0 of 11, test 12 of 20"):
        built(tmp_path / "few", groups, splits={"dev": 11, "test": 20})


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
