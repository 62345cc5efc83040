"""Which options of a multiple-choice question a text chooses."""

import re

_JOIN = r"[)项\s]{0,3}(?:[,、;/+&]|和|与|及|以及)?[(\s]{0,3}"  # bounded, so that no text takes long
LETTERS = rf"[A-H](?:{_JOIN}[A-H]){{0,12}}(?![a-zA-Z])"
_WHOLE = r"[)项\s]*(?:$|[。,;:]|都|均|全|[两二三四五六]|正确|对)"
_LISTED = rf"({LETTERS}(?={_WHOLE})|[A-H]+(?![a-zA-Z]))"
"""In ``A,B错误`` B is not chosen: separate letters count together where nothing is said about the last."""

_STATED = re.compile(rf"[(\s选项]*{_LISTED}")
_STATED_SMALL = re.compile(r"[(\s选项]*([a-h])(?=[).,、:。\s]*$|[).、:])")
_ALONE = re.compile(rf"[(\s选]*({LETTERS}(?=[).,、:。\s]*$)|[A-H](?=[).:。]|、(?![A-H])))")
_ALONE_SMALL = re.compile(r"\s*\(?([a-h])[).。]?\s*$")
_NAMED = re.compile(
    r"(?:选项?|选择|option|choice)(?:的?(?:是|为|应为))?\s*(?:is)?\s*:?\s*\(?" + _LISTED
    + r"|(?:不?正确|错误|不对|有误|不当|不?恰当|不?合适|最佳|不?符合?\w{0,4})的?(?:说法|选项|一项|答案)?"
    + r"(?:应该|应|就)?(?:是|为|有|:)\s*\(?" + _LISTED,
    re.I,
)  # fmt: skip
_JUDGED = re.compile(
    rf"(?<![A-Za-z])({LETTERS})\s*(?:选项|项|答案)?[)的]?\s*(?:说法|描述)?\s*(?:才|就)?(?:是|为)?\s*(?:都|均|也|最|才|全|全部)*\s*"
    r"(?P<right>正确|对(?!比|照)|符合|恰当|合适|最佳|答案)"
)
_RULED_OUT = re.compile(r"^\s*不是\s*[A-H]\s*,?\s*(?:而?是)?")
_LEFT_OPEN = re.compile(r"\s*(?:或者?|还是|or\b)\s*[A-H](?![a-zA-Z])")
_NOT_CHOSEN = re.compile(r"(?:不|别|勿|非|不是)(?:应该?|能|可以?|要|会)?$|(?:排除|除去|除)$")


def chosen(text: str, stated: str | None) -> str:
    """The options that a text chooses, each once and in order; empty where it does not say.

    Args:
        text: The text.
        stated: What it announces as its answer, where it announces one.
    """
    if stated is not None:
        stated = _RULED_OUT.sub("", stated)
        begun = _STATED.match(stated) or _STATED_SMALL.match(stated)
        if begun:
            return "" if _LEFT_OPEN.match(stated, begun.end()) else in_order(begun[1])
    where = text if stated is None else stated
    if stated is None and (alone := _ALONE.match(where) or _ALONE_SMALL.match(where)):
        return in_order(alone[1])
    named = [found for found in _NAMED.finditer(where) if not _NOT_CHOSEN.search(where[: found.start()])]
    if named:
        if _LEFT_OPEN.match(where, named[-1].end()):
            return ""
        return in_order(named[-1][1] or named[-1][2])
    return in_order("".join(found[1] for found in _JUDGED.finditer(where)))


def in_order(letters: str) -> str:
    """The letters of a list of options, each once."""
    return "".join(sorted(set(re.findall("[A-H]", letters.upper()))))
