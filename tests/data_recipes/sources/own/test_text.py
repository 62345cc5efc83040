"""Plain text as a source: every part is a document, nothing is lost in silence, and protected questions stay out."""

from pathlib import Path

import pytest

from common.command import read_config
from common.errors import UserError
from data_recipes.config import BuildConfig
from data_recipes.pipeline.build import build, load
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.schema.manifest import DatasetManifest
from data_recipes.sources.own.text import TextSource, read
from tests.data_recipes.samples import questions, write_jsonl


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    (folder / "deep").mkdir(parents=True)
    (folder / "one.md").write_text("# 高血压\n\n高血压很常见。\n\n## 检查\n\n量血压。\n", encoding="utf-8")
    (folder / "deep/two.txt").write_text("第一段。" * 30 + "\n" + "第二段。" * 30 + "\n", encoding="utf-8")
    (folder / "empty.txt").write_text("\n", encoding="utf-8")
    (folder / "picture.png").write_bytes(b"png")
    rows = [{"text": "糖尿病要复查。", "document": "书"}, {"text": "  "}, {"text": ["一", "二"]}, {"title": "空"}]
    write_jsonl(folder / "rows.jsonl", rows)
    return folder


def items(folder: Path, **settings: object) -> list[Example | Dropped]:
    config = TextSource(kind="text", path=str(folder), **settings)  # type: ignore[arg-type]
    return [item for item in read(config) if isinstance(item, Example | Dropped)]


def test_every_file_becomes_texts_or_is_counted(folder: Path) -> None:
    found = items(folder, characters=130)
    texts = {item.id: item for item in found if isinstance(item, Example)}
    dropped = {item.id: item.reason for item in found if isinstance(item, Dropped)}
    assert texts["text-one.md-1"].answer == "高血压\n高血压很常见。\n检查\n量血压。"  # headings are part of it
    parts = [item for id, item in texts.items() if "two.txt" in id]
    assert "".join(part.answer for part in parts) == "第一段。" * 30 + "第二段。" * 30
    assert [len(part.answer) for part in parts] == [120, 120]
    assert {part.group for part in parts} == {"deep/two.txt"} and all(part.is_text for part in parts)
    assert texts["text-rows.jsonl-1-1"].group == "书"
    assert dropped.pop("text-rows.jsonl-2") == dropped.pop("empty.txt") == "no_text"
    assert dropped == {"picture.png": "no_document", "rows.jsonl:3": "several_texts", "rows.jsonl:4": "no_field_text"}
    apart = items(folder, characters=130, kept_together="part")
    assert len({item.group for item in apart if isinstance(item, Example)}) == len(texts)


def test_a_folder_without_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"png")
    with pytest.raises(UserError, match="no text in this folder"):
        items(tmp_path)


def test_a_damaged_document_is_a_bad_row_of_its_folder_and_an_error_alone(tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "good.txt").write_text("第一段。" * 30, encoding="utf-8")
    (folder / "cut.txt").write_bytes("第一行。\n第二行".encode()[:-1])
    (folder / "other.txt").write_bytes(b"\xff\xfa\x81 caf\xe9")
    (folder / "nul.md").write_bytes("一\n二\0\n".encode())
    (folder / "broken.docx").write_bytes(b"PK")
    (folder / "rows.jsonl").write_text('{"content": "糖尿病要复查。"}\n', encoding="utf-8")
    bad = {item.id: item.reason for item in items(folder) if isinstance(item, Dropped)}
    assert bad == {
        "cut.txt:2": "cut_off",
        "other.txt:1": "not_utf8",
        "nul.md:2": "nul_bytes",
        "broken.docx:1": "damaged",
        "rows.jsonl:1": "no_field_text",
    }
    with pytest.raises(UserError, match=r"cut\.txt:2: the file ends inside a character"):
        items(folder / "cut.txt")
    with pytest.raises(
        UserError, match=r"5 of 6 rows are bad(?s:.*)documents/cut\.txt:2: cut_off(?s:.*)a row has text"
    ):
        build_text(folder, tmp_path / "out")


def build_text(source: Path, out: Path, *words: str) -> DatasetManifest:
    fixed = ("data=text", f"source.path={source}", "data.workers=1", "data.splits={}", f"out={out}")
    (config,) = read_config("build", [*fixed, *words], BuildConfig)
    return build(config)


def test_what_a_protected_set_asks_is_no_text_to_read(tmp_path: Path, cache: Path) -> None:
    pairs = zip(questions()[:48], questions()[48:], strict=True)
    write_jsonl(tmp_path / "rows.jsonl", [{"question": one + other, "answer": "要看医生。"} for one, other in pairs])
    words = ("data=rows", f"source.path={tmp_path}/rows.jsonl", "data.workers=1", "data.splits={dev: 4, test: 8}")
    (config,) = read_config("build", [*words, "data.name=asked", f"out={tmp_path}/asked"], BuildConfig)
    build(config)
    asked = [example.prompt[-1].content for example in load(tmp_path / "asked").splits["test"]]
    trained = load(tmp_path / "asked").splits["train"][0].prompt[-1].content
    own = "肺功能检查前四小时不要吸烟，也不要吃得太饱。"
    quoted = (f"常有人这样问：{asked[0]}先休息，再去看医生。", asked[1])  # part of a text, and all of one
    free = (f"也有人问：{trained}先休息。", own)
    write_jsonl(tmp_path / "texts.jsonl", [{"text": content} for content in (*quoted, *free, own, "短")])
    manifest = build_text(
        tmp_path / "texts.jsonl", tmp_path / "out", f"data.protected_sets=[{tmp_path}/asked/held_out.parquet]"
    )
    assert manifest.counts.read == 6 and manifest.counts.kept == 2
    assert manifest.counts.dropped == {"duplicate_row": 1, "overlaps_held_out": 2, "short_answer": 1}
    assert sorted(e.answer for e in load(tmp_path / "out").splits["train"]) == sorted(free)


def test_prose_is_split_by_what_its_paragraphs_share(tmp_path: Path) -> None:
    words = ("data=prose", "source.domain=instruments", "data.workers=1", "data.splits={dev: 20, test: 20}")
    (config,) = read_config("build", [*words, f"out={tmp_path}/prose"], BuildConfig)
    manifest = build(config)
    assert manifest.overlap["test"].ngram == manifest.overlap["test"].exact == 0
    assert all(example.is_text for example in load(tmp_path / "prose").splits["train"])
    with pytest.raises(UserError, match=r"the domain general has no prose; these have: .*medical"):
        read_config("build", [*words, "source.domain=general", f"out={tmp_path}/other"], BuildConfig)
