"""Names as they are misspelt: wrong characters of the same or a near sound, typed pinyin, a character too few."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice, product

from pypinyin import Style, pinyin

from domains.retrieval.names import Meaning, Mention
from domains.retrieval.normalise import HAN
from domains.retrieval.wording import COMMON, OPPOSITES

READINGS = 2  # of a character that count; what comes after is rare
VARIANTS = 8  # readings of one name that are kept
SHORTEST_NEAR, SHORTEST_SPOKEN, SHORTEST_GAPPED, SHORTEST_WRONG, SHORTEST_TYPED = 3, 4, 5, 5, 5

_TYPED = re.compile(r"[a-z]+(?:[ '][a-z]+)*")
_ALL_HAN = re.compile(f"[{HAN}]+")


@cache
def readings(character: str) -> tuple[str, ...]:
    """The usual syllables of a character, without tones."""
    if character == "癌":  # nobody reads it as yan any more, and 胰腺癌 is no 胰腺炎
        return ("ai",)
    found = pinyin(character, style=Style.NORMAL, heteronym=True, errors="ignore")
    return tuple(found[0][:READINGS]) if found else ()


@cache
def near(syllable: str) -> str:
    """One form for syllables that many speakers do not tell apart: zh and z, n and l, ing and in."""
    syllable = re.sub("^([zcs])h", r"\1", syllable)
    return re.sub("ng$", "n", re.sub("^n(?=.)", "l", syllable))


@cache
def _near_readings(character: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(near, readings(character))))


class Spelling:
    """Finds misspelt names in a question.

    Args:
        meanings: What the names mean, as ``names_of`` returns it. Short names count only where they are an entry's own.
    """

    def __init__(self, meanings: Mapping[str, tuple[Meaning, ...]]) -> None:
        self._meanings = meanings
        self._by_sound: dict[tuple[str, ...], list[str]] = {}
        self._typed: dict[str, list[str]] = {}
        self._changed: dict[str, list[str]] = {}
        self._pairs = {name[at : at + 2] for name in meanings for at in range(len(name) - 1)}
        self._longest = 0
        for name, meant in meanings.items():
            if len(name) < 2 or not _ALL_HAN.fullmatch(name):
                continue
            self._typed.setdefault("".join(readings(character)[0] for character in name), []).append(name)
            if len(name) >= SHORTEST_SPOKEN or meant[0].kind in ("name", "alias"):
                self._longest = max(self._longest, len(name))
                for sound in _sounds(name):
                    self._by_sound.setdefault(sound, []).append(name)
                for changed in _changes(name):
                    self._changed.setdefault(changed, []).append(name)

    def candidates(self, text: str) -> Iterator[Mention]:
        """Names that a normalised question may mean, also those that overlap."""
        for name, start, end in self._found(text):
            yield Mention(text[start:end], start, self._meanings[name], misspelt=True)

    def _found(self, text: str) -> Iterator[tuple[str, int, int]]:
        yield from self._typed_in(text)
        for run in _ALL_HAN.finditer(text):
            for start in range(run.start(), run.end() - 1):
                for end in range(start + 2, min(run.end(), start + self._longest) + 1):
                    for name in self._meant(text[start:end]):
                        yield name, start, end

    def _typed_in(self, text: str) -> Iterator[tuple[str, int, int]]:
        for found in _TYPED.finditer(text):
            letters = re.sub("[ ']", "", found[0])
            if len(letters) >= SHORTEST_TYPED:
                for name in self._typed.get(letters, ()):
                    yield name, found.start(), found.end()

    def _meant(self, word: str) -> Iterator[str]:
        for sound in _sounds(word):
            for name in self._by_sound.get(sound, ()):
                if name != word and _is_alike(word, name):
                    yield name
        if len(word) >= SHORTEST_GAPPED - 1:
            yield from self._changed.get(word, ())
        if len(word) >= SHORTEST_WRONG:
            for at in range(1, len(word) - 1):
                if not {word[at - 1 : at + 1], word[at : at + 2]} & self._pairs:
                    yield from self._changed.get(f"{word[:at]}?{word[at + 1 :]}", ())


def _is_alike(word: str, name: str) -> bool:
    """Whether characters are the name's own and the others no common words; of two characters one must be, exactly."""
    wrong = [(mine, its) for mine, its in zip(word, name, strict=True) if mine != its]
    if any(mine in COMMON for mine, _ in wrong):
        return False
    if len(name) < SHORTEST_NEAR:
        return len(wrong) == 1 and readings(wrong[0][0])[:1] == readings(wrong[0][1])[:1]
    return 2 * len(wrong) <= len(name)


def _sounds(word: str) -> list[tuple[str, ...]]:
    """How a word may sound."""
    return list(islice(product(*map(_near_readings, word)), VARIANTS))


def _changes(name: str) -> Iterator[str]:
    """A name with a character left out inside it, and with one wrong there."""
    if len(name) >= SHORTEST_GAPPED:
        for at in range(1, len(name) - 1):
            yield name[:at] + name[at + 1 :]
    if len(name) >= SHORTEST_WRONG:
        for at in range(1, len(name) - 1):
            if name[at] not in OPPOSITES:
                yield f"{name[:at]}?{name[at + 1 :]}"
