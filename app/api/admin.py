"""``/v1/admin``: keys and records for operators, by a key with ``role=admin``; ``/admin`` is its page."""

import asyncio
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from app.access.command import NAME
from app.access.keys import (
    ApiKey,
    Days,
    KeyStore,
    NameTaken,
    NoSuchKey,
    RequestsPerMinute,
    Role,
    TokensPerDay,
    Usage,
)
from app.api.errors import OF_BODIES, ApiError, ErrorCode, documented
from app.audit.chain import AuditChain, Record
from app.audit.search import RecordSearch
from app.audit.verification import verified


class NewKey(BaseModel):
    """Body of ``POST /v1/admin/keys``; see ``python -m app.keys add``."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(pattern=f"^{NAME}$")
    role: Role
    days: Days | None = 365
    requests_per_minute: RequestsPerMinute | None = None
    tokens_per_day: TokensPerDay | None = None

    def made(self) -> ApiKey:
        """The key, from now on."""
        return ApiKey.valid_for(self.days, self.name, self.role, self.requests_per_minute, self.tokens_per_day)


class MadeKey(BaseModel):
    """What ``POST /v1/admin/keys`` answers.

    Attributes:
        key: The key, which is shown this once.
    """

    name: str
    key: str


class ListedKey(BaseModel):
    """A key in a list; times are in seconds since 1970."""

    name: str
    role: Role
    state: Literal["valid", "expired", "revoked"]
    made: float
    expires: float | None
    requests_per_minute: int | None
    tokens_per_day: int | None
    requests_today: int
    tokens_today: int


class ChainState(BaseModel):
    """What ``/v1/admin/records/state`` answers.

    Attributes:
        records: Number of records.
        newest: Number of the newest one.
        sha256: Its hash, to be kept elsewhere.
        breaks: Where the chain is not as it was written, by file and line.
        notes: What is unusual, and no change.
    """

    records: int
    newest: int
    sha256: str
    breaks: list[str]
    notes: list[str]


def only_admins(request: Request) -> None:
    """Raises ``NotAllowed`` where the key is no admin's."""
    request.state.caller.check("admin")


def admin_router(keys: KeyStore, records: AuditChain | None) -> APIRouter:
    """The routes.

    Args:
        keys: The keys.
        records: The records; None where none are kept.
    """
    router = APIRouter(prefix="/v1/admin", tags=["admin"], dependencies=[Depends(only_admins)])
    refused: tuple[ErrorCode, ...] = ("insufficient_permissions", "invalid_request")

    @router.get("/keys", responses=documented("insufficient_permissions"))
    async def list_keys() -> list[ListedKey]:
        return await asyncio.to_thread(_listed, keys)

    @router.post("/keys", status_code=201, responses=documented("insufficient_permissions", *OF_BODIES))
    async def add_key(body: NewKey) -> MadeKey:
        try:
            return MadeKey(name=body.name, key=await asyncio.to_thread(keys.add, body.made()))
        except NameTaken as error:
            raise ApiError("invalid_request", f"这个名称已经用过 · {error.problem}", param="name") from None

    @router.delete("/keys/{name}", status_code=204, responses=documented("not_found", *refused))
    async def revoke_key(name: str) -> None:
        try:
            await asyncio.to_thread(keys.revoke, name)
        except NoSuchKey as error:
            raise ApiError("not_found", f"没有这个密钥 · {error.problem}") from None

    if records is not None:

        @router.get("/records", responses=documented(*refused))
        async def search_records(search: Annotated[RecordSearch, Query()]) -> list[Record]:
            return await asyncio.to_thread(_found, records, search)

        @router.get("/records/state", responses=documented("insufficient_permissions"))
        async def state_of_records() -> ChainState:
            return await asyncio.to_thread(_state, records)

    return router


def _listed(file: KeyStore) -> list[ListedKey]:
    used = file.used(datetime.now().astimezone().date().isoformat())
    return [_with_usage(key, used.get(key.name, Usage())) for key in file.read().values()]


def _with_usage(key: ApiKey, used: Usage) -> ListedKey:
    known = {name: value for name, value in asdict(key).items() if name != "revoked"}
    return ListedKey(**known, state=key.state, requests_today=used.requests, tokens_today=used.tokens)


def _found(chain: AuditChain, search: RecordSearch) -> list[Record]:
    with chain.locked() as held:  # nothing is pruned or deleted meanwhile
        return held.search(search)


def _state(chain: AuditChain) -> ChainState:
    with chain.locked() as held:  # nothing is pruned or deleted meanwhile
        if held.is_empty:
            return ChainState(records=0, newest=0, sha256="", breaks=[], notes=[])
        one = verified(held)
    breaks = [str(broken) for broken in one.breaks]
    return ChainState(records=one.records, newest=one.end.number, sha256=one.end.sha256, breaks=breaks, notes=one.notes)
