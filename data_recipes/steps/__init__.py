"""What can be done to rows: every step, in one table.

A step is a pure function over a batch of rows, with counts and reasons.
"""

from typing import Any

from common.command import Config
from data_recipes.steps import (
    empty,
    encoding,
    filters,
    image_prompt_format,
    length,
    markup,
    personal_data,
    quality,
    unsafe_advice,
)
from data_recipes.steps.step import Step, StepKind

STEPS: tuple[StepKind[Any], ...] = (
    empty.STEP,
    length.STEP,
    encoding.STEP,
    markup.STEP,
    filters.STEP,
    personal_data.STEP,
    quality.STEP,
    unsafe_advice.STEP,
    image_prompt_format.STEP,
    # a new step is added here (and imported above)
)

DEFAULT: tuple[Config, ...] = (
    empty.EmptyStep(kind="empty"),
    length.LengthStep(kind="length"),
    encoding.EncodingStep(kind="encoding", half_width=False),
    personal_data.PersonalDataStep(kind="personal_data"),
)
"""The steps of a recipe that names none: users may have written its text. The recipes for mathematics, exams and
generated rows take ``configs/steps/plain.yaml``, those for consultations ``configs/steps/consultations.yaml``."""


def keeping(configs: tuple[Config, ...], reason: str) -> str:
    """The options of a recipe's steps that keep the rows that are dropped for a reason; nothing where none is known."""
    kinds = [step for step in STEPS if any(type(config) is step.config for config in configs)]
    return next((f"{step.kind} in data.steps: {step.kept_by[reason]}" for step in kinds if reason in step.kept_by), "")


def made(configs: tuple[Config, ...]) -> list[tuple[str, Step]]:
    """The steps of a recipe, each with its name.

    Args:
        configs: Their configurations, in the order in which they run.
    """
    kinds = {step.config: step for step in STEPS}
    return [(kinds[type(config)].kind, kinds[type(config)].make(config)) for config in configs]
