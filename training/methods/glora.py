"""GLoRA (arXiv:2306.07967): weights are scaled and shifted by low-rank matrices, and a search finds how much of each.

The layer is peft's: W becomes W + W ⊙ A + B, and a bias b becomes b + b ⊙ D + E + W·C. As in the paper, one network
holds all choices: every step of training uses a part of it that is drawn by chance, and afterwards an evolution under a
budget looks for the part with the least loss on held-out examples. The rest becomes zero, and all of it is merged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from training.methods.linear import LinearConfig, LinearMethod

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from peft import PeftConfig, PeftModel
    from torch import nn
    from transformers import PreTrainedModel

    from data_recipes.schema.example import Example
    from training.base import Base
    from training.trainer.companion import Companion


class GloraConfig(LinearConfig):
    """Matrices that are multiplied with the weights, which must be there unquantised.

    Attributes:
        rank: Rank of A, B and C before the search, which keeps all, half or none of it.
        budget: How often the search reads the held-out examples, each time with another part of what is trained.
        examples: How many of them it reads.
        seed: Of what is drawn.
    """

    kind: Literal["glora"] = "glora"
    quantisation: None = None
    rank: int = Field(16, ge=1)
    budget: int = Field(60, ge=4)
    examples: int = Field(32, ge=1)
    seed: int = 20261123


class Glora(LinearMethod[GloraConfig]):
    """Trained scales and shifts of every weight, of which a search keeps some."""

    config = GloraConfig
    described = ("可搜索结构的广义低秩适配器", "generalised low-rank adapters whose parts are searched")
    decisive = "Xd"  # every product has it as a factor, and it starts as zero

    def values(self, config: GloraConfig, layer: nn.Linear) -> int:
        """A and B have ``[out, rank]`` and ``[rank, in]``; with a bias C ``[in, rank]`` and ``[rank, 1]``, D and E
        ``[out]``; see ``LinearMethod.values``."""
        of_weight = 2 * config.rank * (layer.in_features + layer.out_features)
        of_bias = config.rank * (layer.in_features + 1) + 2 * layer.out_features
        return of_weight + (of_bias if layer.bias is not None else 0)

    def settings(self, config: GloraConfig, targets: list[str]) -> PeftConfig:
        """See ``LinearMethod.settings``."""
        import peft

        return peft.GloraConfig(task_type="CAUSAL_LM", r=config.rank, target_modules=targets, config_D_E="vector")

    def attach(self, model: PreTrainedModel, config: GloraConfig) -> PreTrainedModel | PeftModel:
        """Makes every part one that can be left out; see ``LinearMethod.attach``."""
        from training.trainer.parts import make_optional

        adapted = super().attach(model, config)
        make_optional(adapted)
        return adapted

    def companion(self, model: PreTrainedModel | PeftModel, config: GloraConfig) -> Companion:
        """See ``Method.companion``."""
        from training.trainer.parts import SampledParts

        return SampledParts(model, config.seed)

    def settle(
        self, model: PreTrainedModel | PeftModel, config: GloraConfig, examples: Sequence[Example], base: Base
    ) -> None:
        """Keeps the parts with which the held-out answers are likeliest; see ``Method.settle``."""
        from training.trainer.parts import keep_best

        keep_best(model, examples[: config.examples], base.prompt_format, config.budget, config.seed)

    def ranks(self, directory: Path) -> dict[str, int]:
        """See ``Method.ranks``; of A and B together."""
        from safetensors.torch import load_file

        found: dict[str, int] = {}
        for name, values in load_file(directory / "adapter_model.safetensors").items():
            layer, _, part = name.removeprefix("base_model.model.").partition(".glora_")
            if part in ("A.Xd", "B.Xd"):
                found[layer] = found.get(layer, 0) + int(values.any(0).sum())
        return found
