"""``/metrics`` in Prometheus' text format, by a key with ``role=monitor``, or by anybody where there are no keys."""

from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app import metrics
from app.api.errors import documented
from app.backends.backend import Unavailable
from app.versions.version import Version
from app.versions.versions import Versions


def metrics_router(versions: Versions) -> APIRouter:
    """The route.

    Args:
        versions: What answers.
    """
    router = APIRouter(tags=["health"])
    described: dict[int | str, dict[str, Any]] = {200: {"description": "the metrics", "content": {"text/plain": {}}}}

    @router.get("/metrics", response_model=None, responses=described | documented("insufficient_permissions"))
    async def show_metrics(request: Request) -> Response:
        request.state.caller.check("metrics")
        await _look_at(versions)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


async def _look_at(versions: Versions) -> None:
    """Takes down how things are now; what has been is counted where it happens."""
    for gauge in (metrics.WAITING, metrics.RUNNING, metrics.SERVED):
        gauge.clear()  # versions that are gone
    for version in versions.all:
        metrics.WAITING.labels(version.id).set(version.backend.waiting)
        metrics.RUNNING.labels(version.id).set(version.requests)
        metrics.SERVED.labels(version.id, version.name, _state_of(version, versions)).set(1)
    try:
        metrics.READY.set(await versions.current.backend.ready())
    except Unavailable:
        metrics.READY.set(0)


def _state_of(version: Version, versions: Versions) -> str:
    if version is versions.current:
        return "current"
    return "candidate" if version is versions.candidate else "closing"
