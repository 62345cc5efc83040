"""``/v1/responses`` as OpenAI's client uses it: whole and streamed; what is not served is a 400 that names it."""

import json
from typing import Any

import httpx
import openai
import pytest

from app.pipeline.label import LABEL
from tests.app.fake_engine import ANSWER, FakeEngine
from tests.app.serving import Running

QUESTION = "高血压有哪些症状？"
EMERGENCY = "我爸突然胸痛，出了一身冷汗"


@pytest.fixture
def openai_client(running: Running) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{running.url}/v1", api_key="none", max_retries=0)


def test_the_clients_answer_is_that_of_the_pipeline(openai_client: openai.OpenAI) -> None:
    response = openai_client.responses.create(model="fake-1", input=QUESTION)
    assert response.status == "completed" and response.model == "fake-1"
    assert response.output_text.startswith(ANSWER) and LABEL in response.output_text
    assert response.usage and response.usage.output_tokens == len(ANSWER)
    assert response.usage.total_tokens == response.usage.input_tokens + len(ANSWER)
    assert response.to_dict()["xinglin"]["citations"]  # type: ignore[index]


def test_a_stream_has_the_events_of_openai_in_their_order(openai_client: openai.OpenAI) -> None:
    whole = openai_client.responses.create(model="fake-1", input=QUESTION)
    events = list(openai_client.responses.create(model="fake-1", input=QUESTION, stream=True))
    kinds = [event.type for event in events]
    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert kinds[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert set(kinds[4:-4]) == {"response.output_text.delta"} and len(kinds) > 10
    assert [event.sequence_number for event in events] == list(range(len(events)))
    said = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert events[-1].type == "response.completed"
    assert said == whole.output_text == events[-1].response.output_text
    assert events[-1].response.usage == whole.usage


def test_the_clients_own_stream_helper_reads_it(openai_client: openai.OpenAI) -> None:
    with openai_client.responses.stream(model="fake-1", input=QUESTION) as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        assert stream.get_final_response().output_text == text


def test_an_emergency_is_answered_by_rule(openai_client: openai.OpenAI, engine: FakeEngine) -> None:
    response = openai_client.responses.create(model="fake-1", input=EMERGENCY)
    assert "120" in response.output_text and engine.batches == []


def test_an_answer_goes_back_as_history_and_instructions_reach_the_model_alone(
    openai_client: openai.OpenAI, engine: FakeEngine
) -> None:
    first = openai_client.responses.create(model="fake-1-raw", input=QUESTION, instructions="说得简短。")
    again: Any = [{"role": "user", "content": QUESTION}, *(item.to_dict() for item in first.output)]
    again.append(
        {"role": "user", "content": [{"type": "input_text", "text": "那要"}, {"type": "input_text", "text": "空腹吗"}]}
    )
    engine.batches.clear()
    second = openai_client.responses.create(model="fake-1-raw", input=again, instructions="说得简短。", store=False)
    assert second.output_text == ANSWER
    [[(prompt, _)]] = engine.batches
    said = [(turn.role, turn.content) for turn in prompt]  # type: ignore[union-attr]
    assert said == [("system", "说得简短。"), ("user", QUESTION), ("assistant", ANSWER), ("user", "那要空腹吗")]


def test_what_is_cut_is_incomplete(openai_client: openai.OpenAI) -> None:
    response = openai_client.responses.create(model="fake-1-raw", input=QUESTION, max_output_tokens=5)
    assert (response.status, response.output_text) == ("incomplete", ANSWER[:5])
    assert response.incomplete_details and response.incomplete_details.reason == "max_output_tokens"
    events = list(openai_client.responses.create(model="fake-1-raw", input=QUESTION, max_output_tokens=5, stream=True))
    assert events[-1].type == "response.incomplete"


def test_a_model_that_fails_in_a_stream_ends_it_as_failed(openai_client: openai.OpenAI, engine: FakeEngine) -> None:
    engine.failure = RuntimeError("boom")
    last = list(openai_client.responses.create(model="fake-1", input=QUESTION, stream=True))[-1]
    assert last.type == "response.failed" and last.response.error and last.response.status == "failed"
    with pytest.raises(openai.InternalServerError):
        openai_client.responses.create(model="fake-1", input=QUESTION)


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"text": {"format": {"type": "json_object"}}}, "text"),
        ({"reasoning": {"effort": "high"}}, "reasoning"),
        ({"background": True}, "background"),
        ({"include": ["message.output_text.logprobs"]}, "include"),
        ({"max_tokens": 5}, "max_tokens"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]},
            "input.0.content.0.type",
        ),
        ({"input": [{"type": "function_call_output", "call_id": "1", "output": "2"}]}, "input.0.type"),
        ({"input": [{"role": "user", "content": "在吗", "tool_calls": [1]}]}, "input.0.tool_calls"),
        ({"input": [{"role": "user", "content": "在吗"}, {"role": "assistant", "content": "在"}]}, "input"),
        ({"input": " "}, "input"),
        ({"input": []}, "input"),
        ({"input": 5}, "input"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
    ],
)
def test_what_is_not_served_is_named(standing: httpx.Client, more: dict[str, Any], param: str) -> None:
    refused = standing.post("/v1/responses", json={"model": "fake-1", "input": QUESTION} | more)
    assert refused.status_code == 400
    error = refused.json()["error"]
    assert error["param"] == param and " · " in error["message"], json.dumps(error, ensure_ascii=False)


def test_neutral_values_are_accepted_and_unknown_models_are_not(standing: httpx.Client) -> None:
    neutral = {"tools": [], "tool_choice": "auto", "truncation": "disabled", "store": True, "metadata": {"a": "b"}}
    answer = standing.post("/v1/responses", json={"model": "fake-1", "input": QUESTION, "user": "u", **neutral})
    assert answer.status_code == 200
    assert (answer.json()["metadata"], answer.json()["store"]) == ({"a": "b"}, False)
    assert standing.post("/v1/responses", json={"model": "gpt-4o", "input": QUESTION}).status_code == 404
