"""Least to most, with a scripted calculator that manages one step at a time."""

import re
from collections.abc import Sequence

from data_recipes.schema.example import Example
from eval.answers import ModelAnswer
from eval.config import SuiteConfig
from eval.solving import solve_together
from eval.suites import solving
from strategies.strategy import ModelCall
from tests.eval.conftest import example

STEP = re.compile(r"(买来|用掉|送来)(\d+)")
CHANGES = (
    *("买来3", "用掉2", "送来6"),
    *("用掉4", "买来8"),
    *("送来5",),
    *("用掉1", "送来2", "买来7", "用掉3"),
)


def problem(number: int, changes: Sequence[str]) -> Example:
    total = 10 + sum(int(change[2:]) * (-1 if change[0] == "用" else 1) for change in changes)
    question = f"药房有10盒药，{'，'.join(f'{change}盒' for change in changes)}。现在有几盒？"
    return example(f"p-{number}", question, f"答案：{total}", result=str(total))


PROBLEMS = [problem(n, CHANGES[a:b]) for n, (a, b) in enumerate([(0, 3), (3, 5), (5, 6), (6, 10), (0, 2), (6, 8)])]


class Calculator:
    """Goes from the last number that it is told one step further, and names the steps when asked for them."""

    def __init__(self, *, lists: bool = True) -> None:
        self.lists, self.calls = lists, 0

    def ask(self, requests: Sequence[ModelCall]) -> list[ModelAnswer]:
        self.calls += len(requests)
        return [ModelAnswer(text=self.says(request.messages[-1].content)) for request in requests]

    def says(self, text: str) -> str:
        steps = ["".join(step) for step in STEP.findall(text.splitlines()[0])]
        if "请列出" in text:
            return "\n".join(f"{n}. {step}盒以后有几盒？" for n, step in enumerate(steps, 1)) if self.lists else ""
        answered = re.findall(r"问：(\D+\d+)盒以后有几盒？\n答：(\d+)", text)
        told, left = int(answered[-1][1]) if answered else 10, steps[len(answered) :]
        if not left:
            return f"答案：{told}"
        kind, number = left[0][:2], int(left[0][2:])
        return f"{told - number if kind == '用掉' else told + number}"


def right(strategy: object, calculator: Calculator) -> tuple[int, list[ModelAnswer]]:
    config = SuiteConfig.model_validate({"name": "x", "strategy": strategy})
    answers = solve_together([solving(item, config) for item in PROBLEMS], calculator.ask)
    found = [re.findall(r"\d+", answer.text)[-1] for answer in answers]
    return sum(one == item.result for one, item in zip(found, PROBLEMS, strict=True)), answers


def test_parts_go_as_far_as_there_are_steps() -> None:
    assert right("zero_shot", Calculator())[0] == 1  # the only problem of one step
    assert right("chain_of_thought", Calculator())[0] == 1
    assert right("least_to_most", Calculator())[0] == len(PROBLEMS)
    assert right({"name": "least_to_most", "most_parts": 2}, Calculator())[0] == 5  # the last call is a third step


def test_every_call_is_counted_and_none_is_beyond_the_budget() -> None:
    calculator = Calculator()
    _, answers = right({"name": "least_to_most", "most_parts": 3}, calculator)
    assert sum(answer.calls for answer in answers) == calculator.calls
    assert [answer.calls for answer in answers] == [5, 4, 3, 5, 4, 4]


def test_what_has_no_parts_is_asked_as_it_is() -> None:
    _, answers = right("least_to_most", Calculator(lists=False))
    assert {answer.calls for answer in answers} == {2}
