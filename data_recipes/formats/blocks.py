"""What readers of documents make of a file: headings and paragraphs in order, and errors that say what is wrong."""

import re
from pathlib import Path
from typing import NamedTuple

from common.errors import UserError

ENDS_PARAGRAPH = re.compile(r"[。！？!?：:；;][”’」』）)\"']*$")


class Block(NamedTuple):
    """A paragraph, or a heading.

    Attributes:
        level: Of the heading, from 1; 0 for a paragraph.
        page: Page number from 1, where the format has pages.
    """

    text: str
    level: int = 0
    page: int | None = None


class NoText(UserError):
    """A document in which there is nothing to cut."""


class DamagedDocument(UserError):
    """A document of which nothing can be read.

    Args:
        problem: What is wrong.
        path: The file.
        reason: The reason that is counted where one of many documents is damaged.
        fix: What to do about it.
        line: Where the damage begins, where that is known.
    """

    def __init__(self, problem: str, path: Path, reason: str, *, fix: str, line: int = 1) -> None:
        self.reason, self.line = reason, line
        super().__init__(problem, where=f"{path}:{line}" if line > 1 else str(path), fix=fix)


def lacking(package: str, path: Path) -> UserError:
    """The error where the library that reads a format is not installed."""
    return UserError(f"reading this needs {package}", where=str(path), fix="pip install 'xinglin[documents]'")


def damaged(path: Path, what: str, error: Exception) -> DamagedDocument:
    """The error where a library cannot read a file."""
    detail = str(error).splitlines()[0] if str(error) else type(error).__name__
    problem, fix = f"this {what} file is damaged: {detail}", "copy it again from its origin"
    return DamagedDocument(problem, path, "damaged", fix=fix)
