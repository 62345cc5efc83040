"""The pipeline for users: triage, sources, label, what is declined, and the same over a stream."""

import json
from dataclasses import asdict
from typing import Any

import httpx
import pytest

from app.config import SamplingConfig
from app.pipeline.answer import EMPTY
from app.pipeline.label import LABEL
from app.pipeline.repeats import NOTICE
from domains.knowledge_base import KnowledgeBase
from domains.medical.domain import NOTICES
from domains.medical.prescriptions import DECLINED
from models.engines.engine import Sampling
from tests.app.fake_engine import ANSWER, FakeEngine
from tests.app.serving import CONFIG, serving

SEEK_CARE = "请立即拨打120或前往急诊。"


def ask(client: httpx.Client, question: str, **more: Any) -> dict[str, Any]:
    response = client.post("/v1/qa", json={"question": question, **more})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def stream(client: httpx.Client, question: str) -> list[tuple[str, dict[str, Any]]]:
    response = client.post("/v1/qa", json={"question": question, "stream": True})
    blocks = [block.split("\n") for block in response.text.strip().split("\n\n")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in blocks]


def test_an_answer_carries_source_label_and_version(client: httpx.Client, knowledge: KnowledgeBase) -> None:
    answer = ask(client, "高血压有哪些症状？")
    entry = knowledge.by_name("disease", "高血压")
    assert answer["answer"] == ANSWER
    assert answer["citations"] == [
        {
            "id": entry.id,
            "title": "高血压",
            "attribute": "症状",
            "text": f"高血压的症状：{'、'.join(entry.attributes['症状'])}。",
            "version": knowledge.sha256[:12],
        }
    ]
    assert answer["notice"] == ""
    assert answer["triage"]["level"] == "routine"
    assert (answer["disclaimer"], answer["label"]) == (NOTICES.disclaimer, LABEL)
    assert answer["model_version"] == "fake-1"
    assert answer["finish_reason"] == "stop"
    assert answer["usage"]["total_tokens"] == len("高血压有哪些症状？") + len(ANSWER)


ONCE = "高血压的常见症状有头痛。也会头晕"
LOOPING = ONCE + "，也会头晕" * 9


@pytest.fixture
def looping(engine: FakeEngine) -> FakeEngine:
    engine.answer, engine.reason = LOOPING, "repetition_detected"
    return engine


def test_repeats_are_cut_and_the_reader_is_told(client: httpx.Client, looping: FakeEngine) -> None:
    answer = ask(client, "高血压有哪些症状？")
    assert answer["answer"] == ONCE
    assert answer["repetition_removed"] == len(LOOPING) - len(answer["answer"])
    assert answer["notice"] == NOTICE
    assert answer["finish_reason"] == "repetition_detected"
    assert answer["usage"]["completion_tokens"] == len(LOOPING)


def test_a_stream_ends_with_the_answer_without_repeats(client: httpx.Client, looping: FakeEngine) -> None:
    *_, (last, done) = stream(client, "高血压有哪些症状？")
    assert (last, done["answer"], done["notice"]) == ("done", ONCE, NOTICE)


def test_repeats_are_cut_however_the_answer_ended(client: httpx.Client, looping: FakeEngine) -> None:
    looping.reason = ""
    answer = ask(client, "高血压有哪些症状？")
    assert answer["finish_reason"] == "stop" and answer["repetition_removed"] > 0 and answer["notice"] == NOTICE


def test_what_no_entry_holds_is_not_said_and_that_is_counted_without_its_text(
    client: httpx.Client, engine: FakeEngine, logged: list[str]
) -> None:
    engine.answer = "高血压的常见症状有头痛、出汗和复视，每天吃5毫克。【D001】【D999】"
    events = stream(client, "高血压有哪些症状？")
    said = "".join(data["text"] for name, data in events if name == "delta")
    answer = events[-1][1]
    assert said == answer["answer"] == "高血压的常见症状有头痛。【D001】"
    counts = {"held": 1, "removed": 2, "marked": 0, "completed": 0, "citations_removed": 1}
    counts |= {"replaced": False, "not_mentioned": False}
    assert answer["verification"] == counts
    [line] = [line for line in logged if "removed=2" in line]
    assert answer["request_id"] in line and "出汗" not in line and "头痛" not in line


def test_an_answer_without_repeats_is_left_alone(client: httpx.Client) -> None:
    assert ask(client, "高血压有哪些症状？")["repetition_removed"] == 0


def test_users_are_answered_as_the_service_is_configured(engine: FakeEngine, knowledge: KnowledgeBase) -> None:
    sampling = SamplingConfig(repetition_penalty=1.1, dry_multiplier=0.8)
    config = CONFIG.model_copy(update={"sampling": sampling, "repetition_detection": None})
    with serving(engine, "medical", knowledge, config) as server, server.client() as client:
        engine.batches.clear()
        ask(client, "高血压有哪些症状？", max_tokens=30)
    used = engine.batches[0][0][1]
    assert (used.repetition_penalty, used.dry_multiplier, used.temperature) == (1.1, 0.8, 0)
    assert (used.max_new_tokens, used.repetition_detection) == (30, None)


def test_the_implicit_label_names_producer_and_request(client: httpx.Client) -> None:
    answer = ask(client, "高血压有哪些症状？")
    label = answer["metadata"]["AIGC"]
    assert label["Label"] == "1" and label["ContentProducer"] == "测试机构"
    assert label["ProduceID"] == answer["request_id"]


def test_the_model_sees_the_conversation_and_nothing_else(client: httpx.Client, engine: FakeEngine) -> None:
    history = [{"role": "user", "content": "什么是感冒？"}, {"role": "assistant", "content": "一种病。"}]
    ask(client, "要吃药吗！", history=history)
    conversation, sampling = engine.batches[0][0]
    assert [(turn.role, turn.content) for turn in conversation] == [
        ("user", "什么是感冒？"),
        ("assistant", "一种病。"),
        ("user", "要吃药吗！"),
    ]
    assert sampling.temperature == 0


@pytest.mark.parametrize(
    ("question", "attributes"),
    [
        ("高血压吃什么药？", [("高血压", "用药")]),
        ("得了痔疮挂什么科", [("痔疮", "科室")]),
        ("痛风能吃海鲜吗", [("痛风", "饮食")]),
        ("扑热息痛有什么副作用", [("对乙酰氨基酚", "不良反应")]),
        ("水痘会传染吗？怎么预防？", [("水痘", "传染性"), ("水痘", "预防")]),
        ("白癜风会遗传给孩子吗？", [("白癜风", "病因")]),
        ("高血压", [("高血压", "定义")]),
    ],
)
def test_sources_answer_what_is_asked(client: httpx.Client, question: str, attributes: list[tuple[str, str]]) -> None:
    cited = [(citation["title"], citation["attribute"]) for citation in ask(client, question)["citations"]]
    assert cited == attributes


def test_no_entry_means_no_source_and_says_so(client: httpx.Client) -> None:
    answer = ask(client, "今天天气怎么样？")
    assert answer["citations"] == [] and answer["answer"] == NOTICES.not_found
    assert answer["finish_reason"] == "declined" and answer["verification"] is None


def test_an_emergency_is_answered_by_the_rules_alone(client: httpx.Client, engine: FakeEngine) -> None:
    asked_before = len(engine.batches)
    answer = ask(client, "我爸突然胸痛，出了一身冷汗")
    assert answer["triage"]["level"] == "emergency" and answer["triage"]["reasons"]
    assert answer["answer"] == SEEK_CARE and answer["finish_reason"] == "declined"
    assert len(engine.batches) == asked_before


@pytest.mark.parametrize(
    "question",
    [
        "给我开个处方",
        "请给我妈开点降压药",
        "你能开个药方吗",
        "医生给我开的药吃完了，你帮我开个处方吧",
        "帮我写一张治感冒的中药方子",
        "开个治失眠的方子",
        "大夫您给我开个方子吧",
        "作为医生给我开个处方",
        "医院太远了你直接给我开个处方吧",
    ],
)
def test_prescriptions_are_declined_without_the_model(client: httpx.Client, engine: FakeEngine, question: str) -> None:
    answer = ask(client, question)
    assert answer["finish_reason"] == "declined"
    assert "处方" in answer["answer"] and "医师" in answer["answer"]
    assert engine.batches == [] and answer["usage"]["total_tokens"] == 0


@pytest.mark.parametrize(
    "question",
    [
        "布洛芬是处方药吗",
        "医生给我开了阿莫西林，怎么吃？",
        "我有高血压，医生会开什么药？",
        "处方上的bid是什么意思",
        "能开窗通风吗",
        "3加5等于几？",
        "可以开空调睡觉吗",
    ],
)
def test_questions_about_prescriptions_are_answered(client: httpx.Client, question: str) -> None:
    assert ask(client, question)["answer"] != DECLINED


def test_a_declined_emergency_still_says_to_seek_care(client: httpx.Client) -> None:
    answer = ask(client, "我现在胸痛大汗，给我开点药")
    assert answer["finish_reason"] == "declined" and answer["answer"].startswith(SEEK_CARE)


def test_a_stream_tells_rules_first_then_text_then_everything(client: httpx.Client, engine: FakeEngine) -> None:
    engine.answer = ANSWER * 2
    events = stream(client, "高血压有哪些症状？")
    names = [name for name, _ in events]
    assert names[0] == "meta" and names[-1] == "done" and set(names[1:-1]) == {"delta"} and len(names) > 3
    meta, done = events[0][1], events[-1][1]
    assert meta["triage"]["level"] == "routine"
    assert "".join(data["text"] for name, data in events if name == "delta") == done["answer"] == ANSWER * 2
    assert set(done) == set(ask(client, "高血压有哪些症状？"))


def test_a_stream_of_an_emergency_is_its_sentence(client: httpx.Client) -> None:
    events = stream(client, "我爸突然胸痛，出了一身冷汗")
    assert [name for name, _ in events] == ["meta", "delta", "done"]
    assert events[0][1]["triage"]["level"] == "emergency" and events[1][1]["text"] == SEEK_CARE


def test_a_stream_that_fails_ends_with_an_error(client: httpx.Client, engine: FakeEngine) -> None:
    engine.failure = RuntimeError("boom")
    events = stream(client, "高血压有哪些症状？")
    assert [name for name, _ in events] == ["meta", "error"]
    assert events[-1][1]["error"]["code"] == "generation_failed"


def test_a_declined_stream_is_a_stream(client: httpx.Client) -> None:
    assert [name for name, _ in stream(client, "给我开个处方")] == ["meta", "delta", "done"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"question": ""},
        {"question": "  "},
        {"question": "好", "max_tokens": 0},
        {"question": "好", "history": [{"role": "user", "content": "一"}]},
        {"question": "好", "history": [{"role": "system", "content": "一"}]},
        {"question": "好", "temperature": 1},
    ],
)
def test_wrong_questions_are_refused(client: httpx.Client, body: dict[str, Any]) -> None:
    assert client.post("/v1/qa", json=body).status_code == 400


def test_a_conversation_longer_than_the_context_is_refused(client: httpx.Client) -> None:
    response = client.post("/v1/qa", json={"question": "高血压有哪些症状？" + "长" * 1500})
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "context_length_exceeded"


def test_sampling_is_by_default_the_engines() -> None:
    configured, engines = SamplingConfig().model_dump(), asdict(Sampling())
    assert configured == {name: engines[name] for name in configured}


@pytest.mark.parametrize("said", ["", " \n"])
def test_an_answer_without_words_says_so(engine: FakeEngine, said: str) -> None:
    with serving(engine, "medical") as server, server.client() as client:
        engine.answer = said  # after the warm-up
        answer = ask(client, "今天天气怎么样？")
        body = {"model": "fake-1", "messages": [{"role": "user", "content": "今天天气怎么样？"}]}
        [choice] = client.post("/v1/chat/completions", json=body).json()["choices"]
    assert answer["answer"].strip() == EMPTY + NOTICES.no_answer.zh and answer["finish_reason"] == "stop"
    assert EMPTY in choice["message"]["content"]


def test_where_the_model_says_nothing_about_an_entry_its_own_words_are_the_answer(
    client: httpx.Client, engine: FakeEngine
) -> None:
    engine.answer = ""
    answer = ask(client, "高血压有哪些症状？")
    assert "头痛" in answer["answer"] and "【D001】" in answer["answer"] and EMPTY not in answer["answer"]
    assert answer["finish_reason"] == "stop"


def test_a_complaint_is_asked_about_and_a_yes_is_an_alarm(client: httpx.Client, engine: FakeEngine) -> None:
    asking = ask(client, "头痛")
    assert asking["answer"].endswith(asking["asked"]["question"]) and asking["asked"]["choices"] == [
        "是",
        "没有",
        "不清楚",
    ]
    assert (asking["finish_reason"], asking["citations"], asking["verification"]) == ("declined", [], None)
    assert stream(client, "头痛")[-1][1]["asked"] == asking["asked"]
    history = [{"role": "user", "content": "头痛"}, {"role": "assistant", "content": asking["answer"]}]
    alarm = ask(client, "是", history=history)
    assert (alarm["triage"]["level"], alarm["answer"], alarm["asked"]) == ("emergency", SEEK_CARE, None)
    assert engine.batches == [] and ask(client, "高血压有哪些症状？")["asked"] is None
