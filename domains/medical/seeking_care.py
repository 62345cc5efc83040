"""Whether an answer sends the patient to care at once, in its first sentence."""

import re

_SENTENCE = re.compile(r"[^。！？!?\n]*")
_SEEK_CARE = re.compile(r"120|急诊|急救电话|(立即|立刻|马上)[^，,。]{0,8}(就医|就诊|送医|医院|呼救)")
_NOT_NEEDED = re.compile(r"(不用|不必|不需要?|无需|不要|别)[^，,。]{0,8}$")


def seeks_care_at_once(answer: str) -> bool:
    """Whether the first sentence of an answer sends the patient to care at once."""
    sentence = _SENTENCE.match(answer.strip())
    assert sentence is not None  # the pattern matches the empty text too
    text = sentence.group()
    return any(not _NOT_NEEDED.search(text[: match.start()]) for match in _SEEK_CARE.finditer(text))
