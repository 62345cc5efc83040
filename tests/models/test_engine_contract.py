"""The contract that every engine keeps: batches, streams, limits, cancellation, seeds, the context."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from common.errors import UserError
from models.engines.engine import Engine, Sampling
from models.engines.local import load_engine
from tests.models.asking import QUESTIONS, ask


@pytest.fixture(scope="module", params=["local", "llamacpp"])
def engine(request: pytest.FixtureRequest, gguf_base: Path) -> Iterator[Engine]:
    if request.param == "local":
        yield load_engine(gguf_base)
        return
    pytest.importorskip("xllamacpp", reason="xllamacpp is not installed (pip install 'xinglin[llamacpp]')")
    from models.engines.llamacpp import load_llamacpp_engine

    yield load_llamacpp_engine(gguf_base, weights="f32", slots=2)


def test_batched_answers_equal_single_answers(engine: Engine) -> None:
    sampling = Sampling(max_new_tokens=24)
    together = engine.generate([ask(q) for q in QUESTIONS], [sampling] * 3)
    alone = [engine.generate([ask(q)], [sampling])[0] for q in QUESTIONS]
    assert together == alone
    assert all(c.completion_tokens > 0 for c in together)


def test_streamed_pieces_join_to_the_text_and_rows_keep_their_own_limits(engine: Engine) -> None:
    pieces: dict[int, list[str]] = {0: [], 1: [], 2: []}

    def on_text(row: int, text: str) -> bool:
        pieces[row].append(text)
        return True

    # high temperature: the tiny model would otherwise end its answers soon
    limits = [Sampling(max_new_tokens=n, temperature=5.0, seed=1) for n in (3, 9, 17)]
    completions = engine.generate([ask(q) for q in QUESTIONS], limits, on_text)
    assert ["".join(pieces[row]) for row in range(3)] == [c.text for c in completions]
    assert [c.completion_tokens <= s.max_new_tokens for c, s in zip(completions, limits, strict=True)] == [True] * 3
    assert completions[0].finish_reason == "length" and completions[0].completion_tokens == 3


def test_cancelled_row_stops_and_the_others_go_on(engine: Engine) -> None:
    completions = engine.generate(
        [ask(q) for q in QUESTIONS], [Sampling(max_new_tokens=12)] * 3, lambda row, text: row != 1
    )
    assert completions[1].finish_reason == "cancelled"
    assert completions[1].completion_tokens < 12
    assert completions[0].text == engine.generate([ask(QUESTIONS[0])], [Sampling(max_new_tokens=12)])[0].text


def test_seeded_sampling_repeats_itself(engine: Engine) -> None:
    sampling = Sampling(max_new_tokens=16, temperature=5.0, top_p=0.95, seed=7)
    first, second = (engine.generate([ask("高血压")], [sampling])[0].text for _ in range(2))
    assert first == second
    other = engine.generate([ask("高血压")], [Sampling(max_new_tokens=16, temperature=5.0, top_p=0.95, seed=8)])[0]
    assert other.text != first


def test_prompt_longer_than_the_context_is_an_error_not_a_cut(engine: Engine) -> None:
    with pytest.raises(UserError, match="context"):
        engine.generate([ask("头痛" * 500)], [Sampling()])
