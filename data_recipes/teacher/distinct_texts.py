"""Which of many kept texts resembles a new one: ROUGE-L over characters, exact, without comparing with all of them.

The longest common subsequence of two texts is never longer than the characters that they have in common, counted with
repeats. An index from each character to the texts that hold it gives this bound for all texts at once; only those whose
bound reaches the threshold are compared.
"""

from array import array
from collections import Counter, defaultdict

import numpy as np
from rapidfuzz.distance import LCSseq

from data_recipes.leakage.normalise import normalise


def rouge_l(left: str, right: str) -> float:
    """ROUGE-L F1 of two texts by characters, as they are; 0 where one is empty."""
    return 2 * LCSseq.similarity(left, right) / (len(left) + len(right)) if left and right else 0.0


class DistinctTexts:
    """Texts of which no two resemble each other; punctuation, width and case do not count.

    Args:
        threshold: ROUGE-L from which on two texts are alike.
    """

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self._texts: list[str] = []
        self._lengths = array("i")
        self._holders: dict[str, tuple[array[int], array[int]]] = defaultdict(lambda: (array("i"), array("i")))

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, text: str) -> None:
        """Keeps a text."""
        text = normalise(text)
        for character, times in Counter(text).items():
            rows, counts = self._holders[character]
            rows.append(len(self._texts))
            counts.append(times)
        self._texts.append(text)
        self._lengths.append(len(text))

    def resembles(self, text: str) -> int | None:
        """The number of a kept text that is alike, counted from 0; None where there is none."""
        text = normalise(text)
        for number in self._candidates(text):
            if rouge_l(self._texts[number], text) >= self.threshold:
                return int(number)
        return None

    def _candidates(self, text: str) -> np.ndarray:
        """The texts that may be alike, by what they have in common."""
        shared = np.zeros(len(self._texts), np.int32)
        for character, times in Counter(text).items():
            if character in self._holders:
                rows, counts = (np.frombuffer(column, np.int32) for column in self._holders[character])
                shared[rows] += np.minimum(counts, times)
        lengths = np.array(self._lengths, np.int32) + len(text)
        likely = np.flatnonzero(2 * shared >= self.threshold * lengths)
        return likely[np.argsort(-shared[likely], kind="stable")]
