"""From a question to the entries of a knowledge base that it is about, or to nothing.

Names come first: exact ones, those of the lexicon, misspelt ones. A name counts the more the greater its share of the
question, so that a symptom in a long account does not hide the disease that the account describes. What the question
describes is added to it. Without a name a description must fit well, or nothing is found: a wrong entry is worse than
none.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from heapq import nlargest
from itertools import chain
from typing import Literal

import jieba

from domains.knowledge_base import Entry, KnowledgeBase
from domains.retrieval.boundaries import is_part_of_longer
from domains.retrieval.descriptions import Descriptions
from domains.retrieval.lexicon import SPOKEN
from domains.retrieval.names import Mention, NameKind, Names, longest, names_of
from domains.retrieval.normalise import HAN, normalised
from domains.retrieval.questions import questions_of
from domains.retrieval.spelling import Spelling
from domains.retrieval.turns import (
    another,
    beside_unknown,
    in_full,
    is_closing,
    is_follow_up,
    is_of_unknown,
    moves_on,
    names_another_subject,
)
from domains.retrieval.wording import BEFORE_A_NAME, content, is_courtesy, points_back

How = NameKind | Literal["spelling", "description", "earlier"]

# in the unit of a description; measured on the labelled questions (benchmarks/retrieval.md)
NAMED, BROADER = 12.0, 8.0  # a name that is the whole question; a word that means several entries
MISSPELT = 0.9  # of that where it is misspelt
LATER, LESS_USUAL = 1.0, 0.3  # less for each name before it, and for each more usual meaning of a broader word
USUAL = 5  # meanings of a broader word that are told apart
DESCRIBED = 4.2  # least score of a description without a name
DESCRIBED_BESIDE_UNKNOWN = 6.0  # the same where the question names something that is not there
DESCRIBED_PASSAGE = 1.6  # the same for passages of documents, which questions seldom name
MOST = 10  # entries that are returned
LONGEST_PREFIX = 4  # characters before a name that may belong to it
TURNS = 6  # of a conversation that are looked back to, and questions in them


@dataclass(frozen=True)
class Found:
    """An entry that a question is about.

    Attributes:
        entry: The entry.
        score: How well it fits; comparable within one question.
        how: What led to it.
        matched: The word of the normalised question; empty where all of it describes the entry.
        called: That word where it is a name which only the lexicon has; empty otherwise.
    """

    entry: Entry
    score: float
    how: How
    matched: str = ""
    called: str = ""


@dataclass(frozen=True)
class Retrieved:
    """What a question is about.

    Attributes:
        found: The entries, best first; none where the question is about nothing that is there.
        asked: The question as it says all that it asks: 奥司他韦哺乳期能用吗 for 那哺乳期呢.
        elsewhere: Words of the normalised question that name what has no entry: 异维a酸.
        partial: Words of it that may be parts of longer names, with what may belong to them.
    """

    found: tuple[Found, ...] = ()
    asked: str = ""
    elsewhere: tuple[str, ...] = ()
    partial: tuple[str, ...] = ()

    @property
    def topic(self) -> tuple[Found, ...]:
        """What was named, and what is described better than that; described alone, the best three."""
        named = [found for found in self.found if found.how != "description"]
        if not named:
            return self.found[:3]
        return tuple(found for found in self.found if found in named[:5] or found.score > named[0].score)


class Retriever:
    """Finds entries by question; made once for a knowledge base.

    Args:
        knowledge: The knowledge base with its lexicon.
    """

    def __init__(self, knowledge: KnowledgeBase) -> None:
        self._entries, self._described = knowledge.by_id, knowledge.described
        meanings = names_of(knowledge)
        known = {word: meant for word, meant in meanings.items() if meant[0].kind != "elsewhere"}
        self._names, self._spelling = Names(meanings), Spelling(known)
        self._descriptions = Descriptions(knowledge)
        jieba.initialize()  # for which the first question would wait a second; the tags are read at import

    def retrieve(self, question: str, earlier: Sequence[str] = ()) -> Retrieved:
        """Finds what a question is about; one that names nothing itself is about what was asked before.

        Args:
            question: The question.
            earlier: What the same person asked before it, in order.
        """
        return self._retrieve(question, self._before(earlier))

    def is_follow_up(self, question: str, earlier: Sequence[str]) -> bool:
        """Whether a question is about what the same person asked before; see ``turns.is_follow_up``."""
        text = normalised(question)
        return is_follow_up(text, _whole(self._mentions(text)), _said_of(self._before(earlier)))

    def moves_on(self, question: str, earlier: Sequence[str]) -> bool:
        """Whether a question leaves what the same person said before; see ``turns.moves_on``."""
        text = normalised(question)
        return moves_on(text, _whole(self._mentions(text)), _said_of(self._before(earlier)))

    def _before(self, earlier: Sequence[str]) -> Retrieved:
        """What the last of the earlier questions that are about something are about."""
        before = Retrieved()
        questions = [*chain.from_iterable(map(questions_of, earlier[-TURNS:]))]
        for question in questions[-TURNS:]:
            found = self._retrieve(question.text, before)
            if found.found or self._is_of_unknown(question.text, before):
                before = found
        return before

    def _is_of_unknown(self, question: str, before: Retrieved) -> bool:
        """Whether a question is about something else, of which nothing is known."""
        text = normalised(question)
        if is_courtesy(text) or is_closing(text) or points_back(text):
            return False
        return names_another_subject(text, _said_of(before))

    def _retrieve(self, question: str, before: Retrieved) -> Retrieved:
        text = normalised(question)
        if is_courtesy(text):
            return Retrieved(asked=question)
        mentions = self._mentions(text)
        elsewhere = tuple(mention.word for mention in mentions if mention.is_elsewhere)
        partial = tuple(_extended(text, mention) for mention in mentions if mention.partial)
        return replace(self._found(question, mentions, before), elsewhere=elsewhere, partial=partial)

    def _found(self, question: str, mentions: Sequence[Mention], before: Retrieved) -> Retrieved:
        text, whole = normalised(question), _whole(mentions)
        if self._described:
            own = self._passages(text, whole)
            goes_on = points_back(text) or (not own and is_follow_up(text, whole, _said_of(before)))
            return Retrieved(_carried(before, own) if before.found and goes_on else own, question)
        if before.found and (whole or not mentions) and is_follow_up(text, whole, _said_of(before)):
            own = tuple(self._ranked(text, whole)) if whole else ()
            return Retrieved(_carried(before, own), _in_full(question, before))
        if any(mention.is_elsewhere for mention in mentions) and all(mention.is_elsewhere for mention in whole):
            return Retrieved(asked=question)  # what it describes is something else
        if again := self._of_another(question, whole, before):
            return self._retrieve(again, Retrieved())
        unknown = (mention for mention in mentions if mention.partial or mention.is_elsewhere)
        ranked = self._ranked(_without(text, unknown), whole)
        least = 0.0 if whole else DESCRIBED_BESIDE_UNKNOWN if mentions else DESCRIBED
        asked = question if before.found else beside_unknown(question, before.asked)
        return Retrieved(_from(ranked, least), asked)

    def _of_another(self, question: str, named: Sequence[Mention], before: Retrieved) -> str:
        """What was asked before, of the entry that is named now: 痛风能喝酒吗, 那高血压呢 → 高血压能喝酒吗; else empty.

        The name that it replaces is the last one of the same kind.
        """
        if len(named) != 1 or another(question) != named[0].word:
            return ""
        kind = self._type_of(named[0])
        text = normalised(before.asked)
        words = [one.word for one in self._mentions(text) if kind and self._type_of(one) == kind]
        asked = before.asked if words and words[-1] in before.asked else text  # 胃鏡 is 胃镜 in its normal form
        return asked.replace(words[-1], named[0].word) if words else ""

    def _type_of(self, mention: Mention) -> str:
        return "" if mention.is_elsewhere else self._entries[mention.meanings[0].id].type

    def _passages(self, text: str, named: Sequence[Mention]) -> tuple[Found, ...]:
        """The passages that a question describes; what it has in common with a heading only helps."""
        return _from(self._ranked(text, named), DESCRIBED_PASSAGE)

    def _mentions(self, text: str) -> list[Mention]:
        mentions = longest(
            replace(mention, partial=is_part_of_longer(text, mention, self._descriptions))
            for of in (self._names, self._spelling)
            for mention in of.candidates(text)
        )
        first = next((mention for mention in mentions if not mention.is_elsewhere), None)
        return [
            replace(mention, partial=mention.partial or (mention is first and is_of_unknown(text, mention)))
            for mention in mentions
        ]

    def _ranked(self, text: str, mentions: Iterable[Mention]) -> list[Found]:
        described = self._descriptions.scores(text)
        best: dict[str, Found] = {}
        for found in self._named(text, mentions):
            score = found.score + described.get(found.entry.id, 0.0)
            if found.entry.id not in best or best[found.entry.id].score < score:
                best[found.entry.id] = replace(found, score=score)
        unnamed = nlargest(MOST, (id for id in described if id not in best), key=described.__getitem__)
        best |= {id: Found(self._entries[id], described[id], "description") for id in unnamed}
        return sorted(best.values(), key=lambda found: -found.score)

    def _named(self, text: str, mentions: Iterable[Mention]) -> Iterator[Found]:
        """What names alone say, by their share of the question and their order."""
        length = max(1, sum(map(len, content(text))))
        for order, mention in enumerate(mentions):
            share = min(1.0, len(mention.word) / length) * (MISSPELT if mention.misspelt else 1.0)
            for rank, meaning in enumerate(mention.meanings if not mention.is_elsewhere else ()):
                broader = meaning.kind == "broader"
                worth = share * BROADER - LESS_USUAL * min(rank, USUAL) if broader else share * NAMED
                how: How = "spelling" if mention.misspelt else meaning.kind
                called = mention.word if meaning.kind in SPOKEN and not mention.misspelt else ""
                yield Found(self._entries[meaning.id], worth - LATER * order, how, mention.word, called)


@lru_cache(maxsize=2)
def retriever_of(knowledge: KnowledgeBase) -> Retriever:
    """The retriever of a knowledge base; making one takes half a second."""
    return Retriever(knowledge)


def _whole(mentions: Iterable[Mention]) -> list[Mention]:
    return [mention for mention in mentions if not mention.partial]


def _extended(text: str, mention: Mention) -> str:
    """A name with the characters before it that may belong to it: 地中海贫血."""
    start = mention.start
    while start > max(0, mention.start - LONGEST_PREFIX) and re.match(f"[{HAN}]", text[start - 1]):
        if text[start - 1] in BEFORE_A_NAME:
            break
        start -= 1
    return text[start : mention.end]


def _said_of(before: Retrieved) -> str:
    """All that the knowledge base says of what was asked before, normalised."""
    entries = (found.entry for found in before.topic)
    return normalised(
        " ".join(chain.from_iterable((entry.definition, *chain(*entry.attributes.values())) for entry in entries))
    )


def _from(ranked: Sequence[Found], least: float) -> tuple[Found, ...]:
    """What was found, where the best of it fits well enough."""
    return tuple(ranked[:MOST]) if ranked and ranked[0].score >= least else ()


def _carried(before: Retrieved, own: Sequence[Found]) -> tuple[Found, ...]:
    """What was asked before, then what the question names beside it."""
    carried = [replace(found, how="earlier") for found in before.topic]
    ids = {found.entry.id for found in carried}
    return (*carried, *(found for found in own if found.entry.id not in ids))[:MOST]


def _in_full(question: str, before: Retrieved) -> str:
    """The question with what is still spoken of: as it is called where that means several entries, else by its name."""
    first, *others = before.topic
    if any(found.matched == first.matched for found in others):
        return in_full(question, first.matched, before.asked)
    name, asked = first.entry.name, before.asked
    return in_full(question, name, asked if name in asked else asked.replace(first.matched, name))


def _without(text: str, mentions: Iterable[Mention]) -> str:
    for mention in mentions:
        text = text[: mention.start] + " " * len(mention.word) + text[mention.end :]
    return text
