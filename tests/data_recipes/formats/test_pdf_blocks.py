"""A PDF reads as it was written: columns, tables, headings and paragraphs out of what is drawn on its pages."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from common.errors import UserError
from data_recipes.formats.blocks import Block
from data_recipes.formats.pdf import pdf_blocks
from data_recipes.schema.dropped import Dropped
from tests.data_recipes.formats.pdfs import At, locked, pdf

FULL = "每天吃盐不超过五克并且少吃咸菜和腊肉"  # as long as most lines


def read(tmp_path: Path, content: bytes) -> list[Block | Dropped]:
    path = tmp_path / "guide.pdf"
    path.write_bytes(content)
    return list(pdf_blocks(path))


def texts(tmp_path: Path, lines: Sequence[str | At]) -> list[str]:
    return [block.text for block in read(tmp_path, pdf([lines])) if isinstance(block, Block)]


def test_text_is_what_would_be_typed(tmp_path: Path) -> None:
    lines = [
        f"{FULL}，",
        "诊 室 血 压 ， 收 缩 压 不 低 于 140 毫 米 汞 柱 者",  # justified
        "⼀⽇三次服⽤，⻓期⻅效，饭后服\u00ad用并记录",  # radicals that stand for letters, a soft hyphen
        "用 ﬁrst-line 药物。",
    ]
    assert texts(tmp_path, lines) == [
        f"{FULL}，诊室血压，收缩压不低于 140 毫米汞柱者一日三次服用，长期见效，饭后服用并记录用 first-line 药物。"
    ]


def test_a_sentence_goes_on_in_the_next_line_and_a_short_line_ends(tmp_path: Path) -> None:
    assert texts(tmp_path, [FULL, FULL + "。", "身份证", "医保卡", FULL, "和酱菜。"]) == [
        f"{FULL}{FULL}。",
        "身份证",
        "医保卡",
        f"{FULL}和酱菜。",
    ]


def test_two_columns_are_read_one_after_another(tmp_path: Path) -> None:
    rows = [
        At(f"{side}栏第{row}行的文字写满了这一整行", x, 700 - 20 * row)
        for row in range(8)
        for side, x in (("左", 50), ("右", 310))
    ]
    above = At("这一行在两栏的上面从左边一直写到右边把整页的宽度都占满了没有停。", 50, 760, 14)
    below = At("右栏最后半行。", 310, 540)
    [first, columns] = texts(tmp_path, [above, *rows, below])
    assert first == above.text
    assert columns == "".join(row.text for row in rows[0::2]) + "".join(row.text for row in rows[1::2]) + below.text


def test_cells_of_a_table_stay_apart(tmp_path: Path) -> None:
    cells = [(("人群", 50), ("目标", 200), ("复诊", 350)), (("老年人", 50), ("150/90", 200), ("每月", 350))]
    rows = [At(text, x, 700 - 20 * row) for row, row_cells in enumerate(cells) for text, x in row_cells]
    assert texts(tmp_path, [FULL + "：", *rows]) == [f"{FULL}：", "人群，目标，复诊。", "老年人，150/90，每月。"]


def test_larger_type_is_a_heading_where_there_is_no_outline(tmp_path: Path) -> None:
    lines = [
        At("高血压基层诊疗", 50, 800, 22),
        At("指南", 50, 770, 22),
        At("一、饮食", 50, 740, 16),
        At(FULL + "。", 50, 720),
        At("这句话很大，但它是一句话。", 50, 700, 16),
        At("1.5倍的是上标2", 50, 680, 9),
    ]
    found = read(tmp_path, pdf([lines]))
    assert [(block.text, block.level) for block in found if isinstance(block, Block)] == [
        ("高血压基层诊疗指南", 1),
        ("一、饮食", 2),
        (FULL + "。", 0),
        ("这句话很大，但它是一句话。", 0),
        ("1.5倍的是上标2", 0),
    ]


def test_titles_of_the_outline_are_headings_however_they_are_spaced_and_on_scanned_pages(tmp_path: Path) -> None:
    chapter = [At("第一章", 50, 800), At("总则", 150, 800), At(FULL + "。", 50, 780)]
    content = pdf([chapter, [], [FULL + "。"]], {"第一章 总则": 1, "第二章": 2})
    assert read(tmp_path, content) == [
        Block("第一章 总则", 1, 1),
        Block(FULL + "。", page=1),
        Block("第二章", 1, 2),
        Dropped("guide.pdf:2", "page_without_text"),
        Block(FULL + "。", page=3),
    ]


def test_a_title_that_is_not_on_its_page_stands_where_the_outline_leads_to(tmp_path: Path) -> None:
    lines = ["1 总则", FULL + "。", "附 记", FULL + "，", "conges-", "tive 时除外。"]
    outline = {"总则": (1, 815), "附则": (1, 765)}
    found = read(tmp_path, pdf([lines], outline))
    assert [(block.text, block.level) for block in found if isinstance(block, Block)] == [
        ("总则", 1), (FULL + "。", 0), ("附则", 1), ("附 记", 0), (f"{FULL}，congestive 时除外。", 0),
    ]  # fmt: skip


def test_titles_that_differ_in_what_is_no_number_are_told_apart(tmp_path: Path) -> None:
    lines = ["2.1 1型糖尿病", FULL + "。", "2.2 2型糖尿病", FULL + "。"]
    found = read(tmp_path, pdf([lines], {"1型糖尿病": 1, "2型糖尿病": 1}))
    assert [block.text for block in found if isinstance(block, Block) and block.level] == ["1型糖尿病", "2型糖尿病"]


def test_what_every_page_repeats_is_no_text(tmp_path: Path) -> None:
    pages = []
    for page in range(1, 5):
        header = [At(f"{page}", 500, 820), f"某院诊疗指南 2026年版 第 {page} 页", "内部资料"]
        pages.append([*header, f"附件{page}", f"{FULL}{page}。", "编制：医务科", f"- {page} -"])
    found = read(tmp_path, pdf(pages))
    assert found == [Block(text, page=page) for page in range(1, 5) for text in (f"附件{page}", f"{FULL}{page}。")]


def test_pages_that_cannot_be_read_are_told_by_number(tmp_path: Path) -> None:
    assert read(tmp_path, pdf([[FULL + "。"], [], ["\ue001\ue002\ue003\ue004是"]])) == [
        Block(FULL + "。", page=1),
        Dropped("guide.pdf:2", "page_without_text"),
        Dropped("guide.pdf:3", "page_in_an_unreadable_font"),
    ]


def test_a_pdf_that_opens_without_a_password_is_read(tmp_path: Path) -> None:
    content = pdf([[FULL + "。"]])
    assert read(tmp_path, locked(content, "")) == [Block(FULL + "。", page=1)]
    with pytest.raises(UserError, match="locked"):
        read(tmp_path, locked(content, "secret"))
