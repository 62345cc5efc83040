"""P-Tuning v2 prefixes of ChatGLM's own code become peft adapters for ``GlmForCausalLM``, and back.

Both put trained keys and values before the text in every layer, in the same order in memory. They differ in where the
text begins: the original leaves the prefix keys unrotated and counts the text from 0, peft counts it from P, the length
of the prefix. Rotary attention only sees differences of positions, so rotating every prefix key by P positions gives
the same model.
"""

from pathlib import Path
from typing import Any

import torch
from peft import PrefixTuningConfig
from safetensors.torch import load_file, save_file
from transformers import PreTrainedConfig
from transformers.models.glm.modeling_glm import GlmRotaryEmbedding, apply_rotary_pos_emb

from common.errors import UserError
from common.files import read_json, replacing_directory, write_json
from models.checkpoint import open_weights
from models.config import NO_HINTS, Hints
from models.families.chatglm import CHATGLM
from models.families.family import Checkpoint, ModelFamily
from models.loading import open_checkpoint

CONFIG = "adapter_config.json"
SAFETENSORS = "adapter_model.safetensors"
EMBEDDINGS = "prompt_embeddings"  # peft's name of the flat prefix

ENCODER = "transformer.prefix_encoder."
PLAIN = {"embedding.weight"}
PROJECTED = {"embedding.weight", "trans.0.weight", "trans.0.bias", "trans.2.weight", "trans.2.bias"}


def import_prefix(checkpoint: Path, base: Path, out: Path, hints: Hints = NO_HINTS) -> None:
    """Writes an original P-Tuning v2 checkpoint as a peft adapter for the native class.

    Args:
        checkpoint: Directory whose weights hold ``transformer.prefix_encoder.*``, with or without projection.
        base: The base model, in either layout.
        out: Directory to write.
        hints: As for ``load_model``.

    Raises:
        UserError: There is no prefix in the checkpoint, it is not for this base, or the base is not ChatGLM.
    """
    family, opened = open_checkpoint(base, hints)
    _refuse_other_families(family, base)
    config = family.plan(opened).config
    prefix = _original_prefix(checkpoint, base)
    _check_width(prefix, config, checkpoint)
    rotated = _with_rotated_keys(prefix, config, len(prefix))
    with replacing_directory(out) as directory:
        write_json(directory / CONFIG, _adapter_config(len(prefix), config, base).to_dict())
        save_file({EMBEDDINGS: rotated}, directory / SAFETENSORS, metadata={"format": "pt"})


def export_prefix(adapter: Path, base: Path, out: Path, hints: Hints = NO_HINTS) -> None:
    """Writes a peft prefix on ``GlmForCausalLM`` as an original P-Tuning v2 checkpoint without projection.

    Args:
        adapter: Directory of the peft adapter.
        base: Its base model, in original layout or converted from it.
        out: Directory to write: ``config.json`` and ``pytorch_model.bin``.
        hints: As for ``load_model``.

    Raises:
        UserError: The adapter is not a prefix or not for this base, the base is not ChatGLM, or no file has the
            original configuration.
    """
    family, opened = open_checkpoint(base, hints)
    _refuse_other_families(family, base)
    config = family.plan(opened).config
    prefix = _peft_prefix(adapter)
    _check_width(prefix, config, adapter)
    original = _original_config(opened, config) | {"pre_seq_len": len(prefix), "prefix_projection": False}
    rotated = _with_rotated_keys(prefix, config, -len(prefix))
    with replacing_directory(out) as directory:
        write_json(directory / "config.json", original)
        torch.save({f"{ENCODER}embedding.weight": rotated}, directory / "pytorch_model.bin")


def _refuse_other_families(family: ModelFamily, base: Path) -> None:
    if family is not CHATGLM:
        raise UserError(
            f"the authors of {family.name} published no P-Tuning v2 format; only ChatGLM's did",
            where=str(base),
            fix="keep the prefix as a peft adapter, as Xinglin trains and serves it on every family; where the"
            " base is a ChatGLM2 or 3 without its origin.json, give model.family=chatglm",
        )


def _original_prefix(checkpoint: Path, base: Path) -> torch.Tensor:
    """The prefix of an original checkpoint, flat: ``[length, layers · 2 · groups · channels]``, float32."""
    tensors = open_weights(checkpoint)
    found = {name.removeprefix(ENCODER): tensor for name, tensor in tensors.items() if name.startswith(ENCODER)}
    if not found:
        raise UserError(
            f"no P-Tuning v2 prefix here ({ENCODER}*)", where=str(checkpoint), fix="give the checkpoint-* of P-Tuning"
        )
    if set(found) not in (PLAIN, PROJECTED):
        raise UserError(
            f"not a prefix of ChatGLM2 or 3: {', '.join(sorted(found))}", where=str(checkpoint), fix="copy it again"
        )
    others = [name for name in tensors if not name.startswith(ENCODER)]
    if others and checkpoint.resolve() != base.resolve():
        raise UserError(
            f"there are {len(others)} weights besides the prefix, e.g. {others[0]}: this is a whole model",
            where=str(checkpoint),
            fix=f"if they were tuned too, give the directory as the base as well (model.path={checkpoint})",
        )
    weights = {name: tensor[...].float() for name, tensor in found.items()}
    _check_config(checkpoint, length=len(weights["embedding.weight"]), projected=set(weights) == PROJECTED)
    return _flat(weights)


def _flat(weights: dict[str, torch.Tensor]) -> torch.Tensor:
    prefix = weights["embedding.weight"]
    if set(weights) == PLAIN:
        return prefix
    hidden = torch.tanh(torch.nn.functional.linear(prefix, weights["trans.0.weight"], weights["trans.0.bias"]))
    return torch.nn.functional.linear(hidden, weights["trans.2.weight"], weights["trans.2.bias"])


def _check_config(checkpoint: Path, *, length: int, projected: bool) -> None:
    """``config.json`` is not always shared with the weights, which imply all of it; but it must not contradict them."""
    path = checkpoint / "config.json"
    given = read_json(path) if path.is_file() else {}
    for key, value in {"pre_seq_len": length, "prefix_projection": projected}.items():
        if given.get(key) not in (None, value):
            raise UserError(
                f"{key} is {given[key]} here, but {value} by the weights", where=str(path), fix="copy both again"
            )


def _peft_prefix(adapter: Path) -> torch.Tensor:
    given = read_json(adapter / CONFIG)
    if given.get("peft_type") != "PREFIX_TUNING":
        raise UserError(
            f"a {given.get('peft_type')} adapter, not a prefix", where=str(adapter / CONFIG), fix="give a prefix"
        )
    if not (adapter / SAFETENSORS).is_file():
        raise UserError(f"{SAFETENSORS} is missing", where=str(adapter), fix="copy the whole adapter")
    return load_file(adapter / SAFETENSORS)[EMBEDDINGS].float()


def _check_width(prefix: torch.Tensor, config: PreTrainedConfig, where: Path) -> None:
    width = config.num_hidden_layers * 2 * config.num_key_value_heads * config.head_dim
    if prefix.shape[1] != width:
        raise UserError(
            f"the prefix is not for this base: {prefix.shape[1]} values per position, the base has {width}"
            f" ({config.num_hidden_layers} layers, key and value, {config.num_key_value_heads} groups of"
            f" {config.head_dim})",
            where=str(where),
            fix="give the base that it was trained on",
        )


def _with_rotated_keys(prefix: torch.Tensor, config: PreTrainedConfig, positions: int) -> torch.Tensor:
    """Moves all keys of a flat prefix by a number of positions, with the base's own rotary frequencies."""
    slots = prefix.reshape(len(prefix), config.num_hidden_layers, 2, config.num_key_value_heads, config.head_dim)
    keys, values = slots.unbind(2)  # [length, layers, groups, channels] each
    cos, sin = GlmRotaryEmbedding(config)(keys, torch.tensor([[positions]]))
    keys, _ = apply_rotary_pos_emb(keys, keys, cos, sin)
    return torch.stack([keys, values], dim=2).reshape(prefix.shape)


def _adapter_config(length: int, config: PreTrainedConfig, base: Path) -> PrefixTuningConfig:
    return PrefixTuningConfig(
        task_type="CAUSAL_LM",
        base_model_name_or_path=str(base),
        inference_mode=True,
        num_virtual_tokens=length,
        num_transformer_submodules=1,
        num_layers=config.num_hidden_layers,
        num_attention_heads=config.num_key_value_heads,
        token_dim=config.num_key_value_heads * config.head_dim,
    )


def _original_config(opened: Checkpoint, config: PreTrainedConfig) -> dict[str, Any]:
    if not CHATGLM.is_original(opened.published):
        raise opened.refuse(
            "no file here has the configuration of the original layout",
            "give the directory that its authors published as model.path, or one that models.convert made of it",
        )
    assert CHATGLM.original is not None
    return CHATGLM.original.config(config, opened.published)
