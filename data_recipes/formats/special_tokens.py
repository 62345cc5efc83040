"""Special tokens of prompt formats inside a text: what is left of a template that a row went through before.

A prompt breaks them by a space, so that no text opens a turn; training would still learn to write them. The tokens of
the formats in ``models/prompts`` are among these (tested), with those of other well-known templates.
"""

import re

_ANYWHERE = (
    r"<\|[A-Za-z_]\w*\|>|<｜[^｜<>\n]{1,40}｜>|\[/?INST\]|<</?SYS>>|\[[gs]MASK\]|<[se]op>|<reserved_\d+>"
    r"|<(?:start|end)_of_turn>"
)
_AT_ENDS = rf"{_ANYWHERE}|</?s>|<(?:pad|unk|bos|eos)>"  # inside a text <s> may be HTML
_FOUND = re.compile(_ANYWHERE)
_LEADING, _TRAILING = re.compile(rf"(?:\s*(?:{_AT_ENDS}))+\s*"), re.compile(rf"(?:(?:{_AT_ENDS})\s*)+$")


def special_token(text: str) -> str:
    """The first special token in a text, or at one of its ends; nothing where there is none."""
    if "<" not in text and "[" not in text:
        return ""
    found = _FOUND.search(text) or _LEADING.match(text) or _TRAILING.search(text)
    return found[0].strip().split()[0] if found else ""


def without_stop_tokens(text: str) -> str:
    """The text without those at its end, which only ended it; elsewhere they may have parted turns."""
    end = _TRAILING.search(text)
    return text[: end.start()].rstrip() if end else text
