"""A server that answers, is busy, stalls, cuts off, talks nonsense, refuses or is gone: no item is dropped."""

import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from common.errors import UserError
from data_recipes.schema.example import Example, Message
from eval.answers import ModelAnswer
from eval.config import SuiteConfig, SystemConfig
from eval.endpoint import GONE, Endpoint
from eval.exams.exam import ExamItem
from tests.eval.conftest import example
from tests.eval.fake_server import FakeServer, Handler, Script, serving

ITEMS = [example(f"{name}-1", f"{name}怎么办？", "多休息。") for name in ("头痛", "发热", "咳嗽")]
SUITE = SuiteConfig(name="s", max_new_tokens=50)


def endpoint(server: FakeServer, **more: Any) -> Endpoint:
    config = SystemConfig.model_validate({"url": server.url, "retries": 2, "timeout_s": 5} | more)
    return Endpoint(config, first_wait=0.01)


def asked(system: Endpoint, items: list[Example] = ITEMS, suite: SuiteConfig = SUITE) -> list[ModelAnswer]:
    found: dict[int, ModelAnswer] = {}
    for answers in system.ask(items, range(len(items)), suite):
        found |= answers
    return [found[i] for i in range(len(items))]


def echo(handler: Handler, question: str) -> None:
    handler.say(f"关于{question}")


def test_a_server_is_asked_as_its_clients_ask_it(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret\n", encoding="utf-8")
    system = Message(role="system", content="只答一句。")
    items = [*ITEMS, ITEMS[0].model_copy(update={"messages": (system, *ITEMS[0].messages)})]
    with serving(echo) as server:
        found = asked(endpoint(server, key_file=tmp_path / "key"), items)
        assert [answer.text for answer in found] == [f"关于{item.prompt[-1].content}" for item in items]
        assert {answer.finish_reason for answer in found} == {"stop"} and found[0].tokens == len(found[0].text)
        assert all(answer.seconds is not None and 0 < answer.seconds < 5 for answer in found)
        assert set(server.keys) == {"Bearer secret"}
        bodies = sorted(server.asked, key=lambda body: len(body["messages"]))
    assert bodies[-1] == {
        "model": "served-1",
        "messages": [{"role": "system", "content": "只答一句。"}, {"role": "user", "content": "头痛怎么办？"}],
        "temperature": 0,
        "max_tokens": 50,
    }


def test_without_a_limit_the_server_decides() -> None:
    with serving(echo) as server:
        asked(endpoint(server), suite=SuiteConfig(name="s", max_new_tokens=None))
        assert all("max_tokens" not in body for body in server.asked)


def stall(handler: Handler, question: str) -> None:
    time.sleep(0.4)


def drip(handler: Handler, question: str) -> None:
    handler.raw(200, b" ", length=1000)
    for _ in range(8):
        time.sleep(0.1)
        handler.wfile.write(b" ")


FAILURES: dict[str, Script] = {
    "busy": lambda handler, _: handler.reply(503, {}, retry_after="0"),
    "too many": lambda handler, _: handler.reply(429, {}),
    "stalls": stall,
    "drips": drip,
    "hangs up": lambda handler, _: handler.connection.close(),
    "cuts off": lambda handler, _: handler.raw(200, b'{"choices": [', length=1000),
    "no JSON": lambda handler, _: handler.raw(200, b"<html>\xff\xfe"),
    "a list": lambda handler, _: handler.reply(200, [1]),
    "no choices": lambda handler, _: handler.reply(200, {"choices": []}),
    "no text": lambda handler, _: handler.reply(200, {"choices": [{"message": {"content": 3}}]}),
}


@pytest.mark.parametrize("how", FAILURES)
def test_what_fails_is_asked_again_and_then_counted(how: str) -> None:
    seen: Counter[str] = Counter()

    def fails_once_or_always(handler: Handler, question: str) -> None:
        seen[question] += 1
        (echo if question.startswith("头痛") and seen[question] > 1 else FAILURES[how])(handler, question)

    with serving(fails_once_or_always) as server:
        found = asked(endpoint(server, timeout_s=0.3, retries=1), ITEMS[:2])
    assert [(a.finish_reason, a.text, a.logprob) for a in found] == [
        ("stop", "关于头痛怎么办？", None),
        ("failed", "", None),
    ]
    assert set(seen.values()) == {2}


def test_an_item_that_is_refused_fails_alone_and_one_that_is_too_long_is_called_so() -> None:
    def script(handler: Handler, question: str) -> None:
        if question.startswith("发热"):
            handler.reply(400, {"error": {"code": "context_length_exceeded"}})
        elif question.startswith("咳嗽"):
            handler.reply(422, {"error": "unsafe"})
        else:
            handler.say("多休息", "length")

    with serving(script) as server:
        assert [a.finish_reason for a in asked(endpoint(server))] == ["length", "too_long", "failed"]
        assert len(server.asked) == 3


def test_half_of_a_surrogate_pair_is_replaced() -> None:
    with serving(lambda handler, _: handler.say("a\ud83db")) as server:
        assert asked(endpoint(server), ITEMS[:1])[0].text == "a?b"


def test_a_server_that_refuses_every_question_ends_the_evaluation() -> None:
    with serving(lambda handler, _: handler.reply(401, {})) as server, pytest.raises(UserError, match="status 401"):
        asked(endpoint(server))


def test_a_server_that_is_gone_is_not_asked_everything() -> None:
    items = [example(f"{n}-1", f"第{n}题", "答") for n in range(3 * GONE)]
    with serving(lambda handler, _: handler.reply(500, {})) as server:
        with pytest.raises(UserError, match=f"status 500, {GONE} items in a row") as told:
            asked(endpoint(server, retries=0, at_once=2), items)
        assert "run the same command again to resume" in told.value.fix
        assert len(server.asked) < 2 * GONE


def test_what_is_wrong_with_a_server_is_told_before_it_is_asked(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("两\n行", encoding="utf-8")
    with serving(echo) as server:
        for more, said in (
            ({"model": "other"}, "there is no model other here"),
            ({"url": server.url.removesuffix("/v1")}, "status 404"),
            ({"key_file": tmp_path / "nokey"}, "no such file"),
            ({"key_file": tmp_path / "key"}, "there is no key in this file"),
        ):
            with pytest.raises(UserError, match=said):
                endpoint(server, **more)
        server.models = ["a", "a-raw"]
        with pytest.raises(UserError, match="several models") as told:
            endpoint(server)
        assert "a, a-raw" in told.value.fix and endpoint(server, model="a-raw").model == "a-raw"
        assert server.asked == []
    with pytest.raises(UserError, match="no models are listed here: no answer"):
        endpoint(server)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "a path, a URL or a log"),
        ({"path": "x", "url": "http://a/v1"}, "a path, a URL or a log"),
        ("http://me:secret@host/v1", "key_file"),
        ("http:///v1", "the URL is like"),
    ],
)
def test_a_system_is_one_place(given: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SystemConfig.model_validate(given)


def options_of(handler: Handler, _: str) -> None:
    """Every character is a token; the context's are worth nothing, a letter's token its place in the alphabet."""
    body = handler.server.asked[-1]
    assert body["echo"] and body["max_tokens"] == 1

    def choice(index: int, text: str) -> dict[str, Any]:
        values = [None, *(-float(ord(character) % 7) for character in text[1:]), -99.0]  # and the token that is added
        return {"index": index, "text": text, "logprobs": {"token_logprobs": values}}

    choices = [choice(index, text) for index, text in enumerate(body["prompt"])]
    handler.reply(200, {"choices": choices[::-1]})


def item() -> ExamItem:
    return ExamItem(
        example("anatomy-1", "胃在哪里", "B", result="B", choices=("甲", "乙", "丙", "丁")), "胃在哪里\n答案："
    )


def test_options_are_compared_by_the_tokens_beyond_those_of_the_context() -> None:
    with serving(options_of) as server:
        [found] = endpoint(server).choose([item()], [0])
    space = -float(ord(" ") % 7)
    assert found[0].options == {letter: space - ord(letter) % 7 for letter in "ABCD"}
    assert found[0].kind == "options" and found[0].text == max("ABCD", key=lambda letter: -(ord(letter) % 7))


@pytest.mark.parametrize("logprobs", [None, {"token_logprobs": [-1.0]}], ids=["none", "of the answer only"])
def test_a_server_without_log_probabilities_of_the_prompt_is_refused(logprobs: Any) -> None:
    choices = [{"index": index, "text": "", "logprobs": logprobs} for index in range(5)]
    refused = pytest.raises(UserError, match=r"suite\.exam\.by=\[generated\]")
    with serving(lambda handler, _: handler.reply(200, {"choices": choices})) as server, refused:
        list(endpoint(server).choose([item()], [0]))
