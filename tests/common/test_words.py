"""CONTRIBUTING.md, "Words": what its table marks with ✗ is nowhere in code, pages and configurations."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = [
    "app",
    "benchmarks",
    "common",
    "configs",
    "data_recipes",
    "deploy",
    "docs",
    "domains",
    "eval",
    "models",
    "tests",
    "training",
]
REFUSED = re.compile(r"^\| (?P<words>[^|]+) \| (?P<instead>[^|]+) \| ✗ \|$", re.MULTILINE)


def refused() -> dict[str, str]:
    """What to write instead of each refused word."""
    rows = REFUSED.finditer((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    return {word: row["instead"] for row in rows for word in row["words"].split(", ")}


def pattern(words: list[str]) -> re.Pattern[str]:
    """Matches any of the words; a line break in a comment or a quoted text counts as a space."""
    spaced = (re.escape(word).replace("…", r"(?:\w+ ){0,3}?\w+").replace(r"\ ", r"[\s#]+") for word in words)
    return re.compile(rf"(?<!\w)(?:{'|'.join(spaced)})(?!\w)", re.IGNORECASE)


def test_the_table_is_read() -> None:
    words = refused()
    assert len(words) > 20 and words["anew"] == "again, recompute, rewrite"
    assert pattern(list(words)).search("the step puts\n    # up with it") and pattern(list(words)).search(
        "Takes the row in hand"
    )
    assert not pattern(list(words)).search("amended, on the one hand, one item per row")


def test_refused_words_are_nowhere() -> None:
    found, matcher = [], pattern(list(refused()))
    files = [
        file for folder in FOLDERS for file in (ROOT / folder).rglob("*") if file.suffix in {".py", ".md", ".yaml"}
    ]
    for file in [*files, *ROOT.glob("*.md")]:
        if file.name == "CONTRIBUTING.md" or file == Path(__file__).resolve():
            continue
        text = file.read_text(encoding="utf-8")
        places = [(text.count("\n", 0, match.start()) + 1, match[0]) for match in matcher.finditer(text)]
        found += [f"{file.relative_to(ROOT)}:{line}: {' '.join(word.split())}" for line, word in places]
    assert not found, "see CONTRIBUTING.md, Words: " + ", ".join(found)
