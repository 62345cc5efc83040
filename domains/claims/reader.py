"""Reads an answer clause by clause: which parts of it are claims, of what, and whether the entries hold them.

The parts of a clause, joined, are the clause. A claim is what is said of an entry: an item of a list, a statement. What
introduces a list (``高血压的常见症状有``) is its lead, what only says whose claim follows (``高血压``) its subject;
courtesies, questions and advice are plain; a statement that the knowledge base lacks something is a denial.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from domains.claims.entries import JudgedClaim, Statements, Verdict, judged
from domains.claims.language import ClaimLanguage, Form, one_of
from domains.knowledge_base import Entry
from domains.retrieval.normalise import normalised
from domains.retrieval.wording import is_courtesy

Kind = Literal["lead", "subject", "joint", "claim", "denial", "plain", "unchecked"]

CLAUSE_END = re.compile(r"(?<!\d)[,](?!\d)|[、，；;。！？!?\n]")
"""What ends a clause."""

JOINTS = "、，,；;"
"""The ends after which a sentence goes on."""

GOOD: tuple[Verdict, ...] = ("held", "elsewhere")
LONGEST_CLAUSE = 120
"""Most characters that are held back; what is longer is checked as it is."""

LONGEST_SUBJECT = 45
"""Characters at the beginning of a clause that may name what it is about."""

_JOINT = re.compile("(以及|并且|还有|[和或及与])")
_POINTS = re.compile("(?<=.)(?:可能是|多见于|常见于)(?=.)")
_OPENS_LIST = re.compile("(?:有|包括|包含|常见|见于|会|可|能|要|应)$")
_BULLET = re.compile(r"^\s*(?:[-*•·#]+\s+|\d+[.)．]\s*)?(?:\*\*)?")
_ADVERBS = "(?:主要|常见|一般|通常|大致|常|可|也|还|都)*"
_ADVERB = re.compile("(?:通常|常)?用?$")
_ADVERBS_ALONE = ("常", "常用", "通常")
_LINK = r"(?:包括有|包括|主要有|如下[:：]?|有|是(?!否)|为(?!主|特征|了)|在于|[:：]\s*(?:\*\*)?)"
_DENIED = re.compile(
    "(?:知识库|资料|条目|文档)[^，。]{0,6}(?:没有|未|无)(?:提到|找到|记载|提及|收录|说明|给出)?(?P<what>.*?)"
    "(?:的?(?:相关)?(?:记载|内容|资料|条目|信息))?$"
)


@dataclass(frozen=True)
class Part:
    """A part of a clause.

    Attributes:
        text: As the answer has it.
        kind: What it is.
        judged: What the entries say about a claim or a denial.
        completed: Whether the answer has only a part of it.
    """

    text: str
    kind: Kind
    judged: JudgedClaim | None = None
    completed: bool = False


class ClaimReader:
    """Reads one answer.

    Args:
        question: What was asked.
        entries: What the answer may rest on.
        topic: Ids of those that are asked about; what an answer does not say of whom, it says of them.
        asked: By id of an entry, the attributes that the question asks for.
        language: How the domain's answers speak.
        form: Of that language and knowledge base.

    Attributes:
        asked: See above.
        denied: By id of an entry, the attribute of which the answer says wrongly that it is not recorded.
    """

    ends = CLAUSE_END
    longest = LONGEST_CLAUSE
    joints = JOINTS
    cites = False

    def __init__(
        self,
        question: str,
        entries: Sequence[Entry],
        topic: Collection[str],
        asked: Mapping[str, Sequence[str]],
        language: ClaimLanguage,
        form: Form,
    ) -> None:
        self._form, self.asked = form, asked
        self._about = {entry.id: Statements(entry, asked[entry.id], form) for entry in entries}
        self._topic = tuple(id for id in self._about if id in topic)
        self._question = form.of(question)
        self._names = {form.of(entry.name): entry.id for entry in entries}
        attributes = {name for entry in entries for name in (*entry.attributes, entry.opening[0])}
        self._called = {name: (name, *language.attributes.get(name, ())) for name in attributes}
        called = {form.of(label): self._attributes(label) for of in self._called.values() for label in of}
        self._labels = {label: attributes for label, attributes in called.items() if label}
        labels = one_of(label for labels in self._called.values() for label in labels)
        self._lead = re.compile(
            rf"^(?P<subject>[^:：]{{0,40}}?)(?P<label>{labels})(?:要点|建议|要求)?{_ADVERBS}{_LINK}"
        )
        self.denied: dict[str, str] = {}
        self._begin_sentence()

    def _begin_sentence(self) -> None:
        self._subjects: tuple[str, ...] | None = ()  # none is known; None: of something else
        self._stated: tuple[str, ...] = ()
        self._listing = False  # items of a stated attribute, among which there is no advice
        self._sign = ""  # what the names that are being listed may explain

    def clause(self, text: str, end: str) -> Iterator[Part]:
        """The parts of a clause.

        Args:
            text: The clause, with neither citations nor what ends it.
            end: What ends it; empty where the answer is over.
        """
        if text:
            yield from self._parts(text, end)
        if end != "、":
            self._sign, self._listing = "", False
        if end not in ("", "、", "，", ","):  # after a semicolon too, something else may be spoken of
            self._begin_sentence()

    def _parts(self, text: str, end: str) -> Iterator[Part]:
        if not normalised(text) or is_courtesy(normalised(text)):
            yield Part(text, "plain")
        elif denied := _DENIED.search(text):
            yield Part(text, "denial", self._denial(denied["what"]))
        elif lead := self._lead.search(text):
            self._introduce(lead["subject"], lead["label"])
            yield Part(lead[0], "lead")
            yield from self._items(text[lead.end() :])
        elif (points := _POINTS.search(text)) and self._form.of(_JOINT.split(text[points.end() :])[0]) in self._names:
            yield from self._items(text[: points.start()])
            self._sign = self._form.of(_JOINT.split(text[: points.start()])[-1])
            yield Part(points[0], "joint")
            yield from self._items(text[points.end() :])
        elif end in ("？", "?") and not re.search(r"\d", text):
            yield Part(text, "plain")
        else:
            yield from self._items(text)

    def _introduce(self, subject: str, label: str) -> None:
        self._stated, self._listing = self._attributes(label), True
        said = self._form.of(_BULLET.sub("", subject))
        if said and said not in _ADVERBS_ALONE:
            self._subjects = self._named(said) or self._named(_ADVERB.sub("", said))
        elif self._subjects is None:
            self._subjects = ()

    def _attributes(self, label: str) -> tuple[str, ...]:
        return tuple(name for name, called in self._called.items() if label in called)

    def _named(self, said: str) -> tuple[str, ...] | None:
        """The entries of whose names a form consists; None where it consists of something else."""
        found = []
        for name in sorted(self._names, key=len, reverse=True):
            if name in said:
                said = said.replace(name, "", 1)
                found.append(self._names[name])
        return tuple(found) if found and not said else None

    def _items(self, text: str) -> Iterator[Part]:
        """What is listed or stated: as a whole, else at its joints."""
        if not text:
            return
        whole = self._judge(text)
        if whole is None:
            yield Part(text, "plain")
        elif whole.verdict in GOOD:
            yield Part(text, "claim", whole)
        elif self._is_of_another(text):
            self._subjects = None
            yield Part(text, "claim", JudgedClaim("not_held"))
        elif self._stated and (items := self._joined(text)):
            yield from items
        else:
            subject = "" if self._sign else self._subject_of(text)
            if subject:
                yield Part(subject, "lead" if _OPENS_LIST.search(subject) else "subject")
            rest = text[len(subject) :]
            yield from self._joined(rest) or [self._claim(rest)]

    def _claim(self, text: str) -> Part:
        judged = self._judge(text)
        return Part(text, "claim" if judged else "plain", judged)

    def _is_of_another(self, text: str) -> bool:
        """Whether a statement begins with the name of an entry that the answer may not rest on."""
        name, rest = self._form.leading_name(_BULLET.sub("", text))
        follows = bool(rest) and not _JOINT.match(rest)
        return not self._stated and bool(name) and follows and name not in self._names

    def _subject_of(self, text: str) -> str:
        """The beginning of a clause that names entries, or an attribute of theirs, and says nothing else.

        From then on they are what the sentence is about.
        """
        best: tuple[int, tuple[str, ...], tuple[str, ...]] | None = None
        for end in range(2, min(len(text), LONGEST_SUBJECT)):
            found = self._about_what(self._form.of(text[:end]))
            if found is None or (self._stated and not found[0]):  # 饮食过咸 in a list of causes is no new attribute
                continue
            best = end, *found
            subjects, self._subjects = self._subjects, found[0] or self._subjects
            stated, self._stated = self._stated, found[1] or self._stated
            first = self._judge(_JOINT.split(text[end:])[0])
            if first and first.verdict in GOOD:
                return text[:end]
            self._subjects, self._stated = subjects, stated
        if best is None:
            return ""
        end, subjects, stated = best
        self._subjects, self._stated = subjects or self._subjects, stated or self._stated
        return text[:end]

    def _about_what(self, said: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
        """The entries and attributes of whose names a form consists."""
        if named := self._named(said):
            return named, ()
        for label, attributes in self._labels.items():
            if said == label:
                return (), attributes
            if label in said and (named := self._named(said.replace(label, "", 1))):
                return named, attributes
        return None

    def _joined(self, text: str) -> list[Part]:
        """Several statements, cut at their joints, the longest first; none where they are not held one by one."""
        pieces = _JOINT.split(text)
        parts: list[Part] = []
        start = 0
        while start < len(pieces):
            for stop in range(len(pieces), start, -2):
                part = self._claim("".join(pieces[start:stop]))
                if _is_good(part) or stop == start + 1:
                    parts += [Part(pieces[start - 1], "joint"), part] if start else [part]
                    start = stop + 1
                    break
        items = [_is_good(part) for part in parts if part.kind != "joint"]
        # without a list, what follows a wrong statement may depend on it
        return parts if items[0] or (self._stated and any(items)) else []

    def _judge(self, text: str) -> JudgedClaim | None:
        """What the entries say about a statement; None where it claims nothing."""
        said = self._form.of(_BULLET.sub("", text))
        if self._subjects is None:
            return JudgedClaim("not_held") if said else None
        if self._sign and said in self._names:
            return self._explained(self._names[said])
        first = self._judged(said, self._stated)
        if first.verdict in GOOD:
            return first
        if not (rest := self._form.without_advice(text)):
            return first if self._listing else None
        for other, stated in self._plainer(said, rest):
            if (again := self._judged(other, stated)).verdict in GOOD:
                return again
        return first

    def _explained(self, id: str) -> JudgedClaim:
        """Whether an entry has the sign that its name is said to explain."""
        return judged(self._sign, [self._about[id]], (), every=True)

    def _plainer(self, said: str, rest: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        """What a statement says without advice, without "use", without the name of its attribute."""
        if not self._listing:
            yield rest, self._stated
        yield said.removeprefix("用"), self._stated
        for label, attributes in self._labels.items():
            stated = tuple(name for name in attributes if not self._stated or name in self._stated)
            if stated and said.endswith(label):
                yield said.removesuffix(label), stated
            if stated and said.startswith(label):
                yield said.removeprefix(label), stated

    def _judged(self, said: str, stated: tuple[str, ...]) -> JudgedClaim:
        about = [self._about[id] for id in self._subjects or self._topic]
        return judged(said, about, stated, every=len(self._subjects or ()) > 1)

    def _denial(self, what: str) -> JudgedClaim:
        """Whether the entries lack what an answer says is not recorded, and whether that was asked at all."""
        said = self._form.of(what)
        for name, id in self._names.items():
            if name in said:
                rest = said.replace(name, "", 1)
                known = [one for one in self._labels.get(rest, ()) if one in self._about[id].attributes]
                if known:
                    self.denied[id] = known[0]
                if known or not rest:
                    return JudgedClaim("contradicted")
        pairs = {said[place : place + 2] for place in range(len(said) - 1)}
        asked = sum(pair in self._question for pair in pairs)
        return JudgedClaim("held", tuple(self._about)) if 2 * asked >= len(pairs) else JudgedClaim("not_held")


def _is_good(part: Part) -> bool:
    return part.judged is None or part.judged.verdict in GOOD
