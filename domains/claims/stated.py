"""What an answer states, item by item, and what it denies: for comparing it with reference facts.

``不会引起头痛、头晕`` denies both, ``以下说法都是错的：头痛、头晕`` as well, ``没有头痛，但有头晕`` only the first. A question
states nothing. Items are compared in the domain's form (``language.py``), so that 发烧 states 发热.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from domains.claims.entries import turned
from domains.claims.language import Form
from domains.retrieval.normalise import simplified
from domains.retrieval.wording import is_courtesy

_CITATION = re.compile(r"【[^】]*】")
_BULLET = re.compile(r"^\s*(?:[-*•·#]+\s+|\d+[.)．、]\s*|[（(]\d+[)）]\s*)*")
_SENTENCE = re.compile(r"[^。！!；;\n？?]+[？?]?")
_CLAUSE_END = re.compile(r"(?<!\d)[，,]|[，,](?!\d)")
_JOINT = re.compile("、|以及|[和及与或](?!缓|其|时)")
_ALL_DENIED = re.compile(
    "(?:错误?的?|不对|不正确|不是.{0,12}|不属于.{0,12}|不包括|没有|误区|无关)[^：:]{0,6}[:：]|(?:都|均|全)(?:不|没|无|是错)[^：:、]{0,14}[:：]"
)
_DENIES = re.compile(
    "没有|没(?!完)|未见?|无(?!力|痛|菌|规律|需|须|论|法|明显诱因|诱因|原因|精打采)|不(?:会|是|包括|包含|伴有?|属于|引起|导致|出现|存在|能|可以?|应该?|用|需要?|要|宜|建议)"
    "|并非|并不|不(?=[\u4e00-\u9fff]{1,6}$)(?!仅|但|光|只|止|单|明|规则|适|振|足|良|全|清|稳|同|均|超过|少于|低于)"
)
_AFFIRMS = re.compile("^(?:但|而是|却|只|仅)?(?:是|会|有|也有|还有|常有|可有|需|要)|而是")
_DENIED_AT_END = re.compile(
    "(?:都|均|也|并)?(?:不是|不属于|不算|与此无关|无关|没有关系|不会出现|不会有|不需要|不存在)[^、]{0,8}$"
)
_AND_NOT = re.compile("(?<=..)(?:不伴有?|而?没有|[而但]无)(?=..)")
_STATES_NOTHING = re.compile("有没有|是否|是不是|会不会|请问|(?:知识库|资料).{0,12}(?:没有|未|无)")
_LEAD = re.compile("^[^:：]{0,40}?(?:(?<![具含只没])有|包括|包含|[:：]|(?<![不但可就也都还])是|(?<![认作因成])为)(?=.)")
_REFERS = re.compile("就诊|就医|咨询|遵医嘱")


@dataclass(frozen=True)
class Item:
    """An item of an answer.

    Attributes:
        text: In simplified script.
        denied: Whether the answer denies it.
    """

    text: str
    denied: bool


def clauses(answer: str, form: Form) -> Iterator[tuple[Item, ...]]:
    """The items of an answer, clause by clause; a question or a courtesy has none."""
    plain = form.without_idle_denials(simplified(_CITATION.sub("", answer)).replace("*", ""))
    plain = re.sub(r"([:：])\s*\n", r"\1", plain)
    for sentence in _SENTENCE.findall(plain):
        if sentence.endswith(("？", "?")):
            continue
        all_denied = _ALL_DENIED.search(sentence)
        for clause in _CLAUSE_END.split(sentence):
            if not _STATES_NOTHING.search(clause) and not is_courtesy(clause):
                yield tuple(_items(_BULLET.sub("", clause), bool(all_denied)))


def _items(clause: str, all_denied: bool) -> Iterator[Item]:
    denied = denied_at_end = bool(_DENIED_AT_END.search(clause))
    for text in _JOINT.split(_AND_NOT.sub("、\\g<0>", clause)):
        if _AFFIRMS.search(text):
            denied = denied_at_end
        if _DENIES.search(text):
            denied = True
        if text.strip():
            yield Item(text.strip(), denied or all_denied)


def states(answer: str, fact: str, form: Form) -> bool:
    """Whether an answer states a fact and does not deny it, in one item or in several of a clause.

    Args:
        answer: The whole answer.
        fact: A phrase, which may deny something itself (``不具有传染性``).
        form: Of the domain.
    """
    said = form.of(simplified(fact))
    wordings = {said, *turned(said)} - {""}
    return any(_stated(items, wording, form) for items in clauses(answer, form) for wording in wordings)


def _stated(items: Sequence[Item], wording: str, form: Form) -> bool:
    denies = "不" in wording
    for item in items:
        if (denies or not item.denied) and holds(form.of(item.text), wording):
            return True
    whole = form.of("".join(item.text for item in items))
    return (denies or not any(item.denied for item in items)) and holds(whole, wording)


def holds(text: str, part: str) -> bool:
    """Whether a form contains another one that it does not deny."""
    place = text.find(part)
    while place >= 0:
        if part.startswith("不") or text[:place][-1:] != "不":
            return True
        place = text.find(part, place + 1)
    return False


def beyond(answer: str, facts: Collection[str], known: str, form: Form) -> tuple[list[str], int]:
    """What an answer states that neither the facts nor what is known besides hold.

    Args:
        answer: The whole answer.
        facts: The reference facts.
        known: Other text that the answer may repeat: the question, the reference answer.
        form: Of the domain.

    Returns:
        The items that are not held, and the number of all that are stated; advice and courtesies are not counted.
    """
    forms = [form.of(simplified(fact)) for fact in facts]
    held = [wording for said in forms for wording in (said, *turned(said)) if wording]
    repeated = form.of(simplified(known))
    stated, foreign = 0, []
    for items in clauses(answer, form):
        for item in items:
            said = form.of(item.text)
            body = _body(item.text, form)
            if item.denied and "不" not in "".join(held):
                continue
            if any(holds(said, fact) for fact in held):
                stated += 1
            elif body and form.without_advice(item.text) and not _REFERS.search(item.text):
                stated += 1
                if not any(holds(text, one) for text in (*held, repeated) for one in (body, said)):
                    foreign.append(item.text)
    return foreign, stated


def _body(text: str, form: Form) -> str:
    """The form of an item without what introduces it (``高血压的症状有``)."""
    return form.of(_LEAD.sub("", text))
