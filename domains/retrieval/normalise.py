"""One spelling for what people type: simplified script, half width, lower case, no stray spaces, 2型 for 二型."""

import re
import unicodedata
from functools import cache

import opencc

HAN = "\u3400-\u9fff"
_NUMBERED = re.compile("(第)?([一二三四五六七八九]|iv|i{1,3}|[1-9])(?=[型期级度代])")
_NUMBERS = {"一": "1", "二": "2", "三": "3", "四": "4", "五": "5", "六": "6", "七": "7", "八": "8", "九": "9"} | {
    "i": "1",
    "ii": "2",
    "iii": "3",
    "iv": "4",
}
_SPACES = re.compile(rf"(?<=[{HAN}])\s+|\s+(?=[{HAN}])")
_HYPHENS = re.compile(rf"(?<=[a-z{HAN}])[-‐‑–·•]+(?=[a-z0-9{HAN}])|(?<=[0-9])[-‐‑–·•]+(?=[a-z{HAN}])")


def normalised(text: str) -> str:
    """A text as names are compared in it: ``第二型糖尿病 `` and ``２型糖尿病`` are the same."""
    text = simplified(unicodedata.normalize("NFKC", text)).lower()
    text = _HYPHENS.sub("", _SPACES.sub("", " ".join(text.split()))).replace("醯", "酰")  # which OpenCC leaves
    return _NUMBERED.sub(lambda found: _NUMBERS.get(found[2], found[2]), text)


def simplified(text: str) -> str:
    """The text in simplified script."""
    converted: str = _converter().convert(text)
    return converted


@cache
def _converter() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")
