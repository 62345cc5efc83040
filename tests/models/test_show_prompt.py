"""The command that shows a prompt: every token once, supervised ones marked, wrong input explained."""

import contextlib
import json
import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest

from common.errors import UserError
from models.loading import load_tokenizer
from models.prompt_format import PromptFormat
from models.show_prompt import GREEN, ShowPromptConfig, TypedTurn, main, show

ROOT = Path(__file__).resolve().parent.parent.parent
QUESTION, ANSWER = "高血压有什么症状？", "头痛、头晕。"


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    main(list(arguments))
    return capsys.readouterr().out


def ids(text: str, pattern: str = r"/(\d+)»?(?=\s|$)") -> list[int]:
    body = text.split("\n\n", 2)[2]
    return [int(found) for found in re.findall(pattern, body)]


def test_every_token_and_the_supervised_ones(tiny_base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, f"model={tiny_base}", f"text={QUESTION}", f"answer={ANSWER}")
    prompt_format = PromptFormat.load(tiny_base, load_tokenizer(tiny_base))
    rendered = prompt_format.render([TypedTurn("user", QUESTION), TypedTurn("assistant", ANSWER)])
    assert ids(text) == rendered.ids
    assert ids(text, r"/(\d+)»") == rendered.answers[0]
    assert f"{len(rendered.ids)} tokens, {sum(rendered.mask)} supervised" in text
    assert "prompt format xinglin, stop tokens </s>/2" in text and "\x1b" not in text


def test_question_alone_is_what_service_sends(tiny_base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, f"model={tiny_base}", f"text={QUESTION}", "system=只答一句")
    prompt_format = PromptFormat.load(tiny_base, load_tokenizer(tiny_base))
    assert ids(text) == prompt_format.render_prompt([TypedTurn("system", "只答一句"), TypedTurn("user", QUESTION)])
    assert "0 supervised (the prompt alone" in text


@pytest.mark.parametrize("typed", ["it's", "${text}, {a} [b]", "a\\", "\\'", "null", "x=1"])
def test_text_is_taken_as_it_is_typed(typed: str, tiny_base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, f"model={tiny_base}", f"text={typed}")
    prompt_format = PromptFormat.load(tiny_base, load_tokenizer(tiny_base))
    assert ids(text) == prompt_format.render_prompt([TypedTurn("user", typed)])


def test_row_of_a_file_in_either_layout(tiny_base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "数据.jsonl"
    said = [("user", "一"), ("assistant", "二"), ("user", "三"), ("assistant", "四")]
    rows = [
        {"instruction": "列出症状", "input": "高血压", "output": ANSWER},
        {"messages": [{"role": role, "content": content} for role, content in said]},
    ]
    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    prompt_format = PromptFormat.load(tiny_base, load_tokenizer(tiny_base))
    first = [TypedTurn("user", "列出症状\n高血压"), TypedTurn("assistant", ANSWER)]
    assert ids(printed(capsys, f"model={tiny_base}", f"file={file}")) == prompt_format.render(first).ids
    both = printed(capsys, f"model={tiny_base}", f"file={file}", "row=2")
    last = printed(capsys, f"model={tiny_base}", f"file={file}", "row=2", "supervise=last")
    assert ids(both) == ids(last) and both.count("</s>/2»") == 2 and last.count("</s>/2»") == 1


def test_format_with_one_answer_a_sequence_shows_them_all(tiny_base: Path, tmp_path: Path) -> None:
    said = [("user", "一"), ("assistant", "二"), ("user", "三"), ("assistant", "四")]
    row = {"messages": [{"role": role, "content": content} for role, content in said]}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row), encoding="utf-8")
    config = ShowPromptConfig(model=tiny_base, prompt_format="bencao_literature", file=tmp_path / "rows.jsonl")
    text = show(config, coloured=False)
    assert "sequence 1 of 2: " in text and "sequence 2 of 2: " in text and text.count("</s>/2»") == 2


def test_without_a_stored_format_the_family_tells_it(tiny_base: Path, tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((tiny_base / name).read_bytes())
    text = show(ShowPromptConfig(model=tmp_path, text=QUESTION), coloured=False)
    assert "prompt format alpaca_zh" in text


def on_a_terminal(*arguments: str) -> str:
    master, slave = pty.openpty()
    with os.fdopen(slave, "w", encoding="utf-8") as terminal, contextlib.redirect_stdout(terminal):
        main(list(arguments))
        terminal.flush()
        shown = b""
        while select.select([master], [], [], 0.2)[0]:  # one read may give only a part
            shown += os.read(master, 1 << 16)
    os.close(master)
    return shown.decode()


def test_colours_tell_supervised_tokens_on_a_terminal(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    words = (f"model={tiny_base}", f"text={QUESTION}", f"answer={ANSWER}")
    prompt_format = PromptFormat.load(tiny_base, load_tokenizer(tiny_base))
    supervised = sum(prompt_format.render([TypedTurn("user", QUESTION), TypedTurn("assistant", ANSWER)]).mask)
    coloured = on_a_terminal(*words)
    assert coloured.count(GREEN) == supervised + 1 and "«" not in coloured  # one more in the legend
    monkeypatch.setenv("NO_COLOR", "1")
    plain = on_a_terminal(*words)
    assert "\x1b" not in plain and plain.count("«") == supervised + 1


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], r"give text=… or file=…"),
        (["text=一", "file=x"], r"give text=… or file=…"),
        (["file=x", "answer=一"], r"go with text="),
        (["text=一", "prompt_format=chatglm4"], r"choose one of: .*chatglm3"),
        (["text=一", "prompt_format=chatglm3"], r"no special token .*'\[gMASK\]'"),
        (["text=一", "txt=two"], r"did you mean 'text'"),
        (["file=nowhere.jsonl"], r"nowhere\.jsonl: cannot be read"),
        (["file=configs/show_prompt.yaml"], r"row 1: not a conversation"),
        (["file=configs/show_prompt.yaml", "row=999"], r"there is no row 999"),
    ],
)
def test_wrong_input_is_explained(words: list[str], problem: str, tiny_base: Path) -> None:
    words = [word.replace("configs/", f"{ROOT}/configs/") for word in words]
    with pytest.raises(UserError, match=problem):
        main([f"model={tiny_base}", *words])


def test_wrong_input_ends_with_code_2_and_help_with_0() -> None:
    command = [sys.executable, "-m", "models.show_prompt"]
    wrong = subprocess.run([*command, "model=x", "txt=y"], capture_output=True, text=True, cwd=ROOT, check=False)
    assert wrong.returncode == 2 and "Traceback" not in wrong.stderr and "did you mean 'text'" in wrong.stderr
    asked = subprocess.run([*command, "--help"], capture_output=True, text=True, cwd=ROOT, check=False)
    assert asked.returncode == 0 and "prompt_format=NAME" in asked.stdout


def test_directory_without_a_model_is_explained(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no model here"):
        main([f"model={tmp_path}", "text=一"])
