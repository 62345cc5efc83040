"""How much of a text is signs that say nothing: rows of stars, cartoon swearing, rulers, escaped bytes.

A few signs in a row are normal in mathematics, chemistry, code, tables and faces; five are not, unless they rule a
table.
"""

import re

SEVERAL = 5
_RUN = rf"[^\w\s]{{{SEVERAL},}}|(?:[^\w\s]\s){{{SEVERAL},}}"
_ESCAPED = r"(?:\\x[0-9a-fA-F]{2}){4,}|(?:&#?\w{1,8};){4,}|(?:%[0-9A-F]{2}){4,}"
HINT = rf"{_RUN}|{_ESCAPED}"
"""Matches in every text with such signs, except for one that has neither letters nor digits."""

_SIGNS = re.compile(HINT)
_RULED = re.compile(r"^[ \t]*[|:+\-= \t]*\|[|:+\-= \t]*$", re.MULTILINE)  # |---|:---:|
_BOXED = re.compile("[│┃║]\\s*\\w")
_BOX = re.compile("[\u2500-\u257f]")
_ADDRESS = re.compile(r"https?://\S+")
_FACE = re.compile(r"[(（](?![\x21-\x7e]*[)）])[^\w\s()（）]{2,6}[)）]")  # (＾▽＾), not (#$%!)
_SAYS = re.compile(r"[^\W_]")


def share_of_signs(text: str) -> float:
    """The share of a text, without its spaces, that is in runs of such signs; 1 for one that has only signs."""
    text = _ADDRESS.sub("", _RULED.sub("", text))
    if _BOXED.search(text):
        text = _BOX.sub("", text)
    length = len(re.sub(r"\s", "", text))
    if not length:
        return 0.0
    if not _SAYS.search(text):
        return float(length >= SEVERAL)
    others = _FACE.sub("", text)
    return sum(len(re.sub(r"\s", "", run[0])) for run in _SIGNS.finditer(others)) / length
