"""CONTRIBUTING.md, "Add a source" and "Add a step", followed word for word in copies of the project, to a dataset."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.following import PROJECT, follow, run

LINES = [f"{n}号仪器怎么保养？\t{n}号仪器每{n + 2}天清洁一次。" for n in range(60)]


@pytest.mark.slow  # in a copy of the project
def test_one_file_one_line_and_one_configuration_make_a_source(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    added = follow(PROJECT / "CONTRIBUTING.md", "Add a source", copy)
    assert added == ["data_recipes/sources/own/tab_lines.py", "configs/data/tab_lines.yaml"]
    (tmp_path / "faq.txt").write_text("\n".join([*LINES, "没有答案的一行"]), encoding="utf-8")
    words = (f"source.path={tmp_path}/faq.txt", "data.splits.dev=5", "data.splits.test=5", f"out={tmp_path}/faq")
    run(copy, "data_recipes/build.py", "data=tab_lines", *words)
    counts = json.loads((tmp_path / "faq/manifest.json").read_text(encoding="utf-8"))["counts"]
    assert counts["read"] == 61 and counts["dropped"]["no_tab_between_question_and_answer"] == 1
    assert "tab_lines" in run(copy, "data_recipes/build.py", "--help")


@pytest.mark.slow  # in a copy of the project
def test_one_file_and_one_line_make_a_step(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    assert follow(PROJECT / "CONTRIBUTING.md", "Add a step", copy) == ["data_recipes/steps/phone_only.py"]
    rows = [{"instruction": line.split("\t")[0], "input": "", "output": line.split("\t")[1]} for line in LINES]
    rows.append({"instruction": "仪器坏了找谁？", "input": "", "output": "请来电咨询。"})
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    words = (f"source.path={tmp_path}/rows.jsonl", "data.splits.dev=5", "data.splits.test=5", f"out={tmp_path}/rows")
    run(copy, "data_recipes/build.py", "data=rows", "data.steps=[{kind: phone_only}]", *words)
    counts = json.loads((tmp_path / "rows/manifest.json").read_text(encoding="utf-8"))["counts"]
    assert counts["dropped"]["phone_only"] == 1
    answers = [m["content"] for r in pq.read_table(tmp_path / "rows/train.parquet").to_pylist() for m in r["messages"]]
    assert "请来电咨询。" not in answers
