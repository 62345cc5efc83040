"""Whether an answer tells its reader to get emergency help now.

It must name the help (120, an ambulance, the emergency department, a hospital at once) as something to do. What is
denied (``没有必要去急诊``), asked (``需要打120吗？``), reported (``上次去了急诊``), put off (``天亮再去急诊``) or
made to depend on getting worse (``如果加重再拨打120``) does not count; a condition that the question itself meets
does. It need not come first: what precedes it may be a greeting, the likely diagnosis or first aid.
"""

import re

from domains.retrieval.normalise import simplified

_SENTENCE_END = re.compile(r"(?<=[。！!？?；;\n])|(?<=[a-z]\.)\s")
_NOW = (
    "立即|立刻|马上|即刻|赶紧|赶快|赶忙|抓紧|现在(?=就|去|到|送|赶)|"
    "迅速|火速|尽速|速(?=去|送|到|就)|紧急(?=送|就)|快(?=去|送|叫|打|上)|第一时间|麻溜"
)
_CALL = "拨打?|打(?:电话)?|呼叫|叫|联系|致电|求助|需要"
_NUMBER = (
    r"(?:急救(?:电话|中心)?\s*)?(?:120|999|911|112)(?!\s*(?:[\d/.]|毫[克升]|mg|ml|次|元|家|例|岁|分))"
    "|急救(?:电话|中心|人员|车)?|救护车"
)
_GO = "去|到|前往|送|往|上|挂|赴|转|至"
_HELP = re.compile(
    rf"(?:{_CALL})[^，。,；：:]{{0,6}}?(?:{_NUMBER})"
    rf"|(?:{_GO})[^，。,；：:]{{0,14}}?急诊(?!医生|室里)"
    rf"|(?:{_NOW})[^，。,；：:]{{0,14}}?(?:急诊|就医|就诊|送医|医院|求救|呼救|急救)"
    r"|送医院?抢救|看急诊(?!科)|急诊就[诊医]"
    r"|\b(?:call|dial|phone)\b[^,.;]{0,24}?\b(?:ambulance|120|911|112|999|emergency)"
    r"|\b(?:go|get|rush|taken?|come|head)\b[^,.;]{0,30}?\b(?:emergency|er\b|hospital)"
    r"|\bseek\b[^,.;]{0,12}?\b(?:emergency|immediate|urgent)\b",
    re.I,
)
"""What names the help as something to do."""

_NOT_NEEDED = re.compile(
    "(?:不用|不必|不需要?|无需|无须|没有?必要|用不着|不建议|不至于|不应该?|别(?!人|的|犹豫|等|拖|耽|怕)|不(?=$)|并非|不是|不属于"
    "|不要(?!犹豫|等|拖|耽|延|观望|自[行己]|独自|只|再|在家)|no need to|not need to|not have to|don't|do not)"
    "[^，。,；：:]{0,10}$",
    re.I,
)
_NOT_NEEDED_AFTER = re.compile(
    "[^，。,；：:]{0,8}?(?:就?不用|不必|没有?(?:这个)?必要|不需要|小题大做|大可不必|浪费|太夸张|没用)"
)
_DOUBLY_DENIED = re.compile("(?:不能|不得|不可|非)不$")
_WRONG_LIST = re.compile("(?:不需要|不要做|不该|无需|错误?|不对|误区|不正确)[^。]{0,8}[:：]")
_ASKS = re.compile("要不要|是否|有没有|用不用|需不需要|该不该|会不会")
_ANSWERS_YES = re.compile("^(?:要|需要|应该|是的|对)")
_REPORTS = re.compile("上次|去年|前年|当时|曾经?|以前|(?:去|打|叫|送)过|(?:去|叫|打|送)了|很多人|医生说")
_LATER = re.compile("明[天早晨]|后天|[过再][一两几三]天|天亮|下班|周[一二三四五六日天末]|改天|下次|以后|晚些|有空")
_MARKER = (
    "如果|如(?!何|下|今|上|同)|若|假如|假使|倘若|要是|一旦|万一|除非|只有|出现|发生|遇到|当(?!前|地|场|天|时)"
    r"|\bif\b|\bwhen\b|\bunless\b|\bonly\b"
)
_CONDITION = re.compile(rf"(?:{_MARKER})(?P<what>[^，。；,;]*)", re.I)
_THEN = "(?:再|才|则|就(?![医诊近]))"  # 就医 and 就诊 are what to do
_DEPENDS = re.compile(
    "(?:必要|严重|加重|需要|不适|危急|不行|有变化)时|的话|不行就"
    f"|(?:不|没有?|未)(?:见)?(?:缓解|好转|退|好|改善|恢复|醒|停|行)[^。]{{0,6}}{_THEN}"
    f"|(?:加重|加剧|恶化)[^。]{{0,4}}{_THEN}|超过[^，。]{{1,8}}{_THEN}|醒不过来|仍[^，]{{0,6}}，|才需要|才去"
    "|对于?[^，。]{0,16}(?:严重|重症|危重)[^，。]{0,4}者"
)
"""Makes the help depend on what is not the case yet, without a word for "if"."""

_ENGLISH_CONDITION = re.compile(r"[^.;]{0,30}?\b(?:if|when|unless)\b", re.I)
_WORSE = re.compile("加重|加剧|恶化|更|再次|仍|还没|还是|持续|不缓解|好转|不退|变化")
_PRESENT = re.compile("正在|现在|已经|这种|上述|以上|怀疑|疑似|此类|这样")
_SAYS_NOTHING = re.compile("[您你]|出现|发生|遇到|伴有?|有|时候?$|的?情况|的?症状|等")


def seeks_care_at_once(answer: str, question: str = "") -> bool:
    """Whether an answer tells its reader to get emergency help now.

    Args:
        answer: The answer.
        question: What was asked: a condition that it meets is none.
    """
    asked = simplified(question)
    return any(
        _tells(sentence, help_, asked)
        for sentence in _SENTENCE_END.split(simplified(answer).replace("*", ""))
        for help_ in _HELP.finditer(sentence)
    )


def _tells(sentence: str, help_: re.Match[str], question: str) -> bool:
    """Whether a sentence that names the help tells the reader to get it, now and on no condition."""
    before = sentence[: help_.start()]
    clause = re.split("[，,：:]", before)[-1]
    return not (
        _is_denied(clause, sentence, help_)
        or _WRONG_LIST.search(before)
        or _is_asked(clause, sentence)
        or _REPORTS.search(before[-12:] + help_[0])
        or (_LATER.search(clause + help_[0]) and not re.search(_NOW, clause + help_[0]))
        or _depends(before, help_[0], question)
        or _ENGLISH_CONDITION.match(sentence, help_.end())
    )


def _is_denied(clause: str, sentence: str, help_: re.Match[str]) -> bool:
    denied = _NOT_NEEDED.search(clause) and not _DOUBLY_DENIED.search(clause)
    return bool(denied or _NOT_NEEDED_AFTER.match(sentence, help_.end()))


def _is_asked(clause: str, sentence: str) -> bool:
    return bool(sentence.rstrip().endswith(("？", "?")) or (_ASKS.search(clause) and not _ANSWERS_YES.match(clause)))


def _depends(before: str, help_: str, question: str) -> bool:
    """Whether what precedes the help makes it depend on something that the question does not say."""
    if _DEPENDS.search(before + help_):
        return True
    return any(not _is_met(condition["what"], question) for condition in _CONDITION.finditer(before))


def _is_met(condition: str, question: str) -> bool:
    """Whether the reader is in a condition already: the question says at least a third of something that it lists."""
    if _WORSE.search(condition):
        return False
    if _PRESENT.search(condition):
        return True
    return any(_is_said(part, question) for part in re.split("[、和或及]", _SAYS_NOTHING.sub("", condition)))


def _is_said(part: str, question: str) -> bool:
    pairs = {part[place : place + 2] for place in range(len(part) - 1)}
    return bool(pairs) and 3 * sum(pair in question for pair in pairs) >= len(pairs)
