"""What methods have in common that change linear layers: which layers, and how many values are trained at each."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeVar

from pydantic import Field

from common.errors import UserError
from training.methods.method import MethodConfig, PeftMethod

if TYPE_CHECKING:
    from peft import PeftConfig, PeftModel
    from torch import nn
    from transformers import PreTrainedModel


Targets = Annotated[list[str], Field(min_length=1)]


class LinearConfig(MethodConfig):
    """What is chosen for every method on linear layers.

    Attributes:
        targets: Names of linear layers; ``all`` is every linear layer inside the blocks, with fused experts those of
            attention.
    """

    targets: Literal["all"] | Targets = "all"


L = TypeVar("L", bound=LinearConfig)


class LinearMethod(PeftMethod[L]):
    """A peft method on linear layers, whose result can be merged into them.

    Attributes:
        constant: Part of the names of parameters of peft that are never trained, although on shapes they look so.
    """

    result: ClassVar[Literal["mergeable", "beside_base", "whole"]] = "mergeable"
    constant: ClassVar[str] = ""

    @abstractmethod
    def values(self, config: L, layer: nn.Linear) -> int:
        """How many values are trained at a layer.

        Raises:
            UserError: The configuration does not fit it.
        """

    @abstractmethod
    def settings(self, config: L, targets: list[str]) -> PeftConfig:
        """The method as peft describes it, on layers of these names."""

    def tokens(self, config: L) -> Sequence[int]:
        """Ids of the tokens whose embeddings and rows of the output layer are trained besides; of most methods none."""
        return ()

    def attach(self, model: PreTrainedModel, config: L) -> PreTrainedModel | PeftModel:
        """Freezes the base and adds what is trained, in float32; see ``Method.attach``."""
        import peft

        from training.methods.targets import (
            all_targets,
            attention,
            linear_layers,
            refuse_tied,
            require,
            vocabulary_matrices,
        )

        targets = all_targets(model) if config.targets == "all" else require(model, config.targets)
        refuse_tied(model, targets)
        reached = attention(model)
        planned = sum(self.values(config, layer) for layer in linear_layers(model, targets))
        settings = self.settings(config, targets)
        if tokens := list(self.tokens(config)):
            matrices = vocabulary_matrices(model)
            settings.trainable_token_indices = dict.fromkeys(matrices, tokens)
            planned += len(tokens) * sum(width for width in matrices.values())
        adapted = peft.get_peft_model(model, settings)
        if tokens:  # peft leaves them in the type of the base
            for values in adapted.parameters():
                values.data = values.data.float() if values.requires_grad else values.data
        for name, values in adapted.named_parameters():
            if self.constant and self.constant in name:
                values.requires_grad_(False)
        if sum(p.numel() for p in adapted.parameters() if p.requires_grad) != planned:
            raise UserError(
                f"peft does not adapt the layers of {type(model).__name__} that are named: it takes some for experts",
                where="method.targets",
                fix=f"method.targets=[{','.join(reached)}]",
            )
        return adapted

    def untuned(self, shapes: nn.Module, config: L) -> str:
        """See ``Method.untuned``."""
        from training.methods.targets import only_attention, untuned

        return untuned(shapes) or ("" if config.targets == "all" else only_attention(shapes, config.targets))


def misfit(layer: nn.Linear, key: str, value: int, why: str, fix: str) -> UserError:
    """The error that a setting does not fit a layer."""
    return UserError(
        f"{key}={value} {why} of a linear layer with {layer.in_features} inputs and {layer.out_features} outputs",
        where=key,
        fix=fix,
    )
