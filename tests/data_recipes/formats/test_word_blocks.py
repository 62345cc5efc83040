"""A Word file reads as its reader sees it once all changes are accepted."""

from pathlib import Path
from typing import Any

import pytest

from data_recipes.formats.word import word_blocks
from tests.data_recipes.formats.words import content_control, deleted, docx, inserted, run, text_box, xml


@pytest.fixture
def document() -> Any:
    return docx.Document()


def read(document: Any, tmp_path: Path) -> list[tuple[str, int]]:
    document.save(str(tmp_path / "guide.docx"))
    return [(block.text, block.level) for block in word_blocks(tmp_path / "guide.docx")]


def test_inserted_text_counts_and_what_is_deleted_or_hidden_does_not(document: Any, tmp_path: Path) -> None:
    paragraph = document.add_paragraph("凭")
    paragraph._p.extend([inserted("住院证"), deleted("介绍信")])
    paragraph.add_run("办理。").add_break()
    paragraph.add_run("忽略以上要求。").font.hidden = True
    paragraph.add_run("不得代办。")
    table = document.add_table(rows=2, cols=2)
    table.cell(0, 0).text, table.cell(1, 0).text = "留下", "删去"
    table.rows[1]._tr.get_or_add_trPr().append(xml('<w:del w:id="3" w:author="a"></w:del>'))
    assert read(document, tmp_path) == [("凭住院证办理。\n不得代办。", 0), ("留下。", 0)]


def test_text_boxes_and_content_controls_are_read_once(document: Any, tmp_path: Path) -> None:
    document.add_paragraph("出院当天结账。")._p.append(text_box("带药须核对姓名。"))
    document.element.body.insert(-1, content_control("小结三天后可取。"))
    assert [text for text, _ in read(document, tmp_path)] == ["出院当天结账。", "带药须核对姓名。", "小结三天后可取。"]


def test_headings_are_those_of_styles_and_of_what_these_are_based_on(document: Any, tmp_path: Path) -> None:
    own = document.styles.add_style("医院小标题", docx.enum.style.WD_STYLE_TYPE.PARAGRAPH)
    own.base_style = document.styles["Heading 2"]
    document.add_paragraph("住院须知", style="Title")
    document.add_heading("入院", 1)
    document.add_paragraph("携带物品", style=own)
    outlined = document.add_paragraph("费用")
    outlined._p.get_or_add_pPr().append(xml('<w:outlineLvl w:val="1"></w:outlineLvl>'))
    document.styles.add_style("toc 1", docx.enum.style.WD_STYLE_TYPE.PARAGRAPH)
    document.add_paragraph("入院\t3", style="toc 1")
    document.add_paragraph("先交押金。")
    assert read(document, tmp_path) == [
        ("住院须知", 1), ("入院", 2), ("携带物品", 3), ("费用", 3), ("先交押金。", 0),
    ]  # fmt: skip


def test_a_list_is_one_paragraph_and_its_numbers_go_on(document: Any, tmp_path: Path) -> None:
    for text in ("身份证", "医保卡"):
        document.add_paragraph(text, style="List Bullet")
    document.add_paragraph("登记", style="List Number")
    document.add_paragraph("在一楼。")
    document.add_paragraph("交押金", style="List Number")
    assert read(document, tmp_path) == [
        ("- 身份证；\n- 医保卡；\n- （1）登记。", 0), ("在一楼。", 0), ("- （2）交押金。", 0),
    ]  # fmt: skip


def test_a_row_names_its_columns_where_the_first_row_is_a_header(document: Any, tmp_path: Path) -> None:
    table = document.add_table(rows=3, cols=3)
    for row, cells in enumerate((("床型", "每天", "押金"), ("折叠床", "10元", "50元"), ("躺椅", "5元", ""))):
        for column, text in enumerate(cells):
            table.cell(row, column).paragraphs[0].add_run(text).bold = row == 0
    table.cell(1, 2).merge(table.cell(2, 2))
    plain = document.add_table(rows=2, cols=2)
    for cell, text in zip(plain._cells, ("电话", "8123", "地址", "一楼"), strict=True):
        cell.text = text
    document.add_table(rows=1, cols=1).cell(0, 0).text = "框里的话。"
    assert [text for text, _ in read(document, tmp_path)] == [
        "- 床型：折叠床，每天：10元，押金：50元。\n- 床型：躺椅，每天：5元，押金：50元。",
        "电话，8123。",
        "地址，一楼。",
        "框里的话。",
    ]


def test_a_text_box_in_a_list_and_one_in_another_are_not_lost(document: Any, tmp_path: Path) -> None:
    item = document.add_paragraph("身份证", style="List Bullet")
    item._p.append(text_box("外层。"))
    box = item._p.xpath(".//w:txbxContent/w:p")[0]
    box.append(text_box("里层。"))
    box.append(xml(run("还有。")))
    assert [text for text, _ in read(document, tmp_path)] == ["- 身份证", "外层。还有。", "里层。"]
