"""Trains on sampled answers with the project's trainer: those with a higher reward than usual become likelier."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import torch
from loguru import logger
from peft import PeftModel
from safetensors.torch import load_file, save_file
from torch import nn
from torch.utils.data import Sampler
from transformers import PreTrainedModel
from transformers.trainer_utils import EvalLoopOutput

from common.files import read_json, write_json
from data_recipes.schema.example import Example
from models.run_directory import RunDirectory
from training.batches.packing import IGNORED, collate_padded
from training.config import TrainConfig
from training.measured import check_rows
from training.stages.grpo.config import PolicyConfig
from training.trainer.answer_logprobs import AnswerLogprobs
from training.trainer.arguments import training_arguments, training_numerics
from training.trainer.policy_losses import Sampled, advantages, divisor, policy_loss
from training.trainer.rollouts import Answered, Asking, Measured, names_of_answers
from training.trainer.samples import SampleLog
from training.trainer.supervised import Along, EpochOrder, SupervisedTrainer, run_to_end
from training.trainer.trackers import offline

NUMBER = "number"
"""Key of a batch: places of its questions in the split, ``[batch]``."""
ADVANTAGE, BEFORE, REFERENCE, DIVISOR = "advantage", "before", "reference", "divisor"
"""Keys of a batch of answers, for the loss; see ``Sampled`` and ``divisor``."""
ROLLOUT, MEASURED = "rollout.safetensors", "measured.json"
"""In a checkpoint: the answers that the next step goes on learning from, and what was measured since the last log."""

Batch = dict[str, torch.Tensor]


def train(
    model: PreTrainedModel | PeftModel,
    questions: Sequence[Example],
    dev_questions: Sequence[Example],
    asking: Asking,
    policy: PolicyConfig,
    config: TrainConfig,
    run: RunDirectory,
    seed: int,
    along: Along,
) -> None:
    """Trains a model in place, continuing from the run's newest checkpoint if it has one.

    Args:
        model: The model, with what is trained on it.
        questions: What it is asked.
        dev_questions: What it is asked at every evaluation.
        asking: Asks and judges it.
        policy: How it learns from the answers.
        config: How it is trained.
        run: Where checkpoints, metrics and samples go.
        seed: Seed of the order.
        along: What goes along with it.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; a checkpoint was saved first, unless it came twice.
        Refused: The loss is not a number any more.
        UserError: The disk is full.
    """
    check_rows(model, packing=False)
    with AnswerLogprobs(model, training_numerics(config).dtype) as logprobs, offline(config.trackers, run):
        trainer = PolicyTrainer(
            model=model,
            args=training_arguments(config, run, seed),
            train_dataset=Numbers(questions),
            eval_dataset=Numbers(dev_questions[: policy.dev_questions]),
            data_collator=lambda numbers: {NUMBER: torch.tensor(numbers)},
        )
        trainer.asking, trainer.policy, trainer.logprobs = asking, policy, logprobs
        trainer.dev_measures = names_of_answers(asking.rewards)
        trainer.measures = (*trainer.dev_measures, "groups_without_spread", "kl", "clipped")
        trainer.rows_of_step = config.batch_size * config.gradient_accumulation
        trainer.samples = SampleLog(run.samples_file)
        trainer.add_callback(trainer.samples)
        trainer.take(along, logprobs)
        run_to_end(trainer, run, config)


class Numbers(torch.utils.data.Dataset[int]):
    """Questions by their places: the trainer fetches what a step asks, and asks it all at once."""

    def __init__(self, questions: Sequence[Example]) -> None:
        self.questions = questions

    def __len__(self) -> int:
        return len(self.questions)

    def __getitem__(self, number: int) -> int:
        return number


class PolicyTrainer(SupervisedTrainer):
    """The project's trainer, for answers that the model gives while it is trained.

    Attributes:
        asking: Asks and judges.
        policy: How the model learns from the answers.
        logprobs: What has taken over the model's output layer.
        samples: Where answers are shown.
        rollout: The batches that the last answers became.
        of_rollout: What was measured of these answers.
        measured: What was measured of the answers that the steps since the last log have learned from.
    """

    loss_is_scaled_for_ga = True  # what a step's losses are divided by is counted over all its batches
    asking: Asking
    policy: PolicyConfig
    logprobs: AnswerLogprobs
    samples: SampleLog

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.rollout: list[Batch] = []
        self.of_rollout, self.measured = Measured(), Measured()

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Batch], None]:
        """The questions of a step become answers, all of them sampled together; later steps may see them again."""
        asked, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        if not self.rollout or self.state.global_step % self.policy.updates == 0:
            self.rollout = self._sampled([batch[NUMBER].tolist() for batch in asked])
        self.measured.add(self.of_rollout)
        return [dict(batch) for batch in self.rollout], None  # a step takes keys out of its batches

    def _sampled(self, numbers: Sequence[Sequence[int]]) -> list[Batch]:
        """Asks the questions of several batches, and makes batches of the answers."""
        group, step = self.policy.group, self.state.global_step
        questions = [self._questions[number] for batch in numbers for number in batch]
        answers = self._without_loss(lambda: self.asking.sampled(questions, group, step))
        self.of_rollout = Measured.of(answers, group)
        self.samples.answers = (questions[0], answers[:group])
        of_answers = advantages(
            torch.tensor([answer.reward for answer in answers]).view(-1, group), self.policy.advantage
        ).flatten()
        tokens = sum(sum(answer.sequence.mask) for answer in answers)
        divided = divisor(
            self.policy.advantage, tokens=tokens, answers=len(answers), longest=self.policy.max_new_tokens
        )
        batches, start = [], 0
        for batch in numbers:
            rows = slice(start, start + group * len(batch))
            batches.append(self._batch(answers[rows], of_answers[rows], divided))
            start = rows.stop
        return batches

    def _batch(self, answers: Sequence[Answered], of_answers: torch.Tensor, divided: int) -> Batch:
        """A batch of answers, with how likely the model, and the base where it matters, find them now."""
        batch = collate_padded([[answer.sequence] for answer in answers])
        batch = {name: values.to(self.args.device) for name, values in batch.items()}
        batch |= {ADVANTAGE: of_answers.to(self.args.device), DIVISOR: torch.tensor(divided)}
        if self.policy.updates > 1:
            batch[BEFORE] = self._read(batch, nullcontext())
        if self.policy.kl:
            batch[REFERENCE] = self._read(batch, cast(PeftModel, self.model).disable_adapter())
        return batch

    def _read(self, batch: Batch, state: AbstractContextManager[Any]) -> torch.Tensor:
        """The log-probability of every answered token, ``[rows, seq - 1]``, by the model in a state of it."""
        training = self.model.training
        self.model.eval()
        try:
            with torch.no_grad(), self.compute_loss_context_manager(), state:
                outputs = self.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
                return self.logprobs.of_places(outputs, batch["labels"])
        finally:
            self.model.train(training)

    def _without_loss(self, ask: Callable[[], list[Answered]]) -> list[Answered]:
        """Asks the model while its output layer is its own."""
        self.logprobs.__exit__(None, None, None)
        try:
            return ask()
        finally:
            self.logprobs.__enter__()

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, **named: Any
    ) -> torch.Tensor | tuple[torch.Tensor, Any]:
        """The part of a step's loss that a batch of answers has."""
        labels, advantage, divided = (inputs.pop(name) for name in ("labels", ADVANTAGE, DIVISOR))
        before, reference = (inputs.pop(name, None) for name in (BEFORE, REFERENCE))
        outputs = model(**inputs)
        logprob, mask = self.logprobs.of_places(outputs, labels), labels[:, 1:] != IGNORED
        found = policy_loss(
            self.policy,
            Sampled(logprob, logprob.detach() if before is None else before, reference, advantage, mask),
        )
        self.measured.tokens += int(mask.sum())
        self.measured.kl += float(found.kl)
        self.measured.clipped += int(found.clipped)
        loss = found.total / divided
        return (loss, outputs) if return_outputs else loss

    def log(self, logs: dict[str, float], *arguments: Any, **named: Any) -> None:
        """Adds what was measured since the last log, and shows answers to a question."""
        if "loss" in logs:
            logs |= self.measured.of_steps()
            if self.measured.without_spread == self.measured.groups:
                logger.warning(
                    "step {}: all answers to a question had the same reward, {} questions in a row: nothing was "
                    "learned from them. Give easier questions, a base that is sometimes right, or more answers "
                    "(policy.group)",
                    *(self.state.global_step, self.measured.groups),
                )
            self.measured = Measured()
            self.samples.write(self.state.global_step)
        super().log(logs, *arguments, **named)

    def evaluation_loop(self, *arguments: Any, **named: Any) -> EvalLoopOutput:
        """The dev questions are answered greedily; their dev loss is the mean reward, negated."""
        dev = self.eval_dataset
        assert isinstance(dev, Numbers)
        answers = self._without_loss(lambda: self.asking.likeliest(dev.questions))
        means = Measured.of(answers, 1).of_answers()
        metrics = {"eval_loss": -means["reward"], **{f"eval_{name}": value for name, value in means.items()}}
        return EvalLoopOutput(predictions=(), label_ids=None, metrics=metrics, num_samples=len(dev))

    def _save_parts(self, checkpoint: Path) -> None:
        """Keeps the answers that the next step goes on with, and what was measured since the last log."""
        super()._save_parts(checkpoint)
        write_json(checkpoint / MEASURED, {"rollout": asdict(self.of_rollout), "window": asdict(self.measured)})
        if self.state.global_step % self.policy.updates:
            batches = {f"{i}.{name}": values for i, batch in enumerate(self.rollout) for name, values in batch.items()}
            save_file({name: values.contiguous() for name, values in batches.items()}, checkpoint / ROLLOUT)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        checkpoint = Path(resume_from_checkpoint)
        measured = read_json(checkpoint / MEASURED)
        self.of_rollout, self.measured = Measured(**measured["rollout"]), Measured(**measured["window"])
        if (checkpoint / ROLLOUT).is_file():
            batches: dict[int, Batch] = defaultdict(dict)
            for key, values in load_file(checkpoint / ROLLOUT, device=str(self.args.device)).items():
                number, name = key.split(".")
                batches[int(number)][name] = values
            self.rollout = [batches[number] for number in sorted(batches)]

    @property
    def _questions(self) -> Sequence[Example]:
        assert isinstance(self.train_dataset, Numbers)
        return self.train_dataset.questions

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        order = EpochOrder([1] * len(self._questions), self.args.seed, lambda: int(self.state.epoch or 0), group=None)
        return Repeated(order, self.rows_of_step, self.policy.updates)


class Repeated(Sampler[int]):
    """An order whose steps come several times in a row; what does not fill a step is dropped in this epoch.

    Args:
        order: The order.
        rows: Questions of a step.
        times: How often each step comes.
    """

    def __init__(self, order: EpochOrder, rows: int, times: int) -> None:
        self.order, self.rows, self.times = order, rows, times

    def __len__(self) -> int:
        return len(self.order) // self.rows * self.rows * self.times

    def __iter__(self) -> Iterator[int]:
        numbers = list(self.order)
        for start in range(0, len(self) // self.times, self.rows):
            for _ in range(self.times):
                yield from numbers[start : start + self.rows]
