"""An engine without a model: gives a fixed answer, character by character, and can be blocked or broken."""

import sys
import threading
from collections.abc import Sequence

from common.errors import UserError
from models.conversation import Continuation, Prompt
from models.engines.engine import Choice, Completion, OnText, Sampling, Score, TokenLogprob

ANSWER = "高血压的常见症状有头痛、头晕和心悸。"


class FakeEngine:
    """Implements ``Engine``; one character is one token.

    Attributes:
        answer: What every row answers.
        batches: The prompts and sampling of every batch so far.
        gate: While cleared, generating stops after the first character.
        failure: Raised by the next batches, while set.
        cancelled: Rows that were cancelled so far.
        reason: Why every row ends, where it is not by its length.
    """

    model_version = "fake-1"
    gives_logprobs = True
    context_length = 1000

    def __init__(self, answer: str = ANSWER) -> None:
        self.answer = answer
        self.batches: list[list[tuple[Prompt, Sampling]]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.failure: Exception | None = None
        self.cancelled = 0
        self.reason = ""

    def count_prompt_tokens(self, prompt: Prompt) -> int:
        return len(self.prompt_ids(prompt))

    def prompt_ids(self, prompt: Prompt) -> list[int]:
        if isinstance(prompt, Continuation):
            return _known(prompt.ids)
        return [ord(character) for turn in prompt for character in turn.content]

    def check_schema(self, schema: str) -> None:
        if "wrong" in schema:
            raise UserError("no such keyword")

    def encode(self, text: str, *, beginning: bool) -> list[int]:
        return [ord(character) for character in ("\x02" if beginning else "") + text]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(map(chr, _known(ids)))

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sequence[Sampling], on_text: OnText | None = None
    ) -> list[Completion]:
        self.batches.append(list(zip(prompts, sampling, strict=True)))
        if self.failure:
            raise self.failure
        texts = [""] * len(prompts)
        alive = {row for row, one in enumerate(sampling) if one.max_new_tokens}
        for position, character in enumerate(self.answer):
            for row in sorted(alive):
                texts[row] += character
                if on_text is not None and not on_text(row, character):
                    self.cancelled += 1
                    alive.discard(row)
                elif len(texts[row]) == sampling[row].max_new_tokens:
                    alive.discard(row)
            if position == 0:
                while alive and not self.gate.wait(0.01) and on_text is not None:
                    for row in [row for row in alive if not on_text(row, "")]:
                        self.cancelled += 1
                        alive.discard(row)
        return [self._completion(p, s, t) for p, s, t in zip(prompts, sampling, texts, strict=True)]

    def score(self, conversations: Sequence[Prompt]) -> list[Score]:
        raise NotImplementedError

    def score_choices(self, choices: Sequence[Choice]) -> list[list[float]]:
        raise NotImplementedError

    def _completion(self, prompt: Prompt, sampling: Sampling, text: str) -> Completion:
        whole = text == self.answer
        cut = len(text) == sampling.max_new_tokens and not whole
        reason = self.reason or ("stop" if whole else "length" if cut else "cancelled")
        begun = self.prompt_ids(prompt)
        logprobs = () if sampling.logprobs is None else _logprobs([*begun, *map(ord, text)], sampling.logprobs)
        return Completion(text, reason, len(begun), len(text), logprobs)  # type: ignore[arg-type]


def _known(ids: Sequence[int]) -> list[int]:
    if any(not 0 <= token <= sys.maxunicode or 0xD800 <= token < 0xE000 for token in ids):
        raise UserError("there are no such tokens")
    return list(ids)


def _logprobs(ids: list[int], shown: int) -> tuple[TokenLogprob, ...]:
    """The token itself is the likeliest, with -0.5; the next ones are the characters after it."""
    first, *others = ids
    likeliest = [tuple((chr(token + rank), -0.5 - rank) for rank in range(shown)) for token in others]
    return TokenLogprob(chr(first), None, ()), *map(TokenLogprob, map(chr, others), [-0.5] * len(others), likeliest)
