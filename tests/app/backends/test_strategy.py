"""Strategies in front of the served model: the same ones that evaluations use."""

from typing import Any

import pytest

from app.config import AppConfig
from common.command import read_config
from common.errors import UserError
from models.conversation import Prompt
from models.engines.engine import Sampling
from tests.app.fake_engine import FakeEngine
from tests.app.serving import CONFIG, serving

CALLS = 5


class Speaker(FakeEngine):
    """Answers by what it is asked."""

    def __init__(self, says: dict[str, str]) -> None:
        super().__init__()
        self.says = says

    def generate(self, prompts: Any, sampling: Any, on_text: Any = None) -> Any:
        replies = []
        for prompt, one in zip(prompts, sampling, strict=True):
            self.answer = next((text for word, text in self.says.items() if word in prompt[-1].content), "不知道")
            replies += super().generate([prompt], [one], on_text and (lambda row, text: on_text(0, text)))
        return replies


def asked(engine: FakeEngine) -> list[tuple[Prompt, Sampling]]:
    return [one for batch in engine.batches for one in batch]


def config_of(strategy: object) -> Any:
    return CONFIG.model_validate({**CONFIG.model_dump(), "queue_limit": 8, "strategy": strategy})


def test_phrasings_vote_behind_the_api() -> None:
    engine = Speaker({"请回答": "答案：8", "请直接": "一共是7", "等于": "答案：7"})
    with serving(engine, "general", config=config_of("prompt_ensemble")) as server, server.client() as client:
        engine.batches.clear()
        reply = client.post("/v1/qa", json={"question": "3+4等于几？"}).json()
        assert reply["answer"] == "答案：7" and reply["usage"]["calls"] == len(asked(engine)) == CALLS
        tokens = sum(len(prompt[-1].content) for prompt, _ in asked(engine))  # type: ignore[index]
        assert reply["usage"]["prompt_tokens"] == tokens
        body = {"model": "fake-1", "messages": [{"role": "user", "content": "3+4等于几？"}]}
        chat = client.post("/v1/chat/completions", json=body).json()
        assert "答案：7" in chat["choices"][0]["message"]["content"] and chat["usage"]["calls"] == CALLS
        raw = client.post("/v1/chat/completions", json=body | {"model": "fake-1-raw"}).json()
        assert "calls" not in raw["usage"]  # the model alone


def test_parts_are_asked_one_after_another_and_streamed_in_one_piece() -> None:
    engine = Speaker(
        {"请列出": "1. 甲？\n2. 乙？", "请只回答：甲": "子", "请只回答：乙": "丑", "现在请回答": "答案：寅"}
    )
    with serving(engine, "general", config=config_of("least_to_most")) as server, server.client() as client:
        engine.batches.clear()
        text = client.post("/v1/qa", json={"question": "丙？", "stream": True}).text
        assert text.count("event: delta") == 1 and "答案：寅" in text
        last = asked(engine)[-1][0][-1].content  # type: ignore[index]
        assert len(asked(engine)) == 4 and "问：甲？\n答：子\n问：乙？\n答：丑" in last


def test_samples_are_drawn_with_seeds_of_their_own() -> None:
    engine = Speaker({"等于": "答案：7"})
    with serving(engine, "general", config=config_of({"name": "self_consistency", "samples": 3})) as server:
        engine.batches.clear()
        with server.client() as client:
            client.post("/v1/qa", json={"question": "3+4等于几？"})
        found = [sampling for _, sampling in asked(engine)]
        assert [one.temperature for one in found] == [0.7] * 3 and len({one.seed for one in found}) == 3
        assert {one.max_new_tokens for one in found} == {64}


def test_what_does_not_fit_the_queue_is_refused_whole() -> None:
    engine = Speaker({"等于": "答案：7"})
    few = config_of({"name": "self_consistency", "samples": 20})
    with serving(engine, "general", config=few) as server, server.client() as client:
        engine.gate.clear()
        assert client.post("/v1/qa", json={"question": "3+4等于几？"}).status_code == 503
        engine.gate.set()
        server.wait_for(lambda: not server.backend.busy)


def test_a_prompt_that_grows_too_long_is_an_error_of_the_model() -> None:
    engine = Speaker({"请列出": "1. 甲？", "请只回答：甲": "子" * 60, "问：甲": "x"})
    engine.context_length = 90  # type: ignore[misc]
    with serving(engine, "general", config=config_of("least_to_most")) as server, server.client() as client:
        assert client.post("/v1/qa", json={"question": "丙？"}).status_code == 500


def test_it_is_configured_as_in_evaluations() -> None:
    words = ["serve.strategy.name=self_consistency", "serve.strategy.samples=3", "model=x"]
    [config] = read_config("app", words, AppConfig)
    assert config.serve.strategy.model_dump()["samples"] == 3
    [config] = read_config("app", ["serve.strategy=prompt_ensemble", "model=x"], AppConfig)
    assert config.serve.strategy.name == "prompt_ensemble"
    with pytest.raises(UserError, match="shots"):
        read_config("app", ["serve.strategy=few_shot", "model=x"], AppConfig)
