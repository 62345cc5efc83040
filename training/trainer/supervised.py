"""The trainer: transformers' own, with atomic checkpoints, honest counting, and a Ctrl-C that loses nothing."""

import shutil
import signal
from collections.abc import Callable, Iterator, Mapping, Sized
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, NamedTuple, cast

import torch
from loguru import logger
from peft import PeftModel
from torch import nn
from torch.utils.data import BatchSampler, Sampler, SequentialSampler
from transformers import PreTrainedModel, PrinterCallback, Trainer
from transformers.trainer_pt_utils import get_length_grouped_indices

from common.errors import Interrupted, Terminated
from common.files import disk_errors, read_json, replacing_directory, sync, write_json
from models.output_layer import OutputLayer
from models.run_directory import RunDirectory
from models.threads import THREADS
from training import processes
from training.batches.packing import EMPTY, IGNORED, TOKENS, Rows, collate_packed, collate_padded
from training.config import OptimiserConfig, TrainConfig
from training.measured import check_rows
from training.provenance import fingerprint_of
from training.trainer.arguments import training_arguments, training_numerics
from training.trainer.checkpoints import newest_whole, seal, step_of
from training.trainer.companion import Companion
from training.trainer.dev_answers import DevAnswers
from training.trainer.dev_loss import DevLosses, DevLossWatch
from training.trainer.interrupt import Interrupt
from training.trainer.metrics import LastStepIsLogged, MetricsLog
from training.trainer.recent import RecentBatches
from training.trainer.supervised_loss import LossOfLogits, loss_of
from training.trainer.trackers import offline


class Along(NamedTuple):
    """What goes along with a training.

    Attributes:
        dev_answers: Asks the model now and then.
        companion: What the method does at every step.
        rates: See ``Method.rates``.
    """

    dev_answers: DevAnswers | None = None
    companion: Companion | None = None
    rates: Mapping[str, float] = MappingProxyType({})


NOTHING = Along()


def train(
    model: PreTrainedModel | PeftModel,
    train_rows: Rows,
    dev_rows: Rows,
    config: TrainConfig,
    run: RunDirectory,
    seed: int,
    along: Along = NOTHING,
) -> None:
    """Trains a model in place, continuing from the run's newest checkpoint if it has one.

    Args:
        model: The model, with what is trained on it.
        train_rows: What it sees.
        dev_rows: What the dev loss is measured on.
        config: How it is trained.
        run: Where checkpoints and metrics go.
        seed: Seed of the order.
        along: What goes along with it.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; a checkpoint was saved first, unless it came twice.
        Refused: The loss is not a number any more.
        UserError: The disk is full.
    """
    check_rows(model, packing=config.packing)
    with loss_of(model, training_numerics(config).dtype) as loss, offline(config.trackers, run):
        if isinstance(loss, LossOfLogits):
            logger.info(
                "this model changes its logits after the output layer: the loss is computed from all of them, which"
                " needs more memory"
            )
        trainer = SupervisedTrainer(
            model=model,
            args=training_arguments(config, run, seed),
            train_dataset=train_rows,
            eval_dataset=dev_rows,
            data_collator=collate_packed if config.packing else collate_padded,
            compute_loss_func=loss,
        )
        trainer.take(along, loss)
        trainer.rows_of_step = config.batch_size * config.gradient_accumulation
        run_to_end(trainer, run, config)


def run_to_end(trainer: "SupervisedTrainer", run: RunDirectory, config: OptimiserConfig) -> None:
    """Trains, from the newest whole checkpoint of the run if it has one; Ctrl-C and SIGTERM save one first.

    Where the dev loss decides, the values that it selects are put back, and the run records which they are.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; a checkpoint was saved first, unless it came twice.
        Refused: The loss is not a number any more.
        UserError: The disk is full.
    """
    trainer.remove_callback(PrinterCallback)
    trainer.fingerprint = fingerprint_of(run)
    checkpoint = newest_whole(run.checkpoints, trainer.fingerprint)
    if config.follows_dev_loss:
        trainer.watch = DevLossWatch(trainer.model, config, resumed_from=checkpoint)
        trainer.add_callback(trainer.watch)
    history = _history(checkpoint)
    if checkpoint:
        logger.info("resuming from {} (step {} of {})", checkpoint, step_of(checkpoint), trainer.steps)
    if checkpoint and (step_of(checkpoint) >= trainer.steps or DevLosses.of(history).are_enough(config)):
        trainer._load_from_checkpoint(str(checkpoint))  # train() would take one more step
    else:
        _train(trainer, run, checkpoint)
        history = trainer.state.log_history
    if config.follows_dev_loss:
        _select(trainer, run, config, DevLosses.of(history))


def _history(checkpoint: Path | None) -> list[dict[str, Any]]:
    """What was logged until a checkpoint."""
    history: list[dict[str, Any]] = read_json(checkpoint / "trainer_state.json")["log_history"] if checkpoint else []
    return history


def _train(trainer: "SupervisedTrainer", run: RunDirectory, checkpoint: Path | None) -> None:
    """Trains to the end, or until a signal asks for a stop."""
    interrupt = Interrupt()
    trainer.add_callback(LastStepIsLogged())
    if processes.is_first():
        trainer.add_callback(MetricsLog(trainer, run, resumed_from=checkpoint))
    trainer.add_callback(interrupt)
    resume = f"resume with: python training/run.py resume={run.path}"
    try:
        with interrupt, disk_errors(run.checkpoints):
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except KeyboardInterrupt as stop:
        number = signal.SIGTERM if isinstance(stop, Terminated) else signal.SIGINT
        raise Interrupted(f"stopped at once, without a checkpoint of the last steps; {resume}", number) from None
    if interrupt.asked is not None:
        raise Interrupted(f"stopped after step {trainer.state.global_step}; {resume}", interrupt.asked)


def _select(trainer: "SupervisedTrainer", run: RunDirectory, config: OptimiserConfig, losses: DevLosses) -> None:
    """Makes the model what the dev loss selects, and records it."""
    selected = losses.selected(config, trainer.steps)
    if config.keep_best:
        assert trainer.watch
        trainer.watch.restore()
    logger.info("{}", selected)
    if processes.is_first():
        write_json(run.selected_file, selected.model_dump())


class SupervisedTrainer(Trainer):
    """transformers' trainer with counted tokens, an order that survives a resume, and atomic checkpoints.

    Attributes:
        fingerprint: Of what the run is made from.
        rows_of_step: Rows of an optimiser step, over all processes.
        rates: Learning rates in multiples of that of the run, by a part of the names of trained tensors.
        companion: What the method does at every step; it restores what is trained.
        measures: Names of what is logged besides the loss in training.
        dev_measures: The same (with ``dev_``) on the dev split; by default the same ones.
        tokens: Trained on so far, without padding.
        supervised_tokens: Those of them that the loss counts.
        recent: The batches since the last log.
    """

    fingerprint = ""
    rows_of_step = 1
    tokens = 0
    supervised_tokens = 0
    watch: DevLossWatch | None = None
    rates: Mapping[str, float] = MappingProxyType({})
    companion: Companion | None = None
    measures: tuple[str, ...] = ()
    dev_measures: tuple[str, ...] | None = None

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.recent = RecentBatches()

    def log(self, logs: dict[str, float], *arguments: Any, **named: Any) -> None:
        """Forgets the batches whose losses are logged."""
        super().log(logs, *arguments, **named)
        if "loss" in logs:
            self.recent.forget()

    def take(self, along: Along, output: OutputLayer | LossOfLogits) -> None:
        """Adds what goes along; ``output`` is what has taken over the model's output layer."""
        self.rates = along.rates
        if along.companion:
            self.companion = along.companion
            self.add_callback(along.companion)
        if along.dev_answers and processes.is_first():
            along.dev_answers.loss = output
            self.add_callback(along.dev_answers)

    @property
    def steps(self) -> int:
        """Optimiser steps from the beginning of the run to its end."""
        *_, steps = self.set_initial_training_values(self.args, self.get_train_dataloader())
        assert steps is not None
        return int(steps)

    def training_step(self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """Counts what the step sees, then trains on it."""
        THREADS.follow()
        tokens, supervised = processes.summed(*self._counts(inputs))
        self.tokens += int(tokens)
        self.supervised_tokens += int(supervised)
        ids = inputs["input_ids"]  # before they are moved to the device
        loss = super().training_step(model, inputs, num_items_in_batch)
        self.recent.add(self.state.global_step + 1, ids, loss)
        return loss

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """Gives what learns at another rate groups of its own."""
        optimizer = super().create_optimizer(model)
        if self.rates:
            of_name = {id(values): name for name, values in self.model.named_parameters()}
            optimizer.param_groups[:] = [
                part for group in optimizer.param_groups for part in _by_rate(group, of_name, self.rates)
            ]
        return optimizer

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        if self.companion:
            self.companion.load(Path(resume_from_checkpoint))
        else:
            super()._load_from_checkpoint(resume_from_checkpoint, model)

    def _counts(self, inputs: dict[str, Any]) -> tuple[int, int]:
        """How many tokens of a batch are not padding, which is taken out of it, and how many of them are supervised."""
        return int(inputs.pop(TOKENS).sum()), int((inputs["labels"] != IGNORED).sum())

    def evaluation_loop(self, *arguments: Any, **named: Any) -> Any:
        """The dev loss is the mean over all supervised tokens (``_weight``); transformers' own is that over batches."""
        self.dev_loss, self.dev_weight = 0.0, 0
        output = super().evaluation_loop(*arguments, **named)
        loss, weight = processes.summed(self.dev_loss, self.dev_weight)
        output.metrics["eval_loss"] = loss / weight
        return output

    def prediction_step(
        self, model: nn.Module, inputs: dict[str, Any], *arguments: Any, **named: Any
    ) -> tuple[torch.Tensor | None, torch.Tensor | None, torch.Tensor | None]:
        """Adds the losses of a batch to those of the split.

        Of several processes, each gets its part of the mean over the tokens of all, times their number.
        """
        weight = self._weight(inputs)
        [of_all] = processes.summed(weight)
        predicted: tuple[torch.Tensor | None, torch.Tensor | None, torch.Tensor | None]
        predicted = super().prediction_step(model, inputs, *arguments, **named)
        assert predicted[0] is not None
        self.dev_loss += float(predicted[0]) * of_all / processes.count()
        self.dev_weight += weight
        return predicted

    def _weight(self, inputs: dict[str, Any]) -> int:
        """What a batch counts for in the dev loss: its supervised tokens. The counts are taken out of the batch."""
        return self._counts(inputs)[1]

    def _get_eval_sampler(self, eval_dataset: Any) -> Sampler[int] | None:
        """In their order, which several processes divide; transformers would give some rows to two of them."""
        rows, order = processes.count() * self.args.per_device_eval_batch_size, SequentialSampler(eval_dataset)
        return Filled(order, rows, rows) if processes.count() > 1 else order

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        rows = self.train_dataset
        assert isinstance(rows, Rows)
        # batches of similar lengths save padding, and cost a tenth of the dev loss: short answers have steps of their
        # own, and weigh as much as long ones (benchmarks/training/peers.md)
        order = EpochOrder(rows.lengths, self.args.seed, epoch=lambda: int(self.state.epoch or 0), group=None)
        share = processes.StepShare(self.args.per_device_train_batch_size, self.args.gradient_accumulation_steps)
        return Filled(order, self.rows_of_step, share.step) if processes.count() > 1 else order

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Writes the checkpoint next to its final place and renames it once it is whole; then removes older ones."""
        if not processes.is_first():
            self.store_flos()  # what the others take part in of what the first one writes
            self._save_rng_state("")
            return
        place = Path(self.args.output_dir)
        with replacing_directory(place / f"checkpoint-{self.state.global_step}") as partial:
            self.args.output_dir = str(partial)
            try:
                super()._save_checkpoint(model, trial)
            finally:
                self.args.output_dir = str(place)
            (written,) = partial.iterdir()
            for path in written.iterdir():
                path.rename(partial / path.name)
            written.rmdir()
            self._save_parts(partial)
            seal(partial, self.fingerprint)
        sync(place)
        self._remove_old_checkpoints(place)

    def _save_parts(self, checkpoint: Path) -> None:
        """Writes what only a resume needs into a checkpoint."""
        for part in (self.watch, self.companion):
            if part:
                part.save(checkpoint)

    def _save_rng_state(self, output_dir: str) -> None:
        """Each process has states of its own; the first one writes them all."""
        with TemporaryDirectory() as own:
            super()._save_rng_state(own)
            states = processes.gathered({path.name: path.read_bytes() for path in Path(own).iterdir()})
        for name, state in chain.from_iterable(map(dict.items, states if processes.is_first() else [])):
            Path(output_dir, name).write_bytes(state)

    def _remove_old_checkpoints(self, place: Path) -> None:
        found = sorted(place.glob("checkpoint-*"), key=step_of)
        for checkpoint in found[: -(self.args.save_total_limit or len(found))]:
            shutil.rmtree(checkpoint)


def _by_rate(group: dict[str, Any], of_name: Mapping[int, str], rates: Mapping[str, float]) -> list[dict[str, Any]]:
    """A group of parameters, divided by the learning rate of each; empty parts are dropped."""
    parts: dict[float, list[nn.Parameter]] = {}
    for values in group["params"]:
        factor = next((factor for part, factor in rates.items() if part in of_name[id(values)]), 1.0)
        parts.setdefault(factor, []).append(values)
    return [group | {"params": values, "lr": factor * group["lr"]} for factor, values in parts.items()]


class Filled(Sampler[int]):
    """An order of which every step is filled up with rows that hold nothing, so that processes can divide it.

    Args:
        order: The order.
        rows: Rows of a step.
        filled: Rows that a step then has.
    """

    def __init__(self, order: Sampler[int], rows: int, filled: int) -> None:
        self.order, self.rows, self.filled = order, rows, filled

    def __len__(self) -> int:
        return -(-len(cast(Sized, self.order)) // self.rows) * self.filled

    def __iter__(self) -> Iterator[int]:
        for step in BatchSampler(self.order, self.rows, drop_last=False):
            yield from step
            yield from [EMPTY] * (self.filled - len(step))


class EpochOrder(Sampler[int]):
    """Order of the rows that depends only on seed and epoch, so a resumed run sees the same batches.

    Args:
        lengths: Tokens of each row.
        seed: Seed of the order.
        epoch: Returns the current epoch.
        group: Rows of a batch; where given, rows of similar length are batched together to save padding.
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
