"""Questions to small models."""

from data_recipes.schema.example import Message

QUESTIONS = ["高血压的常见症状有什么？", "偏头痛", "普通感冒可以挂什么科？请说得详细一些，谢谢。"]


def ask(question: str) -> list[Message]:
    """A conversation of one question."""
    return [Message(role="user", content=question)]
