"""The linear layers that adapters are attached to: read off the model, whatever its family."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from torch import nn
from transformers import PreTrainedModel

from common.errors import UserError


def all_targets(model: nn.Module) -> list[str]:
    """Names of all linear layers inside the blocks; with fused experts of those of attention.

    Raises:
        UserError: The model has no linear layer inside its blocks.
    """
    names = list(_targets(model))
    if not names:
        raise UserError(
            f"{type(model).__name__} has no linear layers inside its blocks",
            where="model.path",
            fix="use a model of a more recent architecture, or method=full",
        )
    return names


def require(model: nn.Module, targets: Sequence[str], where: str = "method.targets", instead: str = "") -> list[str]:
    """The targets, all of which the model has.

    Args:
        model: The model, or its shapes.
        targets: Names of linear layers.
        where: The key that names them.
        instead: What to do where nothing else can be named.

    Raises:
        UserError: A target names no linear layer of this model; the message lists the available ones.
    """
    there = _targets(model) if fused_experts(model) else _linear(model)
    unknown = [target for target in targets if target not in there]
    if unknown:
        why = " outside its fused experts" if fused_experts(model) else ""
        raise UserError(
            f"no linear layer{why} is named {', '.join(unknown)}",
            where=where,
            fix=instead or f"this model has: {', '.join(sorted(there))}",
        )
    return list(targets)


def linear_layers(shapes: nn.Module, targets: Sequence[str]) -> list[nn.Linear]:
    """Every linear layer of these names."""
    return [layer for name in targets for layer in _linear(shapes).get(name, [])]


def vocabulary_matrices(model: PreTrainedModel) -> dict[str, int]:
    """The names of the embedding and of the output layer, where that has a matrix of its own, and the width of each."""
    embedding, output = model.get_input_embeddings(), model.get_output_embeddings()
    names = {module: path for path, module in model.named_modules()}
    return {
        names[module].rsplit(".", 1)[-1]: module.weight.shape[1]
        for module in ([embedding] if _is_tied(model) else [embedding, output])
    }


def refuse_tied(model: PreTrainedModel, targets: Sequence[str]) -> None:
    """Refuses to adapt an output layer whose weights are the embedding's, too.

    Raises:
        UserError: A target is such a layer; merged, the update would change the embedding with it.
    """
    output = model.get_output_embeddings()
    names = [path.rsplit(".", 1)[-1] for path, module in model.named_modules() if module is output]
    if _is_tied(model) and (named := [target for target in targets if target in names]):
        raise UserError(
            f"{named[0]} has the weights of the embedding (tied), which a merge would change, too",
            where="method.targets",
            fix="leave it out; all is every linear layer inside the blocks",
        )


def _is_tied(model: PreTrainedModel) -> bool:
    """Whether the output layer has the weights of the embedding; on the device ``meta`` its configuration says so."""
    embedding, output = model.get_input_embeddings(), model.get_output_embeddings()
    return output.weight is embedding.weight or bool(getattr(model.config, "tie_word_embeddings", False))


def fused_experts(model: nn.Module) -> int:
    """Values in experts that are stored as one tensor ``[experts, …]``; none where every expert has its own layers."""
    return sum(
        parameter.numel()
        for path, module in model.named_modules()
        if _in_block(path) and not isinstance(module, nn.Conv1d)
        for parameter in module.parameters(recurse=False)
        if parameter.dim() == 3
    )


def untuned(model: nn.Module) -> str:
    """What adapters leave as it is, in words; empty where they reach every linear layer inside the blocks."""
    experts = fused_experts(model)
    if not experts:
        return ""
    share = experts / sum(parameter.numel() for parameter in model.parameters())
    return (
        f"only attention is tuned ({', '.join(attention(model))}), no feed-forward layer: the experts ({share:.0%} of"
        " all values) are fused tensors, which an adapter would copy whole at every step and NF4 does not quantise"
    )


def only_attention(model: nn.Module, targets: Sequence[str]) -> str:
    """What adapters on these layers leave out, in words, where that is every feed-forward layer; else empty."""
    rest = [name for name in _names(_linear_in_blocks(model)) if name not in attention(model)]
    if not rest or not set(targets) <= set(attention(model)):
        return ""
    return (
        f"only attention is adapted ({', '.join(targets)}): with the feed-forward layers ({', '.join(rest)}) too, they"
        " learn better at the same number of values (LoRA Without Regret, 2025): method.targets=all"
    )


def attention(model: nn.Module) -> list[str]:
    """Names of the linear layers of attention inside the blocks."""
    return _names(path for path in _linear_in_blocks(model) if "attn" in path or "attention" in path)


def _targets(model: nn.Module) -> list[str]:
    """Peft takes names of feed-forward layers for those of fused experts, so there only attention is named."""
    return attention(model) if fused_experts(model) else _names(_linear_in_blocks(model))


def _names(paths: Iterable[str]) -> list[str]:
    """The last parts of paths, each once, without numbers."""
    names = dict.fromkeys(path.rsplit(".", 1)[-1] for path in paths)
    return [name for name in names if not name.isdigit()]


def _linear_in_blocks(model: nn.Module) -> Iterator[str]:
    for path, module in model.named_modules():
        if isinstance(module, nn.Linear) and _in_block(path):
            yield path


def _linear(model: nn.Module) -> Mapping[str, list[nn.Linear]]:
    """All linear layers by the last part of their names."""
    layers: dict[str, list[nn.Linear]] = {}
    for path, module in model.named_modules():
        if isinstance(module, nn.Linear):
            layers.setdefault(path.rsplit(".", 1)[-1], []).append(module)
    return layers


def _in_block(path: str) -> bool:
    """Whether a part of the name is the number of a block."""
    return any(part.isdigit() for part in path.split("."))
