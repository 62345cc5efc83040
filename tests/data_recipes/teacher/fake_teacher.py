"""A real HTTP server that speaks the OpenAI protocol and answers from a script."""

import json
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from http.server import ThreadingHTTPServer
from typing import Any

from tests.http_servers import QuietHandler, running

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


class _Handler(QuietHandler):
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
        self.raw(status if self.path == "/v1/chat/completions" else 404, answer)


def teaching(script: Script) -> AbstractContextManager[FakeTeacher]:
    """Serves until the block ends."""
    return running(FakeTeacher(script))
