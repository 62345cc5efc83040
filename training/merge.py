"""Merges an adapter into the base weights and proves that the merged model is the model that was trained.

The adapter was trained on the quantised base, so by default it is merged onto those very weights, dequantised.
Merging into 4-bit weights would round the update away; the adapter never saw the original weights.

Of base + adapter and merged model only one is in memory at a time: the proof keeps what goes into the output layer at
the answers' positions, and that layer. A merge rounds every sum of weight and update once, so how far the two may
differ follows from how far base + adapter differs from itself when its attention is computed by another kernel.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import torch
from loguru import logger
from peft import PeftModel
from tqdm import tqdm
from transformers import PreTrainedModel

from data_recipes.schema.example import Example
from models.artifact import MergeDifference, MergeProof
from models.beside_base import on_base
from models.export import save_native
from models.loading import Quantisation, load_model
from models.memory import release
from models.output_layer import OutputLayer
from models.prompt_format import PromptFormat, Rendered
from training.base import Base
from training.config import MergeConfig

NEGLIGIBLE_KL = 1e-6
"""Nats per token that no merge is refused for: an answer of a thousand tokens is as likely to 0.1 %."""


def merge(
    base: Base,
    adapter: Path,
    out: Path,
    *,
    quantisation: Quantisation | None,
    dtype: torch.dtype,
    examples: Iterable[Example],
    config: MergeConfig,
) -> MergeProof:
    """Writes the merged model into ``out`` and compares it, as loaded from there, with base + adapter.

    Args:
        base: The base model; its prompt format goes into the merged directory.
        adapter: Directory of the trained adapter.
        out: Existing empty directory for the merged model.
        quantisation: How the base was quantised in training.
        dtype: Type of the merged weights.
        examples: Conversations of the proof, as many of them as ``merge.tokens`` needs.
        config: Which base weights to merge onto, and the size of the proof.

    Returns:
        The proof; the caller decides what to do when it has not passed.
    """
    compared = compared_answers(examples, base.prompt_format, config.tokens)
    unmerged = on_base(base.load(dtype, quantisation), adapter)
    before, again = run_twice(unmerged, compared)
    del unmerged
    release()
    onto = base.load(dtype, quantisation if config.base == "dequantised" else None)
    if config.base == "dequantised" and quantisation is not None:
        onto = onto.dequantize(dtype)
        onto.is_loaded_in_4bit = False  # transformers leaves the mark, and peft refuses to merge IA3 where it is set
    merged = on_base(onto, adapter).merge_and_unload()
    save_native(merged, out, base.family, base.checkpoint, base.prompt_format)
    del onto, merged
    release()
    after = AnswerStates.of(load_model(out, dtype=dtype), compared, "merge proof")
    return prove(before, again, after, compared, config.noise_factor)


def compared_answers(examples: Iterable[Example], prompt_format: PromptFormat, tokens: int) -> list[Rendered]:
    """Conversations with at least this many answer tokens together, all of them where there are fewer."""
    compared: list[Rendered] = []
    there = 0
    for example in examples:
        if there >= tokens:
            return compared
        compared.append(prompt_format.render(example.messages, supervise="last"))
        there += sum(compared[-1].mask[1:])
    if there < tokens:
        logger.warning("merge proof: the dataset has {} answer tokens, fewer than merge.tokens={}", there, tokens)
    return compared


@dataclass(frozen=True)
class AnswerStates:
    """What a model says at the answers' positions, before its output layer.

    Attributes:
        hidden: What goes into the output layer at each position, ``[tokens, hidden]``, on the CPU.
        output: That layer.
        device: Where it is.
    """

    hidden: torch.Tensor
    output: OutputLayer
    device: torch.device

    @classmethod
    def of(cls, model: PeftModel | PreTrainedModel, compared: Sequence[Rendered], title: str) -> "AnswerStates":
        """Runs a model on every conversation."""
        model.eval()
        states = []
        with torch.inference_mode(), OutputLayer(model) as output:
            for rendered in tqdm(compared, desc=title, unit="prompt", mininterval=1.0):
                ids = torch.tensor([rendered.ids], device=model.device)
                hidden = model(input_ids=ids, use_cache=False).logits[0, :-1]
                states.append(hidden[torch.tensor(rendered.mask[1:], dtype=torch.bool, device=hidden.device)].cpu())
        return cls(torch.cat(states), output, model.device)

    def logits(self, tile: slice) -> torch.Tensor:
        """Of every next token at some positions, ``[tile, vocab]``, float32 on the CPU."""
        with torch.inference_mode():
            return self.output.logits(self.hidden[tile].to(self.device)).float().cpu()


def run_twice(model: PeftModel, compared: Sequence[Rendered]) -> tuple[AnswerStates, AnswerStates]:
    """A model as it is computed, and with its attention computed step by step: they differ by rounding alone."""
    as_usual = AnswerStates.of(model, compared, "merge proof: base + adapter")
    inner = model.get_base_model()
    kernel = inner.config._attn_implementation
    inner.set_attn_implementation("eager")
    step_by_step = AnswerStates.of(model, compared, "merge proof: its rounding")
    inner.set_attn_implementation(kernel)
    return as_usual, step_by_step


def prove(
    before: AnswerStates, again: AnswerStates, after: AnswerStates, compared: Sequence[Rendered], noise_factor: float
) -> MergeProof:
    """Compares two models on the answers' positions.

    Args:
        before: Base + adapter.
        again: The same, with its attention computed by another kernel.
        after: The merged model.
        compared: The conversations that all three were run on.
        noise_factor: How many times the KL divergence of ``again`` that of ``after`` may be.

    Returns:
        Both differences, and whether the merge passed: divergence and agreement are within what the noise allows.
    """
    answer = torch.tensor([id for r in compared for id, m in zip(r.ids[1:], r.mask[1:], strict=True) if m])
    noise, found = _Sums(), _Sums()
    for tile in before.output.tiles(len(answer)):
        expected = before.logits(tile)
        noise.add(expected, again.logits(tile), answer[tile])
        found.add(expected, after.logits(tile), answer[tile])
    tokens = len(answer)
    max_kl = max(NEGLIGIBLE_KL, noise_factor * noise.kl / tokens)
    # divergence grows with the square of what moves a logit, the number of changed tokens with itself; of such a number
    # n, two standard errors and the rule of three (where n = 0, up to 3 is likely to 95 %) are the upper end
    max_changed = sqrt(noise_factor) * (noise.changed + 2 * sqrt(noise.changed) + 3)
    passed = found.kl / tokens <= max_kl and found.changed <= max_changed
    proof = MergeProof(
        prompts=len(compared),
        tokens=tokens,
        **found.difference(tokens).model_dump(),
        noise=noise.difference(tokens),
        max_kl=max_kl,
        min_agreement=max(0.0, 1 - max_changed / tokens),
        passed=passed,
    )
    logger.info(
        "merge proof, {} answer tokens: mean KL {:.2e} (limit {:.2e}), greedy agreement {:.4f} (limit {:.4f}): {}",
        *(tokens, proof.mean_kl, max_kl, proof.greedy_agreement, proof.min_agreement, "ok" if passed else "FAILED"),
    )
    return proof


class _Sums:
    """Of how a model differs from base + adapter, over positions."""

    def __init__(self) -> None:
        self.kl = self.score = self.largest = 0.0
        self.changed = 0

    def add(self, expected: torch.Tensor, found: torch.Tensor, answer: torch.Tensor) -> None:
        """Adds some positions: logits ``[tile, vocab]``, and the reference answer's tokens ``[tile]``."""
        self.largest = max(self.largest, float((expected - found).abs().max()))
        self.changed += int((expected.argmax(-1) != found.argmax(-1)).sum())
        before, after = expected.double().log_softmax(-1), found.double().log_softmax(-1)  # divergences may be tiny
        after -= before  # the logarithm of the ratio
        self.score += float(after.gather(1, answer[:, None]).sum())
        self.kl -= float((before.exp_() * after).sum())

    def difference(self, tokens: int) -> MergeDifference:
        """Means over this many positions."""
        return MergeDifference(
            max_logit_difference=self.largest,
            mean_kl=self.kl / tokens,
            greedy_agreement=1 - self.changed / tokens,
            score_difference=self.score / tokens,
        )
