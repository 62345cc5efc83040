"""Chinese medicine and health."""

import re

from data_recipes.schema.manifest import Description
from domains.domain import Domain, ExampleQuestion, Notices
from domains.medical.ask_back import ask_back
from domains.medical.citations import ASKED
from domains.medical.claims import LANGUAGE
from domains.medical.conditions import TAKING
from domains.medical.doses import amount, extra_dose, missed_dose
from domains.medical.first_aid import first_aid
from domains.medical.knowledge_base import KNOWLEDGE
from domains.medical.prescriptions import (
    ASKS_AN_ENTRY,
    DECLINED,
    DOSE_NOT_GIVEN,
    asks_for_dose,
    asks_for_prescription,
)
from domains.medical.readings import reading
from domains.medical.triager import MedicalTriager
from domains.safety_rules import Decline, Triage

CRISIS_LINE = "12356"


def is_crisis(triage: Triage) -> bool:
    """Whether somebody may harm himself: whatever finds that names the crisis line."""
    return CRISIS_LINE in triage.advice


NOTICES = Notices(
    disclaimer="本内容仅供健康知识参考，不能代替医生的诊断和治疗，也不构成处方。如有不适请及时就医，紧急情况请拨打120。",
    no_source="知识库中没有找到与这个问题对应的条目，本回答没有可核对的来源，请谨慎参考并咨询医生。",
    not_found="知识库中没有找到与这个问题对应的条目，无法回答。请换一种说法，写明疾病、症状、药物或检查的名称，或咨询医生、药师。",
    not_mentioned="知识库没有专门提到您问的具体情况，请咨询医生或药师。",
    untold="{name}的条目没有专门提到您说的“{told}”：这不等于可以用，请先咨询医生或药师。",
    no_entry="知识库中没有“{name}”的条目，名称相近的条目说的不是它，无法据此回答。请看说明书，或咨询医生、药师。",
    ask_first="能不能用要看您的具体情况，请先咨询医生或药师。",
    small_talk={
        "greeting": "您好，请问想了解哪种疾病、症状、药物或检查？",
        "thanks": "不客气。还有想了解的健康问题，可以随时问。",
        "goodbye": "再见，祝您健康。如果不适加重，请及时就医。",
        "understood": "好的。还有想了解的健康问题，可以接着问。",
    },
    greeting=Description(
        zh="您好，想了解什么健康问题？",
        en="What would you like to know?",
    ),
    intro=Description(
        zh="可以询问疾病的症状、检查和预防，药品的用法与禁忌，或该看哪个科室。回答附有知识库出处，便于核对。",
        en="Ask in Chinese about symptoms, tests and prevention, how to use a medicine, or which department to visit. "
        "Answers quote the knowledge base so that you can check them.",
    ),
    placeholder=Description(
        zh="请输入健康问题",
        en="Ask a health question in Chinese",
    ),
    standing=Description(
        zh="仅供健康知识参考，不能代替医生的诊断和治疗，也不构成处方。紧急情况请拨打120。",
        en="For reference only. It does not replace a doctor's diagnosis or treatment and is not a prescription. "
        "In an emergency call 120.",
    ),
    no_answer=Description(
        zh="情况紧急（如剧烈胸痛、呼吸困难、昏迷、大出血、中毒或有轻生念头），请立即拨打120或前往最近的急诊，不要等待本页面。",
        en="If it is an emergency (severe chest pain, trouble breathing, unconsciousness, heavy bleeding, poisoning, "
        "thoughts of suicide), call 120 or go to the nearest emergency department now. Do not wait for this page.",
    ),
    examples=(
        ExampleQuestion(topic=Description(zh="症状", en="Symptoms"), question="高血压有哪些症状？"),
        ExampleQuestion(topic=Description(zh="用药", en="Medicines"), question="布洛芬有什么禁忌？"),
        ExampleQuestion(topic=Description(zh="科室", en="Department"), question="头痛应该挂什么科？"),
        ExampleQuestion(topic=Description(zh="急症", en="Emergency"), question="我爸突然胸痛，出了一身冷汗，怎么办？"),
    ),
)

IN_ENGLISH = {
    "科室": "department", "就医信号": "when to seek care", "注意事项": "precautions", "治疗": "treatment",
    "病因": "causes", "检查": "examinations", "症状": "symptoms", "传染性": "contagion", "并发症": "complications",
    "饮食": "diet", "预防": "prevention", "护理要点": "care at home", "类别": "class", "用法要点": "how it is taken",
    "常见原因": "common causes", "禁忌": "contraindications", "相互作用": "interactions",
    "不良反应": "adverse reactions", "适应症": "indications", "用药": "medicines", "用途": "use", "诊疗范围": "scope",
}  # fmt: skip

DOMAIN = Domain(
    name="medical",
    title=Description(zh="医学知识问答", en="medical questions and answers"),
    notices=NOTICES,
    triager=MedicalTriager,
    first_aid=first_aid,
    advisers=(missed_dose, extra_dose, amount, reading),
    declines=(Decline(asks_for_dose, DOSE_NOT_GIVEN), Decline(asks_for_prescription, DECLINED, ASKS_AN_ENTRY)),
    ask_back=ask_back,
    alarm=re.compile("危及生命|拨打120|(?:前往|去)急诊|拖延观察|独自驾车"),
    crisis=is_crisis,
    knowledge=KNOWLEDGE,
    asked_for=ASKED,
    claims=LANGUAGE,
    verify="strict",
    taking=TAKING,
    in_english=IN_ENGLISH,
)
