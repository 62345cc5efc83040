"""Text that was read in the wrong encoding, and the invisible characters that travel with files.

A misread text is fixed only where the repair is certain: every byte must fit the right encoding and give Chinese.
Where characters are already lost (U+FFFD, 锟斤拷) nothing can be fixed, and the row is dropped.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Literal

import polars as pl
import pyarrow as pa

from common.command import Config
from data_recipes.steps import texts
from data_recipes.steps.step import Outcome, Step, StepKind

_CP1252 = "ŒœŠšŸŽžƒˆ˜–—‘’‚“”„†‡•…‰‹›€™"
_LATIN = rf"[\u0080-\u00ff{_CP1252}]"
_LATIN_RUN = re.compile(rf"[\u00a1-\u00ff]{_LATIN}{{3,}}")
# characters that occur almost only where UTF-8 was read as GBK: each half of a Chinese character's three bytes
_HALVES = "".join(
    bytes([lead, trail]).decode("gbk", "ignore") for lead in range(0xE4, 0xEA) for trail in range(128, 160)
)
_INVISIBLE = re.compile("[\ufeff\u200b\u2060\u00ad\u0000-\u0008\u000b-\u001f\u007f-\u0084\u0086-\u009f]")
_LOST = "\ufffd|锟斤拷"
_DECOMPOSED = r"\p{M}|[\u1100-\u11ff\u2000\u2001\u2126\u212a\u212b\u2329\u232a\uf900-\ufaff\U0002f800-\U0002fa1f]"
_WIDE = re.compile("[０-９Ａ-Ｚａ-ｚ\u3000]")
_HAN = re.compile("[\u4e00-\u9fff]")


class EncodingStep(Config):
    """Fixes the characters of every text.

    Attributes:
        kind: Selects this step.
        half_width: Full-width letters, digits and spaces become half-width; punctuation stays as it is.
        simplified: Traditional characters become simplified ones.
    """

    kind: Literal["encoding"]
    half_width: bool = True
    simplified: bool = False


def make(config: EncodingStep) -> Step:
    """The step with these options."""
    simplify = _simplifier() if config.simplified else None
    hints = f"[\u00a1-\u00ff]{_LATIN}{{3}}|[{_HALVES}]|{_INVISIBLE.pattern}|\r|{_DECOMPOSED}"
    hints += f"|{_WIDE.pattern}" if config.half_width else ""

    def fixed(text: str) -> tuple[str, list[str]]:
        return _fixed(text, config.half_width, simplify)

    def needed(column: pl.Series) -> pl.Series:
        return column != "" if simplify else column.str.contains(hints)

    def screened(rows: pa.Table) -> Outcome:
        lost = texts.any_of_row(rows, "messages", texts.flat(rows, "messages").str.contains(_LOST))
        whole = texts.without(rows, [("lost_characters", lost)])
        outcome = texts.rewritten(whole.kept, needed, fixed)
        return Outcome(outcome.kept, texts.in_order(rows, whole.dropped + outcome.dropped), outcome.counts)

    return screened


def _fixed(text: str, half_width: bool, simplify: Callable[[str], str] | None) -> tuple[str, list[str]]:
    done = []
    for name, change in (
        ("mojibake", _reread),
        ("line_ends", lambda t: t.replace("\r\n", "\n").replace("\r", "\n")),
        ("invisible", lambda t: _INVISIBLE.sub("", t)),
        ("composed", lambda t: unicodedata.normalize("NFC", t)),
        ("half_width", _narrowed if half_width else None),
        ("simplified", simplify),
    ):
        if change and (after := change(text)) != text:
            text = after
            done.append(name)
    return text, done


def _reread(text: str) -> str:
    """The text in the encoding that it was written in, where that is certain."""
    if (whole := _decoded(text, "gb18030", "utf-8")) and len(_HAN.findall(whole)) >= 2 and not whole.isascii():
        return whole
    return _LATIN_RUN.sub(_reread_run, text)


def _reread_run(match: re.Match[str]) -> str:
    run = match[0]
    for read_as, written_in in (("latin-1", "utf-8"), ("cp1252", "utf-8"), ("latin-1", "gb2312")):
        decoded = _decoded(run, read_as, written_in)
        # GB2312 has many characters that are never used: only text entirely in its first, common half is certain
        if decoded and _HAN.search(decoded) and (written_in == "utf-8" or all(map(_common, decoded))):
            return decoded
    return run


def _common(character: str) -> bool:
    return 0xB0 <= character.encode("gb2312")[0] <= 0xD7 or character in "，。、：；？！（）“”《》"


def _decoded(text: str, read_as: str, written_in: str) -> str:
    try:
        return text.encode(read_as).decode(written_in)
    except UnicodeError:
        return ""


def _narrowed(text: str) -> str:
    return _WIDE.sub(lambda match: " " if match[0] == "\u3000" else chr(ord(match[0]) - 0xFEE0), text)


def _simplifier() -> Callable[[str], str]:
    import opencc

    return opencc.OpenCC("t2s").convert


STEP = StepKind(EncodingStep, make)
