"""Completions of the model alone: shapes as OpenAI's client and lm_eval read them."""

from typing import Any

import httpx
import openai
import pytest

from domains.knowledge_base import KnowledgeBase
from models.conversation import Continuation
from tests.app.fake_engine import ANSWER, FakeEngine
from tests.app.serving import CONFIG, Running, serving

PROMPT = "高血压的"


@pytest.fixture
def api(standing_server: Running) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{standing_server.url}/v1", api_key="none", max_retries=0)


def post(client: httpx.Client, **body: Any) -> httpx.Response:
    return client.post("/v1/completions", json={"model": "fake-1-raw", "prompt": PROMPT, **body})


def test_the_openai_client_gets_a_continuation_with_usage(api: openai.OpenAI) -> None:
    answer = api.completions.create(model="fake-1-raw", prompt=["头痛", "咳嗽"], echo=True, max_tokens=2)
    assert [(choice.index, choice.text) for choice in answer.choices] == [(0, "头痛高血"), (1, "咳嗽高血")]
    assert [choice.finish_reason for choice in answer.choices] == ["length", "length"]
    assert answer.usage is not None and (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (6, 4)


def test_texts_and_token_ids_reach_the_engine_as_they_are(client: httpx.Client, engine: FakeEngine) -> None:
    for prompt in (PROMPT, [22836, 30165], [[22836], [21683]]):
        assert post(client, prompt=prompt, temperature=0.5, seed=3, max_tokens=1000).status_code == 200
    asked = [one for batch in engine.batches for one, _ in batch]
    sampling = engine.batches[0][0][1]
    text = Continuation(tuple(map(ord, "\x02" + PROMPT)))
    assert asked == [text, Continuation((22836, 30165)), Continuation((22836,)), Continuation((21683,))]
    assert (sampling.temperature, sampling.seed, sampling.max_new_tokens) == (0.5, 3, 1000)


def test_a_stream_has_the_text_in_pieces_a_reason_and_usage(api: openai.OpenAI) -> None:
    stream = api.completions.create(
        model="fake-1-raw", prompt=PROMPT, stream=True, echo=True, stop="头晕", stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == PROMPT + "高血压的常见症状有头痛、"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage is not None and chunks[-1].usage.prompt_tokens == 1 + len(PROMPT)


def test_what_lm_eval_asks_gets_a_probability_per_token(standing: httpx.Client) -> None:
    body = {"prompt": [39640, 34880], "echo": True, "logprobs": 1, "max_tokens": 1, "temperature": 0, "seed": 1234}
    choice = post(standing, **body).json()["choices"][0]
    logprobs = choice["logprobs"]
    assert choice["text"] == "".join(logprobs["tokens"]) == "高血" + ANSWER[0]
    assert logprobs["token_logprobs"] == [None, -0.5, -0.5]
    assert logprobs["top_logprobs"] == [None, {"血": -0.5}, {ANSWER[0]: -0.5}]
    assert logprobs["text_offset"] == [0, 1, 2]


def test_a_prompt_is_read_without_a_continuation(standing: httpx.Client) -> None:
    choice = post(standing, echo=True, logprobs=0, max_tokens=0, add_special_tokens=False).json()["choices"][0]
    assert (choice["text"], choice["finish_reason"]) == (PROMPT, "length")
    assert choice["logprobs"]["token_logprobs"] == [None, -0.5, -0.5, -0.5]


def test_probabilities_without_echo_are_those_of_the_continuation(standing: httpx.Client) -> None:
    choice = post(standing, logprobs=2, stop="的常").json()["choices"][0]
    assert choice["logprobs"]["tokens"] == list("高血压")
    assert all(len(top) == 2 for top in choice["logprobs"]["top_logprobs"])
    assert choice["logprobs"]["text_offset"] == [0, 1, 2]


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"model": "fake-1"}, 404, "model"),
        ({"model": "another"}, 404, "model"),
        ({"n": 2}, 400, "n"),
        ({"best_of": 3}, 400, "best_of"),
        ({"suffix": "。"}, 400, "suffix"),
        ({"logprobs": 21}, 400, "logprobs"),
        ({"max_tokens": 0}, 400, "max_tokens"),
        ({"stream": True, "prompt": ["a", "b"]}, 400, "stream"),
        ({"stream": True, "logprobs": 1}, 400, "logprobs"),
        ({"prompt": ["a"] * 4}, 400, "prompt"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(
    standing: httpx.Client, body: dict[str, Any], status: int, param: str
) -> None:
    response = post(standing, **body)
    assert (response.status_code, response.json()["error"]["param"]) == (status, param)


@pytest.mark.parametrize("prompt", [[], [[]], None, {"text": "a"}, ["a", 1]])
def test_what_is_no_prompt_is_refused_in_one_sentence(standing: httpx.Client, prompt: Any) -> None:
    error = post(standing, prompt=prompt).json()["error"]
    assert (error["code"], error["param"]) == ("invalid_request", "prompt")
    assert error["message"].endswith(" · prompt: must be a text, token ids, or a list of either; no list may be empty")


def test_an_engine_without_probabilities_is_named(client: httpx.Client, engine: FakeEngine) -> None:
    engine.gives_logprobs = False
    response = post(client, logprobs=1)
    assert (response.status_code, response.json()["error"]["param"]) == (400, "logprobs")


def test_a_refused_list_leaves_nothing_in_the_queue(client: httpx.Client, running: Running, engine: FakeEngine) -> None:
    too_long = post(client, prompt=["a", "b", "长" * 1000])
    assert too_long.json()["error"]["code"] == "context_length_exceeded"
    running.wait_for(lambda: not running.backend.busy)


def test_without_the_raw_model_texts_are_not_continued(engine: FakeEngine, knowledge: KnowledgeBase) -> None:
    config = CONFIG.model_copy(update={"raw_model": False})
    with serving(engine, "medical", knowledge, config) as server, server.client() as client:
        engine.batches.clear()
        for path, body in (
            ("/v1/completions", {"model": "fake-1-raw", "prompt": "a"}),
            ("/generate", {"inputs": "a"}),
            ("/tokenize", {"prompt": "a"}),
            ("/detokenize", {"tokens": [97]}),
        ):
            response = client.post(path, json=body)
            assert response.status_code == 404 and "serve.raw_model" in response.json()["error"]["message"]
        assert client.get("/info").status_code == 404
    assert engine.batches == []
