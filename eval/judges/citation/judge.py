"""Citation accuracy: whether an answer cites exactly the entries that the reference answer cites, e.g. ``【D001】``.

The order and the place of the citations do not matter; what the answer says is not judged.
"""

from domains.citations import cited
from eval.bilingual import Text
from eval.judges.judge import Judge, each

SIGNATURE = "citation|ids:exact-set|v1"


def cites_the_same(answer: str, reference: str) -> bool:
    """Whether an answer cites exactly what the reference answer cites."""
    return cited(answer) == cited(reference)


JUDGES = (
    Judge(
        name="citation",
        title=Text("引用正确率", "Correct citations"),
        meaning=Text("引用的条目与参考答案完全相同", "cites exactly the entries of the reference"),
        signature=SIGNATURE,
        applies=lambda example: bool(cited(example.answer)),
        judge=each(lambda example, answer: float(cites_the_same(answer, example.answer))),
        prominence="headline",
    ),
)
