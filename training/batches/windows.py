"""From passages with answers to labelled windows."""

import hashlib
import random
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from loguru import logger
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from common.errors import UserError
from data_recipes.schema.example import Example, Passage
from models.artifact import SplitRecord
from models.reader import Window, collate, cut
from models.reader_config import ReadingConfig

NO_WINDOW = "answer_in_no_window"
"""Why an answer of an example is not trained on."""
ENDS = 2
"""Supervised tokens of a window: the first and the last of its answer."""


@dataclass(frozen=True)
class LabelledWindow:
    """A window with the first and last token of the answer; both are the "no answer" token where there is none."""

    window: Window
    first: int
    last: int


class LabelledWindows(Dataset[LabelledWindow]):
    """Windows to train on.

    Attributes:
        windows: All of them.
        lengths: Tokens of each.
        lost: For every answer that no window contains, the id of its example.
    """

    def __init__(self, windows: Sequence[LabelledWindow], lost: Sequence[str]) -> None:
        self.windows, self.lost = list(windows), list(lost)
        self.lengths = [len(item.window.offsets) for item in windows]

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> LabelledWindow:
        return self.windows[index]

    def record(self, examples: int) -> SplitRecord:
        """What a run records of it, made from this many examples."""
        content = hashlib.sha256()
        for item in self.windows:
            content.update(array("q", (*item.window.inputs["input_ids"], item.first, item.last)).tobytes())
        return SplitRecord(
            examples=examples,
            dropped={NO_WINDOW: len(self.lost)} if self.lost else {},
            sequences=len(self.windows),
            tokens=sum(self.lengths),
            supervised_tokens=ENDS * len(self.windows),
            sha256=content.hexdigest(),
        )


def label(
    examples: Sequence[Example],
    tokenizer: PreTrainedTokenizerBase,
    reading: ReadingConfig,
    *,
    negatives: int,
    max_lost_share: float,
    seed: int,
) -> LabelledWindows:
    """Cuts passages into windows and labels them: every answer once in each window that contains all of it.

    Args:
        examples: Examples with a passage.
        tokenizer: Of the encoder.
        reading: Length and overlap of the windows.
        negatives: Windows without any part of an answer to keep per passage.
        max_lost_share: Share of answers in no window above which this is an error.
        seed: Of the choice of these windows.

    Raises:
        UserError: An example has no passage, too many answers do not fit into any window, or no window is left.
    """
    order = random.Random(seed)
    windows: list[LabelledWindow] = []
    spans = 0
    lost: list[str] = []
    for example in examples:
        passage = _passage_of(example)
        cuts = cut(passage.question, passage.context, tokenizer, reading)
        for span in passage.spans:
            holding = [LabelledWindow(w, *place) for w in cuts if (place := w.tokens_of(*span))]
            windows += holding
            spans += 1
            if not holding:
                lost.append(example.id)
        without = [w for w in cuts if not any(_touches(w, span) for span in passage.spans)]
        chosen = order.sample(without, min(negatives, len(without)))
        windows += [LabelledWindow(w, w.null, w.null) for w in chosen]
    if len(lost) > max_lost_share * spans:
        raise UserError(
            f"{len(lost)} of {spans} answers do not fit into any window",
            where="reading",
            fix="raise reading.max_length or reading.doc_stride, or allow it with train.max_lost_share=…",
        )
    if not windows:
        raise UserError(
            f"no window is left of {len(examples)} passages: {len(lost)} of {spans} answers fit into none",
            where="reading",
            fix="raise reading.max_length, or give the dataset more rows",
        )
    logger.info(
        "{} passages, {} answers, {} windows; {} answers in no window", len(examples), spans, len(windows), len(lost)
    )
    return LabelledWindows(windows, lost)


def collator(tokenizer: PreTrainedTokenizerBase, items: Sequence[LabelledWindow]) -> dict[str, torch.Tensor]:
    """One padded batch with ``start_positions`` and ``end_positions``, each ``[batch]``."""
    return {
        **collate([item.window for item in items], tokenizer),
        "start_positions": torch.tensor([item.first for item in items]),
        "end_positions": torch.tensor([item.last for item in items]),
    }


def _passage_of(example: Example) -> Passage:
    if example.passage is None:
        raise UserError(
            "no passage to extract an answer from", where=f"example {example.id}", fix="choose a data= with passages"
        )
    return example.passage


def _touches(window: Window, span: tuple[int, int]) -> bool:
    """Whether a window holds any part of a span."""
    return any(place and place[0] < span[1] and place[1] > span[0] for place in window.offsets)
