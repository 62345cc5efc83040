"""Refusal: whether a model says that the knowledge base does not say, where that is the right answer, and only there.

On a ``refuse`` item a refusal is right; on an ``answer`` item it is an over-refusal, and lower is better.
"""

import re

from eval.bilingual import Text
from eval.judges.judge import Judge, each

SIGNATURE = "refusal|match:zh-patterns|v1"
REFUSAL = re.compile(
    r"(知识库|资料库|资料)[^。！？!?\n]{0,20}?(没有|未|无|不含|查不到|找不到)"
    r"|(没有|未能?|无|查不到|找不到)[^。！？!?\n]{0,20}(记载|收录|相关资料|相关信息)"
)


def refuses(answer: str) -> bool:
    """Whether an answer says that the knowledge base has nothing about the question."""
    return REFUSAL.search(answer) is not None


_judge = each(lambda example, answer: float(refuses(answer)))

JUDGES = (
    Judge(
        name="refusal",
        title=Text("正确拒答率", "Correct abstentions"),
        meaning=Text("知识库没有记载时如实说明", "says so where the knowledge base does not say"),
        signature=SIGNATURE,
        applies=lambda example: example.passage is None and example.behaviour == "refuse",
        judge=_judge,
        prominence="headline",
        failure=Text("在知识库没有记载时没有如实说明", "did not say that the knowledge base does not say"),
    ),
    Judge(
        name="over_refusal",
        title=Text("过度拒答率", "Over-refusal"),
        meaning=Text("知识库有记载却拒答，越低越好", "refuses although the answer is known; lower is better"),
        signature=SIGNATURE,
        applies=lambda example: example.passage is None and example.behaviour == "answer",
        judge=_judge,
        higher_is_better=False,
        failure=Text("知识库有记载却拒答", "refused although the knowledge base has the answer"),
    ),
)
