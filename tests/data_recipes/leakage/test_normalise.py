import pytest

from data_recipes.leakage.normalise import normalise, normalise_with_signs

DIFFERENT = [
    "3+5 3-5 3×5 3÷5 35",
    "1.5 15 1:5 1,5 1/5",
    "HBsAg(+) HBsAg(-) HBsAg",
    "Rh+ Rh- Rh",
    "<50kg >50kg 50kg ≤50kg ≥50kg",
    "C C++ C#",
    "5% 5‰ 5",
    "(1+2)×3 1+2×3",
    "3×(1+2) 3×1+2",
    "选1、2 选12",
    "WBC↑ WBC↓ WBC",
    "5² 52",
    "10^3 103",
    "-5℃ 5℃",
    "x-y xy x+y",
    "x=5 x5",
    "a!=b a=b",
    "7÷3=2······1 7÷3=21",
    "120/80 12080",
    "mg/kg mgkg",
    r"\frac{1}{23} \frac{12}{3}",
    "👍 👎 ？",
    "Na⁺ Na",
    "བོད བད",
]
EQUAL = [
    ["3+5", "３＋５", "3 + 5", "3+5=？"],
    ["3~5天", "3-5天", "3—5天", "3 - 5天"],
    ["1,000元", "1000元"],
    ["COVID-19", "COVID19"],
    ["β-受体", "β受体"],
    ["X-ray", "X ray"],
    ["维生素B-12", "维生素B12"],
    ["高血压，怎么办？", "高血压 怎么办!"],
    ["- 头痛", "* 头痛", "头痛"],
    ["1.头痛", "1、头痛"],
    ["**高血压**怎么办", "高血压怎么办"],
    ["你好——再见", "你好再见"],
    ["（5岁）", "5岁"],
    ["3*5", "3×5"],
    ["10⁻³", "10^-3"],
    ["和/或", "和或"],
    ["HBsAg（+）", "hbsag(+)"],
]


@pytest.mark.parametrize("texts", DIFFERENT)
def test_signs_that_carry_meaning_tell_texts_apart(texts: str) -> None:
    alone = texts.split(" ")
    assert len({normalise_with_signs(text) for text in alone}) == len(alone)


@pytest.mark.parametrize("texts", EQUAL)
def test_signs_without_meaning_do_not(texts: list[str]) -> None:
    assert len({normalise_with_signs(text) for text in texts}) == 1


def test_runs_are_made_of_letters_and_digits() -> None:
    assert normalise("ＣＴ 检查，A-b 3+5") == "ct检查ab35"
