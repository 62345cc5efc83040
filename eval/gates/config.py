"""The typed configuration of a gate: thresholds that a team writes down once, and the command ``eval/gate.py``."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from common.command import Config

On = Literal["bound", "value"]
"""What has to reach a threshold: the worse end of the 95 % interval, or the number itself."""


class _Rule(Config):
    """What every rule has.

    Attributes:
        system: The system that it is about; null is the one that the report is about.
        least_items: Fewest items that may decide it; fewer leave it undecided, which is no pass.
    """

    system: str | None = None
    least_items: int = Field(default=10, ge=1)


class ScoreRule(_Rule):
    """A score is high or low enough.

    Attributes:
        kind: Selects this rule.
        suite: The suite (a split of the dataset) of the report.
        metric: The metric.
        least: Lowest score that passes, in the metric's units (a share from 0 to 1); either this or ``most``.
        most: Highest score that passes.
        on: What has to reach it: the worse end of the 95 % interval, or the number itself.
        items: All items, or only the clean ones, which overlap with nobody's training data.
    """

    kind: Literal["score"]
    suite: str
    metric: str
    least: float | None = None
    most: float | None = None
    on: On = "bound"
    items: Literal["all", "clean"] = "all"

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if (self.least is None) == (self.most is None):
            raise ValueError("give least= or most=, and not both")
        return self


class GainRule(_Rule):
    """The system is better than the report's baseline by at least so much.

    Attributes:
        kind: Selects this rule.
        suite: The suite of the report.
        metric: The metric.
        least: Least gain that passes, in the metric's units; 0 on the bound is "surely better".
        on: What has to reach it: the worse end of the 95 % interval of the difference, or the difference itself.
    """

    kind: Literal["gain"]
    suite: str
    metric: str
    least: float = Field(default=0.0, ge=0)
    on: On = "bound"


class NoLossRule(_Rule):
    """The system is not worse than the report's baseline by more than a margin (non-inferiority).

    Attributes:
        kind: Selects this rule.
        suite: The suite of the report.
        metric: The metric.
        margin: Largest loss that passes, in the metric's units.
        on: What has to be within it: the worse end of the 95 % interval of the difference, or the difference itself.
    """

    kind: Literal["no_loss"]
    suite: str
    metric: str
    margin: float = Field(gt=0)
    on: On = "bound"


class SameAnswersRule(_Rule):
    """Two systems give the same answers, word for word: what is served is what was merged.

    Attributes:
        kind: Selects this rule.
        other: What the system is compared with; null is the system that the report is about.
        least: Lowest share of same answers that passes, in every suite of the report.
    """

    kind: Literal["same_answers"]
    other: str | None = None
    least: float = Field(ge=0, le=1)


class WholeAnswersRule(_Rule):
    """Few enough answers are cut, empty, too long or failed, or loop.

    Attributes:
        kind: Selects this rule.
        most: Largest share of such answers that passes, in every suite of the report.
    """

    kind: Literal["whole_answers"]
    most: float = Field(ge=0, le=1)


class MergeRule(Config):
    """The merge of the run that the report is about was proved.

    Attributes:
        kind: Selects this rule.
    """

    kind: Literal["merge"]


Rule = Annotated[
    ScoreRule | GainRule | NoLossRule | SameAnswersRule | WholeAnswersRule | MergeRule, Field(discriminator="kind")
]


class GateConfig(Config):
    """What a report must show before a model is released: every rule passes.

    Attributes:
        name: Its name in the report.
        rules: The rules, each under a name that says what it protects.
    """

    name: str = Field(min_length=1)
    rules: dict[str, Rule] = Field(min_length=1)


class GateCommandConfig(Config):
    """The command ``eval/gate.py``.

    Attributes:
        report: A run, the directory of a report, or its ``report.json``.
        gate: The rules.
    """

    report: Path
    gate: GateConfig
