"""How the next token of a row is chosen: penalties, limits and chance, each row by its own settings.

Nothing here depends on the other rows of a batch: a row has its own penalties and its own random numbers. The names and
their meaning are OpenAI's and vLLM's; DRY is that of its author (p-e-w, text-generation-webui pull request 5677).
"""

from collections.abc import Sequence
from itertools import takewhile

import torch
from transformers import PreTrainedTokenizerBase

from models.engines.engine import Sampling

BREAKERS = ("\n", ":", "：", '"', "*")
"""What a repetition that DRY punishes may not extend over: what divides lists, dialogues and Markdown."""


class RowSampler:
    """Chooses the next token of a row.

    Penalties never fall on the tokens that end an answer: an answer that is not allowed to end loops all the more.

    Args:
        sampling: The row's settings.
        prompt: Its prompt.
        answer: The tokens that it has generated so far; the caller appends to them.
        stop_ids: Tokens that end an answer.
        breakers: Tokens that a repetition does not extend over.
    """

    def __init__(
        self,
        sampling: Sampling,
        prompt: Sequence[int],
        answer: Sequence[int],
        stop_ids: Sequence[int],
        breakers: frozenset[int],
    ) -> None:
        self.sampling, self.prompt, self.answer = sampling, prompt, answer
        self.stop_ids, self.breakers = list(stop_ids), breakers
        self.generator: torch.Generator | None = None

    def choose(self, logits: torch.Tensor) -> int:
        """The next token, by the logits of all of them, ``[vocabulary]``."""
        penalised = self.penalised(logits)
        return self._drawn(penalised) if self.sampling.temperature > 0 else int(penalised.argmax())

    def penalised(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits after the penalties, ``[vocabulary]``."""
        sampling, answer = self.sampling, self.answer
        penalised = logits.float().clone()
        if sampling.repetition_penalty != 1.0:
            seen = torch.tensor(sorted({*self.prompt, *answer}), device=logits.device)
            factor = sampling.repetition_penalty
            penalised[seen] = torch.where(penalised[seen] > 0, penalised[seen] / factor, penalised[seen] * factor)
        if answer and (sampling.frequency_penalty or sampling.presence_penalty):
            said, counts = torch.tensor(answer, device=logits.device).unique(return_counts=True)
            penalised[said] -= sampling.frequency_penalty * counts + sampling.presence_penalty
        if sampling.dry_multiplier:
            for token, length in repeated_if_next(answer, self.breakers).items():
                if length >= sampling.dry_allowed_length:
                    excess = min(length - sampling.dry_allowed_length, 100)  # beyond, the power overflows
                    penalised[token] -= sampling.dry_multiplier * sampling.dry_base**excess
        penalised[self.stop_ids] = logits[self.stop_ids].float()
        return penalised

    def _drawn(self, logits: torch.Tensor) -> int:
        """A token drawn by the row's own random numbers."""
        shares = likely(torch.softmax(logits / self.sampling.temperature, dim=-1), self.sampling)
        if self.generator is None:
            self.generator = torch.Generator(logits.device)
            _ = self.generator.seed() if self.sampling.seed is None else self.generator.manual_seed(self.sampling.seed)
        return int(torch.multinomial(shares, 1, generator=self.generator))


def likely(shares: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Probabilities without the unlikely tokens, by ``min_p``, ``top_k`` and ``top_p`` in this order.

    Args:
        shares: Probabilities, ``[vocabulary]``.
        sampling: The limits.

    Returns:
        What is left of them, ``[vocabulary]``; the likeliest token always is.
    """
    ranked, order = shares.sort(descending=True)
    kept = ranked >= sampling.min_p * ranked[0]
    if sampling.top_k > 0:
        kept[sampling.top_k :] = False
    left = torch.where(kept, ranked, 0.0)
    before = (left / left.sum()).cumsum(0) - left / left.sum()
    kept &= before < sampling.top_p
    return torch.zeros_like(shares).index_copy_(0, order, torch.where(kept, ranked, 0.0))


def repeated_if_next(answer: Sequence[int], breakers: frozenset[int]) -> dict[int, int]:
    """How long a repetition each token would continue.

    Args:
        answer: The tokens so far.
        breakers: Tokens that a repetition does not extend over.

    Returns:
        For each token that once followed what the answer now ends with: the length of the longest such ending.
    """
    ending = len(list(takewhile(lambda token: token not in breakers, reversed(answer))))
    backwards = answer[::-1]
    lengths: dict[int, int] = {}
    for place, agreed in enumerate(_agreements(backwards)):
        if agreed and place and ending:
            follower = backwards[place - 1]
            lengths[follower] = max(lengths.get(follower, 0), min(agreed, ending))
    return lengths


def _agreements(tokens: Sequence[int]) -> list[int]:
    """How many tokens from each place on agree with the beginning (Z-algorithm, Gusfield 1997)."""
    agreed = [0] * len(tokens)
    left = right = 0
    for place in range(1, len(tokens)):
        length = max(0, min(right - place, agreed[place - left]))
        while place + length < len(tokens) and tokens[length] == tokens[place + length]:
            length += 1
        agreed[place] = length
        if place + length > right:
            left, right = place, place + length
    return agreed


def breakers_of(tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """The last token of each of ``BREAKERS``."""
    return frozenset(tokenizer.encode(text, add_special_tokens=False)[-1] for text in BREAKERS)
