"""``/v1/about``: which domain is served, and what pages and clients show to users."""

from collections.abc import Mapping
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from app.api.errors import documented
from app.config import AudienceConfig
from data_recipes.schema.manifest import Description
from domains.domain import Domain, Notices
from domains.knowledge_base import KnowledgeBase
from domains.safety_rules import Level, LevelText


class LevelNotice(BaseModel):
    """How an answer at a level is announced.

    Attributes:
        title: Its heading; none for ``routine``.
        call: Telephone number to offer; empty where there is none.
    """

    title: Description | None
    call: str


class KnowledgeVersion(BaseModel):
    """The knowledge base that answers are checked against.

    Attributes:
        version: As citations have it.
        entries: Number of entries.
    """

    version: str
    entries: int


class About(BaseModel):
    """What ``/v1/about`` answers.

    Attributes:
        audience: ``public`` where the service is offered to the public.
        complaints: How users complain and when they are answered; empty where nobody has said.
        feedback: Whether there is ``/v1/feedback``.
    """

    domain: str
    title: Description
    notices: Notices
    levels: dict[Level, LevelNotice]
    knowledge: KnowledgeVersion | None
    audience: Literal["internal", "public"]
    complaints: str
    feedback: bool


def about(
    domain: Domain, levels: Mapping[Level, LevelText], knowledge: KnowledgeBase, audience: AudienceConfig
) -> About:
    """What is said about a service.

    Args:
        domain: The domain that is served.
        levels: What its safety rules say at each level.
        knowledge: The knowledge base that is cited.
        audience: Whom the service is for.
    """
    version = KnowledgeVersion(version=knowledge.version, entries=len(knowledge.entries))
    return About(
        domain=domain.name,
        title=domain.title,
        notices=domain.notices,
        levels={level: LevelNotice(title=text.title, call=text.call) for level, text in levels.items()},
        knowledge=version if knowledge.entries else None,
        audience=audience.name,
        complaints=audience.complaints,
        feedback=audience.records.folder is not None,
    )


def about_router() -> APIRouter:
    """The route."""
    router = APIRouter(prefix="/v1", tags=["about"])

    @router.get("/about", responses=documented())
    async def about_service(request: Request) -> About:
        served: About = request.state.version.about
        return served

    return router
