"""The typed configuration of readers. Light to import: it is checked before any library is loaded."""

from pydantic import Field, model_validator

from common.command import Config


class EncoderConfig(Config):
    """Size and training of the encoder that Xinglin builds itself.

    Attributes:
        heads: Attention heads of a layer.
        steps: Optimiser steps; one step sees ``batch_size`` rows of ``sequence_length`` tokens.
        masked: Share of the tokens to guess.
    """

    seed: int = 20261123
    vocab_size: int = Field(6000, ge=200)
    hidden_size: int = Field(192, ge=32, multiple_of=8)
    layers: int = Field(3, ge=1)
    heads: int = Field(6, ge=1)
    context_length: int = Field(512, ge=32)
    sequence_length: int = Field(128, ge=16)
    batch_size: int = Field(16, ge=1)
    steps: int = Field(900, ge=1)
    learning_rate: float = Field(1e-3, gt=0)
    masked: float = Field(0.15, gt=0, lt=1)

    @model_validator(mode="after")
    def _heads_share_the_size(self) -> "EncoderConfig":
        if self.hidden_size % self.heads:
            raise ValueError("hidden_size must be a multiple of heads")
        return self


class ReaderModelConfig(Config):
    """The encoder that becomes a reader: from a directory or a hub, out of a Python package, or built here.

    Attributes:
        path: A directory in Hugging Face layout, ``owner/name`` on Hugging Face, or ``modelscope:owner/name``.
        package: A Python package that contains a model, and the folder in it: ``package/folder``.
        extra: What to give to pip to install it.
        encoder: Size and training of the encoder that is built from the training text.
    """

    name: str
    path: str | None = None
    package: str | None = Field(None, pattern=r"^\w+(/[\w.-]+)*$")
    extra: str = ""
    encoder: EncoderConfig | None = None

    @property
    def is_built_here(self) -> bool:
        """Whether this project makes the encoder itself."""
        return self.encoder is not None

    @model_validator(mode="after")
    def _one_origin(self) -> "ReaderModelConfig":
        if sum(origin is not None for origin in (self.path, self.package, self.encoder)) != 1:
            raise ValueError("give exactly one of model.path=DIRECTORY, model.package and model.encoder")
        return self


class ReadingConfig(Config):
    """How passages are read; saved with the model as ``reader.json``.

    Attributes:
        max_length: Tokens of a window, question included.
        doc_stride: Tokens that neighbouring windows share. A longer answer can fall between two windows.
        max_answer_tokens: Longest answer that is given.
        threshold: The margin above which there is an answer; training chooses it on the dev split.
    """

    max_length: int = Field(192, ge=16, multiple_of=16)
    doc_stride: int = Field(64, ge=0)
    max_answer_tokens: int = Field(40, ge=1)
    threshold: float = 0.0

    @model_validator(mode="after")
    def _windows_move_on(self) -> "ReadingConfig":
        if self.doc_stride >= self.max_length // 2:
            raise ValueError("doc_stride must be below half of max_length: windows would hardly advance")
        return self
