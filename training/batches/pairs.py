"""Pairs of a better and a worse answer to one prompt, as token sequences; nothing is lost without being counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from loguru import logger

from common.errors import UserError
from data_recipes.schema.example import Example, Message
from models.artifact import SplitRecord
from models.prompt_format import PromptFormat, Rendered
from training.batches.packing import collate_padded
from training.batches.supervision import SupervisedSet, check_supervised, report_dropped
from training.config import TrainConfig

REFERENCE = "reference"
"""Key of a batch: log-probabilities of its rows before training, ``[batch]``. It is for the loss, not for the model."""


class AnswerPair(NamedTuple):
    """Two conversations that differ in their last turn, which alone is supervised."""

    better: Rendered
    worse: Rendered


@dataclass(frozen=True)
class PairSet:
    """The pairs of a split, and what was dropped.

    Attributes:
        pairs: Those kept, in the order of the examples.
        dropped: Ids of examples one of whose answers was too long.
        examples: How many examples there were.
    """

    pairs: list[AnswerPair]
    dropped: list[str]
    examples: int

    @property
    def record(self) -> SplitRecord:
        """What a run records of it."""
        sequences = [sequence for pair in self.pairs for sequence in pair]
        return SupervisedSet(sequences, self.dropped, [], self.examples).record


def pair_up(examples: Sequence[Example], prompt_format: PromptFormat, config: TrainConfig, split: str) -> PairSet:
    """Renders a split of pairs for training.

    Raises:
        UserError: An example has no worse answer, a turn does not end in a stop token, too many are too long, or none
            is left.
    """
    _check(examples, split)
    pairs: list[AnswerPair] = []
    dropped: list[str] = []
    for example in examples:
        answers = (example.answer, example.rejected)
        pair = AnswerPair(
            *(prompt_format.render((*example.prompt, _answer(text)), supervise="last") for text in answers)
        )
        for sequence in pair:
            check_supervised(sequence, example, prompt_format)
        if max(len(sequence.ids) for sequence in pair) <= config.max_length:
            pairs.append(pair)
        else:
            dropped.append(example.id)
    report_dropped(split, len(examples), dropped, config)
    found = PairSet(pairs, dropped, len(examples))
    logger.info("{}: {} pairs, {}", split, len(pairs), found.record)
    return found


def _check(examples: Sequence[Example], split: str) -> None:
    single = [example.id for example in examples if not (example.rejected and example.has_reference)]
    if single:
        raise UserError(
            f"{len(single)} of {len(examples)} examples have no worse answer (rejected), or no better one, e.g."
            f" {single[0]}",
            where=f"split {split}",
            fix="give pairs: data=feedback source.path=pairs.jsonl, or data=medical_preferences; right answers"
            " alone are what recipe=medical_qlora trains on; answers with a label each, recipe=medical_kto",
        )


def _answer(text: str) -> Message:
    return Message(role="assistant", content=text)


class PairRow(NamedTuple):
    """A pair with the log-probabilities of both answers before training, in nats; None for losses without them."""

    pair: AnswerPair
    reference: tuple[float, float] | None


class PairRows(torch.utils.data.Dataset[Any]):
    """Pairs as the trainer's data loader expects them.

    Args:
        pairs: Of a split.
        references: ``[pairs, 2]``; None for losses without a reference.

    Attributes:
        lengths: Tokens of each pair.
    """

    def __init__(self, pairs: Sequence[AnswerPair], references: torch.Tensor | None) -> None:
        self.pairs = pairs
        self.references = None if references is None else references.tolist()
        self.lengths = [len(pair.better.ids) + len(pair.worse.ids) for pair in pairs]

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> PairRow:
        return PairRow(self.pairs[index], self.references[index] if self.references else None)


def collate_pairs(rows: Sequence[PairRow]) -> dict[str, torch.Tensor]:
    """Batch of pairs, padded on the right: row ``2i`` is the better answer of a pair, row ``2i + 1`` the worse one.

    Returns:
        What ``collate_padded`` returns, and ``reference`` where there is one.
    """
    batch = collate_padded([[sequence] for row in rows for sequence in row.pair])
    references = [reference for row in rows if row.reference for reference in row.reference]
    return batch | ({REFERENCE: torch.tensor(references)} if references else {})
