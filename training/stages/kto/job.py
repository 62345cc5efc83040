"""Judged answers: a method is applied to a language model, trained on single answers with a label, and merged."""

from collections.abc import Sequence

from loguru import logger
from peft import PeftModel
from transformers import PreTrainedModel

from models.run_directory import RunDirectory
from training.batches.labelled import LabelledRows, LabelledSet, label_answers
from training.batches.supervision import OVER_LENGTH
from training.stages.kto.config import KtoConfig
from training.stages.preference.references import references_of
from training.stages.sft.job import LanguageModelJob
from training.stages.sft.memory import Step
from training.trainer.answer_logprobs import AnswerLogprobs
from training.trainer.answers import train
from training.trainer.kto import KtoTrainer
from training.trainer.supervised import Along

LEAST, MOST = 1.0, 4 / 3
"""What all desirable answers weigh together, in multiples of the undesirable ones (arXiv:2402.01306, section 4.2)."""


class KtoJob(LanguageModelJob[KtoConfig]):
    """Teaches a language model what is desirable, from single answers; see ``Job``."""

    @property
    def described(self) -> str:
        """See ``Job.described``."""
        return f"kto, {super().described}"

    def prepare(self) -> None:
        """Renders the answers of both splits; see ``Job.prepare``."""
        prompt_format, config = self.language_model.prompt_format, self.config
        sets = {
            split: label_answers(self.dataset.splits[split], prompt_format, config.train, split, config.seed)
            for split in ("train", "dev")
        }
        self.trained_on = {split: found.record for split, found in sets.items()}
        self.dropped = {split: {OVER_LENGTH: found.dropped} for split, found in sets.items()}
        self.answers = {split: found.answers for split, found in sets.items()}
        self._compare_weights(sets["train"])

    def _compare_weights(self, found: LabelledSet) -> None:
        loss, undesirable = self.config.loss, len(found.answers) - found.desirable
        ratio = loss.desirable_weight * found.desirable / (loss.undesirable_weight * undesirable)
        if not LEAST <= ratio <= MOST:
            logger.warning(
                "all desirable answers weigh {:.2f} times as much as all undesirable ones, and KTO works best between"
                " {:g} and {:.2f}: set loss.desirable_weight={:.3g}, or loss.undesirable_weight={:.3g}",
                *(ratio, LEAST, MOST, loss.desirable_weight * LEAST / ratio, loss.undesirable_weight * ratio / LEAST),
            )

    def _texts(self) -> Sequence[Sequence[int]]:
        return [answer.answer.ids for answer in self.answers["train"]]

    def _largest_step(self) -> Step:
        answers, batch_size = self.answers["train"], self.config.train.batch_size
        supervised = sorted(sum(answer.answer.mask) for answer in answers)
        longest = max(len(sequence.ids) for answer in answers for sequence in (answer.answer, answer.other))
        return Step(min(batch_size, len(answers)), longest, sum(supervised[-batch_size:]), AnswerLogprobs)

    def train(self, run: RunDirectory) -> None:
        """Computes the reference once, before anything is trained; see ``Job.train``."""
        both = {split: [(one.answer, one.other) for one in answers] for split, answers in self.answers.items()}
        references = references_of(run, self.config, self.language_model, self.adapter, both)
        self.rows = {split: LabelledRows(answers, references[split]) for split, answers in self.answers.items()}
        super().train(run)

    def _fit(self, model: PreTrainedModel | PeftModel, run: RunDirectory, along: Along) -> None:
        config, rows = self.config, self.rows
        train(KtoTrainer, model, rows["train"], rows["dev"], config.loss, config.train, run, config.seed, along)

    def settings(self) -> dict[str, object]:
        """See ``Job.settings``."""
        return {f"loss.{name}": value for name, value in self.config.loss.model_dump().items()} | super().settings()


JOB = KtoJob
