"""Artefacts as runs write them, for tests of what reads them."""

from typing import Any

from models.artifact import AnyArtifact, Artifact

PROOF = {
    "prompts": 4,
    "tokens": 30,
    "max_logit_difference": 1.5e-4,
    "mean_kl": 2e-9,
    "greedy_agreement": 1.0,
    "score_difference": 0.0,
    "passed": True,
}
COMMON = {
    "format_version": 2,
    "model_version": "tiny-1",
    "method": "lora",
    "base": {"name": "tiny", "path": "/models/tiny", "sha256": "0" * 64, "family": "llama"},
    "dataset": "/data",
    "dataset_sha256": "ef" * 32,
    "versions": {"torch": "2.13"},
}
LANGUAGE_MODEL = {"quantisation": "nf4", "prompt_format": "xinglin", "prompt_format_sha256": "cd" * 32}
OF_KIND: dict[str, dict[str, Any]] = {
    "merged": {**LANGUAGE_MODEL, "merge_proof": PROOF},
    "whole": {**LANGUAGE_MODEL, "method": "full", "quantisation": None},
    "adapter": {**LANGUAGE_MODEL, "merge_proof": None, "why_not_merged": "merge.enabled=false"},
    "prefix": {**LANGUAGE_MODEL, "method": "ptuning_v2", "why_not_merged": "a prefix cannot be merged"},
    "experts": {
        **LANGUAGE_MODEL,
        "method": "experts",
        "why_not_merged": "each question is answered by one of several adapters",
        "experts": {"medical": "medical-1", "math": "math-1"},
        "routed_rightly": {"medical": 0.97, "math": 1.0},
    },
    "reader": {"method": "extractive"},
    "reward": {**LANGUAGE_MODEL, "merge_proof": PROOF},
}


def artifact(kind: str, **values: Any) -> AnyArtifact:
    """An artefact of a kind, with some custom values."""
    return Artifact.parse({"kind": kind, **COMMON, **OF_KIND[kind], **values})
