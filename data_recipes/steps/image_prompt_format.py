"""Answers that are not image prompts by ``domains.image_prompts.format``."""

from typing import Literal

import pyarrow as pa

from common.command import Config
from data_recipes.schema.dropped import Dropped
from data_recipes.steps.step import Outcome, Step, StepKind
from domains.image_prompts.format import problems


class ImagePromptFormatStep(Config):
    """Drops rows whose answer breaks the format; the reason is its first error.

    Attributes:
        kind: Selects this step.
    """

    kind: Literal["image_prompt_format"]


def make(config: ImagePromptFormatStep) -> Step:
    """The step."""
    return _valid


def _valid(rows: pa.Table) -> Outcome:
    found = [problems(messages[-1]["content"]) for messages in rows["messages"].to_pylist()]
    ids = rows["id"].to_pylist()
    dropped = [Dropped(id, f"image_prompt_{flaws[0]}") for id, flaws in zip(ids, found, strict=True) if flaws]
    return Outcome(rows.filter(pa.array([not flaws for flaws in found], pa.bool_())), dropped)


STEP = StepKind(ImagePromptFormatStep, make)
