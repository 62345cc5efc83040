"""Traces of requests in OpenTelemetry's words: the request, the stages that it goes through, what a server is asked.

Off unless ``tracing.endpoint`` says where they go. No span has what a person wrote, an address, a key or the message of
an error (docs/decisions/0180); names and values are those of this file and of the code.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import NoOpTracer, Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.config import TracingConfig
from app.pipeline.consultation import Consultation, Decided, PipelineStage
from common.errors import UserError

W3C = TraceContextTextMapPropagator()
INPUT_TOKENS, OUTPUT_TOKENS = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"
PARENT = "traceparent"
"""All that is taken over and passed on: ids. ``tracestate`` and ``baggage`` may have any text."""


class Tracing:
    """The traces of this process.

    Attributes:
        tracer: Makes spans; one that makes none while traces are off.
        provider: Whose tracer it is; None while traces are off.
    """

    def __init__(self) -> None:
        self.tracer: Tracer = NoOpTracer()
        self.provider: Any = None

    def use(self, provider: Any) -> None:
        """Makes spans from now on; None makes none.

        Args:
            provider: An SDK's ``TracerProvider``.
        """
        self.provider, self.tracer = provider, provider.get_tracer("xinglin") if provider else NoOpTracer()

    def close(self) -> None:
        """Sends what has not been sent."""
        if self.provider:
            self.provider.shutdown()

    @contextmanager
    def request(self, method: str, headers: Mapping[str, str]) -> Iterator[Span]:
        """The span of a request, which goes on with its caller's trace."""
        before = W3C.extract({PARENT: headers.get(PARENT, "")}) if self.provider else None
        with self._current(method, before, SpanKind.SERVER) as span:
            yield span

    @contextmanager
    def stage(self, name: str) -> Iterator[Span]:
        """The span of a part of a request, in which further ones are its parts."""
        with self._current(name, None, SpanKind.INTERNAL) as span:
            yield span

    def call(self, name: str) -> Span:
        """The span of what is asked of an engine or a server; whoever begins it ends it."""
        return self.tracer.start_span(name, kind=SpanKind.CLIENT)

    def _current(self, name: str, before: Any, kind: SpanKind) -> Any:
        return _failing(
            self.tracer.start_as_current_span(name, before, kind, record_exception=False, set_status_on_exception=False)
        )


@contextmanager
def _failing(beginning: Any) -> Iterator[Span]:
    """A span that names the type of what ends it; messages may have what a person wrote."""
    with beginning as span:
        try:
            yield span
        except BaseException as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(StatusCode.ERROR)
            raise


def passed_on(span: Span) -> dict[str, str]:
    """The headers that tell a server which span it is asked in; none while traces are off."""
    headers: dict[str, str] = {}
    W3C.inject(headers, trace.set_span_in_context(span))
    return {name: value for name, value in headers.items() if name == PARENT}


TRACING = Tracing()
"""The instance of this process."""


@dataclass(frozen=True)
class TracedStage:
    """A stage with its span.

    Attributes:
        stage: The stage.
    """

    stage: PipelineStage

    async def __call__(self, consultation: Consultation) -> Consultation | Decided:
        """See ``PipelineStage``."""
        with TRACING.stage(type(self.stage).__name__) as span:
            result = await self.stage(consultation)
            span.set_attribute("xinglin.decided", isinstance(result, Decided))
            return result


def traced(stages: Sequence[PipelineStage]) -> tuple[PipelineStage, ...]:
    """The stages with a span each, where traces are on."""
    return tuple(map(TracedStage, stages)) if TRACING.provider else tuple(stages)


def begin_tracing(config: TracingConfig) -> None:
    """Sends traces where the configuration says, by OTLP over HTTP.

    Raises:
        UserError: The library is not installed.
    """
    if config.endpoint is None:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        fix = "pip install 'xinglin[tracing]'"
        raise UserError(f"traces need a library of an extra ({error.name})", where="tracing", fix=fix) from None
    provider = TracerProvider(resource=Resource({"service.name": "xinglin"}), shutdown_on_exit=False)
    address = str(config.endpoint).rstrip("/").removesuffix("/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{address}/v1/traces")))
    TRACING.use(provider)
