"""A message and the questions that it asks: each with what is said of its circumstances, none of them half."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from domains.retrieval.normalise import HAN, normalised
from domains.retrieval.wording import PEOPLE, is_courtesy

_ASIDE = (
    "(?:(?:还?想)?再(?:请)?问一?[下句个]?|再咨询一?下|顺[便带](?:再)?问?一?[下句]?|另外|对了|最后问一?下"
    "|(?:还)?想?问一下|还想问)"
)
_BREAK = re.compile(
    rf"[。！？!?；;\n]+|[，,]+|(?<=[{HAN}])\s+(?=[{HAN}a-zA-Z0-9])|(?<=[吗呢])、|(?<=吗)(?=[{HAN}]{{2}})"
    "|(?=再问|顺[便带]|另外(?![的一])|而且|还有(?!没)|还想问)"
)
_SETS_APART = re.compile(rf"^[\s，,]*{_ASIDE}")
_OPENS_ASIDE = re.compile(rf"^[\s，,]*(?:{_ASIDE}|还有(?!没)|而且|以及)[：:，,\s]*")
_OF_THE_SAME = re.compile(
    "^(?:还是|或者?|就是|也就是|即|该?怎么(?:回?答|说|讲|解释)|有?(?:什么|啥|何)(?:不同|区别|差别|不一样)|哪里不一样"
    "|(?:具体|主要|一般)?都?有(?:哪些|什么讲究|啥讲究)(?![^，,。?？\\s])|算[^，,]{1,6}[不吗么](?![^，,。?？\\s]))"
)
_IDLE = re.compile(
    "[没不](?:知道?|清楚|怎么|什么|多少)|什么都|怎么都|(?:医生|大夫)[^，,]*[开配给]|弄清[^，,。]*|(?:好|十|这|那|前|过了?|有)几"
    "|几[天周月年个次]+[了前多]"
)
_ASKS = re.compile(
    "吗|(?<![什怎那这多要])么$|呢$|什么|啥|怎|咋|哪|谁|多少|多久|多长|多大|几|如何|为何|是否|[能可]否"
    r"|(\w{1,2})[不没]\1|有没有|可不可以|[^还并决都也是从才]不$|[了到过用]没有?$|有.{1,8}没$|饭前.{0,3}饭后"
    "|^(?:请|麻烦|能|可以|你|再|那|就)*[帮给]我|[开配]一?[点些个张盒瓶]|介绍|讲[一]?讲|说[一]?说|解释"
)
_ENDS = "，,；;。、 \n"
_TOPIC = re.compile("^[^什啥怎哪谁几多]{1,10}呢[?？]?[，,\\s]*$")
_OF_SOMEBODY = re.compile(f"{PEOPLE.pattern}|怀孕|孕|哺乳|喂奶|岁|过敏|备孕")


@dataclass(frozen=True)
class MessageQuestion:
    """A question of a message.

    Attributes:
        text: What is asked, with what is said of its circumstances.
        aside: Whether the message sets it apart from what it asked before: 另外, 还有.
        loose: Whether nothing but a space stands before it.
    """

    text: str
    aside: bool = False
    loose: bool = False


def questions_of(message: str) -> list[MessageQuestion]:
    """The questions of a message, at least one: all of it where it asks once, or not at all.

    What is said and not asked belongs to the question after it, at the end to the last one. What a message begins with
    of somebody (孩子三岁) is said of all its questions.
    """
    groups = list(_grouped(_clauses(message)))
    if len(groups) < 2:
        return [MessageQuestion(message)]
    told = _told_first(groups[0])
    first, *others = map("".join, groups)
    loose = [text.endswith(" ") for text in (first, *others)]
    return [
        MessageQuestion(first.strip(_ENDS)),
        *(_other(told, text, after) for text, after in zip(others, loose, strict=False)),
    ]


def asks(clause: str) -> bool:
    """Whether a clause asks something, by its words."""
    text = normalised(clause).strip("，,。；;!！?？ ")
    return bool(_ASKS.search(_IDLE.sub("", text))) and not is_courtesy(text)


def _clauses(message: str) -> Iterator[str]:
    """The clauses with what ends them."""
    start = 0
    for found in _BREAK.finditer(message):
        if message[start : found.end()].strip():
            yield message[start : found.end()]
            start = found.end()
    if message[start:].strip():
        yield message[start:]


def _grouped(clauses: Iterator[str]) -> Iterator[list[str]]:
    """The clauses of each question."""
    group: list[str] = []  # of a question
    said: list[str] = []  # not asked since, and perhaps of the next question
    for clause in clauses:
        before = [*group, *said][-1:]
        if not (asks(clause) or _is_sentence(clause, before)) or (group and _OF_THE_SAME.match(clause)):
            said.append(clause)
            continue
        if said and not group and _SETS_APART.match(clause) and not _OF_SOMEBODY.search(said[-1]):
            group, said = said, []  # what stands before 另外 is asked, too
        if group and not (len(group) == 1 and _TOPIC.search(group[0])):
            yield group
            group = []
        group, said = [*group, *said, clause], []
    if group or said:
        yield [*group, *said]


def _is_sentence(clause: str, before: Sequence[str]) -> bool:
    """Whether a clause without a word that asks is a question of its own: 哺乳期？ after another sentence."""
    return bool(re.search("[?？]\\s*$", clause)) and not any(text.rstrip().endswith(("，", ",")) for text in before)


def _told_first(group: list[str]) -> str:
    """What a message says of somebody before it asks."""
    told = [clause for clause in group[:-1] if not asks(clause) and _OF_SOMEBODY.search(clause)]
    return "".join(told)


def _other(told: str, text: str, loose: bool) -> MessageQuestion:
    aside = _OPENS_ASIDE.match(text)
    return MessageQuestion(told + text[aside.end() if aside else 0 :].strip(_ENDS), aside is not None, loose)
