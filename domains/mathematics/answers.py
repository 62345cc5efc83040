"""Finds the final answer in a model's or a dataset's text, and compares it.

Units, width of digits, thousands separators, brackets and LaTeX do not matter. A number counts as the final answer when
a mark announces it (``答：``, ``答案是``, ``####``, ``\\boxed{}``, ``Answer:``), else the last number of the text does.
A text that refuses, or has no number, has no final answer.
"""

import re
import unicodedata
from fractions import Fraction

from domains.mathematics.expression import NotArithmetic, value

_MARKS = (
    re.compile(r"####\s*"),
    re.compile(r"(?:最终|正确)?答案\s*(?:应该|应)?(?:是|为|:|选|等于)+\s*"),
    re.compile(r"答\s*:\s*"),
    re.compile(r"(?:the )?(?:final |correct )?answer\s*(?:is|:|=)+\s*", re.I),
)
"""From the most to the least certain; of several occurrences of one mark the last counts."""

_REFUSAL = re.compile(
    r"不知道|不会做|不清楚|无法|不能(?:确定|回答|计算)|没有(?:足够|给出|答案)|条件不足|信息不足"
    r"|do not know|don't know|cannot|can't|not enough information",
    re.I,
)
_VULGAR = re.compile(r"(\d)([¼-¾⅐-⅞])")
_SLASHES = str.maketrans({"⁄": "/", "∕": "/", "−": "-", "–": "-", "﹣": "-", "：": ":"})
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_LATEX_NOISE = re.compile(r"\\(?:text|mathrm|mbox)\s*\{([^{}]*)\}|\\[,;:!() \[\]]|\\(?:left|right|displaystyle)\b|\$")
_THOUSANDS = re.compile(r"(?<![\d.])\d{1,3}(?:,\d{3})+(?!\d)")
_SAID_FRACTION = re.compile(r"(?:(\d+)又)?(\d+)分之(\d+)")
_SAID_PERCENT = re.compile(r"百分之(\d+(?:\.\d+)?)")
_NUMBER = re.compile(
    r"(?:(?<![\d.)%])-)?(?<![\d.])(?:"
    r"\d+又\d+/\d+|\d+\(\d+/\d+\)|\d+ +\d+/\d+(?![\d.])"  # mixed fractions
    r"|\(?\d+(?:\.\d+)?\)?/\(?\d+(?:\.\d+)?\)?|\d+(?:\.\d+)?:\d+(?:\.\d+)?"  # fractions, ratios
    r"|\d+(?:\.\d+)?|\.\d+) ?%?"
)
_MIXED = re.compile(r"(-?\d+)(?: +|\()(\d+/\d+)\)?")
_MYRIADS = {"万": 10**4, "亿": 10**8}
_SENTENCE_END = re.compile(r"[。!?;\n]|\.(?:\s|$)")
_DIGITS = {**{c: i for i, c in enumerate("零一二三四五六七八九")}, "〇": 0, "两": 2}
_TENS = {"十": 10, "百": 100, "千": 1000}
_UNITS = (
    "个|只|支|本|块|张|颗|朵|根|盒|把|条|头|匹|辆|艘|架|棵|株|盆|束|页|字|次|下|倍|人|名|位|份|组|排|袋|箱|瓶|杯|件|双|套|台|间|层"
    "|元|角|分|万元|千米|公里|米|分米|厘米|毫米|千克|公斤|克|吨|斤|升|毫升|公顷|亩|度|分钟|小时|秒|时|天|日|周|月|个月|年|岁"
    "|平方米|平方分米|平方厘米|平方千米|立方米|立方分米|立方厘米"
)
_SAID = r"[零〇一二两三四五六七八九十百千万亿]+"
_SAID_ANSWER = re.compile(rf"[是为共有]*({_SAID})(?:(?:又({_SAID}))?分之({_SAID}))?(?:{_UNITS})?(?:{_UNITS})?")
_JOIN = r"[)项\s]{0,3}(?:[,、;/+&]|和|与|及|以及)?[(\s]{0,3}"  # bounded, so that no text takes long
_LETTERS = rf"[A-H](?:{_JOIN}[A-H])*(?![a-zA-Z])"
_LISTED = rf"({_LETTERS}(?=[)项\s]*(?:$|[。,;:]|都|均|全|[两二三四五六]|正确|对))|[A-H]+(?![a-zA-Z]))"
"""In ``A,B错误`` B is not chosen: separate letters count together where nothing is said about the last."""
_CHOSEN = re.compile(rf"[(\s选]*{_LISTED}")
_NOTHING_ELSE = re.compile(rf"[(\s选]*({_LETTERS}(?=[).,、:。\s]*$)|[A-H](?=[).、:]))")
_CHOOSES = re.compile(rf"(?<!不)(?:选|选项|option)\s*:?\s*\(?{_LISTED}")
LONGEST = 20_000  # characters at the end of a text that are searched


def final_answers(text: str) -> list[Fraction]:
    """What a text states as its final answer, in every way it can be read.

    Args:
        text: A whole answer, or only the final one.

    Returns:
        Nothing where it states none; two values where a number of myriads (``3万元``) may count its unit or not.
    """
    plain = _folded(text[-LONGEST:])
    stated = _stated(plain)
    if stated is None:
        return [] if _REFUSAL.search(plain) else _read(_last_number(plain))
    sentence = _first_sentence(stated)
    if _REFUSAL.search(sentence):
        return []
    said = _said(sentence)
    return _read(_first_or_last_number(sentence)) if said is None else [said]


def final_letters(text: str) -> str:
    """The options that a text chooses, ``A`` to ``H``, each once and in order; empty where it does not say."""
    plain = _folded(text[-LONGEST:]).strip()
    stated = _stated(plain)
    where = _first_sentence(stated) if stated is not None else plain
    begins = _CHOSEN if stated is not None else _NOTHING_ELSE
    if match := begins.match(where):
        return _sorted(match[1])
    found = list(_CHOOSES.finditer(where))
    return _sorted(found[-1][1]) if found else ""


def is_checkable(result: str) -> bool:
    """Whether an expected result is a number or options, so that ``is_right`` can compare with it."""
    return bool(_options(result) or _expected(result))


def is_right(text: str, result: str) -> bool:
    """Whether the final answer of a text is the expected one.

    Args:
        text: What was answered.
        result: The expected number; letters from ``A`` to ``H`` for options, all of which must be chosen and no other.
    """
    if options := _options(result):
        return final_letters(text) == options
    return any(same(given, wanted) for given in final_answers(text) for wanted in _expected(result))


def _options(result: str) -> str:
    """The options that an expected result consists of; empty where it is something else."""
    match = re.fullmatch(_LETTERS, unicodedata.normalize("NFKC", result).strip())
    return _sorted(match[0]) if match else ""


def _sorted(letters: str) -> str:
    return "".join(sorted(set(re.findall("[A-H]", letters))))


def _expected(result: str) -> list[Fraction]:
    try:
        return [value(result)]
    except NotArithmetic:
        return final_answers(result)


def same(given: Fraction, wanted: Fraction) -> bool:
    """Whether two numbers are equal, or the first is the second rounded to two or more decimals of infinitely many."""
    if given == wanted:
        return True
    if _decimals(wanted) is not None:
        return False
    places = _decimals(given)
    return places is not None and places >= 2 and abs(given - wanted) * 2 <= Fraction(1, 10**places)


def _decimals(number: Fraction) -> int | None:
    """Decimals that a number needs; None where no number of them is enough."""
    places, rest = 0, number.denominator
    while rest % 10 == 0:
        rest, places = rest // 10, places + 1
    for prime in (2, 5):
        while rest % prime == 0:
            rest, places = rest // prime, places + 1
    return places if rest == 1 else None


def _folded(text: str) -> str:
    text = unicodedata.normalize("NFKC", _VULGAR.sub(r"\1又\2", text)).translate(_SLASHES)
    text = text.replace("\\%", "%").replace("{,}", ",")
    text = re.sub(r"(\d)\s*(?=\\[dt]?frac)", r"\1又", text)
    text = _LATEX_NOISE.sub(r"\1", _FRACTION.sub(r"\1/\2", text))
    text = _THOUSANDS.sub(lambda match: match.group().replace(",", ""), text)
    return _SAID_FRACTION.sub(_as_fraction, _SAID_PERCENT.sub(r"\1%", text))


def _as_fraction(match: re.Match[str]) -> str:
    whole, denominator, numerator = match.groups()
    return f"{whole}又{numerator}/{denominator}" if whole else f"{numerator}/{denominator}"


def _stated(text: str) -> str | None:
    """What follows the most certain mark; None where there is no mark."""
    if (start := text.rfind("\\boxed{")) >= 0:
        return _braced(text[start + len("\\boxed{") :])
    for mark in _MARKS:
        if found := list(mark.finditer(text)):
            return text[found[-1].end() :].lstrip("*# \n")
    return None


def _braced(text: str) -> str:
    depth = 1
    for place, character in enumerate(text):
        depth += (character == "{") - (character == "}")
        if not depth:
            return text[:place]
    return text


def _first_sentence(text: str) -> str:
    match = _SENTENCE_END.search(text)
    return text[: match.start()] if match else text


def _last_number(text: str) -> re.Match[str] | None:
    found = list(_NUMBER.finditer(text))
    return found[-1] if found else None


def _first_or_last_number(text: str) -> re.Match[str] | None:
    """The number that a stated answer begins with; else what its last equals sign leads to; else its last one."""
    begins = re.match(r"[\s*¥$£€约大是为共有:(x=]*", text)
    assert begins
    first = _NUMBER.search(text)
    if first and first.start() <= begins.end() and not re.match(r"\s*[+*×÷/=-]", text[first.end() :]):
        return first
    return _last_number(text)


def _read(match: re.Match[str] | None) -> list[Fraction]:
    if not match:
        return []
    try:
        number = value(_plain(match.group()))
    except NotArithmetic:
        return []
    after = match.string[match.end() : match.end() + 1]
    return [number, number * _MYRIADS[after]] if after in _MYRIADS else [number]


def _plain(number: str) -> str:
    if mixed := _MIXED.fullmatch(number.rstrip("% ")):
        return f"{mixed[1]}又{mixed[2]}"
    return number.replace("(", "").replace(")", "")


def _said(sentence: str) -> Fraction | None:
    """The value of a stated answer that is just a Chinese numeral and its unit."""
    match = _SAID_ANSWER.fullmatch(sentence.strip())
    if not match:
        return None
    first, denominator, numerator = match.groups()
    values = [_numeral(part) for part in (first, denominator, numerator) if part]
    if None in values:
        return None
    numbers = [Fraction(part) for part in values if part is not None]
    if not numerator:
        return numbers[0]
    whole, below, above = numbers if denominator else [Fraction(0), *numbers]
    return whole + above / below if below else None


def _numeral(text: str) -> int | None:
    """The value of a Chinese numeral such as ``一千零五``; None for any other text."""
    total = section = digit = 0
    for character in text:
        if character in _DIGITS:
            if digit:  # 二零一五 is not such a numeral
                return None
            digit = _DIGITS[character]
        elif character in _TENS:
            section += (digit or 1) * _TENS[character]
            digit = 0
        else:
            total = (total + section + digit) * _MYRIADS[character]
            section = digit = 0
    return total + section + digit
