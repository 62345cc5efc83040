"""Requests to prescribe, which only doctors may fulfil: recognised and declined without asking the model."""

import re

from domains.medical.messages import PRESCRIPTION, heard
from domains.safety_rules import normalised

DECLINED = (
    "抱歉，我不能开具处方或药方：处方必须由接诊医师本人开具，人工智能不得自动生成。"
    "请携带既往病历和正在使用的药物到医院就诊，由医师评估后开具；我可以继续解答疾病和药品的一般知识。"
)

_PRESCRIBED = re.compile("(医生|大夫|医师|医院|主任|专家|门诊)[^，。？！,?!]*[开配拿][了过的给][^，。？！,?!]*")


def asks_for_prescription(question: str) -> bool:
    """Whether the service itself is asked to prescribe; what a doctor prescribed does not count."""
    return heard(normalised(_PRESCRIBED.sub("", question)))[PRESCRIPTION] >= 0
