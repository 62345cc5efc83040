"""From a solved problem to an instruction: with or without the steps, the final answer always in one form."""

from typing import Literal, NamedTuple

from data_recipes.schema.example import Example, Message

Steps = Literal["none", "asked", "unasked"]
"""``none``: only the final answer. ``asked``: the prompt asks for the steps and the answer has them. ``unasked``: the
answer has them without being asked."""

ASKING = {
    "zh": "请一步一步思考，最后一行写“答：”和结果。",
    "en": 'Think step by step. The last line is "Answer: " and the result.',
}
"""Goes into the system turn: in the question it would be a run of characters that all questions share."""

FINAL = {"zh": "答：", "en": "Answer: "}


class Solved(NamedTuple):
    """A problem with its solution.

    Attributes:
        id: Of the example.
        question: The problem.
        solution: The steps; empty where there are none.
        result: The final answer that a checker compares.
        answer: The final answer as worded, with its unit.
        kind: Question type for the report.
        source: Name of the source.
        group: What must not straddle a split.
        split: The prescribed split; empty where it is drawn.
        choices: The options of a multiple-choice question.
        language: Of the problem.
    """

    id: str
    question: str
    solution: str
    result: str
    answer: str
    kind: str
    source: str
    group: str
    split: str = ""
    choices: tuple[str, ...] = ()
    language: Literal["zh", "en"] = "zh"


def instruction(solved: Solved, steps: Steps) -> Example:
    """The problem as an example.

    Args:
        solved: The problem.
        steps: Whether the prompt asks for the steps, and whether the answer has them.
    """
    asking = [Message(role="system", content=ASKING[solved.language])] if steps == "asked" else []
    last = f"{FINAL[solved.language]}{solved.answer}"
    answer = f"{solved.solution}\n{last}" if solved.solution and steps != "none" else last
    return Example(
        id=solved.id,
        messages=(
            *asking,
            Message(role="user", content=solved.question),
            Message(role="assistant", content=answer),
        ),
        source=solved.source,
        group=solved.group,
        kind=solved.kind,
        split=solved.split,
        result=solved.result,
        choices=solved.choices,
    )
