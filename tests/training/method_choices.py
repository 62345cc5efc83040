"""Every available ``method=``: what is tested for one is tested for all."""

import yaml

from common.groups import CONFIGS
from training.methods import METHODS


def method_choices() -> list[str]:
    """The files in ``configs/method/``."""
    return sorted(path.stem for path in (CONFIGS / "method").glob("*.yaml"))


def words_of(choice: str) -> tuple[str, ...]:
    """The words that choose a method, with packing where it keeps examples apart."""
    kind = yaml.safe_load((CONFIGS / "method" / f"{choice}.yaml").read_text(encoding="utf-8"))["kind"]
    return (f"method={choice}", f"train.packing={str(METHODS[kind].isolates_packed_rows).lower()}")
