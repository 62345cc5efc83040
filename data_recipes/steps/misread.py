"""Text that was read in the wrong encoding, read again.

Three kinds are known: UTF-8 read as Latin-1 or Windows-1252, GB18030 read as these, and UTF-8 read as GB18030. That
bytes fit another encoding proves little: a run of ×, · or ° is GB18030 too. A text is changed only where the new
reading gives common Chinese words of different characters, and the old one does not.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from data_recipes.steps.dictionary import in_words

_CP1252 = {bytes([byte]).decode("cp1252"): byte for byte in range(0x80, 0xA0) if byte not in b"\x81\x8d\x8f\x90\x9d"}
_TO_LATIN_1 = str.maketrans({character: chr(byte) for character, byte in _CP1252.items()})
_SPECIAL = "".join(_CP1252)
_TRAIL = rf"[\u0080-\u00bf{_SPECIAL}]"
_UTF_8 = re.compile(rf"(?:[\u00c2-\u00df]{_TRAIL}|[\u00e0-\u00ef]{_TRAIL}{{2}}|[\u00f0-\u00f4]{_TRAIL}{{3}})+")
_GB2312 = re.compile("(?:[\u00a1-\u00f7][\u00a1-\u00fe])+")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+[@-~]?")  # the last byte of a run may have joined with a letter
_CLAUSE = re.compile(r"[^\x00-\x7f，。；：！？、“”（）]+")
_ALL = re.compile(r"[\s\S]+")
_NO_HAN = re.compile("[^\u3400-\u9fff]+")
_SEVERAL, _LEAST_SHARE = 4, 0.25  # characters in words; their share of the Chinese characters
_ONE_WORD_OF_UTF_8, _ONE_WORD_OF_GB18030 = 0.3, 0.6  # its share; bytes that are UTF-8 by chance are rare

# what the first two bytes of a Chinese character in UTF-8 are in GB18030: rare characters
_FIRST_TWO = "".join(
    bytes([lead, trail]).decode("gbk", "ignore") for lead in range(0xE4, 0xEA) for trail in range(0x80, 0xC0)
)
_PAIR = re.compile(f"[{_FIRST_TWO}](?=(.))")
_LATIN_RUN = re.compile(rf"[\u00a1-\u00ff][\u0080-\u00ff{_SPECIAL}]{{3}}")
HINT = f"{_LATIN_RUN.pattern}|[{_FIRST_TWO}]"
"""Matches wherever ``reread`` may change something; quick to search for in a whole column."""


class _Part(NamedTuple):
    """A part of a text, and what it is in another encoding."""

    start: int
    end: int
    again: str


def reread(text: str) -> str:
    """The text in the encoding that it was written in, where that is certain; else the text."""
    gb18030 = _has_utf_8_as_gb18030(text)
    if (not gb18030 and not _LATIN_RUN.search(text)) or beyond_repair(text):
        return text
    for reading in (_utf_8_as_latin_1, _utf_8_as_gb18030) if gb18030 else (_utf_8_as_latin_1,):
        once = reading(text)
        twice = [part._replace(again=_replaced(part.again, reading(part.again))) for part in once]
        for parts in (once, twice):
            if _certain(text, parts, _ONE_WORD_OF_UTF_8):
                return _replaced(text, parts)
    if _certain(text, parts := _parts(text, _ALL, _bytes, "gb18030"), _ONE_WORD_OF_GB18030):
        return _replaced(text, parts)
    return _replaced(text, _certain_parts(text))


def beyond_repair(text: str) -> bool:
    """Whether a text is UTF-8 that was read as GB18030 and has lost bytes since."""
    if not _has_utf_8_as_gb18030(text):
        return False
    again = _gb18030(text).decode("utf-8", "replace")
    lost = again.count("\ufffd")
    return 0 < lost < len(_NO_HAN.sub("", again)) / 2 and _is_chinese(again, text, _ONE_WORD_OF_UTF_8)


def _has_utf_8_as_gb18030(text: str) -> bool:
    """Whether three bytes of UTF-8 and the beginning of more are somewhere: quick, and true of few clean texts."""
    for pair in _PAIR.finditer(text):
        after = _gb18030(pair[1])
        if len(after) == 2 and after[0] < 0xC0 and not 0x80 <= after[1] < 0xC2:
            return True
    return False


def _utf_8_as_latin_1(text: str) -> list[_Part]:
    return _parts(text, _UTF_8, _bytes, "utf-8")


def _utf_8_as_gb18030(text: str) -> list[_Part]:
    return _parts(text, _BEYOND_ASCII, _gb18030, "utf-8")


def _certain_parts(text: str) -> list[_Part]:
    """Clauses and runs that are misread among others that are not."""
    clauses, runs = _parts(text, _CLAUSE, _gb18030, "utf-8"), _parts(text, _GB2312, _bytes, "gb2312")
    return sorted(
        [part for part in clauses if _certain(text, [part], _ONE_WORD_OF_UTF_8)]
        + [part for part in runs if _certain(text, [part], _ONE_WORD_OF_GB18030)]
    )


def _parts(text: str, pattern: re.Pattern[str], encoded: Callable[[str], bytes], written_in: str) -> list[_Part]:
    """The matches of a pattern that another encoding fits."""
    parts = []
    for match in pattern.finditer(text):
        try:
            parts.append(_Part(*match.span(), encoded(match[0]).decode(written_in)))
        except UnicodeError:
            continue
    return parts


def _bytes(text: str) -> bytes:
    """What Latin-1 or Windows-1252 was read from."""
    return text.translate(_TO_LATIN_1).encode("latin-1")


def _gb18030(text: str) -> bytes:
    return text.encode("gb18030", "replace")


def _certain(text: str, parts: list[_Part], one_word: float) -> bool:
    return _is_chinese(
        "".join(part.again for part in parts), "".join(text[part.start : part.end] for part in parts), one_word
    )


def _is_chinese(again: str, before: str, one_word: float) -> bool:
    """Whether Chinese characters form common words, and those before do not.

    Of a thousand pairs of arbitrary characters, two are a word; that several words follow one another is no accident.

    Args:
        again: The new reading.
        before: The text as it is.
        one_word: The share of the characters that a single word must be.
    """
    han = _NO_HAN.sub("", again)
    if len(set(han)) < 2:
        return False
    share = _share_in_words(han)
    several = share * len(han) >= _SEVERAL and share >= _LEAST_SHARE
    return (several or share >= one_word) and _share_in_words(_NO_HAN.sub("", before)) < share / 2


def _share_in_words(han: str) -> float:
    return in_words(_simplifier()(han)) / len(han) if han else 0.0


def _replaced(text: str, parts: list[_Part]) -> str:
    for part in reversed(parts):
        text = text[: part.start] + part.again + text[part.end :]
    return text


@cache
def _simplifier() -> Callable[[str], str]:
    import opencc

    return opencc.OpenCC("t2s").convert
