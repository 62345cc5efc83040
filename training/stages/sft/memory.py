"""Rehearses the phases of a run on tensors without memory, to know what each will need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from peft import PeftModel
from transformers import PreTrainedModel

from data_recipes.schema.example import Example
from eval.suites import rows_scored_at_once, select
from models.loading import default_device
from models.numerics import compute_dtype
from models.output_layer import TILE, OutputLayer
from models.prompt_format import Rendered
from models.rehearsal import RECOMPUTED, rehearsal
from training.base import Base
from training.batches.packing import Rows
from training.memory_plan import Phase, PhaseName
from training.methods import METHODS
from training.stages.sft.config import SftConfig
from training.trainer.arguments import training_numerics
from training.trainer.supervised_loss import loss_of

FLOAT, DOUBLE = 4, 8  # bytes


@dataclass(frozen=True)
class Step:
    """The largest step of a training.

    Attributes:
        rows: Rows of a batch.
        length: Tokens of its longest row.
        supervised: Tokens that its loss counts.
    """

    rows: int
    length: int
    supervised: int

    @classmethod
    def of(cls, rows: Rows, batch_size: int) -> "Step":
        """The longest rows together, with as many supervised tokens as any rows have."""
        supervised = sorted(sum(sum(r.mask) for r in row) for row in rows.rows)
        return cls(min(batch_size, len(rows)), max(rows.lengths), sum(supervised[-batch_size:]))


def phases(
    config: SftConfig,
    base: Base,
    training: Step,
    compared: Sequence[Rendered],
    splits: Mapping[str, Sequence[Example]],
) -> dict[PhaseName, Phase]:
    """Every phase of a run at its peak.

    Args:
        config: The run.
        base: The base model; only its ``config.json`` is read.
        training: The largest step.
        compared: The conversations of the merge proof.
        splits: The dataset, of which the suites are evaluated.
    """
    found: dict[PhaseName, Phase] = {"training": _training(config, base, training)}
    if METHODS[config.method.kind].result == "mergeable" and config.merge.enabled:
        found["merge"] = _merge(config, base, compared)
    return found | {"evaluation": _evaluation(config, base, splits)}


def attached(model: PreTrainedModel, config: SftConfig) -> PreTrainedModel | PeftModel:
    """A base model with what is trained on it; its weights may be shapes only."""
    model.train()
    if config.train.gradient_checkpointing:
        model.enable_input_require_grads()
    return METHODS[config.method.kind].attach(model, config.method)


def _training(config: SftConfig, base: Base, step: Step) -> Phase:
    """A step with the optimiser's state, which the first one makes."""
    model = attached(base.shapes(_dtype(config), config.method.quantisation), config)
    if config.train.gradient_checkpointing:
        model.gradient_checkpointing_enable(RECOMPUTED)
    with rehearsal(model, default_device()) as memory:
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        weights = memory.live - _bytes(trained)
        moments = [torch.zeros_like(parameter) for parameter in trained for _ in range(2)]  # of Adam
        if config.train.gradient_accumulation > 1:  # the gradients of the batches before
            for parameter in trained:
                parameter.grad = torch.zeros_like(parameter)
        _loss(model, config, step).backward()
        owned = 2 * _bytes(trained) + _bytes(moments)
        peak = memory.peak
    return Phase(weights, owned, peak - weights - owned, _less_in_training(config))


def _loss(model: PreTrainedModel | PeftModel, config: SftConfig, step: Step) -> torch.Tensor:
    """The loss as the trainer computes it."""
    ids = torch.zeros(step.rows, step.length, dtype=torch.long)
    positions = torch.arange(step.length).expand(step.rows, -1)
    inputs = {"position_ids": positions} if config.train.packing else {"attention_mask": torch.ones_like(ids)}
    numerics = training_numerics(config.train)
    with numerics.autocast(), loss_of(model, numerics.dtype) as loss:
        returned = model(input_ids=ids, use_cache=False, **inputs).logits.flatten(0, 1)
        supervised = torch.zeros(step.supervised, dtype=torch.long)
        return loss.total(returned[supervised], supervised)


def _merge(config: SftConfig, base: Base, compared: Sequence[Rendered]) -> Phase:
    """Base + adapter, the merge, and the merged model, one after another; see ``training.merge``."""
    dtype, longest = _dtype(config), max(len(r.ids) for r in compared)
    tokens = sum(sum(r.mask[1:]) for r in compared)
    unmerged = attached(base.shapes(dtype, config.method.quantisation), config).eval()
    with rehearsal(unmerged, default_device()):
        width = OutputLayer(unmerged).width
    kept = _bytes([unmerged.get_output_embeddings().weight]) + 3 * tokens * width * FLOAT
    compare = min(TILE, tokens * unmerged.config.vocab_size) * 4 * (FLOAT + DOUBLE)
    peaks = [_reading(unmerged, 1, longest, kernel="eager")]
    plain = base.shapes(dtype)
    with rehearsal(plain, default_device()) as memory:
        weights = memory.live
    merging = attached(base.shapes(dtype), config)
    with rehearsal(merging, default_device()) as memory:
        merging.merge_and_unload()
        peaks.append(memory.peak)
    peaks.append(max(_reading(base.shapes(dtype), 1, longest), weights + compare) + kept)
    fix = "set merge.enabled=false: the adapter is then used on its base, and can be merged on a larger machine"
    return Phase(weights, 0.0, max(peaks) - weights, fix)


def _evaluation(config: SftConfig, base: Base, splits: Mapping[str, Sequence[Example]]) -> Phase:
    """The base and the result, which answer and score the suites one after another."""
    chosen = [example for examples in select(splits, config.suite).values() for example in examples]
    whole = max(base.prompt_format.count(example.messages) for example in chosen)
    prompt = max(base.prompt_format.count(example.prompt) for example in chosen)
    batch = min(config.suite.batch_size, len(chosen))
    models: list[PreTrainedModel | PeftModel] = [base.shapes(_dtype(config)).eval()]
    if METHODS[config.method.kind].result == "beside_base" or not config.merge.enabled:
        models.append(attached(base.shapes(_dtype(config), config.method.quantisation), config).eval())
    needed = []
    for model in models:
        weights, answering = _answering(model, batch, prompt, config.suite.max_new_tokens)
        needed.append((weights, answering))
    scoring = _reading(base.shapes(_dtype(config)), rows_scored_at_once(whole, len(chosen)), whole)
    weights, peak = max(needed, key=lambda one: one[1])
    peak = max(peak, scoring)
    return Phase(weights, 0.0, peak - weights, "lower suite.batch_size or suite.max_new_tokens")


def _answering(model: PreTrainedModel | PeftModel, batch: int, prompt: int, answer: int) -> tuple[int, int]:
    """Bytes of the weights, and of everything while a batch of the longest prompts is answered at full length."""
    with rehearsal(model, default_device()) as memory, torch.no_grad():
        weights = memory.live
        ids = torch.zeros(batch, prompt, dtype=torch.long)
        first: Any = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=True, logits_to_keep=1)
        cache = first.past_key_values
        del first
        for layer in cache.layers:
            layer.update(*(read.new_empty(_of_tokens(read, answer - 2)) for read in (layer.keys, layer.values)))
        mask = torch.ones(batch, cache.get_seq_length() + 1, dtype=torch.long)
        inner = model.get_base_model() if isinstance(model, PeftModel) else model
        last = inner(input_ids=ids[:, :1], attention_mask=mask, past_key_values=cache, use_cache=True).logits.float()
        del last
        return weights, memory.peak


def _of_tokens(read: torch.Tensor, tokens: int) -> tuple[int, ...]:
    """The shape of keys or values, ``[batch, heads, tokens, channels]``, of this many tokens."""
    batch, heads, _, channels = read.shape
    return batch, heads, tokens, channels


def _reading(model: PreTrainedModel | PeftModel, rows: int, length: int, kernel: str | None = None) -> int:
    """Bytes while conversations are read, and the output layer is applied to a tile of them."""
    if kernel is not None:
        model.get_base_model().set_attn_implementation(kernel)
    with rehearsal(model.eval(), default_device()) as memory, torch.no_grad():
        ids = torch.zeros(rows, length, dtype=torch.long)
        with OutputLayer(model) as output:
            hidden = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits.flatten(0, 1)
        (tile, *_) = output.tiles(rows * length)
        output.logits(hidden[tile]).float().log_softmax(-1)
        return memory.peak


def _dtype(config: SftConfig) -> torch.dtype:
    return compute_dtype(config.model.dtype).dtype


def _bytes(tensors: Sequence[torch.Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _less_in_training(config: SftConfig) -> str:
    """The settings that a training step with less memory has; the first one changes no result."""
    fixes = ["halve train.batch_size and double train.gradient_accumulation"] if config.train.batch_size > 1 else []
    fixes.append("lower train.max_length")
    if METHODS[config.method.kind].recomputes_layers and not config.train.gradient_checkpointing:
        fixes.append("set train.gradient_checkpointing=true")
    if config.method.quantisation is None:
        fixes.append("method=qlora")
    return ", or ".join(fixes)
