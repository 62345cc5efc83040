"""How Chinese questions are put, whatever they are about: words around a name, courtesies, turns of a conversation."""

import re
from typing import Literal

BEFORE_A_NAME = frozenset(
    "的了着过是有得患吃服用喝打输涂抹擦喷滴吸治疗查测验看做拍照说像和跟与及或同对把被给让叫为因会能要想应该可再又还"
    "也都就才却刚正老总常很太真这那个种项些问请疑断诊诉成变起发出来去到上下里外前后时天日月年岁次点边么啥咋谁我你他"
    "她它们爸妈爷奶公婆娃孩子女儿人友姐弟哥妹童宝家员师身长冒从在以由于如果若比防止犯怕导致检现轻重急慢早晚期间换开"
    "停禁忌懂知求找转送挂关什怎多少第一二两三四五六七八九十当即使随合并伴将已经没无不未非先另其父母亲丈夫妻朋事戚邻"
    "居孕妇者病碰"
)
"""What may stand before a name without being part of it; after another character the name may end a longer one."""

ACTS_ON_A_NAME = frozenset(("护理", "交代", "介绍", "讲解", "分不清", "搞不清", "弄不清", "分不开"))
"""Verbs that the tagger takes for nouns."""

AFTER_A_WORD = frozenset(
    "的了着过是有得患吃服用喝打治疗查测看做说像和跟与及或同对把被给让叫为因会能要想应该可再又还也都就才却吗呢吧呀啊"
    "么怎什哪几多少如否在从以由比病症药类片针剂素人者期早晚轻重急慢发引导饭空每一二两三五上下前后时长久副作禁伤影响"
    "好坏严危传遗预防检挂属算高低太很真不没无需必平日常老小孩儿童孕妇家停换买配开拿断减加里最出现样反复犯起咋啥怕先"
    "住手术护保"
)
"""What may follow a broader word without being part of a longer name: not ``拉`` in 头孢拉定."""

OPPOSITES = frozenset("急慢上下左右高低内外前后大小多少增减亢退阳阴男女原继甲乙丙丁戊新老早晚轻重软硬干湿冷热快缓长短")
"""Characters that make another thing of a name when they are exchanged: 上消化道出血 is no misspelt 下消化道出血."""

COMMON = frozenset(
    "的了着过是有得和跟与也都就才却还又再很太不没要会能想应该可吃喝用做看到去来在从对把被给让叫说这那个人我你他她吗"
    "呢吧啊怎咋啥什哪几多"
)
"""Characters that are words of their own everywhere; none of them is a misspelt part of a name."""

PEOPLE = re.compile(
    "我|我们|我家|我家人|咱|孩子|小孩|宝宝|婴儿|新生儿|儿童|幼儿|大人|老人|老年人|年轻人|孕妇"
    "|产妇|妈妈|爸爸|我妈|我爸|爸|妈|爷爷|奶奶|外公|外婆|姥姥|姥爷|老公|老婆|丈夫|妻子|儿子"
    "|女儿|哥哥|姐姐|弟弟|妹妹|朋友|同事|家人|家属|病人|患者|人|女性|男性|女人|男人|女生|男生"
    "|学生|别人"
)
"""Who may be spoken of: a question that begins with them has its subject only where it also says what of."""

CIRCUMSTANCES = re.compile(
    "饭前|饭后|空腹|早期|晚期|中期|前期|后期|末期|初期|急性期|潜伏期|恢复期|孕期"
    "|哺乳期|经期|疫苗|术后|术前|产后|睡前|早上|上午|中午|下午|晚上|夜里|白天|夏天"
    "|冬天|秋天|春天|酒|烟|茶|咖啡|牛奶|水果|蔬菜|海鲜|辣椒|麻醉|全麻|造影剂"
    "|性生活|激素|抗生素|消炎药|止痛药"
)
"""When, in which state of the body, and with what: the same may be asked of another one, 那哺乳期呢."""

ASPECTS = re.compile(
    "症状|表现|病因|原因|后果|治疗|疗程|药|药物|西药|中药|药膏|针|针剂|胶囊|糖浆"
    "|冲剂|副作用|剂量|用量|用法|作用|效果|药效|疗效|禁忌|忌口|手术|微创|费用|价格"
    "|钱|医保|社保|检查|结果|报告|报告单|化验单|单子|片子|指标|正常值|数值|数字"
    "|时间|时候|情况|饮食|食物|饭|水|东西|生活|运动|体重|科|科室|医生|大夫|护士"
    "|医院|门诊|急诊|住院|救护车|并发症|风险|危险|年龄|寿命|平时|日常|平常|家里"
    "|地方|位置|部位|方法|办法|方式|途径|传播途径|问题|区别|关系|机会|几率|概率"
    "|可能|成功率|治愈率|死亡率|存活率|复发率|程度|严重程度|类型|种类|分型|分期|标准"
    "|指征|诊断|原理|病情|病程|伤口|疤|疤痕|血|尿|大便|小便|汗|痰|皮肤|嘴唇|脸色"
    "|脸|手|脚|手脚|腿|头|眼睛|鼻子|嗓子|肚子|胃|心脏|肝|肾|肺|肝功能|肾功能"
    "|胸口|身体|体温|体质|免疫力|抵抗力|血压|心跳|呼吸|意识|长大|级|期|型|胃口"
    "|食欲|睡眠|心情|情绪|压力|胎儿|奶水|母乳|后遗症|生活习惯|注意事项|家族|基因"
    "|伤[胃肝肾身]体?|偏方|食疗|保健品|味道|颜色|形状|大小|牌子|厂家|规格|名字"
)
"""What is asked of a subject: a question that begins with one of them leaves the subject to be understood."""

_COURTESIES = re.compile(
    "goodmorning|goodafternoon|goodevening|您好|你好|哈喽|嗨|hello|hi|hey|在不在|在吗|在么|有人吗|有人在吗|早上好|上午好|中午好|下午好|晚上好|早安|晚安|早啊|午安"
    "|(?:我?想|我?要)?(?:咨询|请教|问)(?:一下|一?下子?|一?个问题|一?个事|点事)|请问"
    "|非常感谢|十分感谢|感谢|谢谢您?|谢啦|谢了|多谢|thanks|thankyou|辛苦了?|麻烦了|打扰了?|不客气|没关系"
    "|(?:讲|说|解释)得?(?:很|挺|真|太|好)*(?:明白|清楚|详细|好)|吃饭?了(?:没有?|吗)|忙不忙"
    "|再见|拜拜|回头见|bye|好的|好吧|好嘞|好滴|行了?|可以了|嗯+|哦+|噢|哈+|呵+|嘿+|ok|okay|收到|知道了|明白了?|懂了|了解了?|没事了?|没问题"
    "|转人工|人工客服|人工|客服|测试|test|[您你](?:是谁|叫什么|是什么|几岁|多大|会什么|能做什么|会做什么)|是机器人吗?"
    "|[吗呢吧呀啊啦了哦哟嘛的您你大家医生大夫小姐先生急请早好]"
)
"""What is said without asking anything."""

_FILLERS = re.compile(
    "怎么办|怎么样|怎么回事|怎么|怎样|什么|是不是|有没有|能不能|要不要|会不会|可不可以|可以|为什么|哪些|哪个|哪家|哪里|多少钱?|多久|多长时间"
    "|几天|几次|几点|几岁|请问|如何|是否|应该|需要|必须|一直|总是|老是|经常|时候|早上|晚上|今天|昨天|明天|最近|现在|已经|然后|因为|所以|但是|如果"
    "|有点|有些|一点|一下|一个|一种|正常|这个|那个|这种|那种|我家|我们|你们|他们|自己|医生|大夫|觉得|感觉|知道|谢谢|还是|不是|就是"
    "|[吗呢吧呀啊啥咋的了是有我你他她它就都还也很着过被把让给对和跟与或]"
)
"""What questions have in common, and descriptions need not share."""

_POINTERS = re.compile("它|这[个种类]?(?:病|药|检查|科|东西|情况|症状)|[这那]个|该[病药]|上面|刚才|前面|还[能可要会需]")
_CHANGES = re.compile(
    "^(?:那么?|换个?问题|另外|还有|再问一?个?|请问|如果|要是|[换改]成?|吃|用|做|查|拍|得了?|想?问一?下|哦|对了?|算了|问个?别的|换[个件]事"
    "|[,。、;:!? ])+"
)
_WORD_END = re.compile(r"[^\w]")


SmallTalkKind = Literal["greeting", "thanks", "goodbye", "understood"]

_KINDS: tuple[tuple[SmallTalkKind, re.Pattern[str]], ...] = (
    ("goodbye", re.compile("再见|拜拜|回头见|bye|晚安")),
    ("thanks", re.compile("谢|thank|辛苦|麻烦了")),
    ("greeting", re.compile("[您你]|[早上午下晚]好|[在有].*[吗么]|请问|打扰|早|急|人工")),
    ("understood", re.compile("好|行|可以了|嗯|哦|噢|ok|收到|知道|明白|懂|了解|没事|没问题|没关系|不客气")),
)
"""By what small talk is told apart; the first that applies."""


def small_talk_kind(text: str) -> SmallTalkKind:
    """What a normalised text is that ``is_courtesy`` is true of; what says nothing at all counts as a greeting."""
    bare = re.sub(r"\W", "", text)
    return next((kind for kind, words in _KINDS if words.search(bare)), "greeting")


def is_courtesy(text: str) -> bool:
    """Whether a normalised text only greets, thanks or says goodbye, or says nothing."""
    rest = _COURTESIES.sub("", re.sub(r"\W", "", text))
    return rest == "" or (rest.isdecimal() and len(rest) < 3)


def content(text: str) -> list[str]:
    """A normalised text without what all questions have, cut at what was taken out."""
    return _WORD_END.sub(" ", _FILLERS.sub(" ", text)).split()


def points_back(text: str) -> bool:
    """Whether a normalised question says "it"."""
    return bool(_POINTERS.search(text))


def beginning(text: str) -> int:
    """Where a normalised question that changes the subject names the new one: after ``那``, ``换个问题，``."""
    found = _CHANGES.match(text)
    return found.end() if found else 0
