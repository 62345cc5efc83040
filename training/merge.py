"""Merges an adapter into the base weights and proves that the merged model is the model that was trained.

The adapter was trained on the quantised base, so by default it is merged onto those very weights, dequantised.
Merging into 4-bit weights would round the update away; the adapter never saw the original weights.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from loguru import logger
from peft import PeftModel
from tqdm import tqdm
from transformers import PreTrainedModel

from data_recipes.schema.example import Example
from models.artifact import MergeProof
from models.export import save_native
from models.loading import Quantisation, load_model
from models.prompt_format import PromptFormat, Rendered
from training.base import Base
from training.config import MergeConfig, MergeTolerance


def merge(
    base: Base,
    adapter: Path,
    out: Path,
    *,
    quantisation: Quantisation | None,
    dtype: torch.dtype,
    examples: Sequence[Example],
    config: MergeConfig,
) -> MergeProof:
    """Writes the merged model into ``out`` and compares it, as loaded from there, with base + adapter.

    Args:
        base: The base model; its prompt format goes into the merged directory.
        adapter: Directory of the trained adapter.
        out: Existing empty directory for the merged model.
        quantisation: How the base was quantised in training.
        dtype: Type of the merged weights.
        examples: Held-out conversations of the proof.
        config: Which base weights to merge onto, and the tolerance.

    Returns:
        The proof; the caller decides what to do when it has not passed.
    """
    onto = base.load(dtype, quantisation if config.base == "dequantised" else None)
    if config.base == "dequantised" and quantisation is not None:
        onto = onto.dequantize(dtype)
        onto.is_loaded_in_4bit = False  # transformers leaves the mark, and peft refuses to merge IA3 where it is set
    merged = PeftModel.from_pretrained(onto, adapter).merge_and_unload()
    save_native(merged, out, base.family, base.checkpoint, base.prompt_format)
    del onto, merged
    unmerged = PeftModel.from_pretrained(base.load(dtype, quantisation), adapter)
    proven = load_model(out, dtype=dtype)
    return prove(unmerged, proven, base.prompt_format, examples[: config.prompts], config.tolerance)


def prove(
    unmerged: PeftModel | PreTrainedModel,
    merged: PreTrainedModel,
    prompt_format: PromptFormat,
    examples: Sequence[Example],
    tolerance: MergeTolerance,
) -> MergeProof:
    """Compares two models on the answer positions of held-out conversations.

    Returns:
        The largest logit difference, mean KL divergence (nats), greedy agreement and the difference of the mean
        log-probability of the reference answers, and whether all are within tolerance.
    """
    unmerged.eval()
    merged.eval()
    logit_differences, divergences, agreements, score_differences = [], [], [], []
    for example in tqdm(examples, desc="merge proof", unit="prompt", mininterval=1.0):
        rendered = prompt_format.render(example.messages, supervise="last")
        before, after = (_answer_logits(model, rendered) for model in (unmerged, merged))  # [answer, vocab]
        answer = torch.tensor([t for t, m in zip(rendered.ids[1:], rendered.mask[1:], strict=True) if m])
        log_before, log_after = before.log_softmax(-1), after.log_softmax(-1)
        logit_differences.append((before - after).abs().max())
        divergences.append((log_before.exp() * (log_before - log_after)).sum(-1))
        agreements.append((before.argmax(-1) == after.argmax(-1)).float())
        score_differences.append((log_after - log_before).gather(1, answer[:, None]).squeeze(1))
    measured = {
        "max_logit_difference": float(torch.stack(logit_differences).max()),
        "mean_kl": float(torch.cat(divergences).mean()),
        "greedy_agreement": float(torch.cat(agreements).mean()),
        "score_difference": float(torch.cat(score_differences).mean()),
    }
    return MergeProof(
        prompts=len(examples), tokens=len(torch.cat(divergences)), passed=_within(measured, tolerance), **measured
    )


def _answer_logits(model: PeftModel | PreTrainedModel, rendered: Rendered) -> torch.Tensor:
    """Logits that predict the answer's tokens, ``[answer, vocab]``, float32 on the CPU."""
    ids = torch.tensor([rendered.ids], device=model.device)
    with torch.inference_mode():
        logits = model(input_ids=ids, use_cache=False).logits[0, :-1]
    return logits[torch.tensor(rendered.mask[1:], dtype=torch.bool)].float().cpu()


def _within(measured: dict[str, float], tolerance: MergeTolerance) -> bool:
    checks = {
        "max_logit_difference": measured["max_logit_difference"] <= tolerance.max_logit_difference,
        "mean_kl": measured["mean_kl"] <= tolerance.mean_kl,
        "greedy_agreement": measured["greedy_agreement"] >= tolerance.greedy_agreement,
        "score_difference": abs(measured["score_difference"]) <= tolerance.score_difference,
    }
    for name, passed in checks.items():
        limit = getattr(tolerance, name)
        logger.info("merge proof: {} {:.2e} (limit {:g}) {}", name, measured[name], limit, "ok" if passed else "FAILED")
    return all(checks.values())
