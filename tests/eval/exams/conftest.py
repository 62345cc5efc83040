"""An exam of twelve invented questions, in the layout of CMMLU."""

import csv
from pathlib import Path

import pytest

DEV = {
    "anatomy": [
        ("手有几根手指", "三根", "四根", "五根", "六根", "C"),
        ("心脏在哪里", "胸腔", "腹腔", "颅腔", "盆腔", "A"),
    ],
    "nutrition": [
        ("哪种是水果", "猪肉", "苹果", "米饭", "面包", "B"),
        ("哪种含糖最多", "蜂蜜", "白菜", "茶", "盐", "A"),
    ],
}
TEST = {
    "anatomy": [
        ("胃在哪里", "胸腔", "腹腔", "颅腔", "盆腔", "B"),
        (" 人有几只眼睛 ", "一只", "两只", "三只", "四只", "B"),
        ("下列哪个器官用来呼吸，并且左右各有一个，位于胸腔内", "肝", "脾", "肺", " 胃", "C"),
        ("牙齿在哪里", "口腔", "腹腔", "颅腔", "盆腔", "A"),
        ("脑在哪里", "胸腔", "腹腔", "颅腔", "盆腔", "C"),
        ("人有几只耳朵", "一只", "四只", "三只", "两只", "D"),
    ],
    "nutrition": [
        ("哪种是蔬菜", "猪肉", "苹果", "白菜", "面包", "C"),
        ("哪种含盐最多", "酱油", "白菜", "茶", "水", "A"),
        ("哪种是饮料", "猪肉", "苹果", "米饭", "茶", "D"),
        ("哪种用大豆做成，常见于早餐，可以直接喝", "牛奶", "豆浆", "咖啡", "茶", "B"),
        ("哪种含水最多", "黄瓜", "面包", "盐", "糖", "A"),
        ("哪种没有热量", "糖", "油", "米饭", "水", "D"),
    ],
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the exam."""
    directory = tmp_path_factory.mktemp("cmmlu")
    for split, subjects in (("dev", DEV), ("test", TEST)):
        (directory / split).mkdir()
        for subject, rows in subjects.items():
            with (directory / split / f"{subject}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(("", "Question", *"ABCD", "Answer"))
                writer.writerows((number, *row) for number, row in enumerate(rows))
    return directory
