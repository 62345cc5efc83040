"""LoRA adapters trained on the original classes, or written by peft in 2023, become ordinary ones for the native class.

The original classes keep q, k and v in one matrix (``query_key_value``, ``W_pack``). LoRA adds ``B · A`` to it;
splitting the matrix into blocks of rows splits B into the same blocks and leaves A whole, so q, k and v each get A and
their rows of B. The family's own weight map says which rows these are, and what every layer is called.
"""

import pickle
import re
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from peft.utils.other import get_pattern_key
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from transformers.core_model_loading import WeightConverter, WeightRenaming, WeightTransform, rename_source_key

from common.errors import UserError
from common.files import read_json, replacing_directory, write_json
from models.config import NO_HINTS, Hints
from models.families.family import Checkpoint, ModelFamily, Plan, SplitRows
from models.loading import open_checkpoint

CONFIG = "adapter_config.json"
SAFETENSORS = "adapter_model.safetensors"
PICKLED = "adapter_model.bin"
WRAPPED = "base_model.model."  # peft's own name for the model it wraps

LORA = re.compile(r"(?P<module>.+)\.(?P<part>lora_A|lora_B|lora_magnitude_vector)(\.default)?(\.weight)?")
SAVED_WHOLE = re.compile(r"(?P<module>.+?)(\.modules_to_save)?(\.default)?\.(?P<part>weight|bias)")

# keys of an old adapter_config.json: kept as they are; translated to native names; without effect on the result
# (the layers here are all nn.Linear, for which every peft turns fan_in_fan_out off)
CARRIED = ("r", "lora_alpha", "lora_dropout", "use_rslora", "use_dora")
TRANSLATED = (
    *("target_modules", "modules_to_save", "rank_pattern", "alpha_pattern"),
    *("layers_to_transform", "layers_pattern", "exclude_modules"),
)
WITHOUT_EFFECT = (
    *("peft_type", "task_type", "peft_version", "auto_mapping", "base_model_name_or_path", "revision"),
    *("inference_mode", "fan_in_fan_out", "merge_weights", "runtime_config", "megatron_core", "init_lora_weights"),
)
KEEPS_THE_BASE = (None, True, False, "gaussian", "orthogonal", "eva")
REASONS = {
    "bias": "it also changes the biases of the base, which peft cannot restore under other names",
    "enable_lora": "peft 0.2 trained separate pairs of matrices for thirds of a fused layer, which q, k and v are not",
}


@dataclass
class Update:
    """What LoRA adds to one linear layer.

    Attributes:
        alpha: Numerator of the scale.
        parts: Tensors by name: ``lora_A`` ``[rank, in]``, ``lora_B`` ``[out, rank]``, and with DoRA
            ``lora_magnitude_vector`` ``[out]``.
    """

    alpha: float
    parts: dict[str, torch.Tensor]

    @property
    def rank(self) -> int:
        """Rank of the update."""
        return len(self.parts["lora_A"])


def import_lora(adapter: Path, base: Path, out: Path, hints: Hints = NO_HINTS) -> None:
    """Writes a LoRA adapter as an ordinary peft adapter for the native class.

    Args:
        adapter: Directory with ``adapter_config.json`` and ``adapter_model.bin`` or ``.safetensors``, trained on the
            original class (``query_key_value``, ``W_pack``, ``dense_h_to_4h`` …) or on the native one.
        base: The base model, in either layout.
        out: Directory to write.
        hints: As for ``load_model``.

    Raises:
        UserError: The adapter is damaged, is not for this base, or has no equivalent on the native class.
    """
    family, checkpoint = open_checkpoint(base, hints)
    given = read_json(adapter / CONFIG)
    _refuse_what_cannot_be_carried(given, adapter / CONFIG)
    updates, whole = _sorted_tensors(_read_tensors(adapter), given, adapter)
    plan = family.plan(checkpoint)
    transforms = _transforms(family, checkpoint, plan)
    updates = {name: update for module in updates for name, update in _split(module, updates[module], transforms)}
    whole = {name: part for key, tensor in whole.items() for name, part in natively(key, tensor, transforms).items()}
    native = _native_layers(plan)
    _check_fit(updates, whole, native, adapter)
    config = _native_config(given, updates, whole, _targets(updates, native, given, adapter), base)
    with replacing_directory(out) as directory:
        values = {key: sorted(value) if isinstance(value, set) else value for key, value in config.to_dict().items()}
        write_json(directory / CONFIG, values)
        save_file(_named_as_peft_does(updates, whole), directory / SAFETENSORS, metadata={"format": "pt"})


def _refuse_what_cannot_be_carried(given: dict[str, Any], where: Path) -> None:
    if given.get("peft_type", "LORA") != "LORA":
        raise UserError(f"a {given['peft_type']} adapter, not LoRA", where=str(where), fix="only LoRA can be imported")
    missing = [key for key in ("r", "lora_alpha") if given.get(key) is None]
    if missing:
        raise UserError(
            f"{' and '.join(missing)} missing: the scale of the adapter is unknown",
            where=str(where),
            fix="add the values that it was trained with",
        )
    if given.get("init_lora_weights") not in KEEPS_THE_BASE:
        raise UserError(
            f"init_lora_weights={given['init_lora_weights']!r} changes the base before training, so the adapter does"
            " not fit the published base",
            where=str(where),
            fix="convert it to plain LoRA with the peft that trained it (path_initial_model_for_weight_conversion)",
        )
    neutral = LoraConfig().to_dict()
    known = (*CARRIED, *TRANSLATED, *WITHOUT_EFFECT)
    wrong = [key for key, value in given.items() if key not in known and value and value != neutral.get(key)]
    if wrong:
        reasons = "; ".join(
            f"{key}={given[key]!r}" + (f" ({REASONS[key]})" if key in REASONS else "") for key in sorted(wrong)
        )
        raise UserError(
            f"these settings cannot be converted: {reasons}",
            where=str(where),
            fix="merge the adapter with the libraries that trained it, and convert the merged model",
        )


def _read_tensors(adapter: Path) -> dict[str, torch.Tensor]:
    file = next((adapter / name for name in (SAFETENSORS, PICKLED) if (adapter / name).is_file()), None)
    if file is None:
        raise UserError(f"neither {SAFETENSORS} nor {PICKLED} exists", where=str(adapter), fix="copy the whole adapter")
    try:
        if file.suffix == ".safetensors":
            tensors = load_file(file)
        else:
            tensors = torch.load(file, map_location="cpu", weights_only=True)
    except (SafetensorError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise UserError(
            f"cannot be read: {str(error).splitlines()[0]}",
            where=str(file),
            fix="the file is cut off, a Git LFS pointer, or not a tensor file; copy it again",
        ) from None
    if not tensors:
        raise UserError(
            "there is no tensor in this file: alpaca-lora's training script replaced model.state_dict, and peft from"
            " 0.3 on then saves an empty adapter",
            where=str(file),
            fix="take the weights from a checkpoint-*/ of that training: pytorch_model.bin, renamed adapter_model.bin",
        )
    return tensors


def _sorted_tensors(
    tensors: dict[str, torch.Tensor], given: dict[str, Any], adapter: Path
) -> tuple[dict[str, Update], dict[str, torch.Tensor]]:
    """The updates by layer, and the tensors of ``modules_to_save`` by name, all under the names of the training class.

    Raises:
        UserError: Lists the tensors that are neither, and the layers of which a part is missing.
    """
    updates: dict[str, Update] = {}
    whole: dict[str, torch.Tensor] = {}
    unknown = []
    for key, tensor in tensors.items():
        name = key.removeprefix(WRAPPED)
        if match := LORA.fullmatch(name):
            module = match["module"]
            updates.setdefault(module, Update(_alpha(module, given), {})).parts[match["part"]] = tensor
        elif (match := SAVED_WHOLE.fullmatch(name)) and _ends_with(match["module"], given.get("modules_to_save") or ()):
            whole[f"{match['module']}.{match['part']}"] = tensor
        else:
            unknown.append(key)
    if unknown:
        raise _refuse(f"{len(unknown)} unknown tensors: {', '.join(sorted(unknown))}", adapter)
    wanted = {"lora_A", "lora_B", *(["lora_magnitude_vector"] if given.get("use_dora") else [])}
    partial = [module for module, update in updates.items() if set(update.parts) != wanted]
    if partial:
        raise _refuse(f"not all of {', '.join(sorted(wanted))} exist for: {', '.join(sorted(partial))}", adapter)
    return updates, whole


def _alpha(module: str, given: dict[str, Any]) -> float:
    pattern = given.get("alpha_pattern") or {}
    return float(pattern.get(get_pattern_key(list(pattern), module), given["lora_alpha"]))


def _ends_with(module: str, names: Iterable[str]) -> bool:
    return any(module == name or module.endswith(f".{name}") for name in names)


def _refuse(problem: str, adapter: Path) -> UserError:
    return UserError(problem, where=str(adapter), fix="check that the adapter is complete and was trained on this base")


def _transforms(family: ModelFamily, checkpoint: Checkpoint, plan: Plan) -> Sequence[WeightTransform]:
    """From the original names and shapes to the native ones, also where the base itself was converted before."""
    if family.original is None:
        return ()
    if family.is_original(checkpoint.published):
        return family.plan(replace(checkpoint, config=checkpoint.published)).transforms
    return family.original.transforms(plan.config)


def natively(name: str, tensor: torch.Tensor, transforms: Sequence[WeightTransform]) -> dict[str, torch.Tensor]:
    """A tensor of the original class as the native one has it: under its name there, or cut into several."""
    renamed, converter = _converter(name, transforms)
    if converter is None:
        return {renamed: tensor}
    converter.add_tensor(renamed, name, converter.source_patterns[0], tensor)
    return dict(converter.convert(renamed))


def _converter(name: str, transforms: Sequence[WeightTransform]) -> tuple[str, WeightConverter | None]:
    renamings = [transform for transform in transforms if isinstance(transform, WeightRenaming)]
    converters = [transform for transform in transforms if isinstance(transform, WeightConverter)]
    renamed, pattern = rename_source_key(name, renamings, converters)
    return renamed, next((deepcopy(c) for c in converters if pattern in c.source_patterns), None)


def _split(module: str, update: Update, transforms: Sequence[WeightTransform]) -> list[tuple[str, Update]]:
    """The updates of the native layers that one original layer became."""
    weight = f"{module}.weight"
    _, converter = _converter(weight, transforms)
    if converter is not None and not all(isinstance(operation, SplitRows) for operation in converter.operations):
        raise UserError(
            f"a low-rank update of {module} has no equivalent on the native class, where its rows are normalised",
            where=module,
            fix="merge the adapter with the libraries that trained it, and convert the merged model",
        )
    rows = {part: natively(weight, tensor, transforms) for part, tensor in update.parts.items() if part != "lora_A"}
    return [
        (
            name.removesuffix(".weight"),
            Update(
                update.alpha,
                {"lora_A": update.parts["lora_A"].clone()} | {part: rows[part][name].contiguous() for part in rows},
            ),
        )
        for name in rows["lora_B"]
    ]


def _native_layers(plan: Plan) -> dict[str, nn.Module]:
    with torch.device("meta"):
        return dict(plan.model_class(plan.config).named_modules())


def _check_fit(
    updates: dict[str, Update], whole: dict[str, torch.Tensor], native: dict[str, nn.Module], adapter: Path
) -> None:
    """Every tensor must belong to a layer of the base and have its sizes.

    Raises:
        UserError: Lists those that do not.
    """
    problems = []
    for module, update in updates.items():
        layer = native.get(module)
        if not isinstance(layer, nn.Linear):
            problems.append(f"{module} is not a linear layer of it")
        elif (update.parts["lora_A"].shape[1:], update.parts["lora_B"].shape[:1]) != (
            (layer.in_features,),
            (layer.out_features,),
        ):
            problems.append(
                f"{module} is {layer.out_features} x {layer.in_features} there,"
                f" {len(update.parts['lora_B'])} x {update.parts['lora_A'].shape[1]} here"
            )
    for name, tensor in whole.items():
        module, _, part = name.rpartition(".")
        there = dict(native[module].named_parameters()).get(part) if module in native else None
        if there is None:
            problems.append(f"{name} is not a weight of it")
        elif there.shape != tensor.shape:
            problems.append(f"{name} is {tuple(there.shape)} there, {tuple(tensor.shape)} here")
    if problems:
        raise _refuse(f"the adapter is not for this base: {'; '.join(problems)}", adapter)


def _targets(
    updates: dict[str, Update], native: dict[str, nn.Module], given: dict[str, Any], adapter: Path
) -> list[str]:
    """Short names where an adapter is in every layer of that name, else the layers' whole names.

    Raises:
        UserError: Layers are missing although the configuration does not exclude them.
    """
    short = {module.rpartition(".")[2] for module in updates}
    everywhere = {
        name for name, layer in native.items() if isinstance(layer, nn.Linear) and name.rpartition(".")[2] in short
    }
    missing = sorted(everywhere - set(updates))
    if not missing:
        return sorted(short)
    targets = given.get("target_modules") or ()
    chosen = isinstance(targets, str) or any("." in target for target in targets)
    if not chosen and not any(given.get(key) is not None for key in ("layers_to_transform", "exclude_modules")):
        raise _refuse(f"no tensors for {len(missing)} of {len(everywhere)} layers: {', '.join(missing[:4])}", adapter)
    return sorted(updates)


def _native_config(
    given: dict[str, Any], updates: dict[str, Update], whole: dict[str, torch.Tensor], targets: list[str], base: Path
) -> LoraConfig:
    ranks = {module: update.rank for module, update in updates.items() if update.rank != given["r"]}
    alphas = {module: update.alpha for module, update in updates.items() if update.alpha != given["lora_alpha"]}
    saved = sorted({name.rpartition(".")[0].rpartition(".")[2] for name in whole})
    return LoraConfig(
        task_type="CAUSAL_LM",
        base_model_name_or_path=str(base),
        inference_mode=True,
        target_modules=targets,
        modules_to_save=saved or None,
        rank_pattern={re.escape(module): rank for module, rank in ranks.items()},
        alpha_pattern={re.escape(module): alpha for module, alpha in alphas.items()},
        **{key: given[key] for key in CARRIED if given.get(key) is not None},
    )


def _named_as_peft_does(updates: dict[str, Update], whole: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    tensors = {
        f"{WRAPPED}{module}.{part}" + ("" if part == "lora_magnitude_vector" else ".weight"): tensor
        for module, update in updates.items()
        for part, tensor in update.parts.items()
    }
    return tensors | {f"{WRAPPED}{name}": tensor.contiguous() for name, tensor in whole.items()}
