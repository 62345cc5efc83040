"""Image prompts: whether an answer keeps the format, and whether it has the requested parameters.

The format (``domains/image_prompts/format.py``): an English description, then parameters in order, each once,
with valid values. The parameters' score is the share of those of answer or reference that both have with the same
value; an answer that breaks the format has none.
"""

from data_recipes.schema.example import Example
from domains.image_prompts.format import is_image_prompt, problems, same_parameters
from eval.bilingual import Text
from eval.judges.judge import Judge, each

SIGNATURE = "image_prompt_format|description,parameters|jaccard|v1"


def in_format(answer: str) -> bool:
    """Whether an answer is a prompt in the right format."""
    return not problems(answer)


def right_parameters(answer: str, reference: str) -> float:
    """Share of the parameters of answer or reference that both have, 0 to 1."""
    return same_parameters(answer, reference) if in_format(answer) else 0.0


def _applies(example: Example) -> bool:
    return is_image_prompt(example.answer)


JUDGES = (
    Judge(
        name="image_prompt_parameters",
        title=Text("绘图参数相符率", "Correct image parameters"),
        meaning=Text("与参考答案相同的绘图参数所占比例", "share of the parameters that equal those of the reference"),
        signature=SIGNATURE,
        applies=_applies,
        judge=each(lambda example, answer: right_parameters(answer, example.answer)),
        prominence="headline",
    ),
    Judge(
        name="image_prompt_format",
        title=Text("绘图提示词格式正确率", "Image prompts in the right format"),
        meaning=Text("格式无误的绘图提示词所占比例", "answers that are prompts in the right format"),
        signature=SIGNATURE,
        applies=_applies,
        judge=each(lambda example, answer: float(in_format(answer))),
    ),
)
