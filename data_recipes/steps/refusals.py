"""Answers that only refuse, evade or say nothing.

What is left of such an answer without its courtesies and refusals has no content: no advice, no pointer, no question,
no number. Empathy, asking back, "I do not know, but ask there" and "no" as an answer are not refusals; nor is a
statement about the case: a finding, a diagnosis that is denied, what medicine does not know.
"""

import re
from pathlib import Path

_COURTESY = re.compile(
    r"(?:医生|网友|患者|朋友)?(?:您好|你好)|亲亲?[，,呢哦]|(?:非常|很|十分|实在|真的?)?(?:对不起|抱歉|不好意思|遗憾)"
    r"|[Ss]orry|[Ii]'m sorry"
    r"|(?:非常|十分)?感谢[^，。！!]*|谢谢[^，。！!]*|祝[^，。！!]*|请(?:您|你)?(?:谅解|理解|见谅|原谅)|希望(?:您|你)?能?(?:谅解|理解|见谅)"
    r"|(?:对此|给您|给你)?(?:造成|带来)(?:的)?不便[^，。！!]*|深表歉意|(?:您|你)的问题很好|但是?(?=很?(?:遗憾|抱歉))"
    r"|作为(?:一[个名款])?[^，。！!]{0,8}(?:AI|人工智能|语言模型|助手|机器人)[^，。！!]{0,6}?(?=[，,我]|无法|不能)"
)
_CANNOT = "无法|不能|没法|没办法|没有办法|不便|不方便|无权|拒绝|不予|暂不|暂时不能|不会|不敢|恕不|不可以"
_REFUSAL = re.compile(
    rf"(?:{_CANNOT}).{{0,12}}?(?:回答|解答|作答|答复|回复|提供|给出|给您|给你|告诉|判断|诊断|评估|讨论|处理|推荐|生成|完成|继续|帮|发表"
    r"|插嘴|理解(?:您|你)|支持查询|查询|评价|解方程)(?:.{0,14}?(?:建议|意见|诊断|答案|帮助|剂量|书籍|请求|代码|问题|内容|看法|评估))?"
    rf"|(?:我们?|这边|本[人助平]\w?|系统|平台|客服|小\w|暂时?|目前)[^，。！!？?]{{0,6}}(?:{_CANNOT}|不想|不愿)[^，。！!？?]{{0,20}}"
    r"|不在[^，。]{0,8}(?:范围|能力)(?:之?内)?|不便?(?:透露|多说|置评|评价)|不予置评|无从(?:判断|得知|回答)|想不出来?|难倒我了|不懂|没听说过|没研究过"
    r"|不下结论|不敢妄[^，。]{0,4}|恕[难不]\w{0,4}|另请高明|自行百度|百度一下|自己(?:去)?查|上网(?:搜|查)|未开[通放]|稍后再试|系统繁忙|出错了|内容违规|无法显示|转人工"
    r"|(?:也|真|并|都)?不(?:太|大|是很)?(?:知道|清楚|了解)|不确定|不作(?:回答|答)|不回答|无可奉告|爱莫能助|无能为力|帮不(?:了|上)|不好[说讲]|说不准"
    r"|(?:做|答|解)不(?:出来?|了|上来?)|看不了|不归我管|没有?资格|没有?什么可说|不多说|不发表|不能一概而论|具体情况具体分析"
    r"|超出.{0,12}(?:范围|能力)|不具备.{0,14}能力|知识有限|没有(?:与?此?相关|相应)的?(?:信息|资料|答案|内容)|暂无(?:答案|回答|相关)?|还在学习|等我学会"
    r"|自己看着办|换个话题|请重新.{0,4}|你们?自己解决|以实物为准|已?拒绝回[复答]|不是我的专业|已收到(?:您|你)的|说了不算|给不了[您你]?(?:答案|答复|建议|意见)|[回答]答不上来|答复不了|检索不到|不被允许|没有找到匹配|查询失败"
)
_OTHERS = re.compile(  # not the one who answers
    "(?:患者|病人|患儿)[^。]{0,10}，(?:不能|无法|没法)|(?:患者|病人|患儿|孩子|宝宝|老人|[他她它你您]们?|自己)(?:也|都|还|可能|往往|常常?|常常)?(?:不|无法|没|说不)"
)
_WHO_ANSWERS = re.compile("[我咱您你]|本人|这[边里]|系统|平台|客服|网上|外人|助手|机器人|程序|问题|话题|内容|恕")
_CASE = re.compile(  # what a statement is about
    "症|病|炎|瘤|癌|诊断|检查|结果|指标|表现|影像|报告|资料|记录|描述|部位|性别|年龄|倾向|方式|途径|机制|[成原]因|疗效|预后|关系|分期|性质"
    "|阴性|阳性|医学|研究|证据|古代|古人"
)
_DENIED = re.compile("[为成出]?(?:[^，。；！]{0,8}(?:症|病|炎|瘤|癌))|是否|与|[良恶]性|良恶|分[期型]")
_CONTENT = re.compile(
    r"[?？0-9]|可以|建议|不过|但(?!是?很?遗憾)|要看|您看|打开|拨打|挂|查(?!询)|如果|多数|一般来|一般不|一般是|需要|医院|科(?!学)|多半|就(?:是|行|能|要)|仍需|(?<![因作认以行成称])为(?![了何您你什])|倾向|足以|提示|不足|超过|百分之|(?:就|我|来)帮[您你]"
    r"|请(?!问|勿|恕|重新|换|您?谅|您?理解|见谅|原谅)|因为.{6,}所以(?!不)"
)
_PLACEHOLDER = re.compile(
    r"(?:略|[Nn]/?[Aa]|[Nn]ull|[Nn]one|暂无(?:答案|回复|内容)?|待补充|待定|无(?:回复|回答|内容)|未回[答复]|[Tt][Bb][Dd]|TODO|不知道|不清楚|不晓得|无可奉告)[哦呢吧啊]?[。.!！~～]?"
)
_ENGLISH = re.compile(
    r"(?:I'm sorry|I am sorry|Sorry|As an AI)[^.!?]*\b(?:can't|cannot|can not|unable to|not able to)\b[^.!?]*[.!]?"
)
HINT = rf"{_REFUSAL.pattern}|^\s*{_ENGLISH.pattern}\s*$|^\s*(?:{_PLACEHOLDER.pattern})\s*$"
"""Matches every answer that ``only_refuses`` finds; quick to search for in a whole column."""

_ABOUT_WORDS = re.compile("翻译|怎么说|造句|扮演|续写|对白|台词|英[文语]|仿写|例句|改写|怎样拒绝|如何拒绝|拒绝")
_LONGEST_REST = 40  # characters
_CLAUSE_END = re.compile(r"[，。；！？,;!?\n]")

WEIGHTS = Path(__file__).with_suffix(".safetensors")
THRESHOLD = 0.3
"""The probability above which an answer is flagged: 2 % of the others of unseen kinds are (``train_screens.py``)."""


def only_refuses(question: str, answer: str) -> bool:
    """Whether an answer has nothing but a refusal, an evasion or a placeholder.

    Args:
        question: What was asked; where it asks for a text, the answer may be that text.
        answer: The answer.
    """
    answer = answer.strip()
    if _PLACEHOLDER.fullmatch(answer):
        return True
    if _ENGLISH.fullmatch(answer):
        return _ABOUT_WORDS.search(question) is None
    refused = [*_REFUSAL.finditer(answer)]
    if not refused or _OTHERS.search(answer) or _ABOUT_WORDS.search(question):
        return False
    if any(_states(answer, refusal) for refusal in refused):
        return False
    rest = _REFUSAL.sub("", _COURTESY.sub("", answer))
    return len(rest) <= _LONGEST_REST and not _CONTENT.search(rest)


def _states(answer: str, refusal: re.Match[str]) -> bool:
    """Whether the clause of what looks like a refusal is a statement about the case: nobody answers in it."""
    before = _CLAUSE_END.split(answer[: refusal.start()])[-1]
    if _WHO_ANSWERS.search(before) or _WHO_ANSWERS.match(refusal.group()):
        return False
    return _CASE.search(before) is not None or _DENIED.match(answer, refusal.end()) is not None
