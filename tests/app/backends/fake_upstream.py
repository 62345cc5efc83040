"""Servers that run no model, over real sockets: they answer as vLLM, llama.cpp or TGI do, or as they do when they fail.

The shapes are those of vLLM 0.33, llama.cpp's server of 2026-10 and text-generation-inference 3.3.
"""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from transformers import PreTrainedTokenizerBase

ANSWER = ("高血压的", "常见症状", "有头痛", "、头晕", "和🩺心悸", "。")
MODEL = "medical"

Fault = Literal["", "cut", "silent", "garbage", "no_json", "error", "broken_utf8", "no_end", "stalls", "closes"]


@dataclass
class FakeUpstream:
    """One server.

    Attributes:
        kind: Whose shapes it has; ``plain`` is one that does not name itself and has no ``/tokenize``.
        tokenizer: Its own.
        answer: The pieces of every answer, a token each.
        ended: Why answers end, in its words.
        faults: What goes wrong with the next answers; the later ones are right again.
        status: Of answers; 200 gives one.
        headers: Further ones of the response.
        models: The cards of ``/v1/models``.
        room: Its context.
        adds: Tokens that it puts before a prompt without being asked.
        key: What it asks for.
        gate: While cleared, it stops after the first piece.
        asked: Bodies of the answers that were asked for.
        keys: What they were authorised with.
        traced: The ``traceparent`` that they had.
        stuck: The path that it never answers.
        left: Answers whose reader closed the connection.
    """

    kind: Literal["vllm", "llamacpp", "tgi", "plain"]
    tokenizer: PreTrainedTokenizerBase
    answer: Sequence[str] = ANSWER
    ended: str = ""
    faults: list[Fault] = field(default_factory=list)
    status: int = 200
    headers: str = ""
    models: list[dict[str, Any]] = field(default_factory=list)
    room: int = 256
    adds: int = 0
    key: str = ""
    gate: threading.Event = field(default_factory=threading.Event)
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    traced: list[str] = field(default_factory=list)
    left: int = 0
    stuck: str = ""
    port: int = 0

    def __post_init__(self) -> None:
        self.gate.set()
        owner = {"plain": "organization-owner"}.get(self.kind, self.kind)
        self.models = self.models or [{"id": MODEL, "object": "model", "owned_by": owner}]
        self.ended = self.ended or ("eos_token" if self.kind == "tgi" else "stop")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                headers = {}
                while header := (await reader.readline()).decode().strip():
                    name, _, value = header.partition(":")
                    headers[name.lower()] = value.strip()
                body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))) or b"null")
                await self.respond(line.split()[1].decode(), body, headers, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def respond(self, path: str, body: Any, headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
        self.keys.append(headers.get("authorization", ""))
        self.traced.append(headers.get("traceparent", ""))
        if path == self.stuck:
            await asyncio.sleep(30)
        if self.key and headers.get("authorization") != f"Bearer {self.key}":
            self.write(writer, 401, {"error": "Unauthorized"})
        elif path in ("/v1/completions", "/generate_stream"):
            await self.stream(body, writer)
        elif path == "/tokenize" and self.kind != "plain":
            self.write(writer, 200, self.tokens(body))
        elif (content := self.known.get(path)) is not None:
            self.write(writer, 200, content)
        else:
            self.write(writer, 404, {"detail": "Not Found"})

    @property
    def known(self) -> dict[str, Any]:
        """What it says about itself."""
        if self.kind == "tgi":
            return {"/info": {"model_id": MODEL, "max_input_tokens": self.room - 8, "max_total_tokens": self.room}}
        props = {"default_generation_settings": {"n_ctx": self.room}}
        limits = {"max_model_len": self.room} if self.kind == "vllm" else {}
        cards = [card if "parent" in card else card | limits for card in self.models]
        return {"/v1/models": {"data": cards}} | ({"/props": props} if self.kind == "llamacpp" else {})

    def tokens(self, body: dict[str, Any]) -> Any:
        if self.kind == "tgi":
            return [{"id": id, "text": "", "start": 0, "stop": 0} for id in self.tokenizer.encode(body["inputs"])]
        text = body["prompt"] if self.kind == "vllm" else body["content"]
        assert body["add_special_tokens" if self.kind == "vllm" else "add_special"] is False
        return {"tokens": self.tokenizer.encode(text, add_special_tokens=False)}

    def write(self, writer: asyncio.StreamWriter, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{head}{self.headers}\r\n".encode() + body)

    async def stream(self, body: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        self.asked.append(body)
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "closes":
            writer.close()
            return
        if self.status != 200:
            self.write(writer, self.status, {"error": {"message": json.dumps(body)}})  # some quote the prompt
            return
        if fault == "silent":
            await asyncio.sleep(30)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        if fault in ("garbage", "no_json", "broken_utf8", "error"):
            self.chunk(writer, self.garbage(fault))
        else:
            await self.events(body, fault, writer)
        if fault != "cut":
            writer.write(b"0\r\n\r\n")
        else:
            writer.close()

    async def events(self, body: dict[str, Any], fault: Fault, writer: asyncio.StreamWriter) -> None:
        async for place, event in self.paced(body):
            if writer.is_closing():
                self.left += 1
                return
            if event is None:
                self.chunk(writer, b": still there\n\n")
                continue
            data = f"data:{'' if self.kind == 'tgi' else ' '}{json.dumps(event, ensure_ascii=False)}\n\n".encode()
            middle = next((at for at, byte in enumerate(data) if byte >= 0xC0), len(data) // 2) + 1
            for part in (data[:middle], data[middle:]):  # in the middle of a character
                self.chunk(writer, part)
                await asyncio.sleep(0)
            if place == 1 and fault == "cut":
                return
            if place == 1 and fault == "stalls":
                await asyncio.sleep(30)
            if place == 1 and fault == "no_end":
                return
        if self.kind != "tgi":
            self.chunk(writer, b"data: [DONE]\n\n")

    async def paced(self, body: dict[str, Any]) -> AsyncIterator[tuple[int, dict[str, Any] | None]]:
        tgi = self.kind == "tgi"
        limit = body["parameters"]["max_new_tokens"] if tgi else body["max_tokens"]
        prompt = len(self.tokenizer.encode(body["inputs"])) if tgi else len(body["prompt"])
        said = self.answer[:limit]
        ended = "length" if len(said) == limit else self.ended
        usage = {"prompt_tokens": prompt + self.adds, "completion_tokens": len(said)}
        for place, text in enumerate(said):
            last = place == len(said) - 1
            yield place, self.event(text, place, ended if last and (tgi or ended == "length") else None, usage)
            while not self.gate.is_set():
                await asyncio.sleep(0.01)
                yield place, None
        if tgi:
            return
        if ended != "length":
            yield len(said), self.event("", len(said), ended, usage)
        if body.get("stream_options", {}).get("include_usage"):
            yield len(said), {"choices": [], "usage": usage}

    def event(self, text: str, place: int, ended: str | None, usage: dict[str, int]) -> dict[str, Any]:
        if self.kind == "tgi":
            counts = {"generated_tokens": usage["completion_tokens"], "input_length": usage["prompt_tokens"]}
            details = {"finish_reason": ended, "seed": None, **counts} if ended else None
            token = {"id": hash(text) % 1000, "text": text, "logprob": -0.1, "special": text.startswith("<")}
            return {"index": place + 1, "token": token, "generated_text": None, "details": details}
        choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": ended}
        ids = {"token_ids": [hash(text) % 1000]} if self.kind == "vllm" else {}
        return {"id": "cmpl-1", "object": "text_completion", "model": MODEL, "choices": [choice | ids]}

    def garbage(self, fault: Fault) -> bytes:
        error = (
            {"error": "高血压", "error_type": "generation"} if self.kind == "tgi" else {"error": {"message": "高血压"}}
        )
        return {
            "garbage": "<html>高血压</html>\n".encode() * 3,
            "no_json": 'data: {"高血压\n\n'.encode(),
            "broken_utf8": 'data: {"choices": [{"text": "高'.encode()[:-1] + b'"}]}\n\n',
            "error": f"data: {json.dumps(error)}\n\n".encode(),
        }[fault]

    @staticmethod
    def chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
        writer.write(b"%x\r\n%s\r\n" % (len(data), data))


@contextmanager
def running(upstream: FakeUpstream) -> Iterator[FakeUpstream]:
    """Runs a server on a free port, in a thread, until the block ends."""
    loop = asyncio.new_event_loop()
    started = threading.Event()

    async def serve() -> None:
        server = await asyncio.start_server(upstream.handle, "127.0.0.1", upstream.port)
        upstream.port = server.sockets[0].getsockname()[1]
        started.set()
        await server.serve_forever()

    serving = loop.create_task(serve())

    def run() -> None:
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(serving)
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    started.wait(5)
    try:
        yield upstream
    finally:
        loop.call_soon_threadsafe(serving.cancel)
        thread.join(5)
