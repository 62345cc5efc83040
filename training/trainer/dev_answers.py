"""Asks the model a few dev questions while it trains: what it answers is in ``samples.jsonl`` of the run, and one that
loops is noticed before the run is over. No log has questions or answers."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loguru import logger
from peft import PeftModel
from transformers import PreTrainedModel, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from models.conversation import Conversation
from models.engines.engine import Completion, Sampling
from models.engines.local import LocalEngine
from models.loops import find_loop
from models.output_layer import OutputLayer
from models.prompt_format import PromptFormat
from models.run_directory import append_metrics, keep_until
from training.trainer.supervised_loss import LossOfLogits

QUESTIONS = 4
TOKENS = 64
SHARE = 0.02
"""Most of the run's time that may be spent on asking."""
WARM_UP = 120.0
"""Seconds of training before the first questions: a shorter run is not worth them."""


class DevAnswers(TrainerCallback):
    """Writes answers down after an evaluation, and warns when they loop.

    Greedy answers draw no random numbers, so training goes on as if nothing had been asked.

    Args:
        model: The model in training.
        prompt_format: Its prompt format.
        questions: Conversations that end with a user turn; the first few are asked.
        quantised: Whether the base is trained in 4 bits.
        file: Where the answers go, by step.
        warm_up: Seconds of training before the first questions.
    """

    def __init__(
        self,
        model: PreTrainedModel | PeftModel,
        prompt_format: PromptFormat,
        questions: Sequence[Conversation],
        *,
        quantised: bool,
        file: Path,
        warm_up: float = WARM_UP,
    ) -> None:
        self.model, self.prompt_format = model, prompt_format
        self.questions, self.quantised, self.warm_up = questions[:QUESTIONS], quantised, warm_up
        self.file = file
        self.loss: OutputLayer | LossOfLogits | None = None  # what has taken over the output layer
        self.began = time.perf_counter()
        self.spent = self.last = 0.0

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Starts the clock, and keeps what was written until the checkpoint."""
        keep_until(self.file, state.global_step)
        self.began = time.perf_counter()

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Asks, where there is time for it, writes the answers down, and warns."""
        elapsed = time.perf_counter() - self.began
        if not self.questions or elapsed < self.warm_up or self.spent + self.last > SHARE * elapsed:
            return
        started = time.perf_counter()
        answers = self._answers()
        self.last = time.perf_counter() - started
        self.spent += self.last
        for question, answer in zip(self.questions, answers, strict=True):
            record = {"step": state.global_step, "question": question[-1].content, "answers": [{"text": answer.text}]}
            append_metrics(self.file, record)
        looping = sum(find_loop(answer.text) is not None for answer in answers)
        if looping:
            causes = "; ".join(self._causes(args, state, answers))
            logger.warning(
                "step {}: {} of {} answers to dev questions loop (复读). Likely causes: {}",
                state.global_step,
                looping,
                len(answers),
                causes,
            )

    def _answers(self) -> list[Completion]:
        training = self.model.training
        if self.loss:
            self.loss.__exit__(None, None, None)
        try:
            engine = LocalEngine(self.model, self.prompt_format, model_version="in training")
            return engine.generate(self.questions, [Sampling(max_new_tokens=TOKENS)] * len(self.questions))
        finally:
            if self.loss:
                self.loss.__enter__()
            self.model.train(training)

    def _causes(self, args: TrainingArguments, state: TrainerState, answers: Sequence[Completion]) -> list[str]:
        """What may be wrong, as far as the run shows it."""
        causes = [f"the learning rate ({args.learning_rate:g}) is too high"]
        losses = [entry["eval_loss"] for entry in state.log_history if "eval_loss" in entry]
        if losses and losses[-1] > min(losses):
            causes.append(f"too many epochs (the dev loss has risen from {min(losses):.3f} to {losses[-1]:.3f})")
        elif len(losses) < 2 or losses[-1] > 0.98 * losses[-2]:
            causes.append(f"too few steps so far, or a base that loops itself (epoch {state.epoch:.1f})")
        if not any(answer.finish_reason == "stop" for answer in answers):
            causes.append("answers are cut before their stop token is supervised (train.max_length), so none ends")
        if self.quantised:
            causes.append("4-bit weights (compare with method=lora)")
        return causes
