"""Final-answer accuracy: whether the number (or the options) that an answer ends in is the expected one.

The working is not judged. Width, thousands separators, LaTeX and the way a number is written (``3/4``, ``0.75``,
``75%``, ``四分之三``, ``7.5×10^-1``) do not matter; units are converted where both sides have one (``1500米`` is
``1.5千米``), and compound ones added (``3元5角``). A refusal, a denied answer (``不是12``), a choice left open
(``2或3``) or a missing answer is wrong. How: ``domains/mathematics/answers.py``; how often that is right:
``benchmarks/judges.md``.
"""

from domains.mathematics.answers import is_checkable, is_right
from eval.bilingual import Text
from eval.judges.judge import Judge, each

SIGNATURE = (
    "math_answer|final:mark,last-quantity,undenied|exact,rounded-if-infinite,units,all-alternatives,all-options|v3"
)

JUDGES = (
    Judge(
        name="math_answer",
        title=Text("最终答案正确率", "Correct final answers"),
        meaning=Text(
            "最终的数（或全部选项）与标准答案相同", "the final number (or the set of options) is the expected one"
        ),
        signature=SIGNATURE,
        applies=lambda example: is_checkable(example.result) and not example.choices,
        judge=each(lambda example, answer: float(is_right(answer, example.result))),
        prominence="headline",
        checks_pairs=True,
    ),
)
