"""The parts of a GLoRA adapter: some are drawn for every step of training, and a search keeps the best ones.

A part is one matrix of a layer, or the vector of a bias. What is kept is a rank (all, half or none), or all or none.
"""

import random
from collections.abc import Sequence
from typing import Any

import torch
from loguru import logger
from peft.tuners.glora.layer import GloraLayer, GloraLoraPath, GloraVectorPath
from torch import nn
from tqdm import tqdm
from transformers import TrainerControl, TrainerState, TrainingArguments

from data_recipes.schema.example import Example
from models.engines.local import LocalEngine
from models.prompt_format import PromptFormat
from training.trainer.companion import Companion
from training.weight_search import loss

ADAPTER = "default"
"""Peft's name of the only adapter."""
NAMES = ("glora_A", "glora_B", "glora_C", "glora_D", "glora_E")
PARENTS = 4
"""The best choices so far, of which new ones are made."""
DRAWN = 1 / 3
"""Share of the budget for choices that are drawn by chance, before any are made of others."""
MUTATED = 0.1
"""Share of the parts of a new choice that are drawn again."""


class OptionalProduct(GloraLoraPath):
    """Peft's product of low rank, of which the first ``kept`` ranks count.

    Args:
        path: Peft's, whose values it has.
    """

    def __init__(self, path: GloraLoraPath) -> None:
        nn.Module.__init__(self)
        self.Xd, self.Xu = path.Xd, path.Xu
        self.kept = self.most = self.Xd.shape[1]

    @property
    def choices(self) -> tuple[int, ...]:
        """What may be kept."""
        return tuple(dict.fromkeys((0, self.most // 2, self.most)))

    def forward(self) -> torch.Tensor:
        """``[out, in]``."""
        return self.Xd[:, : self.kept] @ self.Xu[: self.kept]

    def settle(self) -> None:
        """Makes the rest zero, so that peft's own layer says the same."""
        with torch.no_grad():
            self.Xd[:, self.kept :] = 0
        self.kept = self.most


class OptionalVector(GloraVectorPath):
    """Peft's vector, which counts or not.

    Args:
        path: Peft's, whose values it has.
    """

    choices = (0, 1)

    def __init__(self, path: GloraVectorPath) -> None:
        nn.Module.__init__(self)
        self.X = path.X
        self.kept = self.most = 1

    def forward(self) -> torch.Tensor:
        """``[out]``."""
        return self.X * self.kept

    def settle(self) -> None:
        """Makes what does not count zero."""
        with torch.no_grad():
            self.X *= self.kept
        self.kept = self.most


Part = OptionalProduct | OptionalVector


def make_optional(model: nn.Module) -> None:
    """Puts parts that can be left out in the place of peft's, with the same values under the same names."""
    for layer in model.modules():
        if isinstance(layer, GloraLayer):
            for paths in (getattr(layer, name) for name in NAMES):
                path = paths[ADAPTER]
                if isinstance(path, GloraLoraPath):
                    paths[ADAPTER] = OptionalProduct(path)
                elif isinstance(path, GloraVectorPath):
                    paths[ADAPTER] = OptionalVector(path)


class SampledParts(Companion):
    """Trains other parts at every step; which ones follows from the seed and the step alone.

    Args:
        model: The model in training.
        seed: Of what is drawn.
    """

    def __init__(self, model: nn.Module, seed: int) -> None:
        super().__init__(model)
        self.seed = seed

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Draws parts."""
        parts = parts_of(self.model)
        keep(parts, drawn(parts, random.Random(f"{self.seed} {state.global_step}")))

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """What is measured between steps is all of it."""
        parts = parts_of(self.model)
        keep(parts, [part.most for part in parts])


def keep_best(
    model: nn.Module, examples: Sequence[Example], prompt_format: PromptFormat, budget: int, seed: int
) -> None:
    """Keeps the parts with which some answers are likeliest, and makes the others zero; shows progress.

    Args:
        model: The trained model.
        examples: Conversations with answers; without any, all parts are kept.
        prompt_format: What they are written in.
        budget: How often they are read.
        seed: Of what is drawn.
    """
    if not examples:
        logger.warning("glora: the dev split has no answers, so nothing is searched, and all parts are kept")
        return
    parts, engine, chance = parts_of(model), LocalEngine(model, prompt_format, "searched"), random.Random(seed)
    everything = [part.most for part in parts]
    tried: list[tuple[float, list[int]]] = []
    with tqdm(total=budget, desc="glora", unit="choice") as progress:
        for number in range(budget):
            kept = everything if number == 0 else _next(tried, parts, chance, by_chance=number < DRAWN * budget)
            keep(parts, kept)
            tried.append((loss(engine, examples), kept))
            tried.sort(key=lambda one: one[0])
            progress.update()
            progress.set_postfix(best=f"{tried[0][0]:.4f}")
    (best, kept), of_all = tried[0], next(found for found, its in tried if its == everything)
    logger.info(
        "glora: loss {:.4f} on {} dev examples, {:.4f} with all parts; {:.0%} of all ranks are kept",
        *(best, len(examples), of_all, sum(kept) / sum(everything)),
    )
    keep(parts, kept)
    for part in parts:
        part.settle()


def _next(
    tried: Sequence[tuple[float, list[int]]], parts: Sequence[Part], chance: random.Random, *, by_chance: bool
) -> list[int]:
    """A choice that is drawn, or one that has each part from one of two good ones, some drawn again."""
    fresh = drawn(parts, chance)
    if by_chance:
        return fresh
    one, other = (chance.choice(tried[:PARENTS])[1] for _ in range(2))
    return [
        new if chance.random() < MUTATED else chance.choice(pair) for new, *pair in zip(fresh, one, other, strict=True)
    ]


def parts_of(model: nn.Module) -> list[Part]:
    """All parts, in the order of the layers."""
    return [module for module in model.modules() if isinstance(module, OptionalProduct | OptionalVector)]


def drawn(parts: Sequence[Part], chance: random.Random) -> list[int]:
    """What is kept of each part, drawn from what may be."""
    return [chance.choice(part.choices) for part in parts]


def keep(parts: Sequence[Part], kept: Sequence[int]) -> None:
    """From now on this much of each part counts."""
    for part, its in zip(parts, kept, strict=True):
        part.kept = its
