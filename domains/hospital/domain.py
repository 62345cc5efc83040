"""A hospital's own documents, under the rules of medicine: emergencies first, no prescriptions.

What answers quote is the folder alone; the medical knowledge base only serves the safety rules.
"""

import re
from dataclasses import replace

from data_recipes.schema.manifest import Description
from domains.documents.domain import DOMAIN as DOCUMENTS
from domains.domain import ExampleQuestion
from domains.medical.domain import DOMAIN as MEDICAL
from domains.medical.knowledge_base import KNOWLEDGE
from domains.medical.prescriptions import ASKS_AN_ENTRY
from domains.medical.triager import MedicalTriager
from domains.safety_rules import NAME

NOTICES = DOCUMENTS.notices.model_copy(
    update={
        "disclaimer": "回答由模型根据医院资料生成，请以引用的原文为准；不能代替医生的诊断和治疗，紧急情况请拨打120。",
        "no_source": "医院资料中没有找到与这个问题对应的段落，本回答没有可核对的来源，请咨询导诊台或医生。",
        "not_found": "医院资料中没有找到与这个问题对应的段落，无法回答。请换一种说法，或咨询导诊台、医生。",
        "standing": Description(
            zh="请以引用的原文为准；不能代替医生。紧急情况请拨打120。",
            en="The quoted text comes first. It does not replace a doctor. In an emergency call 120.",
        ),
        "no_answer": MEDICAL.notices.no_answer,
        "examples": (
            ExampleQuestion(topic=Description(zh="就诊", en="Visits"), question="门诊时间是几点到几点？"),
            ExampleQuestion(topic=Description(zh="住院", en="Wards"), question="探视时间是几点？"),
            ExampleQuestion(
                topic=Description(zh="急症", en="Emergency"), question="我爸突然胸痛，出了一身冷汗，怎么办？"
            ),
        ),
    }
)

ASKS_A_PASSAGE = re.compile(
    f"(?:请问|您好|你好|[我想问一下,。 ])*{NAME}+(?:是(?:什么|啥|怎样的?)|有哪些|吗|呢|啊|呀|[?？。!])*"
    f"|{ASKS_AN_ENTRY.pattern}"
)
"""What is no request to prescribe, where the folder has the leaflet: 缬沙坦胶囊怎么吃 names a passage of it."""

DOMAIN = replace(
    DOCUMENTS,
    name="hospital",
    title=Description(zh="医院资料问答", en="questions about a hospital's documents"),
    notices=NOTICES,
    triager=lambda _: MedicalTriager(KNOWLEDGE.load()),
    first_aid=MEDICAL.first_aid,
    declines=tuple(decline._replace(spares=ASKS_A_PASSAGE) for decline in MEDICAL.declines),
    ask_back=MEDICAL.ask_back,
    crisis=MEDICAL.crisis,
    verify="strict",
)
