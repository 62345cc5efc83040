"""The final answer in what was written, and whether it is the expected one."""

from random import Random

import pytest

from domains.mathematics.answers import final_answers, final_letters, is_checkable, is_right


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("答：9页", "9"),
        ("答：每盒装6支，需要8盒。", "8"),
        ("答：小明买了4本，花了20元。", "20"),
        ("答：如果每天看8页，15天可以看完。", "15"),
        ("答：按每人5个分，可以分给7人。", "7"),
        ("答：当x=3时，最大值是9。", "9"),
        ("答：3小时后，甲车行了180千米。", "180"),
        ("答：2小时后，还剩30千米。", "30"),
        ("答：需要3辆车，可以坐48人。", "3"),
        ("x₁=2, x₂=3", "2或3"),
        ("答案：不是B，是C", "C"),
        ("答：还剩９页。", "9"),
        ("先求12+3=15（个），再求15-6=9（个）。", "9"),
        ("12/4 = 3\n#### 1,234", "1234"),
        ("so 48+24=72.\n#### 72", "72"),
        ("因此 $x=\\boxed{\\frac{3}{4}}$。", "3/4"),
        ("\\boxed{1\\frac{1}{2}}", "1.5"),
        ("\\boxed{12\\text{元}}", "12"),
        ("答案是75%", "0.75"),
        ("答案是百分之75。", "75%"),
        ("答案是四分之三。", "0.75"),
        ("答：4分之3", "3/4"),
        ("答：1又1/2小时", "1.5"),
        ("答：1(1/2)小时", "3/2"),
        ("Answer: 1 1/2 hours", "1.5"),
        ("答：1½小时", "1.5"),
        ("答：三十五元。", "35"),
        ("答：一千零五", "1005"),
        ("答：百分之五", "5%"),
        ("答：两万元", "20000"),
        ("答：3万元", "30000"),
        ("答：3万元", "3"),
        ("答：0.33", "1/3"),
        ("答：3：4", "3/4"),
        ("答：小明3天后还剩9页", "9"),
        ("答案是9，因为3×3=9，又有27个", "9"),
        ("答：12-3=9（个）", "9"),
        ("答：x=5", "5"),
        ("The answer is $5.50.", "5.5"),
        ("the final answer is: -4", "-4"),
        ("**答案：** 42", "42"),
        ("答：（3/8）", "3/8"),
        ("答：8 %", "0.08"),
        ("答：1,200.50元", "1200.5"),
        ("答案是B", "B"),
        ("答：Ｂ", "B"),
        ("(C) 14", "C"),
        ("所以选D。", "D"),
        ("D。", "D"),
        ("答案是A，B和C错误。", "A"),
        ("答案：A. Because", "A"),
        ("答案：ABD", "ABD"),
        ("答案：D、A、B。", "ABD"),
        ("答案是A,B和D，因为C错了", "ABD"),
        ("答案为（A）（B）（D）", "ABD"),
        ("答案是Ａ项、Ｂ项和Ｄ项", "ABD"),
        ("答案是A、B，C错误。", "AB"),
        ("**正确答案：** A B D", "ABD"),
        ("The answer is A, B", "AB"),
        ("A、B、D", "ABD"),
        ("A,B和D", "ABD"),
        ("选ABD", "ABD"),
        ("C明显不对，所以选A、B、D三项，不选C。", "ABD"),
        ("\\boxed{ABD}", "BDA"),
        ("答案：ABD", "A、B、D"),
        ("答：2个班一共有95人", "95"),
        ("答：3小时行180千米", "180"),
        ("没有给出零钱，所以一共付了20元", "20"),
        ("不知道原价没关系，现价是100元。", "100"),
        ("答案不是12，而是15。", "15"),
        ("3或2", "2或3"),
        ("答：6（或写成六）", "6"),
        ("\\frac34", "3/4"),
        ("答案是A还是B？应该选B", "B"),
        ("B选项正确", "B"),
        ("B是正确答案", "B"),
        ("说法错误的是C", "C"),
        ("不正确的是A", "A"),
        ("A、B、C都错，只有D对", "D"),
        ("答案是b。", "B"),
        ("She earned $1,250 over 5 weeks.", "1250"),
        ("She will spend $24 because 12 x 2 = 24", "24"),
    ],
)
def test_right(text: str, result: str) -> None:
    assert is_right(text, result)


@pytest.mark.parametrize("text", ["答案是A或B", "选A或B", "答案：A还是B"])
def test_options_that_are_left_open_are_none(text: str) -> None:
    assert final_letters(text) == ""


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("", "0"),
        ("我不会做。", "3"),
        ("题目里有3个苹果，但条件不足，无法计算。", "3"),
        ("答：不知道，一共有3个苹果", "3"),
        ("答：", "9"),
        ("一共9页。答：", "9"),
        ("答：一共", "1"),
        ("答：8页", "9"),
        ("答：75", "75%"),
        ("答：12 000元", "12000"),  # a space is no thousands separator
        ("答：0.3", "1/3"),
        ("答：0.34", "1/3"),
        ("答：100001", "100000"),
        ("答：二零一五", "5"),
        ("答案是C", "B"),
        ("A train leaves.", "A"),
        ("答案：AB", "ABD"),
        ("答案：ABCD", "ABD"),
        ("答案：A", "AB"),
        ("答案：AB", "A"),
        ("答案：A、B", "A"),
        ("ABD三项都要考虑，无法确定", "ABD"),
        ("答：", "ABD"),
        ("1/0", "0"),
        ("\\boxed{", "0"),
        ("答：" + "9" * 5000, "9"),
        ("答：3小时行180千米", "3"),
        ("答案不是12", "12"),
        ("答案不是12，而是15。", "12"),
        ("2或3", "2"),
        ("2", "2或3"),
        ("答案可能是12，也可能是15。", "12"),
        ("我不会算这道题。一共有3个。", "3"),
        ("7个？", "7"),
        ("不选D", "D"),
        ("A、B、C都错，只有D对", "A"),
        ("维生素C", "C"),
        ("28", "28%"),
    ],
)
def test_wrong(text: str, result: str) -> None:
    assert not is_right(text, result)


@pytest.mark.parametrize(
    ("result", "checkable"),
    [("36", True), ("B", True), ("ABD", True), ("A、B、D", True), ("ABZ", False), ("Bad", False), ("", False)],
)
def test_numbers_and_sets_of_options_can_be_checked(result: str, checkable: bool) -> None:
    assert is_checkable(result) == checkable


def test_nothing_that_is_written_crashes_it() -> None:
    random = Random(5)
    alphabet = "0123456789.,:/%()又分之万亿一百答案是：#\\boxed{}frac$ -+×÷=\nABx½\0\ud800"
    for _ in range(3000):
        text = "".join(random.choices(alphabet, k=random.randint(0, 40)))
        final_answers(text)
        final_letters(text)
        assert is_right("答：3", text) in (True, False)
