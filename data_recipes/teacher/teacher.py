"""A teacher writes texts: an OpenAI-compatible server here, or a local model that a command provides.

What a teacher has written is recorded line by line, so that a killed command resumes without asking again.
"""

import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from loguru import logger
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from common.command import Config
from common.errors import UserError
from common.files import disk_errors, make_directory
from common.hashing import sha256_value

LONGEST_WAIT = 60.0  # seconds before a request is retried
RECORD = "requests.jsonl"


class Request(NamedTuple):
    """What is asked.

    Attributes:
        prompt: The text of one user turn.
        max_tokens: Most tokens of the reply.
        temperature: 0 is greedy.
        seed: Makes a sampled reply reproducible where the teacher can do that.
    """

    prompt: str
    max_tokens: int
    temperature: float
    seed: int


class Reply(NamedTuple):
    """What came back.

    Attributes:
        text: The reply.
        cut: Whether it reached ``max_tokens``.
        prompt_tokens: Tokens of the prompt.
        completion_tokens: Tokens of the reply.
    """

    text: str
    cut: bool
    prompt_tokens: int
    completion_tokens: int


class Teacher(Protocol):
    """Anything that answers requests. Requests given together share temperature and seed."""

    @property
    def name(self) -> str:
        """Of the model, for the report."""
        ...

    def answer(self, requests: Sequence[Request]) -> list[Reply]:
        """Answers every request, in their order."""
        ...


class LimitReached(Exception):
    """The next requests would exceed the limit."""


class OpenAIConfig(Config):
    """A server that speaks the OpenAI protocol: vLLM, SGLang, a hosted model, Xinglin's own service.

    Attributes:
        kind: Selects this teacher.
        base_url: Up to and including ``/v1``.
        model: The name it is served under.
        key_env: The environment variable that holds the key; null sends none.
        retries: How often a request is retried when the server is busy, fails or does not answer.
        timeout_s: Seconds to wait for one reply.
    """

    kind: Literal["openai"]
    base_url: str = Field(pattern=r"^https?://\S+$")
    model: str = Field(min_length=1)
    key_env: str | None
    retries: NonNegativeInt
    timeout_s: PositiveFloat


class OpenAITeacher:
    """Asks a server; requests given together run at the same time.

    Args:
        config: Which one.
        first_wait: Seconds before a request is retried; doubled each time.

    Raises:
        UserError: The key is missing, or httpx is not installed.
    """

    def __init__(self, config: OpenAIConfig, first_wait: float = 1.0) -> None:
        try:
            import httpx  # only this teacher needs it
        except ModuleNotFoundError:
            raise UserError("httpx is not installed", where="teacher", fix="pip install httpx") from None
        self._config, self._first_wait, self._errors = config, first_wait, httpx.TransportError
        self._client = httpx.Client(timeout=config.timeout_s, headers=_headers(config))

    @property
    def name(self) -> str:
        """See ``Teacher.name``."""
        return self._config.model

    def answer(self, requests: Sequence[Request]) -> list[Reply]:
        """See ``Teacher.answer``.

        Raises:
            UserError: The server refuses, or still fails after all retries.
        """
        with ThreadPoolExecutor(max(1, len(requests))) as pool:
            return list(pool.map(self._one, requests))

    def _one(self, request: Request) -> Reply:
        wait = self._first_wait
        for attempt in range(self._config.retries + 1):
            problem, after = self._tried(request)
            if isinstance(problem, Reply):
                return problem
            if attempt < self._config.retries:
                logger.warning("the teacher: {}; retrying in {:.0f} s", problem, after or wait)
                time.sleep(min(after or wait, LONGEST_WAIT))
                wait *= 2
        raise UserError(
            f"{problem}, after {self._config.retries} retries",
            where=self._config.base_url,
            fix="is the server running? what was written so far is kept: run the same command again to resume",
        )

    def _tried(self, request: Request) -> tuple[Reply | str, float | None]:
        """The reply, or what went wrong and how long the server asks us to wait.

        Raises:
            UserError: Retrying would not help.
        """
        body = {
            "model": self._config.model,
            "messages": [{"role": "user", "content": request.prompt}],
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "seed": request.seed,
        }
        try:
            response = self._client.post(f"{self._config.base_url.rstrip('/')}/chat/completions", json=body)
        except self._errors as error:
            return f"no connection ({type(error).__name__})", None
        if response.status_code == 429 or response.status_code >= 500:
            after = response.headers.get("retry-after", "")
            return f"status {response.status_code}", float(after) if after.isdigit() else None
        if response.status_code != 200:
            raise UserError(
                f"the teacher refuses: status {response.status_code}",
                where=self._config.base_url,
                fix="check teacher.base_url, teacher.model and the key",
            )
        try:
            return _reply(response.json()), None
        except (ValueError, KeyError, IndexError, TypeError):
            return "a reply that is not in the OpenAI protocol", None


def _headers(config: OpenAIConfig) -> dict[str, str]:
    if config.key_env is None:
        return {}
    key = os.environ.get(config.key_env)
    if not key:
        raise UserError(
            f"the environment variable {config.key_env} is empty",
            where="teacher.key_env",
            fix=f"export {config.key_env}=…, or teacher.key_env=null for a server without keys",
        )
    return {"Authorization": f"Bearer {key}"}


def _reply(body: Any) -> Reply:
    choice, usage = body["choices"][0], body.get("usage") or {}
    text = choice["message"]["content"] or ""
    if not isinstance(text, str):
        raise TypeError
    spent = (int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0))
    return Reply(text, choice.get("finish_reason") == "length", *spent)


class RecordedTeacher:
    """Answers known requests from the record, and records the rest.

    Args:
        teacher: Answers new requests.
        path: The record, JSON lines; a last line that a killed command left half-written is cut off.
        max_requests: Most requests, those of the record included.
        max_tokens: Most tokens of prompts and replies together.

    Raises:
        UserError: The record is damaged.
    """

    def __init__(self, teacher: Teacher, path: Path, *, max_requests: PositiveInt, max_tokens: PositiveInt) -> None:
        self.teacher, self._path = teacher, path
        self._max_requests, self._max_tokens = max_requests, max_tokens
        self._known = _read(path)
        self.recorded = len(self._known)
        self.requests = self.prompt_tokens = self.completion_tokens = 0

    @classmethod
    def in_folder(
        cls, out: Path, teacher: Teacher, *, max_requests: PositiveInt, max_tokens: PositiveInt
    ) -> "RecordedTeacher":
        """A teacher with its record in a command's ``out``, which is new, empty or of an earlier run.

        Raises:
            UserError: Something else is there, or the record is damaged.
        """
        if out.exists() and not (out.is_dir() and ((out / RECORD).exists() or not any(out.iterdir()))):
            raise UserError("this exists and is not an earlier run", where=str(out), fix="choose another out=DIR")
        make_directory(out)
        recorded = cls(teacher, out / RECORD, max_requests=max_requests, max_tokens=max_tokens)
        if recorded.recorded:
            logger.info("reusing {} replies of an earlier run", recorded.recorded)
        return recorded

    def answer(self, requests: Sequence[Request]) -> list[Reply]:
        """Answers every request, in their order.

        Raises:
            LimitReached: They would be too many; none of them is asked.
            UserError: The record is that of another command.
        """
        spent = self.prompt_tokens + self.completion_tokens
        if self.requests + len(requests) > self._max_requests or spent >= self._max_tokens:
            raise LimitReached
        known = self._known[self.requests : self.requests + len(requests)]
        for (key, _), request in zip(known, requests, strict=False):
            if key != sha256_value(list(request)):
                raise UserError(
                    "this is the record of another configuration", where=str(self._path), fix="choose another out=DIR"
                )
        replies = [reply for _, reply in known]
        if new := requests[len(known) :]:
            fresh = self.teacher.answer(new)
            self._record(new, fresh)
            replies += fresh
        self.requests += len(requests)
        self.prompt_tokens += sum(reply.prompt_tokens for reply in replies)
        self.completion_tokens += sum(reply.completion_tokens for reply in replies)
        return replies

    def _record(self, requests: Sequence[Request], replies: Sequence[Reply]) -> None:
        with disk_errors(self._path), self._path.open("a", encoding="utf-8") as file:
            for request, reply in zip(requests, replies, strict=True):
                key = sha256_value(list(request))
                file.write(json.dumps({"key": key, "reply": list(reply)}, ensure_ascii=False) + "\n")
                self._known.append((key, reply))
            file.flush()
            os.fsync(file.fileno())


def _read(path: Path) -> list[tuple[str, Reply]]:
    if not path.exists():
        return []
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)
    known = []
    for number, line in enumerate(content[:whole].splitlines(), 1):
        try:
            entry = json.loads(line)
            known.append((str(entry["key"]), Reply(*entry["reply"])))
        except (ValueError, KeyError, TypeError):
            raise UserError(
                "the record is damaged", where=f"{path}:{number}", fix="remove this line and all after it"
            ) from None
    return known
