"""How facts are asked about and answered: the wording behind the instructions of the knowledge base.

Each ``Wording`` holds one canonical answer, questions for training in four voices, and questions kept for testing that
never occur in training. Between two slots a phrasing has fewer than 13 characters, so that a question which shares
13 characters with a training question shares more than its phrasing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from data_recipes.knowledge_base import EntryType


@dataclass(frozen=True)
class Wording:
    """The questions about one kind of fact and the form of its answer.

    Attributes:
        answer: Template of the answer; it restates what was asked about.
        formal: Written register.
        colloquial: Spoken register.
        patient: A patient speaks about himself.
        doctor: A doctor or nurse asks.
        kept: Asked only in test sets.
        joint: What joins the last two items of a list.
    """

    answer: str
    formal: tuple[str, ...]
    colloquial: tuple[str, ...]
    patient: tuple[str, ...]
    doctor: tuple[str, ...]
    kept: tuple[str, ...]
    joint: str = "和"

    def training(self) -> Iterator[tuple[str, str]]:
        """The phrasings for training with their ids, e.g. ``formal1``."""
        for voice in ("formal", "colloquial", "patient", "doctor"):
            for number, phrasing in enumerate(getattr(self, voice), 1):
                yield f"{voice}{number}", phrasing

    def testing(self) -> Iterator[tuple[str, str]]:
        """The phrasings kept for testing with their ids, e.g. ``kept1``."""
        for number, phrasing in enumerate(self.kept, 1):
            yield f"kept{number}", phrasing


DEFINITION = "定义"

DISEASE = {
    DEFINITION: Wording(
        answer="{name}是{items}。",
        formal=("什么是{name}？", "请解释一下{name}。"),
        colloquial=("{name}是个啥病？",),
        patient=("医生说我得了{name}，这是什么病？",),
        doctor=("怎样向患者介绍{name}？",),
        kept=("请用一句话说明{name}。", "老听人提起{name}，到底是什么？"),
    ),
    "症状": Wording(
        answer="{name}的常见症状有{items}。",
        formal=("{name}的常见症状有哪些？", "{name}有哪些临床表现？"),
        colloquial=("得了{name}会有啥不舒服？",),
        patient=("我担心自己得了{name}，会有什么症状？",),
        doctor=("问诊{name}患者，应留意哪些表现？",),
        kept=("{name}发作起来有什么感觉？", "家人得了{name}，身上会出现哪些症状？"),
    ),
    "病因": Wording(
        answer="{name}的常见病因有{items}。",
        formal=("{name}的病因有哪些？", "{name}是由什么引起的？"),
        colloquial=("为啥会得{name}？",),
        patient=("我怎么会得上{name}呢？",),
        doctor=("分析{name}时，应考虑哪些病因？",),
        kept=("{name}多半是怎么来的？", "导致{name}的因素有哪些？"),
    ),
    "检查": Wording(
        answer="{name}的常用检查有{items}。",
        formal=("{name}的常用检查有哪些？", "诊断{name}需要做哪些检查？"),
        colloquial=("查{name}要做啥项目？",),
        patient=("怀疑我有{name}，要查些什么？",),
        doctor=("疑似{name}，应开哪些检查？",),
        kept=("怎么查出是不是{name}？", "确诊{name}要靠什么检查？"),
    ),
    "治疗": Wording(
        answer="{name}的治疗方法有{items}。",
        formal=("{name}的治疗方法有哪些？", "{name}一般怎么治疗？"),
        colloquial=("{name}咋治？",),
        patient=("我得了{name}，该怎么治？",),
        doctor=("{name}患者的治疗原则是什么？",),
        kept=("对付{name}有什么办法？", "查出{name}以后如何处理？"),
    ),
    "用药": Wording(
        answer="{name}的常用药物有{items}，具体用药请遵医嘱。",
        formal=("{name}的常用药物有哪些？", "治疗{name}可选哪些药？"),
        colloquial=("{name}一般用啥药？",),
        patient=("我有{name}，医生会开什么药？",),
        doctor=("{name}患者应选用哪些药物？",),
        kept=("{name}要用什么药才好？", "哪些药可以用于{name}？"),
    ),
    "科室": Wording(
        answer="{name}的就诊科室是{items}。",
        formal=("{name}应到哪个科室就诊？", "{name}属于哪个科室诊治？"),
        colloquial=("{name}挂啥号？",),
        patient=("我得了{name}，该挂哪个科？",),
        doctor=("{name}患者应转到哪个科室？",),
        kept=("看{name}要找什么科的医生？", "去医院看{name}，挂什么号合适？"),
        joint="或",
    ),
    "并发症": Wording(
        answer="{name}的并发症有{items}。",
        formal=("{name}的并发症有哪些？", "{name}可引起哪些并发症？"),
        colloquial=("{name}拖着会惹出啥病？",),
        patient=("我的{name}会不会引出别的病？",),
        doctor=("应警惕{name}的哪些并发症？",),
        kept=("{name}严重了会带来什么后果？", "{name}控制不好会怎么样？"),
    ),
    "预防": Wording(
        answer="{name}的预防要点是{items}。",
        formal=("如何预防{name}？", "{name}的预防要点有哪些？"),
        colloquial=("咋样才能不得{name}？",),
        patient=("我怕得{name}，平时要注意什么？",),
        doctor=("怎样指导大家预防{name}？",),
        kept=("想远离{name}该怎么做？", "日常怎样防范{name}？"),
    ),
    "传染性": Wording(
        answer="{name}{items}。",
        formal=("{name}有传染性吗？", "{name}是传染病吗？"),
        colloquial=("{name}传不传人？",),
        patient=("家里有人得{name}，会传给我吗？",),
        doctor=("怎样说明{name}的传染性？",),
        kept=("{name}会不会传染？", "和{name}患者接触会被传上吗？"),
        joint="，",
    ),
    "饮食": Wording(
        answer="{name}的饮食建议是{items}。",
        formal=("{name}的饮食建议有哪些？", "{name}在饮食上要注意什么？"),
        colloquial=("得了{name}吃饭有啥讲究？",),
        patient=("我有{name}，平时怎么吃？",),
        doctor=("如何指导{name}患者的饮食？",),
        kept=("{name}的人一日三餐怎么安排？", "{name}期间该吃什么、少吃什么？"),
    ),
    "就医信号": Wording(
        answer="{name}的就医信号有{items}，出现时要立即就医。",
        formal=("{name}的就医信号有哪些？", "{name}出现哪些情况要立即就医？"),
        colloquial=("{name}啥时候得赶紧去医院？",),
        patient=("我有{name}，什么情况要马上看医生？",),
        doctor=("应提醒{name}患者警惕哪些信号？",),
        kept=("{name}到什么地步不能再拖？", "{name}有哪些危险的苗头？"),
    ),
}

DRUG = {
    DEFINITION: Wording(
        answer="{name}是{items}。",
        formal=("什么是{name}？", "请解释一下{name}。"),
        colloquial=("{name}是个啥药？",),
        patient=("医生给我开了{name}，这是什么药？",),
        doctor=("怎样向患者介绍{name}？",),
        kept=("请用一句话说明{name}。", "{name}到底是一种什么药？"),
    ),
    "类别": Wording(
        answer="{name}的药物类别是{items}。",
        formal=("{name}的药物类别是什么？", "{name}属于哪类药物？"),
        colloquial=("{name}算哪一类药？",),
        patient=("我用的{name}是哪类药？",),
        doctor=("按药理分类，{name}归入哪类？",),
        kept=("{name}归在什么药里？", "从分类上看，{name}是什么药？"),
    ),
    "适应症": Wording(
        answer="{name}的适应症有{items}。",
        formal=("{name}的适应症有哪些？", "{name}适用于哪些情况？"),
        colloquial=("{name}是治啥的？",),
        patient=("医生让我用{name}，是治什么的？",),
        doctor=("哪些患者适合使用{name}？",),
        kept=("{name}主要管什么病？", "什么情况下会用到{name}？"),
    ),
    "用法要点": Wording(
        answer="{name}的用法要点是{items}。",
        formal=("{name}的用法要点有哪些？", "如何正确使用{name}？"),
        colloquial=("{name}咋用？",),
        patient=("我第一次用{name}，怎么用才对？",),
        doctor=("交代{name}的用法时要说什么？",),
        kept=("{name}怎么个用法？", "使用{name}的方法上要记住什么？"),
    ),
    "禁忌": Wording(
        answer="{name}的禁忌有{items}。",
        formal=("{name}的禁忌有哪些？", "哪些人禁用{name}？"),
        colloquial=("啥人不能用{name}？",),
        patient=("我能不能用{name}，有什么禁忌？",),
        doctor=("开{name}前要排除哪些禁忌？",),
        kept=("什么情况下不能碰{name}？", "{name}对谁不合适？"),
    ),
    "不良反应": Wording(
        answer="{name}的不良反应有{items}。",
        formal=("{name}的不良反应有哪些？", "{name}可引起哪些不良反应？"),
        colloquial=("{name}有啥副作用？",),
        patient=("我在用{name}，会有哪些副作用？",),
        doctor=("用{name}要观察哪些不良反应？",),
        kept=("{name}用了身体会有什么反应？", "{name}伤不伤身，有什么副作用？"),
    ),
    "相互作用": Wording(
        answer="{name}的相互作用要点是{items}。",
        formal=("{name}有哪些药物相互作用？", "{name}与其他药合用要注意什么？"),
        colloquial=("{name}跟啥犯冲？",),
        patient=("我在吃别的药，能同时用{name}吗？",),
        doctor=("合用{name}时应留意哪些影响？",),
        kept=("{name}不宜和什么一起用？", "{name}与什么同用会有问题？"),
    ),
    "注意事项": Wording(
        answer="{name}的注意事项有{items}。",
        formal=("{name}的注意事项有哪些？", "使用{name}时应注意什么？"),
        colloquial=("用{name}要留神啥？",),
        patient=("我要开始用{name}，要注意什么？",),
        doctor=("怎样叮嘱使用{name}的患者？",),
        kept=("{name}使用期间有哪些提醒？", "用{name}的日子里要当心什么？"),
    ),
}

SYMPTOM = {
    DEFINITION: Wording(
        answer="{name}是指{items}。",
        formal=("什么是{name}？", "{name}指的是什么？"),
        colloquial=("{name}说的是啥情况？",),
        patient=("病历上写我有{name}，这是什么意思？",),
        doctor=("怎样向患者解释{name}？",),
        kept=("请用一句话说明{name}。", "{name}到底是怎样一种表现？"),
    ),
    "常见原因": Wording(
        answer="{name}的常见原因有{items}。",
        formal=("{name}的常见原因有哪些？", "哪些情况会引起{name}？"),
        colloquial=("为啥会{name}？",),
        patient=("我这几天{name}，可能是什么原因？",),
        doctor=("遇到{name}应考虑哪些原因？",),
        kept=("{name}多半是怎么造成的？", "总是{name}，会是什么引起的？"),
    ),
    "科室": Wording(
        answer="{name}的就诊科室是{items}。",
        formal=("{name}应到哪个科室就诊？", "出现{name}应挂什么科？"),
        colloquial=("{name}挂啥号？",),
        patient=("我有{name}，该去看哪个科？",),
        doctor=("{name}患者应分诊到哪个科室？",),
        kept=("看{name}要找什么科的医生？", "因为{name}去医院，挂哪个号合适？"),
        joint="或",
    ),
    "护理要点": Wording(
        answer="{name}的护理要点是{items}。",
        formal=("{name}的护理要点有哪些？", "出现{name}时应如何护理？"),
        colloquial=("{name}在家咋照顾？",),
        patient=("我有{name}，自己能做些什么？",),
        doctor=("怎样指导{name}患者护理？",),
        kept=("{name}的时候怎样照料？", "家人{name}，日常怎么照看？"),
    ),
    "就医信号": Wording(
        answer="{name}的就医信号有{items}，出现时要立即就医。",
        formal=("{name}的就医信号有哪些？", "{name}出现哪些情况要立即就医？"),
        colloquial=("{name}啥时候得赶紧去医院？",),
        patient=("我有{name}，什么情况要马上看医生？",),
        doctor=("应提醒{name}患者警惕哪些信号？",),
        kept=("{name}到什么地步不能再拖？", "{name}有哪些危险的苗头？"),
    ),
}

EXAMINATION = {
    DEFINITION: Wording(
        answer="{name}是{items}。",
        formal=("什么是{name}？", "{name}是一项什么检查？"),
        colloquial=("{name}查的是个啥？",),
        patient=("医生让我做{name}，这是什么？",),
        doctor=("怎样向患者说明{name}？",),
        kept=("请用一句话介绍{name}。", "{name}具体是怎样的检查？"),
    ),
    "用途": Wording(
        answer="{name}的用途是{items}。",
        formal=("{name}的用途有哪些？", "为什么要做{name}？"),
        colloquial=("做{name}能看出啥？",),
        patient=("我要做{name}，能查出什么？",),
        doctor=("{name}可用来了解哪些问题？",),
        kept=("{name}有什么用处？", "靠{name}可以弄清什么？"),
    ),
    "注意事项": Wording(
        answer="{name}的注意事项有{items}。",
        formal=("{name}的注意事项有哪些？", "做{name}前后要注意什么？"),
        colloquial=("做{name}有啥讲究？",),
        patient=("我明天做{name}，要准备什么？",),
        doctor=("怎样叮嘱做{name}的患者？",),
        kept=("{name}之前有哪些提醒？", "去做{name}时要当心什么？"),
    ),
}

DEPARTMENT = {
    DEFINITION: Wording(
        answer="{name}是{items}。",
        formal=("什么是{name}？", "{name}是什么样的科室？"),
        colloquial=("{name}是个啥科？",),
        patient=("医生让我去{name}，那是什么科？",),
        doctor=("怎样向患者介绍{name}？",),
        kept=("请用一句话介绍{name}。", "{name}到底是怎样的科室？"),
    ),
    "诊疗范围": Wording(
        answer="{name}的诊疗范围包括{items}。",
        formal=("{name}的诊疗范围有哪些？", "{name}主要诊治哪些疾病？"),
        colloquial=("{name}都看啥病？",),
        patient=("我想挂{name}，那里看什么病？",),
        doctor=("哪些患者应转到{name}？",),
        kept=("什么病要去{name}？", "{name}能看哪些问题？"),
    ),
}

WORDINGS: dict[EntryType, dict[str, Wording]] = {
    "disease": DISEASE,
    "drug": DRUG,
    "symptom": SYMPTOM,
    "examination": EXAMINATION,
    "department": DEPARTMENT,
}

# {symptoms} are turned round in the questions kept for testing, or they would share their longest run with training
REVERSE = Wording(
    answer="{items}可能是{diseases}，建议尽早到{departments}就诊确认。",
    formal=("出现{symptoms}，可能是什么疾病？", "{symptoms}提示可能患有哪种病？"),
    colloquial=("又是{symptoms}，可能得了啥病？",),
    patient=("我这几天{symptoms}，可能是什么病？",),
    doctor=("患者有{symptoms}，应考虑什么病？",),
    kept=("{turned}一起出现，会是哪种病？", "家人{turned}，需要考虑哪些病？"),
)

COMPARISON = Wording(
    answer="{name}和{other}都可有{shared}；{name}还常见{own}，{other}还常见{others}。",
    formal=("{name}和{other}有什么区别？", "{name}与{other}的症状有何异同？"),
    colloquial=("{name}跟{other}咋分？",),
    patient=("我分不清{name}和{other}，怎么区别？",),
    doctor=("如何鉴别{name}和{other}？",),
    kept=("{other}同{name}像在哪、不同在哪？", "怎样把{other}与{name}区分开？"),
)

# what the knowledge base does not hold, and what people ask all the same
UNKNOWN: dict[EntryType, dict[str, Wording]] = {
    "disease": {
        attribute: Wording(
            answer="知识库中没有{name}" + attribute + "的记载，建议咨询医生或药师。",
            formal=("{name}的" + attribute + "是多少？", "请告知{name}的" + attribute + "。"),
            colloquial=("{name}" + attribute + "大概多少啊？",),
            patient=("我得了{name}，" + attribute + "有多少？",),
            doctor=("患者问{name}的" + attribute + "，怎么答？",),
            kept=("{name}的" + attribute + "有确切数字吗？", "能查到{name}的" + attribute + "吗？"),
        )
        for attribute in ("治愈率", "发病率", "治疗费用", "住院天数", "复发率")
    },
    "drug": {
        attribute: Wording(
            answer="知识库中没有{name}" + attribute + "的记载，建议咨询医生或药师。",
            formal=("{name}的" + attribute + "是多少？", "请告知{name}的" + attribute + "。"),
            colloquial=("{name}" + attribute + "大概多少啊？",),
            patient=("我在用{name}，" + attribute + "该是多少？",),
            doctor=("患者问{name}的" + attribute + "，怎么答？",),
            kept=("{name}的" + attribute + "有确切数字吗？", "能查到{name}的" + attribute + "吗？"),
        )
        for attribute in ("价格", "每次剂量", "每日剂量", "报销比例", "有效期")
    },
}
INVENTED_ANSWER = "知识库中没有{name}的记载，建议咨询医生或药师。"

EMERGENCY = Wording(
    answer="请立即拨打120或前往急诊。这{cause}，不要拖延观察，也不要独自驾车就医。",
    formal=("{sign}，应如何处理？", "突然{sign}，该怎么办？"),
    colloquial=("家里人{sign}，咋办啊？",),
    patient=("我现在{sign}，能先睡一觉再说吗？",),
    doctor=("有人{sign}，要不要叫救护车？",),
    kept=("刚刚{sign}，在家观察行吗？", "身边的人{sign}，等明天再看可以吗？"),
)

# in the second and third turn of a conversation the entity is only pointed at
POINTERS: dict[EntryType, tuple[str, ...]] = {"disease": ("它", "这个病"), "drug": ("它", "这种药")}

# names that no textbook knows: a refusal must not depend on having seen the name
INVENTED: dict[EntryType, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "disease": (
        ("洛川", "白屿", "恩托", "卡雷", "米索", "泽林", "乌兰特", "海音", "索维", "格林塔", "青岚", "维朗"),
        ("氏综合征", "氏热", "型皮病", "氏关节症", "性晕病"),
    ),
    "drug": (
        ("替瑞", "奥兰", "贝佐", "洛芙", "凯迪", "诺维", "希朗", "安珂", "美路", "德萨", "伊芙", "柯林"),
        ("多宁", "司韦", "那啶", "米特林", "替康酮"),
    ),
}
