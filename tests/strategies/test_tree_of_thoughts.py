"""The tree of thoughts on the game of 24, with a scripted player: a wider tree finds what a narrow one loses."""

import itertools
import re
from collections.abc import Sequence
from fractions import Fraction

import pytest

from common.hashing import sha256_text
from data_recipes.schema.example import Example
from eval.answers import ModelAnswer
from eval.config import SuiteConfig
from eval.solving import solve_together
from eval.suites import solving
from strategies.strategy import ModelCall
from tests.eval.conftest import example

PUZZLES = (
    *("4 9 10 13", "1 3 4 6", "2 3 5 12", "3 3 8 8", "5 5 5 9", "2 7 8 9"),
    *("1 5 7 10", "4 5 6 10", "3 6 6 11", "2 4 10 10", "1 8 12 12", "6 6 7 10"),
)
OPERATIONS = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "×": lambda a, b: a * b, "÷": lambda a, b: a / b}


def puzzle(numbers: str) -> Example:
    return example(f"g-{numbers}", f"用四个数 {numbers} 各一次，算出24。", "答案：24", result="24")


class Player:
    """Knows every step, and rates a path only when two numbers or fewer are left; before that all seem possible."""

    def __init__(self) -> None:
        self.calls = 0

    def ask(self, requests: Sequence[ModelCall]) -> list[ModelAnswer]:
        self.calls += len(requests)
        return [ModelAnswer(text=self.says(request.messages[-1].content)) for request in requests]

    def says(self, text: str) -> str:
        if "哪个方案" in text:
            paths = [self.left(part, text) for part in re.split(r"方案\d+：", text)[1:]]
            return str(1 + max(range(len(paths)), key=lambda i: self.value(paths[i])))
        left = self.left(text.partition("已有的步骤：")[2], text)
        if "请提出" in text:
            return "\n".join(f"{n}. {step}" for n, step in enumerate(self.steps(left), 1))
        if "只写下一步" in text:
            return self.steps(left)[0]
        if "只回答：" in text:
            return ("不可能", "也许能", "一定能")[self.value(left)]
        return f"答案：{left[0]}"

    @staticmethod
    def left(steps: str, text: str) -> list[Fraction]:
        """The numbers that are left after the last step."""
        found = re.findall(r"剩下：([\d/ -]+)", steps)
        numbers = found[-1] if found else re.search(r"四个数 ([\d ]+) 各", text)[1]  # type: ignore[index]
        return [Fraction(number) for number in numbers.split()]

    @staticmethod
    def steps(left: Sequence[Fraction]) -> list[str]:
        """Every next step, in an order that has nothing to do with how good it is."""
        found = []
        for a, b in itertools.permutations(range(len(left)), 2):
            rest = [left[i] for i in range(len(left)) if i not in (a, b)]
            for sign, operation in OPERATIONS.items():
                if sign != "÷" or left[b]:
                    now = [operation(left[a], left[b]), *rest]
                    found.append(f"{left[a]} {sign} {left[b]} = {now[0]}（剩下：{' '.join(map(str, now))}）")
        return sorted(dict.fromkeys(found), key=sha256_text)

    @staticmethod
    def value(left: Sequence[Fraction]) -> int:
        if len(left) == 1:
            return 2 if left[0] == 24 else 0
        if len(left) > 2:
            return 1
        pairs = [left, left[::-1]]
        reached = [f(a, b) for a, b in pairs for sign, f in OPERATIONS.items() if sign != "÷" or b]
        return 2 if 24 in reached else 0


def solved(**settings: object) -> tuple[int, list[ModelAnswer], Player]:
    strategy = {"name": "tree_of_thoughts", "depth": 3, "width": 48, "most_calls": 1000, **settings}
    config, player = SuiteConfig.model_validate({"name": "24", "strategy": strategy}), Player()
    answers = solve_together([solving(puzzle(numbers), config) for numbers in PUZZLES], player.ask)
    return sum(answer.text == "答案：24" for answer in answers), answers, player


def test_a_breadth_of_five_solves_more_than_one() -> None:
    narrow, wide = solved(breadth=1)[0], solved(breadth=5)[0]
    assert narrow < wide


def test_every_call_is_counted_and_none_is_beyond_the_budget() -> None:
    _, answers, player = solved(breadth=5)
    assert sum(answer.calls for answer in answers) == player.calls
    for budget in (2, 60, 200):
        _, answers, _ = solved(breadth=5, most_calls=budget)
        assert max(answer.calls for answer in answers) <= budget
    assert {answer.calls for answer in solved(most_calls=2)[1]} == {1}  # no level fits: only the answer is asked for


@pytest.mark.parametrize("rating", ["value", "vote"])
@pytest.mark.parametrize("steps", ["propose", "sample"])
def test_steps_and_ratings_combine(steps: str, rating: str) -> None:
    width = 4 if steps == "sample" else 48
    _, answers, _ = solved(breadth=2, steps=steps, rating=rating, width=width, ratings=2)
    assert all(answer.text.startswith("答案：") for answer in answers)
