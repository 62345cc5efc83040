"""``/metrics`` in Prometheus' text format, by a key with ``role=monitor``, or by anybody where there are no keys."""

import asyncio
import os
from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from app import metrics
from app.api.errors import documented
from app.backends.backend import Unavailable
from app.versions.version import Version
from app.versions.versions import Versions
from app.workers import METRICS_FOLDER

SECONDS_BETWEEN_LOOKS = 2.0


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
        await look_at(versions)
        return Response(generate_latest(_registry()), media_type=CONTENT_TYPE_LATEST)

    return router


def _registry() -> CollectorRegistry:
    """What this process has counted, or of several workers all of them."""
    if METRICS_FOLDER not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return registry


async def watch(versions: Versions) -> None:
    """Takes down how things are, for whichever of several workers is asked."""
    while METRICS_FOLDER in os.environ:
        await look_at(versions)
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)


async def look_at(versions: Versions) -> None:
    """Takes down how things are now; what has been is counted where it happens."""
    if METRICS_FOLDER not in os.environ:  # workers have one version
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
