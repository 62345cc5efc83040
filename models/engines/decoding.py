"""Decodes rows together, each from its own beginning to its own end: they join and leave between two steps.

So a short answer never waits for a long one, and no step is spent on a row that has ended. The keys and values of the
rows stand right-aligned in one cache; what is to the left of a shorter row is masked. A trained prefix is keys and
values too (of a trained prompt, those that the base computes for it): it stands in front of each row.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol, cast

import torch
from peft import PeftModel
from torch import nn
from transformers import DynamicCache, PreTrainedModel


class DecodedRow(Protocol):
    """One answer in progress.

    Attributes:
        prompt: Token ids of the prompt.
        error: What went wrong in a step that it took part in.
    """

    prompt: Sequence[int]
    error: BaseException | None

    @property
    def is_open(self) -> bool:
        """Whether it needs another token."""
        ...

    @property
    def newest(self) -> int:
        """The newest token of the answer."""
        ...

    def take(self, logits: torch.Tensor, likeliest: int) -> None:
        """Chooses the next token.

        Args:
            logits: ``[vocabulary]``.
            likeliest: The token with the highest.
        """
        ...


class Decoder:
    """Decodes the rows of all threads that ask; one of them takes the steps for all.

    Args:
        model: The model, possibly wrapped by peft.
        pad_id: The token that fills up shorter prompts.

    Attributes:
        alone: Held by whoever computes with the model.
    """

    def __init__(self, model: PreTrainedModel | PeftModel, pad_id: int) -> None:
        self.model, self.pad_id = model, pad_id
        self.alone = threading.Lock()
        self._changed = threading.Condition()
        self._stepping = False
        self._joining: list[DecodedRow] = []
        self._rows: list[DecodedRow] = []
        self._cache = DynamicCache()
        self._mask = self._empty_mask()

    def run(self, rows: Sequence[DecodedRow]) -> None:
        """Decodes rows to their ends, together with those of other threads."""

        def are_open() -> bool:
            return any(row.is_open for row in rows)

        with self._changed:
            self._joining += [row for row in rows if row.is_open]
            self._changed.wait_for(lambda: not self._stepping or not are_open())
            steps_here = are_open()
            self._stepping |= steps_here
        if steps_here:
            self._take_steps(are_open)
        for row in rows:
            if row.error is not None:
                raise row.error

    def _take_steps(self, are_open: Callable[[], bool]) -> None:
        """Takes steps for everyone until one's own rows have ended; then the next thread does."""
        try:
            while are_open():
                self._step_or_fail()
                with self._changed:
                    self._changed.notify_all()
                time.sleep(0)  # who waits for the model gets it
        finally:
            with self._changed:
                self._stepping = False
                self._changed.notify_all()

    def _step_or_fail(self) -> None:
        """A step; what goes wrong in it is told to everyone who took part."""
        with self._changed:
            joining, self._joining = self._joining, []
        try:
            with self.alone, torch.inference_mode():
                self._step(joining)
        except BaseException as error:
            for row in (*self._rows, *joining):
                row.error = error
            self._rows, self._cache, self._mask = [], DynamicCache(), self._empty_mask()

    def _step(self, joining: Sequence[DecodedRow]) -> None:
        """One token for every row, and the first two for those that join."""
        if joining:
            try:
                self._join(joining)
            except Exception as error:  # a prompt that does not fit ends nobody else's answer
                for row in joining:
                    row.error = error
        self._leave()
        if not self._rows:
            return
        self._mask = nn.functional.pad(self._mask, (0, 1), value=1)
        returned = self.inner(
            input_ids=torch.tensor([[row.newest] for row in self._rows], device=self.model.device),
            attention_mask=self._mask,
            position_ids=self._mask.sum(-1, keepdim=True) - 1,
            past_key_values=self._cache,
            use_cache=True,
        )
        _choose(self._rows, returned.logits[:, -1])
        self._leave()

    def _join(self, rows: Sequence[DecodedRow]) -> None:
        """Reads the prompts of new rows, and puts what was read beside that of the others."""
        longest = max(len(row.prompt) for row in rows)
        blank = [longest - len(row.prompt) for row in rows]
        pairs = list(zip(blank, rows, strict=True))
        ids = torch.tensor([[self.pad_id] * n + list(row.prompt) for n, row in pairs], device=self.model.device)
        text = torch.tensor([[0] * n + [1] * len(row.prompt) for n, row in pairs], device=self.model.device)
        cache, before = self.prefix(len(rows))
        mask = torch.cat([torch.ones(len(rows), before, dtype=torch.long, device=text.device), text], dim=1)
        positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, before:]
        returned = self.inner(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        _choose(rows, returned.logits[:, -1])
        self._rows = [*self._rows, *rows]
        self._cache, self._mask = _beside(self._cache, self._mask, cache, mask)

    def _leave(self) -> None:
        """Drops what was read for rows that have ended, and the columns that no other row needs."""
        open_rows = [place for place, row in enumerate(self._rows) if row.is_open]
        if len(open_rows) == len(self._rows):
            return
        self._rows = [self._rows[place] for place in open_rows]
        if not open_rows:
            self._cache, self._mask = DynamicCache(), self._empty_mask()
            return
        kept = torch.tensor(open_rows, device=self._mask.device)
        mask = self._mask[kept]
        first = int(mask.any(0).nonzero()[0])
        self._mask = mask[:, first:]
        for layer in self._cache.layers:
            layer.keys, layer.values = (read[kept, :, first:] for read in (layer.keys, layer.values))

    def prefix(self, rows: int) -> tuple[DynamicCache, int]:
        """Keys and values of what was trained to stand before a text, and its number of tokens."""
        cache = DynamicCache()
        if not self._has_prompt:
            return cache, 0
        prompt = cast(PeftModel, self.model).get_prompt(1)
        if isinstance(prompt, torch.Tensor):
            embedded = prompt.to(self.inner.dtype)  # it was trained in float32
            prompt = self.inner(inputs_embeds=embedded, past_key_values=DynamicCache(), use_cache=True).past_key_values
        for number, layer in enumerate(prompt.layers):
            cache.update(*(read.expand(rows, -1, -1, -1) for read in (layer.keys, layer.values)), number)
        return cache, cache.get_seq_length()

    @property
    def _has_prompt(self) -> bool:
        """Whether something was trained to stand before a text."""
        return isinstance(self.model, PeftModel) and self.model.active_peft_config.is_prompt_learning

    @property
    def inner(self) -> PreTrainedModel:
        """What computes a step: peft would put the prompt before every token."""
        inner = self.model.get_base_model() if isinstance(self.model, PeftModel) else self.model
        return cast(PreTrainedModel, inner)

    def _empty_mask(self) -> torch.Tensor:
        """``[0, 0]``."""
        return torch.empty(0, 0, dtype=torch.long, device=self.model.device)


def _choose(rows: Sequence[DecodedRow], logits: torch.Tensor) -> None:
    """Gives every row its logits, ``[rows, vocabulary]``."""
    logits = logits.float()
    for row, scores, likeliest in zip(rows, logits, logits.argmax(-1).tolist(), strict=True):
        try:
            row.take(scores, likeliest)
        except Exception as error:
            row.error = error  # its own: the other rows go on


def _beside(
    cache: DynamicCache, mask: torch.Tensor, joining: DynamicCache, joining_mask: torch.Tensor
) -> tuple[DynamicCache, torch.Tensor]:
    """What was read for two sets of rows in one cache, right-aligned, with its mask.

    Args:
        cache: Keys and values, ``[rows, heads, seq, channels]`` in each layer.
        mask: ``[rows, seq]``, 0 where there is nothing to attend to.
        joining: The same of the other rows.
        joining_mask: Its mask.
    """
    if not len(mask):
        return joining, joining_mask
    seq = max(mask.shape[1], joining_mask.shape[1])

    def aligned(one: torch.Tensor, dim: int) -> torch.Tensor:
        after = (0, 0) * (one.dim() - 1 - dim)
        return nn.functional.pad(one, (*after, seq - one.shape[dim], 0))

    for layer, other in zip(cache.layers, joining.layers, strict=True):
        layer.keys = torch.cat([aligned(layer.keys, 2), aligned(other.keys, 2)])
        layer.values = torch.cat([aligned(layer.values, 2), aligned(other.values, 2)])
    return cache, torch.cat([aligned(mask, 1), aligned(joining_mask, 1)])
