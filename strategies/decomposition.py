"""Decomposition, least to most (Zhou et al. 2022): simpler questions first, each with the answers to those before it.

One call splits the question into parts. Each part is asked with the parts before it and their answers, so a model that
manages one step at a time goes as far as there are parts; the last call asks the question itself after all of them.
"""

import re
from typing import Literal

from pydantic import Field

from strategies.strategy import Question, Solving, Strategy, StrategyConfig, asking

_NUMBERED = re.compile(r"^\s*(?:[-*•]|第?\d+\s*[.、:：)）步个])\s*")
ANSWER = "最后一行写“答案：”和最后的答案。"


class LeastToMostConfig(StrategyConfig):
    """A question in parts.

    Attributes:
        most_parts: Most parts; further ones are left out.
    """

    name: Literal["least_to_most"] = "least_to_most"
    most_parts: int = Field(default=4, ge=1, le=16)


def split_prompt(question: str, most: int) -> str:
    """Asks for the parts, one per line."""
    return f"{question}\n\n要回答这个问题，需要先依次弄清哪些更简单的问题？请列出，最多{most}个，每行一个，不要回答。"


def part_prompt(question: str, solved: list[tuple[str, str]], part: str) -> str:
    """Asks one part after those that are answered."""
    return f"{_told(question, solved)}\n\n请只回答：{part}"


def whole_prompt(question: str, solved: list[tuple[str, str]]) -> str:
    """Asks the question itself, after all of its parts."""
    return f"{_told(question, solved)}\n\n现在请回答：{question}\n{ANSWER}" if solved else f"{question}\n{ANSWER}"


def _told(question: str, solved: list[tuple[str, str]]) -> str:
    return "\n".join([question, *(f"问：{part}\n答：{answer}" for part, answer in solved)])


def _solve(config: LeastToMostConfig, question: Question, seed: int) -> Solving:
    [listed] = yield [asking(question, split_prompt(question.text, config.most_parts))]
    lines = [_NUMBERED.sub("", line).strip() for line in listed.text.splitlines()]
    parts = list(dict.fromkeys(line for line in lines if line and line != question.text.strip()))[: config.most_parts]
    solved: list[tuple[str, str]] = []
    for part in parts:
        [reply] = yield [asking(question, part_prompt(question.text, solved, part))]
        solved.append((part, reply.text.strip()))
    [reply] = yield [asking(question, whole_prompt(question.text, solved))]
    return reply


LEAST_TO_MOST = Strategy(
    ("由易到难分解", "least to most"), LeastToMostConfig, _solve, lambda config: config.most_parts + 2
)
