"""Triage by rule: how soon must this person see a doctor? Deterministic, before any model is asked.

Three sources are read: the red flags in ``red_flags.yaml``, the urgency of the diseases, and the knowledge base's own
signs for seeking care. What is denied does not count, and a textbook question about an emergency is not an emergency.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from domains.knowledge_base import Entry, KnowledgeBase

RED_FLAGS = Path(__file__).parent / "red_flags.yaml"
SEEK_CARE = "请立即拨打120或前往急诊。"

Level = Literal["routine", "urgent", "emergency"]
LEVELS: tuple[Level, ...] = ("routine", "urgent", "emergency")
ADVICE: dict[Level, str] = {
    "emergency": "请立即拨打120或前往最近的急诊，不要等待观察，也不要独自驾车就医。",
    "urgent": "建议今天就到医院就诊；如果突然加重，请立即拨打120。",
    "routine": "如果不适持续、加重或出现新的症状，请及时就医。",
}
IF_IT_HAPPENS = "如果您或身边的人正在出现这种情况，请立即拨打120或前往急诊。"

QUESTION = re.compile("[?吗呢啥咋怎哪谁几请]|什么|多少|为何|如何|[率性因状法]。?$")
CLAUSE_END = re.compile("[。,!?;]|但|却|可是|不过|只是|就是")
DENIAL = re.compile("(?<!有)没有?|无|未|(?<![会是要能对])不|否认|并非")
DENIED_AFTER = re.compile("的?(症状|情况|现象|表现)?[都也倒]?(没有|没出现|无)(?![好减消停改办用效])")
FILLER = "出现|明显|什么|任何|感到|觉得|感觉|伴有?|发生|症状|情况|以及|或者?|怎么|特别|[有过再的和及与跟、都也太会见]"
MASK = "＿"
LONGEST_CLAUSE = 40


class Triage(BaseModel):
    """How soon to see a doctor, and why.

    Attributes:
        level: ``emergency`` (120 at once), ``urgent`` (today) or ``routine``.
        reasons: The rules that applied, in words for the reader.
        advice: What to do.
    """

    level: Level
    reasons: list[str]
    advice: str


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(_Part):
    """Phrases that mean one thing, but not as part of the exceptions."""

    any: tuple[str, ...]
    except_: tuple[str, ...] = Field((), alias="except")

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], re.Pattern[str]]:
        return _pattern(self.any), _pattern(self.except_)

    def within(self, text: str) -> bool:
        """Whether the text contains one of the phrases."""
        phrases, harmless = self._patterns
        return phrases.search(_masked(text, harmless)) is not None


class Language(_Part):
    """How people ask; see ``red_flags.yaml``."""

    person: Words
    now: Words
    help: Words
    handle: Words
    textbook: Words
    lecture: Words
    preventing: Words
    earlier: Words
    diagnosed: Words


class RedFlag(_Part):
    """One rule of the lexicon; see the head of ``red_flags.yaml``."""

    name: str
    level: Level
    all: tuple[tuple[str, ...], ...] = Field(min_length=1)
    except_: tuple[str, ...] = Field((), alias="except")
    advice: str = ""

    @cached_property
    def patterns(self) -> list[re.Pattern[str]]:
        """One pattern per list of phrases."""
        return [_pattern(phrases) for phrases in self.all]

    @cached_property
    def harmless(self) -> re.Pattern[str]:
        """What does not count although it contains a phrase."""
        return _pattern(self.except_)


class Lexicon(_Part):
    """The whole of ``red_flags.yaml``."""

    rules: tuple[RedFlag, ...]
    acute: tuple[str, ...]
    language: Language


class Triager:
    """Applies the rules of a lexicon and of a knowledge base.

    Args:
        knowledge: The knowledge base.
        lexicon: File of the red flags.
    """

    def __init__(self, knowledge: KnowledgeBase, lexicon: Path = RED_FLAGS) -> None:
        self.knowledge = knowledge
        self.lexicon = Lexicon.model_validate(yaml.safe_load(lexicon.read_text(encoding="utf-8")))
        self.language = self.lexicon.language
        phrases = tuple(phrase for rule in self.lexicon.rules for phrases in rule.all for phrase in phrases)
        names = (name for entry in knowledge.entries if entry.type in ("symptom", "disease") for name in entry.names)
        self._between_denials = re.compile(f"{_pattern((*phrases, *names)).pattern}|{FILLER}")
        self._own_denials = _pattern(tuple(phrase for phrase in phrases if DENIAL.match(phrase)))
        self._acute = _pattern(self.lexicon.acute)
        symptoms = {name for entry in knowledge.of_type("symptom") for name in entry.names}
        diseases = (name for entry in knowledge.of_type("disease") for name in entry.names)
        self._disease_names = _pattern(tuple(name for name in diseases if name not in symptoms))

    def triage(self, question: str, earlier: Sequence[str] = ()) -> Triage:
        """Judges a question.

        Args:
            question: What is asked now.
            earlier: What the same person said before in this conversation. Signs of an emergency add up over its turns
                and are not forgotten; lesser ones count in the question alone.
        """
        question = _normalised(question)
        if self._is_textbook(question):
            return _for_readers(self._findings(question), self._names_emergency(question))
        said = [turn for turn in map(_normalised, earlier) if not self._is_textbook(turn)]
        emergencies = [finding for finding in self._findings("。".join([*said, question])) if finding[0] == "emergency"]
        worst = _worst([*emergencies, *self._findings(question)])
        return worst or _for_readers([], self._names_emergency(question))

    def _findings(self, text: str) -> "list[_Finding]":
        return [*self._red_flags(text), *self._care_signals(text), *self._diseases(text)]

    def _is_textbook(self, text: str) -> bool:
        asks = self.language
        if any(words.within(text) for words in (asks.person, asks.now, asks.help, asks.handle)):
            return False
        about_disease = any(entry.type == "disease" for entry in self.knowledge.find(text))
        return asks.lecture.within(text) or (about_disease and asks.textbook.within(text))

    def _red_flags(self, text: str) -> "Iterator[_Finding]":
        for rule in self.lexicon.rules:
            allowed = _masked(text, rule.harmless)
            # the name of a disease alone shows no sign: 小儿热性惊厥, 过敏性休克
            beside_names = _masked(allowed, self._disease_names)
            shown = all(self._affirmed(pattern, allowed) for pattern in rule.patterns)
            if shown and any(pattern.search(beside_names) for pattern in rule.patterns):
                yield rule.level, rule.name, rule.advice

    def _care_signals(self, text: str) -> "Iterator[_Finding]":
        """The signs for seeking care that the knowledge base lists for what the question names."""
        for entry in self._affirmed_entries(text):
            for part in _parts(entry.attributes.get("就医信号", ())):
                if part.startswith("一旦") or self._shows(part, entry, text):
                    level: Level = "emergency" if self._acute.search(part) else "urgent"
                    yield level, f"{entry.name}的就医信号：{part}", ""

    def _shows(self, part: str, of: Entry, text: str) -> bool:
        named = [entry for entry in self.knowledge.find(part) if entry.id != of.id]
        names = tuple(name for entry in named for name in entry.names)
        if named and not re.sub(f"{_pattern(names).pattern}|{FILLER}", "", part):
            return all(self._affirmed(_pattern(entry.names), text) for entry in named)
        return self._affirmed(_pattern((part,)), text)

    def _diseases(self, text: str) -> "Iterator[_Finding]":
        asks = self.language
        if asks.earlier.within(text) or asks.preventing.within(text):
            return
        stated = not QUESTION.search(text) and self._disease_names.sub("", text) != ""
        happening = stated or asks.now.within(text) or asks.help.within(text)
        for disease in self._affirmed_entries(text):
            if disease.urgency == "emergency" and happening and not asks.diagnosed.within(text):
                yield "emergency", f"{disease.name}属于急症", ""
            elif disease.urgency in ("emergency", "urgent") and (happening or asks.person.within(text)):
                yield "urgent", f"{disease.name}需要尽快就诊", ""

    def _names_emergency(self, text: str) -> bool:
        return any(entry.urgency == "emergency" for entry in self.knowledge.find(text))

    def _affirmed_entries(self, text: str) -> list[Entry]:
        return [entry for entry in self.knowledge.find(text) if self._affirmed(_pattern(entry.names), text)]

    def _affirmed(self, pattern: re.Pattern[str], text: str) -> bool:
        return any(not self._denied(text, *match.span()) for match in pattern.finditer(text))

    def _denied(self, text: str, start: int, end: int) -> bool:
        if DENIED_AFTER.match(text, end):
            return True
        # "没有意识" is a sign, not the denial of what follows it
        before = text[max(0, start - LONGEST_CLAUSE) : start]
        clause = CLAUSE_END.split(_masked(before, self._own_denials))[-1]
        denials = list(DENIAL.finditer(clause))
        return bool(denials) and not self._between_denials.sub("", clause[denials[-1].end() :])


_Finding = tuple[Level, str, str]  # level, reason, the rule's own advice


def _worst(findings: list[_Finding]) -> Triage | None:
    level = max((finding[0] for finding in findings), key=LEVELS.index, default=None)
    if level is None:
        return None
    decisive = [finding for finding in findings if finding[0] == level]
    advice = next((own for _, _, own in decisive if own), ADVICE[level])
    return Triage(level=level, reasons=list(dict.fromkeys(reason for _, reason, _ in decisive)), advice=advice)


def _for_readers(findings: list[_Finding], names_emergency: bool) -> Triage:
    grave = names_emergency or any(level == "emergency" for level, _, _ in findings)
    return Triage(level="routine", reasons=[], advice=IF_IT_HAPPENS if grave else ADVICE["routine"])


def _normalised(text: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).lower()


def _parts(signals: Iterable[str]) -> Iterator[str]:
    """The signs in "伴大汗或放射至左臂": 大汗, 放射至左臂."""
    for signal in signals:
        for part in re.split("[或及]", signal):
            yield re.sub("^(伴有?|出现|突然|突发|有)(?=..)", "", part)


@cache
def _pattern(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """Matches any of the phrases, the longest first; no phrases match nothing."""
    longest_first = sorted(phrases, key=len, reverse=True)
    return re.compile("|".join(map(_phrase, longest_first)) or "(?!)")


def _phrase(phrase: str) -> str:
    whole_number = r"(?<![\d一二两三四五六七八九十])" if re.match(r"[\d一二两三]", phrase) else ""
    gap = "[^不没无未。,!?;]{0,5}"
    return whole_number + gap.join(map(re.escape, phrase.split("…")))


def _masked(text: str, pattern: re.Pattern[str]) -> str:
    return pattern.sub(lambda match: MASK * len(match.group()), text)
