"""The router: questions go to the expert whose training questions they are like; files and the unknown."""

from pathlib import Path

import pytest

from common.errors import UserError
from models.router import Router

ASKED = {
    "medicine": ["高血压有哪些症状？", "感冒要挂什么科？", "胃炎怎么治疗？", "糖尿病能吃什么？"],
    "sums": ["小明有3个苹果，又买了5个，一共有几个？", "一辆车每小时行60千米，3小时行多少千米？", "12除以4等于几？"],
    "reviews": ["Is the battery good? Review: the battery lasts two days.", "How is the food? Review: it was cold."],
}


def test_questions_go_to_the_expert_that_they_are_like() -> None:
    router = Router.trained(ASKED)
    assert all(router.choose(text) == name for name, texts in ASKED.items() for text in texts)
    assert router.choose("低血压有什么症状？") == "medicine"
    assert router.choose("小红买了7个梨，一共有几个？") == "sums"
    assert router.choose("How is the battery?") == "reviews"


def test_more_questions_do_not_attract_others_and_the_unknown_goes_to_the_first() -> None:
    many = Router.trained({"few": ["头痛怎么办？"], "many": [f"第{n}台仪器怎么校准？" for n in range(200)]})
    assert many.choose("头痛怎么办") == "few" and many.choose("") == "few"
    assert Router.trained(ASKED).choose("ĂĔĬ") == "medicine"


def test_a_router_is_read_back_as_it_was(tmp_path: Path) -> None:
    router = Router.trained(ASKED)
    router.save(tmp_path)
    again = Router.load(tmp_path)
    assert again.names == router.names and (again.weights == router.weights).all()
    with pytest.raises(UserError, match=r"router\.safetensors: missing(?s:.*)expert_router\.py"):
        Router.load(tmp_path / "nowhere")
