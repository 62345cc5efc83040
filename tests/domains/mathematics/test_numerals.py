"""Numbers in words, as digits."""

import pytest

from domains.mathematics.numerals import amount, numeral, with_digits


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("一百二", 120),
        ("一百零二", 102),
        ("三万五", 35000),
        ("一万零五十", 10050),
        ("廿三", 23),
        ("贰佰", 200),
        ("十", 10),
    ],
)
def test_numerals(text: str, value: int) -> None:
    assert numeral(text) == value


@pytest.mark.parametrize("text", ["二零一五", "万", "亿万", "三点一四", "百分"])
def test_other_texts_are_no_numerals(text: str) -> None:
    assert numeral(text) is None


def test_decimals_are_said_digit_by_digit() -> None:
    found = [amount(text) for text in ("三点一四", "零点五", "十二点二五", "3.14")]
    assert [None if number is None else float(number) for number in found] == [3.14, 0.5, 12.25, 3.14]


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("还剩四分之三", "还剩3/4"),
        ("一又四分之三小时", "1又3/4小时"),
        ("百分之十二点五", "12.5%"),
        ("千分之三", "3/1000"),
        ("三成", "30%"),
        ("打八五折", "85%"),
        ("两个半小时", "2.5小时"),
        ("半小时", "0.5小时"),
        ("四比五", "4:5"),
        ("负二分之一", "-1/2"),
        ("零下8℃", "-8℃"),
        ("1.2×10^3", "1200"),
        ("4.5e-3", "0.0045"),
        ("28 percent", "28%"),
        ("全班有二十八名同学", "全班有28名同学"),
        ("八只", "8只"),
        (
            "一共多少，十分简单，第十六题，三角形，十几个，3比4多1",
            "一共多少，十分简单，第十六题，三角形，十几个，3比4多1",
        ),
    ],
)
def test_numbers_in_words_become_digits_and_words_stay(text: str, digits: str) -> None:
    assert with_digits(text) == digits
