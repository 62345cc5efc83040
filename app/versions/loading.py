"""Loads what was chosen: at the start, and beside a version that is served, after saying how much memory it takes."""

from dataclasses import replace
from functools import partial
from math import prod
from pathlib import Path

import torch

from app.backends.backend import Backend
from app.backends.local import LocalBackend
from app.backends.missing import MissingModel
from app.backends.remote import open_remote
from app.config import AppConfig
from app.served import Chosen, chosen, model_path, sha256_of, turns_of, within_context
from app.versions.version import ServedModel
from app.versions.versions import ModelPlan
from common.errors import UserError
from common.machine import available_memory
from models.artifact import BesideBaseArtifact, ExpertsArtifact, LanguageModelArtifact
from models.beside_base import directory_of
from models.checkpoint import open_weights
from models.config import GgufType
from models.engines.engine import Engine
from models.engines.experts import open_engine
from models.numerics import compute_dtype

NF4_BYTES = 0.6
"""Per weight of a 7B model: half a byte and its scales, and embeddings, which are not quantised."""

GGUF_BYTES: dict[GgufType, float] = {"f32": 4, "f16": 2, "bf16": 2, "q8_0": 34 / 32, "q4_0": 18 / 32}
"""Per weight; quantised ones have a scale of two bytes per 32."""


def load(what: Chosen, config: AppConfig) -> ServedModel:
    """Loads a model.

    Args:
        what: The model, and what it is served with.
        config: How it is run.

    Raises:
        Refused: The model must not be served as it is.
        UserError: The model's files are wrong.
    """
    backend = _backend(what.path, config)
    model = _served(what, backend, sha256_of(what.path, what.artifact))
    return replace(model, grounding=within_context(what.grounding, backend.context_length))


def without_model(what: Chosen) -> ServedModel:
    """What is served where the model could not be loaded: the rules."""
    recorded = sha256_of(what.path, what.artifact) if what.artifact else None  # the files may be what is broken
    return _served(what, MissingModel(what.path.name), recorded)


class RunsBeside:
    """Models that can be loaded beside the one that the service was started with: those below ``runs_dir``, and it.

    Args:
        config: How the service was started.
        first: The directory of its model.
    """

    def __init__(self, config: AppConfig, first: Path) -> None:
        self.config, self.first = config, first.resolve()

    def plan(self, given: str) -> ModelPlan:
        """See ``ModelSource.plan``."""
        if self.config.engine not in ("local", "llamacpp"):
            problem = f"with engine={self.config.engine} another server has the model"
            raise UserError(
                problem, where="model", fix="start a service in front of the other one, on a port of its own"
            )
        config = self.config.model_copy(update={"model": given})
        path, runs = model_path(config).resolve(), self.config.runs_dir.resolve()
        if path != self.first and not path.is_relative_to(runs):
            fix = "copy it there, or start the service with runs_dir=DIR"
            raise UserError(f"only runs below {self.config.runs_dir} are loaded while serving", where="model", fix=fix)
        what = chosen(config.model_copy(update={"model": str(path)}))  # latest may be another one in a moment
        name = what.artifact.model_version if what.artifact else what.path.name
        needs, free = weight_bytes(what, self.config), free_bytes()
        return ModelPlan(str(path), name, what.domain.name, needs, free, partial(load, what, config))


def weight_bytes(what: Chosen, config: AppConfig) -> int:
    """What the weights of a model take up in memory; only the headers of its files are read.

    Raises:
        UserError: They are not there, or cannot be read.
    """
    artifact = what.artifact
    directories = [artifact.directory(what.path) if artifact else what.path]
    quantised = False
    if isinstance(artifact, BesideBaseArtifact):
        quantised = artifact.quantisation is not None
        directories = [base] if (base := directory_of(artifact.base)) else []  # beside it an adapter is small
    weights = sum(prod(tensor.shape) for one in directories for tensor in open_weights(one).values())
    if config.engine == "llamacpp":
        return int(weights * GGUF_BYTES[config.gguf])
    asked = artifact.dtype if artifact and config.dtype == "auto" else config.dtype
    return int(weights * (NF4_BYTES if quantised else compute_dtype(asked).dtype.itemsize))


def free_bytes() -> int:
    """Bytes that a model may take: of the GPU where there is one, with what this process has there and does not use."""
    if torch.cuda.is_available():
        unused = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
        return torch.cuda.mem_get_info()[0] + unused
    return available_memory()


def _served(what: Chosen, backend: Backend, sha256: str | None) -> ServedModel:
    prompts = what.artifact.prompt_format_sha256 if isinstance(what.artifact, LanguageModelArtifact) else None
    given, turns = str(what.path.resolve()), turns_of(what.artifact)
    experts = tuple(what.artifact.experts) if isinstance(what.artifact, ExpertsArtifact) else ()
    return ServedModel(backend, what.domain, what.knowledge, what.grounding, turns, given, sha256, prompts, experts)


def _backend(path: Path, config: AppConfig) -> Backend:
    if config.engine in ("openai", "tgi"):
        return open_remote(path, config)
    return LocalBackend(_engine(path, config), config.serve)


def _engine(path: Path, config: AppConfig) -> Engine:
    if config.engine == "local":
        return open_engine(path, dtype=config.dtype, shared_bytes=config.serve.prefix_cache_mib * 2**20)
    from models.engines.llamacpp import load_llamacpp_engine  # an extra

    return load_llamacpp_engine(path, weights=config.gguf, slots=config.serve.max_batch)
