"""The models by name: the pipeline's, and where it is allowed the model alone; ``/v1/models`` lists them.

Of several adapters on one base ``auto`` (or the service's name) leaves the choice to the router, request by request;
``NAME-EXPERT`` names one of them.

A name is that of the service's model, whichever version of it answers: clients keep theirs when another one takes its
place. The answer says which one it was.
"""

import time
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter

from app.api.errors import ApiError, documented
from app.versions.version import Part, Version
from app.versions.versions import Versions

AUTO = "auto"
"""The name that leaves the choice among several adapters to the router."""
RAW = "-raw"
"""What the name of the model alone ends with."""


@dataclass(frozen=True)
class ServedModels:
    """What clients may name.

    Attributes:
        versions: What answers.
        raw: Whether the model is served alone, too.
        parts: The parts of the pipeline that are served, too.
    """

    versions: Versions
    raw: bool
    parts: tuple[Part, ...] = ()

    @property
    def name(self) -> str:
        """The pipeline: rules, sources, label."""
        return self.versions.current.name

    @property
    def raw_name(self) -> str:
        """The model alone."""
        return self.name + RAW

    @property
    def names(self) -> list[str]:
        """What is listed: the version that answers most."""
        experts = self.versions.current.model.experts
        return [
            self.name,
            *([self.raw_name] if self.raw else []),
            *(f"{self.name}-{part}" for part in self.parts),
            *([AUTO, *(f"{self.name}-{expert}" for expert in experts)] if experts else []),
        ]

    def is_raw(self, name: str) -> bool:
        """Whether a name is that of the model alone."""
        return self.raw and name.removesuffix(RAW) in self.versions.names and name.endswith(RAW)

    def part_of(self, name: str) -> Part | None:
        """Which part of the pipeline a name stands for; None where it stands for none."""
        return next((part for part in self.parts for one in self.versions.names if name == f"{one}-{part}"), None)

    def expert_of(self, name: str, version: Version) -> str | None:
        """Which adapter of a version a name stands for; None where its router chooses, or there is one model."""
        named = (expert for expert in version.model.experts for one in self.versions.names if name == f"{one}-{expert}")
        return next(named, None)

    def answering(self, name: str, version: Version) -> str:
        """The name of what answers, where a name was asked for."""
        part = self.part_of(name)
        expert = self.expert_of(name, version)
        return version.name + (RAW if self.is_raw(name) else f"-{part or expert}" if part or expert else "")

    def check(self, name: str) -> None:
        """Raises an ``ApiError`` where there is no such model."""
        is_listed = name in self.names or name in self.versions.names
        if not is_listed and not self.is_raw(name) and not self.part_of(name):
            known = f"没有这个模型，本服务有 {'、'.join(self.names)} · this service has {' and '.join(self.names)}"
            raise ApiError("model_not_found", known, param="model")

    def check_raw(self, name: str) -> None:
        """Raises an ``ApiError`` where the name is not that of the model alone."""
        if not self.raw:
            reason = "texts are continued by the model alone, which this service does not offer (serve.raw_model=true)"
            raise ApiError(
                "model_not_found",
                f"本服务未开放裸模型（serve.raw_model=true） · {reason}; questions go to /v1/chat/completions",
                param="model",
            )
        if not self.is_raw(name):
            raise ApiError(
                "model_not_found",
                f"续写文本只能用 {self.raw_name} · texts are continued by {self.raw_name} alone",
                param="model",
            )


def models_router(models: ServedModels) -> APIRouter:
    """The routes of the list."""
    router = APIRouter(prefix="/v1", tags=["OpenAI"])
    created = int(time.time())

    def listed(name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": created, "owned_by": "xinglin"}

    @router.get("/models", responses=documented())
    async def list_models() -> dict[str, Any]:
        return {"object": "list", "data": [listed(name) for name in models.names]}

    @router.get("/models/{name:path}", responses=documented("model_not_found", "invalid_request"))
    async def retrieve_model(name: str) -> dict[str, Any]:
        models.check(name)
        return listed(name)

    return router
