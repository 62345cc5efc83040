"""Every source times every kind of damage: the place is reported, bad rows are listed, nothing damaged is trained."""

import json
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from loguru import logger

from common.command import read_config
from common.errors import UserError
from data_recipes.config import BuildConfig
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.sources import SOURCES, source_of
from domains.medical.knowledge_base import KNOWLEDGE
from tests.data_recipes.conftest import Run
from tests.data_recipes.samples import FIXTURES, bencao_rows, items_of, questions, toyhom_rows, write_csv, write_jsonl
from tests.data_recipes.subjqa_samples import many
from tests.data_recipes.subjqa_samples import write as write_subjqa

MATHEMATICS = FIXTURES / "mathematics"
TEN_MB = 10_000_000
LARGEST = 1 << 20  # characters that one row may have


class Good(NamedTuple):
    """An undamaged set.

    Attributes:
        data: The recipe.
        path: What ``source.path`` is.
        file: The file that is damaged.
        text: Stands in one row of it, in a text that training would see.
        column: Must be there.
        words: Further keys of the recipe.
    """

    data: str
    path: Path
    file: Path
    text: str
    column: str
    words: tuple[str, ...] = ()


def lines_of(data: str, name: str, rows: list[Any], text: str, column: str, *words: str) -> Callable[[Path], Good]:
    def make(folder: Path) -> Good:
        path = write_jsonl(folder / name, rows)
        return Good(data, path, path, text, column, words)

    return make


def array_of(data: str, name: str, rows: list[Any], text: str, column: str, *words: str) -> Callable[[Path], Good]:
    def make(folder: Path) -> Good:
        path = folder / name
        items = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        path.write_text(f"[\n{items}\n]\n", encoding="utf-8")
        return Good(data, path, path, text, column, words)

    return make


def table_of(data: str, name: str, rows: list[str], text: str, column: str, *words: str) -> Callable[[Path], Good]:
    def make(folder: Path) -> Good:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(rows) + "\n", encoding="utf-8")
        return Good(data, folder, path, text, column, words)

    return make


def mathematics(data: str, name: str, text: str, column: str) -> Callable[[Path], Good]:
    def make(folder: Path) -> Good:
        path = folder / name
        path.write_bytes((MATHEMATICS / data / name).read_bytes())
        return Good(data, path, path, text, column)

    return make


def toyhom(folder: Path) -> Good:
    path = write_csv(folder / "内科.csv", toyhom_rows())
    return Good("toyhom", path, path, "司机咳嗽", "answer")


def subjqa(folder: Path) -> Good:
    path = write_subjqa(many(6)[::2], folder / "electronics/splits/train.csv")
    return Good("subjqa", folder, path, "The battery", "review")


def cmedqa(data: str) -> Callable[[Path], Good]:
    def make(folder: Path) -> Good:
        table_of(data, "question.csv", ["question_id,content", "1,头痛怎么办？", "2,咳嗽怎么办？"], "", "")(folder)
        triples = ["question_id,pos_ans_id,neg_ans_id", "1,10,20", "2,20,10"]
        table_of(data, "train_candidates.txt", triples, "", "")(folder)
        answers = ["ans_id,question_id,content", "10,1,多休息。", "20,2,多喝水，少说话。"]
        return table_of(data, "answer.csv", answers, "多喝水", "content")(folder)

    return make


def prompts() -> list[dict[str, Any]]:
    return [
        {
            "input": f"判断意图：\n{q}\n选项：用药建议，病因分析\n答：",
            "target": "用药建议",
            "answer_choices": ["用药建议", "病因分析"],
            "task_dataset": "KUAKE-QIC",
            "sample_id": f"train-{n}",
        }
        for n, q in enumerate(questions()[:8])
    ]


TALKS = [{"instruction": f"<user>: {q} <bot>: 多久了？ <user>: 三天。", "output": "去看看。"} for q in questions()[:8]]
FEEDBACK = [{"prompt": q, "chosen": f"{q}先休息。", "rejected": "不知道。"} for q in questions()[:8]]
PASSAGES = [
    {"id": f"p-{n}", "document": "手册", "text": f"{q[:-3]}时应休息。", "question": q, "answer": "休息。"}
    for n, q in enumerate(questions()[:8])
]
CMB = [
    {"question": q, "answer": "A", "option": {"A": "休息", "B": "跑步"}, "exam_class": "护理"} for q in questions()[:8]
]
OWN = [{"提问": q, "回答": f"{q}先休息。"} for q in questions()[:8]]
OWN_COLUMNS = ('source.columns.question=["提问"]', "source.columns.answer=回答")

GOOD: dict[str, Callable[[Path], Good]] = {
    "bencao": lines_of("bencao", "llama_data.json", bencao_rows()[:8], "孩子头痛", "output"),
    "bencao_literature": array_of("bencao_literature", "liver.json", TALKS, "孩子头痛", "output"),
    "toyhom": toyhom,
    "subjqa": subjqa,
    "gsm8k": mathematics("gsm8k", "train.jsonl", "bakery", "answer"),
    "cmath": mathematics("cmath", "cmath_dev.jsonl", "池塘", "golden"),
    "ape210k": mathematics("ape210k", "train.ape.json", "千米", "equation"),
    "tal_scq5k": mathematics("tal_scq5k", "train.jsonl", "的", "answer_value"),
    "feedback": lines_of("feedback", "feedback.jsonl", FEEDBACK, "孩子头痛", "prompt"),
    "questions": array_of("bencao_benchmark", "question.json", OWN, "孩子头痛", "提问", "source.question=提问"),
    "questions as text": lines_of("bencao_knowledge_questions", "ask.txt", questions()[:8], "孩子头痛", ""),
    "promptcblue": lines_of("promptcblue", "train.json", prompts(), "孩子头痛", "input"),
    "cmedqa": cmedqa("cmedqa"),
    "cmedqa pairs": cmedqa("cmedqa_pairs"),
    "documents": lines_of("documents", "passages.jsonl", PASSAGES, "孩子头痛", "text"),
    "text": lines_of(
        "text", "texts.jsonl", [{"text": f"{q}先休息，多喝水。"} for q in questions()[:8]], "孩子头痛", "text"
    ),
    "rows": lines_of("rows", "my.jsonl", OWN, "孩子头痛", "回答", *OWN_COLUMNS),
    "rows as CSV": lambda folder: table_of(
        "rows",
        "my.csv",
        ["提问,回答", *(f"{row['提问']},{row['回答']}" for row in OWN)],
        "孩子头痛",
        "回答",
        *OWN_COLUMNS,
    )(folder)._replace(path=folder / "my.csv"),
    "multiple_choice": table_of(
        "cmmlu",
        "test/nature.csv",
        [",Question,A,B,C,D,Answer", *(f"{n},{q},休息,跑步,喝酒,熬夜,A" for n, q in enumerate(questions()[:8]))],
        "孩子头痛",
        "Answer",
    ),
    "ceval": table_of(
        "ceval",
        "val/nature_val.csv",
        ["id,question,A,B,C,D,answer", *(f"{n},{q},休息,跑步,喝酒,熬夜,A" for n, q in enumerate(questions()[:8]))],
        "孩子头痛",
        "answer",
    ),
    "cmexam": table_of(
        "cmexam",
        "train.csv",
        ["Question,Options,Answer,Explanation", *(f'{q},"A 休息\nB 跑步",A,休息好。' for q in questions()[:8])],
        "孩子头痛",
        "Options",
    ),
    "cmb": array_of("cmb", "CMB-train-merge.json", CMB, "孩子头痛", "answer"),
}
READ_NO_FILE_OF_THE_USER = {"word_problems", "image_prompt"}
READ_A_KNOWLEDGE_BASE = {"knowledge_base", "knowledge_preferences", "knowledge_tuning", "grounded", "prose"}
READ_BUILT_DATASETS = {"mix", "multi_prompt", "templates", "in_context", "cross_task"}


def test_every_source_is_in_the_table() -> None:
    kinds = {source.kind for source in SOURCES}
    elsewhere = READ_NO_FILE_OF_THE_USER | READ_A_KNOWLEDGE_BASE | READ_BUILT_DATASETS
    assert kinds - elsewhere == kinds & set(GOOD)


@cache
def config_of(data: str, words: tuple[str, ...]) -> Any:
    return read_config("build", [f"data={data}", "source.path=unknown", *words, "out=unused"], BuildConfig)[0].source


def items(good: Good) -> list[Example | Dropped]:
    config = config_of(good.data, good.words).model_copy(update={"path": str(good.path)})
    source = source_of(config)
    source.files(config)
    return items_of(source.read(config))


def texts(found: list[Example | Dropped]) -> list[str]:
    return ["\n".join(m.content for m in item.messages) for item in found if isinstance(item, Example)]


def bad(found: list[Example | Dropped]) -> list[Dropped]:
    return [item for item in found if isinstance(item, Dropped) and item.bad]


@pytest.fixture(params=GOOD)
def good(request: pytest.FixtureRequest, tmp_path: Path) -> Good:
    return GOOD[request.param](tmp_path)


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    """What is logged as a warning."""
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), level="WARNING")
    yield lines
    logger.remove(sink)


def encoding_of(good: Good) -> str:
    return "gb18030" if good.data == "toyhom" else "utf-8"


def replace(good: Good, new: Callable[[bytes], bytes]) -> None:
    """Damages the first occurrence of the text."""
    content, text = good.file.read_bytes(), good.text.encode(encoding_of(good))
    assert text in content
    good.file.write_bytes(content.replace(text, new(text), 1))


def told(good: Good) -> list[Example | Dropped] | None:
    """What is read despite the damage; None where the error names the file, and its line if it has one."""
    try:
        found = items(good)
    except UserError as error:
        assert error.where.removesuffix(f":{error.where.rpartition(':')[2]}") == str(good.file), error
        assert error.fix
        return None
    for row in bad(found):
        name, _, line = row.id.rpartition(":")
        assert (good.file.parent / name).is_file() and int(line) > 0
    for text in texts(found):
        assert "\0" not in text and "\N{REPLACEMENT CHARACTER}" not in text and len(text) < LARGEST
    ids = [item.id for item in found if isinstance(item, Example)]
    assert len(set(ids)) == len(ids)
    return found


def test_the_set_is_sound(good: Good) -> None:
    found = items(good)
    assert any(good.text in text for text in texts(found))
    assert len(bad(found)) == (good.data == "ape210k")  # its fixture has a wrong row


def cut(content: bytes) -> bytes:
    """Without the second half of the last row."""
    lines = content.rstrip().split(b"\n")
    last = len(lines) - 1 - (lines[-1] == b"]")
    return b"\n".join([*lines[:last], lines[last][: len(lines[last]) // 2]])


def test_a_file_that_is_cut_off(good: Good, warnings: list[str]) -> None:
    before = items(good)
    good.file.write_bytes(cut(good.file.read_bytes()))
    found = told(good)
    if found is not None and bad(found) == bad(before):  # the row still looks like one
        assert any(f"{good.file}: the last line has no line break" in warning for warning in warnings)


def test_bytes_of_another_encoding(good: Good) -> None:
    before = len(texts(items(good)))
    replace(good, lambda text: b"\xff\xfe" + text)
    found = told(good)
    assert found is not None and bad(found) and len(texts(found)) < before


def test_a_file_in_utf16_without_a_mark(good: Good) -> None:
    good.file.write_bytes(good.file.read_bytes().decode(encoding_of(good)).encode("utf-16-le"))
    found = told(good)
    assert found is None or (bad(found) and not texts(found))


def test_a_missing_column(good: Good) -> None:
    if not good.column:
        pytest.skip("a text file has no columns")
    content = good.file.read_bytes().decode(encoding_of(good))
    first, rest = content.split("\n", 1)
    table = good.file.suffix == ".csv"
    text = f"{first.replace(good.column, 'other')}\n{rest}" if table else content.replace(f'"{good.column}"', '"other"')
    good.file.write_bytes(text.encode(encoding_of(good)))
    found = told(good)
    assert found is None or (bad(found) and not texts(found))


def test_nul_bytes(good: Good) -> None:
    before = len(texts(items(good)))
    replace(good, lambda text: text[:3] + b"\0" + text[3:])
    found = told(good)
    assert found is not None and bad(found) and len(texts(found)) < before


def test_a_line_of_ten_megabytes(good: Good) -> None:
    before = len(texts(items(good)))
    replace(good, lambda text: text * (TEN_MB // len(text)))
    found = told(good)
    assert found is not None and bad(found) and len(texts(found)) < before


def test_a_row_that_stands_twice(good: Good) -> None:
    before = items(good)
    lines = good.file.read_bytes().split(b"\n")
    end = b"\r" if lines[0].endswith(b"\r") else b""
    if lines[0] == b"[":
        lines = [lines[0], lines[1].rstrip(b",") + b",", *lines[1:]]
    elif good.data == "cmexam":
        lines = [lines[0], *lines[1:3], *lines[1:]]
    else:
        lines = [lines[0], *([lines[1]] if good.file.suffix == ".csv" else [lines[0]]), *lines[1:]]
    assert not end or lines[1].endswith(end)
    good.file.write_bytes(b"\n".join(lines))
    found = told(good)
    further = good.data != "cmedqa_pairs"  # where each candidate is an item, not each answer
    assert found is not None and len(found) == len(before) + further
    assert set(texts(found)) == set(texts(before))


def test_mixed_line_ends_change_nothing(good: Good) -> None:
    before = items(good)
    lines = good.file.read_bytes().replace(b"\r\n", b"\n").split(b"\n")
    ends = [b"\r\n" if number % 2 else b"\n" for number in range(len(lines) - 1)] + [b""]
    good.file.write_bytes(b"".join(line + end for line, end in zip(lines, ends, strict=True)))
    found = told(good)
    assert found is not None and len(found) == len(before)
    assert [text.split() for text in texts(found)] == [text.split() for text in texts(before)]


@pytest.mark.parametrize("name", ["bencao", "toyhom", "cmb"])
def test_too_many_bad_rows_stop_a_build_that_leaves_nothing_behind(
    build: Run, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    good = GOOD[name](tmp_path)
    replace(good, lambda text: b"\xff\xfe" + text)
    out = tmp_path / "datasets/new"
    words = (f"data={good.data}", f"source.path={good.path}", f"out={out}", "data.splits={dev: 1, test: 1}")
    words += ("data.near_duplicates=keep",)  # so few rows are too similar to be split
    assert build(*words, "data.max_bad_share=0") == 2
    assert f"{good.file}:" in capsys.readouterr().err and not out.parent.exists()
    assert build(*words, "data.max_bad_share=0.5") == 0
    told = [json.loads(line) for line in (out / "dropped.jsonl").read_text(encoding="utf-8").splitlines()]
    assert any(row["id"].startswith(f"{good.file.name}:") for row in told)


KNOWLEDGE_DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": cut,
    "encoding": lambda content: content.replace("布洛芬".encode(), "布洛芬".encode("gb18030") + b"\xff", 1),
    "column": lambda content: content.replace(b'"definition"', b'"other"', 1),
    "nul": lambda content: content.replace("布洛芬".encode(), "布\0芬".encode(), 1),
    "long": lambda content: content.replace("布洛芬".encode(), b"9" * TEN_MB, 1),
    "twice": lambda content: content.split(b"\n", 1)[0] + b"\n" + content,
}


@pytest.mark.parametrize("damage", KNOWLEDGE_DAMAGES)
def test_a_knowledge_base_must_be_whole(damage: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(KNOWLEDGE.schema.folder, tmp_path / "knowledge"))
    file = folder / "drugs.jsonl"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n", 7))
    assert KNOWLEDGE.load(folder).entries == KNOWLEDGE.load().entries
    file.write_bytes(KNOWLEDGE_DAMAGES[damage](file.read_bytes()))
    with pytest.raises(UserError) as error:
        KNOWLEDGE.load(folder)
    assert error.value.where.startswith(f"{file}:") and error.value.fix


@pytest.mark.slow  # three builds each
@pytest.mark.parametrize("data", sorted(READ_BUILT_DATASETS))
@pytest.mark.parametrize("damage", ["cut", "nul", "missing"])
def test_a_built_dataset_must_be_whole(
    data: str, damage: str, build: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_jsonl(tmp_path / "rows.jsonl", bencao_rows()[:40])
    one = tmp_path / "one"
    assert build("data=bencao", f"source.path={source}", "data.splits={dev: 4, test: 4}", f"out={one}") == 0
    shutil.copytree(one, tmp_path / "two")
    manifest = tmp_path / "two/manifest.json"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace('"name": "bencao"', '"name": "two"'), "utf-8")
    for file in sorted(one.glob("*.parquet")):
        content = file.read_bytes()
        match damage:
            case "cut":
                file.write_bytes(content[: len(content) // 2])
            case "nul":
                file.write_bytes(content[: len(content) // 3] + bytes(64) + content[len(content) // 3 + 64 :])
            case "missing":
                file.unlink()
    paths = f"source.paths=[{one},{tmp_path / 'two'}]"
    several = {"mix": (paths, "source.ratios=[1]"), "templates": (paths,)}
    name = "flan" if data == "templates" else data
    capsys.readouterr()
    assert build(f"data={name}", *several.get(data, (f"source.path={one}",)), f"out={tmp_path / 'out'}") == 2
    assert str(one) in capsys.readouterr().err and not (tmp_path / "out").exists()
