"""Recorded texts are masked as training data is."""

import time

import polars as pl
import pytest

from app.audit.masking import masked_texts
from data_recipes.steps.personal_data import KINDS, find_all
from data_recipes.steps.personal_kind import masked

TEXTS = [
    "我叫王建国，身份证110101199003074477，住院号20240012345，电话13812345678",
    "张伟和李娜昨天来过，住在海淀区中关村大街27号，邮箱a.b@example.com",
    "高血压有哪些症状？",
    "",
    "微信号 wx_12345678，工号HL-0526和HL-0731",
]


def test_names_numbers_and_addresses_are_masked_and_nothing_else() -> None:
    assert masked_texts(TEXTS[2:4]) == TEXTS[2:4]
    masked_one, masked_other, *_ = masked_texts(TEXTS)
    assert masked_one == "我叫【姓名】，身份证【身份证号】，住院号【病案号】，电话【手机号】"
    assert "张伟" not in masked_other and "a.b@example.com" not in masked_other


@pytest.mark.slow  # compiles the step's expressions
def test_what_is_masked_is_what_the_step_masks() -> None:
    found = find_all(pl.Series(TEXTS), KINDS)
    expected = [masked(text, found.get(place, [])) for place, text in enumerate(TEXTS)]
    assert masked_texts(TEXTS) == expected and expected[0] != TEXTS[0]


def test_one_answer_is_masked_in_far_less_time_than_it_takes_to_give() -> None:
    text = "高血压三天了，昨天在医院量的是160/100，医生说先吃药。" * 20
    masked_texts([text])
    started = time.process_time()
    masked_texts([text])
    assert time.process_time() - started < 0.2
