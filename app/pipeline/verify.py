"""Decides what an answer is checked against: the entries that the model reads, or else those that were found."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from app.pipeline.answer_check import AnswerCheck
from app.pipeline.consultation import Consultation
from domains.asked_whether import AskedWhether
from domains.citations import asked_attributes, besides_names, marks, quoted_attribute
from domains.claims.language import ClaimLanguage, form_of
from domains.claims.numbers import NumberReader
from domains.claims.reader import ClaimReader
from domains.domain import Domain
from domains.grounding import statements_of
from domains.knowledge_base import Entry, KnowledgeBase
from domains.phrases import NOTHING
from domains.retrieval.retriever import Found, Retrieved

ENTRIES = 3
"""Most entries that a question is taken to be about."""

OF_NONE = [""]
"""What is asked where no attribute of an entry can answer."""


@dataclass(frozen=True)
class VerifyStage:
    """Sets the check of the answer by the domain's policy.

    Attributes:
        domain: Its policy, and how its questions and answers speak.
        knowledge: What is cited.
    """

    domain: Domain
    knowledge: KnowledgeBase

    async def __call__(self, consultation: Consultation) -> Consultation:
        """See ``PipelineStage``."""
        return replace(consultation, check=self.checked(consultation))

    def checked(self, consultation: Consultation) -> AnswerCheck | None:
        """The check of the answer; None where no entry was found to check it against."""
        topic = [found.entry for found in _asked_about(consultation.retrieved)]
        block = consultation.block
        entries = [one.entry for one in block.given] if block else topic
        if not entries:
            return None
        if not self.domain.is_verifiable or self.domain.verify == "off":
            return self._check_of_numbers(entries, consultation)
        if self.domain.claims is None:
            return self._check_of_quotations(entries, topic, consultation)
        return self._check_of_claims(self.domain.claims, entries, topic, consultation)

    def asked(self, consultation: Consultation) -> dict[str, list[str]]:
        """By id of an entry that a question is about, the attributes that it asks for, as the answer is checked.

        The first entry is asked about first; none is known where claims cannot be checked.
        """
        if self.domain.claims is None:
            return {}
        question, found = consultation.in_full, _asked_about(consultation.retrieved)
        asking = AskedWhether(self.domain.claims, form_of(self.domain.claims, self.knowledge), self.domain.asked_for)
        return self._asked([one.entry for one in found], question, _speaking(question, found, asking))

    def _check_of_numbers(self, entries: Sequence[Entry], consultation: Consultation) -> AnswerCheck:
        quoted = consultation.citations[:1]
        words = "".join(quotation.text + marks([quotation.id]) for quotation in quoted)
        reader = NumberReader(self._known(entries, consultation))
        return AnswerCheck(reader, [entry.id for entry in entries], lambda: words)

    def _check_of_quotations(
        self, entries: Sequence[Entry], topic: Sequence[Entry], consultation: Consultation
    ) -> AnswerCheck:
        assert self.domain.quotations is not None
        reader = self.domain.quotations(consultation.in_full, entries, [entry.id for entry in topic])
        return AnswerCheck(reader, [entry.id for entry in entries], reader.words, self.domain.verify == "mark")

    def _check_of_claims(
        self, language: ClaimLanguage, entries: Sequence[Entry], topic: Sequence[Entry], consultation: Consultation
    ) -> AnswerCheck:
        question, given = consultation.in_full, [entry.id for entry in entries]
        asking = AskedWhether(language, form_of(language, self.knowledge), self.domain.asked_for)
        speaking = _speaking(question, _asked_about(consultation.retrieved), asking)
        asked = self._asked([*entries, *topic], question, speaking)
        about = {entry.id for entry in topic} & set(given) or set(given)
        reader = ClaimReader(question, entries, about, asked, language, form_of(language, self.knowledge))

        def words() -> str:
            answering = [(entry, asked[entry.id]) for entry in topic if asked[entry.id] not in ([], OF_NONE)]
            if not answering and language.defines.search(question):
                answering = [(entry, [entry.opening[0]]) for entry in topic[:1]]
            return self._own_words(answering) or self._lacking(topic, reader.denied)

        mentioned = not speaking or any(attributes != [] for attributes in speaking.values())
        told = "" if mentioned else self.domain.notices.not_mentioned
        heard_nobody = consultation.triage.disposition == "none" and consultation.triage.level == "routine"
        needless = self.domain.alarm if heard_nobody else NOTHING
        return AnswerCheck(reader, given, words, self.domain.verify == "mark", told, needless)

    def _asked(
        self, entries: Sequence[Entry], question: str, speaking: Mapping[str, list[str] | None]
    ) -> dict[str, list[str]]:
        """By id of an entry, the attributes that a question asks for besides its names: 药疹 is no medicine.

        Where none is recognised, any may answer; but whether something is so (能喝啤酒吗) is answered only by what
        speaks of it; where nothing does, only by an attribute that is recognised.
        """
        rest = besides_names(question, entries)
        asked = {entry.id: asked_attributes(entry, rest, self.domain.asked_for) for entry in entries}
        recognised, spoken_of = any(asked.values()), any(speaking.values())
        for id, attributes in speaking.items():
            if attributes:
                asked[id] = [name for name in asked[id] if name in attributes] or attributes
            elif attributes is not None and (spoken_of or not recognised):
                asked[id] = OF_NONE
        return asked

    def _own_words(self, answering: Iterable[tuple[Entry, Sequence[str]]]) -> str:
        """What entries themselves say of what is asked, cited."""
        version = self.knowledge.version
        quoted = [quoted_attribute(entry, name, version) for entry, names in answering for name in names]
        return "".join(quotation.text + marks([quotation.id]) for quotation in quoted)

    def _lacking(self, topic: Sequence[Entry], denied: Mapping[str, str]) -> str:
        """What entries themselves say of what the answer says that they lack, cited."""
        lacking = [entry for entry in topic if entry.id in denied]
        quoted = [quoted_attribute(entry, denied[entry.id], self.knowledge.version) for entry in lacking]
        return "".join(quotation.text + marks([quotation.id]) for quotation in quoted)

    def _known(self, entries: Sequence[Entry], consultation: Consultation) -> list[str]:
        """The texts whose numbers may be said; 120 is always one of them where a notice has it."""
        held = [text for entry in entries for text in (*entry.names, *chain(*statements_of(entry).values()))]
        said = [turn.content for turn in consultation.history]
        return [*held, consultation.question, *said, self.domain.notices.disclaimer]


def _speaking(question: str, topic: Sequence[Found], asking: AskedWhether) -> dict[str, list[str] | None]:
    """By id of an entry, what ``AskedWhether.speaking_of`` says of it."""
    said = {}
    for found in topic:
        called = [one.matched for one in topic if one.matched and one.entry.id == found.entry.id]
        others = [one.matched for one in topic if one.how in ("name", "alias") and one.matched not in called]
        said[found.entry.id] = asking.speaking_of(question, found.entry, called, others)
    return said


def _asked_about(retrieved: Retrieved) -> list[Found]:
    """The entries that a question names, else the one that it describes best."""
    named = [found for found in retrieved.topic if found.how != "description"]
    return named[:ENTRIES] or list(retrieved.topic[:1])
