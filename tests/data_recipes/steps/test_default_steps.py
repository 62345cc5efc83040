"""What a recipe does to text by default: users' text is fixed, mathematics keeps its characters."""

import json
from pathlib import Path

import pytest

from common.command import read_config
from common.errors import UserError
from common.groups import CONFIGS
from data_recipes.config import BuildConfig
from data_recipes.pipeline.build import load
from data_recipes.steps import DEFAULT
from tests.data_recipes.conftest import Run
from tests.data_recipes.samples import bencao_rows, toyhom_rows, write_csv, write_jsonl

PHONE = "电话13812345678"
MISREAD = "头痛".encode().decode("latin-1")
WRITTEN_BY_PEOPLE = {
    "bencao",
    "bencao_benchmark",
    "bencao_knowledge_questions",
    "bencao_literature",
    "cmedqa",
    "cmedqa_pairs",
    "documents",
    "feedback",
    "promptcblue",
    "rows",
    "toyhom",
}
ADVISING = {"bencao", "bencao_literature", "cmedqa", "cmedqa_pairs", "feedback", "rows", "toyhom"}
MADE_OF_PATHS = {"mix": ("source.paths=[a,b]", "source.ratios=[1]"), "flan": ("source.paths=[a,b]",)}


def steps_of(data: str) -> set[str]:
    for words in (MADE_OF_PATHS.get(data, ()), ("source.path=x",)):
        try:
            [config] = read_config("build", [f"data={data}", "out=x", *words], BuildConfig)
            return {step.kind for step in config.data.steps}
        except UserError:
            continue
    raise AssertionError(data)


@pytest.mark.slow
def test_every_recipe_over_text_of_people_masks_personal_data_and_no_other_does() -> None:
    steps = {path.stem: steps_of(path.stem) for path in (CONFIGS / "data").glob("*.yaml")}
    assert {name for name, kinds in steps.items() if "personal_data" in kinds} == WRITTEN_BY_PEOPLE
    assert {name for name, kinds in steps.items() if "unsafe_advice" in kinds} == ADVISING
    assert all("empty" in kinds for kinds in steps.values())
    without = {name for name, kinds in steps.items() if "encoding" not in kinds}
    assert without == {"image_prompt", "subjqa", "subjqa_generative"}  # generated; spans that count characters


def test_a_recipe_that_names_no_steps_masks_personal_data() -> None:
    assert "personal_data" in {step.kind for step in DEFAULT}


@pytest.mark.parametrize("data", ["bencao", "toyhom", "rows"])
def test_text_of_people_is_fixed_masked_and_screened(build: Run, tmp_path: Path, data: str) -> None:
    said = [f"{MISREAD}三天，{PHONE}，<b>多喝水</b>再看医生。", "这个方子包治百病，可以放心服用。"]
    if data == "toyhom":
        table = toyhom_rows()
        table[0][3], table[1][3] = f"头痛三天，{PHONE}，<b>多喝水</b>再看医生。", said[1]
        source = write_csv(tmp_path / "rows.csv", table)
    else:
        rows = bencao_rows()
        rows[0]["output"], rows[1]["output"] = said
        source = write_jsonl(tmp_path / "rows.jsonl", rows)
    words = (f"data={data}", f"source.path={source}", f"out={tmp_path / 'out'}", "data.splits.dev=8")
    assert build(*words, "data.splits.test=8") == 0
    built = load(tmp_path / "out")
    answers = {e.answer for split in built.splits.values() for e in split}
    assert "头痛三天，电话【手机号】，多喝水再看医生。" in answers
    assert built.manifest.counts.dropped == {"unsafe_cure_promise": 1}
    changed = {name: n for step in built.manifest.steps for name, n in step.changed.items()}
    assert changed == ({} if data == "toyhom" else {"mojibake": 1}) | {"markup": 1, "masked_mobile": 1}


def test_mathematics_keeps_its_characters(build: Run, tmp_path: Path) -> None:
    asked = [
        "１２＋３＝？写出得数。",
        "13812345678读作什么？写出它的最高位。",
        "若a<b>c 且 x<y，a+b 是几？",
        "小明家住人民路15号，小红家住20号，相差几？",
        "小白猫钓了几条鱼？它钓了一上午。小白猫钓了几条鱼？",
    ]
    lines = [json.dumps({"grade": 1, "input": q, "golden": "5"}, ensure_ascii=False) for q in asked]
    (tmp_path / "cmath_dev.jsonl").write_text("\n".join(lines), encoding="utf-8")
    words = ("data=cmath", f"source.path={tmp_path}", f"out={tmp_path / 'out'}", "data.splits.dev=1")
    assert build(*words, "data.splits.test=1") == 0
    built = load(tmp_path / "out")
    assert built.manifest.counts.dropped == {}
    assert all(not step.changed for step in built.manifest.steps)
    said = "\n".join(m.content for split in built.splits.values() for e in split for m in e.messages)
    assert all(question in said for question in asked)
