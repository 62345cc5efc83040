"""Log-probabilities of continuations: what all contexts begin with is read once, and every context once.

The keys and values of the shared beginning (the examples of an exam) are expanded to the rows of a batch. Contexts of
similar length share a batch, padded on the right, where no token sees the padding under a causal mask. Only the
positions before a continuation's tokens get logits, so options of one token need no pass of their own.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import NamedTuple

import torch
from transformers import DynamicCache

from models.engines.decoding import Decoder
from models.engines.engine import Choice
from models.output_layer import OutputLayer

TOKENS_AT_ONCE = 8192
"""Tokens whose keys and values exist at once, padding and the shared beginning of every row included."""
LEAST_FILLED = 0.75
"""Share of the longest row of a batch that every row has at least, after the shared beginning; the rest is padding."""

Row = tuple[int, ...]
"""What the model reads to give every token of a continuation: the context, and all tokens but the last."""
Wanted = Mapping[int, dict[int, float]]
"""Log-probabilities by position in a row and token that follows it."""


class _Beginning(NamedTuple):
    """What all rows begin with, read.

    Attributes:
        cache: Its keys and values, of one row, after those of a trained prefix.
        before: Keys in the cache.
        tokens: Tokens of a row that these are.
    """

    cache: DynamicCache
    before: int
    tokens: int


def log_probabilities(decoder: Decoder, output: OutputLayer, choices: Sequence[Choice]) -> list[list[float]]:
    """Of every continuation of every choice: the sum over its tokens, nats.

    Args:
        decoder: Of the model; the caller holds ``decoder.alone``.
        output: The model's output layer.
        choices: At least one.
    """
    wanted = _wanted(choices)
    rows = sorted(wanted, key=len, reverse=True)  # the longest first: a lack of memory shows immediately
    shared = min(_in_common(min(rows), max(rows)), *(len(choice.context) - 1 for choice in choices))
    with torch.inference_mode(), output:
        beginning = _read(decoder, rows[0][:shared])
        for batch in _batches(rows, shared):
            _fill(wanted, batch, _states(decoder, beginning, batch), shared, output)
    return [
        [
            sum(wanted[_row(choice, tokens)][place][token] for place, token in _places(choice, tokens))
            for tokens in choice.continuations
        ]
        for choice in choices
    ]


def _in_common(one: Row, other: Row) -> int:
    """Tokens that two rows begin with; so do all rows between them in the order of rows."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _row(choice: Choice, tokens: Sequence[int]) -> Row:
    return (*choice.context, *tokens[:-1])


def _places(choice: Choice, tokens: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The tokens of a continuation, each with the position that it follows."""
    return enumerate(tokens, len(choice.context) - 1)


def _wanted(choices: Sequence[Choice]) -> dict[Row, Wanted]:
    """What is to be computed, by row; options of one token share their row and its last position."""
    wanted: dict[Row, dict[int, dict[int, float]]] = {}
    for choice in choices:
        for tokens in choice.continuations:
            places = wanted.setdefault(_row(choice, tokens), {})
            for place, token in _places(choice, tokens):
                places.setdefault(place, {})[token] = 0.0
    return dict(wanted)


def _batches(rows: Sequence[Row], shared: int) -> Iterator[Sequence[Row]]:
    """Rows, longest first, cut into batches of at most ``TOKENS_AT_ONCE`` padded tokens and little padding."""
    batch: list[Row] = []
    for row in rows:
        full = bool(batch) and (len(batch) + 1) * len(batch[0]) > TOKENS_AT_ONCE
        if full or (batch and len(row) - shared < LEAST_FILLED * (len(batch[0]) - shared)):
            yield batch
            batch = []
        batch.append(row)
    yield batch


def _read(decoder: Decoder, ids: Row) -> _Beginning:
    cache, before = decoder.prefix(1)
    if ids:
        _pass(decoder, [ids], cache, before)
    return _Beginning(cache, before + len(ids), len(ids))


def _states(decoder: Decoder, beginning: _Beginning, batch: Sequence[Row]) -> torch.Tensor:
    """What goes into the output layer, ``[rows, seq, width]``, ``seq`` from the end of the shared beginning on."""
    cache = DynamicCache()
    if beginning.before:
        for number, layer in enumerate(beginning.cache.layers):
            keys, values = (read.expand(len(batch), -1, -1, -1) for read in (layer.keys, layer.values))
            cache.update(keys, values, number)
    return _pass(decoder, [row[beginning.tokens :] for row in batch], cache, beginning.before)


def _pass(decoder: Decoder, rows: Sequence[Row], cache: DynamicCache, before: int) -> torch.Tensor:
    """Reads rows after what the cache has, ``before`` keys of each."""
    longest, device = max(map(len, rows)), decoder.model.device
    text = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=device)
    returned = decoder.inner(
        input_ids=torch.tensor([[*row, *[decoder.pad_id] * (longest - len(row))] for row in rows], device=device),
        attention_mask=torch.nn.functional.pad(text, (before, 0), value=1),
        position_ids=torch.arange(before, before + longest, device=device).expand(len(rows), -1),
        past_key_values=cache,
        use_cache=True,
    )
    states: torch.Tensor = returned.logits
    return states


def _fill(
    wanted: Mapping[Row, Wanted], batch: Sequence[Row], states: torch.Tensor, shared: int, output: OutputLayer
) -> None:
    """Writes down what a batch gives."""
    places = [(number, place) for number, row in enumerate(batch) for place in wanted[row]]
    chosen = states[[number for number, _ in places], [place - shared for _, place in places]]  # [places, width]
    for tile in output.tiles(len(places)):
        logprobs = output.logits(chosen[tile]).float().log_softmax(-1)  # [tile, vocab]
        for (number, place), of_place in zip(places[tile], logprobs, strict=True):
            tokens = wanted[batch[number]][place]
            tokens.update(zip(tokens, of_place[list(tokens)].tolist(), strict=True))
