"""How the next token of a row is chosen: penalties, limits and chance, each row by its own settings.

Nothing here depends on the other rows of a batch: a row has its own penalties and its own random numbers. The names and
their meaning are OpenAI's and vLLM's; DRY is that of its author (p-e-w, text-generation-webui pull request 5677).
"""

from collections.abc import Sequence
from itertools import takewhile

import torch
from transformers import LogitsProcessor, PreTrainedTokenizerBase

from models.engines.engine import Sampling

BREAKERS = ("\n", ":", "：", '"', "*")
"""What a repetition that DRY punishes may not extend over: what divides lists, dialogues and Markdown."""


class RowSampler(LogitsProcessor):
    """Chooses the next token of each row, so that the greedy search that follows can only take it.

    Penalties never fall on the tokens that end an answer: an answer that is not allowed to end loops all the more.

    Args:
        sampling: The settings of each row.
        prompts: The prompt of each row, without padding.
        answers: The tokens that each row has generated so far; the caller appends to them.
        stop_ids: Tokens that end an answer.
        breakers: Tokens that a repetition does not extend over.
    """

    def __init__(
        self,
        sampling: Sequence[Sampling],
        prompts: Sequence[Sequence[int]],
        answers: Sequence[Sequence[int]],
        stop_ids: Sequence[int],
        breakers: frozenset[int],
    ) -> None:
        self.sampling, self.prompts, self.answers = sampling, prompts, answers
        self.stop_ids, self.breakers = list(stop_ids), breakers
        self.generators: dict[int, torch.Generator] = {}

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """See ``LogitsProcessor``.

        Args:
            input_ids: Padded prompts and answers, ``[rows, seq]``; the rows' own lists are used instead.
            scores: Logits of the next token, ``[rows, vocabulary]``.

        Returns:
            The logits; of a row that is not greedy, minus infinity for every token but the chosen one.
        """
        chosen = scores.clone()
        for row, sampling in enumerate(self.sampling):
            logits = self._penalised(row, sampling, scores[row])
            if sampling.temperature > 0:
                token = self._drawn(row, sampling, logits)
                logits = torch.full_like(logits, -torch.inf).index_fill_(0, token, 0.0)
            chosen[row] = logits
        return chosen

    def _penalised(self, row: int, sampling: Sampling, logits: torch.Tensor) -> torch.Tensor:
        """Logits after the penalties, ``[vocabulary]``."""
        answer = self.answers[row]
        penalised = logits.float().clone()
        if sampling.repetition_penalty != 1.0:
            seen = torch.tensor(sorted({*self.prompts[row], *answer}), device=logits.device)
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

    def _drawn(self, row: int, sampling: Sampling, logits: torch.Tensor) -> torch.Tensor:
        """A token drawn by the row's own random numbers, ``[1]``."""
        shares = likely(torch.softmax(logits / sampling.temperature, dim=-1), sampling)
        if row not in self.generators:
            generator = torch.Generator(logits.device)
            _ = generator.seed() if sampling.seed is None else generator.manual_seed(sampling.seed)
            self.generators[row] = generator
        return torch.multinomial(shares, 1, generator=self.generators[row])


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
