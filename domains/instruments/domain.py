"""Care and troubleshooting of laboratory instruments."""

import re
from pathlib import Path

from data_recipes.schema.manifest import Description
from domains.claims.language import ClaimLanguage
from domains.domain import Domain, ExampleQuestion, Notices
from domains.instruments.knowledge_base import KNOWLEDGE
from domains.safety_rules import rules_in

NOTICES = Notices(
    disclaimer="本内容仅供参考，不能代替仪器说明书和本单位操作规程。有异常请先停用、断电，并联系设备管理员；涉及生物危害请联系生物安全员。",
    no_source="知识库中没有找到与这个问题对应的条目，本回答没有可核对的来源，请以说明书为准，或联系设备管理员。",
    not_found="知识库中没有找到与这个问题对应的条目，无法回答。请换一种说法，写明仪器或故障的名称，或联系设备管理员。",
    small_talk={
        "greeting": "您好，请问想了解哪台仪器或哪种故障？",
        "thanks": "不客气。还有仪器的问题，可以随时问。",
        "goodbye": "再见。",
        "understood": "好的。还有仪器的问题，可以接着问。",
    },
    greeting=Description(
        zh="您好，哪台仪器需要帮助？",
        en="Which instrument can I help with?",
    ),
    intro=Description(
        zh="可以询问仪器的使用、维护、校准和安全，或说出故障现象。回答附有知识库出处，便于核对。",
        en="Ask in Chinese about the use, care, calibration and safety of an instrument, or describe a fault. "
        "Answers quote the knowledge base so that you can check them.",
    ),
    placeholder=Description(
        zh="请输入仪器问题",
        en="Ask about an instrument in Chinese",
    ),
    standing=Description(
        zh="仅供参考，以说明书和本单位规程为准。有异常先停用、断电，并联系设备管理员。",
        en="For reference only: the manual and your laboratory's rules come first. If anything is wrong, stop, switch "
        "off and call the equipment manager.",
    ),
    no_answer=Description(
        zh="如有危险（漏电、泄漏、明火、人员受伤），请立即停止操作并离开危险区域，联系实验室安全负责人。",
        en="In danger (electric shock, a spill, fire, an injury) stop, leave the area and call the safety officer.",
    ),
    examples=(
        ExampleQuestion(topic=Description(zh="维护", en="Care"), question="电子天平平时怎么保养？"),
        ExampleQuestion(topic=Description(zh="校准", en="Calibration"), question="pH计怎么校准？"),
        ExampleQuestion(topic=Description(zh="故障", en="Fault"), question="离心机振动过大怎么处理？"),
        ExampleQuestion(topic=Description(zh="危险", en="Danger"), question="摸水浴锅外壳手发麻，怎么办？"),
    ),
)

ASKED_FOR = {
    "instrument": {
        "用途": re.compile("用途|用来|用处|干啥|做什么用|有什么用"),
        "使用要点": re.compile("使用要点|怎么用|咋用|如何使用|正确使用|操作|讲究"),
        "日常维护": re.compile("维护|保养|养护|清洁|收拾"),
        "校准": re.compile("校准|校正|核查|准不准|核对"),
        "安全注意": re.compile("安全|危险|当心|防护|保护自己"),
        "常见故障": re.compile("故障|毛病|坏|出.{0,2}问题"),
    },
    "fault": {
        "涉及仪器": re.compile("哪些仪器|什么仪器|哪种仪器|哪台|啥仪器"),
        "现象": re.compile("现象|表现|判断|看出|看到|样子"),
        "可能原因": re.compile("原因|为什么|为啥|咋回事|怎么回事|引起|导致"),
        "处理步骤": re.compile("处理|怎么办|咋办|排查|步骤|办法|先做什么|解决"),
        "何时报修": re.compile("报修|维修|找人修|请人修"),
    },
}

CLAIMS = ClaimLanguage(
    attributes={
        "使用要点": ("使用方法", "用法"),
        "日常维护": ("维护", "保养"),
        "校准": ("校准要求",),
        "安全注意": ("安全注意事项",),
        "常见故障": ("故障",),
        "涉及仪器": ("涉及的仪器",),
        "可能原因": ("原因",),
        "处理步骤": ("处理方法", "可以先"),
        "何时报修": ("需要报修的情形",),
    },
    advice=("请", "建议", "查阅", "说明书", "或", "联系", "设备管理员", "先", "停用", "断电", "并", "您好", "谢谢"),
)

IN_ENGLISH = {
    "用途": "use", "使用要点": "how to use it", "日常维护": "care", "校准": "calibration", "安全注意": "safety",
    "常见故障": "common faults", "涉及仪器": "instruments concerned", "现象": "signs", "可能原因": "possible causes",
    "处理步骤": "what to do", "何时报修": "when to call for repair",
}  # fmt: skip

DOMAIN = Domain(
    name="instruments",
    title=Description(zh="实验室仪器问答", en="questions about laboratory instruments"),
    notices=NOTICES,
    triager=rules_in(Path(__file__).parent / "safety_rules.yaml"),
    knowledge=KNOWLEDGE,
    asked_for=ASKED_FOR,
    claims=CLAIMS,
    verify="strict",
    in_english=IN_ENGLISH,
)
