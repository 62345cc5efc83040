"""Keys and values of the beginnings that prompts share, so that each is read once.

Prompts begin with an instruction, go on with entries, and end with the question. They are kept in blocks; a block is
found by all the tokens up to its end, never by a hash of them, so what is found is what would have been computed.
"""

from collections import OrderedDict
from collections.abc import Sequence

import torch
from transformers import DynamicCache

BLOCK = 16
"""Tokens that are found, and forgotten, together."""

Layers = list[tuple[torch.Tensor, torch.Tensor]]
"""Keys and values of each layer, ``[1, heads, tokens, width]``."""


class SharedBeginnings:
    """Beginnings of the prompts of one model, with one adapter or prefix; the least recently used are forgotten.

    Args:
        most_bytes: Memory that they may take.

    Attributes:
        bytes: What they take.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes, self.bytes = most_bytes, 0
        self._blocks: OrderedDict[tuple[int, ...], Layers] = OrderedDict()  # the next to be forgotten first

    def find(self, prompt: Sequence[int]) -> tuple[int, Layers]:
        """The longest known beginning of a prompt.

        Args:
            prompt: Token ids; the last one is never found, since what follows it must be computed.

        Returns:
            Its number of tokens, and their keys and values.
        """
        found: list[tuple[int, ...]] = []
        for key in _keys(prompt[:-1]):
            if key not in self._blocks:
                break
            found.append(key)
        self._touch(found)
        layers = zip(*(self._blocks[key] for key in found), strict=True)
        return len(found) * BLOCK, [
            (torch.cat([keys for keys, _ in layer], dim=2), torch.cat([values for _, values in layer], dim=2))
            for layer in layers
        ]

    def keep(self, prompt: Sequence[int], cache: DynamicCache, row: int) -> None:
        """Keeps what was read of a prompt.

        Args:
            prompt: Token ids.
            cache: Ends with its keys and values.
            row: Its place in the cache.
        """
        keys = _keys(prompt) if self.most_bytes else []
        for key in keys:
            if key not in self._blocks:
                columns = slice(len(key) - BLOCK - len(prompt), (len(key) - len(prompt)) or None)
                self._blocks[key] = [
                    (layer.keys[row : row + 1, :, columns].clone(), layer.values[row : row + 1, :, columns].clone())
                    for layer in cache.layers
                ]
                self.bytes += _size(self._blocks[key])
        self._touch(keys)
        while self.bytes > self.most_bytes:
            self.bytes -= _size(self._blocks.popitem(last=False)[1])

    def _touch(self, keys: Sequence[tuple[int, ...]]) -> None:
        """Notes that blocks were used; one is always forgotten after those that follow it."""
        for key in reversed(keys):
            self._blocks.move_to_end(key)


def _keys(prompt: Sequence[int]) -> list[tuple[int, ...]]:
    return [tuple(prompt[:end]) for end in range(BLOCK, len(prompt) + 1, BLOCK)]


def _size(block: Layers) -> int:
    return sum(read.nbytes for layer in block for read in layer)
