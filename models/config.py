"""The typed configuration of a base model. Light to import: it is checked before any library is loaded."""

from typing import Literal, NamedTuple

from pydantic import Field, model_validator

from common.command import Config

DType = Literal["auto", "float32", "bfloat16", "float16"]
"""A type to compute in. ``auto`` follows the machine (``models.numerics``); any other is used as given."""


GgufType = Literal["f32", "f16", "bf16", "q8_0", "q4_0"]
"""Type of a GGUF's matrices. q8_0 has 8 bits per weight and a scale per 32 of them, q4_0 has 4 bits."""


class Hints(NamedTuple):
    """What a checkpoint's files may not say; the user's values override what is guessed from the files.

    Attributes:
        family: Name of the family.
        norm_head: Whether the output layer's rows are normalised on every use (Baichuan2).
        rope_ratio: What ChatGLM's ``rope_ratio`` means: ``linear`` divides positions, ``base`` multiplies the base.
    """

    family: str | None = None
    norm_head: bool | None = None
    rope_ratio: Literal["linear", "base"] | None = None


NO_HINTS = Hints()


class EmbeddedConfig(Config):
    """Size and training of the embedded model.

    Attributes:
        corpus: The domain whose prose it reads; null for the run's own.
        steps: Optimiser steps; one step sees ``batch_size * sequence_length`` tokens.
        matrix_learning_rate: Muon's learning rate for the matrices inside the blocks.
        matrix_decay: Muon's weight decay. It bounds the matrices; without it attention grows until each position looks
            at only one other, and neither a prefix nor an adapter can change that.
        learning_rate: AdamW's learning rate for embeddings, output layer and norms.
    """

    corpus: str | None = None
    seed: int = 20261123
    vocab_size: int = Field(8000, ge=300)
    hidden_size: int = Field(128, ge=64, multiple_of=64)
    layers: int = Field(3, ge=1)
    context_length: int = Field(1024, ge=64)
    sequence_length: int = Field(192, ge=16)
    batch_size: int = Field(16, ge=1)
    steps: int = Field(620, ge=1)
    matrix_learning_rate: float = Field(0.025, gt=0)
    matrix_decay: float = Field(0.2, ge=0)
    learning_rate: float = Field(0.008, gt=0)


class Origin(Config):
    """Where a model comes from, and what its files may not say.

    Attributes:
        path: A directory in native or original layout, a GGUF file or a directory with one, ``owner/name`` on Hugging
            Face, or ``modelscope:owner/name``; in training also an earlier run, or ``runs/NAME/latest``.
        family: Name of the family, where ``config.json`` does not say.
        norm_head: Whether the output layer is a NormHead (Baichuan2), where vocabulary and tokenizer do not say.
        rope_ratio: What ChatGLM's ``rope_ratio`` means, where no file says: ``linear`` (chatglm2-6b-32k) or ``base``
            (chatglm3-6b-32k).
    """

    path: str | None = None
    family: str | None = None
    norm_head: bool | None = None
    rope_ratio: Literal["linear", "base"] | None = None

    @property
    def hints(self) -> Hints:
        """What ``models.loading`` needs besides the path."""
        return Hints(self.family, self.norm_head, self.rope_ratio)


class StandInConfig(Config):
    """A small model in the original layout of a published one, for trying a recipe without its weights.

    Attributes:
        of: The model whose layout it has.
        steps: Training steps on the prose of the run's domain; a few, so that it is not completely random.
    """

    of: Literal["chatglm2", "chatglm3", "baichuan", "baichuan2", "baichuan_13b", "baichuan2_13b"]
    seed: int = 20261123
    vocab_size: int = Field(2400, ge=1000)
    hidden_size: int = Field(128, ge=64, multiple_of=64)
    layers: int = Field(2, ge=1)
    context_length: int = Field(1024, ge=64)
    steps: int = Field(300, ge=0)


class ModelConfig(Origin):
    """The base model: a directory or hub name, or one that is built here.

    Attributes:
        embedded: Size and training of the embedded model.
        stand_in: Size of a stand-in for a published model.
        prompt_format: Name of a file in ``models/prompts/``; null for what the model's chat template says, else its
            family's.
        dtype: Type the weights are loaded in; where they are quantised, the compute type. ``auto`` is bfloat16 where
            the machine computes in it natively.
    """

    name: str
    embedded: EmbeddedConfig | None = None
    stand_in: StandInConfig | None = None
    prompt_format: str | None = None
    dtype: DType = "auto"

    @property
    def is_built_here(self) -> bool:
        """Whether this project makes the model itself."""
        return self.path is None

    @model_validator(mode="after")
    def _one_origin(self) -> "ModelConfig":
        given = [origin for origin in (self.path, self.embedded, self.stand_in) if origin is not None]
        if not given:
            raise ValueError(f"{self.name} is not part of Xinglin: give model.path=DIR, where its files are")
        if len(given) > 1:
            raise ValueError("model.path=DIR, model.embedded and model.stand_in are three models: give one of them")
        return self


class PushConfig(Config):
    """Where an exported model is copied.

    Attributes:
        to: A directory, or ``owner/name`` on Hugging Face or ``modelscope:owner/name`` (a private repository is made
            there); null for nowhere.
        dry_run: Only report what would be pushed; null does so for a hub when ``HF_HUB_OFFLINE`` is set.
    """

    to: str | None = None
    dry_run: bool | None = None


class ConvertConfig(Config):
    """``python -m models.convert``.

    Attributes:
        model: The model to convert; with ``prefix`` or ``adapter``, the base that it belongs to.
        prefix: A P-Tuning v2 checkpoint (original) or a prefix adapter (native).
        adapter: A LoRA adapter that was trained on the original class.
        out: Directory of the result.
        layout: The layout to write.
        prompt_format: Name of a file in ``models/prompts/``; null for the one the model was made for.
        gguf: Type of the matrices of ``layout=gguf``; null for ``dtype``.
        dtype: Type of the weights; null for the one on disk.
        family: Short for ``model.family``.
        norm_head: Short for ``model.norm_head``.
        push: Where to copy the result.
    """

    model: Origin
    prefix: Origin | None = None
    adapter: Origin | None = None
    out: str = Field(min_length=1)
    layout: Literal["native", "original", "gguf"] = "native"
    prompt_format: str | None = None
    gguf: GgufType | None = None
    dtype: Literal["float32", "bfloat16", "float16"] | None = None
    family: str | None = None
    norm_head: bool | None = None
    push: PushConfig = PushConfig()

    @model_validator(mode="after")
    def _there_is_a_model(self) -> "ConvertConfig":
        if self.model.path is None:
            raise ValueError("give model.path=DIR, the model to convert, or the base that the adapter belongs to")
        return self

    @model_validator(mode="after")
    def _gguf_has_its_layout(self) -> "ConvertConfig":
        if self.gguf is not None and self.layout != "gguf":
            raise ValueError("gguf= is the type of layout=gguf; add layout=gguf, or give dtype=")
        return self

    @model_validator(mode="after")
    def _prompt_format_is_written(self) -> "ConvertConfig":
        if self.prompt_format is not None and (self.layout == "original" or self.adapter or self.prefix):
            raise ValueError("prompt_format= is written with a model in layout native or gguf only; drop it")
        return self
