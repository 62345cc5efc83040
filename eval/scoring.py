"""Which metric applies to which item, and the statistics that intervals and comparisons are made from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from data_recipes.schema.example import Example
from domains.citations import cited
from domains.image_prompts.format import is_image_prompt
from domains.mathematics.answers import is_checkable
from eval.judges import load_metric
from eval.significance import Aggregate, Array, corpus_bleu, ratio
from eval.suites import Answer

Unit = Literal["share", "points", "nats"]


@dataclass(frozen=True)
class Metric:
    """What a reader must know of a metric.

    Attributes:
        unit: ``share`` (0 to 1), ``points`` (0 to 100) or ``nats``.
        compared: Whether two models are compared by it. Loss per token is not: it depends on the tokenizer.
    """

    name: str
    unit: Unit
    higher_is_better: bool = True
    aggregate: Aggregate = ratio
    compared: bool = True


METRICS = {
    metric.name: metric
    for metric in (
        Metric("fact_recall", "share"),
        Metric("math_answer", "share"),
        Metric("citation", "share"),
        Metric("image_prompt_format", "share"),
        Metric("image_prompt_parameters", "share"),
        Metric("span_f1", "share"),
        Metric("span_exact", "share"),
        Metric("span_f1_answerable", "share"),
        Metric("span_exact_answerable", "share"),
        Metric("span_unanswerable", "share"),
        Metric("span_f1_either", "share"),
        Metric("rouge_l_zh", "share"),
        Metric("bleu_zh", "points", aggregate=corpus_bleu),
        Metric("emergency", "share"),
        Metric("refusal", "share"),
        Metric("over_refusal", "share", higher_is_better=False),
        Metric("loss_per_character", "nats", higher_is_better=False),
        Metric("loss_per_token", "nats", higher_is_better=False, compared=False),
    )
}


@dataclass(frozen=True)
class Measurement:
    """One metric on the items of a suite that it applies to.

    Attributes:
        items: Places of these items in the suite.
        statistics: What each adds to the sums of the metric's aggregate, ``[items, k]``.
        scores: Score of each item alone.
        signature: How exactly it was measured.
    """

    metric: Metric
    items: tuple[int, ...]
    statistics: Array
    scores: tuple[float, ...]
    signature: str

    def only(self, places: Sequence[int]) -> "Measurement":
        """The same measurement on those of its items that are among ``places``."""
        wanted = set(places)
        kept = [row for row, item in enumerate(self.items) if item in wanted]
        return Measurement(
            self.metric,
            tuple(self.items[row] for row in kept),
            self.statistics[kept],
            tuple(self.scores[row] for row in kept),
            self.signature,
        )


def measure(examples: Sequence[Example], answers: Sequence[Answer]) -> dict[str, Measurement]:
    """Measures one suite by every metric that at least one of its items can be judged by.

    An item without a reference answer cannot be judged at all.

    Args:
        examples: The items.
        answers: The answers to them, in the same order.

    Returns:
        Measurements by name of the metric, in the order of ``METRICS``.
    """
    everything = [i for i, example in enumerate(examples) if example.has_reference]
    with_facts = [i for i in everything if examples[i].behaviour == "answer" and examples[i].facts]
    checked = [i for i in everything if is_checkable(examples[i].result)]
    citing = [i for i in everything if cited(examples[i].answer)]
    emergencies = [i for i in everything if examples[i].behaviour == "emergency"]
    found = [
        _mean_of("fact_recall", with_facts, answers, [examples[i].facts for i in with_facts]),
        _mean_of("math_answer", checked, answers, [examples[i].result for i in checked]),
        _mean_of("citation", citing, answers, [examples[i].answer for i in citing]),
        *_image_prompts(examples, answers),
        *_spans(examples, answers),
        _mean_of("rouge_l_zh", everything, answers, [examples[i].answer for i in everything]),
        _bleu([i for i in everything if examples[i].passage is None], examples, answers),
        _mean_of("emergency", emergencies, answers, [examples[i].answer for i in emergencies]),
        *_refusals([i for i in everything if examples[i].passage is None], examples, answers),
        *_losses(everything, examples, answers),
    ]
    by_name = {measurement.metric.name: measurement for measurement in found if measurement.items}
    return {name: by_name[name] for name in METRICS if name in by_name}


def _mean_of(
    name: str, items: Sequence[int], answers: Sequence[Answer], references: Sequence[str] | Sequence[tuple[str, ...]]
) -> Measurement:
    if not items:
        return _means(name, items, [], "")
    result = load_metric(name).compute(predictions=[answers[i].text for i in items], references=list(references))
    return _means(name, items, result["scores"], result["signature"])


def _means(name: str, items: Sequence[int], scores: Sequence[float], signature: str) -> Measurement:
    statistics = np.stack([np.asarray(scores, np.float64), np.ones(len(scores))], axis=1)
    return Measurement(METRICS[name], tuple(items), statistics, tuple(scores), signature)


def _image_prompts(examples: Sequence[Example], answers: Sequence[Answer]) -> list[Measurement]:
    items = [i for i, example in enumerate(examples) if is_image_prompt(example.answer)]
    if not items:
        return []
    result = load_metric("image_prompt_format").compute(
        predictions=[answers[i].text for i in items], references=[examples[i].answer for i in items]
    )
    return [
        _means("image_prompt_format", items, result["scores"], result["signature"]),
        _means("image_prompt_parameters", items, result["parameter_scores"], result["signature"]),
    ]


def _spans(examples: Sequence[Example], answers: Sequence[Answer]) -> list[Measurement]:
    """Answers that stand in a passage: all of them, those that there are, and those that there are not."""
    items = [i for i, example in enumerate(examples) if example.passage]
    if not items:
        return []
    result = load_metric("squad_zh_en").compute(
        predictions=[answers[i].text for i in items],
        references=[[examples[i].answer, *examples[i].references] for i in items],
    )
    answerable = [row for row, i in enumerate(items) if examples[i].behaviour == "answer"]
    unanswerable = [row for row, i in enumerate(items) if examples[i].behaviour != "answer"]
    everything = range(len(items))

    def mean(name: str, scores: str, rows: Sequence[int]) -> Measurement:
        return _means(name, [items[row] for row in rows], [result[scores][row] for row in rows], result["signature"])

    return [
        mean("span_f1", "f1_scores", everything),
        mean("span_exact", "exact_scores", everything),
        mean("span_f1_answerable", "f1_scores", answerable),
        mean("span_exact_answerable", "exact_scores", answerable),
        mean("span_unanswerable", "exact_scores", unanswerable),
        mean("span_f1_either", "either_scores", everything),
    ]


def _bleu(items: Sequence[int], examples: Sequence[Example], answers: Sequence[Answer]) -> Measurement:
    if not items:
        return _means("bleu_zh", items, [], "")
    result = load_metric("bleu_zh").compute(
        predictions=[answers[i].text for i in items], references=[examples[i].answer for i in items]
    )
    statistics = np.asarray(result["statistics"], np.float64)
    return Measurement(METRICS["bleu_zh"], tuple(items), statistics, tuple(result["scores"]), result["signature"])


def _refusals(
    items: Sequence[int], examples: Sequence[Example], answers: Sequence[Answer]
) -> tuple[Measurement, Measurement]:
    """Refusals where they are right, and where the knowledge base has the answer."""
    right = [i for i in items if examples[i].behaviour == "refuse"]
    wrong = [i for i in items if examples[i].behaviour == "answer"]
    if not items:
        return _means("refusal", [], [], ""), _means("over_refusal", [], [], "")
    result = load_metric("refusal").compute(
        predictions=[answers[i].text for i in items], references=[examples[i].behaviour for i in items]
    )
    return (
        _means("refusal", right, result["scores"], result["signature"]),
        _means("over_refusal", wrong, result["over_refusal_scores"], result["signature"]),
    )


def _losses(
    items: Sequence[int], examples: Sequence[Example], answers: Sequence[Answer]
) -> tuple[Measurement, Measurement]:
    """Cross-entropy of the reference answers, per token and per character."""
    scored = [(i, -logprob) for i in items if (logprob := answers[i].logprob) is not None]
    tokens = [answers[i].reference_tokens for i, _ in scored]
    characters = [len(examples[i].answer) for i, _ in scored]
    return _loss("loss_per_character", scored, characters), _loss("loss_per_token", scored, tokens)


def _loss(name: str, scored: Sequence[tuple[int, float]], lengths: Sequence[int]) -> Measurement:
    statistics = np.asarray([[loss, length] for (_, loss), length in zip(scored, lengths, strict=True)], np.float64)
    scores = tuple(loss / length for (_, loss), length in zip(scored, lengths, strict=True))
    items = tuple(i for i, _ in scored)
    return Measurement(METRICS[name], items, statistics.reshape(-1, 2), scores, f"{name}|nats|answer,stop|v1")
