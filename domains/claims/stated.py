"""What an answer states, item by item, and what it denies: for comparing it with reference facts.

``不会引起头痛、头晕`` denies both, ``以下说法都是错的：头痛、头晕`` as well, ``没有头痛，但有头晕`` only the first. A
question states nothing. Items are compared in the domain's form (``language.py``), so that 发烧 states 发热.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from domains.claims.entries import turned
from domains.claims.language import Form
from domains.retrieval.normalise import simplified
from domains.retrieval.wording import is_courtesy

_CITATION = re.compile(r"【[^】]*】")
_BULLET = re.compile(r"^\s*(?:[-*•·#]+\s+|\d+[.)．、]\s*|[（(]\d+[)）]\s*)*")
_SENTENCE = re.compile(r"[^。！!；;\n？?]+[？?]?")
_CLAUSE_END = re.compile(r"(?<!\d)[，,]|[，,](?!\d)")
_JOINT = re.compile("、|以及|[和及或](?!缓|其|时)")
_STATES_NOTHING = re.compile("有没有|是不是|请问|是否有|(?:知识库|资料).{0,12}(?:没有|未|无)")
_REFERS = re.compile("就诊|就医|咨询|遵医嘱")
_LEAD = re.compile("^[^:：]{0,40}?(?:(?<![具含只没])有|包括|包含|[:：]|(?<![不但可就也都还])是|(?<![认作因成])为)(?=.)")
_DENIED_LIST = re.compile(
    "(?:错误?的?|不对|不正确|不是.{0,12}|不属于.{0,12}|不包括|没有|误区|无关)[^：:]{0,6}[:：]"
    "|(?:都|均|全)(?:不|没|无|是错)[^：:、]{0,14}[:：]"
)
"""Heads a list of what is denied."""

_DENIES_ON = re.compile(
    "没有|没(?!完)|未见?|无(?!力|痛|菌|规律|需|须|论|法|明显诱因|诱因|原因|精打采|效)"
    "|不(?:会|是|包括|包含|伴有?|属于|引起|导致|出现|存在)|并非|并不"
    "|(?:不能|不可以?|不要|不需要?|不用|不必|不宜|不建议)再?(?:用|吃|服用?|做|查|喝|使用)"
)
"""Denies an item and those that follow it in a list."""

_DENIES = re.compile(
    "不(?!及时|住|愈|外乎|好|仅|但|光|只|止|单|明|规则|适|振|足|良|全|清|稳|同|均|超过|少于|低于|孕|安|宁|寐|集中)|勿|(?<!禁)忌|禁止"
)
"""Denies one item."""

_ENDS_DENIAL = re.compile(
    "^(?:但|而是|却|只|仅)?(?:是|会|有|也有|还有|常有|可有|需|要)|而是|^(?:多|少|应|可|保持|避免|注意|定期|适|规|按|及时|控制|补|尽)"
)
_DENIED_AT_END = re.compile(
    "(?:都|均|也|并)?(?:不是|不属于|不算|与此无关|无关|没有关系|不会出现|不会有|不需要|不存在)[^、]{0,8}$"
)
_AND_NOT = re.compile("(?<=..)(?:不伴有?|而?没有|[而但]无)(?=..)")

LONGEST_FACT = 3
"""Items that one fact may be written over: 忌动物内脏和浓肉汤."""


@dataclass(frozen=True)
class Item:
    """An item of an answer.

    Attributes:
        text: In simplified script.
        denied: Whether the answer denies it.
    """

    text: str
    denied: bool


class AnswerItems:
    """The items of an answer, clause by clause; a question or a courtesy has none.

    Args:
        answer: The whole answer.
        facts: The reference facts; what one of them denies itself (``不挑食``) is no denial.
        form: Of the domain.

    Attributes:
        facts: In all forms in which an answer may state each.
    """

    def __init__(self, answer: str, facts: Sequence[str], form: Form) -> None:
        self._form = form
        said = [form.of(simplified(fact)) for fact in facts]
        self.facts = [{one, *turned(one)} - {""} for one in said]
        self._denying = [one for one in said if "不" in one]
        self._clauses = list(self._read(answer))

    def __iter__(self) -> Iterator[tuple[Item, ...]]:
        return iter(self._clauses)

    def forms(self, text: str) -> tuple[str, ...]:
        """An item's form, with and without what introduces it (``高血压的症状有``)."""
        return self._form.of(text), self._form.of(_LEAD.sub("", text))

    def _read(self, answer: str) -> Iterator[tuple[Item, ...]]:
        plain = self._form.without_idle_denials(simplified(_CITATION.sub("", answer)).replace("*", ""))
        for sentence in _SENTENCE.findall(re.sub(r"([:：])\s*\n", r"\1", plain)):
            if sentence.endswith(("？", "?")):
                continue
            all_denied = _DENIED_LIST.search(sentence) is not None
            for clause in _CLAUSE_END.split(sentence):
                if not _STATES_NOTHING.search(clause) and not is_courtesy(clause):
                    yield tuple(self._items(_BULLET.sub("", clause), all_denied))

    def _items(self, clause: str, all_denied: bool) -> Iterator[Item]:
        texts = [text.strip() for text in _JOINT.split(_AND_NOT.sub(r"、\g<0>", clause)) if text.strip()]
        at_end = bool(texts and _DENIED_AT_END.search(texts[-1])) and not self._is_denying_fact(texts[-1])
        goes_on = at_end
        for text in texts:
            if self._is_denying_fact(text) or _ENDS_DENIAL.search(text):
                goes_on = at_end
            elif _DENIES_ON.search(text):
                goes_on = True
            denies = _DENIES.search(_LEAD.sub("", text)) is not None and not self._is_denying_fact(text)
            denied = goes_on or denies
            yield Item(text, denied or all_denied)

    def _is_denying_fact(self, text: str) -> bool:
        forms = [form for form in self.forms(text) if len(form) > 1]
        return any(holds(form, fact) or form in fact for fact in self._denying for form in forms)


def stated(answer: str, facts: Sequence[str], form: Form) -> list[bool]:
    """Which of the facts an answer states and does not deny, each in one item or in several of a clause.

    Args:
        answer: The whole answer.
        facts: Phrases, which may deny something themselves (``不具有传染性``).
        form: Of the domain.
    """
    clauses = AnswerItems(answer, facts, form)
    runs = [
        (any(item.denied for item in run), clauses.forms("".join(item.text for item in run)))
        for items in clauses
        for run in _runs(items)
    ]
    return [
        any(
            holds(one, wording)
            for denied, forms in runs
            for wording in wordings
            if "不" in wording or not denied
            for one in forms
        )
        for wordings in clauses.facts
    ]


def _runs(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Every item of a clause alone, and what one fact may be written over."""
    for start in range(len(items)):
        for length in range(1, min(LONGEST_FACT, len(items) - start) + 1):
            yield items[start : start + length]


def holds(text: str, part: str) -> bool:
    """Whether a form contains another one that it does not deny."""
    place = text.find(part)
    while place >= 0:
        if part.startswith("不") or text[:place][-1:] != "不":
            return True
        place = text.find(part, place + 1)
    return False


def beyond(answer: str, facts: Sequence[str], known: str, form: Form) -> tuple[list[str], int]:
    """What an answer states that is in no fact, and in nothing else that it may repeat.

    Args:
        answer: The whole answer.
        facts: The reference facts.
        known: Other text that the answer may repeat: the question, the reference answer.
        form: Of the domain.

    Returns:
        The items that are in neither, and the number of all that are stated; denials of what is in no fact, advice and
        courtesies are not counted.
    """
    clauses = AnswerItems(answer, facts, form)
    wordings = {wording for of_fact in clauses.facts for wording in of_fact}
    repeated = (*wordings, form.of(simplified(known)))
    foreign: list[str] = []
    count = 0
    for item in (item for items in clauses for item in items):
        said = clauses.forms(item.text)
        if any(holds(one, fact) for one in said for fact in wordings):
            count += not item.denied or any("不" in fact for fact in wordings)
        elif not item.denied and said[-1] and form.without_advice(item.text) and not _REFERS.search(item.text):
            count += 1
            if not any(holds(text, one) for text in repeated for one in said if one):
                foreign.append(item.text)
    return foreign, count
