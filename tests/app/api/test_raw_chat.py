"""Chat completions, as real clients see them, of the model alone; the pipeline is in ``test_chat.py``."""

import json
from typing import Any

import httpx
import openai
import pytest
from huggingface_hub import InferenceClient

from app.config import SamplingConfig
from domains.knowledge_base import KnowledgeBase
from models.engines.engine import RepetitionDetection
from tests.app.fake_engine import ANSWER, FakeEngine
from tests.app.serving import CONFIG, Running, serving

QUESTION: list[Any] = [{"role": "user", "content": "高血压有哪些症状？"}]


@pytest.fixture
def api(running: Running) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{running.url}/v1", api_key="none", max_retries=0)


def post(client: httpx.Client, **body: Any) -> httpx.Response:
    return client.post("/v1/chat/completions", json={"model": "fake-1-raw", "messages": QUESTION, **body})


def test_openai_client_gets_an_answer_with_usage(api: openai.OpenAI) -> None:
    answer = api.chat.completions.create(model="fake-1-raw", messages=QUESTION)
    assert answer.choices[0].message.content == ANSWER
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == len(QUESTION[0]["content"])
    assert answer.usage.completion_tokens == len(ANSWER)


def test_openai_client_streams_pieces_a_reason_and_usage(api: openai.OpenAI) -> None:
    stream = api.chat.completions.create(
        model="fake-1-raw", messages=QUESTION, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert len([piece for piece in pieces if piece]) > 1
    assert "".join(pieces) == ANSWER
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["stop"]
    assert chunks[-1].usage is not None and chunks[-1].usage.completion_tokens == len(ANSWER)


def test_usage_is_streamed_only_when_asked_for(api: openai.OpenAI) -> None:
    assert all(c.usage is None for c in api.chat.completions.create(model="fake-1-raw", messages=QUESTION, stream=True))


def test_hugging_face_client_gets_the_same_answer(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)  # offline applies to this machine, too
    client = InferenceClient(base_url=f"{running.url}/v1")
    whole = client.chat_completion(QUESTION, model="fake-1-raw")
    assert whole.choices[0].message.content == ANSWER
    stream = client.chat_completion(QUESTION, model="fake-1-raw", stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == ANSWER


def test_what_is_served_is_listed(api: openai.OpenAI) -> None:
    assert [model.id for model in api.models.list()] == ["fake-1", "fake-1-raw"]
    assert api.models.retrieve("fake-1").owned_by == "xinglin"
    with pytest.raises(openai.NotFoundError, match="fake-1"):
        api.models.retrieve("another")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("stop", "expected"),
    [("头晕", "高血压的常见症状有头痛、"), (["没有的", "和", "心悸"], "高血压的常见症状有头痛、头晕")],
)
def test_stop_strings_end_the_answer_and_are_not_part_of_it(
    api: openai.OpenAI, engine: FakeEngine, stream: bool, stop: Any, expected: str
) -> None:
    if stream:
        chunks = list(api.chat.completions.create(model="fake-1-raw", messages=QUESTION, stop=stop, stream=True))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        reason: str | None = chunks[-1].choices[0].finish_reason
    else:
        choice = api.chat.completions.create(model="fake-1-raw", messages=QUESTION, stop=stop).choices[0]
        text, reason = choice.message.content or "", choice.finish_reason
    assert (text, reason) == (expected, "stop")


def test_a_stop_string_that_never_completes_is_not_lost(api: openai.OpenAI) -> None:
    answer = api.chat.completions.create(model="fake-1-raw", messages=QUESTION, stop="心悸。还有")
    assert answer.choices[0].message.content == ANSWER


def test_max_tokens_cuts_with_reason_length(api: openai.OpenAI) -> None:
    for limit in ({"max_tokens": 3}, {"max_completion_tokens": 3}):
        choice = api.chat.completions.create(model="fake-1-raw", messages=QUESTION, **limit).choices[0]  # type: ignore[call-overload]
        assert (choice.message.content, choice.finish_reason) == (ANSWER[:3], "length")


def test_sampling_reaches_the_engine_and_greedy_ignores_the_rest(api: openai.OpenAI, engine: FakeEngine) -> None:
    api.chat.completions.create(model="fake-1-raw", messages=QUESTION, temperature=0.7, top_p=0.9, seed=5, max_tokens=7)
    api.chat.completions.create(model="fake-1-raw", messages=QUESTION, top_p=0.9, seed=5)
    first, second = (batch[0][1] for batch in engine.batches)
    assert (first.temperature, first.top_p, first.seed, first.max_new_tokens) == (0.7, 0.9, 5, 7)
    assert (second.temperature, second.top_p, second.seed) == (0, 1.0, None)


def test_penalties_and_limits_reach_the_engine_under_their_usual_names(
    client: httpx.Client, engine: FakeEngine
) -> None:
    penalties = {
        "repetition_penalty": 1.1,
        "frequency_penalty": 0.2,
        "presence_penalty": -0.3,
        "dry_multiplier": 0.8,
        "dry_base": 2.0,
        "dry_allowed_length": 3,
    }
    chance = {"temperature": 0.7, "top_k": 20, "min_p": 0.1}
    assert post(client, **penalties, **chance).status_code == 200
    assert post(client, **penalties, top_k=20).status_code == 200
    sampled, greedy = (batch[0][1] for batch in engine.batches)
    assert {name: getattr(sampled, name) for name in penalties | chance} == penalties | chance
    assert {name: getattr(greedy, name) for name in penalties} == penalties and greedy.top_k == 0


def test_loops_are_watched_for_unless_the_client_says_otherwise(client: httpx.Client, engine: FakeEngine) -> None:
    own = {"max_pattern_size": 20, "min_pattern_size": 2, "min_count": 3}
    for detection in (None, own, {"max_pattern_size": 0}):
        assert post(client, repetition_detection=detection).status_code == 200
    by_default, chosen, off = (batch[0][1].repetition_detection for batch in engine.batches)
    assert by_default == RepetitionDetection(64, 1, 4)
    assert chosen == RepetitionDetection(20, 2, 3)
    assert off is not None and off.max_pattern_size == 0


def test_an_answer_that_looped_says_so_as_vllm_does(api: openai.OpenAI, engine: FakeEngine) -> None:
    engine.reason = "repetition_detected"
    choice = api.chat.completions.create(model="fake-1-raw", messages=QUESTION).choices[0]
    last = list(api.chat.completions.create(model="fake-1-raw", messages=QUESTION, stream=True))[-1].choices[0]
    for found in (choice, last):
        assert found.finish_reason == "stop"
        assert found.model_extra is not None and found.model_extra["stop_reason"] == "repetition_detected"


def test_a_stop_string_is_named_as_the_reason(client: httpx.Client) -> None:
    assert post(client, stop=["和", "头晕"]).json()["choices"][0]["stop_reason"] == "头晕"
    assert post(client).json()["choices"][0]["stop_reason"] is None


def test_messages_reach_the_engine_as_they_are(client: httpx.Client, engine: FakeEngine) -> None:
    messages = [
        {"role": "developer", "content": "简短回答"},
        {"role": "user", "content": [{"type": "text", "text": " 你"}, {"type": "text", "text": "好 "}]},
    ]
    assert post(client, messages=messages).status_code == 200
    conversation, _ = engine.batches[0][0]
    assert [(turn.role, turn.content) for turn in conversation] == [("system", "简短回答"), ("user", " 你好 ")]


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"n": 2}, 400, "n"),
        ({"tools": [{"type": "function"}]}, 400, "tools"),
        ({"response_format": {"type": "json_object"}, "model": "fake-1"}, 400, "response_format"),
        ({"response_format": {"type": "json_schema"}}, 400, "response_format"),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": {"wrong": 1}}}}, 400, "response_format"),
        ({"response_format": {"type": "grammar"}}, 400, "response_format.type"),
        ({"logprobs": True}, 400, "logprobs"),
        ({"frequency_penalty": 2.5}, 400, "frequency_penalty"),
        ({"repetition_penalty": 0}, 400, "repetition_penalty"),
        ({"top_k": -2}, 400, "top_k"),
        ({"top_k": 2**31}, 400, "top_k"),
        ({"repetition_detection": {"min_count": 2**62}}, 400, "repetition_detection.min_count"),
        (
            {"repetition_detection": {"max_pattern_size": 0, "min_pattern_size": 2**64}},
            400,
            "repetition_detection.min_pattern_size",
        ),
        ({"min_p": 1.5}, 400, "min_p"),
        ({"dry_base": 0.5}, 400, "dry_base"),
        ({"repetition_detection": {"min_count": 1}}, 400, "repetition_detection.min_count"),
        ({"repetition_detection": {"max_pattern_size": 2, "min_pattern_size": 3}}, 400, "repetition_detection"),
        ({"repetition_detection": {"max_size": 2}}, 400, "repetition_detection.max_size"),
        ({"no_such_thing": 1}, 400, "no_such_thing"),
        ({"stop": ["a"] * 17}, 400, "stop"),
        ({"stop": ""}, 400, "stop"),
        ({"max_tokens": 0}, 400, "max_tokens"),
        ({"tools": [{"type": "function"}], "tool_choice": "auto"}, 400, "tools"),
        ({"tool_choice": "required"}, 400, "tool_choice"),
        ({"best_of": 2}, 400, "best_of"),
        ({"echo": True}, 400, "echo"),
        ({"min_tokens": 5}, 400, "min_tokens"),
        ({"stream_options": {"continuous_usage_stats": True}}, 400, "stream_options.continuous_usage_stats"),
        (
            {"messages": [*QUESTION, {"role": "assistant", "tool_calls": [{"id": "1"}]}, *QUESTION]},
            400,
            "messages.1.tool_calls",
        ),
        ({"messages": [{"role": "user", "content": ""}]}, 400, "messages.0"),
        ({"messages": [{"role": "tool", "content": "1"}]}, 400, "messages.0.role"),
        ({"messages": [{"role": "assistant", "content": "你好"}]}, 400, "messages"),
        ({"messages": []}, 400, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400, "messages.0.content"),
        ({"temperature": 3}, 400, "temperature"),
        ({"top_p": 0}, 400, "top_p"),
        ({"model": "another"}, 404, "model"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(
    standing: httpx.Client, body: dict[str, Any], status: int, param: str
) -> None:
    response = post(standing, **body)
    assert response.status_code == status
    error = response.json()["error"]
    assert error["param"] == param
    assert error["type"] == "invalid_request_error" and error["message"] and error["code"]


def test_a_schema_reaches_the_engine_and_loops_do_not_end_its_answer(client: httpx.Client, engine: FakeEngine) -> None:
    schema = {"type": "object", "properties": {"症状": {"type": "string"}}}
    form = {"type": "json_schema", "json_schema": {"name": "症状", "schema": schema, "strict": True}}
    for wanted, given in (({"type": "json_object"}, {"type": "object"}), (form, schema)):
        assert post(client, response_format=wanted).status_code == 200
        [(_, sampling)] = engine.batches[-1]
        assert json.loads(sampling.response_format or "") == given and sampling.repetition_detection is None
    assert post(client).status_code == 200 and engine.batches[-1][0][1].response_format is None


def test_minus_one_draws_from_all_tokens(client: httpx.Client, engine: FakeEngine) -> None:
    """As vLLM's clients write it; engines and servers get 0."""
    assert post(client, temperature=0.7, top_k=-1).status_code == 200
    [(_, sampling)] = engine.batches[-1]
    assert sampling.top_k == SamplingConfig(top_k=-1).top_k == 0


def test_what_asks_for_nothing_is_accepted(standing: httpx.Client) -> None:
    neutral = {
        **{"n": 1, "best_of": 1, "tools": None, "tool_choice": "auto", "parallel_tool_calls": True, "functions": []},
        **{"frequency_penalty": 0, "presence_penalty": 0, "repetition_penalty": 1.0, "top_k": -1, "min_p": 0},
        **{"logprobs": False, "logit_bias": {}, "response_format": {"type": "text"}, "ignore_eos": False},
        **{"user": "u1", "metadata": {"a": "b"}, "stream": None, "stream_options": None, "stop": None, "seed": None},
    }
    assert post(standing, **neutral).status_code == 200


@pytest.mark.parametrize("model", ["fake-1", "fake-1-raw"])
def test_what_answers_contain_may_come_back_as_history(api: openai.OpenAI, engine: FakeEngine, model: str) -> None:
    answer = api.chat.completions.create(model=model, messages=QUESTION).choices[0].message
    history: list[Any] = [*QUESTION, answer.model_dump(), {"role": "user", "content": "要空腹吗"}]
    assert api.chat.completions.create(model=model, messages=history).choices[0].finish_reason == "stop"
    assert [turn.role for turn in engine.batches[-1][0][0]] == ["user", "assistant", "user"]  # type: ignore[union-attr]


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_system_text_or_answer_is_no_error(
    client: httpx.Client, engine: FakeEngine, empty: str | None
) -> None:
    messages = [
        {"role": "system", "content": empty},
        {"role": "user", "content": "高血压有哪些症状？"},
        {"role": "assistant", "content": empty},
        {"role": "user", "content": "高血压有哪些症状？"},
    ]
    for model in ("fake-1-raw", "fake-1"):
        assert post(client, messages=messages, model=model).status_code == 200
    alone, questioned = ([(turn.role, turn.content) for turn in batch[0][0]] for batch in engine.batches)  # type: ignore[union-attr]
    assert alone == [(turn["role"], turn["content"] or "") for turn in messages]
    assert questioned == [("user", "高血压有哪些症状？\n高血压有哪些症状？")]


def test_more_tokens_than_usual_are_served_up_to_the_longest_answer(
    client: httpx.Client, engine: FakeEngine, knowledge: KnowledgeBase
) -> None:
    asked = {"max_tokens": 1024}
    question = {"question": "高血压有哪些症状？"}
    assert post(client, **asked).status_code == post(client, model="fake-1", **asked).status_code == 200
    assert client.post("/v1/qa", json=question | asked).status_code == 200
    assert [batch[0][1].max_new_tokens for batch in engine.batches] == [1024] * 3
    with serving(engine, "medical", knowledge, CONFIG.model_copy(update={"longest_answer": 5})) as limited:
        engine.batches.clear()
        with limited.client() as other:
            cut = post(other, **asked).json()["choices"][0]
            assert (cut["message"]["content"], cut["finish_reason"]) == (ANSWER[:5], "length")
            assert other.post("/v1/qa", json=question).json()["usage"]["completion_tokens"] == 5


def test_a_prompt_longer_than_the_context_is_refused(api: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        api.chat.completions.create(model="fake-1-raw", messages=[{"role": "user", "content": "长" * 1000}])
    assert caught.value.code == "context_length_exceeded"


def test_a_failure_in_mid_stream_is_told_to_the_client(api: openai.OpenAI, engine: FakeEngine) -> None:
    engine.failure = RuntimeError("boom")
    with pytest.raises(openai.APIError, match="try again"):
        list(api.chat.completions.create(model="fake-1-raw", messages=QUESTION, stream=True))


def test_streams_are_not_buffered_by_proxies(client: httpx.Client) -> None:
    response = post(client, stream=True)
    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert response.headers["X-Accel-Buffering"] == "no"
    assert response.text.endswith("data: [DONE]\n\n")


def test_a_temperature_that_no_number_survives_is_greedy(api: openai.OpenAI, engine: FakeEngine) -> None:
    for temperature in (1e-40, 0.009, 0.01):
        api.chat.completions.create(model="fake-1-raw", messages=QUESTION, temperature=temperature)
    assert [batch[0][1].temperature for batch in engine.batches] == [0, 0, 0.01]
