"""Which code this is, for records of what it made."""

import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@cache
def code_revision() -> str:
    """The commit of this checkout, with ``+changes`` where tracked files differ from it; else the installed version."""
    if not (ROOT / ".git").exists():
        return f"xinglin {version('xinglin')}"
    commit, changes = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--untracked-files=no")
    if commit is None or changes is None:  # no git here, or it does not trust the owner of the files
        return f"xinglin {version('xinglin')}"
    return f"{commit}+changes" if changes else commit


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
