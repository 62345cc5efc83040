"""The typed schema of ``training/run.py``: every key, its type and its bounds, checked before anything is loaded."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from common.command import Config
from data_recipes.config import DataConfig, SourceConfig
from eval.config import SuiteConfig
from models.config import ModelConfig, PushConfig


class LoraConfig(Config):
    """Low-rank adapters beside linear layers.

    Attributes:
        quantisation: ``nf4`` (with double quantisation) makes it QLoRA; null is LoRA on the plain base.
        rank: Rank r of the update B·A.
        alpha: The update is scaled by alpha / rank.
        targets: Names of linear layers; ``all`` is every linear layer inside the blocks.
    """

    kind: Literal["lora"] = "lora"
    quantisation: Literal["nf4"] | None = None
    rank: int = Field(16, ge=1)
    alpha: float = Field(32, gt=0)
    dropout: float = Field(0.0, ge=0, lt=1)
    targets: Literal["all"] | list[str] = "all"


class PTuningV2Config(Config):
    """Deep prompts.

    Attributes:
        quantisation: ``nf4`` trains the prefix on a quantised base; null on the plain one.
        prefix_length: Number of virtual tokens per layer.
    """

    kind: Literal["ptuning_v2"] = "ptuning_v2"
    quantisation: Literal["nf4"] | None = None
    prefix_length: int = Field(32, ge=1)


MethodConfig = Annotated[LoraConfig | PTuningV2Config, Field(discriminator="kind")]


class OptimiserConfig(Config):
    """How weights are trained, whatever the method.

    Attributes:
        epochs: Passes over the training split, unless ``max_steps`` is given.
        batch_size: Rows per step on one device.
        precision: Type of the products (autocast; weights that are trained stay in float32). ``auto`` is ``bf16``
            where the machine computes in it natively, else ``fp32``.
        keep_checkpoints: Number of newest checkpoints kept.
    """

    epochs: float = Field(1.0, gt=0)
    max_steps: int | None = Field(None, ge=1)
    batch_size: int = Field(8, ge=1)
    gradient_accumulation: int = Field(1, ge=1)
    learning_rate: float = Field(2e-4, gt=0)
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup_share: float = Field(0.03, ge=0, lt=1)
    weight_decay: float = Field(0.0, ge=0)
    max_grad_norm: float = Field(1.0, gt=0)
    precision: Literal["auto", "bf16", "fp16", "fp32"] = "auto"
    gradient_checkpointing: bool = False
    log_steps: int = Field(10, ge=1)
    eval_steps: int = Field(100, ge=1)
    save_steps: int = Field(100, ge=1)
    keep_checkpoints: int = Field(2, ge=1)


class TrainConfig(OptimiserConfig):
    """How an adapter or prefix is trained on conversations; with packing a row holds several of them.

    Attributes:
        max_length: Longest example in tokens. With packing, a step sees ``batch_size * max_length`` tokens, in rows as
            long as the longest example of the data.
        over_length: What happens to a longer example: ``error``, or ``drop`` (counted and reported).
        max_dropped_share: Share of dropped examples above which the run stops.
        packing: Fill rows with several examples that cannot see each other. Not for prefix methods.
    """

    max_length: int = Field(512, ge=16)
    over_length: Literal["error", "drop"] = "drop"
    max_dropped_share: float = Field(0.05, ge=0, le=1)
    packing: bool = True
    supervise: Literal["all", "last"] = "all"


class MergeTolerance(Config):
    """What the merged model may differ from the unmerged one; beyond it the merge is refused."""

    max_logit_difference: float = Field(0.5, gt=0)
    mean_kl: float = Field(1e-3, gt=0)
    greedy_agreement: float = Field(0.98, gt=0, le=1)
    score_difference: float = Field(0.01, gt=0)


class MergeConfig(Config):
    """How an adapter becomes part of the weights.

    Attributes:
        base: ``dequantised`` merges onto the very weights the adapter was trained on; ``original`` onto the
            unquantised ones (the adapter then meets weights it has not seen).
        prompts: Number of held-out prompts of the proof.
    """

    enabled: bool = True
    base: Literal["dequantised", "original"] = "dequantised"
    prompts: int = Field(32, ge=1)
    tolerance: MergeTolerance = MergeTolerance()


class StageConfig(Config):
    """What every stage of ``training/run.py`` reads.

    Attributes:
        stage: What is trained: ``sft`` tunes a language model on conversations, ``extractive`` an encoder that marks
            answers in passages (``training/extractive/config.py``).
        threads: Threads that compute on the CPU; null follows the cores that other work leaves free.
    """

    stage: Literal["sft", "extractive"]
    name: str = Field(pattern=r"^[\w.-]+$")
    seed: int = 20261123
    threads: int | None = Field(None, ge=1)
    runs_dir: Path = Path("runs")
    data: DataConfig
    source: SourceConfig
    suite: SuiteConfig
    push: PushConfig = PushConfig()


class RunConfig(StageConfig):
    """Everything that tuning a language model reads."""

    stage: Literal["sft"] = "sft"
    model: ModelConfig
    method: MethodConfig
    train: TrainConfig = TrainConfig()
    merge: MergeConfig = MergeConfig()

    @model_validator(mode="after")
    def _packing_needs_attention_isolation(self) -> "RunConfig":
        if self.train.packing and self.method.kind == "ptuning_v2":
            raise ValueError(
                "train.packing=true does not work with a prefix: packed examples would see each other through it; "
                "set train.packing=false"
            )
        return self
