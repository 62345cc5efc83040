"""The typed schema of extractive recipes: every key, its type and its bounds, checked before anything is loaded."""

from typing import Literal

from pydantic import Field, model_validator

from models.reader_config import ReaderModelConfig, ReadingConfig
from training.config import OptimiserConfig, StageConfig


class SpanTrainConfig(OptimiserConfig):
    """How an encoder is trained to mark answers.

    Attributes:
        negative_windows: Windows without the answer to keep per passage, chosen by seed; without them the model does
            not learn to say no, with all of them it learns little else.
        max_lost_share: Share of the answers that fit into no window above which the run stops.
    """

    negative_windows: int = Field(1, ge=1)
    max_lost_share: float = Field(0.05, ge=0, le=1)


class ExtractiveConfig(StageConfig):
    """Everything that an extractive recipe reads."""

    stage: Literal["extractive"]
    model: ReaderModelConfig
    reading: ReadingConfig = ReadingConfig()
    train: SpanTrainConfig = SpanTrainConfig()

    @model_validator(mode="after")
    def _readers_take_no_exams(self) -> "ExtractiveConfig":
        if self.suite.exam is not None or self.suite.items is not None:
            raise ValueError(f"suite={self.suite.name}: an extractive reader only marks passages of its dataset")
        return self
