"""Runs a model on suites: every item is answered and its reference answer is scored; a document is only scored.

A suite is one split of the dataset, or a file of items of one's own. What an item can be judged by is in the item
itself (``eval/judges/``).
"""

import math
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from tqdm import tqdm

from common.errors import UserError
from common.hashing import sha256_text
from data_recipes.schema.example import Example
from eval.answers import AnswerKind, ModelAnswer
from eval.config import SuiteConfig
from eval.own_items import read_items
from eval.solving import solve_together
from models.engines.engine import Completion, Engine, RepetitionDetection, Sampling, Score
from strategies import STRATEGIES
from strategies.strategy import ModelCall, Question, Solving

NOT_TEST = ("train", "dev")
TOKENS_SCORED_AT_ONCE = 4096
LOOPS = RepetitionDetection(max_pattern_size=64, min_count=4)
"""When an answer without a limit is ended because it loops, as the service does it."""


def select(splits: Mapping[str, Sequence[Example]], config: SuiteConfig) -> dict[str, list[Example]]:
    """Chooses the items of a suite.

    Args:
        splits: The splits of the dataset.
        config: The suite.

    Returns:
        Items by split; those of a file by the name of the suite.

    Raises:
        UserError: A requested split does not exist, there is nothing to run, or an item of a file is wrong.
    """
    if config.items is not None:
        return {config.name: choose(read_items(config), config)}
    names = [name for name in splits if name not in NOT_TEST] if config.splits == "all_test" else config.splits
    missing = [name for name in names if not splits.get(name)]
    if missing or not names:
        raise UserError(
            f"the dataset has no items in: {', '.join(missing)}" if missing else "the dataset has no test split",
            where="suite.splits",
            fix=f"choose among: {', '.join(splits)}",
        )
    return {name: choose(splits[name], config) for name in names}


def choose(examples: Sequence[Example], config: SuiteConfig) -> list[Example]:
    """At most ``max_items`` of some items, those with the smallest seeded hash: whether an item is chosen does not
    depend on how the others are ordered."""
    if config.max_items is None or len(examples) <= config.max_items:
        return list(examples)
    ranked = sorted(examples, key=lambda example: sha256_text(f"{config.seed} {example.id}"))
    kept = {example.id for example in ranked[: config.max_items]}
    return [example for example in examples if example.id in kept]


def answer_items(
    engine: Engine, examples: Sequence[Example], wanted: Collection[int], config: SuiteConfig
) -> Iterator[dict[int, ModelAnswer]]:
    """Answers items and scores their reference answers, batch by batch.

    Args:
        engine: The model.
        examples: All items of an evaluation: what shares a batch does not depend on what is answered already.
        wanted: Positions of the items to answer.
        config: Decoding and batching.

    Yields:
        The answers of a batch, by position.
    """
    lengths, chosen = [engine.count_prompt_tokens(example.messages) for example in examples], set(wanted)
    if too_long := [i for i in wanted if lengths[i] > engine.context_length]:
        yield {i: ModelAnswer(kind=kind_of(examples[i]), text="", finish_reason="too_long") for i in too_long}
    # similar lengths share a batch; the longest comes first, so that a lack of memory shows immediately
    order = sorted((i for i in range(len(examples)) if lengths[i] <= engine.context_length), key=lambda i: -lengths[i])
    batches = [order[start : start + config.batch_size] for start in range(0, len(order), config.batch_size)]
    with tqdm(total=len(wanted) - len(too_long), desc=f"answering ({engine.model_version})", unit="item") as progress:
        for asked in ([i for i in batch if i in chosen] for batch in batches):
            if asked:
                yield _answered(engine, examples, asked, lengths, config)
                progress.update(len(asked))


def kind_of(example: Example) -> AnswerKind:
    """What is done with an item."""
    return "read" if example.is_text else "generated"


def _answered(
    engine: Engine, examples: Sequence[Example], batch: Sequence[int], lengths: Sequence[int], config: SuiteConfig
) -> dict[int, ModelAnswer]:
    asked = [i for i in batch if not examples[i].is_text]
    solvings = [solving(examples[i], config) for i in asked]
    generated = solve_together(solvings, lambda requests: _generated(engine, requests, config))
    answers = dict.fromkeys(batch, ModelAnswer(kind="read", text="")) | dict(zip(asked, generated, strict=True))
    scored = [i for i in batch if examples[i].has_reference]
    scores = [
        score
        for together in _batches_of_tokens(scored, lengths)
        for score in engine.score([examples[i].messages for i in together])
    ]
    known = dict(zip(scored, scores, strict=True))
    return {i: _with_score(answer, known.get(i)) for i, answer in answers.items()}


def solving(example: Example, config: SuiteConfig) -> Solving:
    """The suite's strategy at work on an item."""
    asked = Question(example.id, example.prompt, options=bool(example.choices))
    return STRATEGIES[config.strategy.name].solve(config.strategy, asked, config.seed)


def _generated(engine: Engine, requests: Sequence[ModelCall], config: SuiteConfig) -> list[ModelAnswer]:
    """Replies to requests, some at a time; one that does not fit the context has none."""
    fitting = [i for i, one in enumerate(requests) if engine.count_prompt_tokens(one.messages) < engine.context_length]
    replies = [ModelAnswer(text="", finish_reason="too_long")] * len(requests)
    plain = decoding(config, engine.context_length)
    for start in range(0, len(fitting), config.batch_size):
        batch = fitting[start : start + config.batch_size]
        sampling = [replace(plain, temperature=requests[i].temperature, seed=requests[i].seed) for i in batch]
        began = time.monotonic()
        completions = engine.generate([requests[i].messages for i in batch], sampling)
        seconds = (time.monotonic() - began) / len(batch)
        for i, completion in zip(batch, completions, strict=True):
            replies[i] = _reply(completion, seconds)
    return replies


def decoding(config: SuiteConfig, context_length: int) -> Sampling:
    """How replies are generated: greedily where a strategy does not sample, up to the suite's limit; without one, to
    the context or into a loop.

    Args:
        config: The suite.
        context_length: Most tokens of prompt and answer together.
    """
    if config.max_new_tokens is None:
        return Sampling(max_new_tokens=context_length, repetition_detection=LOOPS)
    return Sampling(max_new_tokens=config.max_new_tokens)


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


def _reply(completion: Completion, seconds: float) -> ModelAnswer:
    assert completion.finish_reason != "cancelled"  # nothing cancels here
    return ModelAnswer(
        text=completion.text,
        finish_reason=completion.finish_reason,
        tokens=completion.completion_tokens,
        prompt_tokens=completion.prompt_tokens,
        seconds=seconds,
    )


def _with_score(answer: ModelAnswer, score: Score | None) -> ModelAnswer:
    if score is None:
        return answer
    logprob = -math.inf if math.isnan(score.logprob) else score.logprob
    return answer.model_copy(update={"logprob": logprob, "reference_tokens": score.tokens})
