"""Examples become supervised token sequences, and nothing is lost without being counted."""

import hashlib
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Literal

from loguru import logger

from common.errors import UserError
from data_recipes.dataset.lengths import TokenLengths
from data_recipes.schema.example import Example
from models.artifact import SplitRecord
from models.prompt_format import PromptFormat, Rendered
from training.config import TrainConfig

OVER_LENGTH = "over_length"
"""Why an example is dropped: it has more than ``train.max_length`` tokens."""


@dataclass(frozen=True)
class SupervisedSet:
    """Rendered examples, and what was dropped.

    Attributes:
        rendered: The sequences of the kept examples, in the order of the examples: one each, or one per answer where
            the prompt format shows earlier answers in another form; several where a conversation was too long.
        dropped: Ids of examples that were too long.
        shortened: Ids of examples of which some answers have less context, or were too long themselves.
        examples: How many examples there were.
        sources: The source of each sequence; empty where nothing asks for it.
    """

    rendered: list[Rendered]
    dropped: list[str]
    shortened: list[str]
    examples: int
    sources: list[str] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        """All tokens."""
        return sum(len(r.ids) for r in self.rendered)

    @property
    def supervised_tokens(self) -> int:
        """Tokens that the loss counts."""
        return sum(sum(r.mask) for r in self.rendered)

    @property
    def record(self) -> SplitRecord:
        """What a run records of it."""
        content = hashlib.sha256()
        for sequence in self.rendered:
            content.update(array("q", (len(sequence.ids), *sequence.ids, *sequence.mask)).tobytes())
        return SplitRecord(
            examples=self.examples,
            dropped={OVER_LENGTH: len(self.dropped)} if self.dropped else {},
            shortened=len(self.shortened),
            sequences=len(self.rendered),
            tokens=self.tokens,
            supervised_tokens=self.supervised_tokens,
            sha256=content.hexdigest(),
        )


def supervise(
    examples: Sequence[Example], prompt_format: PromptFormat, config: TrainConfig, split: str
) -> SupervisedSet:
    """Renders a split for training.

    Raises:
        UserError: An example has no answer, or nothing to supervise, a turn of it does not end in a stop token, too
            many are too long, or none is left.
    """
    _check_answers(examples, split)
    rendered: list[Rendered] = []
    dropped: list[str] = []
    shortened: list[str] = []
    sources: list[str] = []
    lost = 0
    tokens: Counter[int] = Counter()
    for example in examples:
        sequences = prompt_format.render_all(example.messages, config.supervise)
        for sequence in sequences:
            check_supervised(sequence, example, prompt_format)
        longest = max(len(sequence.ids) for sequence in sequences)
        tokens[longest] += 1
        if longest <= config.max_length:
            rendered += sequences
        elif config.over_length == "truncate_context" and (parts := _windows(example, prompt_format, config)):
            rendered += parts
            shortened.append(example.id)
            lost += _answers(sequences) - _answers(parts)
        else:
            dropped.append(example.id)
        sources += [example.source] * (len(rendered) - len(sources))
    logger.info("{}: {}", split, TokenLengths(tokens, config.max_length))
    _tell_special_tokens(examples, prompt_format, split)
    report_dropped(split, len(examples), dropped, config)
    if shortened:
        logger.info("{}: {} examples are trained with less context (train.over_length)", split, len(shortened))
    if lost:
        logger.warning(
            "{}: answers of these that do not fit with their question alone, and are dropped: {}", split, lost
        )
    result = SupervisedSet(rendered, dropped, shortened, len(examples), sources)
    logger.info(
        "{}: {} examples in {} sequences, {} tokens, {} supervised",
        *(split, len(examples) - len(dropped), len(rendered), result.tokens, result.supervised_tokens),
    )
    return result


def _check_answers(examples: Sequence[Example], split: str) -> None:
    without = [example.id for example in examples if not example.has_reference]
    if without:
        raise UserError(
            f"{len(without)} of {len(examples)} examples have no answer to learn, e.g. {without[0]}",
            where=f"split {split}",
            fix="answers that are only known to be bad are what recipe=medical_kto trains on",
        )


def _tell_special_tokens(examples: Sequence[Example], prompt_format: PromptFormat, split: str) -> None:
    """Says where a text has a token of the prompt format, mostly what is left of a template that it went through."""
    found = [
        (one.id, token) for one in examples for turn in one.messages if (token := prompt_format.forged(turn.content))
    ]
    if found:
        logger.warning(
            "{}: texts with a special token of the prompt format, trained as text, broken by a space: {}, e.g. {} in "
            "example {}",
            *(split, len(found), found[0][1], found[0][0]),
        )


def _answers(sequences: Sequence[Rendered]) -> int:
    return sum(len(sequence.answers) for sequence in sequences)


def _windows(example: Example, prompt_format: PromptFormat, config: TrainConfig) -> list[Rendered]:
    """The answers of a long conversation, each once, with as many of the exchanges before it as fit.

    The first answers share a sequence, as in a conversation that fits. None of an example whose answers rest on
    entries: those would be cut off first.
    """
    if example.grounding:
        return []
    head = example.messages[:1] if example.messages[0].role == "system" else ()
    turns = example.messages[len(head) :]
    exchanges = [turns[start : start + 2] for start in range(0, len(turns), 2)]

    def fitting(first: int, end: int, supervised: Literal["all", "last"]) -> list[Rendered]:
        sequences = prompt_format.render_all((*head, *chain(*exchanges[first:end])), supervised)
        return sequences if max(len(sequence.ids) for sequence in sequences) <= config.max_length else []

    together = 0
    found: list[Rendered] = []
    if config.supervise == "all":
        for together in range(len(exchanges) - 1, -1, -1):
            if together and (found := fitting(0, together, "all")):
                break
    ends = range(together + 1, len(exchanges) + 1) if config.supervise == "all" else [len(exchanges)]
    for end in ends:
        found += next(filter(None, (fitting(first, end, "last") for first in range(end))), [])
    return found


def check_supervised(sequence: Rendered, example: Example, prompt_format: PromptFormat) -> None:
    """Checks that a sequence has something to learn, and where to stop.

    Raises:
        UserError: Nothing of it is supervised, or a turn does not end in a stop token.
    """
    if not sequence.answers:
        raise UserError(
            "no token of this example is supervised", where=f"example {example.id}", fix="give it an answer"
        )
    if any(answer[-1] not in prompt_format.stop_ids for answer in sequence.answers):
        raise UserError(
            f"a supervised turn does not end in a stop token of prompt format {prompt_format.name!r}",
            where=f"example {example.id}",
            fix="put the stop token inside the template's {% generation %} block",
        )


def report_dropped(split: str, read: int, dropped: list[str], config: TrainConfig) -> None:
    """Says how many examples of a split are too long.

    Raises:
        UserError: There are too many of them, or none is left.
    """
    if len(dropped) == read:
        raise UserError(
            f"no example is left of {read}: {len(dropped)} are longer than train.max_length={config.max_length} tokens",
            where=f"split {split}",
            fix="raise train.max_length" if dropped else f"give the dataset examples: data.splits.{split}=…, more rows",
        )
    if not dropped:
        return
    share = len(dropped) / read
    problem = (
        f"{len(dropped)} of {read} examples ({share:.1%}) are longer than train.max_length={config.max_length} tokens"
    )
    if config.over_length == "error" or share > config.max_dropped_share:
        raise UserError(
            f"{problem}, e.g. {', '.join(dropped[:3])}",
            where=f"split {split}",
            fix="raise train.max_length (data_recipes/show.py DATASET model=… lengths=N shows what is needed), or"
            " allow the loss with train.over_length=drop train.max_dropped_share=…; long conversations can be"
            " trained in parts with train.over_length=truncate_context",
        )
    logger.warning("{}: {}; they are dropped", split, problem)
