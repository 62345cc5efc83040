"""Trains the encoder and its head with the project's trainer."""

from functools import partial
from typing import Any

from torch.utils.data import Sampler
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from models.run_directory import RunDirectory
from training.batches.windows import ENDS, LabelledWindows, collator
from training.stages.extractive.config import SpanTrainConfig
from training.trainer.arguments import training_arguments
from training.trainer.supervised import EpochOrder, SupervisedTrainer, run_to_end
from training.trainer.trackers import offline


def train(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    train_windows: LabelledWindows,
    dev_windows: LabelledWindows,
    config: SpanTrainConfig,
    run: RunDirectory,
    seed: int,
) -> None:
    """Trains all weights in place, continuing from the run's newest checkpoint if it has one.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; a checkpoint was saved first, unless it came twice.
        Refused: The loss is not a number any more.
        UserError: The disk is full.
    """
    with offline(config.trackers, run):
        trainer = SpanTrainer(
            model=model,
            args=training_arguments(config, run, seed),
            train_dataset=train_windows,
            eval_dataset=dev_windows,
            data_collator=partial(collator, tokenizer),
        )
        run_to_end(trainer, run, config)


class SpanTrainer(SupervisedTrainer):
    """The project's trainer, for windows: a window supervises two tokens, the first and the last of its answer."""

    def _counts(self, inputs: dict[str, Any]) -> tuple[int, int]:
        return int(inputs["attention_mask"].sum()), ENDS * len(inputs["start_positions"])

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        windows = self.train_dataset
        assert isinstance(windows, LabelledWindows)
        batch = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return EpochOrder(windows.lengths, self.args.seed, epoch=lambda: int(self.state.epoch or 0), group=batch)
