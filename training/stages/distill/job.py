"""Distillation: a method is applied to a student, trained on the distributions of a teacher, and merged if possible."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from loguru import logger
from peft import PeftModel
from transformers import PreTrainedModel

from common.errors import Refused, UserError
from common.hashing import sha256_text
from data_recipes.pipeline.build import BuiltDataset
from eval.evaluation import Candidate
from eval.report.schema import System
from eval.systems import plain_model
from models.loading import hash_model
from models.numerics import compute_dtype
from models.prompt_format import PROBES
from models.run_directory import RunDirectory
from training.base import Base, find_base
from training.batches.supervision import SupervisedSet, supervise
from training.stages.distill.config import DistillConfig, TeacherConfig
from training.stages.sft.job import SequenceJob
from training.stages.sft.memory import Step, read_beside
from training.trainer.answer_logprobs import AnswerLogprobs
from training.trainer.distillation import Taught, train
from training.trainer.supervised import Along

TEACHER: System = "teacher"
"""The system of the report that was learned from."""


class DistillJob(SequenceJob[DistillConfig]):
    """Teaches a language model what another one finds likely; see ``Job``."""

    in_several_processes = False  # each would need a teacher of its own

    def __init__(self, config: DistillConfig, dataset: BuiltDataset, base: Path | None = None) -> None:
        super().__init__(config, dataset, base)
        self.teacher = find_base(config.model_copy(update={"model": config.teacher}))
        refuse_other_tokens(self.teacher, self.language_model)
        self.document = read_document(config.teacher, self.teacher, config.train.max_length)
        self.config = config.model_copy(update={"teacher": _recorded(config.teacher, self.teacher)})

    @property
    def described(self) -> str:
        """See ``Job.described``."""
        return f"distilled from {self.teacher.name}, {super().described}"

    def _supervised(self, split: str) -> SupervisedSet:
        return supervise(self.dataset.splits[split], self.language_model.prompt_format, self.config.train, split)

    def _largest_step(self) -> Step:
        step = replace(super()._largest_step(), loss=AnswerLogprobs)
        read = replace(step, length=step.length + len(self.document))
        return replace(step, beside=read_beside(self.teacher, compute_dtype(self.config.teacher.dtype).dtype, read))

    def _texts(self) -> Sequence[Sequence[int]]:
        return [self.document] if self.document else super()._texts()

    def _fit(self, model: PreTrainedModel | PeftModel, run: RunDirectory, along: Along) -> None:
        teacher = self.teacher.load(compute_dtype(self.config.teacher.dtype).dtype)
        rows, taught = self.rows, Taught(teacher, self.config.loss.beta, self.document)
        train(model, taught, rows["train"], rows["dev"], self.training, run, self.config.seed, along)

    def _asked_too(self) -> Mapping[System, Candidate]:
        return {TEACHER: plain_model(self.teacher.path, self.teacher.name, self.config.teacher.dtype)}

    def settings(self) -> dict[str, object]:
        """See ``Job.settings``."""
        teacher = {"teacher": self.teacher.name, "teacher.sha256": self.config.teacher.sha256}
        if self.document:
            teacher |= {"teacher.document": f"{len(self.document)} tokens, {self.config.teacher.document_sha256}"}
        return teacher | {"loss.beta": self.config.loss.beta} | super().settings()


def _recorded(config: TeacherConfig, teacher: Base) -> TeacherConfig:
    """The configuration with the place and hash of the teacher.

    Raises:
        Refused: It is not the one that was recorded.
    """
    sha256 = hash_model(teacher.path)
    if config.sha256 not in (None, sha256):
        raise Refused(
            f"the teacher in {teacher.path} is another one than the run began with ({sha256[:12]}… instead of"
            f" {(config.sha256 or '')[:12]}…)\n  -> restore it, or start a new run"
        )
    path = config.path and str(teacher.origin)  # of runs/NAME/latest the one that it is now
    document = config.document and sha256_text(_text(config.document))
    if config.document_sha256 not in (None, document):
        raise Refused(f"{config.document} has changed since the run began\n  -> restore it, or start a new run")
    return config.model_copy(update={"path": path, "sha256": sha256, "document_sha256": document})


def read_document(config: TeacherConfig, teacher: Base, max_length: int) -> list[int]:
    """The tokens of what the teacher reads before every conversation; empty where there is nothing.

    Args:
        config: Of the teacher.
        teacher: The teacher.
        max_length: Tokens of the longest conversation.

    Raises:
        UserError: There is no such text, or it is too long for the teacher.
    """
    if config.document is None:
        return []
    ids: list[int] = teacher.prompt_format.tokenizer.encode(_text(config.document), add_special_tokens=False)
    context = int(teacher.family.plan(teacher.checkpoint).config.max_position_embeddings)
    where = f"teacher.document={config.document}"
    if not ids:
        raise UserError("the document is empty", where=where, fix="give a text file in UTF-8")
    if len(ids) + max_length > context:
        raise UserError(
            f"the document has {len(ids)} tokens, and a conversation may have {max_length}: more than the {context}"
            f" that {teacher.name} reads",
            where=where,
            fix="give a part of it, or lower train.max_length",
        )
    return ids


def _text(path: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fix = "give a text file in UTF-8"
        raise UserError(f"cannot be read: {error}", where=f"teacher.document={path}", fix=fix) from None


def refuse_other_tokens(teacher: Base, student: Base) -> None:
    """Refuses a teacher whose distributions are over other tokens.

    Raises:
        UserError: The tokenizers differ.
    """
    one, other = teacher.prompt_format, student.prompt_format
    vocabularies = [prompt_format.tokenizer.get_vocab() for prompt_format in (one, other)]
    if vocabularies[0] != vocabularies[1] or _probed(teacher) != _probed(student):
        raise UserError(
            f"the teacher {teacher.name} has another tokenizer than the student {student.name}"
            f" ({len(vocabularies[0])} and {len(vocabularies[1])} tokens): their distributions cannot be compared",
            where=f"teacher.path={teacher.path}",
            fix="give a teacher and a student of one family; of another teacher, fine-tune on its answers"
            " (training/self_instruct.py)",
        )
    if one.sha256 != other.sha256:
        logger.warning("the teacher was made for prompt format {}, and reads {}", one.name, other.name)


def _probed(base: Base) -> list[list[int]]:
    tokenizer = base.prompt_format.tokenizer
    return [tokenizer.encode(text, add_special_tokens=False) for text in PROBES.values()]


JOB = DistillJob
