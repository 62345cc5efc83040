"""Single answers with a label, desirable or not, as token sequences; nothing is lost without being counted."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from loguru import logger

from common.errors import UserError
from data_recipes.schema.example import Example, Message
from models.artifact import SplitRecord
from models.prompt_format import PromptFormat, Rendered
from training.batches.packing import TOKENS, collate_padded
from training.batches.pairs import REFERENCE
from training.batches.supervision import SupervisedSet, check_supervised, report_dropped
from training.config import TrainConfig

DESIRABLE = "desirable"
"""Key of a batch: whether each of its answers is desirable, ``[batch]``."""
OTHER = "other_"
"""What the keys of a batch begin with that are about its prompts with answers to other ones."""


class LabelledAnswer(NamedTuple):
    """An answer that is desirable or not, and its prompt with an answer to another one; only answers are supervised."""

    answer: Rendered
    other: Rendered
    desirable: bool


@dataclass(frozen=True)
class LabelledSet:
    """The answers of a split, and what was dropped.

    Attributes:
        answers: Those kept, in the order in which they are trained on.
        dropped: Ids of examples one of whose answers was too long.
        examples: How many examples there were.
    """

    answers: list[LabelledAnswer]
    dropped: list[str]
    examples: int

    @property
    def desirable(self) -> int:
        """How many of the answers are desirable."""
        return sum(answer.desirable for answer in self.answers)

    @property
    def record(self) -> SplitRecord:
        """What a run records of it."""
        return SupervisedSet([answer.answer for answer in self.answers], self.dropped, [], self.examples).record


def label_answers(
    examples: Sequence[Example], prompt_format: PromptFormat, config: TrainConfig, split: str, seed: int
) -> LabelledSet:
    """Renders a split of judged answers for training: of a pair both answers, else the one that there is.

    Their order is drawn once. Each prompt also gets the answer before it in that order: the answers of a batch are the
    answers of its mismatched prompts, too, but for one (arXiv:2402.01306, section 4.1).

    Raises:
        UserError: There are not both kinds of answers, a turn does not end in a stop token, too many are too long, or
            none is left.
    """
    kept: list[tuple[Example, str, bool]] = []
    dropped: list[str] = []
    for example in examples:
        judged = list(_judged(example))
        sequences = [_render(prompt_format, example, text) for text, _ in judged]
        for sequence in sequences:
            check_supervised(sequence, example, prompt_format)
        if max(len(sequence.ids) for sequence in sequences) <= config.max_length:
            kept += [(example, text, desirable) for text, desirable in judged]
        else:
            dropped.append(example.id)
    report_dropped(split, len(examples), dropped, config)
    random.Random(seed).shuffle(kept)
    before = [text for _, text, _ in (kept[-1], *kept[:-1])]
    answers = [
        LabelledAnswer(
            _render(prompt_format, example, text), _cut(_render(prompt_format, example, other), config), desirable
        )
        for (example, text, desirable), other in zip(kept, before, strict=True)
    ]
    found = LabelledSet(answers, dropped, len(examples))
    if found.desirable in (0, len(answers)):
        raise UserError(
            f"all {len(answers)} answers are {'desirable' if found.desirable else 'undesirable'}: there is nothing to"
            " tell apart",
            where=f"split {split}",
            fix="give answers of both kinds: data=feedback source.unpaired=true source.path=FILE, or pairs; right"
            " answers alone are what recipe=medical_qlora trains on",
        )
    logger.info(
        "{}: {} desirable and {} undesirable answers, {}",
        *(split, found.desirable, len(answers) - found.desirable, found.record),
    )
    return found


def _judged(example: Example) -> Iterator[tuple[str, bool]]:
    """The answers of an example, and whether they are desirable."""
    if example.has_reference:
        yield example.answer, True
    if example.rejected:
        yield example.rejected, False


def _render(prompt_format: PromptFormat, example: Example, answer: str) -> Rendered:
    return prompt_format.render((*example.prompt, Message(role="assistant", content=answer)), supervise="last")


def _cut(sequence: Rendered, config: TrainConfig) -> Rendered:
    """As many tokens as an answer of its own may have: nobody learns this one."""
    return Rendered(*(values[: config.max_length] for values in sequence))


class LabelledRow(NamedTuple):
    """An answer, with the log-probabilities of it and of the other one before training, in nats."""

    answer: LabelledAnswer
    reference: tuple[float, float]


class LabelledRows(torch.utils.data.Dataset[Any]):
    """Labelled answers as the trainer's data loader expects them.

    Args:
        answers: Of a split.
        references: ``[answers, 2]``.
    """

    def __init__(self, answers: Sequence[LabelledAnswer], references: torch.Tensor) -> None:
        self.answers = answers
        self.references = references.tolist()

    def __len__(self) -> int:
        return len(self.answers)

    def __getitem__(self, index: int) -> LabelledRow:
        return LabelledRow(self.answers[index], self.references[index])


def collate_labelled(rows: Sequence[LabelledRow]) -> dict[str, torch.Tensor]:
    """Batch of answers, padded on the right.

    Returns:
        What ``collate_padded`` returns of the answers; the same, but for the counts, of the others; ``desirable``, and
        ``reference``, ``[batch, 2]``.
    """
    others = collate_padded([[row.answer.other] for row in rows])
    del others[TOKENS]
    return (
        collate_padded([[row.answer.answer] for row in rows])
        | {f"{OTHER}{name}": values for name, values in others.items()}
        | {
            DESIRABLE: torch.tensor([row.answer.desirable for row in rows]),
            REFERENCE: torch.tensor([row.reference for row in rows]),
        }
    )
