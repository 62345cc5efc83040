"""What every request gets: a path without a slash at its end, a body limit, a request id, security headers, a log
line, and a response even after a fault.

Plain ASGI, because wrappers that read responses delay streams and hide client disconnects.
"""

import re
import time
import traceback
import uuid

from loguru import logger
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.disconnect import ClientGone
from app.api.errors import ApiError
from app.metrics import REQUEST_SECONDS, REQUESTS
from app.tracing import TRACING

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")  # anything else could carry text into the log
SECURITY_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}


class RequestContext:
    """Wraps the whole app.

    Args:
        app: The ASGI app.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope))
        scope = _as_routed(scope)
        scope["state"] = {**scope.get("state", {}), "request_id": request_id}
        started, status = time.monotonic(), 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            with TRACING.request(scope["method"], Headers(scope=scope)) as span:
                span.set_attribute("xinglin.request_id", request_id)
                try:
                    await self.app(scope, receive, send_with_headers)
                finally:
                    span.update_name(f"{scope['method']} {_route(scope)}")
                    span.set_attributes({"http.route": _route(scope), "http.response.status_code": status})
        except ClientGone:
            pass
        except Exception as error:
            # no message and no values: they may hold what a patient wrote
            frames = "".join(traceback.format_tb(error.__traceback__))
            logger.error("{} failed: {}\n{}", request_id, type(error).__name__, frames)
            if not status:
                await ApiError("internal_error").response()(scope, receive, send_with_headers)
        finally:
            seconds, route, ended = time.monotonic() - started, _route(scope), status or "gone"
            REQUESTS.labels(route, ended).inc()
            REQUEST_SECONDS.labels(route).observe(seconds)
            logger.info("{} {} {} {:.0f} ms {}", scope["method"], route, ended, 1000 * seconds, request_id)


def _as_routed(scope: Scope) -> Scope:
    """The request as routes know it: HEAD is GET, whose body the server drops, and a slash at the end says nothing."""
    method = "GET" if scope["method"] == "HEAD" else scope["method"]
    return {**scope, "method": method, "path": scope["path"].rstrip("/") or "/"}


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _route(scope: Scope) -> str:
    """The route's pattern: a path or query typed by a user may contain anything."""
    return scope["route"].path if "route" in scope else "(no route)"


class BodyLimit:
    """Refuses bodies that are too long: before reading where the length is declared, else once it is exceeded.

    FastAPI's own limit answers in plain text; this one has the shape of all other errors.

    Args:
        app: The ASGI app.
        max_bytes: Most bytes of a body.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app, self.max_bytes = app, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        length = int(declared) if declared.isdecimal() else 0
        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            if length > self.max_bytes:
                raise self._too_large()
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.max_bytes:
                raise self._too_large()
            return message

        await self.app(scope, receive_within_limit, send)

    def _too_large(self) -> ApiError:
        # the rest of the body would be read as the next request
        headers = {"Connection": "close"}
        message = f"请求体最多 {self.max_bytes} 字节 · a body may have at most {self.max_bytes} bytes here"
        return ApiError("request_too_large", message, headers=headers)
