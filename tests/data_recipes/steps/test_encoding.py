from typing import Any

import pytest

from data_recipes.steps.encoding import EncodingStep, make

TEXT = "高血压患者应当低盐饮食，按时服药。"


def fixed(text: str, rows: Any, run: Any, **options: bool) -> tuple[str, dict[str, int]]:
    outcome = run(make(EncodingStep(kind="encoding", **options)), rows((text, "好")))
    return outcome.kept["messages"].to_pylist()[0][0]["content"], outcome.counts


@pytest.mark.parametrize(
    ("written_in", "read_as"), [("utf-8", "latin-1"), ("gb18030", "latin-1"), ("utf-8", "gb18030")]
)
def test_a_misread_text_is_read_again(written_in: str, read_as: str, rows: Any, run: Any) -> None:
    # sixteen characters, so that the three bytes of each pair up as GB18030 reads them
    text = TEXT[:16] if read_as == "gb18030" else TEXT
    assert fixed(text.encode(written_in).decode(read_as), rows, run) == (text, {"mojibake": 1})


def test_only_the_misread_part_of_a_text_is_touched(rows: Any, run: Any) -> None:
    broken = "头痛".encode().decode("latin-1")
    assert fixed(f"患者{broken}三天", rows, run)[0] == "患者头痛三天"


def test_reading_again_can_be_switched_off(rows: Any, run: Any) -> None:
    broken = TEXT.encode().decode("latin-1")
    assert fixed(broken, rows, run, reread=False)[0] != TEXT


def test_a_run_of_one_sign_is_no_mojibake(rows: Any, run: Any) -> None:
    for text in ("患者张××××，电话138××××5678", "7÷3=2······1", "绝望····我该怎么办", "±±±±°°°°", "ÑÁÉÍÓÚ"):
        assert fixed(text, rows, run) == (text, {})


@pytest.mark.parametrize(
    "text", [TEXT, "Ménière 病与 Sjögren 综合征", "体温38.5℃，±0.2，µg，α、β", "联通", "ÄÖÜäöü", "糖尿病酮症酸中毒"]
)
def test_sound_text_stays(text: str, rows: Any, run: Any) -> None:
    assert fixed(text, rows, run) == (text, {})


def test_marks_control_characters_and_line_ends_go(rows: Any, run: Any) -> None:
    text, counts = fixed("\ufeff头\x00痛\u200b。\r\n发热\r咳嗽\n", rows, run)
    assert text == "头痛。\n发热\n咳嗽\n"
    assert counts == {"line_ends": 1, "invisible": 1}


def test_width_is_an_option_and_leaves_punctuation(rows: Any, run: Any) -> None:
    assert fixed("服用ＡＢＣ片３８\u3000次，（遵医嘱）", rows, run)[0] == "服用ABC片38 次，（遵医嘱）"
    assert fixed("ＡＢＣ", rows, run, half_width=False) == ("ＡＢＣ", {})


def test_decomposed_letters_are_composed(rows: Any, run: Any) -> None:
    assert fixed("Me\u0301nie\u0300re \uf900", rows, run) == ("Ménière 豈", {"composed": 1})


def test_traditional_becomes_simplified_where_wanted(rows: Any, run: Any) -> None:
    assert fixed("頭痛與發熱", rows, run, simplified=True) == ("头痛与发热", {"simplified": 1})
    assert fixed("頭痛與發熱", rows, run) == ("頭痛與發熱", {})


def test_lost_characters_cannot_be_fixed(rows: Any, run: Any) -> None:
    outcome = run(
        make(EncodingStep(kind="encoding")),
        rows(
            ("头\ufffd痛", "好"),
            ("锟斤拷", "好"),
            ("寤鸿??鍋氫竴涓?浜屽崄鍥涘皬鏃跺姩鎬佸績鐢靛浘", "好"),
            ("\x00", "好"),
            ("头痛", "好"),
        ),
    )
    assert [row.reason for row in outcome.dropped] == ["lost_characters"] * 3 + ["only_invisible"]
