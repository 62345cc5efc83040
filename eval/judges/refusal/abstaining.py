"""Whether an answer abstains: it says that it does not know, or that its sources do not say, and states nothing else.

An answer is read clause by clause. A clause abstains, or is plain (courtesies, pointers to a doctor or a leaflet,
doubts about a name), or states something; an answer that abstains and then answers all the same does not abstain.
What medicine does not know (``病因不明``), what is not there (``无严重不良反应``) and what patients cannot do are
statements.
"""

import re

from domains.retrieval.normalise import simplified

_CLAUSE = re.compile(r"[^，。！？!?；;,\n]+")
_ENGLISH_CLAUSE = re.compile(r"(?<=[a-z])[.,](?=\s|$)")
_SOURCE = "知识库|资料库|数据库|资料|条目|文档|说明书?|记录|文献|我的知识"
_NOUN = "信息|资料|数据|数字|记载|收录|记录|内容|答案|介绍|描述"
_VERB = "记载|提到|提及|收录|给出|说明|写明?|注明|涉及|包含|找到|查到|检索到|查询到|搜索到"
_ABSTAINS = re.compile(
    r"(?:知识库|资料库|数据库|条目|(?:所给|现有|手头|掌握|已有)的?资料)[^。]{0,14}?(?:没有|没写|未|无|不含|不包含|不足以|查不到|找不到)"
    rf"|(?:{_SOURCE})[^。]{{0,14}}?(?:(?:没有?|未)(?:{_VERB})|没写|没提(?![高示供])|没有.{{0,16}}(?:{_NOUN})$|不足以|(?:查|找)不到(?!的))"
    rf"|(?:没有?|未能?)(?:{_VERB})(?!.{{0,6}}(?:结石|肿块|异常|细菌|病灶))[^的]*(?:的[^的]{{0,12}})?$"
    r"|(?:没有?|未能?)(?:找到|查到|检索到|查询到|搜索到)[与和跟][^，。]*(?:信息|内容|条目|资料|答案|记载|段落)$"
    r"|(?:没有|未)发现.{0,14}(?:药物|药品|疾病|病名|资料|信息|记载)$"
    rf"|(?:没有|暂无|并无|无)(?:任何|相关|关于|有关|这方面|此类|确切|具体|可靠|详细|更多|.{{0,10}}的|.{{0,4}})?(?:{_NOUN})(?:可以?提供|可查|可供.{{0,4}})?$"
    r"|(?<![检血])(?:查|找|搜|检索)不到(?!的|[A-Za-z]|病毒|抗体|病灶|异常|病因)|查无|没有足够的(?:信息|资料|依据)|没查到|没找到"
    r"|^(?:很|非常|真)?(?:对不起|抱歉)?(?:但|不过)?(?:我们?|本人|对此|对[^，。]{0,10}?|这个|这个?问题|目前|暂时|也|真的?|实在|还|并)*"
    r"(?:不知道|不大?太?清楚|不大?太?了解|不熟悉|没有?听过|一无所知|答不上来|帮不了|不懂|不晓得|没听说过|没有听说过|不确定|不好说|说不准|不详|未知)(?!怎么表达)"
    r"|(?:无法|不能|没法|不便|不敢)(?!替代|代替)(?:为您|给您|向您|随意|根据.{0,6})?.{0,8}?"
    r"(?:回答|提供|给出|确定|确认|判断|诊断|说明|处方|开药|答复|解答)"
    r"|没有(?:这|此|该)(?:种|个|类)?(?:药|病|疾病)(?:$|(?=的(?:信息|资料|记录|记载)))|不存在(?:这|该)|没有.{1,14}这个?(?:病名|药名|名称|药|病)"
    r"|(?:不是|并非).{0,10}(?:已知|了解|认识|存在)的.{0,6}(?:药|病|名称)"
    r"|超出.{0,10}(?:范围|能力)|不在.{0,10}范围|(?:知识|资料).{0,6}不包[含括]|无可奉告|无从"
    r"|(?:do(?:es)? not|don't|doesn't) (?:know|contain|mention|say|have (?:any )?(?:information|record|data))"
    r"|(?:have|is|found) no (?:information|record|data)|not aware of|not mentioned"
    r"|(?:cannot|can not|can't|could ?n[o']t|unable to) (?:answer|provide|find|help|confirm)",
    re.I,
)
_UNKNOWN_TO_MEDICINE = re.compile(
    "^(?!.*(?:我|您|资料|知识库|条目|记载|信息)).*(?:病因|机制|预后|性别|良恶性|胎儿|(?:提供|给出)[^，]{0,6}时)"
)
"""What a statement says that cannot be told, of a disease and not of an answer."""
_OF_OTHERS = re.compile(
    "患者|病人|患儿|孩子|宝宝|老人|她们?(?!的)|(?<![其吉弗司伐雷倍非])他们?(?!的|巴唑|克莫司|莫昔芬|唑巴坦|达拉非)"
)
"""Who is spoken of; 他 also stands for a sound in the names of medicines (倍他司汀)."""
_PLAIN = re.compile(
    "建议|请|咨询|核对|遵医嘱|为准|名称|药名|病名|写错|笔误|有误|是不是其他|抱歉|对不起|[您你]好|感谢|谢谢|祝|作为|人工智能|语言模型|助手"
    "|检索|查询|麻烦|而异|为了|仅凭|根据|照片|关于|您说的|凭描述|sorry|please|as an ai",
    re.I,
)
_BY_THE_WAY = 20  # characters that may be stated before abstaining: on what the answer would depend
_STATES = 8  # characters that are a statement after abstaining

_NAMED = re.compile(
    rf"(?:(?:知识库|资料库|数据库|条目|资料)[^，。]{{0,6}}?(?:没有|未收录|无(?![法从]))|(?:没有?|未)(?:查|找|检索)到)(?!{_VERB})(?:关于|有关|名为|任何)?"
    rf"(?P<what>[^，。！？\n]+?)(?:的?(?:相关|有关|任何|详细|具体)?(?:{_NOUN}|资料))?(?=[，。！？\n]|$)"
)
_ANYTHING = re.compile(
    "[与和跟](?=[之这该此您你所])|之(?=匹配|对应|相符|一致|有关)|(?:[您你]所?|所)(?:提问|询问|提到|提及|描述|问|提|说|查)?|匹配|对应|相符|符合|一致"
    "|(?:能够?|可以?)(?:直接)?(?:回答|解答)|条目|词条|段落|文档|答案|情况"
    '|相关|有关|任何|关于|具体|详细|[这该此][一个种方面类]*|面|药[物品]?|疾病|病|问题|方面|内容|信息|资料|的|[“”"「」『』]'
)
"""What names nothing in particular: whatever was asked, and whatever would answer it."""
_NAMES_IT = 0.75  # of the characters of what is named are in the question


def abstains(answer: str) -> bool:
    """Whether an answer says that it does not know, or that its sources do not say, and states nothing else."""
    before = after = 0
    abstained = others = False
    for clause in _CLAUSE.findall(_ENGLISH_CLAUSE.sub("\n", simplified(answer))):
        text = clause.strip()
        others = others or _OF_OTHERS.search(text) is not None
        if not others and _ABSTAINS.search(text) and not _UNKNOWN_TO_MEDICINE.search(text):
            abstained = True
        elif not _PLAIN.search(text):
            after += len(text) if abstained else 0
            before += 0 if abstained else len(text)
    return abstained and before <= _BY_THE_WAY and after <= _STATES


def abstains_from(answer: str, asked: str) -> bool:
    """Whether an answer abstains from what is asked, and not from something else that it names.

    Args:
        answer: The answer.
        asked: The question, and whatever else names what it is about.
    """
    if not abstains(answer):
        return False
    question = simplified(asked)
    named = [_ANYTHING.sub("", found["what"]) for found in _NAMED.finditer(simplified(answer))]
    return all(_shared(what, question) >= _NAMES_IT for what in named if what)


def _shared(what: str, question: str) -> float:
    """The share of the characters of a name that are in the question, with a neighbour of theirs."""
    if len(what) < 2:
        return float(what in question)
    pairs = [what[place : place + 2] in question for place in range(len(what) - 1)]
    return sum(left or right for left, right in zip([False, *pairs], [*pairs, False], strict=True)) / len(what)
