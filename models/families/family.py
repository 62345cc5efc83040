"""What Xinglin must know about a model family."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ModelFamily:
    """One family of models.

    Attributes:
        name: Name used in configurations and artefacts.
        recognises: Whether a ``config.json`` (as a dictionary) is of this family.
        adapter_targets: Names of the linear layers inside a block, all of which LoRA targets by default.
    """

    name: str
    recognises: Callable[[dict[str, Any]], bool]
    adapter_targets: tuple[str, ...]
