"""Quantiles of lengths, and the sentence about tokens."""

from collections import Counter

import numpy as np

from data_recipes.dataset.lengths import TokenLengths, quantile


def test_quantiles_are_lengths_that_occur() -> None:
    lengths = np.random.default_rng(1).integers(1, 500, 999).tolist()
    for share in (0.5, 0.9, 0.99, 1.0):
        assert quantile(Counter(lengths), share) == np.quantile(lengths, share, method="inverted_cdf")
    assert quantile(Counter(), 0.5) == 0


def test_what_is_longer_than_the_limit_is_counted() -> None:
    lengths = TokenLengths(Counter(range(3, 103)), limit=92)
    assert lengths.over == 10
    assert "平均 mean 52.5，50% 52，90% 92，95% 97，99% 101，最长 longest 102" in str(lengths)
    assert "超过 over 92：10 (10.0%)" in str(lengths)
    assert str(TokenLengths(Counter(), 5)) == "0 题 · examples"
