"""What the stages that train on pairs of a better and a worse answer have in common."""

from collections.abc import Sequence
from typing import TypeVar

from training.batches.pairs import pair_up
from training.batches.supervision import OVER_LENGTH
from training.stages.preference.config import PairConfig
from training.stages.sft.job import LanguageModelJob

P = TypeVar("P", bound=PairConfig)


class PairJob(LanguageModelJob[P]):
    """Trains on pairs; see ``Job``."""

    def prepare(self) -> None:
        """Renders the pairs of both splits; see ``Job.prepare``."""
        sets = {
            split: pair_up(self.dataset.splits[split], self.language_model.prompt_format, self.config.train, split)
            for split in ("train", "dev")
        }
        self.trained_on = {split: found.record for split, found in sets.items()}
        self.dropped = {split: {OVER_LENGTH: found.dropped} for split, found in sets.items()}
        self.pairs = {split: found.pairs for split, found in sets.items()}

    def _texts(self) -> Sequence[Sequence[int]]:
        return [pair.better.ids for pair in self.pairs["train"]]
