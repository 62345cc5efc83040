"""Documents become passages that keep headings, pages and whole sentences; unreadable documents are reported."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from common.errors import UserError
from data_recipes.formats.documents import PassageText, passages
from data_recipes.passages import main
from data_recipes.pipeline.build import load
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.sources.own import documents
from tests.data_recipes.conftest import Run
from tests.data_recipes.formats.pdfs import pdf
from tests.data_recipes.samples import items_of, questions, write_jsonl

GUIDE = """# 高血压

血压持续升高的慢性病。

## 饮食
每天吃盐不超过五克。少吃咸菜！多吃蔬菜。

```
# 不是标题
```

## 用药
遵医嘱。
"""


def cut(path: Path, characters: int = 400) -> list[PassageText]:
    found = list(passages(path, characters))
    assert all(isinstance(item, PassageText) for item in found)
    return [item for item in found if isinstance(item, PassageText)]


def test_markdown_keeps_the_headings_above_a_passage(tmp_path: Path) -> None:
    path = tmp_path / "guide.md"
    path.write_text(GUIDE, encoding="utf-8")
    found = cut(path)
    assert [(p.id, p.headings, p.text) for p in found] == [
        ("guide.md-1", ("高血压",), "血压持续升高的慢性病。"),
        ("guide.md-2", ("高血压", "饮食"), "每天吃盐不超过五克。少吃咸菜！多吃蔬菜。\n# 不是标题"),
        ("guide.md-3", ("高血压", "用药"), "遵医嘱。"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_passages_end_with_a_sentence_and_lose_nothing(tmp_path: Path, encoding: str) -> None:
    text = "".join(f"第{n}条要求是按时复诊并记录血压。" for n in range(40)) + "长" * 130 + "\r\n最后一段，没有句号\n\n"
    path = tmp_path / "guide.txt"
    path.write_bytes(text.encode(encoding))
    found = cut(path, 60)
    assert all(len(p.text) <= 60 for p in found)
    assert "".join(p.text for p in found).replace("\n", "") == text.replace("\r", "").replace("\n", "")
    assert all(p.text.endswith("。") for p in found[:12]) and all(p.page is None for p in found)


def test_a_pdf_keeps_pages_and_outline_and_loses_running_lines(tmp_path: Path) -> None:
    pages = [
        ["某院诊疗指南", "一、饮食", "每天吃盐不超过", "五克。", "少吃咸菜，", "1"],
        ["某院诊疗指南", "多吃蔬菜。", "二、用药", "遵医嘱。", "2"],
        [],
        ["某院诊疗指南", "定期复诊。", "第 4 页 共 4 页"],
    ]
    path = tmp_path / "guide.pdf"
    path.write_bytes(pdf(pages, {"一、饮食": 1, "二、用药": 2}))
    found = list(passages(path, 400))
    assert [item for item in found if isinstance(item, Dropped)] == [Dropped("guide.pdf:3", "page_without_text")]
    assert [(p.headings, p.page, p.last_page, p.text) for p in found if isinstance(p, PassageText)] == [
        (("一、饮食",), 1, 2, "每天吃盐不超过五克。\n少吃咸菜，\n多吃蔬菜。"),
        (("二、用药",), 2, 4, "遵医嘱。\n定期复诊。"),
    ]


def test_word_keeps_heading_styles_and_tables(tmp_path: Path) -> None:
    docx = pytest.importorskip("docx")
    document = docx.Document()
    document.add_heading("高血压", 1)
    document.add_paragraph("慢性病。")
    document.add_heading("饮食", 2)
    table = document.add_table(rows=0, cols=2)
    for cells in (("食物", "建议"), ("咸菜", "少吃")):
        for cell, text in zip(table.add_row().cells, cells, strict=True):
            cell.text = text
    document.add_heading("糖尿病", 1)
    document.add_paragraph("多饮多尿。")
    path = tmp_path / "guide.docx"
    document.save(str(path))
    assert [(p.headings, p.text) for p in cut(path)] == [
        (("高血压",), "慢性病。"),
        (("高血压", "饮食"), "食物，建议。\n咸菜，少吃。"),
        (("糖尿病",), "多饮多尿。"),
    ]


LEAFLET = "缬沙坦胶囊说明书\n【适应症】治疗高血压。\n【禁忌】\n孕妇禁用。\n详见【禁忌】。\n【贮藏】密封保存。\n"


def test_the_sections_of_a_leaflet_are_headings(tmp_path: Path) -> None:
    (tmp_path / "药.txt").write_text(LEAFLET, encoding="utf-8")
    (tmp_path / "药名.txt").write_text(LEAFLET.partition("\n")[2], encoding="utf-8")
    (tmp_path / "须知.txt").write_text("【注意】不要吸烟。\n【D001】是编号。\n【甲】【乙】\n", encoding="utf-8")
    found = [(("适应症",), "治疗高血压。"), (("禁忌",), "孕妇禁用。\n详见【禁忌】。"), (("贮藏",), "密封保存。")]
    for file, title in (("药.txt", "缬沙坦胶囊说明书"), ("药名.txt", "药名")):
        assert [(p.headings, p.text) for p in cut(tmp_path / file)] == [
            ((title, *above), text) for above, text in found
        ]
    assert [p.headings for p in cut(tmp_path / "须知.txt")] == [()]


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    pytest.importorskip("docx")
    scanned = pdf([[], []])
    cases = {
        "cut.docx": (b"PK\x03\x04 cut", "this Word file is damaged"),
        "cut.pdf": (b"%PDF-1.4 cut", "this PDF file is damaged"),
        "scan.pdf": (scanned, "there is no text in this document"),
        "nul.txt": ("好\n坏\0的\n".encode(), r"nul\.txt:2: NUL bytes"),
        "latin.md": ("好\n".encode() + b"\xff\xff\xff\n", r"latin\.md:2: neither UTF-8 nor GB18030"),
        "empty.txt": (b"", "the file is empty"),
        "table.xls": (b"x", "this format is not supported"),
    }
    for name, (content, message) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=message):
            list(passages(tmp_path / name, 400))


def test_a_folder_becomes_one_file_that_is_never_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.md").write_text(GUIDE, encoding="utf-8")
    (tmp_path / "in/b.txt").write_text("按时吃药。\n" * 3, encoding="utf-8")
    (tmp_path / "in/c.png").write_bytes(b"x")
    lines, table = tmp_path / "out.jsonl", tmp_path / "out.parquet"
    main([str(tmp_path / "in"), f"out={lines}"])
    assert "4 passages of 2 documents, 0 pages" in capsys.readouterr().out
    main([str(tmp_path / "in"), f"out={table}", "characters=50"])
    rows = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]
    assert pq.read_table(table).to_pylist()[:1] == rows[:1]
    with pytest.raises(UserError, match="already exists"):
        main([str(tmp_path / "in"), f"out={lines}"])
    with pytest.raises(UserError, match="characters"):
        main([str(tmp_path / "in"), f"out={tmp_path / 'x.jsonl'}", "characters=3"])


def test_passages_with_questions_build_and_those_without_are_counted(build: Run, tmp_path: Path) -> None:
    row = {"document": "指南.md", "headings": ["饮食"], "text": "少吃咸菜。", "page": None}
    rows = [
        {**row, "id": f"指南.md-{n}", "question": q, "answer": f"{q[:-1]}少吃咸菜。"} for n, q in enumerate(questions())
    ]
    path = write_jsonl(tmp_path / "passages.jsonl", [*rows, {**row, "id": "指南.md-99"}])
    words = ("data.splits.dev=5", "data.splits.test=5", f"out={tmp_path / 'out'}")
    assert build("data=documents", f"source.path={path}", *words) == 0
    built = load(tmp_path / "out")
    assert built.manifest.counts.dropped == {"passage_without_question": 1}
    example = built.splits["train"][0]
    assert example.messages[0].content == f"{documents.ASKING}\n饮食\n少吃咸菜。" and example.grounding


def test_damaged_passages_are_named(tmp_path: Path) -> None:
    row = {"id": "a", "document": "a.md", "text": "文。", "question": "问？", "answer": "答。"}
    bad = [{**row, "text": ""}, {**row, "id": None}, {**row, "answer": " "}, [1]]
    path = write_jsonl(tmp_path / "passages.jsonl", [*bad, row])
    found = items_of(documents.read(documents.DocumentsSource(kind="documents", path=str(path))))
    reasons = ["no_text_in_text", "no_text_in_id", "empty_answer", "not_an_object"]
    assert found[:4] == [Dropped(f"passages.jsonl:{n}", reason) for n, reason in enumerate(reasons, 1)]
    assert isinstance(found[4], Example)


def test_a_folder_goes_on_after_a_document_without_text_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.txt").write_bytes(b"")
    (folder / "b.md").write_text("\n \n", encoding="utf-8")
    (folder / "c.txt").write_text("按时吃药。\n", encoding="utf-8")
    (folder / "d.png").write_bytes(b"x")
    main([str(folder), f"out={tmp_path / 'out.jsonl'}"])
    printed = capsys.readouterr().out
    assert "a.txt: the file is empty" in printed and "b.md: there is no text in this document" in printed
    assert "not read: 1 files of other formats (.png)" in printed
    assert "1 passages of 1 documents, 0 pages without text, 2 documents without text" in printed
    with pytest.raises(UserError, match="the file is empty"):
        main([str(folder / "a.txt"), f"out={tmp_path / 'one.jsonl'}"])
    (folder / "c.txt").unlink()
    with pytest.raises(UserError, match="no document in this folder has text"):
        main([str(folder), f"out={tmp_path / 'none.jsonl'}"])
