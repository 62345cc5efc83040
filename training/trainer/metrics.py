"""What training shows and writes while it runs."""

import csv
import json
import math
import time
from pathlib import Path
from typing import Any, Protocol

import torch
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from common.errors import Refused
from common.files import write_text
from common.machine import forget_peak_memory, peak_memory
from models.run_directory import RunDirectory, read_metrics
from training.trainer.checkpoints import step_of
from training.trainer.recent import RecentBatches

CSV_COLUMNS = (
    "step", "epoch", "loss", "dev_loss", "learning_rate", "grad_norm", "tokens", "supervised_tokens",
    "tokens_per_second", "supervised_tokens_per_second", "peak_memory",
)  # fmt: skip


class TokenCounts(Protocol):
    """What a trainer counts, and what it measures besides the loss; on the dev split the same where nothing is said.

    Attributes:
        recent: The batches since the last log.
    """

    tokens: int
    supervised_tokens: int
    recent: RecentBatches
    measures: tuple[str, ...]
    dev_measures: tuple[str, ...] | None


class LastStepIsLogged(TrainerCallback):
    """The last step is always logged, so that a short run has a loss.

    Of several processes each decides so, because all of them take part in a log.
    """

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Asks for a log after the last step."""
        control.should_log |= state.global_step == state.max_steps


class MetricsLog(TrainerCallback):
    """Shows loss, learning rate, tokens/s and time left, and writes them as JSON lines, CSV and for TensorBoard."""

    def __init__(self, trainer: TokenCounts, run: RunDirectory, resumed_from: Path | None) -> None:
        self.trainer, self.run = trainer, run
        self.earlier = _metrics_until(run.metrics_file, resumed_from)
        self.since = (0.0, 0, 0)  # time, tokens and supervised tokens at the last log

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Opens the files, with what was logged before the checkpoint."""
        last: dict[str, Any] = next((m for m in reversed(self.earlier) if "tokens" in m), {})
        self.trainer.tokens, self.trainer.supervised_tokens = last.get("tokens", 0), last.get("supervised_tokens", 0)
        write_text(self.run.metrics_file, "".join(f"{json.dumps(metrics)}\n" for metrics in self.earlier))
        self.jsonl = self.run.metrics_file.open("a", encoding="utf-8")
        self.csv_file = self.run.metrics_file.with_suffix(".csv").open("w", encoding="utf-8", newline="")
        dev = (f"dev_{name}" for name in self._dev_measures)
        self.csv = csv.DictWriter(self.csv_file, (*CSV_COLUMNS, *self.trainer.measures, *dev))
        self.csv.writeheader()
        self.board = SummaryWriter(str(self.run.path / "tensorboard"), purge_step=state.global_step + 1)
        self.csv.writerows(self.earlier)
        self.progress = tqdm(
            total=state.max_steps, initial=state.global_step, desc="training", unit="step", mininterval=1.0
        )
        self.since = (time.perf_counter(), self.trainer.tokens, self.trainer.supervised_tokens)
        _forget_peak_memory()

    @property
    def _dev_measures(self) -> tuple[str, ...]:
        found = self.trainer.dev_measures
        return self.trainer.measures if found is None else found

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Moves the progress bar."""
        self.progress.update(state.global_step - self.progress.n)

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Any = None, **_: Any
    ) -> None:
        """Writes what was measured, training loss or dev loss."""
        if "loss" in logs:
            self._log_step(state, logs)
        if "eval_loss" in logs:
            measured = {f"dev_{name}": logs[f"eval_{name}"] for name in ("loss", *self._dev_measures)}
            self._write({"step": state.global_step, "epoch": state.epoch, **measured})

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """The time spent on the dev split is not training time."""
        self.since = (time.perf_counter(), self.trainer.tokens, self.trainer.supervised_tokens)

    def _log_step(self, state: TrainerState, logs: dict[str, float]) -> None:
        if not math.isfinite(logs["loss"]):
            self.trainer.recent.write(self.run.not_a_number_file)
            raise Refused(
                f"the loss is {logs['loss']} at step {state.global_step}\n  -> lower train.learning_rate; token ids "
                f"and losses of the batches since the last log are in {self.run.not_a_number_file}"
            )
        now, tokens, supervised = time.perf_counter(), self.trainer.tokens, self.trainer.supervised_tokens
        if supervised == self.since[2]:
            raise Refused(f"no token was supervised in the steps before {state.global_step}; the loss is meaningless")
        seconds = now - self.since[0]
        metrics = {
            "step": state.global_step,
            "epoch": state.epoch,
            "loss": logs["loss"],
            "learning_rate": logs["learning_rate"],
            "grad_norm": logs.get("grad_norm"),
            "tokens": tokens,
            "supervised_tokens": supervised,
            "tokens_per_second": (tokens - self.since[1]) / seconds,
            "supervised_tokens_per_second": (supervised - self.since[2]) / seconds,
            "peak_memory": _peak_memory(),
            **{name: logs[name] for name in self.trainer.measures},
        }
        self.since = (now, tokens, supervised)
        self._write(metrics)
        self.progress.set_postfix_str(
            f"loss {metrics['loss']:.3f}, lr {metrics['learning_rate']:.2g}, {metrics['tokens_per_second']:.0f} tok/s "
            f"({metrics['supervised_tokens_per_second']:.0f} supervised)"
        )

    def _write(self, metrics: dict[str, Any]) -> None:
        self.jsonl.write(json.dumps(metrics) + "\n")
        self.jsonl.flush()
        self.csv.writerow(metrics)
        self.csv_file.flush()
        for name, value in metrics.items():
            if name not in ("step", "epoch") and value is not None:
                self.board.add_scalar(name, value, metrics["step"])

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Closes everything."""
        self.progress.close()
        self.board.close()
        self.jsonl.close()
        self.csv_file.close()


def _peak_memory() -> int:
    """The most that this training used so far, in bytes: of the GPU where there is one, else of this process."""
    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else peak_memory()


def _forget_peak_memory() -> None:
    """Earlier runs of a sweep, and what was loaded before, do not count."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    else:
        forget_peak_memory()


def _metrics_until(path: Path, checkpoint: Path | None) -> list[dict[str, Any]]:
    """The metrics logged up to a checkpoint; what was logged after it will be logged again."""
    if checkpoint is None or not path.is_file():
        return []
    return [metrics for metrics in read_metrics(path) if metrics["step"] <= step_of(checkpoint)]
