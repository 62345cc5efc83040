"""Every command answers --help at once and lists its choices; commands in files and pages are valid."""

import os
import re
import runpy
import shlex
import subprocess
import sys
import typing
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from common.command import read_config
from common.errors import UserError
from common.groups import CONFIGS, groups_of
from training.stages import read_stage

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = runpy.run_path(str(ROOT / "docs/configuration.py"))
COMMANDS: list[Any] = SCRIPT["COMMANDS"]
TYPED = list(dict.fromkeys(command.typed for command in COMMANDS))
PAGES = [ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("README*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
WITHOUT_KEYS = {
    "domains/medical/divide_messages.py",
    "domains/medical/train_messages.py",
    "training/compare.py",
}  # nothing in configs/
STILL_TO_GIVE = ("a value is required", "no such", "give ")  # problems with a pattern, not with a command
SLOW_TO_IMPORT = "datasets fastapi jieba numba pandas peft polars pyarrow scipy torch transformers uvicorn"
"""What takes longer than a person expects of ``--help``: half a second in all is left for everything else."""
HELP = f"""
import atexit, runpy, sys

sys.argv = sys.argv[1:]
atexit.register(lambda: print("imported", *set({SLOW_TO_IMPORT!r}.split()) & set(sys.modules), file=sys.stderr))
if sys.argv[0] == "-m":
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
else:
    runpy.run_path(sys.argv[0], run_name="__main__")
"""


def help_of(typed: str) -> str:
    """What ``--help`` prints, without an import that one would wait for."""
    done = subprocess.run(
        [sys.executable, "-c", HELP, *typed.split(), "--help"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and done.stderr == "imported\n", done.stderr
    return done.stdout


@pytest.mark.parametrize("typed", TYPED)
def test_help_comes_at_once_and_names_every_choice(typed: str) -> None:
    text = help_of(typed)
    words = set(re.findall(r"[\w.]+", text))
    for command in COMMANDS:
        if command.typed == typed:
            for group, options in groups_of(command.root).items():
                assert f"{group}=" in text and set(options) <= words
            for key, field in command.schema.model_fields.items():
                if f"{key}=" in text and typing.get_origin(field.annotation) is typing.Literal:
                    assert set(typing.get_args(field.annotation)) <= words


def test_every_script_that_is_a_command_is_in_the_table() -> None:
    folders = ("app", "data_recipes", "domains", "eval", "models", "strategies", "training")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    commands = {str(f.relative_to(ROOT)) for f in files if "run_command(main" in f.read_text(encoding="utf-8")}
    listed = {typed if typed.endswith(".py") else file_of(typed) for typed in TYPED}
    assert commands == listed | WITHOUT_KEYS


def file_of(typed: str) -> str:
    module = typed.removeprefix("-m ").replace(".", "/")
    return f"{module}/__main__.py" if (ROOT / module).is_dir() else f"{module}.py"


@cache
def problems_of(*words: str) -> list[str]:
    """What is wrong with a command, the words after ``python``; nothing is run."""
    typed = " ".join(words[:2]) if words[0] == "-m" else words[0]
    arguments = list(words[len(typed.split()) :])
    if arguments == ["--help"]:
        return [] if typed in TYPED else [f"{typed}: no such command"]
    if any(word.startswith("resume=") for word in arguments):
        return [] if typed == "training/run.py" and len(arguments) == 1 else [f"{arguments}: resume= stands alone"]
    try:
        if typed == "training/run.py":
            read_stage(arguments)
        else:
            (command,) = [command for command in COMMANDS if command.typed == typed]
            read_config(command.root, arguments, command.schema)
    except UserError as error:
        return re.findall(r"^  - (.*)", str(error), re.MULTILINE) or [str(error)]
    return []


@pytest.mark.slow  # composes a hundred configurations
@pytest.mark.parametrize("file", sorted(CONFIGS.rglob("*.yaml")), ids=lambda file: str(file.relative_to(CONFIGS)))
def test_every_configuration_opens_with_a_command_that_uses_it(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    (first, *_) = [line for line in lines if line != "# @package _global_"]  # which Hydra wants above all
    assert first.startswith("# python ")
    assert problems_of(*shlex.split(first)[2:]) == []


def commands_on(page: Path) -> list[str]:
    """What follows ``python`` in code blocks and between backticks, without comments and redirections."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ").replace("\\|", "|")
    return [re.sub(r"\s+(#|&&|>) .*", "", found).strip() for found in re.findall(r"(?<![-\w])python ([^`\n]+)", text)]


TO_BE_ADDED = {
    "method=ln_tuning": "method=lora",
    "model=mistral": "model=llama",
    "domain=bicycles": "domain=medical",
    "data=bicycles": "data=medical",
    "data=tab_lines": "data=rows",
    "recipe=bicycles_qlora": "recipe=medical_qlora",
}
"""What a reader of the pages adds (as the tests test_new_*.py do), and what replaces it here."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_on_a_page_are_valid(page: Path) -> None:
    """Of a pattern (a bare name, NAME, ``[key=value]``, ``a|b``, ``…``) every key must exist; values may be missing."""
    for command in commands_on(page):
        words = shlex.split(re.sub(r"\[[^\]]*\]|\|\S*|\S*…", "", command))
        if " ".join(words[:2]) in TYPED or words[0] in TYPED:
            found = problems_of(*(TO_BE_ADDED.get(word, word) for word in words))
            if command in TYPED or re.search(r"[\[…|]|=([A-Z]+|目录|名字)\b", command):
                found = [problem for problem in found if not any(hint in problem for hint in STILL_TO_GIVE)]
            assert found == [], command
        elif words[0].endswith(".py"):
            assert (ROOT / words[0]).is_file(), command


def test_every_key_is_documented() -> None:
    page = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    assert page == SCRIPT["document"](), "run: python docs/configuration.py > docs/configuration.md"
