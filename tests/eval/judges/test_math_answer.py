"""Which items the final-answer accuracy applies to."""

from data_recipes.schema.example import Example, Message
from eval.answers import ModelAnswer
from eval.scoring import measure


def item(id: str, answer: str, result: str) -> Example:
    messages = (Message(role="user", content="一共多少？"), Message(role="assistant", content=answer))
    return Example(id=id, messages=messages, source="test", group=id, kind="求总数", result=result)


def said(text: str) -> ModelAnswer:
    return ModelAnswer(text=text)


def test_items_with_a_result_are_judged_by_it_and_others_are_not() -> None:
    items = [item("a", "答：9页", "9"), item("b", "多喝水。", ""), item("c", "答：B", "B"), item("d", "内科", "内科")]
    found = measure(items, [said("9页"), said("多喝水。"), said("选A。"), said("内科")])["math_answer"]
    assert (found.items, found.scores) == ((0, 2), (1.0, 0.0))
    assert "math_answer" not in measure([item("b", "多喝水。", "")], [said("多喝水。")])


def test_several_right_options_count_only_together() -> None:
    items = [item(id, "答案：ABD", "ABD") for id in "abc"]
    found = measure(items, [said("选D、B和A。"), said("答案：AB"), said("答案：ABCD")])["math_answer"]
    assert found.scores == (1.0, 0.0, 0.0)
