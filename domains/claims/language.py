"""Two wordings of the same statement in one form: ``头疼`` and ``头痛`` are equal in it, 39度 and 38度 are not.

What a statement denies and how much it says is never dropped: negations, comparators and numbers are part of the form.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from domains.knowledge_base import KnowledgeBase
from domains.retrieval.normalise import normalised

_UNITS = "个月岁周天日年时小分秒次片粒倍度级型期代种克毫微升滴支指联价半餐"
_NUMERALS = "零一二两三四五六七八九十百千"
_NUMBER = re.compile(rf"[{_NUMERALS}]*[十百千][{_NUMERALS}]*|[{_NUMERALS}](?=[{_UNITS}])")
_DIGITS = {numeral: value for value, numeral in enumerate("零一二三四五六七八九")} | {"两": 2}
_SCALES = {"十": 10, "百": 100, "千": 1000}
_DENIAL = re.compile("[不没无]")
_SIGNS = re.compile(r"[\s*#`~\"'“”‘’「」『』（）()<>《》…—·,，、;；:：。.!！?？-]+(?!\d)|(?<!\d)[.]")

FORMS = 20_000
"""Forms that are kept: entries have the same ones for every question."""

_ALLOWED = re.compile("(?:可以|可|能够|能|适合|适宜)(?:放心)?(?:使用|用|服|食|饮)?的?$")
"""Ends a statement that allows something: what a list of contraindications names is not allowed."""

DENIALS = """
没有必要 不必要 不可以 不需要 不应该 不建议 不适合 不能够 用不着 不可 不能 不要 不得 不应 不宜 不必
不需 不会 不该 不用再 没有 避免 防止 切勿 切忌 禁止 无需 无须 勿 别 莫 未 无 没 忌 禁
"""
"""All of these deny; in the form they are 不."""

FUNCTION_WORDS = """
的话 的时候 时候 期间 这种 那种 一种 一些 有些 一般来说 通常来说 总的来说 一般 通常 往往 常常 经常
常见于 常见 多见于 主要 可能 可以 能够 应该 应当 应 需要 须要 需 须 要 必须 务必 最好 建议 可 会 能
将 以及 并且 而且 并 且 同时 此外 另外 还有 还要 还 也 都 均 就 等等 等 之类 出现 发生 表现为 存在
伴有 伴随 伴 具有 患有 有的 有 是指 是 为了 为 包括 例如 比如 如 属于 即 于 在 对于 对 给 把 使 让
了 着 过 的 地 得 之 其 它 该 此 这 那 您 你 我们 大家 病人 患者 者 人 们 宜 方面 情况 平时 平日
日常 平常 生活中 来 去 到 再 又 很重要 重要 关键 首先 其次 最后 以 时 相关 有关 与 和 或 及 或者
以便
"""
"""What can be dropped without changing what is said."""


@dataclass(frozen=True, eq=False)  # by identity, so that what is made from it can be kept
class ClaimLanguage:
    """How answers of a domain say what its knowledge base holds.

    Attributes:
        attributes: By attribute, what answers call it besides its name.
        synonyms: Words by the word that stands for all of them.
        advice: Words of which advice and courtesies are made: what consists of them alone claims nothing.
        defines: How a question asks what something is.
        circumstances: Words for the same, of what a yes-or-no question may ask: 孕妇 and 妊娠. Where it has one of
            them, an entry must speak of one of them; the first tuple counts where two overlap.
    """

    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    advice: tuple[str, ...] = ()
    defines: re.Pattern[str] = re.compile("是什么|什么是|是啥|啥是|是个?什么|解释|介绍|指的是|含义|定义")
    circumstances: tuple[tuple[str, ...], ...] = ()


class Form:
    """The form of statements about a knowledge base.

    Args:
        language: Of the domain.
        knowledge: Its entries have names that mean the same.
    """

    def __init__(self, language: ClaimLanguage, knowledge: KnowledgeBase) -> None:
        names = _names(knowledge)
        self._names = _Words(names)
        same = {word: canonical for canonical, words in language.synonyms.items() for word in words}
        self._undenied = _Words(
            {word: of for word, of in same.items() if _DENIAL.search(word) and not _DENIAL.search(of)}
        )
        self._words = _Words(same | dict.fromkeys(DENIALS.split(), "不"))
        self._function = _Words(dict.fromkeys((normalised(word) for word in FUNCTION_WORDS.split()), ""))
        self._advice = _Words(names | dict.fromkeys((normalised(word) for word in language.advice), ""))

        self.of: Callable[[str], str] = lru_cache(maxsize=FORMS)(self._of)
        """The form of a text."""

    def _of(self, text: str) -> str:
        return self._function.replaced(_ALLOWED.sub("许", self.words(text)))

    def without_idle_denials(self, text: str) -> str:
        """The text with the domain's word for what sounds like a denial and is none: 没力气 is 乏力."""
        return self._undenied.replaced(text)

    def words(self, text: str) -> str:
        """The same with its function words, which tell where things are joined."""
        text = _SIGNS.sub("", normalised(with_digits(text)))
        return self._words.replaced(self._names.replaced(text))

    def leading_name(self, text: str) -> tuple[str, str]:
        """The form of the name with which a text begins, and what follows; empty where it begins with none."""
        text = _SIGNS.sub("", normalised(with_digits(text)))
        name = self._names.first(text)
        return (self.of(name), text[len(name) :]) if name else ("", "")

    def without_advice(self, text: str) -> str:
        """The form of what a text says besides advice."""
        plain = _SIGNS.sub("", normalised(with_digits(text)))
        return self.of(self._advice.replaced(plain))


@lru_cache(maxsize=2)
def form_of(language: ClaimLanguage, knowledge: KnowledgeBase) -> Form:
    """The form of statements about a knowledge base."""
    return Form(language, knowledge)


def with_digits(text: str) -> str:
    """Chinese numerals of quantities as digits: 四十八小时 is 48小时; 一般 stays."""
    return _NUMBER.sub(lambda found: str(_value(found[0])), text)


def _value(numeral: str) -> int:
    total = digit = 0
    for character in numeral:
        if character in _SCALES:
            total += (digit or 1) * _SCALES[character]
            digit = 0
        else:
            digit = _DIGITS[character]
    return total + digit


class _Words:
    """Replaces words of a text, at each place the longest.

    Args:
        replacements: By word.
    """

    def __init__(self, replacements: Mapping[str, str]) -> None:
        self._replacements = replacements

    @cached_property
    def _lengths(self) -> dict[str, list[int]]:
        """By first character, the lengths of the words, the longest first."""
        lengths: dict[str, set[int]] = {}
        for word in self._replacements:
            lengths.setdefault(word[0], set()).add(len(word))
        return {first: sorted(found, reverse=True) for first, found in lengths.items()}

    def replaced(self, text: str) -> str:
        """The text with every word replaced."""
        said, place = [], 0
        while place < len(text):
            word = self.first(text, place)
            said.append(self._replacements[word] if word else text[place])
            place += len(word) or 1
        return "".join(said)

    def first(self, text: str, place: int = 0) -> str:
        """The longest word that begins at a place; empty where none does."""
        for length in self._lengths.get(text[place : place + 1], ()):
            word = text[place : place + length]
            if word in self._replacements and _is_whole(text, place, place + len(word)):
                return word
        return ""


def _is_whole(text: str, start: int, end: int) -> bool:
    """Whether a word is not a part of a longer Latin one."""
    return not any(
        _is_latin(text[inside]) and 0 <= outside < len(text) and _is_latin(text[outside])
        for inside, outside in ((start, start - 1), (end - 1, end))
    )


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _names(knowledge: KnowledgeBase) -> dict[str, str]:
    """The canonical name by every name that means one entry alone, normalised."""
    meanings: dict[str, set[str]] = {}
    for entry in knowledge.entries:
        for name in entry.names:
            meanings.setdefault(normalised(name), set()).add(entry.name)
    own = set(meanings)
    for spoken in knowledge.lexicon.names:
        for name, _ in spoken.names():
            if normalised(name) not in own:
                meanings.setdefault(normalised(name), set()).add(knowledge.by_id[spoken.id].name)
    return {name: normalised(with_digits(min(of))) for name, of in meanings.items() if len(of) == 1 and len(name) > 1}


def one_of(words: Iterable[str]) -> str:
    """A pattern of any of the words, the longest first."""
    return "|".join(map(re.escape, sorted(set(words), key=lambda word: (-len(word), word))))
