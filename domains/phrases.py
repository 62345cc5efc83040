"""The phrases of a rules file as patterns; ``domains/safety_rules.py`` says how they are written."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from functools import cache
from typing import Any

NUMERALS = "一二三四五六七八九"
NUMERAL = "零一二两三四五六七八九十百几半"
SHORT_GAP, LONG_GAP = 5, 12
NOTHING = re.compile("(?!)")
_BREAKS = "不没无未。,!?;"
_REFERENCE = re.compile(r"\(([^()|]+)\)")
_TOKEN = re.compile(r"(?P<gap>…+)|(?P<limit>[≥<]\d+|#)|(?P<group>[(|)])|(?P<literal>[^…≥<#])")


class Phrases:
    """A list of phrases, compiled when a text first has the characters of one: compiling all lists takes seconds.

    Args:
        phrases: The phrases.
    """

    def __init__(self, phrases: Iterable[str]) -> None:
        self._phrases = tuple(phrases)
        self._pattern: re.Pattern[str] | None = None
        self._needs: dict[str, list[_Needs]] = {}  # by the character that a match begins with; "" where it can be any
        for phrase in self._phrases:
            needs = _needs(phrase)
            for begun in _without_leading_group(phrase):
                self._needs.setdefault("" if begun[0] in "…≥<#" else begun[0], []).append(needs)

    @property
    def heads(self) -> Set[str]:
        """The characters that a match can begin with; an empty one where it can be any."""
        return self._needs.keys()

    def search(self, text: str) -> re.Match[str] | None:
        """See ``re.Pattern.search``."""
        return self._pattern_for(text).search(text)

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """See ``re.Pattern.finditer``."""
        return self._pattern_for(text).finditer(text)

    def sub(self, replacement: Callable[[re.Match[str]], str], text: str) -> str:
        """See ``re.Pattern.sub``."""
        return self._pattern_for(text).sub(replacement, text)

    def match(self, text: str, place: int) -> re.Match[str] | None:
        """See ``re.Pattern.match``."""
        return self._pattern_for(text).match(text, place)

    def _pattern_for(self, text: str) -> re.Pattern[str]:
        if self._pattern is None:
            if not self._is_possible(text):
                return NOTHING
            self._pattern = _compiled(self._phrases)
        return self._pattern

    def _is_possible(self, text: str) -> bool:
        """Whether a text has the characters that one of the phrases needs; the others cannot match."""
        characters = {"", *text}
        heads = self._needs.keys() & characters
        return any(needs.are_met(characters) for head in heads for needs in self._needs[head])


@cache
def phrases_of(phrases: tuple[str, ...]) -> Phrases:
    """The phrases; those that were compiled for one user are for all."""
    return Phrases(phrases)


@dataclass
class _Needs:
    """The characters that a text must have for a phrase, or for one option of a parenthesis, to match.

    Attributes:
        literals: All of these.
        options: Of each parenthesis, those of at least one option.
    """

    literals: set[str] = field(default_factory=set)
    options: list["list[_Needs]"] = field(default_factory=list)

    def are_met(self, characters: set[str]) -> bool:
        return self.literals <= characters and all(
            any(option.are_met(characters) for option in options) for options in self.options
        )


def _needs(phrase: str) -> _Needs:
    whole = _Needs()
    open_ = [whole]  # the phrase, and the options that are being read inside it
    groups: list[list[_Needs]] = []
    for token in _TOKEN.finditer(phrase):
        if token[0] == "(":
            groups.append([_Needs()])
            open_[-1].options.append(groups[-1])
            open_.append(groups[-1][0])
        elif token[0] == "|":
            groups[-1].append(_Needs())
            open_[-1] = groups[-1][-1]
        elif token[0] == ")":
            groups.pop()
            open_.pop()
        elif token["literal"]:
            open_[-1].literals.add(token[0])
    return whole


@cache
def pattern_of(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """Matches any of the phrases, the longest first; no phrases match nothing."""
    return _compiled(phrases)


def _compiled(phrases: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(phrases, key=len, reverse=True)
    # by first character, so that few phrases are tried at each place
    by_head: dict[str, list[str]] = {}
    headless = []
    for phrase in (begun for whole in longest_first for begun in _without_leading_group(whole)):
        if phrase[:1] in "…≥<#":
            headless.append(_phrase(phrase))
        else:
            by_head.setdefault(phrase[0], []).append(_after_head(phrase))
    branches = [f"{re.escape(head)}(?:{'|'.join(dict.fromkeys(rest))})" for head, rest in by_head.items()]
    return re.compile("|".join([*branches, *headless]) or "(?!)")


@cache
def pattern_of_names(names: tuple[str, ...]) -> re.Pattern[str]:
    """Matches any of the names literally, the longest first; no names match nothing."""
    return re.compile("|".join(map(re.escape, sorted(names, key=len, reverse=True))) or "(?!)")


def with_words(data: Mapping[str, Any]) -> dict[str, Any]:
    """A rules file with each reference to its ``words`` replaced by the words themselves.

    Raises:
        ValueError: A phrase refers to words that are not there, or that come later in the file.
    """
    words: dict[str, list[str]] = {}
    for name, phrases in data.get("words", {}).items():
        words[name] = _inserted(phrases, words)
    rest = {key: part if key == "levels" else _inserted(part, words) for key, part in data.items() if key != "words"}
    return rest | {"words": words}


def _inserted(part: Any, words: Mapping[str, list[str]]) -> Any:
    """A part of the file with words in the place of references; only lists contain phrases."""
    if isinstance(part, Mapping):
        return {
            key: _inserted(value, words) if isinstance(value, Mapping | list) else value for key, value in part.items()
        }
    if isinstance(part, list):
        return [_inserted(value, words) for value in part]
    if not isinstance(part, str):
        return part
    if part.count("(") != part.count(")"):
        raise ValueError(f"{part} has a parenthesis without its other half; a comma ends a phrase unless it is quoted")
    return _REFERENCE.sub(lambda found: _group(found[1], words), part)


def _group(name: str, words: Mapping[str, list[str]]) -> str:
    if name not in words:
        raise ValueError(f"no words called {name}")
    return f"({'|'.join(words[name])})"


def _without_leading_group(phrase: str) -> list[str]:
    """The phrase with its first parenthesis written out: "(左|右)手" is "左手" and "右手"."""
    if not phrase.startswith("("):
        return [phrase] if phrase else []
    options, depth, start = [], 0, 1
    for place, character in enumerate(phrase):
        depth += (character == "(") - (character == ")")
        if (character == "|" and depth == 1) or depth == 0:
            options.append(phrase[start:place])
            start = place + 1
        if depth == 0:
            break
    return [begun for option in options for begun in _without_leading_group(option + phrase[start:])]


def _after_head(phrase: str) -> str:
    """What follows the first character; a leading number must be a whole one."""
    whole = rf"(?<![\d一二两三四五六七八九十]{phrase[0]})" if re.match(r"[\d一二两三]", phrase) else ""
    return whole + _phrase(phrase[1:])


def _phrase(phrase: str) -> str:
    tokens = list(_TOKEN.finditer(phrase))
    following = [*tokens[1:], None][: len(tokens)]
    parts = []
    for token, then in zip(tokens, following, strict=True):
        if token["gap"]:
            digits = r"\d" if then is not None and then["limit"] else ""
            longest = LONG_GAP if len(token["gap"]) > 1 else SHORT_GAP
            parts.append(f"[^{_BREAKS}{digits}]{{0,{longest}}}")
        elif token["limit"]:
            parts.append(_number(token["limit"]))
        else:
            parts.append({"(": "(?:"}.get(token[0], token[0]) if token["group"] else re.escape(token[0]))
    return "".join(parts)


def _number(limit: str) -> str:
    """A pattern of the numbers within a limit, as "39.5", "三十多" or "十来"."""
    digits, numerals = _within(limit)
    arabic = rf"(?<![\d.])(?:{digits})(?:\.\d+)?(?![\d.]*\d)"
    chinese = rf"(?<![{NUMERAL}点])(?:{numerals})(?![{NUMERAL}])"
    return f"(?:{arabic}|{chinese})[多来几余好]?"


def _within(limit: str) -> tuple[str, str]:
    """Digits and numerals within a limit."""
    if limit == "#":
        return r"\d+", f"[{NUMERAL}]+"
    bound = int(limit[1:])
    if limit[0] == "≥":
        return _at_least(bound), _numerals_at_least(bound)
    return _below(bound), _numerals_below(bound)


def _at_least(least: int) -> str:
    digits = str(least)
    larger = [
        rf"{digits[:place]}[{int(digit) + 1}-9]\d{{{len(digits) - place - 1}}}"
        for place, digit in enumerate(digits)
        if digit < "9"
    ]
    return "|".join([rf"[1-9]\d{{{len(digits)}}}", *larger, digits])


def _below(least: int) -> str:
    digits = str(least)
    smaller = [
        rf"{digits[:place]}[{0 if place or len(digits) == 1 else 1}-{int(digit) - 1}]\d{{{len(digits) - place - 1}}}"
        for place, digit in enumerate(digits)
        if digit > ("0" if place or len(digits) == 1 else "1")
    ]
    return "|".join([*([rf"\d{{1,{len(digits) - 1}}}"] if len(digits) > 1 else []), *smaller])


def _numerals_at_least(least: int) -> str:
    """Numerals of whole numbers; below a hundred exactly, above in whole hundreds."""
    tens, units = divmod(least, 10)
    if least >= 100:
        hundreds = -(-least // 100)
        return f"[{NUMERALS[hundreds - 1 :]}{'两' if hundreds <= 2 else ''}]百[{NUMERAL}]*"
    unit = f"[{NUMERALS}几]"
    more = [f"[{NUMERALS}两几]百[{NUMERAL}]*", "几十"]
    if tens == 0:
        from_units = f"[{NUMERALS[max(units, 1) - 1 :]}{'两' if units <= 2 else ''}]"
        return "|".join([*more, f"[{NUMERALS}]?十{unit}?", f"{from_units}{from_units}?"])
    if tens < 9:
        more.append(f"[{NUMERALS[tens:]}]十{unit}?")
    ten = f"{NUMERALS[tens - 1]}十" if tens > 1 else "一?十"
    same = f"{ten}[{NUMERALS[max(units, 1) - 1 :]}几]" + ("?" if units == 0 else "")
    return "|".join([*more, same])


def _numerals_below(least: int) -> str:
    """Numerals of whole numbers, in whole tens."""
    tens, units = divmod(min(least, 100), 10)
    if tens == 0:
        return f"[零{NUMERALS[: units - 1]}{'两' if units > 2 else ''}](?:点[零{NUMERALS}]+)?"
    below = [f"[{NUMERALS}两]"]
    if tens > 1:
        below.append(f"[{NUMERALS[: tens - 1]}]?十[{NUMERALS}几]?")
    return "|".join(below)
