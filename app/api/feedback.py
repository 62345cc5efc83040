"""``/v1/feedback``: complaints and corrections of users, kept for the people who answer them."""

import asyncio
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from app.api.errors import OF_BODIES, documented
from app.compliance.records import Records


class Feedback(BaseModel):
    """Body of ``POST /v1/feedback``.

    Attributes:
        kind: A complaint, which must be answered; a correction of an answer; or something else.
        text: What the user writes.
        contact: How the user can be reached; empty where he need not be.
        about: The ``request_id`` of the answer that it is about; empty where it is about none.
    """

    model_config = ConfigDict(extra="forbid")
    kind: Literal["complaint", "correction", "other"]
    text: str = Field(min_length=1, max_length=4000, pattern=r"\S")
    contact: str = Field("", max_length=200)
    about: str = Field("", max_length=128, pattern=r"^[A-Za-z0-9._-]*$")


class FeedbackReceipt(BaseModel):
    """What ``/v1/feedback`` answers.

    Attributes:
        feedback_id: Number under which it is kept.
        process: How and when it is answered, in the words of the service's operator.
    """

    feedback_id: str
    process: str


def feedback_router(records: Records, process: str) -> APIRouter:
    """The route.

    Args:
        records: Where feedback is kept.
        process: See ``FeedbackReceipt``.
    """
    router = APIRouter(prefix="/v1", tags=["feedback"])

    @router.post("/feedback", status_code=201, responses=documented(*OF_BODIES))
    async def give_feedback(body: Feedback) -> FeedbackReceipt:
        number = await asyncio.to_thread(records.told, body.model_dump())
        return FeedbackReceipt(feedback_id=number, process=process)

    return router
