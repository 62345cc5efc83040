"""Rewards: a method is applied to a language model, trained on its own answers, and merged if possible."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from loguru import logger
from peft import PeftModel
from transformers import PreTrainedModel

from common.errors import UserError
from data_recipes.pipeline.build import BuiltDataset
from data_recipes.schema.example import Example
from models.artifact import SplitRecord
from models.prompt_format import Rendered
from models.run_directory import RunDirectory
from training.batches.supervision import OVER_LENGTH, SupervisedSet, report_dropped
from training.rewards import REWARDS
from training.stages.grpo.config import GrpoConfig
from training.stages.sft.job import LanguageModelJob
from training.stages.sft.memory import Answering, Step
from training.trainer.answer_logprobs import AnswerLogprobs
from training.trainer.policy import train
from training.trainer.rollouts import Asking, Weighed
from training.trainer.supervised import Along

NO_REWARD = "no_reward"
"""Why a question is not asked: no reward of the recipe can score answers to it."""


class Questions(NamedTuple):
    """The questions of a split.

    Attributes:
        asked: Those kept, in the order of the examples.
        prompts: Their token ids.
        dropped: Ids of the others, by reason.
    """

    asked: list[Example]
    prompts: list[list[int]]
    dropped: Mapping[str, list[str]]

    @property
    def record(self) -> SplitRecord:
        """What a run records of them: the prompts. Nothing is supervised until it is sampled."""
        sequences = [Rendered(ids, [0] * len(ids)) for ids in self.prompts]
        examples = len(self.asked) + sum(map(len, self.dropped.values()))
        record = SupervisedSet(sequences, [], [], examples).record
        return record.model_copy(update={"dropped": {name: len(ids) for name, ids in self.dropped.items() if ids}})


class GrpoJob(LanguageModelJob[GrpoConfig]):
    """Makes answers with a higher reward likelier; see ``Job``."""

    def __init__(self, config: GrpoConfig, dataset: BuiltDataset, base: Path | None = None) -> None:
        settled = tuple(REWARDS[reward.kind].settled(reward) for reward in config.rewards)
        super().__init__(config.model_copy(update={"rewards": settled}), dataset, base)

    @property
    def described(self) -> str:
        """See ``Job.described``."""
        rewards = " + ".join(f"{reward.weight:g} {reward.kind}" for reward in self.config.rewards)
        return f"{self.config.policy.advantage} by {rewards}, {super().described}"

    def prepare(self) -> None:
        """Renders the questions of both splits, and makes the rewards; see ``Job.prepare``."""
        self.rewards = [Weighed(one.kind, one.weight, REWARDS[one.kind].make(one)) for one in self.config.rewards]
        self.questions = {split: self._questions(split) for split in ("train", "dev")}
        self.trained_on = {split: questions.record for split, questions in self.questions.items()}
        self.dropped = {split: questions.dropped for split, questions in self.questions.items()}
        asked, config = len(self.questions["train"].asked), self.config.train
        if asked < config.batch_size * config.gradient_accumulation:
            raise UserError(
                f"a step asks {config.batch_size * config.gradient_accumulation} questions, and there are {asked}",
                where="train.batch_size",
                fix="lower it, or give more questions",
            )

    def _questions(self, split: str) -> Questions:
        config, prompt_format = self.config, self.language_model.prompt_format
        longest = config.train.max_length - config.policy.max_new_tokens
        kinds = [REWARDS[reward.kind] for reward in config.rewards]
        found = Questions([], [], {NO_REWARD: [], OVER_LENGTH: []})
        for example in self.dataset.splits[split]:
            if not any(kind.applies(example) for kind in kinds):
                found.dropped[NO_REWARD].append(example.id)
            elif len(prompt := prompt_format.render_prompt(example.prompt)) > longest:
                found.dropped[OVER_LENGTH].append(example.id)
            else:
                found.asked.append(example)
                found.prompts.append(prompt)
        without = len(found.dropped[NO_REWARD])
        examples = len(self.dataset.splits[split])
        if without == examples:
            raise UserError(
                f"no question of {examples} can be scored by {', '.join(kind.kind for kind in kinds)}",
                where=f"split {split}",
                fix="choose rewards for this data: numeric needs results (data=math), refusal a knowledge base; format"
                " and reward_model score any answer",
            )
        report_dropped(split, examples - without, found.dropped[OVER_LENGTH], config.train)
        logger.info("{}: {} questions of {}, {} without a reward", split, len(found.asked), examples, without)
        return found

    def _largest_step(self) -> Step:
        policy, train = self.config.policy, self.config.train
        rows = train.batch_size * policy.group
        prompt, answer = max(map(len, self.questions["train"].prompts)), policy.max_new_tokens
        together = Answering(rows * train.gradient_accumulation, prompt, answer)
        return Step(rows, prompt + answer, rows * answer, AnswerLogprobs, together)

    def _texts(self) -> Sequence[Sequence[int]]:
        return self.questions["train"].prompts

    def _fit(self, model: PreTrainedModel | PeftModel, run: RunDirectory, along: Along) -> None:
        config = self.config
        asking = Asking(
            model, self.language_model.prompt_format, self.rewards, config.policy.max_new_tokens, config.seed
        )
        along = along._replace(dev_answers=None)  # they are asked, and their loops counted, at every evaluation
        questions, dev = (self.questions[split].asked for split in ("train", "dev"))
        train(model, questions, dev, asking, config.policy, config.train, run, config.seed, along)

    def settings(self) -> dict[str, object]:
        """See ``Job.settings``."""
        policy = {f"policy.{name}": value for name, value in self.config.policy.model_dump().items()}
        rewards = {f"rewards.{one.kind}": one.model_dump(exclude={"kind"}) for one in self.config.rewards}
        return policy | rewards | super().settings()


JOB = GrpoJob
