"""The encoding of a text file: detected, never guessed."""

import codecs
from functools import cache
from pathlib import Path

BLOCK = 1 << 20
MARKS = {"utf-8-sig": codecs.BOM_UTF8, "utf-16": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
COMMON = 0.9  # of the characters of a Chinese text
REPLACED = "\N{REPLACEMENT CHARACTER}"


def encoding_of(path: Path) -> str:
    """The encoding of a file: ``utf-8``, ``utf-8-sig``, ``utf-16`` (both with a mark) or ``gb18030``.

    Almost any bytes are valid GB18030, even a stray ``ä`` in English. So it is reported only where UTF-8 damages more
    lines and the result is Chinese. Lines that are damaged in the reported encoding can then be named.
    """
    status = path.stat()
    return _encoding(path, status.st_size, status.st_mtime_ns)


@cache
def _encoding(path: Path, size: int, changed: int) -> str:
    with path.open("rb") as file:
        start = file.read(4)
    for name, mark in MARKS.items():
        if start.startswith(mark):
            return name.removesuffix("-be")  # Python reads the mark itself
    if _decodes(path, "utf-8"):
        return "utf-8"
    is_gb18030 = _damaged_lines(path, "gb18030") < _damaged_lines(path, "utf-8") and _is_chinese(path, "gb18030")
    return "gb18030" if is_gb18030 else "utf-8"


def undecodable(encoding: str) -> str:
    """The reason counted for a row with bytes of another encoding, e.g. ``not_utf8``."""
    return f"not_{encoding.removesuffix('-sig').replace('-', '')}"


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as file:
        try:
            while block := file.read(BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _damaged_lines(path: Path, encoding: str) -> int:
    with path.open(encoding=encoding, errors="replace", newline="\n") as file:
        return sum(REPLACED in line for line in file)


def _is_chinese(path: Path, encoding: str) -> bool:
    """Whether nearly all characters that are not ASCII are among the 7,000 that GB 2312 has."""
    strange = common = 0
    with path.open(encoding=encoding, errors="ignore") as file:
        while block := file.read(BLOCK):
            ascii = len(block.encode("ascii", "ignore"))
            of_block = (len(block.encode("gb2312", "ignore")) - ascii) // 2
            common += of_block
            strange += len(block) - ascii - of_block
    return common > COMMON * (common + strange)
