"""Finds the final answer in a model's or a dataset's text, and compares it.

Units, width of digits, thousands separators, brackets, LaTeX and numbers in words do not matter. A number counts as
the final answer when a mark announces it (``答：``, ``答案是``, ``####``, ``\\boxed{}``, ``Answer:``), else the last
number of the text does. A text that refuses, denies its only number, only asks or has no number has no final answer;
one that leaves several open (``2或3``) has all of them.
"""

import re
import unicodedata
from collections.abc import Sequence
from fractions import Fraction

from domains.mathematics import choices
from domains.mathematics.expression import NotArithmetic, value
from domains.mathematics.numerals import SAID, UNITS, amount, with_digits
from domains.mathematics.quantities import Quantity, QuantityReading, equal, quantities

_MARKS = (
    re.compile(r"####\s*"),
    re.compile(r"(?:最终|正确)?答案\s*(?:应该|应)?(?:就|便)?(?:是|为|:|选|等于)+\s*"),
    re.compile(r"答\s*:\s*"),
    re.compile(r"(?:the )?(?:final |correct )?answer\s*(?:is|:|=)+\s*", re.I),
)
"""From the most to the least certain; of several occurrences of one mark the last counts."""

_REFUSAL = re.compile(
    r"不会(?:做|算|解)|不能(?:确定|回答|计算|求|得出|解)|(?:无法|没法|没办法)(?:确定|回答|计算|求|算|得出|得知|解|判断|知道)"
    r"|(?:条件|信息|数据)不(?:足|够)|缺少(?:必要的?)?(?:条件|信息|数据)|没有(?:足够|给出(?:足够|条件|信息|数据))|(?:无法|无从)(?=[。,;!]|$)"
    r"|(?:^|[。,;!\n])我?(?:也|真|实在)?(?:不(?:太)?(?:知道|清楚)|没有答案)(?:答案|怎么[做算])?(?=$|[。,;!\n])"
    r"|(?:do not|don't) know (?:the answer|how)|I (?:do not|don't) know|not enough information"
    r"|(?:cannot|can not|can't) (?:be )?(?:determin|answer|tell|say|calculat|solve|work)",
    re.I,
)
_SENTENCE = re.compile(r"[^。!?;\n]*[。!?;\n]*")
_DENIED = re.compile(r"(?:不是|不等于|并非|不可能是|不会是|不应该?是|不为|≠|is not|isn't|!=)\s*[^\d,。;]{0,3}$")
_DENIED_AFTER = re.compile(r"[^\d,。;]{0,4}(?:的说法|的结论|这个?答案)?(?:是)?(?:不对|不正确|错误|错的)")
_OPEN = re.compile(
    r"[)\s]*[一-鿿]{0,2}?\s*(?:,?\s*(?:也?可能[是为]|或者?也?[是为]?|还是|or)\s*(?:[a-zA-Z]\s*=\s*)?|、)[\s(写作成]*",
    re.I,
)
"""Between two numbers of which the answer does not choose one."""

_CONCLUDES = re.compile("^(?:所以|因此|故|那么|则|一共|总共|共|花了)")
_SETS_SCENE = re.compile(
    "^(?:如果|若|假如|当|按|照)[^,]*(?=,)|^每[^,]*(?=,(?:需|可以|能|够|一?共))|^[^,]*(?:后|时|时候)(?=,)"
)
_ROOT = re.compile(r"([a-z])_?\{?[1-9]\}?\s*=\s*(-?[\d./]+)")
_REASON = re.compile(r"[,(。]?\s*(?:因为|由于|理由|because|since|验算|检验)(?!.*(?:所以|因此))", re.I)
_TAIL = re.compile(r"\b(?:in|over|for|after|within|per|from|each|every|of)\s+(?:the\s+)?\$?$", re.I)
_VULGAR = re.compile(r"(\d)([¼-¾⅐-⅞])")
_EXPONENT = re.compile("[⁻⁰¹²³⁴-⁹]+")
_SLASHES = str.maketrans({"⁄": "/", "∕": "/", "−": "-", "–": "-", "﹣": "-", "：": ":", "∶": ":"})
_FRACTION = re.compile(r"\\[dtc]?frac\s*(?:\{([^{}]*)\}|(\d))\s*(?:\{([^{}]*)\}|(\d))")
_LATEX_NOISE = re.compile(r"\\(?:text|mathrm|mbox)\s*\{([^{}]*)\}|\\[,;:!() \[\]]|\\(?:left|right|displaystyle)\b|\$")
_LATEX_SIGNS = {"\\times": "×", "\\cdot": "·", "\\div": "÷", "\\%": "%", "\\neq": "≠", "{,}": ","}
_THOUSANDS = re.compile(r"(?<![\d.])\d{1,3}(?:,\d{3})+(?!\d)")
_SENTENCE_END = re.compile(r"[。!?;\n]|\.(?:\s|$)")
_WHOLE_NUMERAL = re.compile(rf"[是为共有约]*({SAID})(?:{UNITS}){{0,2}}")
_HALF_PAST = re.compile("(?<=\\d)[点时]半")
LONGEST = 20_000  # characters at the end of a text that are searched
DENIED_WITHIN = 16  # characters before a number


def final_answers(text: str) -> list[tuple[QuantityReading, ...]]:
    """What a text states as its final answer: the readings of a quantity, of several where it leaves them open.

    Args:
        text: A whole answer, or only the final one.

    Returns:
        Nothing where it states none.
    """
    plain = _without_questions(_folded(text[-LONGEST:]))
    stated = _stated(plain)
    if stated is None:
        return [] if _REFUSAL.search(plain) else _concluded(plain)
    sentence = _first_sentence(stated)
    if _REFUSAL.search(sentence):
        return []
    said = _whole_numeral(sentence)
    return _announced(_without_reason(sentence)) if said is None else [(QuantityReading(said),)]


def final_letters(text: str) -> str:
    """The options that a text chooses, ``A`` to ``H``, each once and in order; empty where it does not say."""
    plain = _without_questions(_folded(text[-LONGEST:])).strip().lstrip("*# ")
    stated = _stated(plain)
    return choices.chosen(plain, None if stated is None else _first_sentence(stated))


def is_checkable(result: str) -> bool:
    """Whether an expected result is a number or options, so that ``is_right`` can compare with it."""
    return bool(_options(result) or _expected(result))


def is_right(text: str, result: str) -> bool:
    """Whether the final answer of a text is the expected one.

    Args:
        text: What was answered.
        result: The expected number, or several joined by 或; letters from ``A`` to ``H`` for options, all of which must
            be chosen and no other.
    """
    if options := _options(result):
        return final_letters(text) == options
    return _same(final_answers(text), _expected(result))


def same_answer(text: str, other: str) -> bool:
    """Whether two texts end in the same final answer; a text that states none agrees with no other."""
    return _same(final_answers(text), final_answers(other))


def _same(given: list[tuple[QuantityReading, ...]], wanted: list[tuple[QuantityReading, ...]]) -> bool:
    return (
        bool(given and wanted)
        and all(any(equal(one, other) for other in wanted) for one in given)
        and all(any(equal(one, other) for one in given) for other in wanted)
    )


def _options(result: str) -> str:
    """The options that an expected result consists of; empty where it is something else."""
    written = unicodedata.normalize("NFKC", result).strip()
    if re.fullmatch("[a-h]", written):
        return written.upper()
    return choices.in_order(written) if re.fullmatch(choices.LETTERS, written) else ""


def _expected(result: str) -> list[tuple[QuantityReading, ...]]:
    try:
        number = value(result)
    except NotArithmetic:
        return final_answers(result)
    found = quantities(_folded(result))
    return [found[0].readings] if len(found) == 1 and found[0].readings else [(QuantityReading(number),)]


def _folded(text: str) -> str:
    text = _EXPONENT.sub(lambda sign: f"^{unicodedata.normalize('NFKC', sign[0]).translate(_SLASHES)}", text)
    text = unicodedata.normalize("NFKC", _VULGAR.sub(r"\1又\2", text)).translate(_SLASHES)
    for sign, plain in _LATEX_SIGNS.items():
        text = text.replace(sign, plain)
    text = re.sub(r"(\d)\s*(?=\\[dtc]?frac)", r"\1又", text)
    text = _LATEX_NOISE.sub(r"\1", _FRACTION.sub(_as_fraction, text))
    text = _THOUSANDS.sub(lambda match: match.group().replace(",", ""), text)
    return _HALF_PAST.sub("点30分", with_digits(text))


def _as_fraction(match: re.Match[str]) -> str:
    above, below = match[1] or match[2], match[3] or match[4]
    return f"{above or ''}/{below or ''}"


def _without_questions(text: str) -> str:
    """The text without the questions that it asks itself; they state nothing."""
    return "".join(sentence for sentence in _SENTENCE.findall(text) if "?" not in sentence)


def _without_reason(text: str) -> str:
    """The text up to the reason that follows its answer."""
    reason = _REASON.search(text)
    before = text[: reason.start()] if reason else text
    return before if re.search(r"\d", before) else text


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


def _affirmed(text: str) -> list[Quantity]:
    """The quantities of a text but those that it denies."""
    return [
        found
        for found in quantities(text)
        if not _DENIED.search(text[max(0, found.start - DENIED_WITHIN) : found.start])
        and not _DENIED_AFTER.match(text, found.end)
    ]


def _concluded(text: str) -> list[tuple[QuantityReading, ...]]:
    """The quantity that the last sentence with one ends in."""
    for sentence in reversed(_SENTENCE_END.split(text)):
        told = _without_reason(sentence)
        if roots := _roots(told):
            return roots
        if found := _affirmed(told):
            of_tail = len(found) > 1 and _TAIL.search(told[: found[-1].start])  # $12 over 5 weeks
            return _with_alternatives(told, found, len(found) - 1 - bool(of_tail))
    return []


def _announced(sentence: str) -> list[tuple[QuantityReading, ...]]:
    """The quantity of a stated answer: the last of its first clause, or of one that concludes."""
    if roots := _roots(sentence):
        return roots
    found = _affirmed(sentence)
    if not found:
        return []
    place = _last_of_clause(sentence, found)
    return _with_alternatives(sentence, found, place, sentence.rfind(",", 0, found[place].start) + 1)


def _roots(text: str) -> list[tuple[QuantityReading, ...]]:
    """The solutions of an equation that are numbered (x1 = 2, x2 = 3); nothing where there are none."""
    roots = list(_ROOT.finditer(text))
    if len(roots) < 2 or len({root[1] for root in roots}) > 1:
        return []
    return [one.readings for root in roots for one in quantities(root[2]) if one.readings]


def _last_of_clause(sentence: str, found: Sequence[Quantity]) -> int:
    """The place of the last quantity of the first clause that has one, or of the last clause that concludes.

    A clause that only sets the scene (每盒装6支, 3小时后) does not answer, unless there is no other.
    """
    starts = [0, *(comma.end() for comma in re.finditer(",", sentence))]
    clause_of = [max(start for start in starts if start <= one.start) for one in found]
    concluding = [clause for clause in clause_of if _CONCLUDES.match(sentence[clause:])]
    telling = [clause for clause in clause_of if not _SETS_SCENE.match(sentence[clause:].lstrip())]
    chosen = concluding[-1] if concluding else (telling or clause_of)[0]
    return max(place for place, clause in enumerate(clause_of) if clause == chosen)


def _with_alternatives(
    text: str, found: Sequence[Quantity], place: int, since: int = 0
) -> list[tuple[QuantityReading, ...]]:
    """A quantity, or what the last equals sign of its clause leads to instead, and those joined to it by 或."""
    equals = text.rfind("=", since)
    first = last = next((result for result, one in enumerate(found) if 0 <= equals < one.start), place)
    while first > 0 and _OPEN.fullmatch(text, found[first - 1].end, found[first].start):
        first -= 1
    while last + 1 < len(found) and _OPEN.fullmatch(text, found[last].end, found[last + 1].start):
        last += 1
    return [one.readings for one in found[first : last + 1] if one.readings]


def _whole_numeral(sentence: str) -> Fraction | None:
    """The value of a stated answer that is just a numeral of one character and its unit: ``一次``."""
    match = _WHOLE_NUMERAL.fullmatch(sentence.strip())
    return amount(match[1]) if match and len(match[1]) == 1 else None
