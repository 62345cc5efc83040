"""Requests to prescribe, which only doctors may fulfil: recognised and declined without asking the model."""

import re

from domains.medical.messages import PRESCRIPTION, heard
from domains.safety_rules import normalised

DECLINED = (
    "抱歉，我不能开具处方或药方：处方必须由接诊医师本人开具，人工智能不得自动生成。"
    "请携带既往病历和正在使用的药物到医院就诊，由医师评估后开具；我可以继续解答疾病和药品的一般知识。"
)

_FOR_ME = "(给|帮|替|为)(我|俺|他|她|咱|孩子|宝宝|家人|我?[爸妈爷奶]{1,2}|患者|病人)[^，。？！,?!]{0,8}"
_WRITE = "(开|写|拟|出|配|生成|制定)(?![了过的])"
_PAPER = "(一|1)?[个张份副些点]?[^，。？！,?!]{0,10}(处方|药方|方子|药单)(?!药)"
_REQUEST = re.compile(
    f"{_FOR_ME}{_WRITE}({_PAPER}|[一几]?[些点个种盒片副]?[^，。？！,?!]{{0,6}}药)"
    f"|(请你?|麻烦你?|能不能|可以|可否|能否|你能|你来|需要你|想让你|帮忙|直接){_WRITE}{_PAPER}"
    f"|^{_WRITE}{_PAPER}"
)
SURELY = 2.0
"""Log-odds, relative to the threshold, above which the classifier alone is believed."""
_BY_DOCTOR = re.compile("(医生|大夫|医师|医院|主任)[^，。？！,?!]*")


def asks_for_prescription(question: str) -> bool:
    """Whether the service itself is asked to prescribe; what a doctor prescribed does not count."""
    by_others = _BY_DOCTOR.sub("", question)
    return _REQUEST.search(by_others) is not None or heard(normalised(by_others))[PRESCRIPTION] >= SURELY
