"""What a run records of the turns in its data, so that its result is served with as many."""

from collections.abc import Sequence

from data_recipes.schema.example import Example
from models.artifact import Turns

FEW = 0.05
"""A smaller share of conversations teaches a model no second question."""


def trained_turns(train: Sequence[Example]) -> Turns:
    """Whether a training split has conversations of several questions, or single questions.

    Args:
        train: The split; a question before the last one makes a conversation.
    """
    longer = sum(sum(turn.role == "user" for turn in example.prompt) > 1 for example in train)
    return "multi" if longer >= FEW * len(train) > 0 else "single"
