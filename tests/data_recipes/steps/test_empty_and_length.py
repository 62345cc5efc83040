"""The two steps that every recipe has."""

import pyarrow as pa

from data_recipes.leakage.normalise import says_something
from data_recipes.schema.arrow import SCHEMA, to_table
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example, Message
from data_recipes.steps import empty, length


def example(id: str, *turns: str) -> Example:
    roles = ["user", "assistant"] * 9
    messages = tuple(Message(role=role, content=turn) for role, turn in zip(roles, turns, strict=False))
    return Example(id=id, messages=messages, source="s", group=id, kind="k")


def test_empty_drops_conversations_in_which_no_question_or_no_answer_says_anything() -> None:
    rows = to_table(
        [
            example("a", "头痛？", "休息"),
            example("b", "？！", "休息"),
            example("c", "？", "在", "头痛", "休息"),
            example("d", "头痛", "休息", "还有呢", "……"),
            example("e", "㈠", "①"),
            example("f", "头痛", "……"),
            example("g", "谢谢医生", "👍"),
            example("h", "3○2，填什么？", " > "),
            example("i", "对吗？", "（√）"),
            example("j", "头痛", "======"),
        ]
    )
    outcome = empty.make(empty.EmptyStep(kind="empty"))(rows)
    empty_answers = [Dropped("f", "empty_answer"), Dropped("j", "empty_answer")]
    assert outcome.dropped == [Dropped("b", "empty_question"), *empty_answers]
    assert outcome.kept["id"].to_pylist() == ["a", "c", "d", "e", "g", "h", "i"]


def test_the_step_and_the_sources_agree_on_what_says_something() -> None:
    texts = [
        "a",
        "七",
        "٣",
        "①",
        "。",
        "……",
        "🙏🏻",
        "❤️",
        "☺",
        "+",
        "(+)",
        "++",
        "x+",
        "（×）",
        "- ",
        "√√",
        "\u200b",
        "~",
        "★",
    ]
    rows = to_table([example(text, "头痛", text) for text in texts])
    kept = empty.make(empty.EmptyStep(kind="empty"))(rows).kept["id"].to_pylist()
    assert kept == [text for text in texts if says_something(text)]


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
