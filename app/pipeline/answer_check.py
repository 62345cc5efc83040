"""What of an answer is said: claims that the entries hold, while it grows and before anybody sees the others.

A claim is held back until it is complete and checked: what is looked back at is one clause, with the words that
introduce its list, or one sentence, as its reader says, ``longest`` characters at most. What is taken out leaves a
sentence: no joint and no introduction stays without what it joins or introduces.
"""

import re
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from pydantic import BaseModel

from domains.citations import marks, unfinished_citation
from domains.claims.language import with_digits
from domains.claims.reader import Part
from domains.phrases import NOTHING
from models.engines.engine import Completion

MARK = "〔未见于知识库〕"
NOT_ANSWERED = "知识库中有相关条目，但没有找到能回答这个问题的内容。请看所附原文，或换一种说法再问。"

_CITATION = re.compile(r"【[A-Za-z]+\d+(?:[、，,;； ]+[A-Za-z]+\d+)*】")
_DANGLING = re.compile("^(?:包括|包含|例如|比如|以及|也|还|并且|并)+")
_CLAUSE_JOINTS = ("，", ",", "；", ";")
_WORDS_BETWEEN = ("和", "及", "与", "以及")
_INSTRUCTS = re.compile("忌|少|多|不|戒|禁|限|避免|防止|勿|暂|减少|增加|保持|控制|定期|定时")
"""What an item begins with that no 和 joins to another than the model did: 忌浓肉汤和多饮白开水 reads as 忌 of both."""

_ID = re.compile(r"[A-Za-z]+\d+")


class ClauseReader(Protocol):
    """Reads an answer clause by clause; see ``ClaimReader`` and ``QuotationReader``.

    Attributes:
        ends: What ends a clause.
        longest: Most characters of one that are held back; what is longer is checked as it is.
        joints: The ends after which a sentence goes on.
        cites: Whether every claim is served with the citation of an entry that holds it, whatever the answer cites.
    """

    @property
    def ends(self) -> re.Pattern[str]: ...  # noqa: D102

    @property
    def longest(self) -> int: ...  # noqa: D102

    @property
    def joints(self) -> str: ...  # noqa: D102

    @property
    def cites(self) -> bool: ...  # noqa: D102

    def clause(self, text: str, end: str) -> Iterator[Part]:
        """The parts of a clause."""
        ...


class Verification(BaseModel):
    """What the check of an answer has done; counts, never text.

    Attributes:
        held: Claims that an entry holds.
        removed: Claims that were taken out: no entry holds them, or they do not answer what was asked.
        marked: Claims that were marked instead.
        completed: Claims of which the answer had only a part, and the reader the whole sentence.
        citations_removed: Citations that were taken out: not given, or it holds none of the claims.
        replaced: Whether nothing was left, so that the entry's own words are the answer.
        not_mentioned: Whether the reader was told that no entry speaks of what he asked in particular.
    """

    held: int = 0
    removed: int = 0
    marked: int = 0
    completed: int = 0
    citations_removed: int = 0
    replaced: bool = False
    not_mentioned: bool = False

    @property
    def changed(self) -> bool:
        """Whether something was taken out, or completed."""
        return bool(self.removed or self.completed or self.citations_removed or self.replaced)


def joined(parts: Sequence[Verification]) -> Verification:
    """What the checks of the parts of an answer have done together; it is replaced where all of them are."""
    return Verification(
        held=sum(part.held for part in parts),
        removed=sum(part.removed for part in parts),
        marked=sum(part.marked for part in parts),
        completed=sum(part.completed for part in parts),
        citations_removed=sum(part.citations_removed for part in parts),
        replaced=all(part.replaced for part in parts),
        not_mentioned=any(part.not_mentioned for part in parts),
    )


class AnswerCheck:
    """The check of one answer.

    Args:
        reader: Judges its clauses.
        given: Ids of the entries that it may cite.
        words: What is said where nothing of it is left; empty where they have none.
        marks_claims: Whether what no entry holds is marked instead of taken out; a number never is.
        not_mentioned: Said after an answer where no entry speaks of what was asked in particular; else empty.
        needless: Advice that is taken out: an alarm where nobody is ill.

    Attributes:
        reader: Reads it.
        done: What was done so far.
    """

    def __init__(
        self,
        reader: ClauseReader,
        given: Collection[str],
        words: Callable[[], str],
        marks_claims: bool = False,
        not_mentioned: str = "",
        needless: re.Pattern[str] = NOTHING,
    ) -> None:
        self.reader, self._given, self._words, self._marks = reader, given, words, marks_claims
        self._not_mentioned, self._needless = not_mentioned, needless
        self._ends = re.compile(rf"{_CITATION.pattern}|{reader.ends.pattern}")
        self.done = Verification()
        self._answered = self._begun = False
        self._uncited = False  # something was said since the last citation
        self._support: list[str] = []  # entries that hold it
        self._held_by: list[Collection[str]] = []  # the same, by claim
        self._cited_here: set[str] = set()  # entries cited for it
        self._begin_sentence()

    def _begin_sentence(self) -> None:
        self._joint = self._lead = ""  # said before the next claim, if one is
        self._is_subject = self._said = self._dropped = False

    async def checked(self, reply: AsyncIterator[str | Completion]) -> AsyncIterator[str | Completion]:
        """The answer as it is said; one that ends in the entry's own words was not cut, whatever the model did."""
        held, completion = "", None
        async for event in reply:
            if isinstance(event, Completion):
                completion = event
                break
            held += event
            said, held = self.complete(held)
            if said:
                yield said
        if said := self.finish(held):
            yield said
        if completion is not None:
            yield replace(completion, finish_reason="stop") if self.done.replaced else completion

    def complete(self, text: str) -> tuple[str, str]:
        """What is said of the complete clauses of a text, and the rest of it."""
        said: list[str] = []
        start, ready = 0, len(text) - unfinished_citation(text)
        for end in self._ends.finditer(text, 0, ready):
            if end[0][0] == "【":
                said += self._clause(text[start : end.start()], "、")
                said += self._cited(end[0])
            else:
                said += self._clause(text[start : end.start()], end[0])
                said += self._ended(end[0])
            start = end.end()
        if len(text) - start > self.reader.longest:
            said += self._clause(text[start:], "、")
            start = len(text)
        return "".join(said), text[start:]

    def finish(self, text: str) -> str:
        """What is said of the rest of the answer, and where nothing is left of it."""
        ends = [end for end in self._ends.finditer(f"{text} ") if end.end() == len(text)]
        said = "".join(self._clause(text[: ends[0].start()] if ends else text, ends[0][0] if ends else ""))
        said += "".join(self._ended(ends[0][0])) if ends else ""
        if self.reader.cites and self._uncited:
            said += marks(self._kept([]))
        words = self._own_words()
        return said + words + (self._told() if self.done.held or words not in ("", NOT_ANSWERED) else "")

    def _clause(self, text: str, end: str) -> Iterator[str]:
        for part in self.reader.clause(text, end):
            if not part.text:
                continue
            if part.kind == "joint":
                self._join(part.text)
            elif part.kind in ("lead", "subject"):
                self._lead, self._is_subject = part.text, part.kind == "subject"
            elif part.kind in ("plain", "unchecked"):
                yield from self._plain(part.text, part.kind == "unchecked" or end in ("？", "?"))
            else:
                yield from self._claim(part)

    def _claim(self, claim: Part) -> Iterator[str]:
        assert claim.judged is not None
        marked = self._marks and claim.kind == "claim" and not re.search(r"\d", with_digits(claim.text))
        if claim.judged.verdict == "held" or (self._marks and claim.judged.verdict == "elsewhere"):
            self.done.held += claim.kind == "claim"
            self.done.completed += claim.completed
            self._answered = True
            yield self._with_lead(claim.text, claim.judged.ids)
        elif marked:
            self.done.marked += 1
            yield self._with_lead(claim.text + MARK)
        else:
            self.done.removed += 1
            self._dropped = True
            if self._is_subject:
                self._lead = ""

    def _plain(self, text: str, answers: bool) -> Iterator[str]:
        """What claims nothing; advice that follows what was taken out goes with it."""
        self._lead = ""
        if self._needless.search(text):
            self.done.removed += 1
            self._dropped = True
            return
        if self._said or not (self._dropped or re.fullmatch(r"\W*", text)):
            self._answered |= answers  # or asks back
            yield self._with_lead(text)

    def _with_lead(self, text: str, held_by: Collection[str] = ()) -> str:
        self._support = [*(self._support if self._uncited else ()), *held_by]
        self._held_by = [*(self._held_by if self._uncited else ()), *([held_by] if held_by else [])]
        if self._dropped and not self._said:
            text = _DANGLING.sub("", text)
        apart = self._dropped and self._joint in _WORDS_BETWEEN and _INSTRUCTS.match(text)
        joint = "、" if apart else self._joint
        said = (joint if self._said else "") + self._lead + text
        self._joint = self._lead = ""
        self._said = self._uncited = self._begun = True
        return said

    def _join(self, joint: str) -> None:
        """What joins clauses is not replaced by what joins the items of one."""
        if not self._lead and not (self._joint in _CLAUSE_JOINTS and joint not in _CLAUSE_JOINTS):
            self._joint = joint

    def _ended(self, end: str) -> Iterator[str]:
        if end in self.reader.joints:
            self._join(end)
            return
        if self._said:
            yield end
        self._begin_sentence()

    def _cited(self, citation: str) -> Iterator[str]:
        """The citation without entries that were not given or hold nothing of what was said before it."""
        ids = _ID.findall(citation)
        kept = [id for id in ids if id in (self._support or self._given)]
        self.done.citations_removed += len(ids) - len(kept)
        if self._uncited:
            self._cited_here = set()
            kept = self._kept(kept)
        if self._support or self._uncited:
            yield marks(id for id in kept if id not in self._cited_here)
        self._cited_here |= set(kept)
        self._uncited = False

    def _kept(self, ids: Sequence[str]) -> list[str]:
        """A citation with what it lacks: an entry for what was said before it, or for each claim of that."""
        if not self.reader.cites:
            return list(ids or self._support[:1])
        lacking = [next(iter(holding)) for holding in self._held_by if not set(holding) & set(ids)]
        return list(dict.fromkeys((*ids, *lacking)))

    def _told(self) -> str:
        self.done.not_mentioned = bool(self._not_mentioned)
        return f"\n{self._not_mentioned}" if self._not_mentioned else ""

    def _own_words(self) -> str:
        words = "" if self._answered else self._words() or ("" if self._begun else NOT_ANSWERED)
        self.done.replaced = bool(words)
        return words
