"""The trainer: transformers' own, with atomic checkpoints, honest counting, and a Ctrl-C that loses nothing."""

import csv
import json
import math
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from peft import PeftModel
from torch import nn
from torch.utils.data import Sampler
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_pt_utils import get_length_grouped_indices

from common.errors import Interrupted, Refused
from common.files import disk_errors
from models.artifact import NumericsRecord
from models.config import DType
from models.numerics import Numerics, compute_dtype, instruction_set
from models.threads import THREADS
from training.config import OptimiserConfig, TrainConfig
from training.packing import IGNORED, Rows, collate_packed, collate_padded
from training.run_directory import RunDirectory
from training.supervised_loss import SupervisedLoss

CSV_COLUMNS = (
    "step", "epoch", "loss", "dev_loss", "learning_rate", "grad_norm", "tokens", "supervised_tokens",
    "tokens_per_second", "supervised_tokens_per_second",
)  # fmt: skip


def train(
    model: PeftModel, train_rows: Rows, dev_rows: Rows, config: TrainConfig, run: RunDirectory, seed: int
) -> None:
    """Trains the adapter in place, continuing from the run's newest checkpoint if it has one.

    Raises:
        Interrupted: Ctrl-C; a checkpoint was saved first.
        Refused: The loss is not a number any more.
        UserError: The disk is full.
    """
    with SupervisedLoss(model.get_output_embeddings(), training_numerics(config).dtype) as loss:
        trainer = SupervisedTrainer(
            model=model,
            args=training_arguments(config, run, seed),
            train_dataset=train_rows,
            eval_dataset=dev_rows,
            data_collator=collate_packed if config.packing else collate_padded,
            compute_loss_func=loss,
        )
        trainer.by_length = not config.packing
        run_to_end(trainer, run)


def run_to_end(trainer: "SupervisedTrainer", run: RunDirectory) -> None:
    """Trains, from the run's newest checkpoint if it has one, with progress, metrics and a Ctrl-C that saves first.

    Raises:
        Interrupted: Ctrl-C; a checkpoint was saved first.
        Refused: The loss is not a number any more.
        UserError: The disk is full.
    """
    trainer.remove_callback(PrinterCallback)
    checkpoint = run.last_checkpoint()
    interrupt = _Interrupt()
    for callback in (_Metrics(trainer, run, resumed_from=checkpoint), interrupt):
        trainer.add_callback(callback)
    with interrupt, disk_errors(run.checkpoints):
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if interrupt.asked:
        raise Interrupted(
            f"stopped after step {trainer.state.global_step}; continue with: python training/run.py resume={run.path}"
        )


TYPES: dict[str, DType] = {"auto": "auto", "bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}
"""The type of the products by ``train.precision``."""


def training_numerics(config: OptimiserConfig) -> Numerics:
    """The type that training takes products in."""
    return compute_dtype(TYPES[config.precision])


def numerics_record(dtype: DType, config: OptimiserConfig) -> NumericsRecord:
    """What an artefact says about the types that its run computed in.

    Args:
        dtype: Of the weights, as configured.
        config: How they were trained.
    """
    weights, training = compute_dtype(dtype), training_numerics(config)
    return NumericsRecord(
        dtype=dtype,
        weights=weights.name,
        training=training.name,
        why=f"weights {weights}; training {training}",
        instruction_set=instruction_set(),
    )


def training_arguments(config: OptimiserConfig, run: RunDirectory, seed: int) -> TrainingArguments:
    """The arguments of transformers' trainer."""
    on_gpu, numerics = torch.cuda.is_available(), training_numerics(config)
    return TrainingArguments(
        output_dir=str(run.checkpoints),
        num_train_epochs=config.epochs,
        max_steps=config.max_steps or -1,
        per_device_train_batch_size=config.batch_size,
        per_device_eval_batch_size=config.batch_size,
        gradient_accumulation_steps=config.gradient_accumulation,
        learning_rate=config.learning_rate,
        lr_scheduler_type=config.schedule,
        warmup_steps=config.warmup_share,  # below 1 it is a share of all steps
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        bf16=numerics.dtype == torch.bfloat16,
        fp16=numerics.dtype == torch.float16,
        gradient_checkpointing=config.gradient_checkpointing,
        use_cpu=not on_gpu,
        use_cache=False,
        logging_steps=config.log_steps,
        logging_nan_inf_filter=False,  # a loss that is not a number must be seen, not averaged away
        eval_strategy="steps",
        eval_steps=config.eval_steps,
        prediction_loss_only=True,
        save_strategy="steps",
        save_steps=config.save_steps,
        save_total_limit=config.keep_checkpoints,
        seed=seed,
        data_seed=seed,
        remove_unused_columns=False,
        dataloader_pin_memory=on_gpu,
        disable_tqdm=True,
        report_to="none",
        log_level="error",
    )


class SupervisedTrainer(Trainer):
    """transformers' trainer with counted tokens, an order that survives a resume, and checkpoints whole or absent."""

    by_length = False
    tokens = 0
    supervised_tokens = 0

    def training_step(self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """Counts what the step sees, then trains on it."""
        THREADS.follow()
        supervised = int((inputs["labels"] != IGNORED).sum())
        self.supervised_tokens += supervised
        mask = inputs.get("attention_mask")
        self.tokens += int(mask.sum()) if mask is not None else inputs["input_ids"].numel()
        return super().training_step(model, inputs, num_items_in_batch)

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        rows = self.train_dataset
        assert isinstance(rows, Rows)
        batch = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return EpochOrder(
            rows.lengths,
            self.args.seed,
            epoch=lambda: int(self.state.epoch or 0),
            group=batch if self.by_length else None,
        )

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Writes the checkpoint beside its place, then renames it; only then are older ones removed."""
        place = Path(self.args.output_dir)
        partial = place / ".partial"
        shutil.rmtree(partial, ignore_errors=True)
        self.args.output_dir = str(partial)
        try:
            super()._save_checkpoint(model, trial)
            for checkpoint in partial.glob("checkpoint-*"):
                shutil.rmtree(place / checkpoint.name, ignore_errors=True)
                checkpoint.rename(place / checkpoint.name)
        finally:
            self.args.output_dir = str(place)
            shutil.rmtree(partial, ignore_errors=True)
        self._remove_old_checkpoints(place)

    def _remove_old_checkpoints(self, place: Path) -> None:
        steps = sorted(int(path.name.rsplit("-", 1)[1]) for path in place.glob("checkpoint-*"))
        for step in steps[: -(self.args.save_total_limit or len(steps))]:
            shutil.rmtree(place / f"checkpoint-{step}")


class EpochOrder(Sampler[int]):
    """Order of the rows that depends on seed and epoch alone, so a resumed run sees the same batches.

    Args:
        lengths: Tokens of each row.
        seed: Seed of the order.
        epoch: Tells the current epoch.
        group: Rows of a batch; where given, rows of like length come together to save padding.
    """

    def __init__(self, lengths: list[int], seed: int, epoch: Callable[[], int], group: int | None) -> None:
        self.lengths, self.seed, self.epoch, self.group = lengths, seed, epoch, group

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed + self.epoch())
        if self.group is None:
            return iter(torch.randperm(len(self.lengths), generator=generator).tolist())
        return iter(get_length_grouped_indices(self.lengths, self.group, generator=generator))


class _Metrics(TrainerCallback):
    """Shows loss, learning rate, tokens/s and time left, and writes them as JSON lines, CSV and for TensorBoard."""

    def __init__(self, trainer: SupervisedTrainer, run: RunDirectory, resumed_from: Path | None) -> None:
        self.trainer, self.run = trainer, run
        self.earlier = _metrics_until(run.metrics_file, resumed_from)
        self.since = (0.0, 0, 0)  # time, tokens, supervised tokens at the last log

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        last: dict[str, Any] = next((m for m in reversed(self.earlier) if "tokens" in m), {})
        self.trainer.tokens, self.trainer.supervised_tokens = last.get("tokens", 0), last.get("supervised_tokens", 0)
        self.jsonl = self.run.metrics_file.open("w", encoding="utf-8")
        self.csv_file = self.run.metrics_file.with_suffix(".csv").open("w", encoding="utf-8", newline="")
        self.csv = csv.DictWriter(self.csv_file, CSV_COLUMNS)
        self.csv.writeheader()
        self.board = SummaryWriter(str(self.run.path / "tensorboard"), purge_step=state.global_step + 1)
        for metrics in self.earlier:
            self._write(metrics, to_board=False)
        self.progress = tqdm(
            total=state.max_steps, initial=state.global_step, desc="training", unit="step", mininterval=1.0
        )
        self.since = (time.perf_counter(), self.trainer.tokens, self.trainer.supervised_tokens)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.progress.update(state.global_step - self.progress.n)

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Any = None, **_: Any
    ) -> None:
        if "loss" in logs:
            self._log_step(state, logs)
        if "eval_loss" in logs:
            self._write({"step": state.global_step, "epoch": state.epoch, "dev_loss": logs["eval_loss"]})
            # the time spent on the dev split is not training time
            self.since = (time.perf_counter(), self.trainer.tokens, self.trainer.supervised_tokens)

    def _log_step(self, state: TrainerState, logs: dict[str, float]) -> None:
        if not math.isfinite(logs["loss"]):
            raise Refused(f"the loss is {logs['loss']} at step {state.global_step}; lower train.learning_rate")
        now, tokens, supervised = time.perf_counter(), self.trainer.tokens, self.trainer.supervised_tokens
        if supervised == self.since[2]:
            raise Refused(f"no token was supervised in the steps before {state.global_step}; the loss means nothing")
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
        }
        self.since = (now, tokens, supervised)
        self._write(metrics)
        self.progress.set_postfix_str(
            f"loss {metrics['loss']:.3f}, lr {metrics['learning_rate']:.2g}, {metrics['tokens_per_second']:.0f} tok/s "
            f"({metrics['supervised_tokens_per_second']:.0f} supervised)"
        )

    def _write(self, metrics: dict[str, Any], *, to_board: bool = True) -> None:
        self.jsonl.write(json.dumps(metrics) + "\n")
        self.jsonl.flush()
        self.csv.writerow(metrics)
        self.csv_file.flush()
        for name, value in metrics.items() if to_board else ():
            if name not in ("step", "epoch") and value is not None:
                self.board.add_scalar(name, value, metrics["step"])

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.progress.close()
        self.board.close()
        self.jsonl.close()
        self.csv_file.close()


def _metrics_until(path: Path, checkpoint: Path | None) -> list[dict[str, Any]]:
    """The metrics logged up to a checkpoint; what was logged after it will be logged again."""
    if checkpoint is None or not path.is_file():
        return []
    step = int(checkpoint.name.rsplit("-", 1)[1])
    logged = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [metrics for metrics in logged if metrics["step"] <= step]


class _Interrupt(TrainerCallback):
    """Turns the first Ctrl-C into "save a checkpoint after this step and stop"; a second one stops at once."""

    asked = False

    def __enter__(self) -> None:
        self.before = signal.signal(signal.SIGINT, self._ask)

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self.before)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        tqdm.write("Ctrl-C: finishing this step and saving a checkpoint; press again to stop at once")
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if self.asked:
            control.should_save = control.should_training_stop = True
