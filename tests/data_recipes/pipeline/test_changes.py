"""What the steps did to rows, as a person sees it: named, and shown before and after without personal data."""

import json
from pathlib import Path

import pytest

from data_recipes.pipeline.build import load
from data_recipes.schema.changes import StepSample
from tests.data_recipes.conftest import Run
from tests.data_recipes.samples import questions, write_jsonl

PHONE = "13812345678"
SMALL = ("data.splits.dev=8", "data.splits.test=8", "data.workers=1")
STEPS = "data.steps=[{kind: markup}, {kind: personal_data, policy: %s}, {kind: length, max_conversation: 80}]"
ROWS = [
    {"instruction": f"<b>{question}</b>" if n == 3 else question, "output": f"{question[:-1]}先观察{n}天。"}
    for n, question in enumerate(questions())
]
ROWS[5]["output"] += f"<br>电话{PHONE}。"
ROWS[7]["output"] += "很长。" * 30
ROWS[9]["output"] += f"请打{PHONE}，" + "很长。" * 30
NAMED = "<p>请张伟先休息&nbsp;多喝水。</p>"
ROWS[13]["output"] = NAMED
ROWS.append(dict(ROWS[11], output="换一种回答，同一个问题。"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "rows.jsonl", ROWS)


def samples(folder: Path) -> dict[tuple[str, str, str], StepSample]:
    lines = (folder / "step_samples.jsonl").read_text("utf-8").splitlines()
    found = map(StepSample.model_validate_json, lines)
    return {(sample.step, sample.reason, sample.id): sample for sample in found}


def test_changed_rows_are_named_and_shown_before_and_after(build: Run, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("data=rows", f"source.path={source}", f"out={out}", *SMALL)
    assert build(*words, STEPS % "mask") == 0
    changed = [json.loads(line) for line in (out / "changed.jsonl").read_text("utf-8").splitlines()]
    assert changed == [
        {"id": "rows-4", "step": "markup"},
        {"id": "rows-6", "step": "markup"},
        {"id": "rows-14", "step": "markup"},
        {"id": "rows-6", "step": "personal_data"},
        {"id": "rows-14", "step": "personal_data"},
    ]
    found = samples(out)
    tagged = next(sample for (step, _, id), sample in found.items() if (step, id) == ("markup", "rows-4"))
    assert tagged.after and (tagged.before[0][1], tagged.after[0][1]) == (ROWS[3]["instruction"], questions()[3])
    masked = found["personal_data", "masked_mobile", "rows-6"]
    assert masked.after and "【手机号】" in masked.after[1][1]
    assert "1＊＊＊＊＊＊＊＊＊＊" in masked.before[1][1]  # what was found can be told, and not read
    named = found["personal_data", "masked_name", "rows-14"]  # after the step a row is shown as the dataset has it
    kept = next(example for example in load(out).splits["train"] if example.id == "rows-14")
    assert named.after and named.after[1] == ("assistant", kept.answer) and "张＊＊" in named.before[1][1]
    long = {reason: id for step, reason, id in found if step == "length"}
    assert set(long.values()) <= {"rows-8", "rows-10"} and long
    assert found["compare", "duplicate_question", "rows-97"].before[1] == ("assistant", "换一种回答，同一个问题。")
    everything = "".join(path.read_text("utf-8") for path in out.iterdir() if path.suffix in (".jsonl", ".html", ".md"))
    assert PHONE not in everything


def test_rows_whose_personal_data_is_dropped_are_not_shown(build: Run, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("data=rows", f"source.path={source}", f"out={out}", *SMALL)
    assert build(*words, STEPS % "drop") == 0
    assert samples(out)["personal_data", "personal_mobile", "rows-6"].before == []
    assert not any(PHONE in path.read_text("utf-8") for path in out.iterdir() if path.suffix in (".jsonl", ".html"))


def test_rows_that_are_only_marked_are_named_and_shown(build: Run, tmp_path: Path) -> None:
    rows = [{"instruction": one, "output": f"{one[:-1]}先观察三天。"} for one in questions()]
    rows[4]["output"] = "建议先到医院检查血常规，再根据检查的结果选择合适的药物，同时注意多休息，并且"
    sentences = "血压稳定后也不要自己停药。停药要先问医生。多数人要长期服用。每天在同一时间测量血压。结果要记录下来。"
    rows[6]["output"] = f"{sentences}复诊时带给医生看，医生会按这些数值调整药量，饮食和运动也要按医生说的坚持"
    source, out = write_jsonl(tmp_path / "rows.jsonl", rows), tmp_path / "out"
    words = ("data=rows", f"source.path={source}", f"out={out}", *SMALL, "data.steps=[{kind: quality}]")
    assert build(*words) == 0
    changed = [json.loads(line) for line in (out / "changed.jsonl").read_text("utf-8").splitlines()]
    flagged = [row for row in changed if "flagged_" in row["step"]]
    counts = load(out).manifest.steps[0].changed
    assert flagged and len(flagged) == sum(n for name, n in counts.items() if name.startswith("flagged_"))
    for row in flagged:
        step, _, reason = row["step"].partition(": ")
        assert samples(out)[step, reason, row["id"]].after is None


def test_show_prints_what_a_step_did(
    build: Run, show: Run, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ("data=rows", f"source.path={source}", f"out={out}", *SMALL)
    assert build(*words, STEPS % "mask") == 0
    capsys.readouterr()
    assert show(str(out), "step=markup") == 0
    printed = capsys.readouterr().out
    assert f"user: {ROWS[3]['instruction']}" in printed and f"user: {questions()[3]}" in printed
    assert show(str(out), "step=") == 0
    assert "2  personal_data · masked_mobile" in capsys.readouterr().out
    assert show(str(out), "step=compare") == 0
    assert "duplicate_question" in capsys.readouterr().out
    assert show(str(out), "step=mark") == 2 and show(str(out), "step=markup", "split=train") == 2


def test_the_preview_shows_the_same(build: Run, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("data=rows", f"source.path={source}", f"out={out}", *SMALL)
    assert build(*words, STEPS % "mask") == 0
    page = (out / "preview.html").read_text("utf-8")
    shown = json.loads(page.split("const changes = ", 1)[1].split(";\n", 1)[0])
    assert [StepSample.model_validate(sample) for sample in shown] == list(samples(out).values())
    assert load(out).manifest.counts.dropped["duplicate_question"] == 1
