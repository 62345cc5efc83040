"""The models by name: the pipeline's, and where it is allowed the model alone; ``/v1/models`` lists them."""

import time
from dataclasses import dataclass
from typing import Any, Literal, get_args

from fastapi import APIRouter

from app.api.errors import ApiError, documented

Part = Literal["entries", "rules"]
"""What of the pipeline answers: ``entries``, the model with what is found for it; ``rules``, safety rules and what is
declined as well. Asking back and checking claims are in neither."""
PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True)
class ServedModels:
    """What clients may name.

    Attributes:
        name: The pipeline: rules, sources, label.
        raw: Whether the model is served alone, too.
        parts: The parts of the pipeline that are served, too.
    """

    name: str
    raw: bool
    parts: tuple[Part, ...] = ()

    @property
    def raw_name(self) -> str:
        """The model alone."""
        return f"{self.name}-raw"

    @property
    def part_names(self) -> dict[str, Part]:
        """The parts by the names that clients give."""
        return {f"{self.name}-{part}": part for part in self.parts}

    @property
    def names(self) -> list[str]:
        """All that is served."""
        return [self.name, *([self.raw_name] if self.raw else []), *self.part_names]

    def check(self, name: str) -> None:
        """Raises an ``ApiError`` where there is no such model."""
        if name not in self.names:
            raise ApiError("model_not_found", f"this service has {' and '.join(self.names)}", param="model")

    def check_raw(self, name: str) -> None:
        """Raises an ``ApiError`` where the name is not that of the model alone."""
        if not self.raw:
            reason = "texts are continued by the model alone, which this service does not offer (serve.raw_model=true)"
            raise ApiError("model_not_found", f"{reason}; questions go to /v1/chat/completions", param="model")
        if name != self.raw_name:
            raise ApiError("model_not_found", f"texts are continued by {self.raw_name} alone", param="model")


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
