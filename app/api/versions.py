"""``/v1/admin/versions``: another version of the model is loaded beside the one that is served, tried, and promoted.

By a key with ``role=admin``; ``/admin`` has buttons for it.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from app.access.command import NAME
from app.access.keys import KeyStore
from app.api.admin import only_admins
from app.api.errors import OF_BODIES, ApiError, documented
from app.versions.version import Version
from app.versions.versions import ModelPlan, Traffic, VersionConflict, Versions
from common.errors import Refused, UserError

KeyName = Annotated[str, Field(pattern=f"^{NAME}$")]


class CandidateTraffic(BaseModel):
    """Body of ``PATCH /v1/admin/versions/candidate``; what it does not name stays as it is.

    Attributes:
        share: Share of the callers that the candidate answers, 0 to 1.
        keys: Names of all keys that it answers, whatever the share.
    """

    model_config = ConfigDict(extra="forbid")
    share: float | None = Field(None, ge=0, le=1)
    keys: list[KeyName] | None = Field(None, max_length=1000)

    def changed(self, before: Traffic) -> Traffic:
        """What the candidate gets from now on.

        Args:
            before: What it gets now.
        """
        share = before.share if self.share is None else self.share
        return Traffic(share, before.keys if self.keys is None else frozenset(self.keys))


class NewVersion(CandidateTraffic):
    """Body of ``POST /v1/admin/versions``; without a share or keys it answers nobody yet.

    Attributes:
        model: A run below ``runs_dir``, its directory, or ``latest``.
    """

    model: str = Field(min_length=1, max_length=1000)


class ListedVersion(BaseModel):
    """A version that answers.

    Attributes:
        id: The beginning of its hash; answers have it.
        sha256: Hash of its files; null where it is not known.
        directory: Where it was loaded from.
        requests: How many requests it is answering.
    """

    id: str
    name: str
    sha256: str | None
    directory: str
    requests: int


class TriedVersion(ListedVersion):
    """A candidate, and what it gets."""

    share: float
    keys: list[str]


class LoadedModel(BaseModel):
    """A model that is being loaded, or could not be.

    Attributes:
        problem: Why not; empty while it is being loaded.
    """

    directory: str
    state: Literal["loading", "failed"]
    problem: str


class EarlierVersion(BaseModel):
    """The version before, which a rollback loads again."""

    id: str
    name: str
    directory: str


class VersionsState(BaseModel):
    """What ``/v1/admin/versions`` answers.

    Attributes:
        current: What answers whoever the candidate does not.
        candidate: What is tried beside it.
        attempt: What is being loaded, or was the last that could not be.
        earlier: What a rollback goes back to where no candidate is tried.
        closing: Versions that finish their last requests.
    """

    current: ListedVersion
    candidate: TriedVersion | None
    attempt: LoadedModel | None
    earlier: EarlierVersion | None
    closing: list[ListedVersion]


class VersionPlan(BaseModel):
    """What ``/v1/admin/versions/plan`` answers.

    Attributes:
        needs_bytes: What its weights take up in memory; answers that run need more, as those of the first version do.
        free_bytes: What is free.
        fits: Whether it would be loaded.
    """

    name: str
    directory: str
    needs_bytes: int
    free_bytes: int
    fits: bool


def versions_router(versions: Versions, keys: KeyStore) -> APIRouter:
    """The routes.

    Args:
        versions: The versions of the service.
        keys: The keys that a candidate may answer.
    """
    router = APIRouter(prefix="/v1/admin/versions", tags=["admin"], dependencies=[Depends(only_admins)])
    changes = documented("insufficient_permissions", "version_conflict")
    bodies = documented("insufficient_permissions", "version_conflict", *OF_BODIES)

    @router.get("", responses=documented("insufficient_permissions"))
    async def list_versions() -> VersionsState:
        return _state(versions)

    @router.get("/plan", responses=documented("insufficient_permissions", "invalid_request"))
    async def plan_version(model: Annotated[str, Query(min_length=1, max_length=1000)]) -> VersionPlan:
        plan = await _planned(versions, model)
        fits = plan.needs <= plan.free
        return VersionPlan(
            name=plan.name, directory=plan.given, needs_bytes=plan.needs, free_bytes=plan.free, fits=fits
        )

    @router.post("", status_code=202, responses=bodies)
    async def load_version(body: NewVersion) -> VersionsState:
        await _check_names(body, keys)
        plan = await _planned(versions, body.model)
        with _conflicts():
            versions.load(plan, body.changed(Traffic()))
        return _state(versions)

    @router.patch("/candidate", responses=bodies)
    async def route_to_candidate(body: CandidateTraffic) -> VersionsState:
        await _check_names(body, keys)
        with _conflicts():
            versions.route(body.changed(versions.traffic))
        return _state(versions)

    @router.post("/promote", responses=changes)
    async def promote_candidate() -> VersionsState:
        with _conflicts():
            versions.promote()
        return _state(versions)

    @router.post("/rollback", responses=documented("insufficient_permissions", "version_conflict", "invalid_request"))
    async def roll_back() -> VersionsState:
        """Takes the candidate back; without one, the version before is loaded again, which takes as long as a start."""
        needed = versions.earlier if versions.candidate is None else None
        plan = await _planned(versions, needed.given) if needed else None
        with _conflicts():
            versions.roll_back(plan)
        return _state(versions)

    return router


async def _planned(versions: Versions, given: str) -> ModelPlan:
    try:
        return await asyncio.to_thread(versions.plan, given)
    except (UserError, Refused) as error:
        raise ApiError("invalid_request", f"不能加载这个模型 · {error}", param="model") from None


async def _check_names(body: CandidateTraffic, file: KeyStore) -> None:
    """Refuses names of keys that there are not: nobody would be answered by them."""
    known = {key.name for key in (await asyncio.to_thread(file.read)).values()}
    if unknown := [name for name in body.keys or () if name not in known]:
        raise ApiError("invalid_request", f"没有密钥 {unknown[0]} · there is no key {unknown[0]}", param="keys")


@contextmanager
def _conflicts() -> Iterator[None]:
    try:
        yield
    except VersionConflict as error:
        raise ApiError("version_conflict", str(error)) from None


def _state(versions: Versions) -> VersionsState:
    tried, attempt, earlier, traffic = versions.candidate, versions.attempt, versions.earlier, versions.traffic
    others = [version for version in versions.all if version not in (versions.current, tried)]
    return VersionsState(
        current=ListedVersion(**_listed(versions.current)),
        candidate=TriedVersion(**_listed(tried), share=traffic.share, keys=sorted(traffic.keys)) if tried else None,
        attempt=LoadedModel(directory=attempt.given, state=attempt.state, problem=attempt.problem) if attempt else None,
        earlier=EarlierVersion(id=earlier.id, name=earlier.name, directory=earlier.given) if earlier else None,
        closing=[ListedVersion(**_listed(version)) for version in others],
    )


def _listed(version: Version) -> dict[str, str | int | None]:
    model = version.model
    return {
        "id": version.id,
        "name": version.name,
        "sha256": model.sha256,
        "directory": model.given,
        "requests": version.requests,
    }
