"""Several adapters on one base: a router gives each question to one of them.

The base is in memory once. Each expert decodes its own rows together; rows of two experts do not share a step.
"""

import copy
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TypeVar

import torch
from transformers import PreTrainedModel

from models.artifact import FILE_NAME, Artifact, ExpertsArtifact
from models.beside_base import base_of, on_base
from models.config import DType
from models.conversation import Continuation, Conversation, Prompt
from models.engines.engine import Choice, Completion, OnText, Renderer, Sampling, Score
from models.engines.local import LocalEngine, check_numbers, load_engine
from models.loading import load_model, load_tokenizer
from models.numerics import compute_dtype
from models.prompt_format import PromptFormat
from models.router import Router

R = TypeVar("R")


class ExpertsEngine(Renderer):
    """Answers by the expert that a question is for; see ``Engine``.

    Args:
        experts: An engine each, of one base and one prompt format.
        router: Chooses among them.
        model_version: Name reported with each answer.
    """

    gives_logprobs = True

    def __init__(self, experts: Mapping[str, LocalEngine], router: Router, model_version: str) -> None:
        self.experts, self.router, self.model_version = experts, router, model_version
        self._any = next(iter(experts.values()))
        self.prompt_format = self._any.prompt_format

    @property
    def context_length(self) -> int:
        """See ``Engine.context_length``."""
        return self._any.context_length

    def check_schema(self, schema: str) -> None:
        """See ``Engine.check_schema``."""
        self._any.check_schema(schema)

    def expert_for(self, prompt: Prompt) -> str:
        """The expert for what a person has said, or for a text."""
        if isinstance(prompt, Continuation):
            return self.router.choose(self.decode(prompt.ids))
        return self.router.choose(asked(prompt))

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sequence[Sampling], on_text: OnText | None = None
    ) -> list[Completion]:
        """See ``Engine.generate``; where no expert is named, the router chooses."""

        def answered(engine: LocalEngine, places: list[int]) -> list[Completion]:
            told = (lambda number, text: on_text(places[number], text)) if on_text else None
            return engine.generate([prompts[i] for i in places], [sampling[i] for i in places], told)

        chosen = [its.expert or self.expert_for(prompt) for prompt, its in zip(prompts, sampling, strict=True)]
        found = self._by_expert(chosen, answered)
        return [replace(completion, expert=name) for completion, name in zip(found, chosen, strict=True)]

    def score(self, conversations: Sequence[Conversation]) -> list[Score]:
        """See ``Engine.score``; the question decides, not its answer."""
        chosen = [self.expert_for(conversation[:-1]) for conversation in conversations]
        return self._by_expert(chosen, lambda engine, places: engine.score([conversations[i] for i in places]))

    def score_choices(self, choices: Sequence[Choice]) -> list[list[float]]:
        """See ``Engine.score_choices``."""
        chosen = [self.router.choose(self.decode(choice.context)) for choice in choices]
        return self._by_expert(chosen, lambda engine, places: engine.score_choices([choices[i] for i in places]))

    def _by_expert(self, chosen: Sequence[str], asked_of: Callable[[LocalEngine, list[int]], list[R]]) -> list[R]:
        """What each expert says of its part, in the order of all.

        Args:
            chosen: The expert of each.
            asked_of: Asks one engine about those at some places.
        """
        places: defaultdict[str, list[int]] = defaultdict(list)
        for place, name in enumerate(chosen):
            places[name].append(place)
        found = {name: asked_of(self.experts[name], its) for name, its in places.items()}
        at = dict(chain.from_iterable(zip(its, found[name], strict=True) for name, its in places.items()))
        return [at[place] for place in range(len(chosen))]


def asked(conversation: Conversation) -> str:
    """All that a person has said: what follows up (那剂量呢) is about what was asked before."""
    return "\n".join(turn.content for turn in conversation if turn.role == "user")


def load_experts(
    directory: Path, artifact: ExpertsArtifact, *, dtype: torch.dtype, shared_bytes: int = 0
) -> ExpertsEngine:
    """Loads a base once, and every adapter on it.

    Args:
        directory: Of the experts.
        artifact: Its record.
        dtype: Type to compute in.
        shared_bytes: Memory for what prompts begin with, divided by the experts.

    Raises:
        UserError: The base or an expert is missing.
        Refused: The base is another one, or a file was changed.
    """
    hints = artifact.base.hints
    base = load_model(base_of(directory, artifact), dtype=dtype, quantisation=artifact.quantisation, hints=hints)
    prompt_format = PromptFormat.load(directory, load_tokenizer(base_of(directory, artifact), hints))
    engines = {}
    for name in artifact.experts:
        own = Artifact.load(directory / name)
        own.check_files(directory / name)
        model = on_base(sharing(base), directory / name)
        check_numbers(model, directory / name)
        engines[name] = LocalEngine(model, prompt_format, artifact.model_version, shared_bytes // len(artifact.experts))
    return ExpertsEngine(engines, Router.load(directory), artifact.model_version)


def sharing(model: PreTrainedModel) -> PreTrainedModel:
    """A copy of a model whose weights are those of the model itself: an adapter changes layers, and not weights."""
    weights = {id(values): values for values in chain(model.parameters(), model.buffers())}
    return copy.deepcopy(model, weights)


def open_engine(path: Path, *, dtype: DType = "float32", shared_bytes: int = 0) -> LocalEngine | ExpertsEngine:
    """Loads what a directory contains: experts, or what ``load_engine`` loads, which has the same arguments."""
    artifact = Artifact.load(path) if (path / FILE_NAME).is_file() else None
    if not isinstance(artifact, ExpertsArtifact):
        return load_engine(path, dtype=dtype, shared_bytes=shared_bytes)
    directory = artifact.directory(path)
    artifact.check_files(directory)
    computed = compute_dtype(artifact.dtype if dtype == "auto" else dtype).dtype
    return load_experts(directory, artifact, dtype=computed, shared_bytes=shared_bytes)
