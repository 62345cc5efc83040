import pytest

from data_recipes.steps.personal_text import read


@pytest.mark.parametrize(
    ("original", "text"),
    [
        ("手机１３８，ＣＴ号", "手机138，CT号"),
        ("護照號碼", "护照号码"),
        ("姓 名 ： 王 晶 晶", "姓名 ： 王晶晶"),
        ("1 3 6 - 5 1 8 0", "136-5180"),
        ("血压 120 / 80 mmHg，一 二", "血压 120 / 80 mmHg，一 二"),
    ],
)
def test_signs_are_plain_and_nothing_is_spaced_out(original: str, text: str) -> None:
    assert read(original).text == text


def test_a_place_that_is_read_is_the_place_in_the_text() -> None:
    original = "病人 护 照 號 碼 G 6 2 8 1 9，男"
    reading = read(original)
    start = reading.text.index("G62819")
    place = reading.place(start, start + 6)
    assert place is not None
    assert original[slice(*place)] == "G 6 2 8 1 9"


def test_a_cell_of_a_table_is_read_after_its_label() -> None:
    original = "门诊号|姓名|诊断\nM240319077|初夏|上感"
    reading = read(original)
    start = reading.text.index("姓名：初夏") + 3
    place = reading.place(start, start + 2)
    assert place is not None
    assert original[slice(*place)] == "初夏"
    assert reading.place(start - 3, start) is None  # the label is not in that place


def test_lines_with_as_many_commas_are_no_table() -> None:
    prose = "first 12, second, third\nfourth, fifth, sixth"
    assert read(prose).text == prose
