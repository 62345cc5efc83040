"""Feedback of users as preference pairs: a better and a worse answer to the same prompt.

JSON lines in one of two forms. Pairs, as they are sampled by ``eval/sample_preferences.py``:
``{"prompt": "…" or messages, "chosen": "…", "rejected": "…"}``. Or single answers with a judgement, of which the
best and the worst to one prompt become a pair: ``{"prompt": …, "answer": "…", "rating": 4}``, or ``"thumbs": "up"`` or
``"down"`` instead of the rating.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field, ValidationError

from common.command import Config
from common.hashing import sha256_value
from data_recipes.formats.json_rows import read_objects
from data_recipes.leakage.normalise import normalise
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example, Message
from data_recipes.schema.manifest import Description
from data_recipes.sources.source import DRAWN, Source, existing

THUMBS = {"up": 1.0, "down": 0.0}


class FeedbackSource(Config):
    """Preference pairs.

    Attributes:
        kind: Selects this source.
        path: The file.
        min_gap: Best and worst answer to a prompt must differ by at least this much in rating (thumbs differ by 1).
    """

    kind: Literal["feedback"]
    path: str
    min_gap: float = Field(gt=0)


class JudgedAnswer(NamedTuple):
    """One answer with its judgement.

    Attributes:
        id: Of its row.
        answer: The text.
        score: Higher is better.
    """

    id: str
    answer: str
    score: float


class _Damaged(Exception):
    """A row that cannot be used, with its reason as one word."""


def read(config: FeedbackSource) -> Iterator[Example | Dropped]:
    """Yields one item per row; judged answers become pairs at the end of the file."""
    judged: dict[str, list[JudgedAnswer]] = {}
    prompts: dict[str, tuple[Message, ...]] = {}
    for line in read_objects(Path(config.path)):
        if isinstance(line, Dropped):
            yield line
            continue
        try:
            prompt = _prompt(line.row)
            group = sha256_value([(m.role, normalise(m.content)) for m in prompt])[:16]
            if "chosen" in line.row:
                chosen, rejected = _text(line.row, "chosen"), _text(line.row, "rejected")
                yield _pair(line.number, prompt, group, chosen, rejected)
            else:
                answer = JudgedAnswer(f"feedback-{line.number}", _text(line.row, "answer"), _score(line.row))
                prompts.setdefault(group, prompt)
                judged.setdefault(group, []).append(answer)
        except _Damaged as damage:
            yield Dropped(line.where, str(damage))
    for group, answers in judged.items():
        yield from _best_and_worst(prompts[group], group, answers, config.min_gap)


def _best_and_worst(
    prompt: tuple[Message, ...], group: str, answers: list[JudgedAnswer], gap: float
) -> Iterator[Example | Dropped]:
    """The pair, as the row of the better answer; the rows of the other answers are accounted for."""
    best, worst = max(answers, key=lambda a: a.score), min(answers, key=lambda a: a.score)
    if len(answers) == 1:
        yield Dropped(best.id, "only_answer")
        return
    if best.score - worst.score < gap:
        yield from (Dropped(answer.id, "tie") for answer in answers)
        return
    yield _pair(int(best.id.rpartition("-")[2]), prompt, group, best.answer, worst.answer)
    for answer in answers:
        if answer is not best:
            yield Dropped(answer.id, "the_worse_answer" if answer is worst else "between_best_and_worst")


def _pair(number: int, prompt: tuple[Message, ...], group: str, chosen: str, rejected: str) -> Example | Dropped:
    id = f"feedback-{number}"
    if normalise(chosen) == normalise(rejected):
        return Dropped(id, "same_answers")
    return Example(
        id=id,
        messages=(*prompt, Message(role="assistant", content=chosen)),
        source="feedback",
        group=group,
        kind="preference",
        rejected=rejected,
    )


def _prompt(row: dict[str, Any]) -> tuple[Message, ...]:
    value = row.get("prompt")
    turns = [{"role": "user", "content": value}] if isinstance(value, str) else value
    if not isinstance(turns, list) or not turns:
        raise _Damaged("no_prompt")
    try:
        messages = tuple(Message.model_validate(turn) for turn in turns)
    except ValidationError:
        raise _Damaged("bad_prompt") from None
    said = [message.role for message in messages if message.role != "system"]
    if said != ["user", "assistant"] * (len(said) // 2) + ["user"] or not normalise(messages[-1].content):
        raise _Damaged("bad_prompt")
    return messages


def _text(row: dict[str, Any], field: str) -> str:
    value = row.get(field)
    if not isinstance(value, str) or not value.strip():
        raise _Damaged(f"no_text_in_{field}")
    return value.strip()


def _score(row: dict[str, Any]) -> float:
    rating = row.get("rating")
    if isinstance(rating, int | float) and not isinstance(rating, bool) and math.isfinite(rating):
        return float(rating)
    if row.get("thumbs") in THUMBS:
        return THUMBS[row["thumbs"]]
    raise _Damaged("no_judgement")


SOURCE = Source(
    config=FeedbackSource,
    read=read,
    files=lambda config: existing(Path(config.path)),
    about=Description(
        zh="同一问题的较好与较差回答，用于偏好训练；好坏由反馈者或检查程序判定，不是医学结论。",
        en="A better and a worse answer to the same prompt, as users or a checker judged them, for preferences.",
    ),
    licence="the user's own data",
    splits={**DRAWN},
)
