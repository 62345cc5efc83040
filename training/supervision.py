"""Examples become supervised token sequences, and nothing is lost without being counted."""

from collections.abc import Sequence
from dataclasses import dataclass

from loguru import logger

from common.errors import UserError
from data_recipes.example import Example
from models.prompt_format import PromptFormat, Rendered
from training.config import TrainConfig


@dataclass(frozen=True)
class SupervisedSet:
    """Rendered examples with what was left out.

    Attributes:
        rendered: One entry per kept example, in the order of the examples.
        dropped: Ids of examples that were too long.
    """

    rendered: list[Rendered]
    dropped: list[str]

    @property
    def tokens(self) -> int:
        """All tokens."""
        return sum(len(r.ids) for r in self.rendered)

    @property
    def supervised_tokens(self) -> int:
        """Tokens that the loss counts."""
        return sum(sum(r.mask) for r in self.rendered)


def supervise(
    examples: Sequence[Example], prompt_format: PromptFormat, config: TrainConfig, split: str
) -> SupervisedSet:
    """Renders a split for training.

    Raises:
        UserError: An example has nothing to supervise, does not end on a stop token, or too many are too long.
    """
    rendered, dropped = [], []
    for example in examples:
        item = prompt_format.render(example.messages, config.supervise)
        _check(item, example, prompt_format)
        if len(item.ids) <= config.max_length:
            rendered.append(item)
        else:
            dropped.append(example.id)
    _report(split, len(examples), dropped, config)
    result = SupervisedSet(rendered, dropped)
    logger.info(
        "{}: {} examples, {} tokens, {} supervised", split, len(rendered), result.tokens, result.supervised_tokens
    )
    return result


def _check(item: Rendered, example: Example, prompt_format: PromptFormat) -> None:
    last = next((token for token, mask in zip(reversed(item.ids), reversed(item.mask), strict=True) if mask), None)
    if last is None:
        raise UserError(
            "no token of this example is supervised", where=f"example {example.id}", fix="give it an answer"
        )
    if last not in prompt_format.stop_ids:
        raise UserError(
            f"its last supervised token is not a stop token of prompt format {prompt_format.name!r}",
            where=f"example {example.id}",
            fix="put the stop token inside the template's {% generation %} block",
        )


def _report(split: str, read: int, dropped: list[str], config: TrainConfig) -> None:
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
            fix="raise train.max_length, or allow the loss with train.over_length=drop train.max_dropped_share=…",
        )
    logger.warning("{}: {}; they are left out", split, problem)
