"""What rows of well-known layouts say; what would change its meaning makes a row bad, what is not read is named."""

import json
from typing import Any

import pytest

from data_recipes.formats.columns import Columns
from data_recipes.formats.conversation import BadRow, RowReader

ASKED, SAID = "头痛怎么办？", "多休息，多喝水。"
BEFORE = [("user", "我不舒服。"), ("assistant", "哪里不舒服？")]
PAIR = {"instruction": ASKED, "output": SAID}
TURNS = [("user", ASKED), ("assistant", SAID)]


def read(row: dict[str, Any], **columns: Any) -> list[tuple[str, str]]:
    return [(turn.role, turn.content) for turn in RowReader(Columns(**columns)).read(row).turns]


def messages(*turns: tuple[str, str], role: str = "role", content: str = "content") -> list[dict[str, Any]]:
    return [{role: who, content: text} for who, text in turns]


@pytest.mark.parametrize(
    "row",
    [
        {"question": ASKED, "answer": SAID},
        {"Question": ASKED, "Response": SAID},
        {"query": ASKED, "response": SAID},
        {"prompt": ASKED, "completion": SAID},
        {"content": ASKED, "summary": SAID},
        {"input": ASKED, "target": SAID},
        {"instruction": "", "input": ASKED, "output": SAID},
        {"instruction": ASKED, "input": None, "output": SAID},
        {"instruction": ASKED, "input": "", "output": SAID, "history": [], "system": None, "tools": "[]", "images": []},
        {"conversations": messages(("human", ASKED), ("gpt", SAID), role="from", content="value")},
        {"conversation": messages(*TURNS)},
        {"dialogue": messages(("Human", ASKED), ("Assistant", SAID), content="value")},
        {"dialog": [ASKED, SAID]},
        {"conversation": [{"human": ASKED, "assistant": SAID}]},
        {"messages": messages(*TURNS), "label": True},
        {"messages": json.dumps(messages(*TURNS))},
        {"messages": [], "question": ASKED, "answer": SAID},
        {"messages": [{"role": "user", "content": ASKED}, {"role": "assistant", "content": SAID, "weight": 1}]},
    ],
)
def test_every_usual_layout_says_the_same(row: dict[str, Any]) -> None:
    assert read(row) == TURNS


@pytest.mark.parametrize(
    "history",
    [
        [[text for _, text in BEFORE]],
        [text for _, text in BEFORE],
        messages(*BEFORE),
        messages(("human", BEFORE[0][1]), ("gpt", BEFORE[1][1]), role="from", content="value"),
        json.dumps([[text for _, text in BEFORE]]),
    ],
)
def test_history_comes_before_the_question_in_every_form(history: Any) -> None:
    assert read({"prompt": ASKED, "response": SAID, "history": history}) == [*BEFORE, *TURNS]


def test_a_system_column_is_a_turn_in_every_layout() -> None:
    first = ("system", "你是药师。")
    for row in (PAIR, {"messages": messages(*TURNS)}, {"messages": messages(first, *TURNS)}):
        assert read({**row, "system": first[1]}) == [first, *TURNS]
    with pytest.raises(BadRow, match="another system turn"):
        read({"messages": messages(("system", "你是护士。"), *TURNS), "system": first[1]})


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({**PAIR, "tools": '[{"name": "f"}]'}, "has_tools"),
        ({**PAIR, "images": ["a.png"]}, "has_media"),
        ({**PAIR, "label": False}, "labelled_bad"),
        ({**PAIR, "label": "False"}, "labelled_bad"),
        ({**PAIR, "label": 0}, "labelled_bad"),
        ({**PAIR, "kto_tag": False}, "labelled_bad"),
        ({**PAIR, "rejected": "喝酒。"}, "preference_pair"),
        ({"prompt": ASKED, "chosen": SAID, "rejected": "喝酒。"}, "preference_pair"),
        ({**PAIR, "reasoning_content": "想一想"}, "has_reasoning"),
        ({**PAIR, "question": "另一个问题？"}, "two_questions"),
        ({**PAIR, "response": "另一个回答。"}, "two_answers"),
        ({**PAIR, "history": "以前"}, "not_a_history"),
        ({**PAIR, "history": [["只有问"]]}, "not_a_history"),
        ({"messages": [*messages(*TURNS), {"role": "tool", "content": "晴"}]}, "has_tools"),
        ({"messages": [*messages(TURNS[0]), {"role": "assistant", "content": SAID, "tool_calls": [1]}]}, "has_tools"),
        ({"messages": [*messages(TURNS[0]), {"role": "assistant", "content": SAID, "weight": 0}]}, "turn_not_trained"),
        (
            {"messages": [*messages(TURNS[0]), {"role": "assistant", "content": SAID, "loss": False}]},
            "turn_not_trained",
        ),
        (
            {"messages": [*messages(TURNS[0]), {"role": "assistant", "content": SAID, "train": False}]},
            "turn_not_trained",
        ),
        (
            {"messages": [*messages(TURNS[0]), {"role": "assistant", "content": SAID, "reasoning_content": "想"}]},
            "has_reasoning",
        ),
        ({"messages": messages(("患者", ASKED), ("医生", SAID))}, "unknown_role"),
        ({"messages": "不是对话"}, "not_a_conversation"),
        ({"messages": messages(TURNS[0], ("assistant", " "))}, "empty_turn"),
        ({"messages": messages(TURNS[0], ("assistant", "……"))}, "empty_turn"),
        ({"question": "？", "answer": SAID}, "empty_turn"),
        ({"title": ASKED, "text": SAID}, "no_question_or_answer"),
    ],
)
def test_what_changes_the_meaning_of_a_row_is_refused(row: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadRow) as bad:
        RowReader().read(row)
    assert bad.value.reason == reason


@pytest.mark.parametrize("sign", ["？", "👍", "…", "❤️"])
def test_a_turn_of_one_sign_does_not_drop_a_conversation(sign: str) -> None:
    said = [*TURNS, ("user", sign), ("assistant", sign)]
    assert read({"messages": messages(*said)}) == said


def test_what_is_known_and_must_not_count_can_be_ignored() -> None:
    answer = {"role": "assistant", "content": SAID, "reasoning_content": "想", "weight": 0}
    row = {"messages": [*messages(TURNS[0]), answer], "tools": [{"name": "f"}]}
    ignored = ("reasoning_content", "weight", "tools")
    assert read(row, ignore=ignored) == TURNS
    assert RowReader(Columns(ignore=ignored)).read(row).unread == set()


def test_own_names_of_roles_and_of_two_questions_are_given_by_keys() -> None:
    row = {"messages": messages(("患者", ASKED), ("医生", SAID))}
    assert read(row, roles={"患者": "user", "医生": "assistant"}) == TURNS
    assert read({**PAIR, "instruction": "请回答。", "question": ASKED}, question=["instruction", "question"]) == [
        ("user", f"请回答。\n{ASKED}"),
        TURNS[1],
    ]


def test_fields_that_are_not_read_are_named_where_they_hold_something() -> None:
    turns = [{**messages(TURNS[0])[0], "time": "08:30"}, *messages(TURNS[1])]
    row = {"messages": turns, "ward": "内科", "note": "", "source": None, "question": ASKED}
    said = RowReader().read(row)
    assert said.unread == {"ward", "question", "messages[].time"}
    assert said.plain == {name: value for name, value in row.items() if name != "messages"} | {"messages": turns}
    assert RowReader(Columns(kind="ward")).read(row).unread == {"question", "messages[].time"}
