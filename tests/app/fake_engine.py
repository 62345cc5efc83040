"""An engine without a model: gives a fixed answer, character by character, and can be blocked or broken."""

import threading
from collections.abc import Sequence

from models.conversation import Conversation
from models.engines.engine import Completion, OnText, Sampling, Score

ANSWER = "高血压的常见症状有头痛、头晕和心悸。"


class FakeEngine:
    """Implements ``Engine``; one character is one token.

    Attributes:
        answer: What every row answers.
        batches: The conversations and sampling of every batch so far.
        gate: While cleared, generating stops after the first character.
        failure: Raised by the next batches, while set.
        cancelled: Rows that were cancelled so far.
        reason: Why every row ends, where it is not by its length.
    """

    model_version = "fake-1"
    continuous = False
    context_length = 1000

    def __init__(self, answer: str = ANSWER) -> None:
        self.answer = answer
        self.batches: list[list[tuple[Conversation, Sampling]]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.failure: Exception | None = None
        self.cancelled = 0
        self.reason = ""

    def count_prompt_tokens(self, conversation: Conversation) -> int:
        return sum(len(turn.content) for turn in conversation)

    def generate(
        self, conversations: Sequence[Conversation], sampling: Sequence[Sampling], on_text: OnText | None = None
    ) -> list[Completion]:
        self.batches.append(list(zip(conversations, sampling, strict=True)))
        if self.failure:
            raise self.failure
        texts = [""] * len(conversations)
        alive = set(range(len(conversations)))
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
        return [self._completion(c, s, t) for c, s, t in zip(conversations, sampling, texts, strict=True)]

    def score(self, conversations: Sequence[Conversation]) -> list[Score]:
        raise NotImplementedError

    def _completion(self, conversation: Conversation, sampling: Sampling, text: str) -> Completion:
        whole = text == self.answer
        cut = len(text) == sampling.max_new_tokens and not whole
        reason = self.reason or ("stop" if whole else "length" if cut else "cancelled")
        return Completion(text, reason, self.count_prompt_tokens(conversation), len(text))  # type: ignore[arg-type]
