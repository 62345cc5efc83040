"""Tree of Thoughts (Yao et al. 2023): steps are proposed and rated, and only the best paths are continued.

The search is breadth-first. At each depth every kept path gets ``width`` next steps, by one call that lists them
(``propose``) or by that many samples (``sample``). Paths are rated one by one (``value``: certain, possible,
impossible, with the paper's weights) or together (``vote``), ``ratings`` times; the best ``breadth`` are kept. A last
call writes the answer of the best one. A level that the budget of calls does not suffice for is not begun.
"""

import re
from collections.abc import Generator, Sequence
from typing import Literal

from pydantic import Field

from strategies.strategy import ModelCall, ModelReply, Question, Solving, Strategy, StrategyConfig, asking, seed_of

Path = tuple[str, ...]
"""Steps, in order."""
Ratings = Generator[Sequence[ModelCall], Sequence[ModelReply], list[float]]

VALUES = {"不可能": 0.001, "也许能": 1.0, "一定能": 20.0}
"""The paper's weights for impossible, likely and sure; what says none of them counts as impossible."""
_NUMBERED = re.compile(r"^\s*(?:[-*•]|第?\d+\s*[.、:：)）步])\s*")
_NUMBER = re.compile(r"\d+")


class TreeOfThoughtsConfig(StrategyConfig):
    """A search over steps.

    Attributes:
        steps: Whether next steps are listed by one call (``propose``) or sampled (``sample``).
        rating: Whether paths are rated one by one (``value``) or against one another (``vote``).
        breadth: Paths that are kept at each depth.
        depth: Steps of a path.
        width: Next steps of a path.
        ratings: How often each is rated; more than one are sampled.
        temperature: Of what is sampled.
        most_calls: Budget of calls per item.
    """

    name: Literal["tree_of_thoughts"] = "tree_of_thoughts"
    shots: Literal[0] = 0
    steps: Literal["propose", "sample"] = "propose"
    rating: Literal["value", "vote"] = "value"
    breadth: int = Field(default=5, ge=1, le=32)
    depth: int = Field(default=3, ge=1, le=16)
    width: int = Field(default=5, ge=1, le=64)
    ratings: int = Field(default=1, ge=1, le=16)
    temperature: float = Field(default=0.7, gt=0, le=2)
    most_calls: int = Field(default=100, ge=2)


def _told(path: Path) -> str:
    return "\n".join(f"{number}. {step}" for number, step in enumerate(path, 1)) or "（还没有）"


def propose_prompt(question: str, path: Path, width: int) -> str:
    """Asks for several next steps, one per line."""
    return (
        f"{question}\n\n已有的步骤：\n{_told(path)}\n\n"
        f"请提出{width}个不同的下一步，每行一个，不要解释，不要写最后的答案。"
    )


def sample_prompt(question: str, path: Path) -> str:
    """Asks for one next step."""
    return f"{question}\n\n已有的步骤：\n{_told(path)}\n\n请只写下一步，不要写最后的答案。"


def value_prompt(question: str, path: Path) -> str:
    """Asks whether a path can lead to the answer."""
    return f"{question}\n\n已有的步骤：\n{_told(path)}\n\n从这里能得到正确答案吗？只回答：一定能、也许能或不可能。"


def vote_prompt(question: str, paths: Sequence[Path]) -> str:
    """Asks which of some paths is the most promising."""
    told = "\n\n".join(f"方案{number}：\n{_told(path)}" for number, path in enumerate(paths, 1))
    return f"{question}\n\n{told}\n\n哪个方案最有希望得到正确答案？只回答编号。"


def answer_prompt(question: str, path: Path) -> str:
    """Asks for the answer that a path leads to."""
    return f"{question}\n\n已有的步骤：\n{_told(path)}\n\n请据此写出最后的答案，最后一行写“答案：”和结果。"


def _solve(config: TreeOfThoughtsConfig, question: Question, seed: int) -> Solving:
    left = config.most_calls - 1
    kept: list[Path] = [()]
    for depth in range(config.depth):
        if left < _calls_of_level(config, len(kept)):
            break
        asked = _next_steps(config, question, seed, kept, depth)
        replies = yield asked
        paths = _continued(config, kept, replies)
        if not paths:
            break
        rated = _valued if config.rating == "value" else _voted
        values = yield from rated(config, question, seed, paths, depth)
        left -= len(asked) + (len(paths) if config.rating == "value" else 1) * config.ratings
        best = sorted(range(len(paths)), key=lambda i: -values[i])[: config.breadth]
        kept = [paths[i] for i in best]
    [reply] = yield [asking(question, answer_prompt(question.text, kept[0]))]
    return reply


def _calls_of_level(config: TreeOfThoughtsConfig, kept: int) -> int:
    """Most calls of the next level of the tree."""
    proposing = kept * (1 if config.steps == "propose" else config.width)
    return proposing + (kept * config.width if config.rating == "value" else 1) * config.ratings


def _next_steps(
    config: TreeOfThoughtsConfig, question: Question, seed: int, kept: Sequence[Path], depth: int
) -> list[ModelCall]:
    if config.steps == "propose":
        return [asking(question, propose_prompt(question.text, path, config.width)) for path in kept]
    return [
        asking(
            question,
            sample_prompt(question.text, path),
            config.temperature,
            seed_of(seed, question, "step", depth, place, number),
        )
        for place, path in enumerate(kept)
        for number in range(config.width)
    ]


def _continued(config: TreeOfThoughtsConfig, kept: Sequence[Path], replies: Sequence[ModelReply]) -> list[Path]:
    """The kept paths with each next step, each path once."""
    paths: dict[Path, None] = {}
    for place, reply in enumerate(replies):
        lines = [_NUMBERED.sub("", line).strip() for line in reply.text.splitlines()]
        steps = [line for line in lines if line]
        if config.steps == "propose":
            paths |= {(*kept[place], step): None for step in steps[: config.width]}
        elif steps:
            paths[(*kept[place // config.width], " ".join(steps))] = None
    return list(paths)


def _rating_request(config: TreeOfThoughtsConfig, question: Question, text: str, seed: int) -> ModelCall:
    return asking(question, text, config.temperature, seed) if config.ratings > 1 else asking(question, text)


def _valued(config: TreeOfThoughtsConfig, question: Question, seed: int, paths: Sequence[Path], depth: int) -> Ratings:
    replies = yield [
        _rating_request(
            config, question, value_prompt(question.text, path), seed_of(seed, question, "value", depth, place, n)
        )
        for place, path in enumerate(paths)
        for n in range(config.ratings)
    ]
    values = [next((value for word, value in VALUES.items() if word in reply.text), 0.001) for reply in replies]
    return [sum(values[place * config.ratings :][: config.ratings]) for place in range(len(paths))]


def _voted(config: TreeOfThoughtsConfig, question: Question, seed: int, paths: Sequence[Path], depth: int) -> Ratings:
    text = vote_prompt(question.text, paths)
    replies = yield [
        _rating_request(config, question, text, seed_of(seed, question, "vote", depth, n))
        for n in range(config.ratings)
    ]
    chosen = [int(found[0]) for reply in replies if (found := _NUMBER.search(reply.text))]
    return [float(chosen.count(number)) for number in range(1, len(paths) + 1)]


TREE_OF_THOUGHTS = Strategy(
    ("思维树", "tree of thoughts"), TreeOfThoughtsConfig, _solve, lambda config: config.most_calls
)
