"""What to do at once about an accident that cannot wait for a doctor: something in the eye.

Rinsing at once with much water is what all guidelines agree on for liquids and powders in the eye (ILCOR and the Red
Cross 2024: at least 15 minutes), whatever the substance; how serious it is, triage decides. No clinician has reviewed
the sentences.
"""

import re
from collections.abc import Sequence

from domains.advice import FirstAid
from domains.retrieval.normalise import normalised

RINSE = FirstAid(
    now="请立即用大量流动的清水冲洗眼睛，至少15分钟：撑开上下眼皮，从靠鼻子的一侧向外冲；戴隐形眼镜的先取下；粘住的不要硬掰。"
    "不要揉眼，不要滴别的药水去中和。",
    then="冲洗后马上去眼科或急诊，带上包装。如果剧痛、看不清、睁不开眼，或者进的是强酸强碱、胶水、农药，边冲边拨打120。",
)
SOMETHING_IN_IT = FirstAid(
    now="不要揉眼。眨眼让眼泪把它冲出来，或用大量清水、生理盐水冲洗。",
    then="冲不出来、仍然疼痛、畏光或看不清，当天去眼科。如果是扎进眼里的东西，不要拔也不要冲，遮住眼睛，立即拨打120或去急诊。",
)

_INTO_THE_EYE = re.compile(
    "(?:溅|崩|喷|弄|进|滴|洒|飞|流|沾|掉|吹|呲|糊|迷|甩|蹭|揉|跑|抹)(?:到|进|入|在|上|了|错|去)*(?:我|他|她|孩子|宝宝|娃|左|右|的)*(?:眼|双眼)"
    "|(?:粘|黏|糊|封)(?:住|上|到)?[^，,。;!?]{0,3}眼"
    "|眼(?:睛|里|眼|皮|球|珠|内|角)*(?:里面?|中)?(?:不小心|突然|刚刚?|被|让|给|都|也|好像|可能)*[^，,。;!?]{0,6}?"
    "(?:进|溅|喷|崩|滴错|弄|入|呲|辣|迷|糊|粘)(?:到|进|入|住|了|上|满)+"
)
_LIQUIDS = re.compile(
    "洗衣|洗头|洗洁精|洗碗|洗手液|沐浴|洗发|香波|香皂|肥皂|洗面|洁面|卸妆|护发|染发|烫头|烫发|定型|发胶|香水|花露水|风油精|清凉油"
    "|消毒|84|漂白|洁厕|厕所灵|马桶|清洁剂|去污|油污|除垢|管道|疏通|酒精|双氧水|碘|酸|碱|氨水|石灰|水泥|腻子|涂料|油漆|稀料|天那水"
    "|胶水|502|胶(?!囊)|指甲油|洗甲水|辣椒|芥末|胡椒|防狼|喷雾|汽油|柴油|机油|电池液|电瓶|杀虫|农药|除草|驱蚊|蚊香液|凝珠|洗涤|柔顺"
    "|药水(?!眼)|硫磺|脚气水|滴耳|鼻喷|牙膏|漱口|干燥剂|防晒|粉底|精油|醋|酱油|盐水|柠檬|洋葱|油(?!菜)|墨水|颜料|溶液|血(?![丝管压糖])|呕吐物|化学|试剂|甲醛"
)
_SOLIDS = re.compile("沙|灰尘|土(?!霉)|虫|飞蛾|睫毛|木屑|粉尘|异物|东西|头发|毛")
_NOT_NOW = re.compile(
    "上周|上个?月|昨[天晚日]|前[天些几]|[几两三多]天前|去年|以前|小时候|曾经|容不[得下]|眼里揉|假如|万一|怎么预防|防止|避免"
)
_TAKEN_FOR_DROPS = re.compile(
    "当(?:成|作|了)?[^，,。;!?]{0,2}眼药水|眼药水[^，,。;!?]{0,10}(?:滴成|成了|错成|拿成|用成)"
)
_OF_EYE_DROPS = re.compile("眼药水|滴眼液|眼膏|人工泪液|洗眼液|隐形眼镜护理液")


def first_aid(message: str, earlier: Sequence[str] = ()) -> FirstAid | None:
    """What to do at once about what a message tells; None where it tells of no such accident.

    Args:
        message: The message.
        earlier: What the same person said before: what went into the eye may be said there.
    """
    whole = normalised(message)
    text = _OF_EYE_DROPS.sub("", whole)
    if not (_INTO_THE_EYE.search(text) or _TAKEN_FOR_DROPS.search(whole)) or _NOT_NOW.search(text):
        return None
    for said in (text, *map(normalised, earlier[-1:])):
        if _LIQUIDS.search(said):
            return RINSE
        if _SOLIDS.search(said):
            return SOMETHING_IN_IT
    return None
