"""What the authors of a base recommend for generating: its ``generation_config.json``.

Where an answer ends is part of the model, so their stop tokens apply here too. How it is sampled is not: answers are
greedy unless configured. Both are exported with what is tuned from the base, so that other servers see them, and shown.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.files import read_json

FILE_NAME = "generation_config.json"
SAMPLING = (
    "do_sample",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "typical_p",
    "repetition_penalty",
    "no_repeat_ngram_size",
)


@dataclass(frozen=True)
class Recommended:
    """A base's recommendation.

    Attributes:
        sampling: Its sampling, by transformers' names.
        stop_ids: Tokens that end an answer.
    """

    sampling: dict[str, Any]
    stop_ids: tuple[int, ...]

    @classmethod
    def by(cls, directory: Path) -> "Recommended":
        """What a model directory recommends; nothing where it has no such file."""
        file = directory / FILE_NAME
        values = read_json(file) if file.is_file() else {}
        stops = values.get("eos_token_id")
        ids = stops if isinstance(stops, list) else [] if stops is None else [stops]
        return cls({name: values[name] for name in SAMPLING if values.get(name) is not None}, tuple(ids))

    @property
    def described(self) -> str:
        """Its sampling in one line; empty where there is none."""
        return ", ".join(f"{name}={value}" for name, value in self.sampling.items())
