"""The config groups in ``configs/`` and what each offers. Light to import, so that ``--help`` answers at once."""

import textwrap
from pathlib import Path

import yaml

CONFIGS = Path(__file__).resolve().parent.parent / "configs"
WIDTH = 120


def groups_of(config_name: str) -> dict[str, list[str]]:
    """The config groups that a root config selects from for the section of the same name, each with its options."""
    root = yaml.safe_load((CONFIGS / f"{config_name}.yaml").read_text(encoding="utf-8"))
    names = [next(iter(entry)) for entry in root.get("defaults", []) if isinstance(entry, dict)]
    return {name: options_of(name) for name in names if "@" not in name}


def options_of(group: str) -> list[str]:
    """The options of a config group: its files."""
    return sorted(path.stem for path in (CONFIGS / group).glob("*.yaml"))


def choices(*config_names: str) -> str:
    """Every group of these root configs with its options, as lines for a help text."""
    groups = {name: options for config_name in config_names for name, options in groups_of(config_name).items()}
    column = max(map(len, groups)) + 4  # two spaces before the name, "=" and one space after it
    lines = [
        textwrap.fill(
            " | ".join(options),
            WIDTH,
            initial_indent=f"  {name + '=':<{column - 2}}",
            subsequent_indent=" " * column,
            break_on_hyphens=False,
        )
        for name, options in groups.items()
    ]
    return "\n".join(lines)
