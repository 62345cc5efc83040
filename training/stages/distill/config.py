"""The typed schema of recipes that learn from the distributions of a teacher."""

from typing import Literal

from pydantic import Field, model_validator

from common.command import Config
from models.config import ModelConfig
from training.config import SequenceTrainConfig
from training.stages.sft.config import LanguageModelConfig


class TeacherConfig(ModelConfig):
    """The model that is learned from: a run that was merged, a directory, or the embedded model. It is not trained.

    Attributes:
        sha256: Its hash, which the run records; a resume on another teacher is refused.
        document: A text file that the teacher reads before every conversation, and the student does not: what it says
            about the conversations with the document in front of it is learned. With ``method=ptuning_v2`` the result
            is a cartridge, a prefix in the place of the document (arXiv:2506.06266).
        document_sha256: Its hash, which the run records, too.
    """

    sha256: str | None = None
    document: str | None = None
    document_sha256: str | None = None


class DistillLoss(Config):
    """Which distance between the distributions of teacher and student is made smaller (GKD, arXiv:2306.13649).

    Attributes:
        beta: 0 is KL(teacher || student), which covers all that the teacher finds likely; 1 is KL(student || teacher),
            which avoids what the teacher finds unlikely; in between, the generalised Jensen-Shannon divergence.
    """

    beta: float = Field(0.0, ge=0, le=1)


class DistillConfig(LanguageModelConfig):
    """Everything that a recipe of distillation reads.

    Attributes:
        model: The student.
        teacher: What it learns from; it has the same tokenizer.
        loss: How far it is from the teacher.
    """

    stage: Literal["distill"]
    train: SequenceTrainConfig = SequenceTrainConfig()
    teacher: TeacherConfig
    loss: DistillLoss = DistillLoss()

    @model_validator(mode="after")
    def _a_document_is_before_every_conversation(self) -> "DistillConfig":
        if self.teacher.document is not None and self.train.packing:
            raise ValueError(
                "teacher.document is read before every conversation, and packed rows hold several: set "
                "train.packing=false"
            )
        return self
