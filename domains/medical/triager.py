"""Triage: how soon must this user see a doctor? Decided before any model is asked.

Signs come from three sources: the red flags in ``red_flags.yaml``, the urgency of the diseases, and the signs for
seeking care that the knowledge base lists. What is denied does not count. Beside them a learned classifier hears the
message as a whole (``messages.py``): it raises an alarm where no rule knows the words, and where it is sure that nobody
is in danger (a story, a figure of speech, an examination, what is over) a sign alone raises none.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from domains.knowledge_base import Entry, KnowledgeBase
from domains.medical.entries import urgency_of
from domains.medical.messages import CLINIC, EMERGENCY, PATIENT, SELF_HARM, TODAY, heard
from domains.phrases import pattern_of, pattern_of_names
from domains.retrieval.turns import is_closing
from domains.retrieval.wording import is_courtesy
from domains.safety_rules import (
    FILLER,
    Disposition,
    Finding,
    Level,
    RuleTriager,
    SafetyRules,
    Strict,
    Triage,
    Words,
    normalised,
    read_rules,
)

RED_FLAGS = Path(__file__).parent / "red_flags.yaml"
IF_IT_HAPPENS = "如果您或身边的人正在出现这种情况，请立即拨打120或前往急诊。"
QUESTION = re.compile("[?吗呢啥咋怎哪谁几请]|什么|多少|为何|如何|[率性因状法]。?$")

PARTING = re.compile(
    "(?:好的?|嗯|哦|行|那|谢谢|多谢|感谢|医生|大夫|您|你|了|啊|啦|先|[,。! ])*(?:再见|拜拜|回头见|下次见|改天见|明天见)"
    "(?:谢谢|多谢|感谢|医生|大夫|您|你|了|啊|啦|[,。! ])*"
)
"""A goodbye at the end of a chat. Alone it shows nothing; after talk of dying, both are read together."""

GREETING = re.compile(
    "(?:hi|hello|hey|good(?:morning|afternoon|evening|night)|thanks|thankyou|ok|okay|bye|doctor"
    "|您好|你好|哈喽|嗨|早|[早上中下晚][上午]好|在[吗么]|在不在|有人(?:在?吗|在)?|医生|大夫|您|你|呀|啊|[,。?! ])*"
    "(?:(?:吃饭?|吃过饭?|睡|下班|忙完)了?(?:没有?|吗|么)|忙不忙|忙吗)?[呀啊,。?! ]*"
)
"""What is said before anything is asked: 在吗 吃了没, hello; the classifier has learned hardly any Latin letters."""

SURELY_NOT = -1.4
"""Log-odds, relative to the threshold, below which a sign that a rule finds does not count."""

FIGURE_OF_SPEECH = -1.8
"""Log-odds of an emergency, relative to the threshold, below which nobody is in danger of harming himself."""

MOVED_ON = -4.3
"""Log-odds of a patient, relative to the threshold, below which a message is not about what was said before it."""


class Language(Strict):
    """How users ask; see ``red_flags.yaml``."""

    person: Words
    now: Words
    help: Words
    preventing: Words
    earlier: Words
    diagnosed: Words


class Unnamed(Strict):
    """What is said of what the classifier hears and no rule names."""

    reason: str
    advice: str = ""

    @property
    def said(self) -> tuple[str, str]:
        """Reason and advice of a finding."""
        return self.reason, self.advice


class Heard(Strict):
    """What is said of each kind."""

    emergency: Unnamed
    self_harm: Unnamed
    today: Unnamed


class Routine(Strict):
    """What to do where neither 120 nor a doctor today is needed: what to watch, and when to come back."""

    days: str
    home: str


class RedFlags(SafetyRules):
    """All of ``red_flags.yaml``."""

    acute: tuple[str, ...]
    language: Language
    heard: Heard
    routine: Routine


@dataclass(frozen=True)
class WeighedMessage:
    """A normalised text with what it shows.

    Attributes:
        heard: What the classifier hears.
        signs: What the rules find.
        findings: What counts.
    """

    heard: Mapping[str, float]
    signs: Sequence[Finding]
    findings: Sequence[Finding]


class MedicalTriager(RuleTriager):
    """Applies the red flags, what a knowledge base says about seeking care, and the classifier.

    Args:
        knowledge: The knowledge base.
        file: The red flags.
    """

    dispositions: Mapping[Level, Disposition] = {"urgent": "today", "emergency": "120"}

    def __init__(self, knowledge: KnowledgeBase, file: Path = RED_FLAGS) -> None:
        flags = read_rules(file, RedFlags)
        names = (name for entry in knowledge.entries if entry.type in ("symptom", "disease") for name in entry.names)
        symptoms = {name for entry in knowledge.of_type("symptom") for name in entry.names}
        diseases = (name for entry in knowledge.of_type("disease") for name in entry.names)
        # the name of a disease alone shows no sign: 小儿热性惊厥, 过敏性休克
        super().__init__(flags, names, no_signs=(name for name in diseases if name not in symptoms))
        self.knowledge, self.language = knowledge, flags.language
        self._acute = pattern_of(flags.acute)
        self._unnamed, self._routine_advice = flags.heard, flags.routine

    def triage(self, question: str, earlier: Sequence[str] = ()) -> Triage:
        """See ``Triager.triage``; an emergency is not forgotten until the conversation has moved on."""
        question = normalised(question)
        now = together = self.judged(question)
        if said := self._still_open(question, [normalised(turn) for turn in earlier]):
            together = self.judged("。".join([*said, question]))
        emergencies = [finding for finding in together.findings if finding.level == "emergency"]
        return self._worst([*emergencies, *now.findings]) or self._routine(question, now)

    def judged(self, text: str) -> WeighedMessage:
        """What a normalised text shows."""
        sounds, signs = heard(text), self.signs(text)
        if PARTING.fullmatch(text) or GREETING.fullmatch(text):
            return WeighedMessage(sounds, signs, [])
        danger = max(sounds[EMERGENCY], sounds[SELF_HARM] + SURELY_NOT)
        weighed_by = {"emergency": danger, "urgent": sounds[PATIENT]}
        findings = [sign for sign in signs if sign.unconditional or weighed_by[sign.level] >= SURELY_NOT]
        return WeighedMessage(sounds, signs, [*self._unnamed_dangers(sounds, findings), *findings])

    def signs(self, text: str) -> list[Finding]:
        """What the rules find in a normalised text, whoever says it and why."""
        return [*self.matches(text), *self._care_signals(text), *self._diseases(text)]

    def _unnamed_dangers(self, sounds: Mapping[str, float], findings: Sequence[Finding]) -> Iterator[Finding]:
        named = {finding.level for finding in findings}
        if sounds[SELF_HARM] >= 0 and sounds[EMERGENCY] >= FIGURE_OF_SPEECH:
            yield Finding("emergency", *self._unnamed.self_harm.said)
        elif sounds[EMERGENCY] >= 0 and "emergency" not in named:
            yield Finding("emergency", *self._unnamed.emergency.said)
        elif sounds[TODAY] >= 0 and not named:
            yield Finding("urgent", *self._unnamed.today.said)

    def _still_open(self, question: str, earlier: Sequence[str]) -> list[str]:
        """The turns before a message that it goes on from; none before one that is about no patient."""
        said: list[str] = []
        for turn, later in zip(reversed(earlier), [question, *reversed(earlier)], strict=False):
            if self._moves_on(later):
                break
            said.insert(0, turn)
        return said

    def _moves_on(self, text: str) -> bool:
        """Whether a message leaves what was said before it; who states something of himself may go on: 我在外地打工."""
        leaves = QUESTION.search(text) or is_closing(text) or is_courtesy(text)
        return bool(leaves) and heard(text)[PATIENT] < MOVED_ON and not self.language.help.within(text)

    def _routine(self, question: str, now: WeighedMessage) -> Triage:
        disposition: Disposition = "none"
        if now.heard[PATIENT] >= 0:
            disposition = "days" if now.heard[CLINIC] >= 0 else "home"
        nobody_is_ill = "" if is_courtesy(question) else self.levels["routine"].advice
        advice = {"none": nobody_is_ill} | self._routine_advice.model_dump()
        named = any(urgency_of(entry) == "emergency" for entry in self.knowledge.find(question))
        if named or any(sign.level == "emergency" for sign in now.signs):
            advice[disposition] = IF_IT_HAPPENS
        return Triage(level="routine", reasons=[], advice=advice[disposition], disposition=disposition)

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
