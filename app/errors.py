"""Errors as the OpenAI API words them, on every path: ``{"error": {message, type, param, code}}``."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException


class ApiError(Exception):
    """A request that cannot be served as asked.

    Args:
        status: HTTP status.
        message: What is wrong and what to do; never text of the user's.
        code: Short name of the problem that programs can test for.
        param: The field of the request at fault.
        headers: Further response headers, e.g. ``Retry-After``.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.param, self.headers = status, message, code, param, headers

    def body(self) -> dict[str, Any]:
        """The error as JSON."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    def response(self) -> JSONResponse:
        """The error as an HTTP response."""
        return JSONResponse(self.body(), self.status, headers=self.headers)


INTERNAL_ERROR = ApiError(
    500, "the service failed on this request; its log says where, by request id", code="internal_error"
)


def add_error_handlers(app: FastAPI) -> None:
    """Gives every error of the app the one shape."""
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)


async def _api_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    return error.response()


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    code = phrase.lower().replace(" ", "_")
    messages = {404: "no such path; see /openapi.json", 405: "this path does not take this method; see /openapi.json"}
    message = messages.get(error.status_code, phrase)
    return ApiError(error.status_code, message, code=code, headers=error.headers).response()


async def _validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    # pydantic's detail also quotes the input; the message is made of place and reason only
    problems = [(_place(detail["loc"]), detail["msg"]) for detail in error.errors()]
    message = "; ".join(f"{place}: {reason}" for place, reason in problems)
    return ApiError(422, message, code="invalid_request", param=problems[0][0]).response()


def _place(location: tuple[str | int, ...]) -> str:
    return ".".join(str(part) for part in location if part != "body") or "body"
