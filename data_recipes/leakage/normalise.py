"""How questions are compared: normalised, whole or by runs of characters."""

import unicodedata

from data_recipes.schema.example import Example

RUN = 13  # characters; the length that GPT-3 and later evaluation harnesses settled on, there in words
LATIN_RUN = 60  # characters of a text in Latin letters: about 13 English words; any two texts share 13 letters
RUN_TOLD = (
    f"{RUN} 字（拉丁字母为主处为 {LATIN_RUN} 字符）",
    f"{RUN} characters ({LATIN_RUN} where most are Latin letters)",
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


def runs(text: str, length: int) -> set[str]:
    """The runs of characters of a normalised text; none where it is shorter."""
    return {text[i : i + length] for i in range(len(text) - length + 1)}
