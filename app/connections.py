"""Connections of the server: a request must arrive in time, and their number is bounded.

uvicorn waits for ever for a request that has begun, or never begins. Enough such connections take all file handles of
the process; then nobody gets in, and asyncio logs that thousands of times per second. Here who keeps the server waiting
longest gives way to who comes, so that probes and patients get in.
"""

import asyncio
import resource

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.api.errors import ApiError

WITHIN = {h11.IDLE: 10.0, h11.SEND_BODY: 30.0}
"""Seconds for a request's head, from the connection or from its first byte, and for its body."""

BACKLOG = 256
"""Connections that the system accepts before the server looks at them."""

ACCEPTED_AT_ONCE = 32
"""Connections that the server takes in one go, before whoever is connected has his turn: asyncio's own ``backlog``."""

RESERVED = ACCEPTED_AT_ONCE + 128
"""File handles that connections leave for files, libraries, and what has been accepted and not been looked at."""

MOST = 2048
"""Most connections, where there are more file handles: each may hold a body of ``serve.max_body_bytes``."""


def use_all_handles() -> None:
    """Raises the soft limit of file handles to the hard one: shells and systemd set it to 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def most_connections() -> int:
    """How many there may be."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if soft == resource.RLIM_INFINITY else max(1, min(MOST, soft - RESERVED))


class TimedConnection(H11Protocol):
    """uvicorn's connection with time limits, in a crowd."""

    awaited: object = None
    since = 0.0
    deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the clock, and makes room."""
        super().connection_made(transport)
        self._await()
        if len(self.connections) > most_connections():
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Sets the clock to the part of the request that is awaited next."""
        super().data_received(data)
        self._await()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the clock."""
        self._stop_clock()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answers what is no HTTP in the shape of all other errors."""
        self.refuse(ApiError("bad_request", "这不是有效的 HTTP 请求 · this is not a valid HTTP request"))

    def refuse(self, error: ApiError) -> None:
        """Closes the connection, with an answer where none has begun."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE) and not self.transport.is_closing():
            response = error.response()
            headers = [*response.raw_headers, (b"connection", b"close")]
            head = h11.Response(status_code=response.status_code, headers=headers)
            for part in (head, h11.Data(data=bytes(response.body)), h11.EndOfMessage()):
                self.transport.write(self.conn.send(part) or b"")
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    @property
    def nothing_came(self) -> bool:
        """Whether no byte of a request has come. An answer to that would be read as one to the next request."""
        return self.conn.our_state is h11.IDLE and not self.conn.trailing_data[0]

    @property
    def is_waiting(self) -> bool:
        """Whether the client is to send something."""
        awaited = self.deadline is not None or self.timeout_keep_alive_task is not None
        return awaited and not self.transport.is_closing()

    def _await(self) -> None:
        state = self.conn.their_state
        if state is self.awaited:
            return  # slowly, byte by byte, is no progress
        self._stop_clock()
        self.awaited, self.since = state, self.loop.time()
        if state in WITHIN and not self.transport.is_closing():
            self.deadline = self.loop.call_later(WITHIN[state], self._too_late)

    def _stop_clock(self) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None

    def _too_late(self) -> None:
        self.deadline = None
        if self.nothing_came:  # browsers open such connections in advance
            self.transport.close()
        else:
            self.refuse(ApiError("request_timeout"))

    def _make_room(self) -> None:
        """The tenth that has been waited for longest gives way; where all are at work, this connection."""
        waiting = [one for one in self.connections if isinstance(one, TimedConnection) and one.is_waiting]
        waiting.sort(key=lambda one: one.since)
        for one in waiting[: max(1, len(waiting) // 10)]:
            if one.nothing_came and one is not self:
                one.transport.close()
            else:
                one.refuse(ApiError("too_many_connections", headers={"Retry-After": "1"}))
