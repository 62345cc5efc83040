"""How long conversations are in a model's own tokens, with its own prompt format around them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from data_recipes.example import Message

Conversation = Sequence[Message]
Lengths = Callable[[Sequence[Conversation]], Sequence[int]]
"""Gives the tokens of each rendered conversation; the caller has the model."""

_AT_ONCE = 1000


@dataclass(frozen=True)
class TokenLengths:
    """The report.

    Attributes:
        n: Conversations.
        mean: Tokens of one on average.
        percentiles: Tokens by percentile: 50, 90, 95, 99 and 100.
        limit: Most tokens that the model or the training takes.
        over: Conversations that are longer.
    """

    n: int
    mean: float
    percentiles: dict[int, int]
    limit: int
    over: int


def token_lengths(conversations: Iterable[Conversation], lengths: Lengths, limit: int) -> TokenLengths:
    """Measures every conversation.

    Args:
        conversations: The messages of each example.
        lengths: The model's tokenizer behind its prompt format.
        limit: Most tokens that will be taken.
    """
    tokens = np.array([n for part in _parts(conversations) for n in lengths(part)], np.int64)
    if not len(tokens):
        return TokenLengths(0, 0.0, {}, limit, 0)
    shares = (50, 90, 95, 99, 100)
    percentiles = np.percentile(tokens, shares, method="higher")
    return TokenLengths(
        n=len(tokens),
        mean=float(tokens.mean()),
        percentiles={share: int(value) for share, value in zip(shares, percentiles, strict=True)},
        limit=limit,
        over=int((tokens > limit).sum()),
    )


def _parts(conversations: Iterable[Conversation]) -> Iterable[list[Conversation]]:
    part: list[Conversation] = []
    for conversation in conversations:
        part.append(conversation)
        if len(part) == _AT_ONCE:
            yield part
            part = []
    if part:
        yield part
