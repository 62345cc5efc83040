"""Rows of a batch, with the keys and values of what was read of each.

They stand right-aligned; what is to the left of a shorter row is masked. So the distance between two columns is the
distance between their tokens, as windows of attention count it.
"""

from collections.abc import Sequence
from typing import Generic, Self, TypeVar

import torch
from torch import nn
from transformers import DynamicCache, PreTrainedModel

Row = TypeVar("Row")


class CachedRows(Generic[Row]):
    """Rows that are read together.

    Args:
        rows: The rows.
        cache: Keys and values, per layer ``[rows, heads, columns, width]``; no layers where nothing was read.
        mask: 1 where a row has a token, ``[rows, columns]``.
    """

    def __init__(self, rows: Sequence[Row], cache: DynamicCache, mask: torch.Tensor) -> None:
        self.rows, self.cache, self.mask = list(rows), cache, mask

    @classmethod
    def of_none(cls, device: torch.device) -> Self:
        """No rows."""
        return cls([], DynamicCache(), torch.empty(0, 0, dtype=torch.long, device=device))

    @property
    def lengths(self) -> list[int]:
        """Tokens that were read of each row, those of a trained prefix included."""
        return [int(length) for length in self.mask.sum(-1)]

    def read(self, model: PreTrainedModel, tokens: Sequence[Sequence[int]], pad_id: int) -> torch.Tensor:
        """Reads further tokens of every row; shorter ones are padded on the right, where no token sees the padding.

        The padding is read, too: ``retract`` comes next where rows have different numbers of tokens.

        Args:
            model: What computes a step.
            tokens: At least one token for each row.
            pad_id: The token that fills up shorter rows.

        Returns:
            What the model returns as logits, ``[rows, longest, width]``.
        """
        device, longest = self.mask.device, max(map(len, tokens))
        counts = torch.tensor([[len(one)] for one in tokens], device=device)
        begin = self.mask.sum(-1, keepdim=True)
        self.mask = nn.functional.pad(self.mask, (0, longest), value=1)
        # padding has the position of the last token: there may be no later one in the model's context
        positions = begin + torch.minimum(torch.arange(longest, device=device), counts - 1)
        returned = model(
            input_ids=torch.tensor([[*one, *[pad_id] * (longest - len(one))] for one in tokens], device=device),
            attention_mask=self.mask,
            position_ids=positions,
            past_key_values=self.cache,
            use_cache=True,
        )
        states: torch.Tensor = returned.logits
        return states

    def retract(self, surplus: Sequence[int]) -> None:
        """Forgets the newest tokens.

        Args:
            surplus: How many of each row.
        """
        least = min(surplus)
        if least:
            self.mask = self.mask[:, :-least]
            for layer in self.cache.layers:
                layer.keys, layer.values = layer.keys[:, :, :-least], layer.values[:, :, :-least]
        for row, count in enumerate(surplus):
            if shift := count - least:  # one behind another, rows are right-aligned again
                self.mask[row] = self.mask[row].roll(shift)
                self.mask[row, :shift] = 0
                for layer in self.cache.layers:
                    layer.keys[row] = layer.keys[row].roll(shift, dims=1)
                    layer.values[row] = layer.values[row].roll(shift, dims=1)

    def join(self, other: "CachedRows[Row]") -> None:
        """Puts the rows of another batch beside these."""
        if not other.rows:
            return
        seq = max(self.mask.shape[1], other.mask.shape[1])
        cache, joining = self._cache_like(other.cache), other._cache_like(self.cache)
        for layer, more in zip(cache.layers, joining.layers, strict=True):
            layer.keys = torch.cat([_aligned(layer.keys, 2, seq), _aligned(more.keys, 2, seq)])
            layer.values = torch.cat([_aligned(layer.values, 2, seq), _aligned(more.values, 2, seq)])
        self.rows, self.cache = [*self.rows, *other.rows], cache
        self.mask = torch.cat([_aligned(self.mask, 1, seq), _aligned(other.mask, 1, seq)])

    def only(self, places: Sequence[int]) -> "CachedRows[Row]":
        """Some of the rows, without the columns that none of them needs."""
        if len(places) == len(self.rows):
            return self
        kept = torch.tensor(places, dtype=torch.long, device=self.mask.device)
        needed = self.mask[kept].any(0).nonzero()
        first = int(needed[0]) if len(needed) else self.mask.shape[1]
        cache = cache_of([(layer.keys[kept, :, first:], layer.values[kept, :, first:]) for layer in self.cache.layers])
        return CachedRows([self.rows[place] for place in places], cache, self.mask[kept, first:])

    def _cache_like(self, other: DynamicCache) -> DynamicCache:
        """The cache; where nothing was read, one without columns."""
        if self.cache.layers or not other.layers:
            return self.cache
        return cache_of([(self._no_columns(layer.keys), self._no_columns(layer.values)) for layer in other.layers])

    def _no_columns(self, like: torch.Tensor) -> torch.Tensor:
        return like.new_empty(len(self.rows), like.shape[1], 0, like.shape[3])


def cache_of(layers: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> DynamicCache:
    """A cache of these keys and values, ``[rows, heads, columns, width]`` of each layer."""
    cache = DynamicCache()
    for number, (keys, values) in enumerate(layers):
        cache.update(keys, values, number)
    return cache


def _aligned(read: torch.Tensor, dim: int, seq: int) -> torch.Tensor:
    """Fills up on the left of a dimension."""
    after = (0, 0) * (read.dim() - 1 - dim)
    return nn.functional.pad(read, (*after, seq - read.shape[dim], 0))
