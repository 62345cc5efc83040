"""Reward model: a method is applied to a language model, trained to rate answers, and merged into one classifier."""

from pathlib import Path
from tempfile import TemporaryDirectory

from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from common.errors import Refused, UserError
from common.files import replacing_directory
from data_recipes.pipeline.build import BuiltDataset
from eval.pairs import by_length, by_likelihood, evaluate_pairs, held_out_pairs, preferred
from eval.report.schema import BASE, TUNED, Report
from eval.suites import select
from models.artifact import AnyArtifact, RewardArtifact
from models.engines.local import LocalEngine
from models.loading import load_model
from models.numerics import compute_dtype
from models.reward_model import RewardModel, as_classifier, classifier_of, save_classifier
from models.run_directory import RunDirectory
from training.batches.pairs import PairRows
from training.stages.preference.pairs import PairJob
from training.stages.reward.config import RewardModelConfig
from training.stages.sft.memory import Step
from training.trainer.reward import HEAD, RewardHead, train
from training.trainer.supervised import Along

HEAD_FILE = "score.safetensors"
"""The head, beside the adapter that was trained with it."""
LONGER = "longer"
"""The system that rates the longer answer higher."""


class RewardJob(PairJob[RewardModelConfig]):
    """Teaches a language model to rate answers; see ``Job``."""

    markers = (HEAD_FILE, "config.json")

    def __init__(self, config: RewardModelConfig, dataset: BuiltDataset, base: Path | None = None) -> None:
        super().__init__(config, dataset, base)
        plan = self.language_model.family.plan(self.language_model.checkpoint)
        classifier_of(plan.model_class, plan.config)  # where there is none, it shows now
        self.suites = held_out_pairs(select(dataset.splits, config.suite))
        if not self.suites:
            raise UserError(
                "no item of the test splits has a worse answer to compare with",
                where="suite.splits",
                fix="give pairs for testing: data=feedback data.splits.test=…, or data=medical_preferences",
            )

    @property
    def described(self) -> str:
        """See ``Job.described``."""
        return f"reward model, {super().described}"

    def _largest_step(self) -> Step:
        pairs = self.pairs["train"]
        rows = 2 * min(self.config.train.batch_size, len(pairs))
        return Step(rows, max(len(sequence.ids) for pair in pairs for sequence in pair), rows, RewardHead)

    def _fit(self, model: PreTrainedModel | PeftModel, run: RunDirectory, along: Along) -> None:
        rows = {split: PairRows(pairs, None) for split, pairs in self.pairs.items()}
        self.head = train(model, rows["train"], rows["dev"], self.config.train, run, self.config.seed, along)

    def _save(self, model: PreTrainedModel | PeftModel, directory: Path) -> None:
        super()._save(model, directory)
        save_file({HEAD: self.head}, directory / HEAD_FILE)

    def finish(self, run: RunDirectory) -> RewardArtifact:
        """Merges, and puts the head in place of the output layer; see ``Job.finish``.

        Raises:
            Refused: The merged model is not the trained one.
        """
        prompt_format, trained = self.language_model.prompt_format, self.trained(run)
        head = load_file(trained / HEAD_FILE)[HEAD]
        with (
            replacing_directory(run.path / RewardArtifact.folder) as directory,
            TemporaryDirectory(dir=run.path) as merged,
        ):
            proof = self._merge(trained, Path(merged))
            if not proof.passed:
                raise Refused(f"{proof.refusal}\n  -> start a new run with method=lora, or model.dtype=float32")
            model = load_model(Path(merged), dtype=compute_dtype(self.config.model.dtype).dtype)
            save_classifier(as_classifier(model, head, prompt_format), directory, prompt_format)
        recorded = {
            name: value
            for name, value in self._record(run, run.path / RewardArtifact.folder).items()
            if name in RewardArtifact.model_fields
        }
        return RewardArtifact(**recorded, merge_proof=proof)

    def evaluate(self, run: RunDirectory, artifact: AnyArtifact, command: str) -> Report:
        """Of every held-out pair, which answer is rated higher: by the base, by length, and by the result."""
        assert isinstance(artifact, RewardArtifact)
        base, numerics, config = self.language_model, compute_dtype(self.config.model.dtype), self.config
        engine = LocalEngine(base.load(numerics.dtype), base.prompt_format, model_version=base.name)
        results = {
            BASE: preferred(by_likelihood(engine, config.suite.batch_size), self.suites, base.name),
            LONGER: preferred(by_length, self.suites, LONGER),
        }
        del engine
        rated = RewardModel.load(run.path)
        results[TUNED] = preferred(rated.rate, self.suites, artifact.model_version)
        return evaluate_pairs(
            results, self.suites, self.dataset, config.suite, run.report, artifact, run.metrics_file, command
        )


JOB = RewardJob
