"""The format of image prompts in Midjourney's style: an English description, then parameters such as ``--ar 16:9``.

One table, ``PARAMETERS``, defines what is valid. The validator is a recipe step and the evaluation's metric.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

LONGEST = 1_000  # characters of a description
SHORTEST = 2  # words
BANNED = ("nude", "naked", "nsfw", "gore", "blood", "corpse", "suicide", "torture", "beheading", "sexy", "lingerie")
"""Words that image services refuse, or that are out of place in a hospital."""

_START = re.compile(r"(?:^|\s)--(?=\S)")
_DASH = re.compile(r"[—–]+(?=[a-z])")
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")


class Prompt(NamedTuple):
    """An image prompt in its two parts.

    Attributes:
        description: What is to be seen.
        parameters: Name and value, in order.
    """

    description: str
    parameters: tuple[tuple[str, str], ...]


def _whole(low: int, high: int) -> Callable[[str], bool]:
    return lambda value: value.isascii() and value.isdigit() and low <= int(value) <= high


def _ratio(value: str) -> bool:
    sides = re.fullmatch(r"([1-9]\d?):([1-9]\d?)", value)
    return sides is not None and 1 / 3 <= int(sides[1]) / int(sides[2]) <= 3


def _one_of(*values: str) -> Callable[[str], bool]:
    return lambda value: value in values


PARAMETERS: dict[str, Callable[[str], bool]] = {
    "ar": _ratio,
    "niji": _one_of("5", "6"),
    "v": _one_of("5", "5.1", "5.2", "6", "6.1", "7"),
    "style": _one_of("raw", "cute", "expressive", "scenic"),
    "stylize": _whole(0, 1000),
    "chaos": _whole(0, 100),
    "weird": _whole(0, 3000),
    "quality": _one_of("0.25", "0.5", "1", "2"),
    "seed": _whole(0, 4_294_967_295),
    "tile": lambda value: not value,
    "no": lambda value: bool(re.fullmatch(r"[a-z]+(?:,? [a-z]+)*", value)),
}
"""Every parameter with what its value may be, in the order in which they are written."""

ALIASES = {"aspect": "ar", "version": "v", "s": "stylize", "c": "chaos", "w": "weird", "q": "quality"}


def parsed(text: str) -> Prompt:
    """Parses a prompt; short names of parameters become the long ones of ``PARAMETERS``."""
    description, *parts = _START.split(text.strip())
    parameters = []
    for part in parts:
        name, _, value = part.strip().partition(" ")
        parameters.append((ALIASES.get(name, name), value.strip()))
    return Prompt(description.strip(), tuple(parameters))


def problems(text: str) -> list[str]:
    """What is wrong with a prompt, each as one of a few fixed words; nothing where it is valid.

    Args:
        text: A whole answer: nothing but the prompt.
    """
    prompt = parsed(text)
    names = [name for name, _ in prompt.parameters]
    known = [name for name in names if name in PARAMETERS]
    flaws = {
        "several_lines": "\n" in text.strip(),
        "no_description": len(_WORD.findall(prompt.description)) < SHORTEST,
        "not_english": not prompt.description.isascii(),
        "too_long": len(prompt.description) > LONGEST,
        "dash_instead_of_hyphens": _DASH.search(text) is not None,
        "banned_word": any(word.lower() in BANNED for word in _WORD.findall(prompt.description)),
        "repeated_phrase": _repeats(prompt.description),
        "unknown_parameter": len(known) < len(names),
        "repeated_parameter": len(set(names)) < len(names),
        "wrong_order": known != sorted(known, key=list(PARAMETERS).index),
        "wrong_value": any(name in PARAMETERS and not PARAMETERS[name](value) for name, value in prompt.parameters),
        "two_versions": {"v", "niji"} <= set(names),
    }
    return [flaw for flaw, found in flaws.items() if found]


def _repeats(description: str) -> bool:
    phrases = [phrase.strip().lower() for phrase in description.split(",")]
    return "" in phrases or len(set(phrases)) < len(phrases)


def is_image_prompt(text: str) -> bool:
    """Whether a text is a valid prompt that ends in parameters: answers to its question are then judged as prompts."""
    return "--" in text and bool(parsed(text).parameters) and not problems(text)


def same_parameters(answer: str, reference: str) -> float:
    """The share of the parameters of either prompt that both have, with the same value; 1 where neither has any."""
    said, wanted = set(parsed(answer).parameters), set(parsed(reference).parameters)
    return len(said & wanted) / len(said | wanted) if said | wanted else 1.0
