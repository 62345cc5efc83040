"""Answers that a model in training gives to questions, with their rewards: what the next steps learn from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from peft import PeftModel
from transformers import PreTrainedModel

from common.hashing import sha256_text
from data_recipes.schema.example import Example
from models.engines.engine import Completion, Sampling
from models.engines.local import LocalEngine
from models.loops import find_loop
from models.prompt_format import PromptFormat, Rendered
from training.rewards.reward import Scorer


class Weighed(NamedTuple):
    """A reward that answers are given.

    Attributes:
        kind: Its name.
        weight: What its score is multiplied by.
        score: Finds it.
    """

    kind: str
    weight: float
    score: Scorer


class Answered(NamedTuple):
    """A sampled answer.

    Attributes:
        sequence: Prompt and answer, of which the answer is supervised.
        text: The answer.
        scores: Of each reward, by its name, before they are weighed.
        reward: Their weighted sum.
        is_cut: Whether it had not ended after as many tokens as it may have.
    """

    sequence: Rendered
    text: str
    scores: Mapping[str, float]
    reward: float
    is_cut: bool

    @property
    def measures(self) -> dict[str, float]:
        """What is measured of it, in the order of ``names_of_answers``."""
        return {
            "reward": self.reward,
            **{f"reward_{kind}": score for kind, score in self.scores.items()},
            "answer_tokens": float(sum(self.sequence.mask)),
            "cut": float(self.is_cut),
            "loops": float(find_loop(self.text) is not None),
        }


class Asking:
    """Asks a model in training, and judges its answers.

    Args:
        model: The model, with what is trained on it.
        prompt_format: How questions are written for it.
        rewards: What is good in an answer.
        max_new_tokens: Most tokens of an answer.
        seed: Of all sampled answers: each has random numbers that follow from it, its step and its row, so a resumed
            run needs no state of them.
    """

    def __init__(
        self,
        model: PreTrainedModel | PeftModel,
        prompt_format: PromptFormat,
        rewards: Sequence[Weighed],
        max_new_tokens: int,
        seed: int,
    ) -> None:
        self.model, self.prompt_format, self.rewards = model, prompt_format, rewards
        self.max_new_tokens, self.seed = max_new_tokens, seed

    def sampled(self, examples: Sequence[Example], group: int, step: int) -> list[Answered]:
        """Several answers to each question, those to one question in a row.

        Args:
            examples: The questions.
            group: Answers to each.
            step: The step that is about to be taken.
        """
        repeated = [example for example in examples for _ in range(group)]
        return self._answered(
            repeated,
            [
                Sampling(self.max_new_tokens, temperature=1.0, seed=self._seed(step, row))
                for row in range(len(repeated))
            ],
        )

    def likeliest(self, examples: Sequence[Example]) -> list[Answered]:
        """The greedy answer to each question."""
        return self._answered(examples, [Sampling(self.max_new_tokens)] * len(examples))

    def _seed(self, step: int, row: int) -> int:
        return int(sha256_text(f"{self.seed} {step} {row}")[:15], 16)

    def _answered(self, examples: Sequence[Example], sampling: Sequence[Sampling]) -> list[Answered]:
        training = self.model.training
        try:
            engine = LocalEngine(self.model, self.prompt_format, model_version="in training")
            prompts = [engine.prompt_ids(example.prompt) for example in examples]
            found = engine.generate([example.prompt for example in examples], sampling)
        finally:
            self.model.train(training)
        texts = [completion.text for completion in found]
        scores = {reward.kind: reward.score(examples, texts) for reward in self.rewards}
        return [
            self._judged(prompt, completion, {kind: of_all[row] for kind, of_all in scores.items()})
            for row, (prompt, completion) in enumerate(zip(prompts, found, strict=True))
        ]

    def _judged(self, prompt: Sequence[int], completion: Completion, scores: Mapping[str, float]) -> Answered:
        sequence = Rendered([*prompt, *completion.ids], [0] * len(prompt) + [1] * len(completion.ids))
        reward = sum(one.weight * scores[one.kind] for one in self.rewards)
        return Answered(sequence, completion.text, scores, reward, completion.finish_reason == "length")


@dataclass
class Measured:
    """What is measured of answers and of the steps that learn from them: sums.

    Attributes:
        answers: How many there were.
        groups: To how many questions.
        without_spread: Groups whose answers all had the same reward, from which nothing is learned.
        sums: Of each measure over answers, by name.
        tokens: That the losses have counted.
        kl: Divergence from the base, summed over these tokens.
        clipped: Tokens or answers that the ratio's bounds gave no gradient.
    """

    answers: int = 0
    groups: int = 0
    without_spread: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    tokens: int = 0
    kl: float = 0.0
    clipped: int = 0

    @classmethod
    def of(cls, answers: Sequence[Answered], group: int) -> "Measured":
        """Of answers, those to one question in a row."""
        rewards = torch.tensor([answer.reward for answer in answers]).view(-1, group)
        without_spread = int((rewards == rewards[:, :1]).all(1).sum())
        names = answers[0].measures
        sums = {name: sum(answer.measures[name] for answer in answers) for name in names}
        return cls(len(answers), len(rewards), without_spread, sums)

    def add(self, other: "Measured") -> None:
        """Adds what was measured of other answers."""
        self.answers += other.answers
        self.groups += other.groups
        self.without_spread += other.without_spread
        self.sums = {name: self.sums.get(name, 0.0) + value for name, value in other.sums.items()}

    def of_answers(self) -> dict[str, float]:
        """Means over the answers."""
        return {name: total / self.answers for name, total in self.sums.items()}

    def of_steps(self) -> dict[str, float]:
        """These, and what the steps did: the share of groups without spread, divergence per token, share clipped."""
        return {
            **self.of_answers(),
            "groups_without_spread": self.without_spread / self.groups,
            "kl": self.kl / self.tokens,
            "clipped": self.clipped / self.tokens,
        }


def names_of_answers(rewards: Sequence[Weighed]) -> tuple[str, ...]:
    """The measures of answers."""
    return ("reward", *(f"reward_{reward.kind}" for reward in rewards), "answer_tokens", "cut", "loops")
