"""Decodes rows together, each from its own beginning to its own end: they join and leave between two steps.

So a short answer never waits for a long one, and no step is spent on a row that has ended. Prompts are read in parts, a
part of each between two tokens of the others, so no answer waits for a long prompt either; a beginning that was read
before is not read again. A trained prefix is keys and values too (of a trained prompt, those that the base computes for
it): it stands in front of each row.
"""

import threading
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Protocol, cast

import torch
from peft import PeftModel
from transformers import DynamicCache, PreTrainedModel

from models.engines.cached_rows import CachedRows, cache_of
from models.engines.shared_beginnings import Layers, SharedBeginnings
from models.output_layer import OutputLayer

PART, LEAST_PART = 256, 32
"""Tokens of prompts that are read in a step: of all of them together, but of each at least these."""
GUESSED, GUESSING_ROWS = 6, 2
"""Most tokens that are guessed for a row in a step, and rows that may run then: more would cost more than they save."""


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

    def guess(self, most: int) -> list[int]:
        """What may come after the newest token, ``most`` tokens of it; the answer does not depend on it."""
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
        shared_bytes: Memory for beginnings that prompts share. The model's weights must not change then.

    Attributes:
        alone: Held by whoever computes with the model.
    """

    def __init__(self, model: PreTrainedModel | PeftModel, pad_id: int, shared_bytes: int = 0) -> None:
        self.model, self.pad_id = model, pad_id
        self.beginnings = SharedBeginnings(shared_bytes)
        self.alone = threading.Lock()
        self._changed = threading.Condition()
        self._stepping = False
        self._joining: list[DecodedRow] = []
        self._reading, self._decoding = self._no_rows(), self._no_rows()
        self._before = 0  # tokens that stand before every text

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
            with self.alone, torch.inference_mode(), self.output:
                self._read_on(joining)
                if self._decoding.rows:
                    self._decode(self._decoding)
        except BaseException as error:
            for row in (*self._rows, *joining):
                row.error = error
            self._reading, self._decoding = self._no_rows(), self._no_rows()

    def _read_on(self, joining: Sequence[DecodedRow]) -> None:
        """Reads a part of every prompt that is not read yet."""
        try:
            self._join(joining)
            if self._reading.rows:
                self._read_parts(self._reading)
        except Exception as error:  # a prompt that does not fit ends nobody else's answer
            for row in (*self._reading.rows, *joining):
                row.error = error
            self._reading = self._no_rows()

    def _join(self, rows: Sequence[DecodedRow]) -> None:
        """Begins new rows: with what stands before every text, and what is known of their prompts."""
        if not rows:
            return
        prefix, self._before = self.prefix(1)
        for row in rows:
            known, layers = self.beginnings.find(row.prompt)
            cache = _behind(prefix, layers) if known else prefix
            mask = torch.ones(1, self._before + known, dtype=torch.long, device=self.model.device)
            self._reading.join(CachedRows([row], cache, mask))

    def _read_parts(self, reading: CachedRows[DecodedRow]) -> None:
        """Reads on; rows whose prompt has been read get their first token, and are decoded from now on."""
        most = max(LEAST_PART, PART // len(reading.rows))
        begins = [length - self._before for length in reading.lengths]
        parts = [row.prompt[begin : begin + most] for row, begin in zip(reading.rows, begins, strict=True)]
        states = reading.read(self.inner, parts, self.pad_id)
        reading.retract([states.shape[1] - len(part) for part in parts])
        left = [
            len(row.prompt) - begin - len(part) for row, begin, part in zip(reading.rows, begins, parts, strict=True)
        ]
        if whole := [place for place, tokens in enumerate(left) if not tokens]:
            last = states[whole, [len(parts[place]) - 1 for place in whole]]  # [whole, width]
            for place, logits in zip(whole, self._logits(last), strict=True):
                self.beginnings.keep(reading.rows[place].prompt, reading.cache, place)
                _take(reading.rows[place], logits[None], [])
            read = reading.only(whole)
            self._decoding.join(read.only(_open(read.rows)))
            self._reading = reading.only([place for place, tokens in enumerate(left) if tokens])

    def _decode(self, decoding: CachedRows[DecodedRow]) -> None:
        """The next token of every row, and those after it that were guessed."""
        most = GUESSED if len(decoding.rows) <= GUESSING_ROWS else 0
        guesses = [row.guess(most) for row in decoding.rows]
        tokens = [[row.newest, *guess] for row, guess in zip(decoding.rows, guesses, strict=True)]
        states = decoding.read(self.inner, tokens, self.pad_id)
        logits = self._logits(torch.cat([one[: len(read)] for one, read in zip(states, tokens, strict=True)]))
        of_rows = logits.split([len(read) for read in tokens])
        right = [_take(*one) for one in zip(decoding.rows, of_rows, guesses, strict=True)]
        decoding.retract([states.shape[1] - tokens for tokens in right])
        self._decoding = decoding.only(_open(decoding.rows))

    def _logits(self, states: torch.Tensor) -> torch.Tensor:
        """Logits ``[tokens, vocabulary]`` of what the model returns, ``[tokens, width]``."""
        return self.output.logits(states).float()

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

    @cached_property
    def output(self) -> OutputLayer:
        """The model's output layer: logits are made of few of the positions that are read."""
        return OutputLayer(self.model)

    @property
    def _rows(self) -> list[DecodedRow]:
        """Everyone who takes part."""
        return [*self._reading.rows, *self._decoding.rows]

    def _no_rows(self) -> CachedRows[DecodedRow]:
        return CachedRows.of_none(self.model.device)


def _open(rows: Sequence[DecodedRow]) -> list[int]:
    """Places of the rows that have not ended."""
    return [place for place, row in enumerate(rows) if row.is_open]


def _take(row: DecodedRow, logits: torch.Tensor, guess: Sequence[int]) -> int:
    """Lets a row choose its next token, and those that were guessed as long as the guess is right.

    Args:
        row: The row.
        logits: After its newest token and each of the guess, ``[1 + guess, vocabulary]``.
        guess: What was read after its newest token.

    Returns:
        How many of the read tokens are its own.
    """
    for number, (scores, likeliest) in enumerate(zip(logits, logits.argmax(-1).tolist(), strict=True)):
        try:
            row.take(scores, likeliest)
        except Exception as error:
            row.error = error  # its own: the other rows go on
        if not row.is_open or guess[number : number + 1] != [row.newest]:
            return number + 1
    return len(logits)


def _behind(prefix: DynamicCache, layers: Layers) -> DynamicCache:
    """A prefix, and then further keys and values."""
    cache = cache_of([(layer.keys, layer.values) for layer in prefix.layers])
    for number, (keys, values) in enumerate(layers):
        cache.update(keys, values, number)
    return cache
