"""What a tuning method is: its configuration, what it adds to a base model, and how the result is used.

A configuration is checked against these records before any library is loaded, so methods import torch and peft only
where they use them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, Literal, TypeVar

from common.command import Config
from common.files import read_json, write_json

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from peft import PeftConfig, PeftModel
    from torch import nn
    from transformers import PreTrainedModel

    from data_recipes.schema.example import Example
    from training.base import Base
    from training.trainer.companion import Companion


class MethodConfig(Config):
    """What every method's configuration has.

    Attributes:
        kind: Which method; each configuration has its own.
        quantisation: ``nf4`` (with double quantisation) tunes on a base in 4 bits; null on the plain one.
    """

    kind: str
    quantisation: Literal["nf4"] | None = None


C = TypeVar("C", bound=MethodConfig)


class Method(ABC, Generic[C]):
    """One tuning method: everything that the rest of the project needs to know about it.

    Attributes:
        config: Its configuration, whose ``kind`` is the method's name.
        described: What it is, in Chinese and English, for help and model card.
        result: ``mergeable``: an adapter that becomes part of the weights. ``beside_base``: always loaded on top of the
            base. ``whole``: an ordinary model. The first two are saved as peft saves them, which the engines read.
        why_not_merged: The reason, for a method whose result cannot be merged.
        any_step_is_a_result: Whether the values after any step are one; else the schedule has to end first.
        isolates_packed_rows: Whether examples packed into one row cannot see each other through what is added.
        recomputes_layers: Whether a layer can be computed again in the backward pass (gradient checkpointing).
        trains_new_tokens: Whether it can train the embeddings of tokens that a vocabulary was extended by.
        chooses_rate: Whether ``rate_over_full`` is known for it.
        has_rank: Whether ``method.rank`` says how much it can store.
        decisive: Part of the names of trained tensors that leave the base as it is until they change; empty where that
            holds for all of them together.
    """

    config: ClassVar[type[MethodConfig]]
    described: ClassVar[tuple[str, str]]
    result: ClassVar[Literal["mergeable", "beside_base", "whole"]]
    why_not_merged: ClassVar[str] = ""
    any_step_is_a_result: ClassVar[bool] = True
    isolates_packed_rows: ClassVar[bool] = True
    recomputes_layers: ClassVar[bool] = True
    trains_new_tokens: ClassVar[bool] = False
    chooses_rate: ClassVar[bool] = False
    has_rank: ClassVar[bool] = False
    decisive: ClassVar[str] = ""

    @property
    def name(self) -> str:
        """The ``kind`` of its configuration."""
        return str(self.config.model_fields["kind"].default)

    def title(self, config: C) -> str:
        """What the method is called with this configuration."""
        return self.name

    @abstractmethod
    def attach(self, model: PreTrainedModel, config: C) -> PreTrainedModel | PeftModel:
        """Prepares a base, loaded or on the device ``meta``: what is trained requires gradients and is in float32.

        Raises:
            UserError: The configuration does not fit the model.
        """

    def with_new_tokens(self, config: C, ids: tuple[int, int]) -> C:
        """The configuration that also trains the rows of new tokens; for methods with ``trains_new_tokens``.

        Args:
            config: The method's configuration.
            ids: The first, and the one after the last.
        """
        return config

    def why_not_continued(self, config: C) -> str:
        """Why training cannot go on from the values of a saved result (``adapter.path``), and what to do instead; empty
        where it can."""
        return "only LoRA and prefixes go on from a saved adapter; merge it and give the run as model.path"

    def saved_settings(self, config: C) -> PeftConfig:
        """What peft saves of the configuration, without what follows from the model; of methods that go on from a saved
        adapter."""
        raise NotImplementedError(f"{self.name} does not go on from an adapter")

    def virtual_tokens(self, config: C) -> int:
        """Positions of the context that it takes before every text; most take none."""
        return 0

    def tasks(self, config: C) -> Sequence[str]:
        """The sources whose examples it learns as tasks of their own, in the order of its tasks; most have none."""
        return ()

    def untuned(self, shapes: nn.Module, config: C) -> str:
        """What of this model the method cannot reach, in words, for log and card; empty where that is nothing.

        Args:
            shapes: The base without its weights.
            config: The method's configuration.
        """
        return ""

    def start(self, model: PreTrainedModel | PeftModel, config: C, texts: Sequence[Sequence[int]], base: Base) -> None:
        """Gives what is trained the initial values that need the loaded weights or the data; most have none.

        Args:
            model: What ``attach`` returned, loaded.
            config: The method's configuration.
            texts: The conversations that it will be trained on, as token ids.
            base: The base model, whose weights can be loaded again as they were before they were quantised.

        Raises:
            UserError: The conversations do not suffice.
        """

    def settle(self, model: PreTrainedModel | PeftModel, config: C, examples: Sequence[Example], base: Base) -> None:
        """Chooses what of the trained values is the result, where the method leaves that to a search after training;
        most have nothing to choose.

        Args:
            model: What was trained.
            config: The method's configuration.
            examples: Conversations with answers that it was not trained on.
            base: The base model.
        """

    def rates(self, config: C) -> Mapping[str, float]:
        """Learning rates in multiples of that of the run, by a part of the names of trained tensors; of others 1."""
        return {}

    def rate_over_full(self, config: C) -> float | None:
        """The learning rate that it needs, in multiples of that of full tuning; None where that is not known."""
        return None

    def companion(self, model: PreTrainedModel | PeftModel, config: C) -> Companion | None:
        """What the method does at every step besides the optimiser, or keeps for a resume; most have nothing."""
        return None

    def base_is_kept(self, config: C) -> bool:
        """Whether the base is there, as it was, while what is trained is switched off."""
        return self.result != "whole"

    def ranks(self, directory: Path) -> dict[str, int] | None:
        """The rank of every layer in a saved result, where training chose it."""
        return None

    @abstractmethod
    def save(self, model: PreTrainedModel | PeftModel, directory: Path, base: Base, dtype: torch.dtype) -> None:
        """Writes the trained result with its prompt format into an empty directory.

        Args:
            model: What ``attach`` returned, trained.
            directory: Where it goes.
            base: The base model it was tuned from.
            dtype: Type of the weights of an ordinary model.
        """


class PeftMethod(Method[C]):
    """A peft method: base weights stay unchanged, the result is a peft directory."""

    def save(self, model: PreTrainedModel | PeftModel, directory: Path, base: Base, dtype: torch.dtype) -> None:
        """See ``Method.save``; the base is named afterwards, because peft asks a hub about any name while it saves."""
        model.save_pretrained(directory)
        settings = directory / "adapter_config.json"
        write_json(settings, read_json(settings) | {"base_model_name_or_path": base.hub_name or str(base.path)})
        base.prompt_format.save(directory)
