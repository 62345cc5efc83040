"""Canaries: tests that fail, and say what to look at, when an upstream internal that we rely on has changed.

What we rely on, where and why is listed in docs/upstream.md, one row per canary. Every canary is run as it is, and in
slow tests once per change that it claims to notice: with upstream broken that way it must fail.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parent.parent.parent
LIST = ROOT / "docs/upstream.md"
HEADING = re.compile(r"## (?P<library>\S+)(?: (?P<version>\d\S*))?")
CODE = re.compile(r"`([^`]+)`")
AS_IT_IS = "as it is"


@dataclass(frozen=True)
class Row:
    """A row of docs/upstream.md.

    Attributes:
        library: The distribution.
        seen: The version it was seen with; none where it is no part of the tested versions.
        what: The names that we rely on.
        where: Our files that do, relative to the project.
        why: What they do with it.
        look_at: What to do when it changes.
        test: The test that guards it.
    """

    library: str
    seen: str | None
    what: tuple[str, ...]
    where: tuple[str, ...]
    why: str
    look_at: str
    test: str


@cache
def rows() -> tuple[Row, ...]:
    """All rows of docs/upstream.md."""
    found: list[Row] = []
    heading = None
    for line in LIST.read_text(encoding="utf-8").splitlines():
        heading = HEADING.fullmatch(line) or heading
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if heading and line.startswith("| `"):
            what, where, why, look_at, test = cells
            (name,) = CODE.findall(test)
            names, files = tuple(CODE.findall(what)), tuple(CODE.findall(where))
            found.append(Row(heading["library"], heading["version"], names, files, why, look_at, name))
    return tuple(found)


class UpstreamChanged(AssertionError):
    """An upstream internal is not what our code assumes."""


def explain(test: str, error: BaseException) -> UpstreamChanged:
    """The error that a canary raises: what changed, which of our files relies on it, what to check."""
    (row,) = [row for row in rows() if row.test == test]
    return UpstreamChanged(
        f"{', '.join(row.what)} of {row.library} {_installed(row.library)} changed (seen with {row.seen})\n"
        f"  used by: {', '.join(row.where)}: {row.why}\n"
        f"  look at: {row.look_at}\n"
        f"  found:   {type(error).__name__}: {error}"
    )


def _installed(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "(not installed)"


Change = Callable[[pytest.MonkeyPatch], object]


def canary(**changes: Change) -> Callable[[Callable[[], None]], Callable[..., None]]:
    """Makes a test of a check: it passes with upstream as it is, and fails after each of the changes.

    Args:
        changes: At least one; each breaks upstream in one way with the ``monkeypatch`` that it is given.
    """
    assert changes, "a canary that cannot fail guards nothing"

    def decorate(check: Callable[[], None]) -> Callable[..., None]:
        name = check.__name__

        def run() -> None:
            torch.manual_seed(1)
            try:
                check()
            except Exception as error:
                raise explain(name, error) from error

        broken = [pytest.param(change, marks=pytest.mark.slow) for change in changes]

        @pytest.mark.parametrize("change", [AS_IT_IS, *broken])
        def test(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
            if change == AS_IT_IS:
                run()
                return
            changes[change](monkeypatch)
            with pytest.raises(UpstreamChanged, match="look at: "):
                run()

        test.__name__, test.__doc__, test.__module__ = name, check.__doc__, check.__module__
        return test

    return decorate
