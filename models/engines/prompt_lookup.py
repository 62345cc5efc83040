"""Guesses what an answer says next: what followed, in its prompt, the tokens that it has just said.

An answer from entries copies them. The guess is read together with the newest token, and every token is then chosen as
if it had been read alone; a wrong guess costs its reading (prompt lookup decoding, Saxena 2023).
"""

from collections.abc import Sequence

NGRAM = 3
"""Tokens that must be the same."""


class PromptLookup:
    """Guesses for one answer.

    Args:
        prompt: Token ids of its prompt.
    """

    def __init__(self, prompt: Sequence[int]) -> None:
        self.prompt = prompt
        self._after = {tuple(prompt[end - NGRAM : end]): end for end in range(NGRAM, len(prompt))}  # the last one

    def guess(self, answer: Sequence[int], most: int) -> list[int]:
        """What may come next.

        Args:
            answer: Token ids so far.
            most: Most tokens.
        """
        after = self._after.get(tuple(answer[-NGRAM:]))
        return [] if after is None else list(self.prompt[after : after + max(0, most)])
