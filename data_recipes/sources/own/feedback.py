"""Feedback as preference pairs: a better and a worse answer to the same prompt; the better one is what SFT learns.

Either the records of a service (``audience.records.folder``, or one of its files): answers that doctors have corrected
by ``/v1/feedback`` become pairs, the corrected answer and the given one. Or a file of the user's own.

A file is JSON in any layout, or a table, in one of two forms. Pairs, as ``eval/sample_preferences.py`` samples them:
``{"prompt": "…" or messages, "chosen": "…", "rejected": "…"}``. Or single answers with a judgement, of which the
best and the worst to one prompt become a pair: ``{"prompt": …, "answer": "…", "rating": 4}``, or ``"thumbs": "up"`` or
``"down"``, or ``"label": true`` or ``false`` (KTO; also ``kto_tag``), instead of the rating.

With ``unpaired`` every answer with thumbs or a label is a row of its own, for ``recipe=medical_kto``: a good one is the
answer, a bad one the worse answer of a prompt without an answer.

The prompt may have any layout of ``formats.conversation``, and an answer may be a turn: pairs of TRL (also with the
prompt inside both answers), LLaMA-Factory and MedicalGPT (also ``response_chosen`` and ``response_rejected``).
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from common.command import Config
from common.errors import UserError
from common.hashing import sha256_value
from data_recipes.formats.columns import (
    ANSWER,
    CONVERSATIONS,
    HISTORY,
    INPUTS,
    LABEL_NAMES,
    QUESTION,
    SYSTEM,
    TEXT,
    Columns,
    first_of,
    judgement_of,
)
from data_recipes.formats.conversation import BadRow, RowReader, RowTurn, as_json, in_order, instead, to_name
from data_recipes.formats.json_rows import read_objects
from data_recipes.formats.jsonl import DamagedLine, Line, parsed, raw_lines
from data_recipes.formats.tables import TABLES, table_rows
from data_recipes.formats.values import NotText, text_of
from data_recipes.leakage.normalise import normalise
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import NO_REFERENCE, Example, Message
from data_recipes.schema.manifest import Description
from data_recipes.sources.read_notes import ReadNotes
from data_recipes.sources.source import DRAWN, Source, existing

THUMBS = {"up": True, "down": False}
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
JUDGEMENTS = "rating (a number, unless source.unpaired=true), thumbs (up or down) or label (true or false)"
PAIRS = {"chosen": "rejected", "response_chosen": "response_rejected"}
PAIRED = ", ".join(f"{better} and {worse}" for better, worse in PAIRS.items())
PROMPTS = (*CONVERSATIONS, *QUESTION, *INPUTS, *SYSTEM, *HISTORY)
JUDGED = (*PROMPTS, *ANSWER, "rating", "thumbs", *LABEL_NAMES)


class FeedbackSource(Config):
    """Preference pairs.

    Attributes:
        kind: Selects this source.
        path: The file, or the folder of a service's records.
        sheet: The sheet of an XLSX file, where several have rows.
        columns: Which column holds what, of prompt and judged answer; rows of one prompt are a group.
        min_gap: Best and worst answer to a prompt must differ by at least this much in rating (thumbs differ by 1).
        unpaired: Every answer with thumbs or a label counts alone, good or bad, for ``recipe=medical_kto``; a rating
            says neither. Pairs and corrections stay pairs.
    """

    kind: Literal["feedback"]
    path: str
    sheet: str = ""
    columns: Columns = Columns()
    min_gap: float = Field(gt=0)
    unpaired: bool = False

    @field_validator("columns")
    @classmethod
    def _of_prompt_and_answer(cls, columns: Columns) -> Columns:
        if unread := [name for name in ("kind", "group", "split") if getattr(columns, name)]:
            raise ValueError(f"{', '.join(unread)}: not read here; rows of one prompt are a group")
        return columns


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


RECORDS = "audit-*.jsonl"
"""Names of the files of a service's records, written by ``app/audit/chain.py``."""

CORRECTING = ("doctor", "admin")
"""Roles whose corrections are learned."""


class CorrectedAnswer(BaseModel):
    """What a correction in a service's records has as its text.

    Attributes:
        question: What was asked.
        history: The turns before.
        answer: What was answered; empty where there was nothing.
        corrected: What a doctor says is right.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)
    question: str
    history: tuple[Message, ...] = ()
    answer: str
    corrected: str


def read(config: FeedbackSource) -> Iterator[Example | Dropped | ReadNotes]:
    """Yields one item per row; judged and corrected answers become pairs at the end."""
    path = Path(config.path)
    if path.is_dir() or path.match(RECORDS):
        yield from _corrections(_files(config))
    else:
        yield from _pairs(path, config)


def _corrections(files: Iterable[Path]) -> Iterator[Example | Dropped]:
    """The corrections in a service's records; of several to one answer the last."""
    newest: dict[str, Example | Dropped] = {}
    for line in _records(files):
        if isinstance(line, Dropped):
            yield line
            continue
        item = _correction(line)
        about = line.row.get("about")
        if isinstance(item, Dropped) or not isinstance(about, str):
            yield item
            continue
        if about in newest:
            yield Dropped(newest[about].id, "corrected_again")
        newest[about] = item
    yield from newest.values()


def _records(files: Iterable[Path]) -> Iterator[Line | Dropped]:
    """The lines of a service's records, which have one layout."""
    for raw in (raw for file in files for raw in raw_lines(file)):
        try:
            yield Line(raw.number, raw.where, parsed(raw))
        except DamagedLine as damage:
            yield Dropped(raw.where, damage.reason)


def _correction(line: Line) -> Example | Dropped:
    """A record as an example; most are answers and complaints, which are none."""
    id = f"record-{line.row.get('number')}"
    if line.row.get("record") != "feedback" or line.row.get("kind") != "correction":
        return Dropped(id, "no_correction")
    if line.row.get("role") not in CORRECTING:
        return Dropped(id, "not_by_a_doctor")
    text = line.row.get("text")
    if text is None:
        return Dropped(id, "text_deleted")
    if isinstance(text, dict) and "corrected" not in text:
        return Dropped(id, "no_corrected_answer")
    try:
        said = CorrectedAnswer.model_validate(text)
        before = (*said.history, Message(role="user", content=said.question))
    except ValidationError:
        return Dropped(line.where, "not_a_correction_of_this_version")
    return _pair(id, before, _group(before), said.corrected, said.answer)


def _pairs(path: Path, config: FeedbackSource) -> Iterator[Example | Dropped | ReadNotes]:
    """The pairs in a file, and what judged answers become."""
    judged: dict[str, list[JudgedAnswer]] = {}
    prompts: dict[str, tuple[Message, ...]] = {}
    notes, columns = ReadNotes(), config.columns
    reader, mapped = _FeedbackReader(columns), (*columns.named, *columns.ignore)
    for line in _lines(path, config):
        if isinstance(line, Dropped):
            yield line
            continue
        try:
            better = next((name for name in PAIRS if name in line.row), "")
            notes.add(line, (*PROMPTS, better, PAIRS[better], *mapped) if better else (*JUDGED, *mapped))
            if better:
                pair = reader.pair(line.row, better)
                yield _pair(f"feedback-{line.number}", pair.prompt, _group(pair.prompt), pair.chosen, pair.rejected)
                continue
            before, text = reader.judged(line.row)
            if config.unpaired:
                yield _labelled(f"feedback-{line.number}", before, text, _label(line.row))
            else:
                group = _group(before)
                prompts.setdefault(group, before)
                answer = JudgedAnswer(f"feedback-{line.number}", text, _score(line.row))
                judged.setdefault(group, []).append(answer)
        except BadRow as bad:
            yield Dropped(line.where, bad.reason, bad.detail)
    for group, answers in judged.items():
        yield from _best_and_worst(prompts[group], group, answers, config.min_gap)
    yield from notes.found()


def _lines(path: Path, config: FeedbackSource) -> Iterator[Line | Dropped]:
    """The rows of a file of JSON or a table."""
    if path.suffix.lower() in TABLES:
        return table_rows(path, config.sheet)
    return read_objects(path, config.columns.named)


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
    yield _pair(best.id, before, group, best.answer, worst.answer)
    for answer in answers:
        if answer is not best:
            yield Dropped(answer.id, "the_worse_answer" if answer is worst else "between_best_and_worst")


def _pair(id: str, before: tuple[Message, ...], group: str, chosen: str, rejected: str) -> Example | Dropped:
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


def _labelled(id: str, before: tuple[Message, ...], answer: str, desirable: bool) -> Example:
    """A judged answer as an example: a bad one is none to learn."""
    return Example(
        id=id,
        messages=(*before, Message(role="assistant", content=answer if desirable else NO_REFERENCE)),
        source="feedback",
        group=_group(before),
        kind="preference",
        rejected="" if desirable else answer,
    )


def _files(config: FeedbackSource) -> list[Path]:
    """The files that are read.

    Raises:
        UserError: There are none.
    """
    path = Path(config.path)
    if not path.is_dir():
        return existing(path)
    files = sorted(path.glob(RECORDS))
    if not files:
        fix = f"give the service's audience.records.folder, which has {RECORDS}, or a file of pairs"
        raise UserError("there are no records here", where=str(path), fix=fix)
    return existing(*files)


def _group(before: tuple[Message, ...]) -> str:
    return sha256_value([(m.role, normalise(m.content)) for m in before])[:16]


class _FeedbackReader:
    """Reads prompts and answers of rows.

    Args:
        columns: Which column holds what.
    """

    def __init__(self, columns: Columns) -> None:
        self._columns, self._reader = columns, RowReader(columns)

    def pair(self, row: Mapping[str, Any], better: str) -> PairOfAnswers:
        """Both answers and their prompt, which may be inside them."""
        worse = PAIRS[better]
        chosen, rejected = as_json(row[better]), as_json(row.get(worse))
        if isinstance(chosen, list) and len(chosen) > 1:
            whole, other = self._conversation(row, better), self._conversation(row, worse)
            if _group(whole[:-1]) != _group(other[:-1]):
                raise BadRow("different_prompts", f"{better!r} and {worse!r} do not answer the same")
            return PairOfAnswers(whole[:-1], whole[-1].content.strip(), other[-1].content.strip())
        return PairOfAnswers(self._prompt(row), _text(chosen, better), _text(rejected, worse))

    def judged(self, row: Mapping[str, Any]) -> tuple[tuple[Message, ...], str]:
        """The prompt and the answer of a row with a judgement."""
        if not self._columns.question and (name := first_of(CONVERSATIONS, row)):
            said = self._conversation(row, name)
            return said[:-1], said[-1].content.strip()
        before = self._prompt(row)
        name = self._columns.answer or first_of(ANSWER, row)
        if name not in row:
            raise BadRow("no_text_in_answer", f"there is no answer{instead(row)}; {to_name('answer')}")
        return before, _text(as_json(row[name]), name)

    def _prompt(self, row: Mapping[str, Any]) -> tuple[Message, ...]:
        try:
            turns = self._reader.prompt(_without_answers(row))
        except BadRow as bad:
            known = {"no_question_or_answer": "no_prompt", "empty_turn": "bad_prompt", "unknown_role": "bad_prompt"}
            raise BadRow(known.get(bad.reason, bad.reason), bad.detail) from None
        return _messages(turns)

    def _conversation(self, row: Mapping[str, Any], field: str) -> tuple[Message, ...]:
        """The turns in a field, the last of which is an answer."""
        said = self._reader.read({**_without_answers(row), CONVERSATIONS[0]: row.get(field)}).turns
        if not in_order(turn.role for turn in said):
            raise BadRow("bad_prompt", f"{field!r} is not a conversation that ends with an answer")
        return _messages(said)


def _without_answers(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in (*PAIRS, *PAIRS.values(), *LABEL_NAMES)}


def _messages(turns: Iterable[RowTurn]) -> tuple[Message, ...]:
    return tuple(Message(role=turn.role, content=turn.content) for turn in turns)


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
    if isinstance(rating, str) and _NUMBER.fullmatch(rating.strip()):  # a cell of a table
        rating = float(rating)
    if isinstance(rating, int | float) and not isinstance(rating, bool) and math.isfinite(rating):
        return float(rating)
    return float(_label(row))


def _label(row: Mapping[str, Any]) -> bool:
    """Whether an answer is good, by thumbs or label."""
    if row.get("thumbs") in THUMBS:
        return THUMBS[row["thumbs"]]
    if (label := judgement_of(row.get(first_of(LABEL_NAMES, row)))) is not None:
        return label
    raise BadRow(
        "no_judgement",
        f"there is no judgement{instead(row)}; expected: {JUDGEMENTS}, or a better and a worse answer ({PAIRED}); "
        "rename the column that says it",
    )


SOURCE = Source(
    config=FeedbackSource,
    read=read,
    files=_files,
    about=Description(
        zh="同一问题的较好与较差回答，用于偏好训练；好坏由反馈者或检查程序判定，不是医学结论。",
        en="A better and a worse answer to the same prompt, as users or a checker judged them, for preferences.",
    ),
    licence="the user's own data",
    splits={**DRAWN},
)
