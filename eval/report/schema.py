"""``report.json``: everything the report says, typed. The HTML and Markdown files show nothing that is not in here."""

from collections import Counter
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from common.errors import UserError
from eval.scoring import METRICS, Unit
from eval.significance import Verdict
from models.artifact import MergeProof

System = Literal["base", "tuned"]


class _Part(BaseModel):
    # a diverged model has an infinite loss; as strings, it is valid JSON and comes back as a number
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")


class Score(_Part):
    """A score with its 95 % interval over ``n`` items; no bounds where a single group allows none."""

    value: float
    low: float | None
    high: float | None
    n: int


NotMeasurable = Literal["training data unknown", "training data gone"]

Scores = dict[str, Score]
"""Scores by metric."""


class Comparison(_Part):
    """Tuned minus base by one metric on the same items of one suite.

    Attributes:
        groups: What was resampled: groups of items that succeed and fail together.
        p: Sign-flip test over the groups.
        p_holm: The same after Holm's correction over all comparisons of the report; the verdict rests on it.
        mcnemar_p: Exact McNemar test over single items, for 0/1 metrics.
    """

    suite: str
    metric: str
    difference: float
    low: float | None
    high: float | None
    n: int
    groups: int
    p: float
    p_holm: float
    mcnemar_p: float | None
    verdict: Verdict


class MetricRecord(_Part):
    """How a metric was measured and is to be read."""

    signature: str
    unit: Unit
    higher_is_better: bool


class Overlap(_Part):
    """What a suite shares with the training data.

    Attributes:
        n: Items of the suite.
        exact: Items whose question is a training question.
        shared_13: Items whose question shares a run of 13 characters with a training question, of 60 where most are
            Latin letters.
        not_measurable: Why there are no counts, where there are none: the model's training data is not known, or it is
            known but no longer where it was.
    """

    n: int
    exact: int | None
    shared_13: int | None
    not_measurable: NotMeasurable | None = None


class Counted(_Part):
    """Answers of one model that are no ordinary ones.

    Attributes:
        cut: Answers cut at the token limit.
        empty: Empty answers.
        too_long: Items that do not fit the model's context; they score 0.
    """

    cut: int
    empty: int
    too_long: int


class SuiteRecord(_Part):
    """What a suite consists of; items without a reference answer are answered, but not scored."""

    zh: str
    en: str
    items: int
    without_reference: int = 0
    groups: int
    kinds: dict[str, int]
    overlap: Overlap
    counted: dict[System, Counted]


class Point(_Part):
    """One point of a loss curve, nats per supervised token."""

    step: int
    loss: float


class Curve(_Part):
    """Loss in training, thinned to what can be seen, and on the dev split."""

    train: tuple[Point, ...]
    dev: tuple[Point, ...]


class Lengths(_Part):
    """Lengths in characters of the training split: how many questions and answers fall between two edges."""

    edges: tuple[int, ...]
    questions: tuple[int, ...]
    answers: tuple[int, ...]


class Merge(_Part):
    """Whether the tuned model is merged, with the proof, or why it is not."""

    kind: Literal["merged", "prefix", "adapter"]
    proof: MergeProof | None
    why_not_merged: str


class Provenance(_Part):
    """What the numbers come from and how to get them again.

    Attributes:
        base: Name of the base model, where it is known.
        decoding: How answers were generated.
        command: The command that was typed, with every override; empty where it is not known.
    """

    created: str
    model_versions: dict[System, str]
    method: str
    quantisation: str
    base: str
    base_sha256: str
    dataset: str
    dataset_sha256: str
    prompt_format: str
    prompt_format_sha256: str
    suite: str
    seed: int
    decoding: dict[str, str]
    versions: dict[str, str]
    command: str


class ItemRecord(_Part):
    """One line of ``items.jsonl``."""

    id: str
    suite: str
    kind: str
    group: str
    behaviour: str
    prompt: tuple[tuple[str, str], ...]
    reference: str
    answers: dict[System, str]
    finish_reasons: dict[System, str]
    scores: dict[System, dict[str, float]]


class Report(_Part):
    """The whole report.

    Attributes:
        systems: Scores by system, suite and metric.
        by_kind: Scores by system, suite, kind of item and metric.
        comparisons: Tuned against base; empty where only one model was evaluated.
        metrics: The metrics that occur.
        lengths: Of the training split; None where the model was not trained on this dataset.
    """

    format_version: Literal[1] = 1
    systems: dict[System, dict[str, Scores]]
    by_kind: dict[System, dict[str, dict[str, Scores]]]
    comparisons: tuple[Comparison, ...]
    metrics: dict[str, MetricRecord]
    suites: dict[str, SuiteRecord]
    curve: Curve
    lengths: Lengths | None
    merge: Merge | None
    provenance: Provenance

    @classmethod
    def load(cls, path: Path) -> "Report":
        """Reads ``report.json``.

        Raises:
            UserError: The file is missing or not a report of this version.
        """
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UserError("there is no report", where=str(path), fix="give the directory of a report") from None
        except ValidationError as error:
            raise UserError(f"not a report of this version: {error}", where=str(path), fix="evaluate again") from None

    @property
    def verdicts(self) -> Counter[Verdict]:
        """How many comparisons ended in each verdict."""
        return Counter(comparison.verdict for comparison in self.comparisons)

    def comparison(self, suite: str, metric: str) -> Comparison | None:
        """The comparison by a metric on a suite, where there is one."""
        found = (c for c in self.comparisons if (c.suite, c.metric) == (suite, metric))
        return next(found, None)

    def summary(self) -> str:
        """The short summary that commands print: scores per suite with intervals, base → tuned."""
        lines = []
        width = max(map(len, self.metrics), default=0) + 1
        for suite, record in self.suites.items():
            unscored = f", {record.without_reference} without a reference answer: not scored"
            lines.append(f"{suite} (n={record.items}{unscored if record.without_reference else ''})")
            metrics = next(iter(self.systems.values()))[suite]
            lines += [f"  {metric:<{width}}{self._line(suite, metric)}" for metric in METRICS if metric in metrics]
        return "\n".join(lines)

    def _line(self, suite: str, metric: str) -> str:
        scores = " → ".join(
            shown_interval(scores[suite][metric], self.metrics[metric].unit) for scores in self.systems.values()
        )
        comparison = self.comparison(suite, metric)
        return f"{scores}  {comparison.verdict}" if comparison else scores


def shown(value: float, unit: Unit) -> str:
    """A score as people read it: shares in per cent, BLEU with one decimal, nats with three."""
    return {"share": f"{100 * value:.1f}%", "points": f"{value:.1f}", "nats": f"{value:.3f}"}[unit]


def shown_bounds(score: Score, unit: Unit) -> str:
    """The interval of a score, or a dash."""
    if score.low is None or score.high is None:
        return "–"
    return f"{shown(score.low, unit)} – {shown(score.high, unit)}"


def shown_interval(score: Score, unit: Unit) -> str:
    """A score with its interval in brackets."""
    if score.low is None or score.high is None:
        return f"{shown(score.value, unit)} [–]"
    return f"{shown(score.value, unit)} [{shown(score.low, unit)}, {shown(score.high, unit)}]"
