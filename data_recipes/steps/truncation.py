"""Answers that stop in the middle.

Some endings no complete answer has: an open bracket or quotation mark, a number of a list without its item, a
conjunction, the first character of a word or of a clause. A missing full stop alone says little: many people leave out
the last one. It is only likely to be missing because the answer was cut where its author divided many clauses before,
or where a condition has no consequence or a dose no unit.
"""

import re

from data_recipes.steps.dictionary import last_word_is_whole

_OPENING = "“「『（《〈【"
_CLOSING = "”」』）》〉】"
_ITEM = re.compile(
    r"(?:^|[\n；;。，,])[ \t]*(?:[（(]?\d{1,2}[.、）)]"
    "|第[一二三四五六七八九十][、，,：:]?|其[一二三四五六][、，,：:]|[一二三四五六七八九十]、)$"
)
_ANNOUNCED = re.compile(r"(?:如下|包括|包含|分为|有|例如|比如|譬如|分别是|分别为|以下[^\n。，]{0,8})[：:]$")
_OPEN_END = re.compile(r"(?<![-=>])[=÷×＝≤≥<＜+（(\[{“‘《「『/]$|==$|\w:$|、$")
_CONNECTIVE = "|".join(
    (
        "以及|因为|由于|但是|(?<!不)但|并且|例如|比如|譬如|包括|如果|假如|若|虽然|即使|尽管|而且|或者|或|从而|其中|不仅|不但|所以|因此|然而|一旦(?:出现|发生)?",
        "(?<![原规法准细])则|(?<![缓温柔总饱平亲随])和|(?<![参给赠])与|(?<![普得以累危不])及|(?<!合)并|且|(?<![棉盖])被|(?<![一拖火])把|(?<![图影录好])像",
        "(?<![退转谦])让|叫做|称为|名为|为了|关于|根据|按照|随着|对于|导致|使得|超过|达到|低于|高于|大于|小于|等于|进入|属于|位于",
        "一[类种个]是|分别是|原因是|主要是|特别是|尤其是|可能是|就是|另外|此外|首先|其次|然后|至少|至多|最多|大约|每次|每|第",
        "应该|应当|必须|还会|就会|都会|还要|就要|需要|较|很|更|最|非常|是否|(.)\\1地",
    )
)
_CUT = re.compile(f"(?:{_CONNECTIVE})$")
_CAUSED = re.compile("[由因][^，。；]{1,20}导致$")
_CUT_MODAL = re.compile(
    "(?<![不没也都才就一功可性智本重必主机误社学聚体开])(?:要|会|能|有|要去|可以)$|不要$|能不能$|会不会$|要不要$"
)
_LATIN_CUT = re.compile(r"\b(?:the|an?|of|and|or|because|such as|including|with|for|to)$")
_WORD_END = re.compile("[\u4e00-\u9fff0-9]$")
_LIST = re.compile(r"^[ \t]*(?:[-*•·|]|[（(]?\d{1,2}[.、）)]|[一二三四五六七八九十]、|[①-⑳])", re.MULTILINE)
_LABEL = re.compile(r"(?:^|[\n。！？；])[ \t]*[^\n。！？；，,：:]{1,10}[：:]$")
_PROSE, _MODAL_PROSE = 8, 20  # characters; shorter answers may end in anything
_DIVIDED = re.compile(r"[。！？；，,]|(?<=[\u4e00-\u9fff])\.(?=[\u4e00-\u9fff\s])")
_MANY = 5  # signs between clauses, by which an author shows that his sentences have them
_CLOSED = re.compile(
    "(?:等等?|为[主宜好]|即可|就[行好]|可以|的|了|吧|呢|啊|哦|康复|健康|愉快|帮助)$"
)  # often without one
_UNFINISHED = re.compile(
    r"(?:以后|之后|的时候|情况下)$|(?:服|吃|[每一][次日天]|(?<!不)超过|控制在)\d+(?:\.\d+)?$"
    "|(?:^|[。！？；，,])(?:如果|若|一旦|倘若|假如|要是|虽然|尽管)(?:(?!就|则|要|应|建议|可以?|也|都|请|马上|立[即刻])[^。！？；，,])+$"
)
_TAIL = 60  # characters, in which an ending is found
_BEGUN_CLAUSE = re.compile("[，。；,;][\u4e00-\u9fff]$")
_ONE_WORD = re.compile("[好对行是否能不嗯有无会哦啊呢吧乖棒赞]$")  # a clause of one character
_TWO_HAN = re.compile("[\u4e00-\u9fff]{2}$")
_BROKEN, _PERHAPS_BROKEN = 0.05, 0.2  # of 2,388 answers none and 8 end so; cut at random, 2 % and 11 %


def trimmed(answer: str) -> str:
    """The answer without a comma or an empty label at its end: "多休息，", "备注："."""
    text = answer.rstrip()
    if _cut_mark(text):
        return answer
    if text[-1:] in (",", "，"):
        return text.rstrip(",，") or answer
    while (label := _LABEL.search(text)) and label.start():
        text = text[: label.start() + 1].rstrip()
    return answer if text == answer.rstrip() else text


def is_cut(answer: str) -> bool:
    """Whether an answer ends as no complete one does."""
    text = answer.rstrip()
    return _cut_mark(text) or _cut_word(text)


def is_perhaps_cut(answer: str) -> bool:
    """Whether prose ends without a full stop, though its clauses are divided, or in a clause that needs another."""
    text = answer.rstrip()
    last = text.rsplit("\n", 1)[-1]
    if len(last) < _MODAL_PROSE or _LIST.search(last) or "```" in text or not _WORD_END.search(last):
        return False
    if _UNFINISHED.search(last[-_TAIL:]) or _ends_within_a_word(last, _PERHAPS_BROKEN):
        return True
    return len(_DIVIDED.findall(text)) >= _MANY and not _CLOSED.search(last)


def _cut_mark(text: str) -> bool:
    """An open bracket, a number of a list without its item, a sign that something must follow."""
    opened = sum(text.count(mark) for mark in _OPENING) - sum(text.count(mark) for mark in _CLOSING)
    tail = text[-_TAIL:]
    return (
        (opened > 0 and not text.endswith("."))
        or text.count("```") % 2 == 1
        or any(ending.search(tail) is not None for ending in (_ITEM, _ANNOUNCED, _OPEN_END))
    )


def _cut_word(text: str) -> bool:
    if len(text) < _PROSE:
        return False
    tail = text[-_TAIL:]
    if _CAUSED.search(tail):
        return False
    if _CUT.search(tail) or _LATIN_CUT.search(tail):
        return True
    if len(text) < _MODAL_PROSE:
        return False
    if _BEGUN_CLAUSE.search(tail) and not _ONE_WORD.search(tail):
        return True
    return _CUT_MODAL.search(tail) is not None or _ends_within_a_word(tail, _BROKEN)


def _ends_within_a_word(text: str, limit: float) -> bool:
    return _TWO_HAN.search(text) is not None and last_word_is_whole(text) < limit
