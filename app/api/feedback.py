"""``/v1/feedback``: complaints and corrections of users, kept for those who answer them.

Answers that doctors have corrected are what ``data=feedback`` trains on.
"""

import asyncio
from typing import Literal, Self

from fastapi import APIRouter, Request
from loguru import logger
from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.api.errors import OF_BODIES, ApiError, documented
from app.api.qa import HistoryTurn
from app.audit.records import AuditRecords
from common.errors import UserError

NOT_KEPT = "没有保存成功，请稍后再试 · what you wrote could not be kept; please try again later"


class Correction(BaseModel):
    """An answer as it should have been, with all that it takes to train on it: records need not have the texts.

    Attributes:
        question: What was asked.
        history: The turns before.
        answer: What was answered, without notice, sources and label; empty where there was nothing.
        corrected: The whole right answer.
    """

    model_config = ConfigDict(extra="forbid")
    question: str = Field(min_length=1, max_length=4000, pattern=r"\S")
    history: list[HistoryTurn] = []
    answer: str = Field("", max_length=16_000)
    corrected: str = Field(min_length=1, max_length=16_000, pattern=r"\S")


class Feedback(BaseModel):
    """Body of ``POST /v1/feedback``.

    Attributes:
        kind: A complaint, which must be answered; a correction of an answer; or something else.
        text: What the user writes; it may be empty beside a correction.
        contact: How the user can be reached; empty where he need not be.
        about: The ``request_id`` of the answer that it is about; empty where it is about none.
        correction: The right answer, of kind ``correction``, by the key of a doctor.
    """

    model_config = ConfigDict(extra="forbid")
    kind: Literal["complaint", "correction", "other"]
    text: str = Field("", max_length=4000)
    contact: str = Field("", max_length=200)
    about: str = Field("", max_length=128, pattern=r"^[A-Za-z0-9._-]*$")
    correction: Correction | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.correction is None and not self.text.strip():
            raise ValueError("请写明内容（text） · text: write something")
        if self.correction is not None and not (self.kind == "correction" and self.about):
            raise ValueError(
                "correction 须与 kind=correction 和 about（回答的 request_id）一起给出 · "
                "correction: belongs to kind=correction, and needs about, the request_id of the answer"
            )
        return self


class FeedbackReceipt(BaseModel):
    """What ``/v1/feedback`` answers.

    Attributes:
        feedback_id: Number under which it is kept.
        process: How and when it is answered, in the words of the service's operator.
    """

    feedback_id: str
    process: str


def feedback_router(records: AuditRecords, process: str) -> APIRouter:
    """The route.

    Args:
        records: Where feedback is kept.
        process: See ``FeedbackReceipt``.
    """
    router = APIRouter(prefix="/v1", tags=["feedback"])
    refused = documented("insufficient_permissions", "not_recorded", *OF_BODIES)

    @router.post("/feedback", status_code=201, responses=refused)
    async def give_feedback(body: Feedback, request: Request) -> FeedbackReceipt:
        if body.correction:
            request.state.caller.check("correct")
        about = body.model_dump(include={"kind", "about"})
        text = body.model_dump(include={"text", "contact"}) | (body.correction.model_dump() if body.correction else {})
        try:
            number = await asyncio.to_thread(records.told, request.state.caller, about, text)
        except (OSError, UserError) as error:
            logger.error("feedback about {} is not kept: {}", body.about or "no answer", error)
            raise ApiError("not_recorded", NOT_KEPT) from None
        return FeedbackReceipt(feedback_id=number, process=process)

    return router
