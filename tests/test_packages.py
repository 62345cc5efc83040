"""The picture of the packages in docs/architecture.md is what docs/packages.py draws from the code."""

import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_picture_is_the_codes_own() -> None:
    drawn = runpy.run_path(str(ROOT / "docs/packages.py"))
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    assert drawn["page"](text) == text, "run: python docs/packages.py"
    assert "training --> models" in text and "models --> training" not in text
