"""``report.json``: everything the report says, typed. The HTML and Markdown files show nothing that is not in here."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common.errors import UserError
from common.files import read_json
from eval.answers import SystemRecord
from eval.baselines import BaselineName
from eval.judges.judge import Unit
from eval.significance import Estimate, Verdict
from models.artifact import LanguageModelKind, MergeProof

FORMAT_VERSION: Literal[1] = 1
"""Of ``report.json``."""

System = str
"""Name of a system: ``base``, ``other``, ``tuned``, or what the user called it."""

MOST_LOOPS = 0.02
"""The share of answers that loop above which a system is not called better."""

MOST_UNFINISHED = 0.02
"""The share of a suite's answers that are no whole answers, of either system, above which none is called better."""

BASE: System = "base"
"""What the tuned model was tuned from."""
OTHER: System = "other"
"""What the user compares it with instead."""
TUNED: System = "tuned"


def subject_of(systems: Iterable[System]) -> System:
    """The system that a report on these is about: the tuned model, or the first where there is none."""
    names = list(systems)
    return TUNED if TUNED in names else names[0]


class _ReportPart(BaseModel):
    # a diverged model has an infinite loss; as a string it is valid JSON and is read back as a number
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")


NotMeasurable = Literal["training data unknown", "training data gone"]

Scores = dict[str, Estimate]
"""Scores by metric."""

Odd = Literal["cut", "empty", "too_long", "loops", "failed"]
"""What is unusual about an answer; see ``Counted``."""

Facet = Literal["source", "turns", "length"]
"""What scores are broken down by besides the kind of an item."""

GateVerdict = Literal["passed", "failed", "undecided"]
"""``undecided``: what a rule is about is not in the report, or of too few items to show it; that is no pass."""


class Comparison(_ReportPart):
    """A system minus the baseline by one metric on the same items of one suite.

    Attributes:
        system: The system; reports from before this key compared the tuned model with its base.
        baseline: What it is compared with.
        groups: What was resampled: groups of items that succeed and fail together.
        p: Paired t-test over the groups.
        p_holm: The same after Holm's correction over the primary comparisons of the report; the verdict rests on it.
            None where there is no verdict.
        detectable: The smallest difference that as many items find in four of five cases.
    """

    suite: str
    metric: str
    system: System = TUNED
    baseline: System = BASE
    difference: float
    low: float | None
    high: float | None
    n: int
    groups: int
    p: float
    p_holm: float | None
    detectable: float | None = None
    verdict: Verdict


class MetricRecord(_ReportPart):
    """How a metric was measured, and how to read it."""

    signature: str
    unit: Unit
    higher_is_better: bool


class SuiteOverlap(_ReportPart):
    """What a suite shares with the training data of a model.

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


class Counted(_ReportPart):
    """Unusual answers of one model, counted.

    Attributes:
        cut: Answers cut at the token limit.
        empty: Empty answers.
        too_long: Items that do not fit the model's context; they score 0.
        loops: Answers that repeat themselves over and over; None in reports from before this key.
        failed: Items that a server has not answered, also when it was asked again; they score 0.
        unfinished: Answers that are no whole ones: empty, too long, failed, or cut and not because they loop; None in
            reports from before this key.
    """

    cut: int
    empty: int
    too_long: int
    loops: int | None = None
    failed: int = 0
    unfinished: int | None = None

    @property
    def told(self) -> str:
        """The counts that are not 0, for the summary that commands print."""
        found = {"cut": self.cut, "empty": self.empty, "too long": self.too_long, "failed": self.failed}
        return ", ".join(f"{name} {count}" for name, count in {**found, "looping": self.loops}.items() if count)


class Cost(_ReportPart):
    """What the answers of a system to a suite took, as far as it was measured.

    Attributes:
        tokens: Mean tokens of an answer, of all calls of a strategy; None where a server does not tell.
        prompt_tokens: Mean tokens of its prompts; None where they are not known.
        calls: Mean calls of an answer; None in reports from before this key.
        seconds: Mean seconds of an answer; of a model in this process a batch's time over its answers. None where they
            are not known.
        timed: How many answers that is the mean of.
    """

    tokens: float | None
    prompt_tokens: float | None = None
    calls: float | None = None
    seconds: float | None
    timed: int

    @property
    def is_known(self) -> bool:
        """Whether anything was measured; of options that are compared nothing is."""
        return self.tokens is not None or self.seconds is not None


class Agreement(_ReportPart):
    """How many answers of two systems to a suite are the same text.

    Attributes:
        share: The share of these answers; its value is exact, its interval is about further items.
    """

    suite: str
    system: System
    other: System
    share: Estimate


class ReliabilityBin(_ReportPart):
    """Answers of about the same confidence.

    Attributes:
        confidence: Its mean, 0 to 1.
        right: The share of right ones.
    """

    confidence: float
    right: Estimate


class SelectivePoint(_ReportPart):
    """The answers of a system that it is surest of.

    Attributes:
        coverage: Their share of all.
        threshold: The confidence that each of them has at least.
        right: The share of right ones among them.
    """

    coverage: float
    threshold: float
    right: Estimate


class ThresholdPoint(_ReportPart):
    """What a reader scores where it answers a part of the questions, those that it is surest of.

    Attributes:
        answered: The share that is answered.
        threshold: The margin that each of these has at least; None where none is answered.
        f1: Of all questions.
        answerable: Of those with an answer; None where there are none.
        unanswerable: Of those without one.
    """

    answered: float
    threshold: float | None
    f1: Estimate
    answerable: Estimate | None
    unanswerable: Estimate | None


class Calibration(_ReportPart):
    """Whether a system is right as often as it is sure.

    Attributes:
        bins: By confidence, of equal width, those with answers.
        selective: Fewer and fewer of the surest answers, all of them last.
    """

    bins: tuple[ReliabilityBin, ...]
    selective: tuple[SelectivePoint, ...]


class SuiteRecord(_ReportPart):
    """What a suite consists of; items without a reference answer are answered but not scored.

    Attributes:
        overlap: What it shares with the training data of the model that the report is about.
        other_overlaps: The same of the other systems that may have been tuned.
        overlapping: Ids of the items that overlap with the training data of at least one system.
        cost: Tokens and time by system; none in reports from before this key.
        shots: Solved items before each question.
        demonstrations: Ids of the training rows that these are; of an exam they are in the provenance.
    """

    zh: str
    en: str
    items: int
    shots: int = 0
    demonstrations: tuple[str, ...] = ()
    without_reference: int = 0
    groups: int
    kinds: dict[str, int]
    overlap: SuiteOverlap
    other_overlaps: dict[System, SuiteOverlap] = Field(default_factory=dict)
    overlapping: tuple[str, ...] = ()
    counted: dict[System, Counted]
    cost: dict[System, Cost] = Field(default_factory=dict)


class Point(_ReportPart):
    """One point of a loss curve, nats per supervised token."""

    step: int
    loss: float


class Curve(_ReportPart):
    """Loss in training, thinned to what a plot can show, and on the dev split."""

    train: tuple[Point, ...]
    dev: tuple[Point, ...]


class Lengths(_ReportPart):
    """Lengths in characters of the training split: how many questions and answers fall between two edges."""

    edges: tuple[int, ...]
    questions: tuple[int, ...]
    answers: tuple[int, ...]


class Merge(_ReportPart):
    """Whether the tuned model is merged, with the proof, or why it is not."""

    kind: LanguageModelKind
    proof: MergeProof | None
    why_not_merged: str


class ReportProvenance(_ReportPart):
    """What the numbers come from, and how to reproduce them.

    Attributes:
        systems: What each system is, and how it was asked; empty in reports from before this key.
        method: How the model that the report is about was tuned; empty where it was not, as the next six.
        base: Name of the model that it was tuned from, which need not be one of the systems.
        dataset_rows: What was read, kept and dropped, and why; empty in reports from before this key.
        dataset_directory: Where the dataset is; empty as ``dataset_rows``.
        trained_on: What the splits became for training, and what was dropped; empty where that is unknown.
        selected: Which values of the training the model has; empty where the dev loss did not decide.
        grounding: The entries in the prompts of the items: template, hash and number; empty where there are none.
        items: The file of items of one's own: its suite, version, path and hash; empty where there is none.
        exams: What was asked of published exams, by name of the suite: prompt, folder, hash, examples.
        decoding: How answers were generated.
        command: The command as typed, with every override; empty where unknown.
    """

    created: str
    model_versions: dict[System, str]
    systems: dict[System, SystemRecord] = Field(default_factory=dict)
    method: str
    quantisation: str
    base: str
    base_sha256: str
    dataset: str
    dataset_sha256: str
    dataset_rows: str = ""
    dataset_directory: str = ""
    trained_on: dict[str, str] = Field(default_factory=dict)
    selected: str = ""
    prompt_format: str
    prompt_format_sha256: str
    grounding: str = ""
    items: str = ""
    exams: dict[str, str] = Field(default_factory=dict)
    suite: str
    seed: int
    decoding: dict[str, str]
    versions: dict[str, str]
    command: str


class RuleOutcome(_ReportPart):
    """What a rule of a gate found.

    Attributes:
        rule: Its name in the gate.
        zh: What was found, what is required, and why that is no pass, in Chinese.
        en: The same in English.
        value: The number that it is about; None where there is none.
        low: Lower end of its 95 % interval.
        high: Upper end.
        threshold: What the number, or the end of the interval, has to reach.
        n: Number of items.
    """

    rule: str
    verdict: GateVerdict
    zh: str
    en: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    threshold: float | None = None
    n: int | None = None


class GateOutcome(_ReportPart):
    """What a gate decided.

    Attributes:
        gate: Its name.
        rules: What each of its rules found.
    """

    gate: str
    rules: tuple[RuleOutcome, ...]

    @property
    def verdict(self) -> GateVerdict:
        """Passed where every rule is; failed where one is."""
        found = {outcome.verdict for outcome in self.rules}
        return "failed" if "failed" in found else "undecided" if "undecided" in found else "passed"

    def of(self, verdict: GateVerdict) -> list[RuleOutcome]:
        """The rules with this verdict."""
        return [outcome for outcome in self.rules if outcome.verdict == verdict]


class ItemRecord(_ReportPart):
    """One line of ``items.jsonl``.

    Attributes:
        odd: What is unusual about each answer; none in files from before this key.
        overlaps: Whether it overlaps with the training data of at least one system.
        stated: What the scorers of another tool say of an answer that is from its log, by system and scorer.
    """

    id: str
    suite: str
    kind: str
    group: str
    behaviour: str
    prompt: tuple[tuple[str, str], ...]
    reference: str
    answers: dict[System, str]
    finish_reasons: dict[System, str]
    odd: dict[System, tuple[Odd, ...]] = Field(default_factory=dict)
    overlaps: bool = False
    scores: dict[System, dict[str, float]]
    stated: dict[System, dict[str, str]] = Field(default_factory=dict)


class Report(_ReportPart):
    """The whole report.

    Attributes:
        systems: Scores by system, suite and metric; the first system is the baseline.
        gate: What a gate decided about this report; None where none was asked.
        clean: The same without the items that overlap with the training data of any system, of suites that have such
            items and others; none in reports from before this key.
        by_kind: Scores by system, suite, kind of item and metric.
        breakdowns: The same by what else items carry: facet, system, suite and value, where at least two values have at
            least ten items; none in reports from before this key.
        comparisons: Every other system against the baseline; empty where only one model was evaluated.
        agreements: How many answers any two systems share; none in reports from before this key.
        calibration: By suite and system, where options are compared; none in reports from before this key.
        thresholds: Threshold curves of readers by suite and system; none in reports from before this key.
        metrics: The metrics that occur.
        baselines: Scores of the trivial baselines by suite, baseline and metric; none in reports from before this key.
        lengths: Of the training split; None where the model was not trained on this dataset.
    """

    format_version: Literal[1] = FORMAT_VERSION
    gate: GateOutcome | None = None
    systems: dict[System, dict[str, Scores]]
    clean: dict[System, dict[str, Scores]] = Field(default_factory=dict)
    by_kind: dict[System, dict[str, dict[str, Scores]]]
    breakdowns: dict[Facet, dict[System, dict[str, dict[str, Scores]]]] = Field(default_factory=dict)
    comparisons: tuple[Comparison, ...]
    agreements: tuple[Agreement, ...] = ()
    calibration: dict[str, dict[System, Calibration]] = Field(default_factory=dict)
    thresholds: dict[str, dict[System, tuple[ThresholdPoint, ...]]] = Field(default_factory=dict)
    metrics: dict[str, MetricRecord]
    baselines: dict[str, dict[BaselineName, Scores]] = Field(default_factory=dict)
    suites: dict[str, SuiteRecord]
    curve: Curve
    lengths: Lengths | None
    merge: Merge | None
    provenance: ReportProvenance

    @classmethod
    def load(cls, path: Path) -> "Report":
        """Reads ``report.json``.

        Raises:
            UserError: The file is missing or not a report of this version.
        """
        if not path.is_file():
            raise UserError("there is no report", where=str(path), fix="give the directory of a report")
        values = read_json(path)
        if not isinstance(values, dict) or values.get("format_version") != FORMAT_VERSION:
            raise UserError(f"not a report of format {FORMAT_VERSION}", where=str(path), fix="evaluate again")
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise UserError(f"not a report of this version: {error}", where=str(path), fix="evaluate again") from None

    def loop_share(self, system: System) -> float:
        """The share of a system's answers that loop, over all suites."""
        looping = sum(record.counted[system].loops or 0 for record in self.suites.values())
        return looping / sum(record.items for record in self.suites.values())

    def unfinished(self, suite: str, system: System) -> bool:
        """Whether too many answers of a system to a suite are no whole answers for anything to be better."""
        record = self.suites[suite]
        return (record.counted[system].unfinished or 0) > MOST_UNFINISHED * record.items

    @property
    def verdicts(self) -> Counter[Verdict]:
        """How many comparisons ended in each verdict."""
        return Counter(comparison.verdict for comparison in self.comparisons)

    @property
    def baseline(self) -> System:
        """What the other systems are compared with."""
        return next(iter(self.systems))

    @property
    def subject(self) -> System:
        """The system that the report is about; see ``subject_of``."""
        return subject_of(self.systems)

    @property
    def compared(self) -> list[System]:
        """The systems that are compared with the baseline."""
        return [system for system in self.systems if system != self.baseline]

    def metrics_of(self, suite: str) -> list[str]:
        """The metrics by which at least one system was measured on a suite."""
        return [name for name in self.metrics if any(name in by_suite[suite] for by_suite in self.systems.values())]

    def scores(self, suite: str, metric: str) -> dict[System, Estimate]:
        """The scores of the systems that could be measured by a metric."""
        return {s: by_suite[suite][metric] for s, by_suite in self.systems.items() if metric in by_suite[suite]}

    def clean_scores(self, suite: str) -> dict[str, dict[System, Estimate]]:
        """Scores by metric and system without the items that overlap with training data, where a suite has such."""
        of_suite = {system: by_suite[suite] for system, by_suite in self.clean.items() if suite in by_suite}
        by_metric = {
            metric: {system: scores[metric] for system, scores in of_suite.items() if metric in scores}
            for metric in self.metrics_of(suite)
        }
        return {metric: scores for metric, scores in by_metric.items() if scores}

    def baselines_by_metric(self, suite: str) -> dict[str, dict[BaselineName, Estimate]]:
        """The scores of the trivial baselines of a suite by metric, of those that systems were measured by."""
        of_suite = self.baselines.get(suite, {})
        by_metric = {
            metric: {name: scores[metric] for name, scores in of_suite.items() if metric in scores}
            for metric in self.metrics_of(suite)
        }
        return {metric: scores for metric, scores in by_metric.items() if scores}

    def comparison(self, suite: str, metric: str, system: System | None = None) -> Comparison | None:
        """The comparison of a system (by default the one that the report is about), where there is one."""
        wanted = (suite, metric, system or self.subject)
        return next((c for c in self.comparisons if (c.suite, c.metric, c.system) == wanted), None)

    def summary(self) -> str:
        """The short summary that commands print: scores per suite with intervals, the baseline first."""
        lines = []
        width = max(map(len, self.metrics), default=0) + 1
        for suite, record in self.suites.items():
            unscored = f", {record.without_reference} without a reference answer: not scored"
            lines.append(f"{suite} (n={record.items}{unscored if record.without_reference else ''})")
            odd = {system: counted.told for system, counted in record.counted.items()}
            lines += [f"  {system}: {told} of {record.items} answers" for system, told in odd.items() if told]
            lines += [f"  {metric:<{width}}{self._line(suite, metric)}" for metric in self.metrics_of(suite)]
        return "\n".join(lines)

    def _line(self, suite: str, metric: str) -> str:
        scores, unit = self.scores(suite, metric), self.metrics[metric].unit
        parts = []
        for system in self.systems:
            score, comparison = scores.get(system), self.comparison(suite, metric, system)
            name = f"{system} " if len(self.systems) > 2 else ""
            verdict = f"  {comparison.verdict}" if comparison and comparison.verdict != "no verdict" else ""
            parts.append(f"{name}{shown_interval(score, unit) if score else '–'}{verdict}")
        return progression(parts)


def progression(parts: Sequence[str]) -> str:
    """The baseline's metrics, then those of the others."""
    return " → ".join(filter(None, (parts[0], " · ".join(parts[1:]))))


def shown(value: float, unit: Unit) -> str:
    """A score for readers: shares in per cent, BLEU with one decimal, losses with three."""
    return f"{100 * value:.1f}%" if unit == "share" else f"{value:.{1 if unit == 'points' else 3}f}"


def shown_bounds(score: Estimate, unit: Unit) -> str:
    """The interval of a score, or a dash."""
    if score.low is None or score.high is None:
        return "–"
    return f"{shown(score.low, unit)} – {shown(score.high, unit)}"


def shown_interval(score: Estimate, unit: Unit) -> str:
    """A score with its interval in brackets."""
    if score.low is None or score.high is None:
        return f"{shown(score.value, unit)} [–]"
    return f"{shown(score.value, unit)} [{shown(score.low, unit)}, {shown(score.high, unit)}]"
