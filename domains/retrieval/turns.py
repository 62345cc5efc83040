"""Turns of a conversation: whether a question is about what was asked before it, and what it then is in full."""

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile

import jieba.posseg

from domains.retrieval.names import Mention
from domains.retrieval.wording import ASPECTS, PEOPLE, beginning, content, is_courtesy, points_back

LONGEST_FOLLOW_UP = 12  # characters of content; more is a question of its own

_NAMING = ("n", "i", "l", "j")  # jieba's tags: nouns, idioms, phrases, abbreviations
_BEFORE_A_SUBJECT = ("t", "d", "m", "q", "b", "a", "u", "x", "f", "z")  # when, how many, which: not yet the subject
_ACTS = "吃喝打做用多少不没停吸涂"  # a word that begins so is no subject, whatever the tagger takes it for: 喝啤酒
_OTHER_QUESTION = re.compile(
    "^[,。]?(?:换个|另外|再问一?[个下]|还有个问题|问个别的|[^,。]{0,4}别的问题|[帮给]我(?:写|讲|编|画|唱|翻译|推荐|算)|你是谁|你叫)"
)
_SAYS_HE = re.compile("[他她](?!们?[家妈爸])")
_LEAVES_A_GAP = re.compile("(?<!得)了|会|引起|导致|[和跟与]")  # 老人吃了头晕: took what?
_AND_THAT = re.compile("^那?么?[^,。;]{1,8}呢[?]?$")
_WILL_IT_DO = re.compile(
    "(?:能|可以|可|要)(?:不[能可要])?以?[吃喝用碰戴][吗么不嘛]?[?]?$|(?:管用|有用|有效|顶用|行|可以)[吗么不嘛][?]?$"
)
_THANKS = re.compile("谢|感谢|辛苦|麻烦了|没事了|放心了")
_OVER = re.compile("脱离危险|出院|康复|痊愈|没事了|取出来了|救过来了|抢救过来了|缓过来了|不[疼痛]了|不难受了")
_NOT_OVER = re.compile("还|又|仍|再|更|但|可是|不过|没有?(?:脱离|出院|康复|痊愈|取出)")
_ASKS = re.compile("[?吗呢么啥咋怎哪谁几]|多少|多久|多大|如何|为何|[能会要是可行好有]不|有没有|是否|帮我|给我|请")
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
        return not _begins_with(text, named[0])
    return sum(map(len, content(text))) <= LONGEST_FOLLOW_UP and not _names_another_subject(text, said)


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


def completed(question: str, subject: str) -> str:
    """A question with the subject that it leaves to be understood: 它要空腹吗, 那要空腹吗 → 胃镜检查要空腹吗."""
    with_subject, replaced = _POINTER.subn(subject, question, count=1)
    return with_subject if replaced else subject + _CONNECTIVE.sub("", question)


def _begins_with(text: str, mention: Mention) -> bool:
    """Whether a name is what the question begins with, or what it says of someone: not 会引起高血压吗."""
    start = beginning(text)
    if mention.start <= start:
        return start > 0 or mention.meanings[0].kind != "broader"
    before = text[start : mention.start]
    return not _LEAVES_A_GAP.search(before) and any(map(PEOPLE.fullmatch, _subject(_words(before))))


def _names_another_subject(text: str, said: str) -> bool:
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
    thing = word.lstrip(_ACTS)
    named = flag.startswith(_NAMING) or "" != thing != word
    return named and _is_another(thing, said)


def _is_another(word: str, said: str) -> bool:
    return not (PEOPLE.fullmatch(word) or ASPECTS.fullmatch(word)) and word not in said


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
