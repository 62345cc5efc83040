"""The API of text-generation-inference, as its maintained client reads it."""

from typing import Any

import httpx
import pytest
from huggingface_hub import InferenceClient

from models.conversation import Continuation
from tests.app.fake_engine import ANSWER, FakeEngine
from tests.app.serving import Running


@pytest.fixture
def tgi(running: Running, monkeypatch: pytest.MonkeyPatch) -> InferenceClient:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)  # offline applies to this machine, too
    return InferenceClient(model=running.url)


def test_the_client_gets_a_continuation(tgi: InferenceClient, engine: FakeEngine) -> None:
    assert tgi.text_generation("高", max_new_tokens=30, do_sample=False) == ANSWER
    prompt, sampling = engine.batches[0][0]
    assert prompt == Continuation(tuple(map(ord, "\x02高")))
    assert (sampling.max_new_tokens, sampling.temperature) == (30, 0)
    tgi.text_generation("高", do_sample=True, top_k=5, top_p=0.9, seed=1)
    sampled = engine.batches[1][0][1]
    assert (sampled.temperature, sampled.top_k, sampled.top_p, sampled.seed) == (1.0, 5, 0.9, 1)


def test_the_client_gets_details_and_the_whole_text(tgi: InferenceClient) -> None:
    found = tgi.text_generation("高", details=True, return_full_text=True, stop=["头晕"])
    assert found.generated_text == "高高血压的常见症状有头痛、"
    assert found.details is not None and found.details.finish_reason == "stop_sequence"
    assert tgi.text_generation("高", details=True, max_new_tokens=2).details.finish_reason == "length"  # type: ignore[union-attr]


def test_the_client_streams(tgi: InferenceClient) -> None:
    assert "".join(tgi.text_generation("高", stream=True)) == ANSWER
    last = list(tgi.text_generation("高", stream=True, details=True))[-1]
    assert last.generated_text == ANSWER and last.details is not None and last.details.finish_reason == "eos_token"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"inputs": ""}, "inputs"),
        ({"inputs": "a", "parameters": {"grammar": {"type": "regex", "value": "a"}}}, "parameters.grammar"),
        ({"inputs": "a", "parameters": {"best_of": 2}}, "parameters.best_of"),
        ({"inputs": "a", "parameters": {"top_n_tokens": 1}}, "parameters.top_n_tokens"),
        ({"inputs": "a", "parameters": {"temperature": 3}}, "parameters.temperature"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(standing: httpx.Client, body: dict[str, Any], param: str) -> None:
    for path in ("/generate", "/generate_stream", "/"):
        response = standing.post(path, json=body)
        assert (response.status_code, response.json()["error"]["param"]) == (400, param)


def test_the_model_is_described(standing: httpx.Client) -> None:
    info = standing.get("/info").json()
    assert (info["model_id"], info["max_total_tokens"], info["max_concurrent_requests"]) == ("fake-1-raw", 1000, 7)
