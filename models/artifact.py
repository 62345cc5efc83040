"""``artifact.json``: what a trained model is, what it was made from, and how it is to be loaded."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from common.errors import UserError
from common.files import read_json, write_json
from models.config import DType

FILE_NAME = "artifact.json"


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BaseRecord(_Record):
    """The base model: a directory and the SHA-256 of its weights, configuration and tokenizer.

    Attributes:
        norm_head: Said by the user, where the files do not tell; the same for ``rope_ratio``.
    """

    name: str
    path: str
    sha256: str
    family: str
    norm_head: bool | None = None
    rope_ratio: Literal["linear", "base"] | None = None

    def hints(self) -> dict[str, Any]:
        """What ``models.loading`` takes besides the path."""
        return {"family": self.family, "norm_head": self.norm_head, "rope_ratio": self.rope_ratio}


class NumericsRecord(_Record):
    """The types that a run computed in.

    Attributes:
        dtype: As configured; ``auto`` follows the machine, also where the model is evaluated and served.
        weights: Type of the weights; where they were quantised, the type computed in.
        training: Type of the products in training.
        why: What decided them.
        instruction_set: The processor's, or the name of the GPU.
    """

    dtype: DType
    weights: str
    training: str
    why: str
    instruction_set: str


class MergeProof(_Record):
    """The merged model compared with the unmerged one on held-out prompts.

    Attributes:
        prompts: Number of prompts compared.
        tokens: Number of positions whose logits were compared.
        max_logit_difference: Largest absolute difference of a logit.
        mean_kl: Mean Kullback-Leibler divergence of unmerged from merged next-token distributions, nats.
        greedy_agreement: Share of positions with the same most likely token, 0 to 1.
        score_difference: Mean log-probability of the reference answers per token, merged minus unmerged, nats.
        passed: Whether all are within tolerance.
    """

    prompts: int
    tokens: int
    max_logit_difference: float
    mean_kl: float
    greedy_agreement: float
    score_difference: float
    passed: bool


class Artifact(_Record):
    """The record of one tuned model.

    Attributes:
        kind: ``merged`` (an ordinary model directory), ``prefix`` (base + prefix, never merged), ``adapter`` (a merge
            was refused or not asked for: base + adapter) or ``reader`` (an encoder that marks answers in passages; it
            has no prompt format).
        model_version: Name that the service reports with each answer.
        why_not_merged: The reason, where ``kind`` is not ``merged``.
        numerics: The types computed in; artefacts made before they were recorded have none.
    """

    format_version: Literal[1] = 1
    kind: Literal["merged", "prefix", "adapter", "reader"]
    model_version: str
    method: str
    base: BaseRecord
    quantisation: Literal["nf4"] | None
    prompt_format: str
    prompt_format_sha256: str
    dataset: str
    dataset_sha256: str
    merge_proof: MergeProof | None = None
    why_not_merged: str = ""
    numerics: NumericsRecord | None = None
    versions: dict[str, str]

    @property
    def dtype(self) -> DType:
        """The type that the model is to be loaded in, as its run was configured."""
        return self.numerics.dtype if self.numerics else "auto"

    def save(self, directory: Path) -> None:
        """Writes ``artifact.json`` into the directory."""
        write_json(directory / FILE_NAME, self.model_dump())

    @classmethod
    def load(cls, directory: Path) -> "Artifact":
        """Reads ``artifact.json``.

        Raises:
            UserError: The file is missing or not of this format.
        """
        values = read_json(directory / FILE_NAME)
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise UserError(
                f"not an artefact of this version: {error}", where=str(directory / FILE_NAME), fix="train again"
            ) from None


def how_to_read(directory: Path) -> str:
    """The command that asks the reader in a directory."""
    return (
        "python -c 'import models.reader; from transformers import pipeline; "
        f'print(pipeline("question-answering", model="{directory}")(question="…", context="…"))\''
    )
