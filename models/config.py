"""The typed configuration of a base model. Light to import: it is checked before any library is loaded."""

from typing import Literal

from pydantic import Field, model_validator

from common.command import Config


class EmbeddedConfig(Config):
    """Size and training of the embedded model.

    Attributes:
        steps: Optimiser steps; one step sees ``batch_size * sequence_length`` tokens.
        matrix_learning_rate: Muon's learning rate for the matrices inside the blocks.
        learning_rate: AdamW's learning rate for embeddings, output layer and norms.
    """

    seed: int = 20261123
    vocab_size: int = Field(6000, ge=300)
    hidden_size: int = Field(128, ge=64, multiple_of=64)
    layers: int = Field(2, ge=1)
    context_length: int = Field(1024, ge=64)
    sequence_length: int = Field(192, ge=16)
    batch_size: int = Field(4, ge=1)
    steps: int = Field(2600, ge=1)
    matrix_learning_rate: float = Field(0.025, gt=0)
    learning_rate: float = Field(0.005, gt=0)


class ModelConfig(Config):
    """The base model: a directory, or the embedded one that is built here.

    Attributes:
        path: Directory of a model in Hugging Face layout; null for the embedded model.
        embedded: Size and training of the embedded model; null for a model from a directory.
        prompt_format: Name of a file in ``models/prompts/``.
        dtype: Type the weights are loaded in; where they are quantised, the type computed in.
    """

    name: str
    path: str | None = None
    embedded: EmbeddedConfig | None = None
    prompt_format: str
    dtype: Literal["float32", "bfloat16", "float16"] = "bfloat16"

    @model_validator(mode="after")
    def _one_origin(self) -> "ModelConfig":
        if (self.path is None) == (self.embedded is None):
            raise ValueError("give model.path=DIRECTORY (and only there no model.embedded)")
        return self
