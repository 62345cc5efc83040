"""LLaMA-Factory's part of peers.py, in the Python that LLaMA-Factory is installed in.

    python with_llama_factory.py ARGUMENTS.json FIGURES.json

``ARGUMENTS.json`` is what its command line takes as YAML. What is measured is the training itself, without what comes
before and after it, as for the others.
"""

import json
import resource
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from llamafactory.train.tuner import run_exp
from transformers import TrainerCallback


class Measured(TrainerCallback):
    """CPU seconds, steps, and the first batch as the model got it."""

    def __init__(self) -> None:
        self.began, self.figures = 0.0, dict[str, Any]()

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Notes the first batch, then starts the clock."""
        batch = next(iter(given["train_dataloader"]))
        self.figures["ids"] = [
            row[mask.bool()].tolist() for row, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True)
        ]
        self.began = time.process_time()

    def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Stops it."""
        self.figures |= {
            "seconds": time.process_time() - self.began,
            "steps": state.global_step,
            "memory": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
            "version": f"{version('llamafactory')} (transformers {version('transformers')}, torch {version('torch')})",
        }


if __name__ == "__main__":
    arguments, figures = map(Path, sys.argv[1:])
    measured = Measured()
    run_exp(json.loads(arguments.read_text("utf-8")), callbacks=[measured])
    figures.write_text(json.dumps(measured.figures), "utf-8")
