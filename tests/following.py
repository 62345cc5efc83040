"""Follows the steps of a document literally, in a copy of the project."""

import re
import shutil
from pathlib import Path

from tests import commands
from tests.commands import PROJECT

COPIED = ("app", "common", "configs", "data_recipes", "domains", "eval", "models", "strategies", "training", "tests")
FILE = re.compile(r"^`(?P<path>[^`\n]+)`:\n\n```\w+\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
LINES = re.compile(
    r"^The import, and one line in the table `(?P<table>\w+)` of `(?P<path>[^`]+)`:\n\n"
    r"```diff\n\+(?P<import>.*)\n\+(?P<line>.*)\n```$",
    re.MULTILINE,
)


def follow(document: Path, section: str, folder: Path) -> list[str]:
    """Copies the project into a folder and does there what a section of a document says, and nothing else.

    Returns:
        The files that the section adds.
    """
    for name in COPIED:
        shutil.copytree(PROJECT / name, folder / name)  # what is already compiled too
    shutil.copy(PROJECT / "pyproject.toml", folder)
    (text,) = re.findall(rf"^## {section}\n.*?(?=^## |\Z)", document.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    added = []
    for found in FILE.finditer(text):
        assert not (folder / found["path"]).exists(), "a file is added, none is changed"
        (folder / found["path"]).write_text(found["text"], encoding="utf-8")
        added.append(found["path"])
    for lines in LINES.finditer(text):
        _add_to_table(folder / lines["path"], lines)
    return added


def _add_to_table(file: Path, lines: re.Match[str]) -> None:
    code = re.sub(
        rf"(^{lines['table']}\b.*= \(\n)", rf"\1{lines['line']}\n", file.read_text("utf-8"), flags=re.MULTILINE
    )
    head, first_import, rest = code.partition(f"\nfrom {lines['path'].partition('/')[0]}.")
    file.write_text(f"{head}\n{lines['import']}{first_import}{rest}", encoding="utf-8")


def run(folder: Path, *words: str) -> str:
    """Runs a command of the copy; what it prints."""
    return commands.run(*words, project=folder, cwd=folder)
