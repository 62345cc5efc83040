"""Guesses from the prompt: they are what followed there, and no answer depends on them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from models.conversation import Continuation
from models.engines import decoding
from models.engines.engine import Completion, Sampling
from models.engines.local import LocalEngine, load_engine
from models.engines.prompt_lookup import PromptLookup

TEXTS = [
    "高血压的常见症状有头痛、头晕和心悸。高血压可以挂心血管内科。",
    "普通感冒的常见症状有鼻塞、流涕和咽痛。普通感冒可以挂呼吸内科。",
    "偏头痛的常见症状有头痛、恶心和畏光。偏头痛可以挂神经内科。",
    "1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7 8 9",
]


def test_a_guess_is_what_followed_the_newest_tokens_in_the_prompt() -> None:
    lookup = PromptLookup([1, 2, 3, 4, 5, 9, 2, 3, 4, 6, 7])
    assert lookup.guess([8, 2, 3, 4], 5) == [6, 7]  # as it came last
    assert lookup.guess([5, 9, 2], 2) == [3, 4]
    assert lookup.guess([4, 6, 7], 4) == lookup.guess([3, 4], 4) == lookup.guess([2, 3, 4], 0) == []
    assert PromptLookup([1]).guess([1], 3) == []


@pytest.fixture(scope="module", params=["as trained", "ties"])
def engine(request: pytest.FixtureRequest, tiny_base: Path) -> LocalEngine:
    engine = load_engine(tiny_base)
    if request.param == "ties":  # what the texts say is as likely as other tokens
        weight = engine.model.get_output_embeddings().weight.data
        used = sorted({token for text in TEXTS for token in engine.encode(text, beginning=True)})
        others = [token for token in range(len(weight)) if token not in used]
        weight[others[-len(used) :]] = weight[used]
    _ = engine.decoder.output  # tries the model
    return engine


@pytest.fixture
def passes(engine: LocalEngine) -> Iterator[list[int]]:
    """Tokens per row of each pass of the model."""
    forward, read = engine.model.forward, []

    def counting(*arguments: object, **named: torch.Tensor) -> object:
        read.append(named["input_ids"].shape[1])
        return forward(*arguments, **named)

    engine.model.forward = counting
    yield read
    engine.model.forward = forward


def test_answers_are_the_same_with_and_without_guesses(
    engine: LocalEngine, passes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = [
        Continuation(tuple(engine.encode(text + other + text[:5], beginning=True)))
        for text in TEXTS
        for other in TEXTS[:3]
    ]
    sampling = [Sampling(max_new_tokens=14, frequency_penalty=0.2 * (place % 3 == 2)) for place in range(9)]
    sampling += [Sampling(max_new_tokens=14, temperature=0.7, seed=seed) for seed in range(3)]

    def answers() -> list[Completion]:
        batches = [slice(start, start + 3) for start in range(0, 12, 3)]
        return [one for batch in batches for one in engine.generate(prompts[batch], sampling[batch])]

    monkeypatch.setattr(decoding, "GUESSING_ROWS", 3)
    guessing, guessed = answers(), [*passes]
    monkeypatch.setattr(decoding, "GUESSED", 0)
    assert guessing == answers() and any(1 < read < 12 for read in guessed)
    assert guessing == [engine.generate([prompt], [s])[0] for prompt, s in zip(prompts, sampling, strict=True)]
