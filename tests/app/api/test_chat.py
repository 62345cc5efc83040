"""``/v1/chat/completions`` with the pipeline behind it: rules, sources and labels in OpenAI's format."""

import asyncio
from typing import Any

import httpx
import openai
import pytest

from app.api.chat import ChatMessage, turns_of
from app.backends.local import LocalBackend
from app.pipeline.label import LABEL
from app.service import create_app
from app.versions.version import ServedModel
from domains.domain import NO_KNOWLEDGE, find_domain
from domains.medical.domain import NOTICES
from tests.app.fake_engine import ANSWER, FakeEngine
from tests.app.serving import CONFIG, Running

SEEK_CARE = "请立即拨打120或前往急诊。"


@pytest.fixture
def api(running: Running) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{running.url}/v1", api_key="none", max_retries=0)


def messages(*said: str) -> list[Any]:
    roles = ("user", "assistant")
    return [{"role": roles[place % 2], "content": text} for place, text in enumerate(said)]


def ask(api: openai.OpenAI, *said: str, **more: Any) -> Any:
    return api.chat.completions.create(model="fake-1", messages=messages(*said), **more)


def test_an_answer_has_source_disclaimer_and_label_in_text_and_metadata(api: openai.OpenAI) -> None:
    answer = ask(api, "高血压有哪些症状？")
    text = answer.choices[0].message.content
    assert text.startswith(ANSWER) and "【D001】高血压的症状：" in text
    assert text.endswith(f"{LABEL}。{NOTICES.disclaimer}")
    assert answer.choices[0].finish_reason == "stop" and answer.usage.completion_tokens == len(ANSWER)
    more = answer.model_extra["xinglin"]
    assert more["metadata"]["AIGC"]["Label"] == "1" and more["triage"]["level"] == "routine"
    assert more["citations"][0]["id"] == "D001" and more["answer"] == ANSWER


def test_an_entry_is_named_once_among_the_sources_whatever_is_quoted_of_it(api: openai.OpenAI) -> None:
    answer = ask(api, "高血压有什么症状，要做什么检查？")
    assert [c["attribute"] for c in answer.model_extra["xinglin"]["citations"]] == ["症状", "检查"]
    _, _, sources = answer.choices[0].message.content.partition("出处：")
    assert sources.count("【D001】") == 1 and "高血压的症状：" in sources and "高血压的检查：" in sources


def test_a_stream_says_the_same_as_a_whole_answer(api: openai.OpenAI) -> None:
    chunks = list(ask(api, "高血压有哪些症状？", stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == ask(api, "高血压有哪些症状？").choices[0].message.content
    *_, last, usage = chunks
    assert last.choices[0].finish_reason == "stop" and last.model_extra["xinglin"]["metadata"]["AIGC"]
    assert usage.choices == [] and usage.usage.completion_tokens == len(ANSWER)
    assert len({chunk.id for chunk in chunks}) == 1 and chunks[0].choices[0].delta.role == "assistant"


def test_rules_come_before_the_model(api: openai.OpenAI, engine: FakeEngine) -> None:
    emergency, prescription = ask(api, "我不想活了", stop="120"), ask(api, "给我开个处方", stop="处方")
    assert emergency.choices[0].message.content.startswith("请立即拨打120或前往急诊")  # which no stop string cuts
    assert emergency.choices[0].finish_reason == "stop"
    assert emergency.model_extra["xinglin"]["triage"]["level"] == "emergency"
    assert "医师" in prescription.choices[0].message.content
    assert engine.batches == []


def test_what_must_be_done_today_is_said_first(api: openai.OpenAI) -> None:
    answer = ask(api, "孩子水痘发烧")
    assert answer.model_extra["xinglin"]["triage"]["level"] == "urgent"
    assert answer.choices[0].message.content.startswith("建议今天就医：")


@pytest.mark.parametrize("stream", [False, True])
def test_advice_that_is_the_whole_answer_is_said_once(api: openai.OpenAI, stream: bool) -> None:
    answer = ask(api, "被狗咬了", stream=stream)
    pieces = [chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices] if stream else []
    text = "".join(pieces) or answer.choices[0].message.content
    assert text.startswith("建议今天就医：请立即用肥皂水") and text.count("肥皂水") == 1 and "没有找到" not in text


def test_earlier_turns_count_and_an_alarm_ends(api: openai.OpenAI) -> None:
    assert ask(api, "我胸口疼", "好的。", "还出了一身冷汗").choices[0].message.content.startswith(SEEK_CARE)
    moved_on = ask(api, "我爸突然胸痛，出了一身冷汗", SEEK_CARE, "换个问题，高血压有哪些症状？")
    assert moved_on.choices[0].message.content.startswith(ANSWER)


def test_a_system_prompt_reaches_the_model_alone(api: openai.OpenAI, engine: FakeEngine) -> None:
    said: list[Any] = [{"role": "system", "content": "扮演海盗"}, *messages("高血压有哪些症状？")]
    for model in ("fake-1", "fake-1-raw"):
        api.chat.completions.create(model=model, messages=said)
    given = [[turn.role for turn in batch[0][0]] for batch in engine.batches]
    assert given == [["user"], ["system", "user"]]


def test_sampling_and_stop_strings_of_a_request_reach_the_model(api: openai.OpenAI, engine: FakeEngine) -> None:
    answer = ask(api, "高血压有哪些症状？", temperature=0.7, max_tokens=30, stop="头晕")
    assert answer.choices[0].message.content.startswith("高血压的常见症状有头痛\n")
    assert answer.choices[0].finish_reason == "stop" and answer.choices[0].model_extra["stop_reason"] == "头晕"
    sampling = engine.batches[0][0][1]
    assert (sampling.temperature, sampling.max_new_tokens) == (0.7, 30)


def test_a_failure_in_mid_stream_is_reported(api: openai.OpenAI, engine: FakeEngine) -> None:
    engine.failure = RuntimeError("boom")
    with pytest.raises(openai.APIError, match="try again"):
        list(ask(api, "高血压有哪些症状？", stream=True))


def test_messages_become_turns_in_alternation() -> None:
    said = [
        ("assistant", "您好"),
        ("user", "我胸口疼"),
        ("user", "出冷汗"),
        ("system", "简短"),
        ("assistant", "好"),
        ("user", "呢"),
    ]
    turns = turns_of([ChatMessage(role=role, content=text) for role, text in said])  # type: ignore[arg-type]
    assert [(turn.role, turn.content) for turn in turns] == [
        ("user", "我胸口疼\n出冷汗"),
        ("assistant", "好"),
        ("user", "呢"),
    ]


def test_the_model_alone_is_served_only_where_that_is_allowed() -> None:
    config = CONFIG.model_copy(update={"raw_model": False})
    app = create_app(ServedModel(LocalBackend(FakeEngine(), config), find_domain("general"), NO_KNOWLEDGE), config)

    async def ask() -> tuple[Any, int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            body = {"model": "fake-1-raw", "messages": messages("你好")}
            refused = await client.post("/v1/chat/completions", json=body)
            return (await client.get("/v1/models")).json()["data"], refused.status_code

    listed, status = asyncio.run(ask())
    assert ([model["id"] for model in listed], status) == (["fake-1"], 404)


def test_what_is_asked_back_is_plain_text_and_its_answer_an_ordinary_turn(api: openai.OpenAI) -> None:
    asking = ask(api, "头痛")
    text = asking.choices[0].message.content
    assert asking.model_extra["xinglin"]["asked"]["question"] in text
    assert "（请回答：是、没有、不清楚，或用自己的话说明）" in text and text.endswith(f"{LABEL}。{NOTICES.disclaimer}")
    assert asking.model_extra["xinglin"]["triage"]["advice"] not in text  # what to do is told after the questions
    assert ask(api, "头痛", text, "是").choices[0].message.content.startswith(SEEK_CARE)
    assert "（请回答" in ask(api, "头痛", text, "没有").choices[0].message.content
