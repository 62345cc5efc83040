"""Trains a model towards the distributions that a teacher has over the tokens of the answers."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from peft import PeftModel
from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from models.run_directory import RunDirectory
from training.batches.packing import IGNORED, Rows, collate_packed, collate_padded
from training.config import TrainConfig
from training.measured import check_rows
from training.trainer.answer_logprobs import ROWS, AnswerLogprobs
from training.trainer.arguments import training_arguments, training_numerics
from training.trainer.divergence import divergence
from training.trainer.supervised import Along, SupervisedTrainer, run_to_end
from training.trainer.trackers import offline


class Taught(NamedTuple):
    """What a student learns from.

    Attributes:
        teacher: A model.
        beta: See ``divergence``.
        document: Token ids that the teacher reads before every row.
    """

    teacher: PreTrainedModel
    beta: float
    document: Sequence[int] = ()


def train(
    model: PreTrainedModel | PeftModel,
    source: Taught,
    train_rows: Rows,
    dev_rows: Rows,
    config: TrainConfig,
    run: RunDirectory,
    seed: int,
    along: Along,
) -> None:
    """Trains a model in place, continuing from the run's newest checkpoint if it has one.

    Args:
        model: The student, with what is trained on it.
        source: What it learns from.
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
    teacher = source.teacher.eval().requires_grad_(False)
    for one in (model, teacher):
        check_rows(one, packing=config.packing)
    dtype = training_numerics(config).dtype
    with (
        AnswerLogprobs(model, dtype) as student,
        AnswerLogprobs(teacher, dtype) as taught,
        offline(config.trackers, run),
    ):
        loss = DistillationLoss(student, taught, source)
        trainer = DistillationTrainer(
            model=model,
            args=training_arguments(config, run, seed),
            train_dataset=train_rows,
            eval_dataset=dev_rows,
            data_collator=collate_packed if config.packing else collate_padded,
            compute_loss_func=loss,
        )
        trainer.distillation = loss
        trainer.take(along, student)
        run_to_end(trainer, run, config)


class DistillationLoss:
    """Mean divergence from the teacher over the supervised tokens, as ``compute_loss_func`` of transformers' trainer.

    Logits of both models exist for a few positions at a time.

    Args:
        student: What has taken over the student's output layer.
        taught: The same of the teacher.
        source: The teacher, and what it reads first.
    """

    def __init__(self, student: AnswerLogprobs, taught: AnswerLogprobs, source: Taught) -> None:
        self.student, self.taught, self.source = student, taught, source

    def read(self, inputs: dict[str, Any]) -> None:
        """Has the teacher read a batch, the document before each row.

        What goes into its output layer is kept where a token is supervised.
        """
        read = {name: values for name, values in inputs.items() if name != "labels"}
        first = len(self.source.document)
        if first:  # of a padded batch: ids and a mask
            rows, device = len(read["input_ids"]), read["input_ids"].device
            document = torch.tensor(self.source.document, device=device).expand(rows, -1)
            read["input_ids"] = torch.cat([document, read["input_ids"]], 1)
            read["attention_mask"] = torch.cat([torch.ones_like(document), read["attention_mask"]], 1)
        with torch.no_grad():
            returned = self.source.teacher(**read, use_cache=False).logits[:, first:]
        self.of_teacher = _supervised(returned, inputs["labels"])

    def __call__(
        self, outputs: Any, labels: torch.Tensor, num_items_in_batch: torch.Tensor | int | None = None
    ) -> torch.Tensor:
        """The loss, nats per supervised token; see ``SupervisedLoss``."""
        student, teacher = _supervised(outputs.logits, labels), self.of_teacher
        parts = [
            checkpoint(self._of_part, *part, use_reentrant=False, preserve_rng_state=False)
            for part in zip(student.split(ROWS), teacher.split(ROWS), strict=True)
        ]
        return torch.stack(parts).sum() / (len(student) if num_items_in_batch is None else num_items_in_batch)

    def _of_part(self, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        """The sum over some positions."""
        logits = self.student.of_returned(student)
        with torch.no_grad():
            wanted = self.taught.of_returned(teacher)
        # sizes of one family may pad the vocabulary differently: no token has what is beyond the shorter one
        tokens = min(logits.shape[1], wanted.shape[1])
        return divergence(logits[:, :tokens], wanted[:, :tokens], beta=self.source.beta).sum()


class DistillationTrainer(SupervisedTrainer):
    """The trainer, with a teacher that reads every batch first.

    Attributes:
        distillation: The loss.
    """

    distillation: DistillationLoss

    def compute_loss(self, model: nn.Module, inputs: dict[str, Any], *arguments: Any, **named: Any) -> Any:
        """The divergence of a batch."""
        self.distillation.read(inputs)
        return super().compute_loss(model, inputs, *arguments, **named)


def _supervised(returned: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """What predicts the supervised tokens, ``[tokens, width]``."""
    predicting: torch.Tensor = returned[:, :-1][labels[:, 1:] != IGNORED]
    return predicting
