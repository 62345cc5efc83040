"""A real HTTP server that speaks OpenAI's protocol, as long as its script wants."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from http.server import ThreadingHTTPServer
from typing import Any

from tests.http_servers import QuietHandler, running

Script = Callable[["Handler", str], None]
"""Answers one question."""


class FakeServer(ThreadingHTTPServer):
    """Remembers what it was asked.

    Attributes:
        models: The names that it lists.
        asked: The bodies of all questions.
        keys: The authorisation of all requests.
    """

    daemon_threads = True

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.models = script, ["served-1"]
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Handler(QuietHandler):
    server: FakeServer

    def do_GET(self) -> None:
        self.server.keys.append(self.headers.get("authorization"))
        if self.path != "/v1/models":
            return self.reply(404, {})
        return self.reply(200, {"object": "list", "data": [{"id": name} for name in self.server.models]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append(body)
        self.server.keys.append(self.headers.get("authorization"))
        self.server.script(self, body["messages"][-1]["content"] if "messages" in body else "")

    def say(self, text: str, reason: str = "stop") -> None:
        choice = {"message": {"role": "assistant", "content": text}, "finish_reason": reason}
        self.reply(200, {"choices": [choice], "usage": {"completion_tokens": len(text)}})

    def reply(self, status: int, values: Any, **headers: str) -> None:
        self.raw(status, json.dumps(values).encode(), **headers)


def serving(script: Script) -> AbstractContextManager[FakeServer]:
    """Serves until the block ends."""
    return running(FakeServer(script))
