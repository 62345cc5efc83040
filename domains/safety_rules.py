"""Safety rules: what must not be left to a model. A domain writes them as a short YAML file; this module matches them.

```yaml
words:                          # lists that phrases refer to by their name in parentheses
  疼: [疼, 痛]
harmless: [气得吐血]              # what no rule counts although it contains a rule's phrase
levels:                         # what each level means here; see LevelText
  emergency: {title: {zh: …, en: …}, advice: …, opening: …}
  urgent: {title: {zh: …, en: …}, advice: …}
  routine: {advice: …}
rules:
  - name: 接触带电部件            # the reason that the reader sees
    level: emergency
    all:                        # every list must have a phrase that the question contains and does not deny
      - [打开机壳, 拆…外壳]
      - [没断电, 通着电]
    least: 2                    # of the lists; without it, all of them
    except: [电池盒]             # phrases that are harmless although they contain one of the rule's
    advice: …                   # replaces the level's own advice
    unconditional: true         # a domain that weighs signs against the rest of the message does not weigh this one
```

A phrase may contain

- ``…`` or ``……``: up to five or twelve characters of the same clause, none of them a denial;
- ``(疼)``: one of the ``words`` of that name; ``(左|右)``: one of these; ``(个|)``: this or nothing;
- ``#``, ``≥10``, ``<3``: a number, within that limit, in digits or in Chinese. A gap before it contains no digit, so
  that ``血氧…<90`` reads the value that belongs to 血氧.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from common.errors import UserError
from data_recipes.schema.manifest import Description
from domains.knowledge_base import KnowledgeBase
from domains.phrases import NOTHING, Phrases, pattern_of, pattern_of_names, phrases_of, with_words
from domains.retrieval.normalise import HAN, simplified

Level = Literal["routine", "urgent", "emergency"]
LEVELS: tuple[Level, ...] = ("routine", "urgent", "emergency")
Disposition = Literal["none", "home", "days", "today", "120"]
CLAUSE_END = re.compile("[。,!?; ]|但|却|可是|不过|只是|就是")
DENIAL = re.compile("(?<!有)没有?|无|未|(?<![会是要能对])不[是算]?|否认|并非")
DENIED_AFTER = re.compile("的?(症状|情况|现象|表现)?[都也倒]?(没有|没出现|无)(?![好减消停改办用效])")
FILLER = (
    "曾经?|想过?|出现|明显|什么|任何|感到|觉得|感觉|伴有?|发生|症状|情况|以及|或者?|怎么|特别|"
    "[有过再的和及与跟、都也太会见]"
)
MASK = "＿"
VERB = re.compile(r"\(?[吃喝吞服打注用]")
LONGEST_CLAUSE = 40
_BETWEEN_CLAUSES = re.compile(rf"(?<=[{HAN}\d]{{2}})(?<!没有)\s+(?=[{HAN}]{{2}})")
_OTHER_SPACES = re.compile(rf"(?<![{HAN}\d]{{2}})\s+|\s+(?![{HAN}]{{2}})|(?<=没有)\s+")


class Triage(BaseModel):
    """How serious a question is, and why.

    Attributes:
        level: ``emergency`` (act at once), ``urgent`` (act today) or ``routine``.
        reasons: The rules that applied, in words for the reader.
        advice: What to do.
        disposition: Where a patient belongs: 120, a doctor today, a clinic within days, home; none where there is none.
    """

    level: Level
    reasons: list[str]
    advice: str
    disposition: Disposition = "none"


class Triager(Protocol):
    """Judges a question before any model is asked."""

    @property
    def levels(self) -> "Mapping[Level, LevelText]":
        """What each level says."""
        ...

    @property
    def dispositions(self) -> "Mapping[Level, Disposition]":
        """Where a patient of each level belongs; a domain without patients has none."""
        ...

    def triage(self, question: str, earlier: Sequence[str] = ()) -> Triage:
        """Judges a question.

        Args:
            question: What is asked now.
            earlier: What the same user said earlier in this conversation.
        """
        ...


NAME = "#"
"""Stands for the name of an entry in what a rule spares."""


class Decline(NamedTuple):
    """What a rule answers without the model.

    Attributes:
        asked: Whether a question asks for it, as it follows what the same person said before.
        answer: The fixed answer.
        spares: What is not declined where the rest of a question names an entry, its name masked by ``NAME``, and asks
            for what the entry has: #怎么吃.
    """

    asked: Callable[[str, Sequence[str]], bool]
    answer: str
    spares: re.Pattern[str] = NOTHING


class Strict(BaseModel):
    """Base of the parts of a rules file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(Strict):
    """Phrases with the same meaning, except as part of the exceptions."""

    any: tuple[str, ...]
    except_: tuple[str, ...] = Field((), alias="except")

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], re.Pattern[str]]:
        return pattern_of(self.any), pattern_of(self.except_)

    def within(self, text: str) -> bool:
        """Whether the text contains one of the phrases."""
        phrases, harmless = self._patterns
        return phrases.search(masked(text, harmless)) is not None


class LevelText(Strict):
    """What a level says.

    Attributes:
        title: Heads the notice on the page; only ``routine`` has none.
        advice: What to do, unless the rule has its own advice.
        answer: The whole answer at this level, for which no model is asked, or else the rule's own advice; empty where
            the model answers.
        call: Telephone number that the page offers.
    """

    title: Description | None = None
    advice: str = ""
    answer: str = ""
    call: str = ""


class SafetyRule(Strict):
    """One rule; see the top of this file."""

    name: str
    level: Level
    all: tuple[tuple[str, ...], ...] = Field(min_length=1)
    least: int | None = Field(None, ge=1)
    except_: tuple[str, ...] = Field((), alias="except")
    advice: str = ""
    unconditional: bool = False

    @property
    def needed(self) -> int:
        """How many of the lists must have a phrase in the question."""
        return len(self.all) if self.least is None else self.least

    @cached_property
    def lists(self) -> list[Phrases]:
        """The lists of phrases."""
        return [phrases_of(phrases) for phrases in self.all]

    @cached_property
    def harmless(self) -> re.Pattern[str]:
        """What does not count although it contains a phrase."""
        return pattern_of(self.except_)


class RulesWithWords(Strict):
    """A file whose phrases may refer to lists of words."""

    words: dict[str, tuple[str, ...]] = {}

    @model_validator(mode="before")
    @classmethod
    def _words_are_inserted(cls, data: Any) -> Any:
        return with_words(data) if isinstance(data, dict) else data


class SafetyRules(RulesWithWords):
    """A whole rules file; without rules, every question is routine."""

    levels: dict[Level, LevelText] = {level: LevelText() for level in LEVELS}
    harmless: tuple[str, ...] = ()
    rules: tuple[SafetyRule, ...] = ()

    @model_validator(mode="after")
    def _levels_are_described(self) -> "SafetyRules":
        if missing := [level for level in LEVELS if level not in self.levels]:
            raise ValueError(f"levels lacks {', '.join(missing)}")
        for level in {rule.level for rule in self.rules} - {"routine"}:
            if self.levels[level].title is None or not self.levels[level].advice:
                raise ValueError(f"levels.{level} needs title and advice, because rules have this level")
        return self


Rules = TypeVar("Rules", bound=Strict)


def read_rules(file: Path, schema: type[Rules], explained_in: str = "domains/safety_rules.py") -> Rules:
    """Reads a file of rules.

    Args:
        file: The file.
        schema: What it contains.
        explained_in: Where the user can read what its keys mean.

    Raises:
        UserError: It is not YAML, or not of the schema; the message names the key.
    """
    try:
        return schema.model_validate(yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader))
    except yaml.YAMLError as error:
        raise UserError(f"not YAML: {error}", where=str(file), fix="fix the file") from None
    except ValidationError as error:
        detail = error.errors()[0]
        where = f"{file}: {'.'.join(map(str, detail['loc'])) or 'rules'}"
        raise UserError(detail["msg"], where=where, fix=f"see the top of {explained_in}") from None


class Finding(NamedTuple):
    """A rule that applies.

    Attributes:
        advice: The rule's own; empty where its level's advice applies.
        unconditional: Whether it counts whatever else the text says.
    """

    level: Level
    reason: str
    advice: str = ""
    unconditional: bool = False


class RuleTriager:
    """Applies the rules of a file.

    Args:
        rules: The rules.
        names: Further words that may come between a denial and what it denies ("没有头痛、恶心和呕吐").
        no_signs: Names that are no sign when they alone contain a rule's phrases.

    Attributes:
        dispositions: Where a patient of each level belongs; a domain without patients has none.
    """

    dispositions: Mapping[Level, Disposition] = {}

    def __init__(self, rules: SafetyRules, names: Iterable[str] = (), no_signs: Iterable[str] = ()) -> None:
        self.rules = rules
        self.no_signs = pattern_of_names(tuple(no_signs))
        self.harmless = pattern_of(rules.harmless)
        self._no_sign = re.compile("|".join([pattern_of_names(tuple(names)).pattern, FILLER]))
        phrases = dict.fromkeys(phrase for rule in rules.rules for phrases in rule.all for phrase in phrases)
        self._own_denials = phrases_of(tuple(phrase for phrase in phrases if DENIAL.match(phrase)))
        self._signs_by_head: dict[str, list[Phrases]] = {}
        for rule in rules.rules:
            for listed in rule.all:
                # "没吃药昏倒了" denies the drug, not what follows it
                signs = phrases_of(tuple(phrase for phrase in listed if not VERB.match(phrase)))
                for head in signs.heads:
                    self._signs_by_head.setdefault(head, []).append(signs)

    @property
    def levels(self) -> Mapping[Level, LevelText]:
        """See ``Triager.levels``."""
        return self.rules.levels

    def triage(self, question: str, earlier: Sequence[str] = ()) -> Triage:
        """See ``Triager.triage``."""
        shown = self.shown(normalised(question), [normalised(turn) for turn in earlier])
        return shown or Triage(level="routine", reasons=[], advice=self.levels["routine"].advice)

    def shown(self, question: str, earlier: Sequence[str]) -> Triage | None:
        """What question and earlier turns show, all of them normalised; None where no rule applies.

        Signs of an emergency add up over a conversation and are not forgotten; lesser ones count only in the question.
        """
        now = self.findings(question)
        together = self.findings("。".join([*earlier, question])) if earlier else now
        emergencies = [finding for finding in together if finding.level == "emergency"]
        return self._worst([*emergencies, *now])

    def findings(self, text: str) -> list[Finding]:
        """What a normalised text shows."""
        return list(self.matches(text))

    def matches(self, text: str) -> Iterator[Finding]:
        """The rules of the file that apply to a normalised text."""
        text = masked(text, self.harmless)
        for rule in self.rules.rules:
            if sum(phrases.search(text) is not None for phrases in rule.lists) < rule.needed:
                continue
            allowed = masked(text, rule.harmless)
            beside_names = masked(allowed, self.no_signs)
            shown = sum(self.affirmed(phrases, allowed) for phrases in rule.lists) >= rule.needed
            if shown and any(phrases.search(beside_names) for phrases in rule.lists):
                yield Finding(rule.level, rule.name, rule.advice, rule.unconditional)

    def affirmed(self, phrases: Phrases | re.Pattern[str], text: str) -> bool:
        """Whether one of the phrases occurs somewhere without being denied."""
        return any(not self._denied(text, *match.span()) for match in phrases.finditer(text))

    def _denied(self, text: str, start: int, end: int) -> bool:
        if DENIED_AFTER.match(text, end):
            return True
        # "没有意识" is a sign, not the denial of what follows it
        before = text[max(0, start - LONGEST_CLAUSE) : start]
        clause = CLAUSE_END.split(masked(before, self._own_denials))[-1]
        denials = list(DENIAL.finditer(clause))
        return bool(denials) and self._is_denied_with(clause[denials[-1].end() :])

    def _is_denied_with(self, between: str) -> bool:
        """Whether there is nothing but signs and names between a denial and a sign: 没有头痛、恶心和呕吐."""
        place = 0
        while place < len(between):
            lists = (*self._signs_by_head.get(between[place], ()), *self._signs_by_head.get("", ()))
            matches = filter(None, (words.match(between, place) for words in (self._no_sign, *lists)))
            end = max((match.end() for match in matches), default=place)
            if end == place:
                return False
            place = end
        return True

    def _worst(self, findings: list[Finding]) -> Triage | None:
        level = max((finding.level for finding in findings), key=LEVELS.index, default=None)
        if level is None:
            return None
        decisive = [finding for finding in findings if finding.level == level]
        advice = next((finding.advice for finding in decisive if finding.advice), self.levels[level].advice)
        reasons = list(dict.fromkeys(finding.reason for finding in decisive))
        return Triage(level=level, reasons=reasons, advice=advice, disposition=self.dispositions.get(level, "none"))


def rules_in(file: Path) -> Callable[[KnowledgeBase], Triager]:
    """The ``triager`` of a domain that needs only the rules of one file."""

    def triager(knowledge: KnowledgeBase) -> RuleTriager:
        names = (name for entry in knowledge.entries for name in entry.names)
        return RuleTriager(read_rules(file, SafetyRules), names)

    return triager


def normalised(text: str) -> str:
    """Script, full-width forms, case and spaces unified, as the rules expect.

    A space stays only between words, where it separates clauses: "没有发烧 喘不上气"; not in "突 然 胸 痛".
    """
    text = simplified(unicodedata.normalize("NFKC", text)).lower()
    return _OTHER_SPACES.sub("", _BETWEEN_CLAUSES.sub(" ", text.strip()))


def masked(text: str, phrases: Phrases | re.Pattern[str]) -> str:
    """The text with every match replaced by a mask of the same length."""
    return phrases.sub(lambda match: MASK * len(match.group()), text)
