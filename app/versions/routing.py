"""Gives each request the version that answers it, from its beginning to its end."""

from starlette.types import ASGIApp, Receive, Scope, Send

from app.versions.versions import Versions


class Routing:
    """Wraps the app; the gate around it knows who asks.

    Args:
        app: The ASGI app.
        versions: What answers.
    """

    def __init__(self, app: ASGIApp, versions: Versions) -> None:
        self.app, self.versions = app, versions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs one request; a stream is one until its last event, so its version is not closed before."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        version = self.versions.of(scope["state"]["caller"])
        scope["state"]["version"] = version
        version.requests += 1
        try:
            await self.app(scope, receive, send)
        finally:
            version.requests -= 1
