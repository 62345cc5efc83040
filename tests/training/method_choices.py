"""Every available ``method=``: what is tested for one is tested for all."""

from pathlib import Path
from typing import Any

import yaml

from common.groups import CONFIGS
from training.methods import METHODS


def method_choices() -> list[str]:
    """The files in ``configs/method/``; of those that differ only in numbers the first."""
    files = sorted((CONFIGS / "method").glob("*.yaml"))
    alike = {_but_for_numbers(values): path.stem for path, values in reversed(_read(files))}
    return sorted(alike.values())


def _but_for_numbers(values: dict[str, Any]) -> str:
    return str({name: "number" if type(value) in (int, float) else value for name, value in values.items()})


def _read(files: list[Path]) -> list[tuple[Path, dict[str, Any]]]:
    return [(path, yaml.safe_load(path.read_text(encoding="utf-8"))) for path in files]


def words_of(choice: str) -> tuple[str, ...]:
    """The words that choose a method, with packing where it keeps examples apart."""
    kind = yaml.safe_load((CONFIGS / "method" / f"{choice}.yaml").read_text(encoding="utf-8"))["kind"]
    return (f"method={choice}", f"train.packing={str(METHODS[kind].isolates_packed_rows).lower()}")
