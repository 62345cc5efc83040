"""Reads an answer that repeats passages word by word: which of its sentences they have, and which they lack.

A sentence of the answer is held where a passage has it, whole sentence for whole sentence; spaces, width, punctuation
and the marks of a list do not count, everything else does. In place of a part of a sentence the whole one is said: the
rest may be what limits it (但, 除外, a condition). What is in other words is not held: comparing words does not tell a
right paraphrase from a wrong one (docs/decisions/0185).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from domains.citations import marks, unfinished_citation
from domains.claims.entries import JudgedClaim
from domains.claims.reader import Part
from domains.grounding import quoted, statements_of
from domains.knowledge_base import Entry, joined
from domains.retrieval.normalise import normalised
from domains.retrieval.wording import is_courtesy

_CLOSING = "”’」』）)\"'*"
SENTENCE_END = re.compile(
    rf"[。！？!?]+[{_CLOSING}]*\n*(?=[^。！？!?\n{_CLOSING}])|(?<![：:\n])\n+(?=[^\n\s\d（(①-⑳+•·▪◆●*-])"
)
"""What ends a sentence, once it is known to be all of it; the lines of a list are one."""

LONGEST_SENTENCE = 400
"""Most characters that are held back: two passages of a folder."""

FEWEST = 6
"""Characters of a part that is completed: less (可以, 一次一片) is found in sentences that say something else."""

_ENDING = re.compile(rf"[。！？!?；;]+[{_CLOSING}]*$")
_MARK = re.compile(
    r"^\s*(?:[-*+•·▪◆●#>]+\s+|(?:\d+|[一二三四五六七八九十]+)[.、．)）](?!\d)\s*"
    r"|[（(](?:\d+|[一二三四五六七八九十]+)[)）]\s*|[①-⑳]\s*)+",
    re.MULTILINE,
)
"""The marks at the beginning of a line of a list."""

_SEPARATING = r"[\s,.:;!?，。、；：！？…()（）\[\]「」『』【】〔〕《》〈〉\"'“”‘’·*#•▪◆●_`>|]"
_BETWEEN_DIGITS = re.compile(rf"(?<=\d)({_SEPARATING}+)(?=\d)")
_APART = re.compile(rf"(?<!\d){_SEPARATING}+|{_SEPARATING}+(?!\d)")
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−", "-") | dict.fromkeys("～〜", "~") | {"\u3000": " "})
_WIDTH = str.maketrans({chr(0xFEE0 + code): chr(code) for code in range(0x21, 0x7F)})
_GOES_ON = re.compile("(?:但|不过|然而|可是|除|例外|否则|仅|只限)|.{1,12}(?:除外|例外)[。；;]?$")
"""A sentence that limits the one before it."""

_BARE = re.compile("(?:不?(?:可以?|能够?|会|需要|用|必|行|要|是|对)|有|没有|无)(?:的|了|吃|用|做|喝)?|否|对|是的")
"""A yes or a no, which is an answer to one question only."""

_LEAD = re.compile(
    "^(?:(?:您好|你好)[，,]\\s*)?(?:(?:根据|按照|依据)?(?:以上|上述|所给|给出|提供|现有|医院|相关|您|你|们|的|本院)*(?:资料|文档|段落|原文|说明书|规定|内容)"
    "(?:中|里|上)?(?:的?(?:记载|显示|所述|规定|写道|写明|提到|指出|说明))?[，,：:]\\s*)?"
)
_HEADING = re.compile(r"[^：:，,]{1,40}[：:]\s*")
_LACKING = re.compile(
    "(?:抱歉|对不起|很遗憾)?[，,]?(?:以上|上述|所给|给出|提供|现有|医院|相关|您|你|的|本院)*(?:资料|文档|段落|原文|知识库)(?:中|里)?"
    "(?:都|均|并)*(?:没有|未)(?:提到|提及|找到|记载|说明|写明|给出)"
    "(?:(?:与|和)?(?:这个|该|此|您的|你的|您问的|相关的?)?(?:问题|内容)?(?:相关|有关|对应)?的?(?:答案|内容|信息|说明|段落)?)"
    "(?:[，,](?:所以|因此)?(?:无法|不能)回答)?(?:[，,](?:请|建议)您?(?:咨询|询问|联系)(?:医生|医师|药师|护士站?|导诊台|服务台|工作人员|相关人员|医院|[或和、])+)?"
)
"""Says that the passages do not answer, and nothing else: 没有提到孕妇禁用 would be taken for leave."""


@dataclass(frozen=True)
class _Span:
    """Where a passage has a text.

    Attributes:
        source: The passage.
        start: Place in its plain text.
        end: The same.
        whole: Whether it is whole sentences.
    """

    source: "_Source"
    start: int
    end: int
    whole: bool


class _Source:
    """A passage, as plain text with its sentences."""

    def __init__(self, entry: Entry) -> None:
        self.id, self.name = entry.id, quoted(entry.name)
        self.names = {plain(name) for name in (*entry.names, *statements_of(entry))}
        self.sentences = _with_limits(map(quoted, entry.uncut))
        self.text, self.starts, self._begins = "", [0], set[int]()
        for sentence in self.sentences:
            mark = _MARK.match(sentence)
            self._begins.update(len(_after(self.text, plain(one))) for one in ("", mark[0] if mark else ""))
            self.text = _after(self.text, plain(sentence))
            self.starts.append(len(self.text))
        self._title = plain(entry.name)

    def is_named(self, words: str) -> bool:
        """Whether this is its name, or the last of its headings."""
        return words in self.names or (len(words) > 1 and self._title.endswith(words))

    def spans(self, said: str) -> Iterator[_Span]:
        """Where it has a plain text."""
        start = self.text.find(said)
        while said and start >= 0:
            end = start + len(said)
            yield _Span(self, start, end, start in self._begins and end in self.starts)
            start = self.text.find(said, start + 1)

    def completed(self, span: _Span) -> _Span:
        """The whole sentences of which a span has parts."""
        start = max(place for place in self.starts if place <= span.start)
        end = min(place for place in self.starts if place >= span.end)
        return _Span(self, start, end, whole=True)

    def words(self, span: _Span) -> str:
        """The sentences of a span of whole ones, as the passage has them, without what ends the last."""
        return _unended(self.sentences[self.starts.index(span.start) : self.starts.index(span.end)])


class QuotationReader:
    """Reads one answer; see ``ClauseReader``.

    Args:
        question: What was asked.
        entries: The passages that it may quote.
        topic: Ids of those that are asked about, the best first; a mere yes or no is taken from the first alone.
        lacking: What a model is trained to say where they do not answer.
    """

    ends = SENTENCE_END
    longest = LONGEST_SENTENCE
    joints = ""
    cites = True

    def __init__(self, question: str, entries: Sequence[Entry], topic: Sequence[str], lacking: str) -> None:
        order = {id: place for place, id in enumerate(topic)}
        self._sources = [_Source(entry) for entry in sorted(entries, key=lambda one: order.get(one.id, len(order)))]
        self._question, self._lacking = question, plain(lacking)
        self._said: list[_Span] = []
        self._refused: list[str] = []

    def clause(self, text: str, end: str) -> Iterator[Part]:
        """See ``ClauseReader.clause``; a claim that is a part of a sentence has the text of the whole one."""
        if not end:
            text = text[: len(text) - unfinished_citation(text)]
        if not plain(text) or (is_courtesy(normalised(text)) and not re.search(r"\d", text)):
            yield Part(text, "plain")
        elif plain(text) == self._lacking or _LACKING.fullmatch(text.strip()):
            yield Part(text, "denial", JudgedClaim("held"))
        else:
            lead, rest, about = self._lead(text)
            if lead:
                yield Part(lead, "lead")
            yield self._judged(rest, about)

    def words(self) -> str:
        """The sentences that come nearest to what was asked and what was refused, of one passage, named and cited."""
        refused = (one for one in self._refused if len(plain(one)) >= FEWEST)
        sought = _pairs(plain("".join((self._question, *refused))))
        likely = [[_share(plain(one), sought) for one in source.sentences] for source in self._sources]
        named = [_share(plain(source.name), sought) for source in self._sources]
        first = max(range(len(named)), key=lambda place: (named[place] + max(likely[place]), -place))
        best, shares = self._sources[first], likely[first]
        kept = [one for one, share in zip(best.sentences, shares, strict=True) if 2 * share >= max(shares)]
        said = _unended(best.sentences if all(_BARE.fullmatch(plain(one)) for one in kept) else kept)
        return f"「{best.name}」：{said}。{marks([best.id])}"

    def _lead(self, text: str) -> tuple[str, str, list[_Source]]:
        """What introduces a quotation (根据资料，, its heading) and is no part of it, the rest, and of what that is."""
        lead, about = "", self._sources
        for pattern in (_LEAD, _HEADING):
            found = pattern.match(text)
            if not found or not plain(text[found.end() :]) or any(plain(text) in one.text for one in self._sources):
                continue
            heading = plain(_MARK.sub("", found[0]))
            named = [one for one in self._sources if one.is_named(heading)] if pattern is _HEADING else about
            if named:
                lead, text, about = lead + found[0], text[found.end() :], named
        return lead, text, about

    def _judged(self, text: str, about: Sequence[_Source]) -> Part:
        wordings = map(plain, (text, _MARK.sub("", text)))
        spans = next(filter(None, (self._spans(one, about) for one in wordings)), [])
        if any(self._is_said(span) for span in spans):
            return Part("", "claim")
        if whole := [span for span in spans if span.whole]:
            self._said.append(whole[0])
            return Part(text, "claim", JudgedClaim("held", _ids(whole)))
        if spans and spans[0].end - spans[0].start >= FEWEST:
            span = spans[0].source.completed(spans[0])
            self._said.append(span)
            return Part(span.source.words(span), "claim", JudgedClaim("held", (span.source.id,)), completed=True)
        self._refused.append(text)
        return Part(text, "claim", JudgedClaim("not_held"))

    def _spans(self, said: str, about: Sequence[_Source]) -> list[_Span]:
        """Where passages have a plain text."""
        return [
            span
            for source in about
            for span in source.spans(said)
            if source is self._sources[0] or not _BARE.fullmatch(said)
        ]

    def _is_said(self, span: _Span) -> bool:
        return any(one.source is span.source and one.start <= span.start and span.end <= one.end for one in self._said)


def plain(text: str) -> str:
    """A text without what does not count; what stands between two digits does: 15:00 is not 1500."""
    text = text.translate(_DASHES).translate(_WIDTH).lower().replace("--", "")
    return _APART.sub("", _BETWEEN_DIGITS.sub(_between_digits, text))


def _between_digits(found: re.Match[str]) -> str:
    return next((mark for mark in ".:" if found[1] == mark), ",")


def _after(before: str, text: str) -> str:
    """Two plain texts as one."""
    return before + ("," if before[-1:].isdigit() and text[:1].isdigit() else "") + text


def _with_limits(items: Iterable[str]) -> list[str]:
    """Sentences; what limits the one before it is a part of that one."""
    sentences: list[str] = []
    for item in filter(plain, items):
        if sentences and _GOES_ON.match(item):
            sentences[-1] = joined((sentences[-1], item))
        else:
            sentences.append(item)
    return sentences


def _unended(sentences: Sequence[str]) -> str:
    """Sentences as one text without what ends the last."""
    return _ENDING.sub("", joined(sentences))


def _ids(spans: Iterable[_Span]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(span.source.id for span in spans))


def _pairs(text: str) -> set[str]:
    return {first + second for first, second in pairwise(text)}


def _share(text: str, sought: set[str]) -> float:
    """How much of two texts is the same (Dice, pairs of characters)."""
    pairs = _pairs(text)
    return 2 * len(pairs & sought) / (len(pairs) + len(sought) or 1)
