"""Refusal: whether a model says that it does not know, where that is the right answer, and only there.

On a ``refuse`` item a refusal is right if it is about what was asked (not about another name that sounds like it) and
nothing is stated after it; on an ``answer`` item a refusal is an over-refusal, and lower is better. What does not exist
and what an entry does not say are harder and easier to refuse, so each has a score of its own. How an answer is read:
``eval/judges/refusal/abstaining.py``; how often that is right: ``benchmarks/judges.md``.
"""

from data_recipes.schema.example import Example
from eval.bilingual import Text
from eval.judges.judge import Judge, each
from eval.judges.refusal.abstaining import abstains, abstains_from

SIGNATURE = "refusal|abstains,states-nothing,names-what-is-asked|zh,en|v3"
OVER_REFUSAL = "over_refusal|abstains,states-nothing|zh,en|v3"


def asked(example: Example) -> str:
    """What names what an item is about: its conversation and its reference answer."""
    return "\n".join(message.content for message in example.messages if message.role != "system")


def _should_refuse(example: Example) -> bool:
    return example.passage is None and example.behaviour == "refuse"


_refused = each(lambda example, answer: float(abstains_from(answer, asked(example))))

JUDGES = (
    Judge(
        name="refusal",
        title=Text("正确拒答率", "Correct abstentions"),
        meaning=Text(
            "没有依据时如实说明不知道，且说的是所问的事",
            "says that it does not know what is asked, and states nothing else",
        ),
        signature=SIGNATURE,
        applies=_should_refuse,
        judge=_refused,
        prominence="headline",
        failure=Text("在没有依据时没有如实说明", "did not say that it is not known"),
    ),
    Judge(
        name="refusal_unknown_name",
        title=Text("正确拒答率（没有这个条目）", "Correct abstentions, no such entry"),
        meaning=Text("同上，所问的名称不存在", "the same, where nothing of that name exists"),
        signature=SIGNATURE,
        applies=lambda example: _should_refuse(example) and not example.grounding,
        judge=_refused,
    ),
    Judge(
        name="refusal_unrecorded",
        title=Text("正确拒答率（条目没有记载）", "Correct abstentions, entry without it"),
        meaning=Text("同上，有这个条目但没有所问的内容", "the same, where the entry does not say what is asked"),
        signature=SIGNATURE,
        applies=lambda example: _should_refuse(example) and bool(example.grounding),
        judge=_refused,
    ),
    Judge(
        name="over_refusal",
        title=Text("过度拒答率", "Over-refusal"),
        meaning=Text("有答案却拒答，越低越好", "refuses although the answer is known; lower is better"),
        signature=OVER_REFUSAL,
        applies=lambda example: example.passage is None and example.behaviour == "answer",
        judge=each(lambda example, answer: float(abstains(answer))),
        higher_is_better=False,
        failure=Text("有答案却拒答", "refused although there is an answer"),
    ),
)
