"""Which of several replies to one question is its answer.

Replies agree where they end in the same final answer: the same options where there are options, the same quantities
where both state some, else the same text.
"""

import math
from collections.abc import Sequence

from rapidfuzz.distance import LCSseq

from domains.mathematics.answers import final_letters, same_answer
from strategies.strategy import ModelReply


def elected(replies: Sequence[ModelReply], *, options: bool) -> ModelReply:
    """The earliest of the replies whose final answer most of them share.

    Args:
        replies: At least one.
        options: Whether the answer is a letter.
    """
    votes = _votes(replies, options)
    return replies[votes.index(max(votes))]


def elected_or_central(replies: Sequence[ModelReply], *, options: bool) -> ModelReply:
    """The same; where no two agree, as free texts seldom do, the one that is most like all others.

    That is the candidate of least expected loss where the replies stand for what might be right (minimum Bayes risk,
    Kumar and Byrne 2004); likeness is the longest common subsequence of characters, as F1.

    Args:
        replies: At least one.
        options: Whether the answer is a letter.
    """
    if max(_votes(replies, options)) > 1 or options:
        return elected(replies, options=options)
    texts = ["".join(reply.text.split()) for reply in replies]
    likeness = [math.fsum(_like(one, other) for other in texts) for one in texts]
    return replies[likeness.index(max(likeness))]


def _votes(replies: Sequence[ModelReply], options: bool) -> list[int]:
    return [sum(_agree(one.text, other.text, options) for other in replies) for one in replies]


def _agree(one: str, other: str, options: bool) -> bool:
    if options:
        return bool(final_letters(one)) and final_letters(one) == final_letters(other)
    return same_answer(one, other) or (bool(one.strip()) and "".join(one.split()) == "".join(other.split()))


def _like(one: str, other: str) -> float:
    return 2 * LCSseq.similarity(one, other) / (len(one) + len(other)) if one and other else 0.0
