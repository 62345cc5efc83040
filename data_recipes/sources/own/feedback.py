"""Feedback of users as preference pairs: a better and a worse answer to the same prompt.

JSON lines in one of two forms. Pairs, as they are sampled by ``eval/sample_preferences.py``:
``{"prompt": "…" or messages, "chosen": "…", "rejected": "…"}``. Or single answers with a judgement, of which the
best and the worst to one prompt become a pair: ``{"prompt": …, "answer": "…", "rating": 4}``, or ``"thumbs": "up"`` or
``"down"``, or ``"label": true`` or ``false`` (KTO), instead of the rating.

The prompt may have any layout of ``formats.conversation``, and an answer may be a turn: pairs of TRL (also with the
prompt inside both answers), LLaMA-Factory and MedicalGPT (also ``response_chosen`` and ``response_rejected``).
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field

from common.command import Config
from common.hashing import sha256_value
from data_recipes.formats.columns import (
    ANSWER,
    CONVERSATIONS,
    HISTORY,
    INPUTS,
    LABEL,
    QUESTION,
    SYSTEM,
    TEXT,
    first_of,
)
from data_recipes.formats.conversation import BadRow, RowReader, RowTurn, in_order
from data_recipes.formats.json_rows import read_objects
from data_recipes.formats.values import NotText, text_of
from data_recipes.leakage.normalise import normalise
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example, Message
from data_recipes.schema.manifest import Description
from data_recipes.sources.read_notes import ReadNotes
from data_recipes.sources.source import DRAWN, Source, existing

READER = RowReader()
THUMBS = {"up": 1.0, "down": 0.0}
LABELS = {"true": 1.0, "false": 0.0}
PAIRS = {"chosen": "rejected", "response_chosen": "response_rejected"}
PROMPTS = (*CONVERSATIONS, *QUESTION, *INPUTS, *SYSTEM, *HISTORY)
JUDGED = (*PROMPTS, *ANSWER, "rating", "thumbs", LABEL)


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


class PairOfAnswers(NamedTuple):
    """Two answers to one prompt."""

    prompt: tuple[Message, ...]
    chosen: str
    rejected: str


def read(config: FeedbackSource) -> Iterator[Example | Dropped | ReadNotes]:
    """Yields one item per row; judged answers become pairs at the end of the file."""
    judged: dict[str, list[JudgedAnswer]] = {}
    prompts: dict[str, tuple[Message, ...]] = {}
    notes = ReadNotes()
    for line in read_objects(Path(config.path)):
        if isinstance(line, Dropped):
            yield line
            continue
        try:
            better = next((name for name in PAIRS if name in line.row), "")
            notes.add(line, (*PROMPTS, better, PAIRS[better]) if better else JUDGED)
            if better:
                pair = _answers(line.row, better)
                yield _pair(line.number, pair.prompt, _group(pair.prompt), pair.chosen, pair.rejected)
            else:
                before, text = _judged(line.row)
                answer = JudgedAnswer(f"feedback-{line.number}", text, _score(line.row))
                group = _group(before)
                prompts.setdefault(group, before)
                judged.setdefault(group, []).append(answer)
        except BadRow as bad:
            yield Dropped(line.where, bad.reason)
    for group, answers in judged.items():
        yield from _best_and_worst(prompts[group], group, answers, config.min_gap)
    yield from notes.found()


def _best_and_worst(
    before: tuple[Message, ...], group: str, answers: list[JudgedAnswer], gap: float
) -> Iterator[Example | Dropped]:
    """The pair, as the row of the better answer; the rows of the other answers are accounted for."""
    best, worst = max(answers, key=lambda a: a.score), min(answers, key=lambda a: a.score)
    if len(answers) == 1:
        yield Dropped(best.id, "only_answer")
        return
    if best.score - worst.score < gap:
        yield from (Dropped(answer.id, "tie") for answer in answers)
        return
    yield _pair(int(best.id.rpartition("-")[2]), before, group, best.answer, worst.answer)
    for answer in answers:
        if answer is not best:
            yield Dropped(answer.id, "the_worse_answer" if answer is worst else "between_best_and_worst")


def _pair(number: int, before: tuple[Message, ...], group: str, chosen: str, rejected: str) -> Example | Dropped:
    id = f"feedback-{number}"
    if normalise(chosen) == normalise(rejected):
        return Dropped(id, "same_answers")
    return Example(
        id=id,
        messages=(*before, Message(role="assistant", content=chosen)),
        source="feedback",
        group=group,
        kind="preference",
        rejected=rejected,
    )


def _group(before: tuple[Message, ...]) -> str:
    return sha256_value([(m.role, normalise(m.content)) for m in before])[:16]


def _prompt(row: Mapping[str, Any]) -> tuple[Message, ...]:
    try:
        turns = READER.prompt(_without_answers(row))
    except BadRow as bad:
        known = {"no_question_or_answer": "no_prompt", "empty_turn": "bad_prompt", "unknown_role": "bad_prompt"}
        raise BadRow(known.get(bad.reason, bad.reason), bad.detail) from None
    return _messages(turns)


def _without_answers(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in (*PAIRS, *PAIRS.values(), LABEL)}


def _messages(turns: Iterable[RowTurn]) -> tuple[Message, ...]:
    return tuple(Message(role=turn.role, content=turn.content) for turn in turns)


def _answers(row: Mapping[str, Any], better: str) -> PairOfAnswers:
    """Both answers and their prompt, which may be inside them."""
    worse = PAIRS[better]
    chosen, rejected = row[better], row.get(worse)
    if isinstance(chosen, list) and len(chosen) > 1:
        whole, other = _conversation(row, better), _conversation(row, worse)
        if _group(whole[:-1]) != _group(other[:-1]):
            raise BadRow("different_prompts", f"{better!r} and {worse!r} do not answer the same")
        return PairOfAnswers(whole[:-1], whole[-1].content.strip(), other[-1].content.strip())
    return PairOfAnswers(_prompt(row), _text(chosen, better), _text(rejected, worse))


def _conversation(row: Mapping[str, Any], field: str) -> tuple[Message, ...]:
    """The turns in a field, the last of which is an answer."""
    said = READER.read({**_without_answers(row), CONVERSATIONS[0]: row.get(field)}).turns
    if not in_order(turn.role for turn in said):
        raise BadRow("bad_prompt", f"{field!r} is not a conversation that ends with an answer")
    return _messages(said)


def _judged(row: Mapping[str, Any]) -> tuple[tuple[Message, ...], str]:
    """The prompt and the answer of a row with a judgement."""
    if name := first_of(CONVERSATIONS, row):
        said = _conversation(row, name)
        return said[:-1], said[-1].content.strip()
    before = _prompt(row)
    name = first_of(ANSWER, row) or "answer"
    return before, _text(row.get(name), name)


def _text(value: Any, field: str) -> str:
    """The text of an answer, which may be a turn or a list of one."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict):
        value = value.get(first_of(TEXT, value))
    try:
        text = text_of(value).strip()
    except NotText as flaw:
        raise BadRow(flaw.reason, f"{field!r} is not a text but {flaw.kind}") from None
    if not text:
        raise BadRow(f"no_text_in_{field}", f"{field!r} is empty")
    return text


def _score(row: Mapping[str, Any]) -> float:
    rating = row.get("rating")
    if isinstance(rating, int | float) and not isinstance(rating, bool) and math.isfinite(rating):
        return float(rating)
    if row.get("thumbs") in THUMBS:
        return THUMBS[row["thumbs"]]
    label = row.get(LABEL)
    if isinstance(label, bool):
        return float(label)
    if isinstance(label, str) and label.strip().casefold() in LABELS:
        return LABELS[label.strip().casefold()]
    raise BadRow("no_judgement", "there is no rating, thumbs or label")


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
