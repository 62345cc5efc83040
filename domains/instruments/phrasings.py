"""How facts about instruments and their faults are asked about and answered."""

from domains.wording import DEFINITION, Phrasebook, Wording


def asked(
    answer: str,
    *,
    formal: tuple[str, ...],
    colloquial: tuple[str, ...],
    operator: tuple[str, ...],
    kept: tuple[str, ...],
) -> Wording:
    """A wording in three voices: written, spoken, of a user at the instrument."""
    return Wording(answer, {"formal": formal, "colloquial": colloquial, "operator": operator}, kept)


INSTRUMENT = {
    DEFINITION: asked(
        answer="{name}是{items}。",
        formal=("什么是{name}？", "请解释一下{name}。", "{name}是一种怎样的仪器？"),
        colloquial=("{name}是个啥？", "给我讲讲{name}是啥。"),
        operator=("我没用过{name}，那是什么？", "清单上写着{name}，这是什么？"),
        kept=("请用一句话介绍{name}。", "{name}到底是怎样的仪器？"),
    ),
    "用途": asked(
        answer="{name}的用途有{items}。",
        formal=("{name}的用途有哪些？", "{name}可以用来做什么？", "请说明{name}的用途。"),
        colloquial=("{name}是干啥用的？", "啥时候用得上{name}？"),
        operator=("我能用{name}做哪些事？", "我想知道{name}用在哪里。"),
        kept=("{name}有什么用处？", "哪些工作要用到{name}？"),
    ),
    "使用要点": asked(
        answer="{name}的使用要点有{items}。",
        formal=("{name}的使用要点有哪些？", "如何正确使用{name}？", "操作{name}有哪些要求？"),
        colloquial=("{name}咋用才对？", "用{name}有啥讲究？"),
        operator=("我第一次用{name}，要注意什么？", "我要操作{name}，怎么做才规范？"),
        kept=("{name}该怎样操作？", "请提醒我{name}的操作要领。"),
    ),
    "日常维护": asked(
        answer="{name}的日常维护有{items}。",
        formal=("{name}的日常维护有哪些？", "如何保养{name}？", "{name}平时要做哪些维护？"),
        colloquial=("{name}平常咋保养？", "{name}用完要收拾些啥？"),
        operator=("我负责管{name}，平时要做什么？", "我该怎样保养{name}？"),
        kept=("怎样让{name}保持良好状态？", "{name}的养护要做哪些事？"),
    ),
    "校准": asked(
        answer="{name}的校准要求有{items}。",
        formal=("{name}的校准要求有哪些？", "{name}如何校准？", "{name}需要做哪些核查？"),
        colloquial=("{name}咋校准？", "{name}准不准该咋查？"),
        operator=("我要校准{name}，该做什么？", "我怎么知道{name}准不准？"),
        kept=("怎样确认{name}是准的？", "{name}多用一阵后要核对什么？"),
    ),
    "安全注意": asked(
        answer="{name}的安全注意事项有{items}。",
        formal=("{name}的安全注意事项有哪些？", "使用{name}有哪些危险要防？", "请说明{name}的安全要求。"),
        colloquial=("用{name}要当心啥？", "{name}有啥危险？"),
        operator=("我用{name}时怎样保护自己？", "我带新人用{name}，安全上讲什么？"),
        kept=("怎样安全地使用{name}？", "在{name}旁边工作要防什么？"),
    ),
    "常见故障": asked(
        answer="{name}的常见故障有{items}。",
        formal=("{name}的常见故障有哪些？", "{name}容易出什么故障？", "请列出{name}的常见故障。"),
        colloquial=("{name}爱出啥毛病？", "{name}一般坏在哪儿？"),
        operator=("我管的{name}会出哪些故障？", "我想了解{name}常出的问题。"),
        kept=("{name}多半会出哪些问题？", "用久了{name}会有什么毛病？"),
    ),
}

FAULT = {
    DEFINITION: asked(
        answer="{name}是{items}。",
        formal=("什么是{name}？", "请解释一下{name}。", "{name}指的是怎样的故障？"),
        colloquial=("{name}是啥毛病？", "{name}说的是啥情况？"),
        operator=("记录上写着{name}，是什么意思？", "同事说是{name}，那是什么？"),
        kept=("请用一句话说明{name}。", "{name}到底指什么？"),
    ),
    "涉及仪器": asked(
        answer="{name}涉及的仪器有{items}。",
        formal=("{name}涉及哪些仪器？", "哪些仪器会出现{name}？", "{name}多见于什么仪器？"),
        colloquial=("啥仪器会{name}？", "{name}说的是哪台机器？"),
        operator=("我登记{name}，该写哪种仪器？", "我想查{name}属于什么仪器。"),
        kept=("{name}发生在什么仪器上？", "提到{name}，指的是哪些仪器？"),
    ),
    "现象": asked(
        answer="{name}的现象有{items}。",
        formal=("{name}的现象有哪些？", "{name}会有什么表现？", "如何判断是{name}？"),
        colloquial=("{name}是啥样子？", "咋看出是{name}？"),
        operator=("我怎么知道是不是{name}？", "我遇到{name}会看到什么？"),
        kept=("出现{name}时能看到什么？", "凭什么认定是{name}？"),
    ),
    "可能原因": asked(
        answer="{name}的可能原因有{items}。",
        formal=("{name}的可能原因有哪些？", "{name}是什么引起的？", "为什么会{name}？"),
        colloquial=("{name}是咋回事？", "咋就{name}了呢？"),
        operator=("我碰上{name}，会是什么原因？", "我想查清{name}的原因。"),
        kept=("{name}多半是怎么来的？", "哪些情况会导致{name}？"),
    ),
    "处理步骤": asked(
        answer="{name}的处理步骤是{items}。",
        formal=("{name}的处理步骤有哪些？", "{name}应如何处理？", "出现{name}后怎样排查？"),
        colloquial=("{name}咋办？", "{name}了先弄啥？"),
        operator=("我遇到{name}，该怎么处理？", "我这里{name}，先做什么？"),
        kept=("对付{name}有什么办法？", "碰到{name}，头几步做什么？"),
    ),
    "何时报修": asked(
        answer="{name}需要报修的情形有{items}。",
        formal=("{name}什么时候需要报修？", "{name}在哪些情形下要报修？", "{name}何时应联系维修？"),
        colloquial=("{name}到啥程度得报修？", "{name}啥时候找人修？"),
        operator=("我处理不了{name}，何时报修？", "我这里{name}，要不要报修？"),
        kept=("{name}到什么地步要请人修？", "遇上{name}，怎样才算该报修？"),
    ),
}

# {signs} are reversed in the questions kept for testing, or they would share their longest run with training
REVERSE = asked(
    answer="{items}可能是{faults}，可以先{first}。",
    formal=("出现{signs}，可能是什么故障？", "{signs}说明什么故障？", "{signs}一起出现，是什么问题？"),
    colloquial=("又是{signs}，啥毛病呀？", "老是{signs}，咋回事？"),
    operator=("我这台{signs}，是哪里坏了？", "我发现{signs}，可能是什么故障？"),
    kept=("仪器{turned}，会是哪种故障？", "既{turned}，该往哪方面查？"),
)


def _not_recorded(attribute: str) -> Wording:
    return asked(
        answer="知识库中没有{name}" + attribute + "的记载，请查阅说明书或联系设备管理员。",
        formal=("{name}的" + attribute + "是多少？", "请告知{name}的" + attribute + "。"),
        colloquial=("{name}" + attribute + "大概多少啊？",),
        operator=("我想问{name}的" + attribute + "。", "我登记{name}，" + attribute + "填多少？"),
        kept=("{name}的" + attribute + "有确切数字吗？", "能查到{name}的" + attribute + "吗？"),
    )


PHRASEBOOK = Phrasebook(
    wordings={"instrument": INSTRUMENT, "fault": FAULT},
    pointers={"instrument": ("它", "这台仪器"), "fault": ("它", "这种故障")},
    unknown={
        "instrument": {name: _not_recorded(name) for name in ("价格", "保修期", "额定功率", "使用年限")},
        "fault": {name: _not_recorded(name) for name in ("维修费用", "发生率", "维修时长")},
    },
    invented={
        "instrument": (("洛川", "白屿", "恩托", "卡雷", "泽林", "青岚"), ("谐振仪", "萃取槽", "凝光机", "匀相柜")),
        "fault": (("洛川", "白屿", "恩托", "卡雷", "泽林", "青岚"), ("偏相", "失谐", "回涌")),
    },
    invented_answer="知识库中没有{name}的记载，请查阅说明书或联系设备管理员。",
    not_given="所给资料没有提到{name}的{attribute}，请查阅说明书或联系设备管理员。",
    ask_back="没有找到相关资料：问题里没有说是哪种仪器或故障。请问您问的是哪一种？",
)
