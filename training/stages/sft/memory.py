"""Rehearses the phases of a run on tensors without memory, to know what each will need."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import torch
from peft import PeftModel
from transformers import PreTrainedModel

from data_recipes.schema.example import Example
from eval.config import SuiteConfig
from eval.suites import decoding, rows_scored_at_once, select
from models.loading import default_device
from models.numerics import Numerics, compute_dtype
from models.output_layer import TILE, OutputLayer
from models.prompt_format import Rendered
from models.rehearsal import RECOMPUTED, rehearsal
from training.base import Base
from training.batches.packing import Rows
from training.memory_plan import Phase, PhaseName
from training.methods import METHODS
from training.methods.method import MethodConfig
from training.stages.sft.config import LanguageModelConfig
from training.trainer.answer_logprobs import ROWS, AnswerLogprobs
from training.trainer.arguments import training_numerics
from training.trainer.reward import RewardHead
from training.trainer.supervised_loss import LossOfLogits, SupervisedLoss, loss_of

FLOAT, DOUBLE = 4, 8  # bytes

LossMaker = Callable[
    [PreTrainedModel | PeftModel, torch.dtype, bool | None],
    SupervisedLoss | AnswerLogprobs | RewardHead | LossOfLogits,
]


class Answering(NamedTuple):
    """Answers that are given together.

    Attributes:
        rows: How many.
        prompt: Tokens of the longest prompt.
        answer: Most tokens of an answer.
    """

    rows: int
    prompt: int
    answer: int


class Beside(NamedTuple):
    """Another model that is read, and not trained, before each step, in bytes.

    Attributes:
        weights: Its weights.
        reading: What it computes with while it reads.
        kept: What of it is there while the step computes.
    """

    weights: float
    reading: float
    kept: float


@dataclass(frozen=True)
class Step:
    """The largest step of a training.

    Attributes:
        rows: Rows of a batch.
        length: Tokens of its longest row.
        supervised: Tokens that its loss counts.
        loss: What the loss is computed with.
        sampled: The answers that the step learns from, where the model in training gives them.
        beside: The model that the step learns from, where there is one.
    """

    rows: int
    length: int
    supervised: int
    loss: LossMaker = loss_of
    sampled: Answering | None = None
    beside: Beside | None = None

    @classmethod
    def of(cls, rows: Rows, batch_size: int) -> "Step":
        """The longest rows together, with as many supervised tokens as any rows have."""
        supervised = sorted(sum(sum(r.mask) for r in row) for row in rows.rows)
        return cls(min(batch_size, len(rows)), max(rows.lengths), sum(supervised[-batch_size:]))


@dataclass(frozen=True)
class Shapes:
    """All that a rehearsal knows of a base and of what is trained on it: equal ones take the same memory.

    Attributes:
        dtype: Type of the weights.
        sizes: The model's class, its configuration and that of the method, as text.
    """

    base: Base = field(compare=False)
    method: MethodConfig = field(compare=False)
    dtype: torch.dtype
    sizes: str

    @classmethod
    def of(cls, config: LanguageModelConfig, base: Base) -> "Shapes":
        """Those of a run."""
        plan = base.family.plan(base.checkpoint)
        sizes = f"{plan.model_class} {plan.config.to_json_string(use_diff=False)} {config.method.model_dump_json()}"
        return cls(base, config.method, compute_dtype(config.model.dtype).dtype, sizes)

    def plain(self) -> PreTrainedModel:
        """The base as it is evaluated and merged onto."""
        return self.base.shapes(self.dtype).eval()

    def tuned(self, *, quantised: bool = True, recomputing: bool = False) -> PreTrainedModel | PeftModel:
        """The base with what is trained on it, in training mode."""
        base = self.base.shapes(self.dtype, self.method.quantisation if quantised else None)
        return attached(base, self.method, recomputing=recomputing)


def phases(
    config: LanguageModelConfig,
    base: Base,
    training: Step,
    compared: Sequence[Rendered],
    splits: Mapping[str, Sequence[Example]],
) -> dict[PhaseName, Phase]:
    """Every phase of a run at its peak. Runs of one process that differ in nothing that takes memory share rehearsals.

    Args:
        config: The run.
        base: The base model; only its ``config.json`` is read.
        training: The largest step.
        compared: The conversations of the merge proof.
        splits: The dataset, of which the suites are evaluated.
    """
    shapes, train, suite = Shapes.of(config, base), config.train, config.suite
    method, precision = METHODS[config.method.kind], training_numerics(train)
    used = _step(
        shapes, training, precision, train.packing, train.gradient_checkpointing, train.gradient_accumulation > 1
    )
    if training.sampled:
        weights, owned, computing = used
        used = weights, owned, max(computing, _sampling(shapes, training.sampled))
    if teacher := training.beside:
        weights, owned, computing = used
        used = weights + teacher.weights, owned, max(computing + teacher.kept, teacher.reading)
    found: dict[PhaseName, Phase] = {"training": Phase(*used, _less_in_training(config))}
    if method.result == "mergeable" and config.merge.enabled:
        fix = "set merge.enabled=false: the adapter is then used on its base, and can be merged on a larger machine"
        tokens = sum(sum(r.mask[1:]) for r in compared)
        found["merge"] = Phase(*_merge(shapes, max(len(r.ids) for r in compared), tokens), fix)
    beside = method.result == "beside_base" or not config.merge.enabled
    used = _evaluation(shapes, beside, *_asked(suite, base, splits))
    return found | {"evaluation": Phase(*used, "lower suite.batch_size or suite.max_new_tokens")}


def _asked(suite: SuiteConfig, base: Base, splits: Mapping[str, Sequence[Example]]) -> tuple[int, int, int, int, int]:
    """The largest batch of the suites: rows, tokens of prompt and answer; rows scored at once, and their tokens.

    What is longer than the context is counted as such, and never read.
    """
    chosen = [example for examples in select(splits, suite).values() for example in examples]
    context = base.family.plan(base.checkpoint).config.max_position_embeddings
    longest = min(context, max(base.prompt_format.count(example.messages) for example in chosen))
    asked = [example.prompt for example in chosen if not example.is_text]
    prompt = min(context - 1, max(map(base.prompt_format.count, asked), default=1))
    answer = min(decoding(suite, context).max_new_tokens, context - prompt) if asked else 1
    together = min(suite.batch_size, len(chosen))
    return together, prompt, answer, rows_scored_at_once(longest, together), longest


def attached(model: PreTrainedModel, method: MethodConfig, *, recomputing: bool) -> PreTrainedModel | PeftModel:
    """A base model with what is trained on it; its weights may be shapes only.

    Args:
        model: The base model.
        method: What is trained.
        recomputing: Whether layers are computed again in the backward pass.
    """
    model.train()
    if recomputing:
        model.enable_input_require_grads()
    return METHODS[method.kind].attach(model, method)


@cache
def _step(
    shapes: Shapes, step: Step, numerics: Numerics, packing: bool, recomputing: bool, accumulating: bool
) -> tuple[float, float, float]:
    """Weights, trained and computing of a step with the optimiser's state, which the first one makes."""
    is_last = _is_last(shapes)
    model = shapes.tuned(recomputing=recomputing)
    if recomputing:
        model.gradient_checkpointing_enable(RECOMPUTED)
    with rehearsal(model, default_device()) as memory:
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        weights = memory.live - _bytes(trained)
        moments = [torch.zeros_like(parameter) for parameter in trained for _ in range(2)]  # of Adam
        if accumulating:  # the gradients of the batches before
            for parameter in trained:
                parameter.grad = torch.zeros_like(parameter)
        _loss(model, step, numerics, packing, is_last).backward()
        owned = 2 * _bytes(trained) + _bytes(moments)
        peak = memory.peak
    return weights, owned, peak - weights - owned


@cache
def _sampling(shapes: Shapes, answers: Answering) -> float:
    """What a model in training computes with while it answers, on top of its weights."""
    weights, peak = _answering(shapes.tuned().eval(), *answers)
    return peak - weights


def read_beside(base: Base, dtype: torch.dtype, step: Step) -> Beside:
    """What a model needs that reads each batch of a training before the step.

    Args:
        base: The model.
        dtype: Type of its weights.
        step: The largest step.
    """
    model = base.shapes(dtype).eval()
    with rehearsal(model, default_device()):
        output = OutputLayer(model)
    weights = _bytes(list(model.parameters()))
    reading = _reading(base.shapes(dtype), step.rows, step.length, output.is_last) - weights
    vocabulary = len(output.layer.weight)
    # its part of the loss: logits, their logarithms, the mixture and the distances of some positions
    kept = step.supervised * output.width * FLOAT + 4 * min(ROWS, step.supervised) * vocabulary * FLOAT
    return Beside(weights, reading, kept)


@cache
def _is_last(shapes: Shapes) -> bool:
    """Whether the model's logits are what its output layer gives."""
    model = shapes.plain()
    with rehearsal(model, default_device()):
        return OutputLayer(model).is_last


def _loss(
    model: PreTrainedModel | PeftModel, step: Step, numerics: Numerics, packing: bool, is_last: bool
) -> torch.Tensor:
    """The loss as the trainer computes it."""
    ids = torch.zeros(step.rows, step.length, dtype=torch.long)
    positions = torch.arange(step.length).expand(step.rows, -1)
    inputs = {"position_ids": positions} if packing else {"attention_mask": torch.ones_like(ids)}
    with numerics.autocast(), step.loss(model, numerics.dtype, is_last) as loss:
        returned = model(input_ids=ids, use_cache=False, **inputs).logits.flatten(0, 1)
        supervised = torch.zeros(step.supervised, dtype=torch.long)
        return loss.total(returned[supervised], supervised)


@cache
def _merge(shapes: Shapes, longest: int, tokens: int) -> tuple[float, float, float]:
    """Base + adapter, the merge, and the merged model, one after another; see ``training.merge``."""
    is_last = _is_last(shapes)
    unmerged = shapes.tuned()
    output = OutputLayer(unmerged, is_last)
    kept = _bytes([output.layer.weight]) + 3 * tokens * output.width * FLOAT
    compare = min(TILE, tokens * unmerged.config.vocab_size) * 4 * (FLOAT + DOUBLE)
    unmerged.get_base_model().set_attn_implementation("eager")
    peaks = [_reading(unmerged, 1, longest, is_last)]
    merging = shapes.tuned(quantised=False)
    with rehearsal(merging, default_device()) as memory:
        merged = merging.merge_and_unload()
        weights = _bytes(list(merged.parameters()))
        peaks.append(memory.peak)
    peaks.append(max(_reading(shapes.plain(), 1, longest, is_last), weights + compare) + kept)
    return weights, 0.0, max(peaks) - weights


@cache
def _evaluation(
    shapes: Shapes, beside_base: bool, batch: int, prompt: int, answer: int, scored: int, longest: int
) -> tuple[float, float, float]:
    """The base and the result, which answer and score the suites one after another.

    Args:
        shapes: The model.
        beside_base: Whether the result is what was trained on top of the base, and not an ordinary model.
        batch: Conversations that are answered at once.
        prompt: Tokens of the longest prompt; likewise ``answer`` of an answer.
        scored: Conversations that are scored at once.
        longest: Tokens of the longest of them.
    """
    models = [shapes.plain(), *([shapes.tuned().eval()] if beside_base else [])]
    weights, peak = max((_answering(model, batch, prompt, answer) for model in models), key=lambda one: one[1])
    peak = max(peak, _reading(shapes.plain(), scored, longest, _is_last(shapes)))
    return weights, 0.0, peak - weights


def _answering(model: PreTrainedModel | PeftModel, batch: int, prompt: int, answer: int) -> tuple[int, int]:
    """Bytes of the weights, and of everything while a batch of the longest prompts is answered at full length."""
    with rehearsal(model, default_device()) as memory, torch.no_grad():
        weights = memory.live
        ids = torch.zeros(batch, prompt, dtype=torch.long)
        first: Any = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=True, logits_to_keep=1)
        read_so_far = first.past_key_values
        del first
        if answer == 1:  # which the prompt's last token gives
            return weights, memory.peak
        for layer in read_so_far.layers:
            layer.update(*(read.new_empty(_of_tokens(read, answer - 2)) for read in (layer.keys, layer.values)))
        mask = torch.ones(batch, read_so_far.get_seq_length() + 1, dtype=torch.long)
        inner = model.get_base_model() if isinstance(model, PeftModel) else model
        last = inner(
            input_ids=ids[:, :1], attention_mask=mask, past_key_values=read_so_far, use_cache=True
        ).logits.float()
        del last
        return weights, memory.peak


def _of_tokens(read: torch.Tensor, tokens: int) -> tuple[int, ...]:
    """The shape of keys or values, ``[batch, heads, tokens, channels]``, of this many tokens."""
    batch, heads, _, channels = read.shape
    return batch, heads, tokens, channels


def _reading(model: PreTrainedModel | PeftModel, rows: int, length: int, is_last: bool) -> int:
    """Bytes while conversations are read, and the output layer is applied to a tile of them."""
    with rehearsal(model.eval(), default_device()) as memory, torch.no_grad():
        ids = torch.zeros(rows, length, dtype=torch.long)
        with OutputLayer(model, is_last) as output:
            returned = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits.flatten(0, 1)
        (tile, *_) = output.tiles(rows * length)
        output.logits(returned[tile]).float().log_softmax(-1)
        return memory.peak


def _bytes(tensors: Sequence[torch.Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _less_in_training(config: LanguageModelConfig) -> str:
    """The settings that a training step with less memory has; the first one changes no result."""
    fixes = ["halve train.batch_size and double train.gradient_accumulation"] if config.train.batch_size > 1 else []
    fixes.append("lower train.max_length")
    if METHODS[config.method.kind].recomputes_layers and not config.train.gradient_checkpointing:
        fixes.append("set train.gradient_checkpointing=true")
    if config.method.quantisation is None:
        fixes.append("method=qlora")
    return ", or ".join(fixes)
