"""Adapter arithmetic: several LoRA adapters of one base become one adapter, which is merged with proof.

The weighted sum is that of the updates themselves, so it is exact: its rank is the sum of all ranks. TIES
(arXiv:2306.01708) and DARE (arXiv:2311.03099) change single values of the updates; what they make is written as an
adapter again by its singular values. LoraHub (arXiv:2307.13269) is a weighted sum whose weights are searched
(``training/weight_search.py``).
"""

import importlib.metadata
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from loguru import logger
from peft import PeftConfig, PeftModel, PeftType
from pydantic import Field, model_validator

from common.command import Config
from common.errors import Refused, UserError
from common.files import make_directory, read_json, replacing_directory, write_json
from common.hashing import sha256_value
from data_recipes.pipeline import build as datasets_of
from data_recipes.pipeline.build import BuiltDataset
from data_recipes.schema.manifest import MANIFEST
from models.artifact import (
    AdapterArtifact,
    AnyArtifact,
    Artifact,
    BesideBaseArtifact,
    CombinedRecord,
    MergedArtifact,
    PartRecord,
    result_files,
)
from models.beside_base import base_of
from models.loading import load_prompt_format, open_checkpoint
from models.memory import release
from models.numerics import compute_dtype
from training.base import Base
from training.config import MergeConfig
from training.earlier_adapter import adapter_directory
from training.experts import LIBRARIES, dataset_of, differences
from training.merge import merge
from training.weight_search import FoundWeights, SearchConfig, search

ADAPTER = "default"
"""Peft's name of the adapter that is saved in a directory itself."""
PEFT_NAMES = {
    "weighted": "cat",
    "lorahub": "cat",
    "ties": "ties_svd",
    "dare": "dare_linear_svd",
    "dare_ties": "dare_ties_svd",
}
"""What peft calls each arithmetic on updates; its names without ``svd`` are of A and B alone."""


class CombineConfig(Config):
    """``training/combine.py``.

    Attributes:
        adapters: By name a finished run with a LoRA adapter (also ``runs/NAME/latest``) or the folder of one; null
            leaves one out. The domain of the first one is served.
        how: ``weighted`` is the sum of the updates, exactly; ``ties`` keeps the largest values of each, where most
            agree on the sign; ``dare`` drops values at random and enlarges the others, ``dare_ties`` with the signs of
            TIES; ``lorahub`` is the weighted sum with weights that are found on examples.
        weights: Of each adapter, by name; 1 divided by their number for those that are not named.
        density: The share of the values of each update that TIES and DARE keep.
        rank: Of what TIES and DARE make; null for the sum of all ranks.
        examples: A built dataset; ``lorahub`` finds the weights on examples of its split for training, and reads those
            for development as held-out ones. The merge proof reads it, too; null for the dataset of the first adapter.
        out: Directory of the result.
    """

    adapters: dict[str, str | None]
    how: Literal["weighted", "ties", "dare", "dare_ties", "lorahub"] = "weighted"
    weights: dict[str, float] = Field({})
    density: float = Field(0.5, gt=0, le=1)
    rank: int | None = Field(None, ge=1)
    seed: int = 20261123
    examples: Path | None = None
    search: SearchConfig = SearchConfig()
    merge: MergeConfig = MergeConfig()
    out: Path
    threads: int | None = Field(None, ge=1)

    @property
    def origins(self) -> dict[str, str]:
        """Where each adapter comes from."""
        return {name: origin for name, origin in self.adapters.items() if origin is not None}

    @property
    def given_weights(self) -> dict[str, float]:
        """The weight of each adapter, unless it is searched."""
        return {name: self.weights.get(name, 1 / len(self.origins)) for name in self.origins}

    @property
    def prunes(self) -> bool:
        """Whether values of the updates are dropped."""
        return self.how not in ("weighted", "lorahub")

    @model_validator(mode="after")
    def _goes_together(self) -> "CombineConfig":
        if len(self.origins) < 2:
            raise ValueError("adapters: give two or more, adapters.NAME=RUN; one alone is merged by its own run")
        if unknown := [name for name in self.weights if name not in self.origins]:
            raise ValueError(f"weights.{unknown[0]} names no adapter; given: {', '.join(self.origins)}")
        if ADAPTER in self.origins:
            raise ValueError(f"adapters.{ADAPTER}: the result has this name; give the adapter another")
        if self.how == "lorahub" and (self.weights or self.examples is None):
            raise ValueError("how=lorahub finds the weights on examples: give examples=DATASET, and no weights")
        if self.rank is not None and not self.prunes:
            raise ValueError(f"rank: how={self.how} is exact, with the sum of all ranks; set rank=null")
        if self.how == "lorahub":
            self.search.refuse_small_budget(len(self.origins))
        return self


class PartToCombine(NamedTuple):
    """An adapter that is combined.

    Attributes:
        directory: Its folder.
        artifact: What is recorded of it.
    """

    directory: Path
    artifact: BesideBaseArtifact


def combine(config: CombineConfig) -> str:
    """Combines the adapters, and merges the result into their base.

    Returns:
        The printed summary.

    Raises:
        UserError: An adapter, their base or the examples are missing.
        Refused: The adapters do not go together, or an adapter's files were changed.
    """
    parts = {name: _part(name, origin) for name, origin in config.origins.items()}
    _refuse_different(parts)
    first = next(iter(parts.values()))
    dataset = _examples(config, first)
    base = _base(first)
    artifact = first.artifact
    dtype = compute_dtype(artifact.dtype).dtype
    model = _loaded(base, parts, dtype)
    weights, found = config.given_weights, None
    if config.how == "lorahub":
        found = search(model, list(parts), base.prompt_format, dataset, config.search, config.seed)
        weights = found.weights
    record = _record(config, parts, weights, dataset, found)
    make_directory(config.out)
    with replacing_directory(config.out / AdapterArtifact.folder) as directory:
        _add(model, config, weights)
        _save(model, directory, base)
    del model
    release()
    result = _merged(config, base, artifact, record, dataset, dtype)
    result.save(config.out)
    return _summary(config, result, weights, found)


def _part(name: str, origin: str) -> PartToCombine:
    """An earlier adapter.

    Raises:
        UserError: There is none, or it is no LoRA adapter.
    """
    key = f"adapters.{name}"
    directory = adapter_directory(Path(origin).expanduser(), key)
    artifact = Artifact.load(directory)
    assert isinstance(artifact, BesideBaseArtifact)  # it has the files of one
    artifact.check_files(directory)
    settings = PeftConfig.from_pretrained(directory)
    if settings.peft_type != PeftType.LORA:
        fix = "combine adapters of method=lora or qlora; expert_router serves any adapters side by side"
        raise UserError(f"{settings.peft_type.lower()} has no arithmetic of updates", where=f"{key}={origin}", fix=fix)
    if settings.use_dora or settings.trainable_token_indices:
        what = "the lengths of DoRA" if settings.use_dora else "rows of new tokens"
        raise UserError(
            f"{what} are not part of an update that can be added", where=f"{key}={origin}", fix="train with method=lora"
        )
    return PartToCombine(directory, artifact)


def _refuse_different(parts: Mapping[str, PartToCombine]) -> None:
    """Refuses adapters that cannot become one.

    Raises:
        Refused: They differ in base, quantisation, prompt format, or in what is in their prompts.
    """
    artifacts = {name: part.artifact for name, part in parts.items()}
    problems = differences(artifacts)
    (first, artifact), *others = artifacts.items()
    problems += [
        f"entries in the prompts: not the same ({first}, {name})"
        for name, other in others
        if other.grounding != artifact.grounding
    ]
    if problems:
        listed = "".join(f"\n  - {problem}" for problem in problems)
        raise Refused(f"these adapters do not go together:{listed}\n  -> train them on one base, with the same words")


def _examples(config: CombineConfig, first: PartToCombine) -> BuiltDataset:
    """What weights are found on, and merging is proved on."""
    if config.examples is None:
        return dataset_of(first.directory, first.artifact, f"adapters.{next(iter(config.origins))}")
    if not (config.examples / MANIFEST).is_file():
        fix = "give the folder of a built dataset: python data_recipes/build.py data=NAME out=DIR"
        raise UserError("no dataset here", where=f"examples={config.examples}", fix=fix)
    return datasets_of.load(config.examples)


def _base(first: PartToCombine) -> Base:
    """The base of an adapter, with the prompt format that it was trained in."""
    directory, hints = base_of(first.directory, first.artifact), first.artifact.base.hints
    family, checkpoint = open_checkpoint(directory, hints)
    prompt_format = load_prompt_format(directory, hints, first.artifact.prompt_format)
    return Base(first.artifact.base.name, family, checkpoint, prompt_format)


def _loaded(base: Base, parts: Mapping[str, PartToCombine], dtype: torch.dtype) -> PeftModel:
    """The base with all adapters, each under its name."""
    (name, first), *others = parts.items()
    model = PeftModel.from_pretrained(base.load(dtype, first.artifact.quantisation), first.directory, adapter_name=name)
    for other, part in others:
        model.load_adapter(part.directory, adapter_name=other)
    return model.eval()


def _add(model: PeftModel, config: CombineConfig, weights: Mapping[str, float]) -> None:
    """Adds what the adapters become."""
    ranks = [model.peft_config[name].r for name in weights]
    model.peft_config[next(iter(weights))].use_rslora = False  # peft copies it, and scales what it made by 1
    torch.manual_seed(config.seed)
    model.base_model.add_weighted_adapter(
        list(weights),
        list(weights.values()),
        ADAPTER,
        combination_type=PEFT_NAMES[config.how],
        svd_rank=config.rank or sum(ranks),
        svd_full_matrices=False,
        density=config.density,
    )


def _save(model: PeftModel, directory: Path, base: Base) -> None:
    """Writes the new adapter with its prompt format; the base is named afterwards, as in ``PeftMethod.save``."""
    model.save_pretrained(directory, selected_adapters=[ADAPTER])
    settings = directory / "adapter_config.json"
    write_json(settings, read_json(settings) | {"base_model_name_or_path": str(base.path)})
    base.prompt_format.save(directory)


def _record(
    config: CombineConfig,
    parts: Mapping[str, PartToCombine],
    weights: Mapping[str, float],
    dataset: BuiltDataset,
    found: FoundWeights | None,
) -> CombinedRecord:
    return CombinedRecord(
        how=config.how,
        parts={
            name: PartRecord(
                model_version=part.artifact.model_version, weight=weights[name], files=part.artifact.files or {}
            )
            for name, part in parts.items()
        },
        density=config.density if config.prunes else None,
        seed=config.seed,
        dataset_sha256=dataset.manifest.sha256 if found else None,
        loss=found.held_out if found else None,
    )


def _merged(
    config: CombineConfig,
    base: Base,
    artifact: BesideBaseArtifact,
    record: CombinedRecord,
    dataset: BuiltDataset,
    dtype: torch.dtype,
) -> AnyArtifact:
    """Merges the new adapter with proof; where that fails, the adapter is the result."""
    adapter, merged = config.out / AdapterArtifact.folder, config.out / MergedArtifact.folder
    common = _common(artifact, record)
    with replacing_directory(merged) as directory:
        proof = merge(
            base,
            adapter,
            directory,
            quantisation=artifact.quantisation,
            dtype=dtype,
            examples=[*dataset.splits["dev"], *dataset.splits["train"]],
            config=config.merge,
        )
    why = (
        f"this is the adapter itself; the model that it was merged into is {merged.name}/"
        if proof.passed
        else proof.refusal
    )
    alone = AdapterArtifact(**common, files=result_files(adapter), merge_proof=proof, why_not_merged=why)
    alone.save(adapter)
    if not proof.passed:
        logger.warning("{}", proof.refusal)
        return alone
    result = MergedArtifact(**common, files=result_files(merged), merge_proof=proof)
    result.save(merged)
    return result


def _common(artifact: BesideBaseArtifact, record: CombinedRecord) -> dict[str, Any]:
    """What both artefacts say: what the adapters share, and what they are made of."""
    shared = artifact.model_dump(
        include={"base", "quantisation", "prompt_format", "prompt_format_sha256", "grounding", "domain", "knowledge"}
    )
    return {
        **shared,
        "turns": artifact.turns,
        "numerics": artifact.numerics,
        "method": "lora",
        "model_version": f"combined-{sha256_value(record.model_dump())[:12]}",
        "dataset": ", ".join(part.model_version for part in record.parts.values()),
        "dataset_sha256": sha256_value([part.files for part in record.parts.values()]),
        "combined": record,
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
    }


def _summary(
    config: CombineConfig, result: AnyArtifact, weights: Mapping[str, float], found: FoundWeights | None
) -> str:
    rows = [f"  {name}: {weight:+.3f}" for name, weight in weights.items()]
    if found:
        rows += ["", f"留出样例的损失 loss on {found.examples} held-out examples (nats per token):"]
        rows += [f"  {name}: {loss:.4f}" for name, loss in found.held_out.items()]
    made = result.directory(config.out)
    return "\n".join(
        [
            "",
            f"适配器合成 combined ({config.how}), 权重 weights:",
            *rows,
            "",
            f"模型 model  : {made}",
            f"使用 use    : {result.how_to_use(config.out)}",
        ]
    )
