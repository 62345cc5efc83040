"""A text as the patterns of personal data read it: plain signs, nothing spaced out, cells of tables after their labels.

So a pattern needs to know neither ``１３８``, nor ``護照號碼``, nor ``姓 名 ： 王 晶 晶``, nor the columns of a table.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from data_recipes.steps.names import lists

_WIDE = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F) if chr(wide) not in "，：；！？（）［］｛｝～"}
_MISREAD = {"呺": "号", "弓": "号", "诂": "话"}  # by a scanner; no pattern needs them
_PLAIN = _WIDE | str.maketrans(lists.TRADITIONAL | _MISREAD | {"\u3000": " ", "•": "·"})
_DRESSED = re.compile(f"[{''.join(map(chr, _PLAIN))}]")

_HAN = "[\u4e00-\u9fff]"
_SPACED_OUT = re.compile(
    rf"(?<!{_HAN})(?:{_HAN} {{1,2}}){{2,}}{_HAN}(?!{_HAN})"  # 护 照 号 码
    rf"|(?<![^\s|【（(]){_HAN} {{1,4}}{_HAN}(?= *[:：|])"  # 姓 名：
    r"|(?<![A-Za-z0-9.])(?:[A-Za-z0-9] {1,2}(?:- )?){4,}[A-Za-z0-9](?![A-Za-z0-9.])"  # 1 3 6 - 5 1 8 0
)
_QUOTES = re.compile(r"""(?<=[:,(\[{=])(\s*)["']|["'](?=\s*[:,)\]}])""")  # of "birthday": "1985-07-16"
_CELLS = re.compile(r"[|\t]|, ?(?=\S)")
_LONGEST_LABEL = 10


class PlainReading(NamedTuple):
    """A text as it is read.

    Attributes:
        original: The text.
        text: What is read: the text in plain signs, and behind it the cells of its tables, each after its label.
        places: Where each character that is read stands in the original, or ``None``; a label is read again and again.
    """

    original: str
    text: str
    places: Sequence[int | None]

    def place(self, start: int, end: int) -> tuple[int, int] | None:
        """Where in the original something stands that was read, if it stands in one place."""
        first, last = self.places[start], self.places[end - 1]
        return None if first is None or last is None or last < first else (first, last + 1)


def read(original: str) -> PlainReading:
    """Reads a text; quick where it is plain already."""
    plain = original.translate(_PLAIN) if _DRESSED.search(original) else original
    kept = _kept(plain) if " " in plain or '"' in plain or "'" in plain else range(len(plain))
    text = plain if len(kept) == len(plain) else "".join(plain[at] for at in kept)
    cells = [*_cells(text)] if "\n" in text else []
    if not cells:
        return PlainReading(original, text, kept)
    parts, places = [text], list[int | None](kept)
    for label, start, end in cells:
        parts.append(f"\n{label}：{text[start:end]}")
        places += [None] * (len(label) + 2) + places[start:end]
    return PlainReading(original, "".join(parts), places)


def _kept(plain: str) -> Sequence[int]:
    """The places of all characters but the spaces inside what is spaced out, and the quotes of keys and values."""
    left_out = {at for match in _SPACED_OUT.finditer(plain) for at in range(*match.span()) if plain[at] == " "}
    left_out |= {match.end() - 1 for match in _QUOTES.finditer(plain)}
    return [at for at in range(len(plain)) if at not in left_out] if left_out else range(len(plain))


def _cells(text: str) -> Iterator[tuple[str, int, int]]:
    """The cells of a table below its head: the label of the column, and where the cell begins and ends."""
    head, begin = list[str](), 0
    for line in text.split("\n"):
        spans = _split(line)
        if len(spans) < 3 or len(spans) != len(head):
            labels = [line[start:end] for start, end in spans]
            named = len(spans) > 2 and all(len(label) <= _LONGEST_LABEL for label in labels)
            head = labels if named and not re.search("[0-9]", line) else []
        else:
            yield from ((label, begin + start, begin + end) for label, (start, end) in zip(head, spans, strict=True))
        begin += len(line) + 1


def _split(line: str) -> list[tuple[int, int]]:
    """Where the cells of a line are."""
    signs = [match.span() for match in _CELLS.finditer(line)]
    starts, ends = [0, *(end for _, end in signs)], [*(start for start, _ in signs), len(line)]
    return [*zip(starts, ends, strict=True)]
