"""Assembles the report's content from examples, answers and the files of the run."""

import itertools
import platform
import time
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import numpy as np

from data_recipes.leakage import overlap
from data_recipes.pipeline.build import BuiltDataset
from data_recipes.schema.example import Example
from data_recipes.schema.manifest import MANIFEST, DatasetManifest, GroundingUsed
from eval import significance
from eval.answers import ModelAnswer, SystemResult
from eval.baselines import measure_baselines
from eval.calibration import calibration
from eval.config import SuiteConfig
from eval.exams.exam import Exam
from eval.judges import JUDGES, primary
from eval.judges.judge import MATTERS, RANGES
from eval.own_items import told
from eval.report.schema import (
    BASE,
    MOST_LOOPS,
    MOST_UNFINISHED,
    Agreement,
    Comparison,
    Cost,
    Counted,
    Curve,
    Facet,
    ItemRecord,
    Lengths,
    Merge,
    MetricRecord,
    NotMeasurable,
    Odd,
    Point,
    Report,
    ReportProvenance,
    Scores,
    SuiteOverlap,
    SuiteRecord,
    System,
    subject_of,
)
from eval.scoring import Measurement, measure
from eval.significance import Estimate
from eval.thresholds import threshold_curve
from models.artifact import (
    AdapterArtifact,
    Artifact,
    BesideBaseArtifact,
    LanguageModelArtifact,
    MergedArtifact,
)
from models.loops import find_loop
from models.run_directory import read_metrics
from strategies import most_calls

CURVE_POINTS = 200  # a plot cannot show more
LENGTH_BINS = 20
QUESTION_LENGTHS = (15, 30, 60, 200)  # by which scores are broken down
VERSIONS = ("torch", "transformers", "peft", "sacrebleu", "rapidfuzz", "numpy")

Measure = TypeVar("Measure")
Suites = Mapping[str, Sequence[Example]]
Measured = dict[System, dict[str, dict[str, Measurement]]]
"""Measurements by system, suite and metric."""
OddAnswers = Mapping[System, Mapping[str, Sequence[tuple[Odd, ...]]]]
"""What is unusual about each answer, by system and suite."""
Overlaps = Mapping[str, Mapping[System, overlap.MeasuredOverlap | NotMeasurable]]
"""What each suite shares with the training data of each system that may have been tuned."""


def assemble(
    results: Mapping[System, SystemResult],
    suites: Suites,
    dataset: BuiltDataset,
    config: SuiteConfig,
    *,
    artifacts: Mapping[System, Artifact],
    metrics_file: Path | None,
    dtype: str,
    command: str,
    exams: Sequence[Exam] = (),
    demonstrations: Mapping[str, tuple[str, ...]] | None = None,
) -> tuple[Report, list[ItemRecord]]:
    """Measures, compares and assembles the report.

    Args:
        results: The answers of each system, the baseline first.
        suites: The items of each suite, in the order of the answers.
        dataset: Where the items come from.
        config: The suite.
        artifacts: The records of the systems that were tuned.
        metrics_file: ``metrics.jsonl`` of the training of the one that the report is about.
        dtype: Type that the models computed in.
        command: The command that reruns this.
        exams: The published exams among the suites.
        demonstrations: Ids of the training rows that are shown before the questions of a suite.

    Returns:
        The report, and one record per item.
    """
    artifact = artifacts.get(subject_of(results))
    measured = _on_texts_read_by_all(
        {
            system: {suite: measure(examples, result.answers[suite]) for suite, examples in suites.items()}
            for system, result in results.items()
        }
    )
    odd = {
        system: {suite: [_odd(answer) for answer in result.answers[suite]] for suite in suites}
        for system, result in results.items()
    }
    counted = {
        system: {suite: _counted(found) for suite, found in by_suite.items()} for system, by_suite in odd.items()
    }
    overlaps = _overlaps(results, suites, dataset, artifacts)
    overlapping = {suite: _overlapping(found) for suite, found in overlaps.items()}
    report = Report(
        systems={
            system: {suite: _scores(m, suites[suite]) for suite, m in by_suite.items()}
            for system, by_suite in measured.items()
        },
        clean={system: _clean(by_suite, suites, overlapping) for system, by_suite in measured.items()},
        by_kind={
            system: {suite: _by_kind(m, suites[suite]) for suite, m in by_suite.items()}
            for system, by_suite in measured.items()
        },
        breakdowns={
            facet: found
            for facet, value_of in FACETS.items()
            if any((found := _breakdown(measured, suites, value_of)).values())
        },
        comparisons=_comparisons(
            measured,
            suites,
            _looping(counted, suites),
            _unfinished(counted, suites),
        ),
        agreements=_agreements(results, suites),
        calibration=_by_suite(results, suites, calibration),
        thresholds=_by_suite(results, suites, threshold_curve),
        metrics=_metrics(measured),
        baselines={
            suite: {name: _scores(m, examples) for name, m in measure_baselines(examples, config.seed).items()}
            for suite, examples in suites.items()
        },
        suites=_suite_records(
            results, suites, dataset, config, overlaps, overlapping, counted, exams, demonstrations or {}
        ),
        curve=_curve(metrics_file),
        lengths=_lengths(dataset, artifact),
        merge=_merge(artifact) if artifact else None,
        provenance=_provenance(results, dataset, config, artifact, dtype, command, exams),
    )
    return report, _items(results, suites, measured, odd, overlapping)


def _on_texts_read_by_all(measured: Measured) -> Measured:
    """A text that does not fit the context of one system counts for none: how likely texts are, differs by text."""
    read: dict[tuple[str, str], set[int]] = {}
    for by_suite in measured.values():
        for suite, by_metric in by_suite.items():
            for name, one in by_metric.items():
                if one.judge.reads == "read":
                    read[suite, name] = read.get((suite, name), set(one.items)) & set(one.items)
    common = {place: sorted(items) for place, items in read.items() if items}
    return {
        system: {
            suite: {n: one.only(common.get((suite, n), one.items)) for n, one in by_metric.items()}
            for suite, by_metric in by_suite.items()
        }
        for system, by_suite in measured.items()
    }


def _scores(measurements: Mapping[str, Measurement], examples: Sequence[Example]) -> Scores:
    return {name: _score(measurement, examples) for name, measurement in measurements.items()}


def _score(measurement: Measurement, examples: Sequence[Example]) -> Estimate:
    groups = [examples[i].group for i in measurement.items]
    judge = measurement.judge
    return significance.estimate(measurement.statistics, groups, judge.aggregate).within(*RANGES[judge.unit])


def _clean(
    by_suite: Mapping[str, Mapping[str, Measurement]], suites: Suites, overlapping: Mapping[str, Container[str]]
) -> dict[str, Scores]:
    """Scores on the items that overlap with no training data, of the suites that have items of both sorts."""
    places = {
        suite: [i for i, e in enumerate(items) if e.id not in overlapping[suite]] for suite, items in suites.items()
    }
    mixed = [suite for suite, clean in places.items() if 0 < len(clean) < len(suites[suite])]
    narrowed = {suite: {name: m.only(places[suite]) for name, m in by_suite[suite].items()} for suite in mixed}
    return {
        suite: _scores({n: m for n, m in found.items() if m.items}, suites[suite]) for suite, found in narrowed.items()
    }


def _broken_down(
    measurements: Mapping[str, Measurement], examples: Sequence[Example], values: Sequence[str], shown: Iterable[str]
) -> dict[str, Scores]:
    """Scores of the items that have each of the values to show."""
    found: dict[str, Scores] = {}
    for value in shown:
        places = [i for i, of_item in enumerate(values) if of_item == value]
        narrowed = {name: measurement.only(places) for name, measurement in measurements.items()}
        found[value] = _scores({name: m for name, m in narrowed.items() if m.items}, examples)
    return found


def _by_kind(measurements: Mapping[str, Measurement], examples: Sequence[Example]) -> dict[str, Scores]:
    kinds = [example.kind for example in examples]
    return _broken_down(measurements, examples, kinds, dict.fromkeys(kinds))


def _breakdown(
    measured: Measured, suites: Suites, value_of: Callable[[Example], str]
) -> dict[System, dict[str, dict[str, Scores]]]:
    """Scores by system, suite and value, of the suites in which at least two values have enough items."""
    found: dict[System, dict[str, dict[str, Scores]]] = {system: {} for system in measured}
    for suite, examples in suites.items():
        values = [value_of(example) for example in examples]
        shown = [value for value, count in Counter(values).most_common() if count >= significance.LEAST_ITEMS]
        if len(shown) > 1:
            for system, by_suite in measured.items():
                found[system][suite] = _broken_down(by_suite[suite], examples, values, shown)
    return found


def _turns(example: Example) -> str:
    return "several" if sum(message.role == "user" for message in example.prompt) > 1 else "one"


def _length(example: Example) -> str:
    """Of the last question, or of a document, in characters."""
    said = (example.prompt or example.messages)[-1].content
    longest = next((most for most in QUESTION_LENGTHS if len(said) <= most), None)
    return f"≤ {longest}" if longest else f"> {QUESTION_LENGTHS[-1]}"


FACETS: dict[Facet, Callable[[Example], str]] = {
    "source": lambda example: example.source,
    "turns": _turns,
    "length": _length,
}


def _comparisons(
    measured: Measured,
    suites: Suites,
    looping: Container[System],
    unfinished: Container[tuple[System, str]],
) -> tuple[Comparison, ...]:
    """Every other system against the first; the primary comparisons of the report share one correction."""
    baseline, *others = measured
    found = [
        (suite, name, system, _difference(base, measured[system][suite][name], suites[suite]))
        for system in others
        for suite, measurements in measured[baseline].items()
        for name, base in measurements.items()
        if JUDGES[name].compared and name in measured[system][suite]
    ]
    decisive = [
        difference.n >= significance.LEAST_ITEMS
        and difference.groups >= significance.LEAST_GROUPS
        and name in primary(measured[system][suite])
        for suite, name, system, difference in found
    ]
    corrected = iter(significance.holm([d.p for (*_, d), decides in zip(found, decisive, strict=True) if decides]))
    adjusted = [next(corrected) if decides else None for decides in decisive]
    return tuple(
        Comparison(
            suite=suite,
            metric=name,
            system=system,
            baseline=baseline,
            difference=difference.value,
            low=difference.low,
            high=difference.high,
            n=difference.n,
            groups=difference.groups,
            p=difference.p,
            p_holm=p_holm,
            detectable=difference.detectable,
            verdict=_verdict(
                name,
                difference,
                p_holm,
                loops=system in looping,
                unfinished=(system, suite) in unfinished or (baseline, suite) in unfinished,
            ),
        )
        for (suite, name, system, difference), p_holm in zip(found, adjusted, strict=True)
    )


def _verdict(
    metric: str, difference: significance.Difference, p_holm: float | None, *, loops: bool, unfinished: bool
) -> significance.Verdict:
    """A system that loops is not called better by any metric: overlap with a reference rewards repeating its words.
    Neither is one that is compared with answers that were not given whole: a limit can make any system worse. It can
    make any two alike, too, as loops can: then nothing is equivalent."""
    if p_holm is None:
        return "no verdict"
    judge = JUDGES[metric]
    found = significance.verdict(
        difference, p_holm, higher_is_better=judge.higher_is_better, matters=MATTERS[judge.unit]
    )
    if found == "equivalent" and (loops or unfinished):
        return "no difference shown"
    if found != "better":
        return found
    return "loops" if loops else "unfinished" if unfinished else found


def _looping(counted: Mapping[System, Mapping[str, Counted]], suites: Suites) -> set[System]:
    """The systems that loop in more than ``MOST_LOOPS`` of their answers."""
    items = sum(map(len, suites.values()))
    return {
        system
        for system, by_suite in counted.items()
        if sum(suite.loops or 0 for suite in by_suite.values()) > MOST_LOOPS * items
    }


def _unfinished(counted: Mapping[System, Mapping[str, Counted]], suites: Suites) -> set[tuple[System, str]]:
    """The systems with the suites of which too many of their answers are no whole ones; texts are not answered."""
    answered = {suite for suite, examples in suites.items() if not all(example.is_text for example in examples)}
    return {
        (system, suite)
        for system, by_suite in counted.items()
        for suite, found in by_suite.items()
        if suite in answered and (found.unfinished or 0) > MOST_UNFINISHED * len(suites[suite])
    }


def _difference(base: Measurement, other: Measurement, examples: Sequence[Example]) -> significance.Difference:
    """Compares on the items that both measured: a reference too long for one tokenizer has no loss there."""
    base, other = base.only(other.items), other.only(base.items)
    groups = [examples[i].group for i in base.items]
    found = significance.compare(base.statistics, other.statistics, groups, base.judge.aggregate)
    return found.within(*RANGES[base.judge.unit])


def _agreements(results: Mapping[System, SystemResult], suites: Suites) -> tuple[Agreement, ...]:
    """How many answers any two systems share, word for word."""
    return tuple(
        Agreement(
            suite=suite, system=system, other=other, share=_same(results[system], results[other], suite, examples)
        )
        for other, system in itertools.combinations(results, 2)
        for suite, examples in suites.items()
        if not all(example.is_text for example in examples)
    )


def _by_suite(
    results: Mapping[System, SystemResult],
    suites: Suites,
    curve: Callable[[Sequence[Example], Sequence[ModelAnswer]], Measure],
) -> dict[str, dict[System, Measure]]:
    """A curve of each system and suite that has one."""
    found: dict[str, dict[System, Measure]] = {
        suite: {s: one for s, result in results.items() if (one := curve(examples, result.answers[suite]))}
        for suite, examples in suites.items()
    }
    return {suite: by_system for suite, by_system in found.items() if by_system}


def _same(system: SystemResult, other: SystemResult, suite: str, examples: Sequence[Example]) -> Estimate:
    pairs = zip(system.answers[suite], other.answers[suite], strict=True)
    same = np.array([[float(one.text.strip() == another.text.strip()), 1.0] for one, another in pairs])
    return significance.estimate(same, [example.group for example in examples], significance.ratio)


def _metrics(measured: Measured) -> dict[str, MetricRecord]:
    found = {name for by_suite in measured.values() for by_name in by_suite.values() for name in by_name}
    return {
        name: MetricRecord(signature=judge.signature, unit=judge.unit, higher_is_better=judge.higher_is_better)
        for name, judge in JUDGES.items()
        if name in found
    }


def _suite_records(
    results: Mapping[System, SystemResult],
    suites: Suites,
    dataset: BuiltDataset,
    config: SuiteConfig,
    overlaps: Overlaps,
    overlapping: Mapping[str, Container[str]],
    counted: Mapping[System, Mapping[str, Counted]],
    exams: Sequence[Exam],
    demonstrations: Mapping[str, tuple[str, ...]],
) -> dict[str, SuiteRecord]:
    subject = subject_of(results)
    shots = dict.fromkeys(demonstrations, config.strategy.shots)
    shots |= {name: exam.config.shots for exam in exams for name in exam.scored}
    records = {}
    for name, examples in suites.items():
        description = dataset.manifest.descriptions.get(name)
        records[name] = SuiteRecord(
            zh=description.zh if description else name,
            en=description.en if description else name,
            items=len(examples),
            shots=shots.get(name, 0),
            demonstrations=demonstrations.get(name, ()),
            without_reference=sum(not example.is_judged for example in examples),
            groups=len({example.group for example in examples}),
            kinds=dict(Counter(example.kind for example in examples)),
            overlap=_overlap(overlaps[name][subject], len(examples)),
            other_overlaps={s: _overlap(found, len(examples)) for s, found in overlaps[name].items() if s != subject},
            overlapping=tuple(e.id for e in examples if e.id in overlapping[name]),
            counted={system: by_suite[name] for system, by_suite in counted.items()},
            cost={system: _cost(result.answers[name]) for system, result in results.items()},
        )
    return records


def _overlaps(
    results: Mapping[System, SystemResult],
    suites: Suites,
    dataset: BuiltDataset,
    artifacts: Mapping[System, Artifact],
) -> Overlaps:
    train = {
        system: _training_fingerprints(dataset, artifacts.get(system))
        for system in results
        if system in (subject_of(results), *artifacts) or system != BASE  # a base's training data is unknown
    }
    return {
        suite: {s: known if isinstance(known, str) else overlap.measure(known, items) for s, known in train.items()}
        for suite, items in suites.items()
    }


def _overlapping(found: Mapping[System, overlap.MeasuredOverlap | NotMeasurable]) -> set[str]:
    """Ids of the items that overlap with the training data of at least one system."""
    measured = [one for one in found.values() if not isinstance(one, str)]
    return {id for one in measured for id in (*one.exact_ids, *one.ngram_ids)}


def _training_fingerprints(dataset: BuiltDataset, artifact: Artifact | None) -> overlap.Fingerprints | NotMeasurable:
    """Fingerprints of what a model was trained on, or why there are none."""
    if artifact is None:
        return "training data unknown"
    if artifact.dataset_sha256 == dataset.manifest.sha256:
        return overlap.load(dataset.directory)
    directory = Path(artifact.dataset)
    if (directory / MANIFEST).is_file() and DatasetManifest.load(directory).sha256 == artifact.dataset_sha256:
        return overlap.load(directory)
    return "training data gone"


def _overlap(found: overlap.MeasuredOverlap | NotMeasurable, items: int) -> SuiteOverlap:
    if isinstance(found, str):
        return SuiteOverlap(n=items, exact=None, shared_13=None, not_measurable=found)
    return SuiteOverlap(n=found.n, exact=found.exact, shared_13=found.ngram)


def _odd(answer: ModelAnswer) -> tuple[Odd, ...]:
    """What is unusual about an answer."""
    reason = answer.finish_reason
    found: dict[Odd, bool] = {
        "cut": reason == "length",
        "empty": not answer.text.strip() and answer.kind != "read" and reason not in ("too_long", "failed"),
        "too_long": reason == "too_long",
        "loops": find_loop(answer.text) is not None,
        "failed": reason == "failed",
    }
    return tuple(name for name, is_so in found.items() if is_so)


def _counted(answers: Sequence[tuple[Odd, ...]]) -> Counted:
    counts = Counter(itertools.chain.from_iterable(answers))
    unfinished = sum(not {"empty", "too_long", "failed"}.isdisjoint(odd) or odd == ("cut",) for odd in answers)
    return Counted(
        cut=counts["cut"],
        empty=counts["empty"],
        too_long=counts["too_long"],
        loops=counts["loops"],
        failed=counts["failed"],
        unfinished=unfinished,
    )


def _cost(answers: Sequence[ModelAnswer]) -> Cost:
    """Tokens and time of the answers that were given."""
    given = [answer for answer in answers if answer.finish_reason not in ("too_long", "failed")]
    seconds = [answer.seconds for answer in given if answer.seconds is not None]
    tokens, prompt_tokens, calls = (
        sum(values)
        for values in zip(*[(one.tokens, one.prompt_tokens, one.calls) for one in given] or [(0, 0, 0)], strict=True)
    )
    return Cost(
        tokens=tokens / len(given) if tokens else None,
        prompt_tokens=prompt_tokens / len(given) if prompt_tokens else None,
        calls=calls / len(given) if given else None,
        seconds=sum(seconds) / len(seconds) if seconds else None,
        timed=len(seconds),
    )


def _curve(metrics_file: Path | None) -> Curve:
    if metrics_file is None or not metrics_file.is_file():
        return Curve(train=(), dev=())
    lines = read_metrics(metrics_file)
    train = [Point(step=line["step"], loss=line["loss"]) for line in lines if "loss" in line]
    dev = [Point(step=line["step"], loss=line["dev_loss"]) for line in lines if "dev_loss" in line]
    return Curve(train=_thinned(train), dev=tuple(dev))


def _thinned(points: Sequence[Point]) -> tuple[Point, ...]:
    """At most ``CURVE_POINTS`` points, each the mean of its neighbours."""
    size = -(-len(points) // CURVE_POINTS) or 1
    parts = [points[start : start + size] for start in range(0, len(points), size)]
    return tuple(Point(step=part[-1].step, loss=sum(p.loss for p in part) / len(part)) for part in parts)


def _lengths(dataset: BuiltDataset, artifact: Artifact | None) -> Lengths | None:
    """Lengths of what the model was trained on; nothing where that is not this dataset. Of texts nothing is asked."""
    if artifact is None or artifact.dataset_sha256 != dataset.manifest.sha256:
        return None
    train = dataset.splits["train"]
    questions = [sum(len(message.content) for message in one.prompt) for one in train if not one.is_text]
    answers = [len(example.answer) for example in train]
    longest = int(np.quantile(questions + answers, 0.995))  # a few very long ones would flatten everything else
    width = max(1, -(-longest // LENGTH_BINS))
    edges = [width * i for i in range(LENGTH_BINS + 1)]
    return Lengths(edges=tuple(edges), questions=_histogram(questions, edges), answers=_histogram(answers, edges))


def _histogram(values: Sequence[int], edges: Sequence[int]) -> tuple[int, ...]:
    """Counts between the edges; values beyond the last one are counted in the last bin."""
    counts, _ = np.histogram(np.minimum(values, edges[-1]), edges)
    return tuple(int(count) for count in counts)


def _merge(artifact: Artifact) -> Merge | None:
    if not isinstance(artifact, LanguageModelArtifact):
        return None
    proof = artifact.merge_proof if isinstance(artifact, MergedArtifact | AdapterArtifact) else None
    why_not = artifact.why_not_merged if isinstance(artifact, BesideBaseArtifact) else ""
    return Merge(kind=artifact.kind, proof=proof, why_not_merged=why_not)


def _provenance(
    results: Mapping[System, SystemResult],
    dataset: BuiltDataset,
    config: SuiteConfig,
    artifact: Artifact | None,
    dtype: str,
    command: str,
    exams: Sequence[Exam],
) -> ReportProvenance:
    language_model = artifact if isinstance(artifact, LanguageModelArtifact) else None
    return ReportProvenance(
        created=time.strftime("%Y-%m-%d %H:%M:%S %z"),
        model_versions={system: result.model_version for system, result in results.items()},
        systems={system: result.record for system, result in results.items() if result.record},
        method=artifact.method if artifact else "",
        quantisation=language_model.quantisation or "" if language_model else "",
        base=artifact.base.name if artifact else "",
        base_sha256=artifact.base.sha256 if artifact else "",
        dataset=dataset.manifest.name,
        dataset_sha256=dataset.manifest.sha256,
        dataset_rows=dataset.manifest.counts.told,
        dataset_directory=str(dataset.directory),
        trained_on={name: str(split) for name, split in (artifact.trained_on or {}).items()} if artifact else {},
        selected=str(artifact.selected or "") if artifact else "",
        prompt_format=language_model.prompt_format if language_model else "",
        prompt_format_sha256=language_model.prompt_format_sha256 if language_model else "",
        grounding=_grounding(dataset.manifest.grounding),
        items=told(config) if config.items else "",
        exams={exam.name: exam.told for exam in exams},
        suite=config.name,
        seed=config.seed,
        decoding={
            "strategy": _strategy_told(config),
            "max_new_tokens": str(config.max_new_tokens or "to the context, or into a loop"),
            "batch_size": str(config.batch_size),
            "dtype": dtype,
            "max_items": str(config.max_items or "all"),
        },
        versions={"python": platform.python_version(), **{name: version(name) for name in VERSIONS}},
        command=command,
    )


def _strategy_told(config: SuiteConfig) -> str:
    """The strategy with its settings, and its budget of calls."""
    strategy = config.strategy
    settings = ", ".join(f"{key}={value}" for key, value in strategy.model_dump(exclude={"name"}).items())
    return f"{strategy.name} ({settings}; at most {most_calls(strategy)} calls per item)"


def _grounding(used: GroundingUsed | None) -> str:
    if used is None or used.kind == "none":
        return ""
    return f"{used.template}, SHA-256 {used.sha256}, {used.entries} entries"


def _items(
    results: Mapping[System, SystemResult],
    suites: Suites,
    measured: Measured,
    odd: OddAnswers,
    overlapping: Mapping[str, Container[str]],
) -> list[ItemRecord]:
    places = [(suite, place) for suite, examples in suites.items() for place in range(len(examples))]
    scores: dict[tuple[System, str, int], dict[str, float]] = {
        (system, suite, place): {} for system, (suite, place) in itertools.product(results, places)
    }
    for system, by_suite in measured.items():
        for suite, by_metric in by_suite.items():
            for name, measurement in by_metric.items():
                for place, score in zip(measurement.items, measurement.scores, strict=True):
                    scores[system, suite, place][name] = score
    return [
        ItemRecord(
            id=(example := suites[suite][place]).id,
            suite=suite,
            kind=example.kind,
            group=example.group,
            behaviour=example.behaviour,
            prompt=tuple((message.role, message.content) for message in example.prompt),
            reference=example.answer,
            answers={system: result.answers[suite][place].text for system, result in results.items()},
            finish_reasons={s: result.answers[suite][place].finish_reason for s, result in results.items()},
            odd={system: by_suite[suite][place] for system, by_suite in odd.items()},
            overlaps=example.id in overlapping[suite],
            scores={system: scores[system, suite, place] for system in results},
            stated={s: said for s, result in results.items() if (said := result.answers[suite][place].stated)},
        )
        for suite, place in places
    ]
