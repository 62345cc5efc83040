"""Draws the packages and what they import into docs/architecture.md, from the code itself.

python docs/packages.py
"""

from collections.abc import Iterator
from pathlib import Path

import grimp

PAGE = Path(__file__).resolve().parent / "architecture.md"
BEGIN, END = "<!-- made by docs/packages.py -->", "<!-- end -->"
PACKAGES = ("app", "common", "data_recipes", "domains", "eval", "models", "strategies", "training")
COMMANDS = {"build", "passages", "show", "suites", "validate", "config"}
"""Modules of ``data_recipes`` that are drawn as the package itself: its commands and their configuration."""


def room(module: str) -> str:
    """What a module is drawn as: its package, or its room in ``data_recipes``."""
    parts = module.split(".")
    if parts[0] == "data_recipes" and len(parts) > 1 and parts[1] not in COMMANDS:
        return f"data_recipes.{parts[1]}"
    return parts[0]


def arrows() -> Iterator[tuple[str, str]]:
    """Who imports whom; ``common``, which everybody imports, is not drawn."""
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True)
    found = {
        (room(module), room(imported))
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
    }
    yield from sorted((one, other) for one, other in found if one != other and "common" not in (one, other))


def picture() -> str:
    """The drawing, in Mermaid's language."""
    lines = [f"    {one.replace('.', '/')} --> {other.replace('.', '/')}" for one, other in arrows()]
    return "\n".join([BEGIN, "```mermaid", "graph TD", *lines, "```", END])


def page(text: str) -> str:
    """The page with a fresh drawing in the place of the one it has."""
    before, _, rest = text.partition(BEGIN)
    return before + picture() + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
