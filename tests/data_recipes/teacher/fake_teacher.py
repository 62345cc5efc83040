"""A real HTTP server that speaks the OpenAI protocol and answers from a script."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Script = Callable[[str, int], str]
"""From the prompt and the number of the request to the reply."""


class FakeTeacher(ThreadingHTTPServer):
    """Counts what it is asked; ``failures`` are the statuses of the first requests."""

    daemon_threads = True

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script, self.failures = script, list[int]()
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: FakeTeacher

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.server.lock:
            status = self.server.failures.pop(0) if self.server.failures else 200
            number = len(self.server.bodies)
            if status == 200:
                self.server.bodies.append(body)
            self.server.keys.append(self.headers.get("authorization"))
        prompt = body["messages"][-1]["content"]
        text = self.server.script(prompt, number) if status == 200 else ""
        choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        usage = {"prompt_tokens": len(prompt), "completion_tokens": len(text)}
        answer = json.dumps({"choices": [choice], "usage": usage}).encode()
        self.send_response(status if self.path == "/v1/chat/completions" else 404)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def teaching(script: Script) -> Iterator[FakeTeacher]:
    """Serves until the block ends."""
    server = FakeTeacher(script)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
