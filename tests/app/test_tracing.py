"""Traces of requests: where they go on, what they show, and that nothing of it is anybody's words."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient

from app.config import AppConfig, ServeConfig
from app.service import create_app
from app.tracing import TRACING, Tracing, begin_tracing
from app.versions.version import ServedModel
from common.errors import UserError
from domains.domain import NO_KNOWLEDGE, find_domain
from domains.knowledge_base import KnowledgeBase
from models.without_weights import WithoutWeights
from tests.app.backends.conftest import model, weightless  # noqa: F401
from tests.app.backends.fake_upstream import FakeUpstream, running
from tests.app.backends.test_remote import opened
from tests.app.fake_engine import FakeEngine
from tests.app.serving import serving

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = f"00-{TRACE}-00f067aa0ba902b7-01"
SERVE = ServeConfig(raw_model=True, max_new_tokens=64)


@pytest.fixture
def spans() -> Iterator[Any]:
    """Where spans go: the SDK's own exporter for tests."""
    pytest.importorskip("opentelemetry.sdk", reason="the extra tracing is not installed")
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    TRACING.use(provider)
    yield exporter
    TRACING.use(None)


@pytest.mark.parametrize("kind", ["vllm", "tgi"])
def test_a_request_is_traced_to_the_server_and_nobody_is_quoted(
    kind: Any,
    weightless: Path,  # noqa: F811
    model: WithoutWeights,  # noqa: F811
    knowledge: KnowledgeBase,
    spans: Any,
) -> None:
    headers = {"traceparent": CALLER, "tracestate": "who=wangxiaoming", "baggage": "who=wangxiaoming"}
    with running(FakeUpstream(kind, model.prompt_format.tokenizer)) as server:
        backend = opened(server, weightless, SERVE)
        server.traced.clear()
        spans.clear()
        http = ASGITransport(create_app(ServedModel(backend, find_domain("medical"), knowledge), SERVE))

        async def work() -> None:
            await backend.start()
            async with AsyncClient(transport=http, base_url="http://service") as client:
                body = {"question": "高血压有哪些症状？我叫王小明"}
                assert (await client.post("/v1/qa?name=王小明", json=body, headers=headers)).status_code == 200
                assert (await client.post("/v1/qa", json={"question": 1})).status_code == 400
                assert (await client.get("/王小明", headers={"traceparent": "00-wangxiaoming"})).status_code == 404
            await backend.close()

        asyncio.run(work())
    done = {span.name: span for span in spans.get_finished_spans()}
    mine = [span for span in done.values() if span.context.trace_id == int(TRACE, 16)]
    asked, call = done["POST /v1/qa"], done["POST /generate_stream" if kind == "tgi" else "POST /v1/completions"]
    assert {"TriageStage", "InTurnStage", "QuestionsStage", "CiteStage", "AnswerStage"} <= {span.name for span in mine}
    assert call in mine and server.traced == [f"00-{TRACE}-{call.context.span_id:016x}-01"]
    assert done["GET (no route)"].context.trace_id != int(TRACE, 16)
    assert asked.attributes["http.route"] == "/v1/qa"
    told = "".join(span.to_json() for span in spans.get_finished_spans())
    assert not any(word in told for word in ("王小明", "\\u738b", "xiaoming", "%E7%8E%8B", "高血压", "\\u9ad8"))


def test_an_error_is_its_type_alone(knowledge: KnowledgeBase, spans: Any) -> None:
    engine = FakeEngine()
    with serving(engine, "medical", knowledge) as server, server.client() as client:
        spans.clear()
        engine.failure = ValueError("王小明")
        asked = {"model": "fake-1-raw", "messages": [{"role": "user", "content": "我叫王小明"}]}
        assert client.post("/v1/chat/completions", json=asked).status_code == 500
    (failed,) = [span for span in spans.get_finished_spans() if span.name == "generate"]
    assert failed.attributes["error.type"] == "GenerationFailed"
    assert "\\u738b" not in failed.to_json() and "王" not in failed.to_json()


def test_the_local_engines_tokens_are_counted(knowledge: KnowledgeBase, spans: Any) -> None:
    with serving(FakeEngine(), "medical", knowledge) as server, server.client() as client:
        spans.clear()
        asked = {"model": "fake-1-raw", "messages": [{"role": "user", "content": "你好"}]}
        usage = client.post("/v1/chat/completions", json=asked).json()["usage"]
    (said,) = [span for span in spans.get_finished_spans() if span.name == "generate"]
    assert said.attributes["gen_ai.usage.input_tokens"] == usage["prompt_tokens"]
    assert said.attributes["gen_ai.usage.output_tokens"] == usage["completion_tokens"]


def test_without_an_endpoint_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    begin_tracing(AppConfig(model="run").tracing)
    assert TRACING.provider is None
    app = create_app_without_traces()
    assert not app._native_telemetry.enabled()


def create_app_without_traces() -> Any:
    from app.backends.missing import MissingModel

    return create_app(ServedModel(MissingModel("m"), find_domain("general"), NO_KNOWLEDGE), SERVE)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    config = AppConfig.model_validate({"model": "run", "tracing": {"endpoint": "http://collector:4318"}})
    with pytest.raises(UserError, match="xinglin\\[tracing\\]"):
        begin_tracing(config.tracing)
    assert Tracing().provider is None
