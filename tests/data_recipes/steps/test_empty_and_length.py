"""The two steps that every recipe has."""

import pyarrow as pa

from data_recipes.schema.arrow import SCHEMA, to_table
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example, Message
from data_recipes.steps import empty, length


def example(id: str, *turns: str) -> Example:
    roles = ["user", "assistant"] * 9
    messages = tuple(Message(role=role, content=turn) for role, turn in zip(roles, turns, strict=False))
    return Example(id=id, messages=messages, source="s", group=id, kind="k")


def test_empty_looks_at_every_question_and_at_the_last_answer() -> None:
    rows = to_table(
        [
            example("a", "头痛？", "休息"),
            example("b", "？！", "休息"),
            example("c", "？", "在", "头痛", "休息"),
            example("d", "头痛", "休息", "还有呢", "……"),
            example("e", "㈠", "①"),
        ]
    )
    outcome = empty.make(empty.EmptyStep(kind="empty"))(rows)
    assert outcome.dropped == [Dropped("b", "empty_question"), Dropped("d", "empty_answer")]
    assert outcome.kept["id"].to_pylist() == ["a", "c", "e"]


def test_length_counts_characters_of_the_answer_and_of_all_turns() -> None:
    rows = to_table(
        [example("a", "头痛？", "休息"), example("b", "头", "休"), example("c", "头痛", "休", "一二三", "四五")]
    )
    outcome = length.make(length.LengthStep(kind="length", min_answer=2, max_conversation=7))(rows)
    assert outcome.dropped == [Dropped("b", "short_answer"), Dropped("c", "long_conversation")]
    assert outcome.kept.schema.equals(SCHEMA)


def test_steps_stand_a_batch_without_rows_and_a_batch_in_chunks() -> None:
    rows = pa.concat_tables([to_table([example("a", "头痛？", "休息")]), to_table([example("b", "。", "休息")])])
    for step in (empty.make(empty.EmptyStep(kind="empty")), length.make(length.LengthStep(kind="length"))):
        assert len(step(rows.slice(0, 0)).kept) == 0
        assert len(step(rows).kept) + len(step(rows).dropped) == 2
