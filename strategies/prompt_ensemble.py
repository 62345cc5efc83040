"""Prompt ensembles (Jiang et al. 2020; Arora et al. 2022): one question in several phrasings, whose answers vote.

Each phrasing is asked once, greedily, so a prompt that happens to mislead the model is outvoted by the others. The
first one is the question as it is.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from strategies.strategy import Question, Solving, Strategy, StrategyConfig, asking
from strategies.voting import elected_or_central

PLACE = "{question}"
TEMPLATES = (
    PLACE,
    f"请回答下面的问题。\n{PLACE}",
    f"问题：{PLACE}\n答案：",
    f"{PLACE}\n请直接给出答案。",
    f"请仔细阅读问题，再作答。\n\n{PLACE}",
)


def _has_its_place(template: str) -> str:
    if template.count(PLACE) != 1:
        raise ValueError(f"a template has {PLACE} once")
    return template


class PromptEnsembleConfig(StrategyConfig):
    """Several phrasings that vote.

    Attributes:
        templates: The phrasings, each with ``{question}`` once.
    """

    name: Literal["prompt_ensemble"] = "prompt_ensemble"
    templates: tuple[Annotated[str, AfterValidator(_has_its_place)], ...] = Field(
        default=TEMPLATES, min_length=2, max_length=32
    )


def _vote(config: PromptEnsembleConfig, question: Question, seed: int) -> Solving:
    replies = yield [asking(question, template.replace(PLACE, question.text)) for template in config.templates]
    return elected_or_central(replies, options=question.options)


PROMPT_ENSEMBLE = Strategy(
    ("多提示投票", "prompt ensemble"), PromptEnsembleConfig, _vote, lambda config: len(config.templates)
)
