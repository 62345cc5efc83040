"""Errors over HTTP, on every path as the OpenAI API words them: ``{"error": {message, type, param, code}}``.

This is the one place that knows which problem has which status; ``documented`` publishes it for each route.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from app.access.caller import NotAllowed, QuotaExceeded
from app.api.wrong_fields import BOTH, place, told
from app.backends.backend import (
    BackendError,
    GenerationFailed,
    ModelMissing,
    Overloaded,
    PromptTooLong,
    Stopping,
    TextTooLong,
    Unavailable,
    UnsupportedConversation,
    UnsupportedSampling,
)

ErrorCode = Literal[
    "bad_request",
    "context_length_exceeded",
    "generation_failed",
    "insufficient_permissions",
    "internal_error",
    "invalid_api_key",
    "invalid_messages",
    "invalid_request",
    "invalid_stop",
    "method_not_allowed",
    "model_not_found",
    "model_unavailable",
    "not_found",
    "not_recorded",
    "overloaded",
    "rate_limit_exceeded",
    "request_timeout",
    "request_too_large",
    "stopping",
    "too_many_connections",
    "unknown_host",
    "unsupported_conversation",
    "unsupported_parameter",
    "version_conflict",
]


class ErrorKind(NamedTuple):
    """Status of an error, and what it means: for users, who read Chinese first, and for the documentation."""

    status: int
    chinese: str
    meaning: str


KINDS: dict[ErrorCode, ErrorKind] = {
    "bad_request": ErrorKind(
        400, "请求体不是 UTF-8 文本", "the body is not text in UTF-8, for example GBK or compressed"
    ),
    "context_length_exceeded": ErrorKind(
        400, "内容太长，请缩短后再试", "the question is too long, or the prompt leaves no room for an answer"
    ),
    "invalid_messages": ErrorKind(400, "最后一条消息必须是用户的", "the last message is not the user's"),
    "invalid_request": ErrorKind(400, "请求的内容不符合格式", "the request does not fit its schema"),
    "invalid_stop": ErrorKind(400, "停止词太多或为空", "too many stop strings, or an empty one"),
    "unsupported_conversation": ErrorKind(
        400, "模型的提示格式写不出这样的对话", "the model's prompt format has no way to write the conversation"
    ),
    "unsupported_parameter": ErrorKind(
        400, "本服务不支持请求中的某个参数", "the request asks for something that this service does not support"
    ),
    "unknown_host": ErrorKind(
        400, "本服务不使用这个主机名", "the service is not known under the name in the Host header: access.hosts"
    ),
    "invalid_api_key": ErrorKind(
        401, "需要有效的密钥", "a key is needed, or the one given is not known, has expired or was revoked"
    ),
    "insufficient_permissions": ErrorKind(403, "这个密钥没有这项权限", "the role of the key does not include that"),
    "model_not_found": ErrorKind(404, "没有这个模型", "this service does not have that model"),
    "not_found": ErrorKind(404, "没有这个地址", "no such path"),
    "method_not_allowed": ErrorKind(405, "这个地址不支持这种请求方法", "this path does not support this method"),
    "request_timeout": ErrorKind(
        408, "请求没有及时发送完", "the request did not arrive in time: 10 s for its head, 30 s for its body"
    ),
    "version_conflict": ErrorKind(
        409, "现有的模型版本不允许这样做", "that does not go together with the versions that there are"
    ),
    "request_too_large": ErrorKind(413, "请求体太大", "the body is longer than serve.max_body_bytes"),
    "rate_limit_exceeded": ErrorKind(
        429,
        "这个密钥的额度已用完，请稍后再试",
        "the key has used up what it allows; Retry-After says when to try again",
    ),
    "generation_failed": ErrorKind(500, "模型没有答成，请再试一次", "the model failed on this request"),
    "internal_error": ErrorKind(
        500, "服务出错，请稍后再试", "the service failed on this request; its log says where, by request id"
    ),
    "model_unavailable": ErrorKind(
        503, "模型暂时不可用，请稍后再试", "the model could not be loaded or reached; rules still answer emergencies"
    ),
    "not_recorded": ErrorKind(
        503, "没有保存成功，请稍后再试", "what was written could not be kept; the service's log says why"
    ),
    "overloaded": ErrorKind(
        503, "排队的请求太多，请稍后再试", "too many requests are waiting; Retry-After says when to try again"
    ),
    "stopping": ErrorKind(
        503, "服务正在停止，请稍后再试", "the service is stopping; Retry-After says when to try again"
    ),
    "too_many_connections": ErrorKind(
        503, "连接太多，请稍后再试", "too many connections are open; Retry-After says when to try again"
    ),
}

LONGEST_TEXT = 500
"""Most characters of an error's message."""

BACKEND_ERRORS: dict[type[BackendError], ErrorCode] = {
    UnsupportedConversation: "unsupported_conversation",
    UnsupportedSampling: "unsupported_parameter",
    PromptTooLong: "context_length_exceeded",
    TextTooLong: "context_length_exceeded",
    GenerationFailed: "generation_failed",
    ModelMissing: "model_unavailable",
    Overloaded: "overloaded",
    Stopping: "stopping",
    NotAllowed: "insufficient_permissions",
    QuotaExceeded: "rate_limit_exceeded",
}
"""What each error of a backend is over HTTP, and of what a key allows."""

OF_BODIES: tuple[ErrorCode, ...] = ("bad_request", "request_too_large", "invalid_request")
"""What every route that reads a body may answer."""

OF_ANSWERS: tuple[ErrorCode, ...] = tuple(dict.fromkeys(BACKEND_ERRORS.values()))
"""What every route that asks the model may answer."""


class ErrorDetail(BaseModel):
    """What is wrong.

    Attributes:
        message: What is wrong and what to do; never the user's text.
        type: Whose fault it is.
        param: The field of the request at fault.
        code: Short name of the problem that programs can test for.
    """

    message: str
    type: Literal["invalid_request_error", "server_error"]
    param: str | None = None
    code: ErrorCode


class ErrorBody(BaseModel):
    """Body of every error."""

    error: ErrorDetail


class ApiError(HTTPException):
    """A request that cannot be served as asked.

    Args:
        code: The problem.
        message: What is wrong and what to do, never the user's text: in English, which what the code means in Chinese
            is put before; or in both, divided by `` · ``.
        param: The field of the request at fault.
        headers: Further response headers, e.g. ``Retry-After``.
    """

    def __init__(
        self, code: ErrorCode, message: str = "", *, param: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        status, chinese, meaning = KINDS[code]
        if param is not None and status == 400:
            chinese += f"（{param}）"
        said = message if BOTH in message else f"{chinese}{BOTH}{message or meaning}"
        super().__init__(status, _printable(said), headers)
        self.code, self.param = code, param and _printable(param)

    def body(self) -> dict[str, Any]:
        """The error as JSON."""
        fault: Literal["invalid_request_error", "server_error"] = (
            "server_error" if self.status_code >= 500 else "invalid_request_error"
        )
        return ErrorBody(
            error=ErrorDetail(message=self.detail, type=fault, param=self.param, code=self.code)
        ).model_dump()

    def response(self) -> JSONResponse:
        """The error as an HTTP response."""
        return JSONResponse(self.body(), self.status_code, headers=self.headers)


def _printable(text: str) -> str:
    """A text that can be sent, of a bounded length: names of parameters come from the client."""
    shown = text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"
    return shown.encode("utf-8", "replace").decode("utf-8")


def of_backend(error: BackendError) -> ApiError:
    """The error of a backend over HTTP."""
    param = error.name if isinstance(error, UnsupportedSampling) else None
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, Unavailable) else None
    return ApiError(BACKEND_ERRORS[type(error)], str(error), param=param, headers=headers)


def documented(*codes: ErrorCode) -> dict[int | str, dict[str, Any]]:
    """The responses of a route for openapi.json: each status with its schema and an example of each code.

    ``default`` is what any other error looks like; it also keeps FastAPI from adding its 422, which is never sent.
    """
    responses: dict[int | str, dict[str, Any]] = {
        "default": {"model": ErrorBody, "description": "any other error, in the same shape"}
    }
    for code in (*codes, "internal_error"):
        status, _, meaning = KINDS[code]
        response = responses.setdefault(status, {"model": ErrorBody, "description": "", "content": {}})
        response["description"] = "; ".join(filter(None, [response["description"], meaning]))
        examples = response["content"].setdefault("application/json", {"examples": {}})["examples"]
        examples[code] = {"value": ApiError(code).body()}
    return responses


def add_error_handlers(app: FastAPI) -> None:
    """Gives every error of the app the same shape."""
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(BackendError, _backend_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)


async def _api_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    return error.response()


async def _backend_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, BackendError)
    return of_backend(error).response()


COMPRESSED = "请求体经过压缩（Content-Encoding），请发送未压缩的 JSON · the body is compressed; send it as it is"
NOT_UTF_8 = "请求体不是 UTF-8 文本（例如 GBK） · the body is not text in UTF-8 (GBK, or compressed)"

FROM_THE_FRAMEWORK: dict[int, tuple[ErrorCode, str]] = {
    400: ("bad_request", NOT_UTF_8),
    404: ("not_found", "no such path; the base_url of OpenAI clients ends in /v1; see /openapi.json"),
    405: ("method_not_allowed", "this path does not support this method; see /openapi.json"),
}


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code, message = FROM_THE_FRAMEWORK[error.status_code]
    if code == "bad_request" and "content-encoding" in request.headers:
        message = COMPRESSED
    headers = _allowed(request) if code == "method_not_allowed" else None
    return ApiError(code, message, headers=headers or error.headers).response()


def _allowed(request: Request) -> dict[str, str] | None:
    """All methods of a path; the framework names those of its first route alone."""
    route = request.scope.get("route")  # none of the document's own
    described = request.app.openapi()["paths"].get(route.path_format) if route else None
    return {"Allow": ", ".join(sorted(map(str.upper, described)))} if described else None


NO_OBJECT = "请求体不是 JSON 对象：请以 Content-Type: application/json 发送 {…} · the body is not a JSON object"


async def _validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    if any(_is_no_object(detail) for detail in error.errors()):
        return ApiError("invalid_request", NO_OBJECT, param="body").response()
    return ApiError("invalid_request", told(error.errors()), param=place(error.errors()[0])).response()


def _is_no_object(detail: Mapping[str, Any]) -> bool:
    of_the_whole = tuple(detail["loc"]) == ("body",)
    return detail["type"] == "json_invalid" or (
        of_the_whole and detail["type"] in ("missing", "dict_type", "model_attributes_type")
    )
