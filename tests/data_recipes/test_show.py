import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from data_recipes.dataset.listing import shown_row
from data_recipes.pipeline.build import BuiltDataset
from data_recipes.schema.example import Example, Message
from models.loading import load_tokenizer
from models.prompt_format import PromptFormat
from tests.data_recipes.conftest import Made, Run
from tests.data_recipes.samples import write_jsonl


def test_rows_are_found_by_text_id_and_split(
    show: Run, medical: BuiltDataset, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = medical.splits["dev"][3]
    assert show(str(medical.directory), f"id={wanted.id}", "split=dev") == 0
    printed = capsys.readouterr().out
    assert f"dev · {wanted.id}" in printed and f"assistant: «{wanted.answer}»" in printed
    assert show(str(medical.directory), f"text={wanted.answer}", "rows=500") == 0
    found = capsys.readouterr().out.count("── ")
    everything = [e for split in medical.splits.values() for e in split]
    assert found == sum(any(wanted.answer in m.content for m in e.messages) for e in everything) > 0


@pytest.mark.parametrize(("supervise", "marked"), [("all", 2), ("last", 1)])
def test_marked_is_what_training_supervises(supervise: Literal["all", "last"], marked: int, tiny_base: Path) -> None:
    said = (("user", "一？"), ("assistant", "第一答。"), ("user", "二？"), ("assistant", "第二答。"))
    turns = tuple(Message.model_validate({"role": role, "content": content}) for role, content in said)
    row = Example(id="a", messages=turns, source="s", group="a", kind="k")
    tokens = PromptFormat.load(tiny_base, load_tokenizer(tiny_base))
    for prompt_format in (None, tokens):
        printed = shown_row("train", row, prompt_format, coloured=False, supervise=supervise)
        assert printed.count("«") == marked and ("«第一答" in printed) == (supervise == "all") and "«第二答" in printed


def test_what_was_dropped_is_found_by_reason(
    show: Run, medical: BuiltDataset, capsys: pytest.CaptureFixture[str]
) -> None:
    number = medical.manifest.counts.dropped["overlaps_train"]
    assert show(str(medical.directory), "reason=overlaps_train") == 0
    assert capsys.readouterr().out.count(": overlaps_train\n") == number
    assert show(str(medical.directory), "reason=") == 0
    printed = capsys.readouterr().out
    dropped = sum(medical.manifest.counts.dropped.values())
    assert f"{number}  overlaps_train" in printed and f"0 rows shown, {dropped} dropped" in printed
    assert show(str(medical.directory), "reason=overlaps_trian") == 2
    assert "overlaps_train" in capsys.readouterr().err
    assert show(str(medical.directory), "reason=overlaps_train", "text=头痛") == 2


def test_with_a_model_exactly_the_supervised_part_is_marked(
    show: Run, medical: BuiltDataset, tiny_base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show(str(medical.directory), "split=dev", "rows=1", f"model={tiny_base}") == 0
    printed = capsys.readouterr().out
    example = medical.splits["dev"][0]
    marked = printed[printed.index("«") + 1 : printed.index("»")]
    assert example.answer in marked and example.messages[0].content not in marked
    assert "supervised)" in printed


@pytest.mark.slow
def test_lengths_are_those_of_the_rendered_rows_and_the_long_ones_are_named(
    show: Run, medical: BuiltDataset, tiny_base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prompt_format = PromptFormat.load(tiny_base, load_tokenizer(tiny_base))
    dev = medical.splits["dev"]
    tokens = {example.id: len(prompt_format.render(example.messages).ids) for example in dev}
    limit = sorted(tokens.values())[-4]  # three are longer, or fewer where some are alike
    longer = {id: n for id, n in tokens.items() if n > limit}
    assert show(str(medical.directory), "split=dev", f"model={tiny_base}", f"lengths={limit}") == 0
    printed = capsys.readouterr().out
    assert f"超过 over {limit}：{len(longer)} ({len(longer) / len(dev):.1%})" in printed
    assert f"最长 longest {max(tokens.values())}" in printed
    assert all(f"dev · {id} · {n}" in printed for id, n in longer.items()) and 0 < len(longer) <= 3
    shown = [int(line.rsplit(" ", 1)[1]) for line in printed.splitlines() if "█" in line]
    assert sum(shown) == len(dev)
    assert show(str(medical.directory), f"model={tiny_base}", "lengths=9999") == 0
    printed = capsys.readouterr().out
    assert all(f"{name}: {size} 题" in printed for name, size in medical.manifest.splits.items())
    assert "rows over" not in printed


def test_lengths_need_a_model_and_a_number(show: Run, medical: BuiltDataset, tiny_base: Path) -> None:
    assert show(str(medical.directory), "lengths=512") == 2
    assert show(str(medical.directory), f"model={tiny_base}", "lengths=long") == 2


def test_a_reader_that_has_seen_enough_is_no_fault(medical: BuiltDataset) -> None:
    words = [sys.executable, "-m", "data_recipes.show", str(medical.directory), "rows=5000"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as shown:
        assert shown.stdout and shown.stderr
        assert b"\x1b" not in shown.stdout.readline()
        shown.stdout.close()
        assert shown.stderr.read() == b""
    assert shown.returncode == 141


def test_where_nothing_was_dropped_or_changed_it_says_so(
    show: Run, made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"question": f"{n}号仪器怎么保养？", "answer": f"每{n + 2}天清洁一次。"} for n in range(20)]
    source = write_jsonl(tmp_path / "rows.jsonl", rows)
    built = made("plain", "data=rows", f"source.path={source}", "data.splits={}").directory
    assert show(str(built), "reason=") == show(str(built), "step=personal_data") == 1
    assert show(str(built), "reason=personal_data") == 2
    said = capsys.readouterr().err
    assert "none was; step= shows" in said and "the file is empty" not in said


def test_what_is_not_there_is_said(show: Run, medical: BuiltDataset) -> None:
    assert show(str(medical.directory), "text=没有这样的文字") == 1
    assert show(str(medical.directory), "split=nothing") == 2
    assert show(str(medical.directory), "txt=a") == 2
    assert show("missing") == 2
