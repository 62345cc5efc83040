"""A model with all that it is served with, and the pipeline in front of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from app.api.about import About
from app.audit.chain import Record
from app.backends.backend import Backend
from app.pipeline.consultation import PipelineStage
from common.hashing import sha256_text
from domains.domain import Domain
from domains.knowledge_base import KnowledgeBase
from domains.safety_rules import Level, LevelText
from models.artifact import NO_ENTRIES, GroundingRecord, Turns

Part = Literal["entries", "rules"]
"""What of the pipeline answers: ``entries``, the model with what is found for it; ``rules``, safety rules and what is
declined as well. Who may take a medicine, asking back and checking claims are in neither."""
PARTS: tuple[Part, ...] = get_args(Part)

ID_LENGTH = 12
"""Hex digits of a hash that people compare."""


@dataclass(frozen=True)
class ServedModel:
    """A model, and what it is served with.

    Attributes:
        backend: The model, not yet started.
        domain: Its rules judge questions, and its notices go with answers.
        knowledge: What answers are cited from.
        grounding: What the model reads of that before it answers.
        turns: What it gets of a conversation.
        given: How whoever started or loaded it named it.
        sha256: Hash of the model's files; None where it is not known.
        prompt_format_sha256: Hash of its prompt format; None where it is not known.
        experts: Names of the adapters among which it chooses for each request; empty where it is one model.
    """

    backend: Backend
    domain: Domain
    knowledge: KnowledgeBase
    grounding: GroundingRecord = NO_ENTRIES
    turns: Turns = "multi"
    given: str = ""
    sha256: str | None = None
    prompt_format_sha256: str | None = None
    experts: tuple[str, ...] = ()

    @property
    def identity(self) -> Record:
        """Which model, prompt format and knowledge base answer, for records; None where no hash is known."""
        return {
            "model_version": self.backend.model_version,
            "model_sha256": self.sha256,
            "prompt_format_sha256": self.prompt_format_sha256,
            "knowledge_sha256": self.knowledge.sha256 or None,
        }


class Version:
    """A model that is served.

    Args:
        model: The model.
        stages: The pipeline in front of it.
        levels: What its domain's safety rules say at each level.
        about: What is said about it.
        parts: Parts of the pipeline, for evaluations that take it apart.

    Attributes:
        id: The beginning of the hash of its files, or of its name where that is not known; answers and records have it.
        requests: How many requests it is answering.
    """

    def __init__(
        self,
        model: ServedModel,
        stages: Sequence[PipelineStage],
        levels: Mapping[Level, LevelText],
        about: About,
        parts: Mapping[Part, Sequence[PipelineStage]],
    ) -> None:
        self.model, self.stages, self.levels, self.about, self.parts = model, stages, levels, about, parts
        self.id = (model.sha256 or sha256_text(self.name))[:ID_LENGTH]
        self.requests = 0

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.backend.model_version

    @property
    def backend(self) -> Backend:
        """The model."""
        return self.model.backend

    @property
    def disclaimer(self) -> str:
        """The domain's."""
        return self.model.domain.notices.disclaimer

    @property
    def busy(self) -> bool:
        """Whether it is still needed for what it has begun."""
        return bool(self.requests) or self.backend.busy
