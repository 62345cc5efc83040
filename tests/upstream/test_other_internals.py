"""What we rely on in the smaller libraries."""

import asyncio
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import evaluate
import fastapi.sse
import h11
import httpx2
import jieba
import pytest
import uvicorn
from canary import ROOT, canary
from huggingface_hub import AsyncInferenceClient
from hydra.core.override_parser import overrides_parser, types
from hydra.errors import HydraException
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState


@canary(
    another_grammar=lambda patch: patch.setattr(
        overrides_parser.OverridesParser, "parse_override", lambda self, word: word.split("=")
    ),
    other_attributes=lambda patch: patch.setattr(types.Override, "is_sweep_override", None),
    sweeps_unsplit=lambda patch: patch.setattr(types.Override, "sweep_string_iterator", lambda self: iter(["1,2"])),
)
def test_override_parser() -> None:
    parse = overrides_parser.OverridesParser.create().parse_override
    plain, sweep, added, removed = (parse(word) for word in ("train.epochs=3", "seed=1,2", "+a.b='x y'", "~data"))
    assert (plain.key_or_group, plain.value(), plain.input_line) == ("train.epochs", 3, "train.epochs=3")
    assert (plain.package, plain.is_delete(), plain.is_sweep_override()) == (None, False, False)
    assert sweep.is_sweep_override() and list(sweep.sweep_string_iterator()) == ["1", "2"]
    assert (added.key_or_group.lstrip("+"), added.value()) == ("a.b", "x y")
    assert removed.is_delete() and parse("a@b=c").package == "b"
    with pytest.raises(HydraException):
        parse("no value")


@canary(
    another_place=lambda patch: patch.setattr(
        evaluate.loading,
        "init_dynamic_modules",
        partial(evaluate.loading.init_dynamic_modules, hf_modules_cache=tempfile.mkdtemp()),
    )
)
def test_modules_cache() -> None:
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate.config, "HF_MODULES_CACHE", Path(directory) / "modules")
        patch.setattr("sys.path", [*sys.path])
        # the first half of evaluate.load; the second imports the copy, whose directory is about to go
        module = evaluate.loading.evaluation_module_factory(str(ROOT / "eval/judges/citation"))
        copies = list(Path(directory).glob("modules/**/citation.py"))
        assert copies, f"{module.module_path} was copied elsewhere"


@canary(
    another_form=lambda patch: patch.setattr(fastapi.sse, "format_sse_event", lambda data_str, event=None: data_str),
    gone=lambda patch: patch.delattr(fastapi.sse, "format_sse_event"),
)
def test_format_sse_event() -> None:
    assert fastapi.sse.format_sse_event(data_str="[DONE]") == b"data: [DONE]\n\n"
    named = fastapi.sse.format_sse_event(data_str='{"a": 1}', event="delta").decode()
    assert set(named.splitlines()) == {"event: delta", 'data: {"a": 1}', ""} and named.endswith("\n\n"), named


async def without_shutdown(self: uvicorn.Server, sockets: list[socket.socket] | None = None) -> None:
    await self.startup(sockets=sockets)


@canary(not_called=lambda patch: patch.setattr(uvicorn.Server, "_serve", without_shutdown))
def test_uvicorn_shutdown() -> None:
    calls: list[tuple[int, bool]] = []

    class Draining(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            calls.append((len(sockets or ()), self.force_exit))
            await super().shutdown(sockets)

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None: ...

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Draining(uvicorn.Config(application, lifespan="off", log_config=None))
        server.should_exit = True
        asyncio.run(server.serve(sockets=[listener]))
    assert calls == [(1, False)], f"shutdown was called with {calls}"


async def left_open(self: AsyncInferenceClient) -> None: ...


async def nothing_sent(self: AsyncInferenceClient, request: Any, *, stream: bool = False) -> Any:
    async def lines() -> AsyncIterator[str]:
        yield ""

    return lines()


@canary(
    streams_stay_open=lambda patch: patch.setattr(AsyncInferenceClient, "close", left_open),
    other_connections=lambda patch: patch.setattr(AsyncInferenceClient, "_inner_post", nothing_sent),
)
def test_inference_client_connections() -> None:
    closed = []

    class Events(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield b'data:{"index":1,"token":{"id":5,"text":"a","logprob":0,"special":false}}\n\n'

        async def aclose(self) -> None:
            closed.append(True)

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(lambda request: httpx2.Response(200, stream=Events())))

    class Client(AsyncInferenceClient):
        async def _get_async_client(self) -> httpx2.AsyncClient:
            return http

    async def ask() -> tuple[int, bool]:
        async with Client("http://tgi/generate_stream", token="none") as client:
            events = aiter(await client.text_generation("x", stream=True, details=True))
            event = await anext(events)
        return event.token.id, bool(closed)

    assert asyncio.run(ask()) == (5, True) and not http.is_closed


@canary(
    another_name=lambda patch: patch.setattr(H11Protocol, "send_400_response", property(lambda self: print)),
    without_a_clock=lambda patch: patch.setattr(H11Protocol, "on_response_complete", lambda self: None),
)
def test_uvicorn_connection() -> None:
    seen: list[object] = []

    class Own(H11Protocol):
        def data_received(self, data: bytes) -> None:
            is_kept = self.timeout_keep_alive_task is not None
            super().data_received(data)
            seen.append((is_kept, self.conn.their_state))

        def send_400_response(self, msg: str) -> None:
            seen.append(self.cycle.response_complete)
            super().send_400_response(msg)

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    async def exchange() -> None:
        config = uvicorn.Config(application, lifespan="off", log_config=None)
        protocol = partial(Own, config=config, server_state=ServerState(), app_state={})
        server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for sent, ends in (
            (b"GET", None),
            (b" / HTTP/1.1\r\nHost: a\r\n\r\n", b"0\r\n\r\n"),
            (b"?\r\n\r\n", b"received."),
        ):
            writer.write(sent)
            await (reader.readuntil(ends) if ends else asyncio.sleep(0.05))
        writer.close()
        server.close()

    asyncio.run(asyncio.wait_for(exchange(), 5))
    assert seen == [(False, h11.IDLE), (False, h11.DONE), True, (True, h11.ERROR)], seen


@canary(another_place=lambda patch: patch.setattr(jieba, "__file__", tempfile.gettempdir() + "/jieba/__init__.py"))
def test_jieba_dictionary() -> None:
    with (Path(jieba.__file__).parent / "dict.txt").open(encoding="utf-8") as lines:
        words = dict(line.split(" ", 1) for _, line in zip(range(20_000), lines, strict=False))
    assert len(words) > 10_000 and all(rest.split()[0].isdigit() for rest in words.values())
