"""Whether the process is up and whether it takes requests, for load balancers."""

from typing import Any, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from app.api.errors import documented
from app.backends.backend import ModelMissing, Stopping
from app.versions.versions import Versions


class Liveness(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Readiness(BaseModel):
    """Whether requests are taken; ``model`` and ``version`` are known when they are."""

    status: Literal["starting", "ready", "failed", "stopping"]
    model: str | None = None
    version: str | None = None


def health_router(versions: Versions) -> APIRouter:
    """The routes of the probes.

    Args:
        versions: What answers; the current one is what probes ask about.
    """
    router = APIRouter(tags=["health"])

    @router.get("/livez", responses=documented())
    async def livez() -> Liveness:
        return Liveness()

    not_ready: dict[int | str, dict[str, Any]] = {
        503: {
            "model": Readiness,
            "description": "the model has not answered yet or failed to load, or the service is stopping",
        }
    }

    # vLLM, llama.cpp and text-generation-inference have the same under this name
    @router.get("/health", response_model=Readiness, responses={**documented(), **not_ready})
    @router.get("/readyz", response_model=Readiness, responses={**documented(), **not_ready})
    async def readyz() -> JSONResponse:
        version = versions.current
        try:
            ready = await version.backend.ready()
        except Stopping:
            return _answer(Readiness(status="stopping"), 503)
        except ModelMissing:
            return _answer(Readiness(status="failed"), 503)
        if not ready:
            return _answer(Readiness(status="starting"), 503)
        return _answer(Readiness(status="ready", model=version.name, version=version.id), 200)

    return router


def _answer(readiness: Readiness, status: int) -> JSONResponse:
    return JSONResponse(readiness.model_dump(exclude_none=True), status)
