"""Runs a model on suites: every item is answered greedily and its reference answer is scored.

A suite is one split of the dataset. What an item can be judged by is in the item itself (``eval/judges/``).
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

from tqdm import tqdm

from common.errors import UserError
from common.hashing import sha256_text
from data_recipes.schema.example import Example
from eval.answers import ModelAnswer, SystemResult
from eval.config import SuiteConfig
from models.engines.engine import Completion, Engine, Sampling, Score

NOT_TEST = ("train", "dev")
TOKENS_SCORED_AT_ONCE = 4096


def select(splits: Mapping[str, Sequence[Example]], config: SuiteConfig) -> dict[str, list[Example]]:
    """Chooses the items of a suite.

    Args:
        splits: The splits of the dataset.
        config: The suite.

    Returns:
        Items by split. Of a split larger than ``max_items`` those with the smallest seeded hash are taken, so that the
        choice for an item does not depend on the other items.

    Raises:
        UserError: A requested split does not exist, or there is nothing to run.
    """
    names = [name for name in splits if name not in NOT_TEST] if config.splits == "all_test" else config.splits
    missing = [name for name in names if not splits.get(name)]
    if missing or not names:
        raise UserError(
            f"the dataset has no items in: {', '.join(missing)}" if missing else "the dataset has no test split",
            where="suite.splits",
            fix=f"choose among: {', '.join(splits)}",
        )
    return {name: _chosen(splits[name], config) for name in names}


def _chosen(examples: Sequence[Example], config: SuiteConfig) -> list[Example]:
    if config.max_items is None or len(examples) <= config.max_items:
        return list(examples)
    ranked = sorted(examples, key=lambda example: sha256_text(f"{config.seed} {example.id}"))
    kept = {example.id for example in ranked[: config.max_items]}
    return [example for example in examples if example.id in kept]


def evaluate_system(engine: Engine, suites: Mapping[str, Sequence[Example]], config: SuiteConfig) -> SystemResult:
    """Answers every item and scores every reference answer.

    Args:
        engine: The model.
        suites: Items by suite.
        config: Decoding and batching.

    Returns:
        Every answer, in the order of the items.
    """
    examples = [example for items in suites.values() for example in items]
    lengths = [engine.count_prompt_tokens(example.messages) for example in examples]
    fitting = [i for i, length in enumerate(lengths) if length <= engine.context_length]
    # similar lengths share a batch; the longest comes first, so that a lack of memory shows immediately
    fitting.sort(key=lambda i: -lengths[i])
    completions = _complete(engine, examples, fitting, config)
    scores = _score(engine, examples, fitting, lengths)
    answers = iter([_answer(completions.get(i), scores.get(i)) for i in range(len(examples))])
    by_suite = {name: tuple(itertools.islice(answers, len(items))) for name, items in suites.items()}
    return SystemResult(model_version=engine.model_version, answers=by_suite)


def _complete(
    engine: Engine, examples: Sequence[Example], order: Sequence[int], config: SuiteConfig
) -> dict[int, Completion]:
    completions: dict[int, Completion] = {}
    with tqdm(total=len(order), desc=f"answering ({engine.model_version})", unit="item") as progress:
        for start in range(0, len(order), config.batch_size):
            batch = order[start : start + config.batch_size]
            sampling = Sampling(max_new_tokens=config.max_new_tokens)
            answered = engine.generate([examples[i].prompt for i in batch], [sampling] * len(batch))
            completions |= zip(batch, answered, strict=True)
            progress.update(len(batch))
    return completions


def _score(
    engine: Engine, examples: Sequence[Example], order: Sequence[int], lengths: Sequence[int]
) -> dict[int, Score]:
    scores: dict[int, Score] = {}
    with tqdm(total=len(order), desc=f"held-out loss ({engine.model_version})", unit="item") as progress:
        for batch in _batches_of_tokens(order, lengths):
            scores |= zip(batch, engine.score([examples[i].messages for i in batch]), strict=True)
            progress.update(len(batch))
    return scores


def _batches_of_tokens(order: Sequence[int], lengths: Sequence[int]) -> Iterator[list[int]]:
    """Cuts the items, longest first, into batches of at most ``TOKENS_SCORED_AT_ONCE`` padded tokens."""
    batch: list[int] = []
    for i in order:
        if batch and len(batch) == rows_scored_at_once(lengths[batch[0]], len(order)):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def rows_scored_at_once(longest: int, items: int) -> int:
    """How many of these items are scored together where the longest of them has so many tokens."""
    return min(items, max(1, TOKENS_SCORED_AT_ONCE // longest))


def _answer(completion: Completion | None, score: Score | None) -> ModelAnswer:
    if completion is None or score is None:
        return ModelAnswer(text="", finish_reason="too_long")
    assert completion.finish_reason != "cancelled"  # nothing cancels here
    return ModelAnswer(
        text=completion.text,
        finish_reason=completion.finish_reason,
        tokens=completion.completion_tokens,
        logprob=-math.inf if math.isnan(score.logprob) else score.logprob,
        reference_tokens=score.tokens,
    )
