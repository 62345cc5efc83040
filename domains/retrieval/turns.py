"""Turns of a conversation: whether a question is about what was asked before it, and what it then is in full."""

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile

import jieba.posseg

from domains.retrieval.names import Mention
from domains.retrieval.normalise import normalised
from domains.retrieval.questions import asks
from domains.retrieval.wording import ASPECTS, CIRCUMSTANCES, PEOPLE, beginning, content, is_courtesy, points_back

LONGEST_FOLLOW_UP = 12  # characters of content; more is a question of its own

_NAMING = ("n", "i", "l", "j")  # jieba's tags: nouns, idioms, phrases, abbreviations
_BEFORE_A_SUBJECT = ("t", "d", "m", "q", "b", "a", "u", "x", "f", "z")  # when, how many, which: not yet the subject
_ACTS = "吃喝打做用多少不没停吸涂"  # a word that begins so is no subject, whatever the tagger takes it for: 喝啤酒
_OTHER_QUESTION = re.compile(
    "^[,。]?(?:换[个件]|另外|再问一?[个下]|还有个问题|[^,。]{0,4}问个?别的|[^,。]{0,4}别的问题|你是谁|你叫"
    "|(?:你能)?[帮给]我(?:写|讲|编|画|唱|翻译|推荐|算|挂|约|预约|订|叫)|附近)|停车"
)
_SAYS_HE = re.compile("[他她](?!们?[家妈爸])")
_LEAVES_A_GAP = re.compile("(?<!得)了|会|引起|导致|[和跟与]")  # 老人吃了头晕: took what?
_AND_THAT = re.compile("^那?么?[^,。;]{1,8}呢[?]?$")
_WILL_IT_DO = re.compile(
    "(?:能|可以|可|要)(?:不[能可要])?以?[吃喝用碰戴含服打贴抹涂滴喷吸做][吗么不嘛]?[?]?$|(?:管用|有用|有效|顶用|行|可以)[吗么不嘛][?]?$|(?:行不行|可不可以|能不能)[?]?$"
)
_STATES = re.compile("^(?:我|他|她|孩子|宝宝)?(?:家人|妈|爸)?(?:以前|一直|本来|同时|之前|也|还|又)*(?:有|得过|患)")
_THANKS = re.compile("谢|感谢|辛苦|麻烦了|没事了|放心了")
_OVER = re.compile("脱离危险|出院|康复|痊愈|没事了|取出来了|救过来了|抢救过来了|缓过来了|不[疼痛]了|不难受了")
_NOT_OVER = re.compile("还|又|仍|再|更|但|可是|不过|没有?(?:脱离|出院|康复|痊愈|取出)")
_ASKS = re.compile("[?吗呢么啥咋怎哪谁几]|多少|多久|多大|如何|为何|[能会要是可行好有]不|有没有|是否|帮我|给我|请")
_ACT = re.compile(f"^[{_ACTS}]+(?:[了过着完]|药(?=.))?")
_ANOTHER = re.compile(
    "^(?:那么?|那要是|如果是?|要是|假如|[换改][成做]?|还有|另外|[,。、;:!? ])*([^,。;!?]{1,12}?)(?:的话)?"
    "(?:呢|也(?:是|不?行|不?可以|不?能|要|会|得)?(?:一样|这样|如此)?[吗么]|[是也]*一样[吗么])[?。! ]*$"
    "|^那么?([^,。;!?]{2,10})[?。! ]*$"
)
_LIFE = re.compile(
    f"(?:{PEOPLE.pattern}|孕期|怀孕|备孕|哺乳期?|喂奶|经期|来例假|月经期|小朋友|娃娃?|老年|新生儿|婴幼儿|小儿|老爷子|老太太|高龄|幼童|男的|女的)"
    "(?:妇女|期间|的?时候|妈妈|的?人)?"
)
_IS_ONE_OF = re.compile("^(?:那么?|请问|[,。、 ])*([^,。;!?]{2,8}?)(?:是不是|算不算|属于|算|是)一?[种个]?$")
_JOINS = re.compile("^(?:那么?|[,。、 ])*(?:能不能|可不可以|可以|能)?[和跟与同]")
_MODAL = re.compile("(?<=.)[会能要可]$")
"""What the tagger leaves on a noun before it: 药会 in 吃药会上瘾吗."""

_POINTER = re.compile("它们?|这[个种](?:病|药|检查|症状)?|该[病药]")
_CONNECTIVE = re.compile("^(?:那么?|还有|另外|请问|[,，。、;；:：!！? ])+")


def is_follow_up(text: str, named: Sequence[Mention], said: str) -> bool:
    """Whether a question cannot be understood without what was asked before; one that names its own subject can.

    Args:
        text: The normalised question.
        named: The names of entries in it, in order.
        said: What is known of what was asked before. What it mentions is no other subject: 患肢 after 痛风.
    """
    if is_courtesy(text) or is_closing(text) or _OTHER_QUESTION.search(text):
        return False
    if points_back(text) or _SAYS_HE.search(text):
        return True
    if named:
        return states_circumstance(text) or not _begins_with(text, named[0])
    return sum(map(len, content(text))) <= LONGEST_FOLLOW_UP and not names_another_subject(text, said)


def states_circumstance(text: str) -> bool:
    """Whether a normalised text asks nothing and says of somebody what may matter: 我有胃溃疡."""
    return bool(_STATES.search(text)) and not _ASKS.search(text)


def is_closing(text: str) -> bool:
    """Whether a normalised text ends a subject: thanks without a question, or the news that all is well."""
    if _ASKS.search(text) or _NOT_OVER.search(text):
        return False
    return bool(_THANKS.search(text) or _OVER.search(text))


def moves_on(text: str, named: Sequence[Mention], said: str) -> bool:
    """Whether a normalised text leaves what was said before, so that an alarm ends.

    What is not asked may be a further sign, even where it names another subject: 嘴唇发紫了.
    """
    if is_courtesy(text) or is_closing(text):
        return True
    return bool(_ASKS.search(text)) and not is_follow_up(text, named, said)


def another(question: str) -> str:
    """What a question asks the same again about, which was asked before: 哺乳期 in 那哺乳期呢; empty in any other."""
    found = _ANOTHER.search(normalised(question))
    other = found[1] or found[2] if found else ""
    return "" if _ASKS.search(other) else other


def in_full(question: str, subject: str, before: str) -> str:
    """A question that goes on from another one, as it says all that it asks.

    Args:
        question: The question: 它要空腹吗, 那哺乳期呢.
        subject: What is still spoken of.
        before: What was asked of it before, in full: 奥司他韦孕妇能用吗.
    """
    other = another(question)
    if not (other or asks(question)):
        return completed(question.rstrip("。!！ "), subject) + "可以吗"
    if not other or ASPECTS.fullmatch(other) or subject not in before:
        return completed(question, subject)
    if _LIFE.search(other):
        again, replaced = _LIFE.subn(other, before, count=1)
    else:
        again, replaced = _of_another_thing(other, subject, before)
    return again if replaced else before.replace(subject, subject + other, 1)


def completed(question: str, subject: str) -> str:
    """A question with the subject that it leaves to be understood: 它要空腹吗, 那要空腹吗 → 胃镜检查要空腹吗."""
    with_subject, replaced = _POINTER.subn(subject, question, count=1)
    return with_subject if replaced else subject + _CONNECTIVE.sub("", question)


def beside_unknown(question: str, before: str) -> str:
    """A question that joins something to what was asked before, of which nothing is known: 和阿莫西林一起吃行吗."""
    joins = _JOINS.search(normalised(question))
    unknown = "".join(word for word, _ in takewhile(_is_before_the_predicate, _words(before))) if joins else ""
    return completed(question, unknown) if unknown else question


def is_of_unknown(text: str, mention: Mention) -> bool:
    """Whether a broader word only says of something unknown what it is: 消炎药 in 蒲地蓝是消炎药吗."""
    unknown = _IS_ONE_OF.search(text[: mention.start]) if mention.meanings[0].kind == "broader" else None
    return unknown is not None and all(_names(*word) and _is_another(word[0], "") for word in _words(unknown[1]))


def _of_another_thing(other: str, subject: str, before: str) -> tuple[str, bool]:
    """The question with another thing for the last one that it names beside the subject: 啤酒 in 痛风能喝啤酒吗."""
    end = before.index(subject) + len(subject)
    words = [word for word, flag in _words(before[end:]) if _names(word, flag) and not ASPECTS.fullmatch(_thing(word))]
    if not words:
        return before, False
    named = _thing(words[-1])
    kept, _, after = before[end:].rpartition(named)
    return before[:end] + kept + (other if named == words[-1] else _thing(other)) + after, True


def _begins_with(text: str, mention: Mention) -> bool:
    """Whether a name is what the question begins with, or what it says of someone: not 会引起高血压吗."""
    start = beginning(text)
    if mention.start <= start:
        return start > 0 or mention.meanings[0].kind != "broader"
    before = text[start : mention.start]
    return not _LEAVES_A_GAP.search(before) and any(map(PEOPLE.fullmatch, _subject(_words(before))))


def names_another_subject(text: str, said: str) -> bool:
    """Whether a question begins with another subject (天气…), or with someone and what that person asks about."""
    if _AND_THAT.search(text):
        return False
    words = _words(text[beginning(text) :])
    subject = list(_subject(words))
    if any(_is_another(word, said) for word in subject):
        return not _WILL_IT_DO.search(text)
    predicate = words[len(list(takewhile(_is_before_the_predicate, words))) :]
    return any(map(PEOPLE.fullmatch, subject)) and any(_is_object(word, flag, said) for word, flag in predicate)


def _is_object(word: str, flag: str, said: str) -> bool:
    """Whether a word of the predicate is another thing, or holds one: 吃螃蟹, which the tagger takes for a verb."""
    return _names(word, flag) and _is_another(_thing(word), said)


def _names(word: str, flag: str) -> bool:
    return flag.startswith(_NAMING) or "" != _thing(word) != word


def _thing(word: str) -> str:
    """What is eaten, drunk or done: 酒 of 喝了酒."""
    return _ACT.sub("", word)


def _is_another(word: str, said: str) -> bool:
    known = (PEOPLE, ASPECTS, CIRCUMSTANCES)
    word = _MODAL.sub("", word)
    return not any(words.fullmatch(word) for words in known) and word not in said


def _words(text: str) -> list[tuple[str, str]]:
    return [(pair.word, pair.flag) for pair in jieba.posseg.lcut(text)]


def _subject(words: Sequence[tuple[str, str]]) -> Iterator[str]:
    """The nouns before the predicate, and the people among the pronouns."""
    for word, flag in takewhile(_is_before_the_predicate, words):
        if flag.startswith(_NAMING) or PEOPLE.fullmatch(word):
            yield word


def _is_before_the_predicate(tagged: tuple[str, str]) -> bool:
    word, flag = tagged
    return PEOPLE.fullmatch(word) is not None or (
        word[0] not in _ACTS and flag.startswith((*_NAMING, *_BEFORE_A_SUBJECT))
    )
