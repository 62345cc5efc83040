"""How long examples are: quantiles, and their tokens against the limit of a model or its training."""

from collections import Counter
from dataclasses import dataclass

SHARES = (0.5, 0.9, 0.95, 0.99)


def quantile(lengths: Counter[int], share: float) -> int:
    """The length that this share of the lengths does not exceed; 0 where there are none."""
    passed = 0
    for length in sorted(lengths):
        passed += lengths[length]
        if passed >= share * lengths.total():
            return length
    return 0


@dataclass(frozen=True)
class TokenLengths:
    """Tokens of examples in a model's own prompt format.

    Attributes:
        tokens: Examples by their number of tokens.
        limit: Most tokens that are taken (``train.max_length``).
    """

    tokens: Counter[int]
    limit: int

    @property
    def over(self) -> int:
        """Examples that are longer than the limit."""
        return sum(number for length, number in self.tokens.items() if length > self.limit)

    def __str__(self) -> str:
        n = self.tokens.total()
        if not n:
            return "0 题 · examples"
        mean = sum(length * number for length, number in self.tokens.items()) / n
        shares = "，".join(f"{share:.0%} {quantile(self.tokens, share)}" for share in SHARES)
        return (
            f"{n} 题 · examples；词元 · tokens：平均 mean {mean:.1f}，{shares}，最长 longest {max(self.tokens)}；"
            f"超过 over {self.limit}：{self.over} ({self.over / n:.1%})"
        )
