"""A server runs the model: what it is sent, what is compared, what its failures look like to users."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import huggingface_hub.constants
import pytest
from httpx import ASGITransport, AsyncClient
from transformers import PreTrainedTokenizerBase

from app.__main__ import main
from app.backends import circuit
from app.backends.backend import (
    Backend,
    BackendError,
    ChatTurn,
    GenerationFailed,
    ModelMissing,
    Overloaded,
    PromptTooLong,
    Stopping,
    UnsupportedConversation,
    UnsupportedSampling,
)
from app.backends.remote import RemoteBackend, open_remote
from app.backends.tgi import TgiServer
from app.backends.upstream import RenderedPrompt
from app.config import AppConfig, ServeConfig, UpstreamConfig
from app.server import Server
from app.service import create_app
from app.versions.version import ServedModel
from common.errors import Refused, UserError
from domains.domain import find_domain
from domains.knowledge_base import KnowledgeBase
from models.conversation import Continuation
from models.embedded import train_tokenizer
from models.engines.engine import Completion, RepetitionDetection, Sampling
from models.without_weights import WithoutWeights
from tests.app.backends.fake_upstream import ANSWER, MODEL, FakeUpstream, Fault, running
from tests.artifacts import artifact

Result = TypeVar("Result")
CONFIG = ServeConfig(max_batch=1, queue_limit=1)
QUESTION = [ChatTurn("user", "高血压有哪些症状？")]
LONG = Sampling(max_new_tokens=64)
WHOLE = "".join(ANSWER)


@pytest.fixture(params=["vllm", "llamacpp", "plain", "tgi"])
def any_kind(request: pytest.FixtureRequest, model: WithoutWeights) -> Iterator[FakeUpstream]:
    with running(FakeUpstream(request.param, model.prompt_format.tokenizer)) as server:
        yield server


@pytest.fixture(params=["vllm", "tgi"])
def upstream(request: pytest.FixtureRequest, model: WithoutWeights) -> Iterator[FakeUpstream]:
    with running(FakeUpstream(request.param, model.prompt_format.tokenizer)) as server:
        yield server


@pytest.fixture(scope="session")
def another() -> PreTrainedTokenizerBase:
    """Another model's tokenizer."""
    return train_tokenizer(["胃镜检查要空腹。"], 300)


@pytest.fixture
def vllm(model: WithoutWeights) -> Iterator[FakeUpstream]:
    with running(FakeUpstream("vllm", model.prompt_format.tokenizer)) as server:
        yield server


def config(upstream: FakeUpstream, path: Path, serve: ServeConfig = CONFIG, **settings: Any) -> AppConfig:
    server = UpstreamConfig.model_validate({"url": upstream.url, **settings})
    engine: Any = "tgi" if upstream.kind == "tgi" else "openai"
    return AppConfig(model=str(path), engine=engine, upstream=server, serve=serve)


def opened(upstream: FakeUpstream, path: Path, serve: ServeConfig = CONFIG, **settings: Any) -> RemoteBackend:
    backend = open_remote(path, config(upstream, path, serve, **settings))
    upstream.asked.clear()  # the trial
    return backend


def run(backend: RemoteBackend, work: Callable[[], Awaitable[Result]]) -> Result:
    """Runs work on a started backend."""

    async def inside() -> Result:
        await backend.start()
        try:
            return await asyncio.wait_for(work(), 20)
        finally:
            await backend.close()

    return asyncio.run(inside())


async def read(backend: RemoteBackend, sampling: Sampling = LONG) -> tuple[str, Completion]:
    *pieces, completion = [event async for event in await backend.stream(QUESTION, sampling)]
    assert isinstance(completion, Completion) and "".join(map(str, pieces)) == completion.text
    return completion.text, completion


async def failure(backend: RemoteBackend) -> BackendError:
    with pytest.raises(BackendError) as raised:
        await read(backend)
    return raised.value


async def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "it never happened"
        await asyncio.sleep(0.01)


def test_it_gets_the_rendered_prompt_and_its_answer_arrives(
    any_kind: FakeUpstream, weightless: Path, model: WithoutWeights
) -> None:
    backend = opened(any_kind, weightless)
    text, completion = run(backend, lambda: read(backend))
    ids = model.prompt_format.render_prompt(QUESTION)
    assert completion == Completion(WHOLE, "stop", len(ids), len(ANSWER)) and text == WHOLE
    [body] = any_kind.asked
    sent = model.prompt_format.tokenizer.encode(body["inputs"]) if any_kind.kind == "tgi" else body["prompt"]
    assert sent == ids and "messages" not in body
    assert backend.model_version == model.model_version


SAMPLED = Sampling(64, temperature=0.7, top_p=0.9, seed=3, top_k=40, repetition_penalty=1.1, frequency_penalty=0.2)


@pytest.mark.parametrize(
    ("kind", "sampling", "sent"),
    [
        ("vllm", LONG, {"temperature": 0, "top_p": 1, "top_k": -1, "min_p": 0, "repetition_penalty": 1}),
        ("vllm", SAMPLED, {"temperature": 0.7, "top_p": 0.9, "seed": 3, "top_k": 40, "repetition_penalty": 1.1}),
        ("llamacpp", LONG, {"top_k": 1, "samplers": ["penalties", "dry", "top_k"], "repeat_penalty": 1}),
        ("llamacpp", SAMPLED, {"temperature": 0.7, "top_k": 40, "repeat_penalty": 1.1, "dry_multiplier": 0}),
        ("plain", LONG, {"temperature": 0, "top_p": 1, "frequency_penalty": 0, "presence_penalty": 0}),
        ("tgi", LONG, {"do_sample": False, "repetition_penalty": 1, "max_new_tokens": 64, "stop": ["</s>"]}),
        ("vllm", Sampling(64, response_format='{"a":1}'), {"structured_outputs": {"json": {"a": 1}}}),
        ("tgi", Sampling(64, response_format='{"a":1}'), {"grammar": {"type": "json", "value": {"a": 1}}}),
        ("tgi", SAMPLED, {"do_sample": True, "temperature": 0.7, "top_p": 0.9, "top_k": 40, "seed": 3}),
    ],
)
def test_sampling_is_sent_in_the_servers_words(
    kind: Any, sampling: Sampling, sent: dict[str, Any], weightless: Path, model: WithoutWeights
) -> None:
    with running(FakeUpstream(kind, model.prompt_format.tokenizer)) as upstream:
        backend = opened(upstream, weightless)
        run(backend, lambda: read(backend, sampling))
        [body] = upstream.asked
    parameters = body["parameters"] if kind == "tgi" else body
    assert {name: parameters.get(name) for name in sent} == sent
    if kind == "tgi" and sampling == LONG:  # any of these would make it draw
        assert not {"temperature", "top_p", "top_k"} & parameters.keys()
    if kind == "vllm":
        assert body["stop_token_ids"] == list(model.prompt_format.stop_ids)


@pytest.mark.parametrize(
    ("kind", "asked", "name"),
    [
        ("vllm", {"dry_multiplier": 0.8}, "dry_multiplier"),
        ("plain", {"temperature": 1, "top_k": 5}, "top_k"),
        ("tgi", {"presence_penalty": 0.5}, "presence_penalty"),
        ("tgi", {"temperature": 1, "min_p": 0.1}, "min_p"),
    ],
)
def test_a_setting_that_the_server_lacks_is_refused_by_its_name(
    kind: Any, asked: dict[str, Any], name: str, weightless: Path, model: WithoutWeights
) -> None:
    with running(FakeUpstream(kind, model.prompt_format.tokenizer)) as upstream:
        backend = opened(upstream, weightless)
        with pytest.raises(UnsupportedSampling, match=name):
            run(backend, lambda: read(backend, Sampling(64, **asked)))
        assert upstream.asked == []
        serve = ServeConfig.model_validate({"sampling": asked})
        with pytest.raises(UserError, match=f"serve.sampling.{name}"):
            opened(upstream, weightless, serve)


@pytest.mark.parametrize("kind", ["llamacpp", "plain"])
def test_a_server_that_would_ignore_a_schema_is_not_asked(kind: Any, weightless: Path, model: WithoutWeights) -> None:
    with running(FakeUpstream(kind, model.prompt_format.tokenizer)) as upstream:
        backend = opened(upstream, weightless)
        with pytest.raises(UnsupportedSampling, match="response_format"):
            run(backend, lambda: read(backend, Sampling(64, response_format="{}")))
        assert upstream.asked == []


def test_another_tokenizer_is_refused_with_both_readings(
    any_kind: FakeUpstream, weightless: Path, another: PreTrainedTokenizerBase
) -> None:
    any_kind.tokenizer = another
    if any_kind.kind == "plain":
        opened(any_kind, weightless)  # nothing to compare with; that is logged, see below
        return
    with pytest.raises(Refused, match="other ids than in training") as refused:
        opened(any_kind, weightless)
    assert "here:" in str(refused.value) and "there:" in str(refused.value)


def test_a_server_that_cannot_be_compared_is_logged(weightless: Path, model: WithoutWeights, logged: list[str]) -> None:
    with running(FakeUpstream("plain", model.prompt_format.tokenizer)) as upstream:
        opened(upstream, weightless)
    assert "cannot be compared" in "".join(logged)


def test_a_server_that_adds_tokens_to_ids_is_refused(vllm: FakeUpstream, weightless: Path) -> None:
    vllm.adds = 1
    with pytest.raises(Refused, match="adds or drops tokens"):
        opened(vllm, weightless)


def test_the_models_name_is_checked(upstream: FakeUpstream, weightless: Path) -> None:
    opened(upstream, weightless, model=MODEL)
    with pytest.raises(UserError, match=f"upstream.model: .* does not have 'another'; it has: {MODEL}"):
        opened(upstream, weightless, model="another")


def test_adapters_are_asked_by_name_and_their_base_is_the_default(vllm: FakeUpstream, weightless: Path) -> None:
    vllm.models.append({"id": "lora", "owned_by": "vllm", "parent": MODEL})
    for name in (None, "lora"):
        backend = opened(vllm, weightless, model=name)
        run(backend, lambda backend=backend: read(backend))
        assert vllm.asked[0]["model"] == (name or MODEL)
    vllm.models.append({"id": "another", "owned_by": "vllm"})
    with pytest.raises(UserError, match="several models; it has: medical, lora, another"):
        opened(vllm, weightless)


@pytest.mark.parametrize("url", ["/v1", "/v1/", ""])
def test_the_address_may_be_written_as_for_openai_clients(vllm: FakeUpstream, weightless: Path, url: str) -> None:
    assert opened(vllm, weightless, url=vllm.url + url).verified


def test_another_server_is_no_such_server(weightless: Path, vllm: FakeUpstream, model: WithoutWeights) -> None:
    vllm.models = []
    with pytest.raises(UserError, match="it has: none"):
        opened(vllm, weightless)
    with running(FakeUpstream("tgi", model.prompt_format.tokenizer)) as tgi:
        tgi.kind = "vllm"
        settings = config(tgi, weightless).model_copy(update={"engine": "tgi"})
        with pytest.raises(UserError, match="it answers 404"):
            open_remote(weightless, settings)


def test_the_smaller_context_counts(any_kind: FakeUpstream, weightless: Path, logged: list[str]) -> None:
    if any_kind.kind == "plain":
        assert opened(any_kind, weightless).context_length == 256
        return
    any_kind.room = 24
    backend = opened(any_kind, weightless)
    assert backend.context_length == 24 and "room for 24 of the model's 256" in "".join(logged)

    async def work() -> None:
        await read(backend)
        with pytest.raises(PromptTooLong):
            await backend.stream([ChatTurn("user", "头" * 30)], LONG)

    run(backend, work)
    [body] = any_kind.asked
    prompt = len(body["prompt"]) if "prompt" in body else len(any_kind.tokenizer.encode(body["inputs"]))
    limit = body["max_tokens"] if "max_tokens" in body else body["parameters"]["max_new_tokens"]
    assert prompt + limit == 24


def test_text_that_would_be_read_otherwise_is_not_sent(weightless: Path, model: WithoutWeights) -> None:
    server = TgiServer(model.prompt_format, UpstreamConfig.model_validate({"url": "http://127.0.0.1:1"}))
    prompt = RenderedPrompt.of(QUESTION, model.prompt_format)
    server.check(prompt)
    with pytest.raises(UnsupportedConversation, match="other tokens than the model was trained on"):
        server.check(RenderedPrompt([*prompt.ids, 5], prompt.text))


def test_it_continues_token_ids_as_they_are(upstream: FakeUpstream, weightless: Path, model: WithoutWeights) -> None:
    backend = opened(upstream, weightless)
    upstream.answer = (" 的", "症状 ")

    async def work() -> str:
        ids = await backend.encode("高血压", beginning=False)
        assert await backend.decode([ids]) == ["高血压"]
        prompt = await backend.prompt_ids(QUESTION)
        assert prompt == model.prompt_format.render_prompt(QUESTION) and len(prompt) == await backend.count(QUESTION)
        continuation = Continuation(tuple(ids))
        with pytest.raises(UnsupportedSampling, match="logprobs"):
            await backend.stream(continuation, Sampling(8, logprobs=1))
        with pytest.raises(UnsupportedConversation):
            await backend.stream(Continuation((10**6,)), LONG)
        return "".join([event async for event in await backend.stream(continuation, LONG) if isinstance(event, str)])

    assert run(backend, work) == " 的症状 "
    [body] = upstream.asked
    assert body.get("inputs") == "高血压" or body["prompt"] == model.prompt_format.encode("高血压", beginning=False)


def test_why_an_answer_ended(any_kind: FakeUpstream, weightless: Path) -> None:
    backend = opened(any_kind, weightless)
    looping = ("头痛、头晕，",) * 60
    detection = RepetitionDetection(64, 1, 4)

    async def work() -> None:
        assert (await read(backend, Sampling(3)))[1].finish_reason == "length"
        any_kind.answer = looping
        text, completion = await read(backend, Sampling(60, repetition_detection=detection))
        assert completion.finish_reason == "repetition_detected" and len(text) < len("".join(looping)) / 2
        any_kind.ended, any_kind.answer = "abort", ANSWER
        assert isinstance(await failure(backend), GenerationFailed)

    run(backend, work)


def test_space_around_an_answer_is_dropped_as_everywhere(vllm: FakeUpstream, weightless: Path) -> None:
    vllm.answer = (" 头痛", " \n", "、头晕", "。\n", " ")
    backend = opened(vllm, weightless)
    assert run(backend, lambda: read(backend))[0] == "头痛 \n、头晕。"


BROKEN: tuple[Fault, ...] = ("cut", "garbage", "no_json", "error", "broken_utf8", "no_end", "stalls")


def test_a_broken_answer_fails_alone_and_nothing_that_was_said_is_told(
    upstream: FakeUpstream, weightless: Path, logged: list[str]
) -> None:
    backend = opened(upstream, weightless, between_tokens_s=0.5)

    async def work() -> None:
        for fault in BROKEN:
            upstream.asked.clear()
            upstream.faults = [fault]
            error = await failure(backend)
            assert isinstance(error, GenerationFailed), fault
            assert "高血压" not in str(error)
            assert len(upstream.asked) == 1, "it may have begun: it is not asked twice"
            assert (await read(backend))[0] == WHOLE

    run(backend, work)
    text = "".join(logged)
    assert "高血压" not in text and text.count("WARNING  | app.backends.remote_answer:_with_retries") == len(BROKEN)


def test_a_connection_that_fails_before_the_answer_is_tried_once_more(upstream: FakeUpstream, weightless: Path) -> None:
    backend = opened(upstream, weightless)

    async def work() -> None:
        upstream.faults = ["closes"]
        assert (await read(backend))[0] == WHOLE and len(upstream.asked) == 2
        upstream.faults = ["closes", "closes"]
        assert isinstance(await failure(backend), ModelMissing) and len(upstream.asked) == 4
        backend.times = backend.times.model_copy(update={"retries": 0})
        upstream.faults = ["closes"]
        assert isinstance(await failure(backend), ModelMissing) and len(upstream.asked) == 5

    run(backend, work)


def test_retries_are_a_share_of_requests() -> None:
    async def never() -> bool:
        return False

    budget = circuit.Circuit(never)
    allowed = [budget.may_retry() for _ in range(20)]
    assert allowed == [True] * 10 + [False] * 10
    for _ in range(11):
        budget.save_retry()
    assert [budget.may_retry(), budget.may_retry()] == [True, False]


def test_a_server_that_says_nothing_is_not_waited_for(upstream: FakeUpstream, weightless: Path) -> None:
    backend = opened(upstream, weightless)
    backend.times = backend.times.model_copy(update={"first_token_s": 0.3})
    upstream.faults = ["silent"]
    error = run(backend, lambda: failure(backend))
    assert isinstance(error, ModelMissing) and error.retry_after >= 1 and len(upstream.asked) <= 1


@pytest.mark.parametrize("path", ["/v1/models", "/tokenize"])
def test_a_server_that_does_not_say_what_it_has_is_not_waited_for(
    vllm: FakeUpstream, weightless: Path, path: str
) -> None:
    vllm.stuck = path
    began = time.monotonic()
    assert not opened(vllm, weightless, first_token_s=0.5).verified
    assert time.monotonic() - began < 20


def test_a_server_that_refuses(upstream: FakeUpstream, weightless: Path, logged: list[str]) -> None:
    backend = opened(upstream, weightless)
    upstream.headers = "Retry-After: 7\r\n"
    expected = {429: Overloaded, 503: Overloaded, 500: GenerationFailed, 400: GenerationFailed}

    async def work() -> None:
        for status, kind in expected.items():
            upstream.asked.clear()
            upstream.status = status
            error = await failure(backend)
            assert type(error) is kind and len(upstream.asked) == 1
            assert not isinstance(error, Overloaded) or error.retry_after == 7
            assert "高血压" not in str(error) and f"it answers {status}" in logged[-1]

    run(backend, work)
    assert "高血压" not in "".join(logged)


def test_a_failing_server_is_not_asked_until_it_answers_again(
    upstream: FakeUpstream, weightless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(circuit, "FIRST_PAUSE", 0.2)
    backend = opened(upstream, weightless)

    async def work() -> None:
        upstream.status = 500
        for _ in range(circuit.FAILURES):
            assert isinstance(await failure(backend), GenerationFailed)
        with pytest.raises(ModelMissing):
            await backend.ready()
        upstream.asked.clear()
        assert isinstance(await failure(backend), ModelMissing) and upstream.asked == []
        await until(lambda: len(upstream.asked) == 1)  # a trial of ours, which fails
        assert backend.circuit.is_open
        upstream.status = 200
        await until(lambda: not backend.circuit.is_open)
        assert await backend.ready() and (await read(backend))[0] == WHOLE

    run(backend, work)


def test_a_server_that_comes_back_with_another_model_is_not_asked(
    vllm: FakeUpstream,
    weightless: Path,
    another: PreTrainedTokenizerBase,
    monkeypatch: pytest.MonkeyPatch,
    logged: list[str],
) -> None:
    monkeypatch.setattr(circuit, "FIRST_PAUSE", 0.05)
    backend = opened(vllm, weightless)

    async def work() -> None:
        vllm.tokenizer = another
        backend.circuit.open()
        await until(lambda: "other ids than in training" in "".join(logged))
        assert backend.circuit.is_open

    run(backend, work)


def test_a_server_that_is_not_up_yet_is_waited_for(
    weightless: Path, model: WithoutWeights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(circuit, "FIRST_PAUSE", 0.1)
    late = FakeUpstream("vllm", model.prompt_format.tokenizer)
    with running(late):
        pass  # its port is free again
    backend = opened(late, weightless)

    async def work() -> str:
        assert not await backend.ready()
        assert isinstance(await failure(backend), ModelMissing)
        with running(late):
            await until(lambda: not backend.circuit.is_open)
            assert await backend.ready()
            return (await read(backend))[0]

    assert run(backend, work) == WHOLE


def test_a_cancelled_answer_ends_at_the_server(upstream: FakeUpstream, weightless: Path) -> None:
    backend = opened(upstream, weightless)
    upstream.gate.clear()

    async def work() -> None:
        answer = await backend.stream(QUESTION, LONG)
        events = aiter(answer)
        assert await anext(events) == ANSWER[0]
        answer.cancel()
        assert await anext(events) == Completion(ANSWER[0], "cancelled", len(answer.prompt.ids), 1)
        await until(lambda: upstream.left == 1 and not backend.busy)
        unread = await backend.stream(QUESTION, LONG)
        unread.cancel()  # before it began
        assert [event.finish_reason async for event in unread if isinstance(event, Completion)] == ["cancelled"]

    run(backend, work)


def test_the_queue_is_bounded_and_in_order(vllm: FakeUpstream, weightless: Path) -> None:
    backend = opened(vllm, weightless)
    vllm.gate.clear()

    async def work() -> None:
        first = await backend.stream(QUESTION, LONG)
        await until(lambda: len(vllm.asked) == 1)
        second = await backend.stream(QUESTION, LONG)
        with pytest.raises(Overloaded):
            await backend.stream(QUESTION, LONG)
        assert backend.busy
        backend.drain()
        with pytest.raises(Stopping):
            await backend.ready()
        vllm.gate.set()
        for answer in (first, second):
            assert [event async for event in answer][-1] == first_completion(first)
        with pytest.raises(Stopping):
            await backend.stream(QUESTION, LONG)

    run(backend, work)


def first_completion(answer: Any) -> Completion:
    return Completion(WHOLE, "stop", len(answer.prompt.ids), len(ANSWER))


def test_a_backend_that_closes_ends_what_still_runs(vllm: FakeUpstream, weightless: Path) -> None:
    backend = opened(vllm, weightless)
    vllm.gate.clear()

    async def work() -> None:
        runs = await backend.stream(QUESTION, LONG)
        await until(lambda: runs.said.tokens == 1)
        waits = await backend.stream(QUESTION, LONG)
        await backend.close()
        assert [event async for event in runs][-1].finish_reason == "cancelled"  # type: ignore[union-attr]
        with pytest.raises(Stopping):
            _ = [event async for event in waits]

    run(backend, work)


def test_only_the_key_of_the_file_is_sent_and_it_is_never_logged(
    upstream: FakeUpstream, weightless: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged: list[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_user")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)  # as on machines without a hub
    backend = opened(upstream, weightless)
    run(backend, lambda: read(backend))
    assert "hf_of_the_user" not in "".join(upstream.keys)
    key = tmp_path / "key"
    key.write_text("sk-secret\n", encoding="utf-8")
    upstream.key = "sk-secret"
    backend = opened(upstream, weightless, key_file=key)
    assert run(backend, lambda: read(backend))[0] == WHOLE
    with pytest.raises(UserError, match=r"it answers 401\n.*upstream.key_file=FILE"):
        opened(upstream, weightless)
    assert "sk-secret" not in "".join(logged)


@pytest.mark.parametrize("content", [None, b"", b"two words", b"two\nlines", "钥匙".encode(), b"\xff"])
def test_a_file_without_a_key_is_refused(
    content: bytes | None, vllm: FakeUpstream, weightless: Path, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UserError, match=r"upstream\.key_file"):
        opened(vllm, weightless, key_file=file)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"engine": "openai"}, "engine=openai: give upstream.url"),
        ({"upstream": {"url": "http://gpu:8000"}}, "upstream.url belongs to"),
        ({"engine": "tgi", "upstream": {"url": "http://me:secret@gpu"}}, "give upstream.key_file"),
        ({"engine": "tgi", "upstream": {"url": "gpu:8000"}}, "upstream.url"),
    ],
)
def test_wrong_addresses_are_refused(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        AppConfig.model_validate({"model": "run", **values})


def test_a_proxy_of_the_environment_learns_nothing(
    upstream: FakeUpstream, weightless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    backend = opened(upstream, weightless)
    assert run(backend, lambda: read(backend))[0] == WHOLE


def test_an_emergency_is_answered_while_the_server_is_down(
    weightless: Path, model: WithoutWeights, knowledge: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(circuit, "FIRST_PAUSE", 0.1)
    late = FakeUpstream("tgi", model.prompt_format.tokenizer)
    with running(late):
        pass  # its port is free again
    serve = ServeConfig(raw_model=True)
    backend = opened(late, weightless, serve)
    http = ASGITransport(create_app(ServedModel(backend, find_domain("medical"), knowledge), serve))
    message = {"role": "user", "content": QUESTION[0].content}
    chat = {"model": f"{backend.model_version}-raw", "messages": [message]}

    async def work() -> None:
        async with AsyncClient(transport=http, base_url="http://service") as client:
            alarm = await client.post("/v1/qa", json={"question": "我爸突然胸痛，出了一身冷汗"})
            assert alarm.status_code == 200 and alarm.json()["answer"].startswith("请立即拨打120")
            refused = await client.post("/v1/chat/completions", json=chat)
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "model_unavailable")
            assert int(refused.headers["Retry-After"]) >= 1
            assert (await client.get("/readyz")).json() == {"status": "starting"}
            with running(late):
                await until(lambda: not backend.circuit.is_open)
                assert (await client.get("/readyz")).status_code == 200
                answer = (await client.post("/v1/chat/completions", json=chat)).json()
                assert answer["choices"][0]["message"]["content"] == WHOLE
                assert answer["usage"]["completion_tokens"] == len(ANSWER)
                lacking = await client.post("/v1/chat/completions", json={**chat, "presence_penalty": 1})
                assert (lacking.status_code, lacking.json()["error"]["code"]) == (400, "unsupported_parameter")
                assert "presence_penalty" in lacking.json()["error"]["message"]

    run(backend, work)


def test_results_that_no_server_runs_are_refused(tmp_path: Path) -> None:
    for kind, problem in (("prefix", "other servers run ordinary models"), ("adapter", "the tokenizer of the base")):
        directory = tmp_path / kind
        (directory / "adapter").mkdir(parents=True)
        artifact(kind).save(directory)
        with pytest.raises(UserError, match=problem):
            WithoutWeights.read(directory)


def test_an_adapter_needs_its_name_at_the_server(
    weightless: Path, vllm: FakeUpstream, tmp_path: Path, model: WithoutWeights
) -> None:
    folder = tmp_path / "adapter"
    folder.mkdir()
    model.prompt_format.save(folder)
    base = {"name": "base", "path": str(weightless), "sha256": "0" * 64, "family": "llama"}
    artifact("adapter", base=base).save(tmp_path)
    with pytest.raises(UserError, match=r"answer with the base of this adapter\n.*upstream.model=NAME"):
        opened(vllm, tmp_path)
    vllm.models.append({"id": "lora", "owned_by": "vllm", "parent": MODEL})
    backend = opened(vllm, tmp_path, model="lora")
    assert run(backend, lambda: read(backend))[0] == WHOLE and vllm.asked[0]["model"] == "lora"


def test_the_command_goes_in_front_of_a_server(
    weightless: Path, vllm: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    backends: list[Backend] = []
    monkeypatch.setattr(Server, "run", lambda server, sockets: backends.append(server.versions.current.backend))
    main([f"model={weightless}", "engine=openai", f"upstream.url={vllm.url}/v1", "port=0", "domain=medical"])
    [backend] = backends
    assert isinstance(backend, RemoteBackend) and backend.verified
    assert run(backend, lambda: read(backend))[0] == WHOLE
