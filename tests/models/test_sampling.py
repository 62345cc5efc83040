"""Sampling: each setting does what it says, and a row's result does not depend on its neighbours."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.engines.engine import RepetitionDetection, Sampling
from models.engines.local import LocalEngine, load_engine
from models.engines.sampling import RowSampler, likely, repeated_if_next
from tests.models.asking import ask

GREEDY = Sampling(max_new_tokens=12)
SETTINGS = [
    GREEDY,
    replace(GREEDY, repetition_penalty=1.5),
    replace(GREEDY, frequency_penalty=1.0, presence_penalty=0.5),
    replace(GREEDY, dry_multiplier=2.0, dry_allowed_length=1),
    replace(GREEDY, temperature=2.0, top_k=40, seed=3),
    replace(GREEDY, temperature=3.0, min_p=0.05, top_p=0.9, seed=4, repetition_penalty=1.2),
    replace(GREEDY, temperature=3.0, seed=4),
]


@pytest.fixture(scope="module")
def engine(tiny_base: Path) -> LocalEngine:
    return load_engine(tiny_base)


def test_a_row_does_not_depend_on_its_neighbours(engine: LocalEngine) -> None:
    questions = [ask(q) for q in ("高血压", "偏头痛的症状", "感冒挂什么科？", "胃炎", "糖尿病", "头痛", "头晕怎么办")]
    together = [c.text for c in engine.generate(questions, SETTINGS)]
    backwards = [c.text for c in engine.generate(questions[::-1], SETTINGS[::-1])][::-1]
    alone = [engine.generate([q], [s])[0].text for q, s in zip(questions, SETTINGS, strict=True)]
    assert together == alone == backwards
    assert len(set(together)) >= 5


def processed(sampling: Sampling, logits: list[float], answer: list[int], prompt: tuple[int, ...] = ()) -> list[float]:
    result: list[float] = (
        RowSampler(sampling, prompt, answer, [4], frozenset({3})).penalised(torch.tensor(logits)).tolist()
    )
    return result


def test_repetition_penalty_shrinks_what_prompt_and_answer_have_but_not_the_stop_token() -> None:
    logits = [2.0, -2.0, 2.0, 1.0, 2.0]
    expected = [1.0, -4.0, 2.0, 1.0, 2.0]  # divided where positive, multiplied where negative
    assert processed(Sampling(repetition_penalty=2.0), logits, [0, 4], prompt=(1, 4)) == expected


def test_frequency_and_presence_count_the_answer_alone() -> None:
    sampling = Sampling(frequency_penalty=0.5, presence_penalty=0.25)
    assert processed(sampling, [1.0] * 5, [0, 0, 2], prompt=(1,)) == [-0.25, 1.0, 0.25, 1.0, 1.0]


def test_dry_punishes_what_would_continue_a_repetition() -> None:
    sampling = Sampling(dry_multiplier=1.0, dry_base=2.0, dry_allowed_length=2)
    # … 5 6 7 … 5 6: 7 would repeat, after two tokens that agree
    assert processed(sampling, [0.0] * 8, [5, 6, 7, 1, 5, 6])[7] == -1.0
    assert processed(sampling, [0.0] * 8, [2, 5, 6, 7, 1, 2, 5, 6])[7] == -2.0
    assert processed(sampling, [0.0] * 8, [6, 7, 1, 6])[7] == 0.0
    assert processed(sampling, [0.0] * 8, [5, 3, 6, 7, 5, 3, 6])[7] == 0.0  # 3 breaks it


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([], {}),
        ([1, 2, 3], {}),
        ([1, 2, 1, 2, 1], {2: 3}),
        ([1, 1, 1, 1], {1: 3}),
        ([7, 1, 2, 8, 1, 3, 7, 1], {2: 2, 3: 1}),
        ([5, 9, 5], {9: 1}),
        ([1, 9, 5, 9], {}),
    ],
)
def test_lengths_of_repetitions(answer: list[int], expected: dict[int, int]) -> None:
    assert repeated_if_next(answer, frozenset({9})) == expected


def test_limits_keep_the_likeliest_and_drop_the_rest() -> None:
    shares = torch.tensor([0.1, 0.4, 0.05, 0.3, 0.15])

    def kept(**limits: float) -> list[int]:
        return [i for i, share in enumerate(likely(shares, Sampling(**limits)).tolist()) if share]  # type: ignore[arg-type]

    assert kept() == [0, 1, 2, 3, 4]
    assert kept(top_k=2) == [1, 3] and kept(top_k=-1) == [0, 1, 2, 3, 4]
    assert kept(top_p=0.7) == [1, 3] and kept(top_p=0.71) == [1, 3, 4] and kept(top_p=1e-9) == [1]
    assert kept(min_p=0.5) == [1, 3] and kept(min_p=1.0) == [1]
    assert kept(top_k=3, top_p=0.8) == [1, 3]  # of what top_k leaves


def test_a_row_that_loops_is_ended_and_the_others_go_on(engine: LocalEngine) -> None:
    looping = Sampling(max_new_tokens=100, frequency_penalty=-2.0, presence_penalty=-2.0)  # rewards repetition
    watched = replace(looping, repetition_detection=RepetitionDetection(32, 1, 4))
    ended, free, plain = engine.generate([ask("高血压")] * 3, [watched, looping, GREEDY])
    assert ended.finish_reason == "repetition_detected"
    assert ended.completion_tokens < free.completion_tokens == 100
    assert free.finish_reason == "length"
    assert free.text.startswith(ended.text)
    assert plain.finish_reason in ("stop", "length")


def test_detection_switched_off_by_size_ends_nothing(engine: LocalEngine) -> None:
    off = RepetitionDetection(0)
    sampling = Sampling(max_new_tokens=60, frequency_penalty=-2.0, presence_penalty=-2.0, repetition_detection=off)
    assert engine.generate([ask("高血压")], [sampling])[0].finish_reason == "length"
