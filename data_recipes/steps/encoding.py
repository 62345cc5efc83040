"""Text that was read in the wrong encoding, and the invisible characters that travel with files.

Misread text is read again only where that is certain (``misread.py``). Where characters are already lost (U+FFFD,
锟斤拷) nothing can be fixed, and the row is dropped.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import polars as pl
import pyarrow as pa

from common.command import Config
from data_recipes.steps import misread, texts
from data_recipes.steps.step import Outcome, Step, StepKind

_INVISIBLE = re.compile("[\ufeff\u200b\u2060\u00ad\u0000-\u0008\u000b-\u001f\u007f-\u0084\u0086-\u009f]")
_LOST = "\ufffd|锟斤拷"
_DECOMPOSED = r"\p{M}|[\u1100-\u11ff\u2000\u2001\u2126\u212a\u212b\u2329\u232a\uf900-\ufaff\U0002f800-\U0002fa1f]"
_WIDE = re.compile("[０-９Ａ-Ｚａ-ｚ\u3000]")


class EncodingStep(Config):
    """Fixes the characters of every text.

    Attributes:
        kind: Selects this step.
        reread: Text that was read in the wrong encoding is read again, where that is certain.
        half_width: Full-width letters, digits and spaces become half-width; punctuation stays as it is.
        simplified: Traditional characters become simplified ones.
    """

    kind: Literal["encoding"]
    reread: bool = True
    half_width: bool = True
    simplified: bool = False


def make(config: EncodingStep) -> Step:
    """The step with these options."""
    simplify = _simplifier() if config.simplified else None
    hints = f"{_INVISIBLE.pattern}|\r|{_DECOMPOSED}"
    hints += f"|{misread.HINT}" if config.reread else ""
    hints += f"|{_WIDE.pattern}" if config.half_width else ""

    def fixed(text: str) -> tuple[str, list[str]]:
        return _fixed(text, config, simplify)

    def needed(column: pl.Series) -> pl.Series:
        return column != "" if simplify else column.str.contains(hints)

    def screened(rows: pa.Table) -> Outcome:
        whole = texts.without(rows, [("lost_characters", texts.any_of_row(rows, "messages", _lost(rows, config)))])
        outcome = texts.rewritten(whole.kept, needed, fixed)
        return replace(outcome, dropped=texts.in_order(rows, whole.dropped + outcome.dropped))

    return screened


def _lost(rows: pa.Table, config: EncodingStep) -> pl.Series:
    """Whether a turn has lost characters."""
    turns = texts.flat(rows, "messages")
    if not config.reread:
        return turns.str.contains(_LOST)
    suspected = turns.str.contains(f"{_LOST}|{misread.HINT}")
    return texts.holding(turns, suspected, lambda turn: bool(re.search(_LOST, turn)) or misread.beyond_repair(turn))


def _fixed(text: str, config: EncodingStep, simplify: Callable[[str], str] | None) -> tuple[str, list[str]]:
    done = []
    for name, change in (
        ("mojibake", misread.reread if config.reread else None),
        ("line_ends", lambda t: t.replace("\r\n", "\n").replace("\r", "\n")),
        ("invisible", lambda t: _INVISIBLE.sub("", t)),
        ("composed", lambda t: unicodedata.normalize("NFC", t)),
        ("half_width", _narrowed if config.half_width else None),
        ("simplified", simplify),
    ):
        if change and (after := change(text)) != text:
            text = after
            done.append(name)
    return text, done


def _narrowed(text: str) -> str:
    return _WIDE.sub(lambda match: " " if match[0] == "\u3000" else chr(ord(match[0]) - 0xFEE0), text)


def _simplifier() -> Callable[[str], str]:
    import opencc

    return opencc.OpenCC("t2s").convert


STEP = StepKind(EncodingStep, make)
