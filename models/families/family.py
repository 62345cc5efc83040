"""What Xinglin must know about a model family: how its checkpoints become a native model, and back.

A checkpoint is in *native* layout (the class, names and ``tokenizer.json`` that today's transformers, vLLM and
llama.cpp know) or in the *original* layout its authors published (fused weights, remote code, ``tokenizer.model``).
Xinglin reads both and writes both; in memory a model is always native.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.core_model_loading import Concatenate, ConversionOps, WeightTransform

from common.errors import UserError
from models.config import Hints

QUANTISED = ("quantization_config", "quantized", "quantization_bit")
"""Where a ``config.json`` says that weights were stored quantised: by transformers', Baichuan's or ChatGLM's code."""


@dataclass(frozen=True)
class Checkpoint:
    """A model directory before it is loaded.

    Attributes:
        directory: Its directory.
        config: Its ``config.json``.
        published: The ``config.json`` of the original layout, where the directory is in native layout but was converted
            from it (``origin.json``); else the same as ``config``.
        hints: What the user says about it.
    """

    directory: Path
    config: dict[str, Any]
    published: dict[str, Any]
    hints: Hints

    def refuse(self, problem: str, fix: str) -> UserError:
        """An error about this checkpoint's ``config.json``, to be raised."""
        return UserError(problem, where=str(self.directory / "config.json"), fix=fix)


@dataclass(frozen=True)
class Plan:
    """How a checkpoint becomes a native model.

    Attributes:
        model_class: The native class.
        config: Its configuration.
        transforms: From the checkpoint's tensors to the model's; none in native layout.
        ignored: Suffixes of tensor names that are not weights (tables that are recomputed).
    """

    model_class: type[PreTrainedModel]
    config: PreTrainedConfig
    transforms: Sequence[WeightTransform] = ()
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True)
class OriginalLayout:
    """How a native model is written back in the layout its authors published.

    Attributes:
        config: From the native configuration and a published ``config.json`` of this family to the original one.
        transforms: The transforms that reading uses, to be reversed.
        tables: Tensors that original files carry besides the weights.
        refuse: Refuses a model that the authors' code would compute differently.
    """

    config: Callable[[PreTrainedConfig, dict[str, Any]], dict[str, Any]]
    transforms: Callable[[PreTrainedConfig], Sequence[WeightTransform]]
    tables: Callable[[PreTrainedConfig, dict[str, Any]], dict[str, torch.Tensor]] = field(default=lambda *_: {})
    refuse: Callable[[PreTrainedModel, Checkpoint], None] = field(default=lambda *_: None)


@dataclass(frozen=True)
class NoGguf:
    """Why llama.cpp cannot run a family, and the alternative."""

    why: str
    instead: str


@dataclass(frozen=True)
class ModelFamily:
    """One family of models.

    Attributes:
        name: Name used in configurations and artefacts.
        licence: What to look for in the licence, whose text is in the base's own directory.
        no_gguf: Why there is no GGUF of it; None where ``models.gguf_export`` decides by class and tokenizer.
        own_class: Whether the native class is Xinglin's own, so that plain transformers cannot load it.
        recognises: Whether a ``config.json`` (as a dictionary) is of this family, in either layout.
        is_original: Whether it is in the original layout.
        plan: How a checkpoint is loaded.
        tokenizer: The tokenizer of a model directory.
        prompt_format: Name of the prompt format of a checkpoint without a chat template; None where nothing tells.
        original: The layout of the authors; none where it is the native one.
    """

    name: str
    licence: str
    no_gguf: NoGguf | None
    recognises: Callable[[dict[str, Any]], bool]
    plan: Callable[[Checkpoint], Plan]
    tokenizer: Callable[[Checkpoint], PreTrainedTokenizerBase]
    prompt_format: Callable[[Checkpoint], str | None]
    original: OriginalLayout | None = None
    is_original: Callable[[dict[str, Any]], bool] = lambda config: False
    own_class: bool = False


def native_plan(checkpoint: Checkpoint) -> Plan:
    """Loads a directory in native layout as transformers itself would, without remote code.

    Raises:
        UserError: The configuration is not one that this transformers knows, or the weights are quantised.
    """
    refuse_quantised(checkpoint)
    try:
        config = AutoConfig.from_pretrained(checkpoint.directory, trust_remote_code=False, local_files_only=True)
        model_class = AutoModelForCausalLM._model_mapping[type(config)]
    except (KeyError, ValueError) as error:
        raise checkpoint.refuse(
            f"transformers cannot load it: {str(error).splitlines()[0]}", "choose a model that it has a class for"
        ) from None
    return Plan(model_class, config)


def refuse_quantised(checkpoint: Checkpoint) -> None:
    """Refuses weights that were stored quantised: neither adapters nor a merge would meet the weights they stand for.

    Raises:
        UserError: The configuration says that they are.
    """
    if said := [f"{key}={value}" for key in QUANTISED if (value := checkpoint.config.get(key))]:
        raise checkpoint.refuse(
            f"the weights are already quantised ({', '.join(said)})",
            "use the unquantised model; NF4 quantises it while loading (method=qlora)",
        )


def require_keys(checkpoint: Checkpoint, keys: Sequence[str], family: str) -> None:
    """Refuses a ``config.json`` that is not of a family, whatever the user says.

    Raises:
        UserError: It lacks keys of the family's configuration.
    """
    if missing := [key for key in keys if key not in checkpoint.config]:
        raise checkpoint.refuse(
            f"not a model of the family {family}: config.json has no {', '.join(missing)}"
            f" (architectures={checkpoint.config.get('architectures')})",
            "give no model.family: most models are recognised by their config.json",
        )


def native_tokenizer(checkpoint: Checkpoint) -> PreTrainedTokenizerBase:
    """The tokenizer of a directory in native layout (``tokenizer.json``).

    Raises:
        UserError: There is no ``tokenizer.json``.
    """
    if not (checkpoint.directory / "tokenizer.json").is_file():
        raise UserError(
            "no tokenizer.json here",
            where=str(checkpoint.directory),
            fix="copy the model's tokenizer.json; or load its tokenizer once with transformers, where it has what that"
            " needs, and save it with save_pretrained",
        )
    return AutoTokenizer.from_pretrained(
        checkpoint.directory, trust_remote_code=False, local_files_only=True, padding_side="left"
    )


class SplitRows(ConversionOps):
    """Splits a fused matrix or bias into row blocks of the given sizes, each with its own memory.

    Args:
        sizes: Rows of each block, in the order of the target patterns.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self.sizes = list(sizes)

    def convert(
        self, input_dict: dict[str, Any], source_patterns: list[str], target_patterns: list[str], **kwargs: Any
    ) -> dict[str, torch.Tensor]:
        """Source ``[sum(sizes), …]`` to targets ``[size, …]``."""
        fused = _only(input_dict)
        blocks = torch.split(fused, self.sizes, dim=0)
        return {target: block.clone() for target, block in zip(target_patterns, blocks, strict=True)}

    @property
    def reverse_op(self) -> ConversionOps:
        """Concatenation of the blocks."""
        return Concatenate(dim=0)


ROUNDING = 1e-5  # tolerance for the length of a normalised row in float32
SHORTEST = 1e-12  # a row of zeros stays zero, as in torch.nn.functional.normalize


def rows_are_normalised(weight: torch.Tensor) -> bool:
    """Whether every row has length 1, or none at all."""
    lengths = weight.float().norm(dim=1)
    return bool((_is_one(lengths, weight) | (lengths < SHORTEST)).all())


def _is_one(lengths: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    return (lengths - 1).abs() < max(ROUNDING, torch.finfo(rows.dtype).eps)


class NormaliseRows(ConversionOps):
    """Divides every row by its length, in float32 and block by block: Baichuan2's NormHead, folded once at load.

    The original normalises on every forward pass, which gives the same logits; see Baichuan2's README on migrating
    inference. Rows that already have length 1 stay bit for bit, so a model converts back and forth.
    """

    BLOCK = 4096

    def convert(
        self, input_dict: dict[str, Any], source_patterns: list[str], target_patterns: list[str], **kwargs: Any
    ) -> dict[str, torch.Tensor]:
        """``[vocab, hidden]`` to the same with rows of length 1."""
        weight = _only(input_dict)
        for start in range(0, len(weight), self.BLOCK):
            rows = weight[start : start + self.BLOCK]
            lengths = rows.float().norm(dim=1, keepdim=True)
            rows.copy_(torch.where(_is_one(lengths, rows), rows.float(), rows.float() / lengths.clamp_min(SHORTEST)))
        return {target_patterns[0]: weight}

    @property
    def reverse_op(self) -> ConversionOps:
        """Normalised rows are a valid original: normalising them again changes nothing."""
        return Unchanged()


class Unchanged(ConversionOps):
    """Passes a tensor through."""

    def convert(
        self, input_dict: dict[str, Any], source_patterns: list[str], target_patterns: list[str], **kwargs: Any
    ) -> dict[str, torch.Tensor]:
        """The source under the target's name."""
        return {target_patterns[0]: _only(input_dict)}

    @property
    def reverse_op(self) -> ConversionOps:
        """Itself."""
        return Unchanged()


def _only(input_dict: dict[str, Any]) -> torch.Tensor:
    (value,) = input_dict.values()
    tensor: torch.Tensor = value[0] if isinstance(value, list) else value
    return tensor
