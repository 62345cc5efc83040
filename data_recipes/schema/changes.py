"""What was done to single rows: which ones a step changed, and a few of them before and after."""

from typing import NamedTuple

from pydantic import BaseModel

Turns = list[tuple[str, str]]
"""Role and text of each turn."""

STEP_SAMPLES = "step_samples.jsonl"
CHANGED = "changed.jsonl"
COMPARED = "compare"  # stands for a step where rows are dropped because of other rows


class Changed(NamedTuple):
    """One row that a step changed, or kept and marked.

    Attributes:
        id: Of its example.
        step: The step's name, with the mark where there is one: ``quality: flagged_truncated_answer``.
    """

    id: str
    step: str


class StepSample(BaseModel):
    """One row that was changed or dropped, with its text: personal data is masked where the recipe masks or drops it.

    Attributes:
        step: The step; ``compare`` where rows were compared with each other.
        reason: The name of the change, or why the row was dropped.
        id: Of the row.
        before: As it came into the step; empty where personal data must not be shown.
        after: As it left the step; None where it was dropped, or marked and not changed.
    """

    step: str
    reason: str
    id: str
    before: Turns
    after: Turns | None = None
