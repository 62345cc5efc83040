"""Evaluates what rates answers: of every held-out pair, which answer is rated higher."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from common.hashing import sha256_of_hashes
from data_recipes.pipeline.build import BuiltDataset
from data_recipes.schema.example import Example, Message
from eval.answers import ModelAnswer, SystemRecord, SystemResult
from eval.config import SuiteConfig
from eval.evaluation import session_of
from eval.report.assemble import assemble
from eval.report.schema import TUNED, Report, System
from eval.report.write import write_report
from models.artifact import RewardArtifact
from models.conversation import Conversation
from models.engines.engine import Engine
from models.numerics import compute_dtype

Rate = Callable[[Sequence[Conversation]], Sequence[float]]
"""The rating of the last turn of each conversation."""


def held_out_pairs(suites: Mapping[str, Sequence[Example]]) -> dict[str, list[Example]]:
    """The items of each suite that have a better and a worse answer; suites without any are dropped."""
    pairs = {
        name: [example for example in examples if example.rejected and example.has_reference]
        for name, examples in suites.items()
    }
    return {name: found for name, found in pairs.items() if found}


def preferred(rate: Rate, suites: Mapping[str, Sequence[Example]], version: str) -> SystemResult:
    """Which answer of every pair is rated higher.

    Args:
        rate: Rates answers.
        suites: Pairs, by suite.
        version: Name of what rates.
    """
    return SystemResult(
        model_version=version, answers={name: _of_suite(rate, examples) for name, examples in suites.items()}
    )


def _of_suite(rate: Rate, examples: Sequence[Example]) -> tuple[ModelAnswer, ...]:
    pairs = [(example.answer, example.rejected) for example in examples]
    conversations = [
        (*example.prompt, Message(role="assistant", content=text))
        for example, pair in zip(examples, pairs, strict=True)
        for text in pair
    ]
    ratings = rate(conversations)
    rated = zip(pairs, ratings[0::2], ratings[1::2], strict=True)
    return tuple(
        ModelAnswer(kind="preferred", text="" if better == worse else pair[worse > better])
        for pair, better, worse in rated
    )


def by_likelihood(engine: Engine, at_once: int) -> Rate:
    """A language model rates an answer by the mean log-probability of its tokens, nats."""

    def rate(conversations: Sequence[Conversation]) -> list[float]:
        starts = range(0, len(conversations), at_once)
        scores = [score for start in starts for score in engine.score(conversations[start : start + at_once])]
        return [score.logprob / score.tokens for score in scores]

    return rate


def by_length(conversations: Sequence[Conversation]) -> list[float]:
    """The longer answer: what a reward model that has learned nothing else prefers."""
    return [float(len(conversation[-1].content)) for conversation in conversations]


def evaluate_pairs(
    results: Mapping[System, SystemResult],
    suites: Mapping[str, Sequence[Example]],
    dataset: BuiltDataset,
    config: SuiteConfig,
    out: Path,
    artifact: RewardArtifact,
    metrics_file: Path,
    command: str,
) -> Report:
    """Measures, compares and writes the report of a reward model.

    Args:
        results: What each system prefers; the result of the run is ``tuned``.
        suites: The pairs of each suite, in the order of the answers.
        dataset: Where they come from.
        config: The suite.
        out: Where ``index.html``, ``report.json``, ``report.md`` and ``items.jsonl`` go.
        artifact: The record of the reward model.
        metrics_file: ``metrics.jsonl`` of its training.
        command: The command that reruns this.
    """
    record = SystemRecord(
        name=artifact.model_version,
        kind=artifact.kind,
        origin=str(out.parent),
        sha256=sha256_of_hashes(artifact.files.items()) if artifact.files else "",
        tuned_from=artifact.base.name,
        tuned_from_sha256=artifact.base.sha256,
        prompt_format=artifact.prompt_format,
        prompt_format_sha256=artifact.prompt_format_sha256,
        dtype=compute_dtype(artifact.dtype).name,
        sessions=(session_of(command),),
    )
    report, items = assemble(
        {**results, TUNED: results[TUNED].model_copy(update={"record": record})},
        suites,
        dataset,
        config,
        artifacts={TUNED: artifact},
        metrics_file=metrics_file,
        dtype=record.dtype,
        command=command,
    )
    write_report(report, items, out)
    return report
