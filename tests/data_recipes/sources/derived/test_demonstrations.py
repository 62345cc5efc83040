"""Demonstrations come from training only and are never the item or a near-duplicate; the fixed ones keep the rules."""

from pathlib import Path

import pytest

from common.errors import UserError
from data_recipes.dataset.dataset import BuiltDataset
from data_recipes.schema.example import Example, Message
from data_recipes.sources.derived import cross_task_prompt as cross_task
from data_recipes.sources.derived.cross_task_prompt import TaskDemonstration, select
from data_recipes.sources.derived.demonstrations import Demonstrations, Nearest
from tests.data_recipes.conftest import Made, Run


def row(id: str, asked: str, kind: str = "k", group: str = "") -> Example:
    turns = (Message(role="user", content=asked), Message(role="assistant", content=f"{id}的回答"))
    return Example(id=id, messages=turns, source="s", group=group or id, kind=kind)


@pytest.mark.parametrize("choice", ["fixed", "random", "similar"])
def test_no_demonstration_comes_from_a_test_split(made: Made, consultations: BuiltDataset, choice: str) -> None:
    icl = made("icl", "data=in_context", f"source.path={consultations.directory}", f"source.choice={choice}")
    train = {example.id: example for example in consultations.splits["train"]}
    held_out = [e for name in ("dev", "test") for e in consultations.splits[name]]
    assert len(icl.splits["test"]) == len(consultations.splits["test"]) and "train" not in icl.splits
    for item, plain in zip(icl.splits["test"], consultations.splits["test"], strict=True):
        ids = item.phrasing.removeprefix(f"{choice}: ").split()
        assert len(set(ids)) == 4 and set(ids) <= set(train)
        system = item.messages[0].content
        assert all(train[id].answer in system for id in ids) and system.count("问：") == 4
        assert not any(f"问：{other.prompt[-1].content}\n" in system for other in held_out)
        assert item.messages[1:] == plain.messages
    fixed = len({item.messages[0].content for item in icl.splits["test"]}) == 1
    assert fixed == (choice == "fixed")


def test_similar_ones_are_near_but_never_the_item_its_group_or_nearly_it() -> None:
    pool = [
        row("near", "发烧三十九度伴有咳嗽，应该挂哪个科室比较合适？"),
        row("same", "孩子发烧咳嗽该挂什么科呢？"),
        row("group", "孩子发烧咳嗽三天了怎么办", group="mine"),
        row("far", "窗户外面的树叶黄了。"),
    ]
    item = row("item", "孩子发烧咳嗽该挂什么科？", group="mine")
    chooser = Demonstrations(pool, 1, "similar", same_kind=False, longest=100, seed=1)
    assert [found.id for found in chooser.of(item)] == ["near"]


def test_demonstrations_are_of_the_items_kind_where_there_are_enough() -> None:
    pool = [row(f"a{n}", text, "a") for n, text in enumerate(("甲乙丙丁", "戊己庚辛"))] + [
        row(f"b{n}", text, "b") for n, text in enumerate(("子丑寅卯", "辰巳午未"))
    ]
    chooser = Demonstrations(pool, 3, "random", same_kind=True, longest=100, seed=1)
    kinds = [found.kind for found in chooser.of(row("i", "申酉戌亥", "b"))]
    assert sorted(kinds) == ["a", "b", "b"] and kinds[0] == "a"


def test_rare_words_weigh_more_than_common_ones() -> None:
    texts = ["怎么办呢怎么办", "怎么办荨麻疹", "怎么办头痛", "怎么办咳嗽"]
    assert Nearest(texts).ranked("荨麻疹怎么办")[0] == 1


def test_the_cross_task_prompt_is_the_same_for_every_item_and_keeps_the_rules(
    made: Made, consultations: BuiltDataset
) -> None:
    icil = made("icil", "data=cross_task", f"source.path={consultations.directory}")
    [prompt] = {item.messages[0].content for item in icil.splits["test"]}
    shipped = cross_task.load(cross_task.SHIPPED)
    used = [one for one in shipped if one.text in prompt]
    assert len(used) == prompt.count("任务：") == 8
    choices = [choice for one in used for choice in one.choices]
    assert len(set(choices)) == len(choices)
    in_order = sorted(used, key=lambda one: prompt.index(one.text))
    assert [len(one.choices) for one in in_order] == sorted(len(one.choices) for one in used)
    assert all(len(one.text) <= cross_task.LONGEST for one in used)


def demonstration(task: str, *choices: str) -> TaskDemonstration:
    return TaskDemonstration(task=task, choices=choices, instruction="、".join(choices), input=task, output=choices[0])


def test_tasks_that_are_evaluated_and_choices_that_repeat_are_passed_over() -> None:
    pool = [demonstration("a", "是", "否"), demonstration("b", "是", "不是"), demonstration("c", "甲", "乙", "丙")]
    for seed in range(5):
        found = select(pool, 2, {"x"}, seed)
        assert found[-1].task == "c" and found[0].task in ("a", "b")
        assert [one.task for one in select(pool, 2, {"a"}, seed)] == ["b", "c"]
    with pytest.raises(UserError, match="the rules leave 2"):
        select(pool, 3, set(), 1)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"output": "别的"}, "none of the choices"),
        ({"instruction": "判断。"}, "does not name"),
        ({"input": "长" * 300}, "longer than 256"),
    ],
)
def test_a_demonstration_that_breaks_a_rule_ends_the_command(
    build: Run, consultations: BuiltDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    changed: dict[str, str], message: str,
) -> None:  # fmt: skip
    one = {**demonstration("a", "是", "否").model_dump(), "choices": ["是", "否"], **changed}
    path = tmp_path / "own.yaml"
    path.write_text(str({"version": 1, "demonstrations": [one]}), encoding="utf-8")
    words = ("data=cross_task", f"source.path={consultations.directory}", f"source.demonstrations_path={path}")
    assert build(*words, f"out={tmp_path / 'out'}") == 2
    assert message in capsys.readouterr().err
