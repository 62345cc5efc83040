"""Numbers in words, as digits: ``一百二`` is 120, ``四分之三`` 3/4, ``负五`` -5, ``1.2×10^3`` 1200, ``三成`` 30%.

A single numeral is a number only where a unit follows (``八只``): ``一`` is a word of its own (``一共``, ``一定``).
"""

import re
from fractions import Fraction

_DIGITS = {**{c: i for i, c in enumerate("零一二三四五六七八九")}, "〇": 0, "两": 2}
_DIGITS |= {c: i for i, c in enumerate("零壹贰叁肆伍陆柒捌玖")}
_TENS = {"十": 10, "百": 100, "千": 1000, "拾": 10, "佰": 100, "仟": 1000}
_JOINED_TENS = {"廿": 20, "卅": 30, "卌": 40}
MYRIADS = {"万": 10**4, "亿": 10**8}
_NUMERAL = f"[{''.join(_DIGITS | _TENS | _JOINED_TENS | MYRIADS)}]"
SAID = rf"{_NUMERAL}+(?:点[{''.join(_DIGITS)}]+)?"
"""A number in words."""

_AMOUNT = rf"(?:(?<![\d.])\d+(?:\.\d+)?|(?<!{_NUMERAL}){SAID})"  # whole runs only, so that no text takes long
_HALF = re.compile(rf"({_AMOUNT})个半(?=小时|月|星期|钟头)")
_HALF_UNIT = re.compile("(?<![个\\d一二三四五六七八九十两])半(?=小时|天|年|米|千克|公斤|个小时)")
_FRACTION = re.compile(rf"(?:({_AMOUNT})又)?({_AMOUNT})分之({_AMOUNT})")
_PARTS = {"百": 100, "千": 1000, "万": 10000}
_TENTHS = re.compile(rf"({_AMOUNT})成(?![人为了本功立长分员绩都的])")
_DISCOUNT = re.compile(r"打?([一二三四五六七八九]{1,2}|\d(?:\.\d)?|\d\d)折(?![线扣叠])")
_RATIO = re.compile(rf"({_AMOUNT})比({_AMOUNT})(?![多少大小高矮长短快慢贵])")
_NEGATIVE = re.compile(rf"(?:负|零下|negative |minus )(?=\d|{_NUMERAL})")
_PERCENT = re.compile(r"(?<=\d) ?(?:percent\b|per cent\b|个?百分点)", re.I)
_POWER_OF_TEN = re.compile(
    r"(?<![\d.])(\d+(?:\.\d+)?)\s*(?:[×x*·]\s*10\s*(?:\^|\*\*)\s*[({]?([-+]?\d{1,2})[)}]?|[eE]([-+]?\d{1,2})(?![\d.]))"
)
UNITS = (
    "个|只|支|本|块|张|颗|朵|根|盒|把|条|头|匹|辆|艘|架|棵|株|盆|束|页|次|倍|人|名|位|份|组|排|袋|箱|瓶|杯|件|双|套|台|间|层"
    "|元|角(?!形)|分钟|千米|公里|米|分米|厘米|毫米|千克|公斤|克|吨|斤|升|毫升|公顷|亩|度|小时|秒|天|周|年|岁|平方|立方"
)
"""What may be counted or measured, for a numeral of one character."""
_IN_TEXT = re.compile(
    rf"(?<![第点几数周期])(?<!{_NUMERAL})"
    rf"(?:{_NUMERAL}+点[{''.join(_DIGITS)}]+(?![分刻十])|{_NUMERAL}{{2,}}|[二两三四五六七八九十](?={UNITS}))(?!几|多|分之)"
)


def with_digits(text: str) -> str:
    """The text with every number that it writes in words in digits; what is no number stays.

    Args:
        text: In NFKC, exponents after ``^``.
    """
    text = _POWER_OF_TEN.sub(_scaled, _PERCENT.sub("%", text))
    text = _HALF_UNIT.sub("0.5", _HALF.sub(lambda half: f"{_digits(half[1])}.5", text))
    text = _FRACTION.sub(_fraction, text)
    text = _TENTHS.sub(lambda tenths: _percent(tenths[1], 10), text)
    text = _DISCOUNT.sub(_discount, text)
    text = _RATIO.sub(lambda ratio: f"{_digits(ratio[1])}:{_digits(ratio[2])}", text)
    text = _NEGATIVE.sub("-", text).replace("一半", "1/2")
    text = re.sub(rf"(?<=-)({SAID})", lambda said: _digits(said[0]), text)
    return _IN_TEXT.sub(lambda said: _digits(said[0]), text)


def _fraction(match: re.Match[str]) -> str:
    whole, denominator, numerator = match.groups()
    if whole is None and denominator in _PARTS:
        return f"{_digits(numerator)}%" if denominator == "百" else f"{_digits(numerator)}/{_PARTS[denominator]}"
    parts = f"{_digits(numerator)}/{_digits(denominator)}"
    return f"{_digits(whole)}又{parts}" if whole else parts


def _percent(said: str, times: int) -> str:
    number = amount(said)
    return said if number is None else f"{_plain(number * times)}%"


def _discount(match: re.Match[str]) -> str:
    """打九折 is 90 %, 八五折 85 %."""
    digits = "".join(str(_DIGITS.get(c, c)) for c in match[1]).replace(".", "")
    return f"{digits.ljust(2, '0')}%"


def _scaled(match: re.Match[str]) -> str:
    return _plain(Fraction(match[1]) * Fraction(10) ** int(match[2] or match[3]))


def _digits(said: str) -> str:
    """A number in digits; what is none stays."""
    number = amount(said)
    return said if number is None else _plain(number)


def _plain(number: Fraction) -> str:
    """A number with finitely many decimals, without an exponent."""
    whole, places = number, 0
    while whole.denominator != 1:
        whole, places = whole * 10, places + 1
    digits = str(whole.numerator).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}" if places else digits


def amount(said: str) -> Fraction | None:
    """The value of a number in digits or in words (``三点一四``); None for any other text."""
    if re.fullmatch(r"\d+(?:\.\d+)?", said):
        return Fraction(said)
    whole, point, decimals = said.partition("点")
    number = numeral(whole)
    if number is None or (point and not all(c in _DIGITS for c in decimals)):
        return None
    return number + Fraction(f"0.{''.join(str(_DIGITS[c]) for c in decimals)}") if point else Fraction(number)


def numeral(text: str) -> int | None:
    """The value of a Chinese numeral such as ``一千零五``; None for any other text.

    A last digit after a hundred or more counts its tenths: ``一百二`` is 120, ``一百零二`` 102.
    """
    total = section = digit = 0
    unit = 0  # what the last digit counts
    for character in text:
        if character in _DIGITS:
            if digit:  # 二零一五 is not such a numeral
                return None
            digit = _DIGITS[character]
            unit = unit if digit else 1
        elif character in _TENS:
            section += (digit or 1) * _TENS[character]
            digit, unit = 0, _TENS[character] // 10
        elif character in _JOINED_TENS:
            section, digit, unit = section + _JOINED_TENS[character], 0, 1
        elif character not in MYRIADS or not total + section + digit:
            return None
        else:
            total = (total + section + digit) * MYRIADS[character]
            section, digit, unit = 0, 0, MYRIADS[character] // 10
    return total + section + digit * (unit or 1)
