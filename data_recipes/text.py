"""How questions are compared: normalised, whole or by runs of characters."""

import unicodedata

from data_recipes.example import Example

RUN = 13  # characters; the length that GPT-3 and the evaluation harnesses after it settled on, there in words
LATIN_RUN = 60  # characters of a text in Latin letters: about 13 English words; 13 letters are shared by all of them
RUN_TOLD = (
    f"{RUN} 字（拉丁字母为主的题为 {LATIN_RUN} 字符）",
    f"{RUN} characters ({LATIN_RUN} in a question of mostly Latin letters)",
)
LATIN_BELOW = 0x250  # digits and the letters of western languages


def normalise(text: str) -> str:
    """Folds width and case and drops punctuation, symbols and spaces."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).lower() if c.isalnum())


def says_something(text: str) -> bool:
    """Whether anything is left of a text once it is normalised."""
    return any(map(str.isalnum, text))


def question(example: Example) -> str:
    """What the user asked, over all turns, normalised."""
    return normalise("".join(message.content for message in example.messages if message.role == "user"))


def run_length(text: str) -> int:
    """Characters of a run: ``LATIN_RUN`` where more than half of a normalised text is Latin letters and digits."""
    return LATIN_RUN if 2 * sum(ord(c) < LATIN_BELOW for c in text) > len(text) else RUN


def runs(text: str, length: int | None = None) -> set[str]:
    """All runs of ``length`` characters (by default ``run_length``) of a normalised text; none where it is shorter."""
    length = length or run_length(text)
    return {text[i : i + length] for i in range(len(text) - length + 1)}
