from data_recipes.schema.example import Example, Message
from training.turns import trained_turns


def example(questions: int) -> Example:
    turn = (Message(role="user", content="问"), Message(role="assistant", content="答"))
    return Example(id=str(questions), messages=turn * questions, source="s", group="g", kind="k")


def test_a_few_conversations_among_single_questions_teach_no_second_question() -> None:
    assert trained_turns([example(1)] * 99 + [example(3)]) == "single"
    assert trained_turns([example(1)] * 90 + [example(2)] * 10) == "multi"
