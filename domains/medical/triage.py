"""Triage by rule: how soon must this user see a doctor? Deterministic, before any model is asked.

Three sources are read: the red flags in ``red_flags.yaml``, the urgency of the diseases, and the knowledge base's own
signs for seeking care. What is denied, long past or said in jest does not count, and a question of a textbook or an
examination about an emergency is not an emergency.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from domains.knowledge_base import Entry, KnowledgeBase
from domains.medical.entries import urgency_of
from domains.phrases import pattern_of, pattern_of_names
from domains.safety_rules import (
    FILLER,
    MASK,
    Finding,
    Level,
    RuleTriager,
    SafetyRules,
    Strict,
    Triage,
    Words,
    masked,
    normalised,
    read_rules,
)

RED_FLAGS = Path(__file__).parent / "red_flags.yaml"
IF_IT_HAPPENS = "如果您或身边的人正在出现这种情况，请立即拨打120或前往急诊。"
CLAUSE = re.compile("[^。,!?; ]+")
NOW = re.compile("现在|如今|目前|眼下")
QUESTION = re.compile("[?吗呢啥咋怎哪谁几请]|什么|多少|为何|如何|[率性因状法]。?$")


class Language(Strict):
    """How users ask; see ``red_flags.yaml``."""

    person: Words
    now: Words
    help: Words
    handle: Words
    textbook: Words
    lecture: Words
    preventing: Words
    earlier: Words
    diagnosed: Words
    exam: Words
    past: Words
    present: Words


class RedFlags(SafetyRules):
    """All of ``red_flags.yaml``."""

    acute: tuple[str, ...]
    language: Language


class MedicalTriager(RuleTriager):
    """Applies the red flags and what a knowledge base says about seeking care.

    Args:
        knowledge: The knowledge base.
        file: The red flags.
    """

    def __init__(self, knowledge: KnowledgeBase, file: Path = RED_FLAGS) -> None:
        flags = read_rules(file, RedFlags)
        names = (name for entry in knowledge.entries if entry.type in ("symptom", "disease") for name in entry.names)
        symptoms = {name for entry in knowledge.of_type("symptom") for name in entry.names}
        diseases = (name for entry in knowledge.of_type("disease") for name in entry.names)
        # the name of a disease alone shows no sign: 小儿热性惊厥, 过敏性休克
        super().__init__(flags, names, no_signs=(name for name in diseases if name not in symptoms))
        self.knowledge, self.language = knowledge, flags.language
        self._acute = pattern_of(flags.acute)

    def triage(self, question: str, earlier: Sequence[str] = ()) -> Triage:
        """See ``Triager.triage``; textbook questions neither are nor make an emergency."""
        question = normalised(question)
        if self._is_textbook(question):
            return self._for_readers(question, self.findings(question))
        said = [turn for turn in map(normalised, earlier) if not self._is_textbook(turn)]
        return self.shown(question, said) or self._for_readers(question, [])

    def findings(self, text: str) -> list[Finding]:
        """See ``RuleTriager.findings``; what is long past and what is only said in jest shows nothing."""
        now = masked(self._without_the_past(text), self.harmless)
        return [*self.matches(now), *self._care_signals(now), *self._diseases(now)]

    def _without_the_past(self, text: str) -> str:
        """The text with every clause masked that is about the past and not also about now."""
        asks = self.language

        def kept(clause: re.Match[str]) -> str:
            said = clause.group()
            if not asks.past.within(said) or asks.present.within(said):
                return said
            before = NOW.split(said)[0]  # 去年得过脑梗，现在左手没力: what follows is no past
            return MASK * len(before) + said[len(before) :]

        return CLAUSE.sub(kept, text)

    def _is_textbook(self, text: str) -> bool:
        asks = self.language
        if asks.exam.within(text):
            return True
        if any(words.within(text) for words in (asks.person, asks.now, asks.help, asks.handle)):
            return False
        about_disease = any(entry.type == "disease" for entry in self.knowledge.find(text))
        return asks.lecture.within(text) or (about_disease and asks.textbook.within(text))

    def _for_readers(self, question: str, findings: list[Finding]) -> Triage:
        names_emergency = any(urgency_of(entry) == "emergency" for entry in self.knowledge.find(question))
        grave = names_emergency or any(finding.level == "emergency" for finding in findings)
        advice = IF_IT_HAPPENS if grave else self.levels["routine"].advice
        return Triage(level="routine", reasons=[], advice=advice)

    def _care_signals(self, text: str) -> Iterator[Finding]:
        """The signs for seeking care that the knowledge base lists for what the question names."""
        for entry in self._affirmed_entries(text):
            for part in _parts(entry.attributes.get("就医信号", ())):
                if part.startswith("一旦") or self._shows(part, entry, text):
                    level: Level = "emergency" if self._acute.search(part) else "urgent"
                    yield Finding(level, f"{entry.name}的就医信号：{part}")

    def _shows(self, part: str, of: Entry, text: str) -> bool:
        named = [entry for entry in self.knowledge.find(part) if entry.id != of.id]
        names = tuple(name for entry in named for name in entry.names)
        if named and not re.sub(f"{pattern_of_names(names).pattern}|{FILLER}", "", part):
            return all(self.affirmed(pattern_of_names(entry.names), text) for entry in named)
        return self.affirmed(pattern_of_names((part,)), text)

    def _diseases(self, text: str) -> Iterator[Finding]:
        asks = self.language
        if asks.earlier.within(text) or asks.preventing.within(text):
            return
        stated = not QUESTION.search(text) and self.no_signs.sub("", text) != ""
        happening = stated or asks.now.within(text) or asks.help.within(text)
        for disease in self._affirmed_entries(text):
            if urgency_of(disease) == "emergency" and happening and not asks.diagnosed.within(text):
                yield Finding("emergency", f"{disease.name}属于急症")
            elif urgency_of(disease) in ("emergency", "urgent") and (happening or asks.person.within(text)):
                yield Finding("urgent", f"{disease.name}需要尽快就诊")

    def _affirmed_entries(self, text: str) -> list[Entry]:
        return [entry for entry in self.knowledge.find(text) if self.affirmed(pattern_of_names(entry.names), text)]


def _parts(signals: Iterable[str]) -> Iterator[str]:
    """The signs in "伴大汗或放射至左臂": 大汗, 放射至左臂."""
    for signal in signals:
        for part in re.split("[或及]", signal):
            yield re.sub("^(伴有?|出现|突然|突发|有)(?=..)", "", part)
