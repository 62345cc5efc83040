"""LoraHub (arXiv:2307.13269): the weights of a sum of adapters are searched on a few examples, without gradients.

As in the paper what is minimised is the loss plus a penalty on the weights' sizes. The search is COBYQA, a method of
trust regions that models the loss from its values alone: for a handful of weights it needs few of them
(docs/decisions/0178-weights-are-searched-by-scipy.md).
"""

import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from pydantic import Field
from scipy.optimize import minimize
from tqdm import tqdm

from common.command import Config
from common.errors import UserError
from data_recipes.pipeline.build import BuiltDataset
from data_recipes.schema.example import Example
from models.engines.local import LocalEngine
from models.prompt_format import PromptFormat

AT_ONCE = 8
"""Conversations that are read together."""
HELD_OUT = 64
"""Examples that the found weights are compared on."""


class SearchConfig(Config):
    """How weights are searched.

    Attributes:
        examples: How many of the dataset's split for training are read; the seed chooses them.
        budget: How often they are read, each time with other weights.
        bound: Largest size of a weight.
        penalty: Nats per token that a sum of sizes of 1 costs.
    """

    examples: int = Field(32, ge=1)
    budget: int = Field(60, ge=1)
    bound: float = Field(1.5, gt=0)
    penalty: float = Field(0.05, ge=0)

    def refuse_small_budget(self, weights: int) -> None:
        """Refuses a budget that does not suffice for a first model of the loss.

        Raises:
            ValueError: It is too small.
        """
        if self.budget < (least := 2 * weights + 2):
            raise ValueError(f"search.budget={self.budget} is too small for {weights} weights: give {least} or more")


class FoundWeights(NamedTuple):
    """What a search has found.

    Attributes:
        weights: By the names of the adapters.
        held_out: Nats per answer token on held-out examples: of the base, of the mean of all adapters, and of these.
        examples: How many of them there are.
    """

    weights: dict[str, float]
    held_out: dict[str, float]
    examples: int


def search(
    model: PeftModel,
    names: Sequence[str],
    prompt_format: PromptFormat,
    dataset: BuiltDataset,
    config: SearchConfig,
    seed: int,
) -> FoundWeights:
    """Finds the weights of a sum of LoRA adapters; shows progress and the best loss so far.

    Args:
        model: The base with the adapters.
        names: Of the adapters.
        prompt_format: What conversations are written in.
        dataset: Whose examples are read.
        config: How it is searched.
        seed: Chooses the examples.

    Raises:
        UserError: The dataset has no examples with answers.
    """
    weighing = Weighing(model, names)
    engine = LocalEngine(model, prompt_format, "searched")
    few = _some(dataset, "train", config.examples, seed)
    best = np.inf
    with tqdm(total=config.budget, desc="lorahub", unit="weights") as progress:

        def penalised(weights: NDArray[np.float64]) -> float:
            nonlocal best
            weighing.weigh(dict(zip(names, weights.tolist(), strict=True)))
            found = loss(engine, few) + config.penalty * float(np.abs(weights).sum())
            best = min(best, found)
            progress.update()
            progress.set_postfix(best=f"{best:.4f}")
            return found

        options: Any = {"maxfev": config.budget, "initial_tr_radius": config.bound / 3}
        result = minimize(
            penalised,
            np.full(len(names), 1 / len(names)),
            method="COBYQA",
            bounds=[(-config.bound, config.bound)] * len(names),
            options=options,
        )
    weights = dict(zip(names, result.x.tolist(), strict=True))
    held_out = _some(dataset, "dev", HELD_OUT, seed)
    compared = {"base": dict.fromkeys(names, 0.0), "mean": dict.fromkeys(names, 1 / len(names)), "found": weights}
    losses = {}
    for name, its in compared.items():
        weighing.weigh(its)
        losses[name] = loss(engine, held_out)
    weighing.weigh(dict.fromkeys(names, 1.0))
    return FoundWeights(weights, losses, len(held_out))


class Weighing:
    """Gives the adapters of a model weights, without changing a value of them: all are active, each scaled.

    Args:
        model: The base with the adapters.
        names: Of the adapters.
    """

    def __init__(self, model: PeftModel, names: Sequence[str]) -> None:
        model.base_model.set_adapter(list(names))
        self.layers = [layer for layer in model.modules() if isinstance(layer, LoraLayer)]
        self.own = [dict(layer.scaling) for layer in self.layers]

    def weigh(self, weights: Mapping[str, float]) -> None:
        """From now on the model is the base with this weighted sum."""
        for layer, own in zip(self.layers, self.own, strict=True):
            layer.scaling.update({name: weight * own[name] for name, weight in weights.items() if name in own})


def loss(engine: LocalEngine, examples: Sequence[Example]) -> float:
    """Nats per token of the last answers of some examples."""
    conversations = [example.messages for example in examples]
    groups = [conversations[first : first + AT_ONCE] for first in range(0, len(conversations), AT_ONCE)]
    scores = [score for group in groups for score in engine.score(group)]
    return -sum(score.logprob for score in scores) / sum(score.tokens for score in scores)


def _some(dataset: BuiltDataset, split: str, number: int, seed: int) -> list[Example]:
    """Examples of a split, fewer where it has fewer.

    Raises:
        UserError: None of them has an answer.
    """
    answered = [one for one in dataset.splits[split] if not one.is_text and one.has_reference]
    if not answered:
        fix = "give a dataset of conversations: python data_recipes/build.py data=NAME out=DIR"
        raise UserError(f"split {split} has no answers", where=f"examples={dataset.directory}", fix=fix)
    return random.Random(seed).sample(answered, min(number, len(answered)))
