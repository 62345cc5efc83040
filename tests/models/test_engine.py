"""The local engine: batches equal single runs, streams equal texts, scores equal the model's own loss."""

from pathlib import Path

import pytest
import torch

from common.errors import UserError
from data_recipes.schema.example import Message
from models.engines.engine import Sampling
from models.engines.local import LocalEngine, load_engine

QUESTIONS = ["高血压的常见症状有什么？", "偏头痛", "普通感冒可以挂什么科？请说得详细一些，谢谢。"]


@pytest.fixture(scope="module")
def engine(tiny_base: Path) -> LocalEngine:
    return load_engine(tiny_base)


def ask(question: str) -> list[Message]:
    return [Message(role="user", content=question)]


def test_batched_answers_equal_single_answers(engine: LocalEngine) -> None:
    sampling = Sampling(max_new_tokens=24)
    together = engine.generate([ask(q) for q in QUESTIONS], [sampling] * 3)
    alone = [engine.generate([ask(q)], [sampling])[0] for q in QUESTIONS]
    assert [c.text for c in together] == [c.text for c in alone]
    assert all(c.completion_tokens > 0 for c in together)


def test_streamed_pieces_join_to_the_text_and_rows_keep_their_own_limits(engine: LocalEngine) -> None:
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


def test_cancelled_row_stops_and_the_others_go_on(engine: LocalEngine) -> None:
    completions = engine.generate(
        [ask(q) for q in QUESTIONS], [Sampling(max_new_tokens=12)] * 3, lambda row, text: row != 1
    )
    assert completions[1].finish_reason == "cancelled"
    assert completions[1].completion_tokens < 12
    assert completions[0].text == engine.generate([ask(QUESTIONS[0])], [Sampling(max_new_tokens=12)])[0].text


def test_score_is_the_models_own_loss_on_the_answer(engine: LocalEngine) -> None:
    conversation = [*ask("高血压"), Message(role="assistant", content="头痛、头晕和心悸。")]
    longer = [*ask("偏头痛的常见症状有什么？"), Message(role="assistant", content="头痛、恶心和畏光，可以挂神经内科。")]
    rendered = engine.prompt_format.render(conversation)
    ids = torch.tensor([rendered.ids])
    labels = torch.where(torch.tensor([rendered.mask]).bool(), ids, -100)
    with torch.inference_mode():
        loss = float(engine.model(input_ids=ids, labels=labels).loss)
    score = engine.score([conversation, longer])[0]
    assert score.tokens == sum(rendered.mask)
    assert -score.logprob / score.tokens == pytest.approx(loss, abs=1e-4)


def test_seeded_sampling_repeats_itself(engine: LocalEngine) -> None:
    sampling = Sampling(max_new_tokens=16, temperature=5.0, top_p=0.95, seed=7)
    first, second = (engine.generate([ask("高血压")], [sampling])[0].text for _ in range(2))
    assert first == second
    other = engine.generate([ask("高血压")], [Sampling(max_new_tokens=16, temperature=5.0, top_p=0.95, seed=8)])[0]
    assert other.text != first


def test_prompt_longer_than_the_context_is_an_error_not_a_cut(engine: LocalEngine) -> None:
    with pytest.raises(UserError, match="context"):
        engine.generate([ask("头痛" * 500)], [Sampling()])


def test_directory_without_a_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"config\.json"):
        load_engine(tmp_path)
