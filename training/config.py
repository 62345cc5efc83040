"""What the stages of ``training/run.py`` read: keys, types and bounds, checked before anything is loaded."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from common.command import Config
from data_recipes.config import DataConfig, SourceConfig
from data_recipes.sources.generated.knowledge_base import KnowledgeSourceConfig
from domains.domain import DomainName
from eval.config import SuiteConfig
from models.config import ModelConfig, PushConfig
from models.reader_config import ReaderModelConfig

Tracker = Literal["wandb", "mlflow", "swanlab"]


class OptimiserConfig(Config):
    """How weights are trained, whatever the method.

    Attributes:
        epochs: Passes over the training split, unless ``max_steps`` is given.
        batch_size: Rows of a batch; several processes divide them.
        learning_rate: Its peak; ``auto`` follows from method, rank, size of the model and number of steps,
            where the stage learns texts or answers (``training/learning_rate.py``).
        precision: Type of the products (autocast; trained weights stay in float32). ``auto`` is ``bf16`` where the
            machine computes in it natively, else ``fp32``.
        keep_checkpoints: Number of newest checkpoints to keep.
        early_stopping: Training stops when the dev loss has not fallen below its least for this many evaluations (every
            ``eval_steps``, and after the last step); null never stops it. The learning rate follows all planned steps.
        keep_best: The result has the values of the evaluation with the least dev loss, not those of the last step. They
            are kept in memory, and once more in every checkpoint.
        trackers: Where the metrics go besides TensorBoard, which always has them; each must be installed. They write
            into the run directory. Nothing leaves the machine unless their own variables ask for it:
            ``WANDB_MODE=online``, ``MLFLOW_TRACKING_URI=https://…``, ``SWANLAB_MODE=cloud``.
    """

    epochs: float = Field(1.0, gt=0)
    max_steps: int | None = Field(None, ge=1)
    batch_size: int = Field(8, ge=1)
    gradient_accumulation: int = Field(1, ge=1)
    learning_rate: Annotated[float, Field(gt=0)] | Literal["auto"] = 2e-4
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
    early_stopping: int | None = Field(None, ge=1)
    keep_best: bool = False
    trackers: tuple[Tracker, ...] = ()

    chooses_rate: ClassVar[bool] = False
    """Whether ``auto`` is known for what is trained."""

    @property
    def rate(self) -> float:
        """The learning rate, once it is a number."""
        assert self.learning_rate != "auto"
        return self.learning_rate

    @model_validator(mode="after")
    def _auto_is_known(self) -> Self:
        if self.learning_rate == "auto" and not self.chooses_rate:
            raise ValueError("learning_rate=auto is for stages that learn texts or answers; give a number")
        return self

    @property
    def follows_dev_loss(self) -> bool:
        """Whether the dev loss decides what becomes of the run."""
        return self.keep_best or self.early_stopping is not None


class TrainConfig(OptimiserConfig):
    """How a language model is trained on conversations; with packing a row holds several of them.

    Attributes:
        max_length: Longest example in tokens. With packing, a step sees ``batch_size * max_length`` tokens, in rows as
            long as the longest example of the data.
        over_length: What happens to a longer example: ``error``; ``drop`` (counted and reported); or
            ``truncate_context``: of a longer conversation each answer is trained with as many of the exchanges before
            it as fit, never cut itself. What does not fit alone, or rests on entries in its prompt, is dropped.
        max_dropped_share: Share of dropped examples above which the run stops.
        packing: Fill rows with several examples that cannot see each other. Not for every method.
        shard: Several processes divide the weights of the base, which nothing trains, instead of each holding all of
            them (FSDP2): for a base that is too large for one GPU.
    """

    max_length: int = Field(512, ge=16)
    over_length: Literal["error", "drop", "truncate_context"] = "drop"
    max_dropped_share: float = Field(0.05, ge=0, le=1)
    packing: bool = True
    supervise: Literal["all", "last"] = "all"
    shard: bool = False


class PaddedTrainConfig(TrainConfig):
    """How a language model is trained where every answer has a row of its own, and only the last one counts.

    Attributes:
        packing: Rows are padded.
        over_length: What happens to a longer example: ``error``, or ``drop`` (counted and reported).
        supervise: The last answer alone.
        shard: These are runs of one process.
    """

    packing: Literal[False] = False
    over_length: Literal["error", "drop"] = "drop"
    supervise: Literal["last"] = "last"
    shard: Literal[False] = False

    @field_validator("packing", mode="before")
    @classmethod
    def _padded(cls, packing: Any) -> Any:
        if packing is True:
            raise ValueError("answers are not packed here, each has a row of its own: set train.packing=false")
        return packing


class SequenceTrainConfig(TrainConfig):
    """How a language model learns sequences of tokens: texts, or answers."""

    chooses_rate = True


class MergeConfig(Config):
    """How an adapter becomes part of the weights.

    Attributes:
        base: ``dequantised`` merges onto the very weights the adapter was trained on; ``original`` onto the
            unquantised ones (the adapter then meets weights it has not seen).
        tokens: Fewest answer tokens that the merged model is compared on.
        noise_factor: How many times the rounding of the unmerged model, measured as KL divergence, the merged one may
            differ; beyond that the merge is refused.
    """

    enabled: bool = True
    base: Literal["dequantised", "original"] = "dequantised"
    tokens: int = Field(1000, ge=1)
    noise_factor: float = Field(4.0, gt=0)


class KnowledgeConfig(Config):
    """The knowledge base of a run: the base model reads it, and the service cites it.

    Attributes:
        path: Its folder; null for the one that the dataset is made from, else the one that ships with the domain.
    """

    path: str | None = None


class StageConfig(Config):
    """What every stage reads.

    Attributes:
        stage: Name of the stage in ``training.stages``; each stage's configuration has its own.
        name: Name of the run, usually the recipe's.
        domain: Whose rules, notices and sources the model is served with; the embedded base reads its prose.
        threads: CPU threads to compute with; null uses the cores that other work leaves free.
        model: The base that training starts from.
        train: How its weights are trained.
    """

    stage: str
    name: str = Field(pattern=r"^[\w.-]+$")
    seed: int = 20261123
    threads: int | None = Field(None, ge=1)
    runs_dir: Path = Path("runs")
    domain: DomainName
    knowledge: KnowledgeConfig = KnowledgeConfig()
    model: ModelConfig | ReaderModelConfig
    data: DataConfig
    source: SourceConfig
    train: OptimiserConfig
    suite: SuiteConfig
    push: PushConfig = PushConfig()

    @property
    def knowledge_folder(self) -> Path | None:
        """The folder of the user's own knowledge base; None for the one that ships with the domain."""
        own = isinstance(self.source, KnowledgeSourceConfig) and self.source.path
        path = own or self.knowledge.path
        return Path(path).expanduser() if path else None

    @model_validator(mode="after")
    def _one_domain_and_one_knowledge_base(self) -> "StageConfig":
        source = self.source
        if not isinstance(source, KnowledgeSourceConfig):
            return self
        if source.domain != self.domain:
            raise ValueError(
                f"data={self.data.name} is made from the knowledge base of the domain {source.domain}, and the run is "
                f"of the domain {self.domain}: give domain={source.domain}"
            )
        if self.knowledge.path is not None and self.knowledge.path != source.path:
            raise ValueError(
                "the dataset is made from another knowledge base than knowledge.path: give knowledge.path and no "
                "source.path"
            )
        return self
