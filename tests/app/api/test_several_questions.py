"""A message that asks several things is answered in parts, by every API and as a stream."""

import json
from typing import Any

import httpx
import openai
import pytest

from app.pipeline.answer_check import NOT_ANSWERED
from domains.medical.domain import NOTICES
from domains.medical.prescriptions import DECLINED
from tests.app.api.test_qa import SEEK_CARE, ask, stream
from tests.app.fake_engine import FakeEngine
from tests.app.serving import Running


def parts(answer: dict[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The questions of an answer, each with what is quoted for it."""
    return [
        (part["question"], [(one["title"], one["attribute"]) for one in part["citations"]]) for part in answer["parts"]
    ]


def test_every_question_has_its_answer_and_its_sources(client: httpx.Client, engine: FakeEngine) -> None:
    engine.answer = ""
    answer = ask(client, "布洛芬有哪些禁忌？另外痛风看哪个科")
    assert parts(answer) == [("布洛芬有哪些禁忌？", [("布洛芬", "禁忌")]), ("痛风看哪个科", [("痛风", "科室")])]
    first, second = (part["answer"] for part in answer["parts"])
    assert first.startswith("布洛芬的禁忌：") and second.startswith("痛风的科室：")
    assert answer["answer"] == f"「布洛芬有哪些禁忌？」\n{first}\n\n「痛风看哪个科」\n{second}"
    assert [one["title"] for one in answer["citations"]] == ["布洛芬", "痛风"]
    assert answer["verification"]["replaced"] and answer["finish_reason"] == "stop"


def test_what_leaves_its_subject_out_is_asked_in_full(client: httpx.Client, engine: FakeEngine) -> None:
    answer = ask(client, "高血压有哪些症状？要查什么？")
    assert parts(answer) == [("高血压有哪些症状？", [("高血压", "症状")]), ("要查什么？", [("高血压", "检查")])]
    asked = [prompt[-1].content for batch in engine.batches for prompt, _ in batch]  # type: ignore[union-attr]
    assert asked == ["高血压有哪些症状？", "高血压要查什么？"]
    assert answer["usage"]["completion_tokens"] == 2 * len(engine.answer)


def test_a_part_that_nothing_is_found_for_says_so(client: httpx.Client) -> None:
    answer = ask(client, "高血压有哪些症状？顺便问下附近哪有停车场")
    held, missing = answer["parts"]
    assert "头痛" in held["answer"] and held["citations"]
    assert (missing["answer"], missing["citations"], missing["verification"]) == (NOTICES.not_found, [], None)
    assert answer["finish_reason"] == "stop" and NOTICES.not_found in answer["answer"]


def test_a_part_is_declined_and_the_other_one_answered(client: httpx.Client) -> None:
    answer = ask(client, "高血压有哪些症状？再给我开两盒降压药")
    assert [DECLINED in part["answer"] for part in answer["parts"]] == [False, True]
    assert "头痛" in answer["parts"][0]["answer"]


def test_an_emergency_in_any_part_is_told_first_and_alone(client: httpx.Client, engine: FakeEngine) -> None:
    answer = ask(client, "痔疮要手术吗？我爸突然胸痛，出了一身冷汗，怎么办？")
    assert (answer["triage"]["level"], answer["answer"], answer["parts"]) == ("emergency", SEEK_CARE, [])
    assert engine.batches == []


@pytest.mark.parametrize(
    "question", ["耳石症咋治，要怎么治才好", "我能不能用布洛芬，有什么禁忌？", "高血压和痛风有什么区别"]
)
def test_who_asks_for_the_same_again_asks_once(client: httpx.Client, question: str) -> None:
    assert ask(client, question)["parts"] == []


def test_what_is_asked_back_comes_last(client: httpx.Client) -> None:
    answer = ask(client, "我头痛，要紧吗？另外布洛芬有哪些禁忌？")
    assert [bool(part["citations"]) for part in answer["parts"]] == [True, False]
    assert answer["asked"] and answer["answer"].endswith(answer["asked"]["question"])


def test_more_than_can_be_answered_are_named(client: httpx.Client) -> None:
    answer = ask(client, "".join(f"{name}有哪些症状？" for name in ("甲号怪", "乙号怪", "高血压", "丙号怪", "痔疮")))
    assert len(answer["parts"]) == 4 and "「痔疮有哪些症状？」" in answer["notice"]


def test_repeats_are_cut_in_every_part(client: httpx.Client, engine: FakeEngine) -> None:
    once = "高血压的常见症状有头痛。也会头晕"
    engine.answer, engine.reason = once + "，也会头晕" * 9, "repetition_detected"
    answer = ask(client, "高血压有哪些症状？痛风看哪个科？")
    assert answer["parts"][0]["answer"] == once and "「痛风看哪个科？」" in answer["answer"]
    assert answer["finish_reason"] == "repetition_detected" and answer["repetition_removed"] > 0


def test_what_a_client_allows_is_divided(client: httpx.Client, engine: FakeEngine) -> None:
    answer = ask(client, "高血压有哪些症状？要查什么？", max_tokens=31)
    assert [sampling.max_new_tokens for batch in engine.batches for _, sampling in batch] == [15, 15]
    assert answer["finish_reason"] == "length" and NOT_ANSWERED not in answer["answer"]


def test_all_apis_say_the_same(running: Running, client: httpx.Client) -> None:
    question = "高血压有哪些症状？顺便问下附近哪有停车场"
    whole, events = ask(client, question), stream(client, question)
    assert "".join(data["text"] for name, data in events if name == "delta") == whole["answer"]
    assert events[-1][1]["parts"] == whole["parts"]
    openai_client = openai.OpenAI(base_url=f"{running.url}/v1", api_key="none", max_retries=0)
    messages: Any = [{"role": "user", "content": question}]
    chat = openai_client.chat.completions.create(model="fake-1", messages=messages)
    chunks = openai_client.chat.completions.create(model="fake-1", messages=messages, stream=True)
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    responded = openai_client.responses.create(model="fake-1", input=question)
    assert chat.choices[0].message.content == streamed == responded.output_text
    assert whole["answer"] in streamed
    xinglin = json.loads(chat.to_json())["xinglin"]
    assert [part["question"] for part in xinglin["parts"]] == [part["question"] for part in whole["parts"]]


def test_a_stop_string_ends_the_whole_answer(running: Running) -> None:
    openai_client = openai.OpenAI(base_url=f"{running.url}/v1", api_key="none", max_retries=0)
    messages: Any = [{"role": "user", "content": "高血压有哪些症状？要查什么？"}]
    chat = openai_client.chat.completions.create(model="fake-1", messages=messages, stop="头晕")
    parts = json.loads(chat.to_json())["xinglin"]["parts"]
    assert [part["answer"] for part in parts] == ["高血压的常见症状有头痛、", ""]


def test_a_model_that_fails_ends_the_stream_with_an_error(client: httpx.Client, engine: FakeEngine) -> None:
    engine.failure = RuntimeError("boom")
    assert stream(client, "高血压有哪些症状？要查什么？")[-1][0] == "error"
