"""A value has one text, as people write it, or it has none; nothing is made into text by its representation."""

import math
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from data_recipes.formats.values import NotText, text_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("答", "答"),
        (None, ""),
        ([], ""),
        (["答"], "答"),
        ([7], "7"),
        (7, "7"),
        (7.0, "7"),
        (12.5, "12.5"),
        (0.1, "0.1"),
        (-0.000_5, "-0.0005"),
        (1e15, "1000000000000000"),
        (Decimal("12.50"), "12.50"),
        (date(2024, 1, 5), "2024-01-05"),
        (datetime(2024, 1, 5), "2024-01-05"),
        (datetime(2024, 1, 5, 8, 30), "2024-01-05 08:30"),
        (time(8, 30), "08:30"),
        ([{"type": "text", "text": "甲"}, {"type": "text", "text": "乙"}], "甲\n乙"),
    ],
)
def test_a_value_is_written_as_people_write_it(value: Any, text: str) -> None:
    assert text_of(value) == text


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (math.nan, "not_a_number"),
        (math.inf, "not_a_number"),
        (True, "not_text"),
        (b"bytes", "not_text"),
        ({"text": "答"}, "not_text"),
        (["甲", "乙"], "several_texts"),
        ([["答"], "乙"], "several_texts"),
        ([{"text": "答"}], "not_text"),
        ([math.nan], "not_a_number"),
        ([{"type": "text", "text": "图？"}, {"type": "image_url", "image_url": {"url": "a.png"}}], "has_media"),
        ([{"type": "input_audio", "input_audio": {}}], "has_media"),
        ({1, 2}, "not_text"),
    ],
)
def test_what_is_no_text_is_refused_with_its_reason(value: Any, reason: str) -> None:
    with pytest.raises(NotText) as flaw:
        text_of(value)
    assert flaw.value.reason == reason
