"""A server with an OpenAI-compatible API, asked as its clients ask it.

It renders the prompt itself and is asked for no log-probabilities of its answers, so they have no loss. The options of
an exam are compared by ``/completions`` with ``echo`` and ``logprobs``, which vLLM, SGLang and our own service have for
the model alone, and llama.cpp's server and text-generation-inference have not. An item that it fails at is asked again,
and counted as failed in the report where that does not help.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import httpx2
from loguru import logger
from tqdm import tqdm

from common.errors import UserError
from data_recipes.schema.example import Example
from eval.answers import AnswerKind, FinishReason, ModelAnswer
from eval.config import SuiteConfig, SystemConfig
from eval.exams.choosing import chosen
from eval.exams.exam import ExamItem
from eval.exams.published import LETTERS
from eval.solving import solve_together
from eval.suites import solving
from strategies.strategy import ModelCall

LONGEST_WAIT = 60.0
"""Seconds before a question is asked again."""
LARGEST_REPLY = 8 * 2**20
"""Bytes."""
GONE = 20
"""So many items that fail in a row are a server that is gone: nothing is learnt by asking it the rest."""
CLOSED = (401, 403, 404, 405)
"""Statuses that every other item would get, too."""

TOO_LONG = re.compile("context_length_exceeded|exceed_context_size|context (?:length|size|window)")
"""What OpenAI, llama.cpp and vLLM say of a prompt that does not fit."""
NAME = re.compile(r"[a-z_]{1,40}")
"""What the code of an error looks like; anything else may be what the server read."""


DOING: dict[AnswerKind, str] = {"generated": "answering", "options": "choosing", "read": "reading"}

Read = TypeVar("Read")
"""What is read from a reply."""


class Failure(NamedTuple):
    """Why an item has no answer.

    Attributes:
        problem: In a few words; never what the server wrote, which may repeat the question.
        kind: ``passing`` may not happen again, ``item`` is about the item, ``too_long`` is that it does not fit the
            context, and ``server`` is what every item would get.
        after: Seconds that the server asks clients to wait.
    """

    problem: str
    kind: Literal["passing", "item", "too_long", "server"]
    after: float | None = None


NO_LOGPROBS = Failure(
    "it gives no log-probabilities of a prompt (echo, logprobs); ask for answers: suite.exam.by=[generated]",
    "server",
)


class Connection:
    """Talks to a server.

    Args:
        config: Where it is.

    Raises:
        UserError: The key file is missing.
    """

    def __init__(self, config: SystemConfig) -> None:
        assert config.url is not None
        self.url = config.url.rstrip("/")
        self._config = config
        limits = httpx2.Limits(max_connections=config.at_once)
        self._client = httpx2.Client(timeout=config.timeout_s, headers=_headers(config.key_file), limits=limits)

    def names(self) -> list[str]:
        """The models that it lists.

        Raises:
            UserError: It cannot be reached, or refuses.
        """
        found = self._tried("GET", "/models")
        if isinstance(found, Failure):
            raise UserError(
                f"no models are listed here: {found.problem}",
                where=f"{self.url}/models",
                fix="is the server running? the URL ends in /v1, and key_file is the file with its key",
            )
        listed = found.get("data")
        models = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        return [one["id"] for one in models if isinstance(one.get("id"), str)]

    def _tried(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any] | Failure:
        """What the server says, or why it says nothing."""
        try:
            with self._client.stream(method, f"{self.url}{path}", json=body) as response:
                content = self._whole(response)
        except httpx2.HTTPError as error:
            return Failure(f"no answer ({type(error).__name__})", "passing")
        except _TooMuch as error:
            return Failure(str(error), "passing")
        if response.status_code != 200:
            return _failure(response, content)
        return _parsed(content) or Failure("what came back is not in OpenAI's format", "passing")

    def _whole(self, response: httpx2.Response) -> bytes:
        """The body of a response.

        Raises:
            _TooMuch: It takes too long, or has too many bytes.
        """
        end, content = time.monotonic() + self._config.timeout_s, b""
        for part in response.iter_bytes():
            content += part
            if time.monotonic() > end:
                raise _TooMuch(f"no whole answer in {self._config.timeout_s:g} s")
            if len(content) > LARGEST_REPLY:
                raise _TooMuch(f"an answer of more than {LARGEST_REPLY:,} bytes")
        return content


class Endpoint(Connection):
    """Asks a server.

    Args:
        config: Where it is, and how it is asked.
        first_wait: Seconds before a question is asked again; doubled each time.

    Raises:
        UserError: The key file is missing, the server cannot be reached or refuses, or it has no such model.
    """

    def __init__(self, config: SystemConfig, first_wait: float = 1.0) -> None:
        super().__init__(config)
        self._first_wait, self._stopped = first_wait, threading.Event()
        self.model = self._model(config.model)

    def _model(self, wanted: str | None) -> str:
        names = self.names()
        if wanted in names:
            return wanted or ""
        if wanted is None and len(names) == 1:
            return names[0]
        raise UserError(
            f"there is no model {wanted} here" if wanted else "this server has several models",
            where=self.url,
            fix=f"systems.NAME.url={self.url} systems.NAME.model=… of: {', '.join(names[:10]) or 'none'}",
        )

    def ask(
        self, examples: Sequence[Example], wanted: Sequence[int], config: SuiteConfig
    ) -> Iterator[Mapping[int, ModelAnswer]]:
        """Answers items in the order in which the server does; see ``eval.evaluation.Ask``.

        Raises:
            UserError: An item is a document, the server refuses every question, or has stopped answering.
        """
        if any(examples[i].is_text for i in wanted):
            raise UserError(
                "a server answers questions; how likely it finds documents is not asked",
                where=self.url,
                fix="give the model's directory instead: systems.NAME=DIR",
            )
        return self._asked("generated", wanted, lambda i: self._answer(examples[i], config))

    def choose(self, items: Sequence[ExamItem], wanted: Sequence[int]) -> Iterator[Mapping[int, ModelAnswer]]:
        """Compares the options of an exam; see ``eval.evaluation.Choose``.

        Raises:
            UserError: The server gives no log-probabilities of a prompt, or has stopped answering.
        """
        return self._asked("options", wanted, lambda i: self._chosen(items[i]))

    def _asked(
        self, kind: AnswerKind, wanted: Sequence[int], ask: Callable[[int], ModelAnswer | Failure]
    ) -> Iterator[Mapping[int, ModelAnswer]]:
        in_a_row = 0
        with (
            ThreadPoolExecutor(self._config.at_once) as pool,
            tqdm(total=len(wanted), desc=f"{DOING[kind]} ({self.model})", unit="item") as progress,
        ):
            asked = {pool.submit(ask, i): i for i in wanted}
            try:
                for done in as_completed(asked):
                    found = done.result()
                    yield {asked[done]: _as_answer(found, kind)}
                    in_a_row = in_a_row + 1 if isinstance(found, Failure) and found.kind != "too_long" else 0
                    self._check_there(found, in_a_row)
                    progress.update()
            except BaseException:
                self._stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _check_there(self, found: ModelAnswer | Failure, in_a_row: int) -> None:
        if isinstance(found, Failure) and (found.kind == "server" or in_a_row >= GONE):
            raise UserError(
                f"the server does not answer: {found.problem}"
                + (f", {GONE} items in a row" if in_a_row >= GONE else ""),
                where=self.url,
                fix="what it has answered is stored: run the same command again to resume",
            )

    def _answer(self, example: Example, config: SuiteConfig) -> ModelAnswer | Failure:
        def reply(request: ModelCall) -> ModelAnswer:
            found = self._reply(example.id, request, config.max_new_tokens)
            if isinstance(found, Failure):
                raise _NoReply(found)
            return found

        try:
            [answer] = solve_together([solving(example, config)], lambda requests: [reply(one) for one in requests])
        except _NoReply as error:
            return error.failure
        return answer

    def _reply(self, id: str, request: ModelCall, max_tokens: int | None) -> ModelAnswer | Failure:
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": turn.role, "content": turn.content} for turn in request.messages],
            "temperature": request.temperature,
        }
        if request.seed is not None:
            body["seed"] = request.seed
        if max_tokens is not None:
            body["max_tokens"] = max_tokens
        return self._retried(id, "/chat/completions", body, _read)

    def _chosen(self, item: ExamItem) -> ModelAnswer | Failure:
        body = {
            "model": self.model,
            "prompt": [item.context, *(item.context + continuation for continuation in item.continuations)],
            "max_tokens": 1,  # 0 is refused by some
            "temperature": 0,
            "echo": True,
            "logprobs": 1,
        }
        found = self._retried(item.example.id, "/completions", body, lambda reply, seconds: _read_options(reply))
        return found if isinstance(found, Failure) else chosen(found)

    def _retried(
        self, id: str, path: str, body: dict[str, Any], read: Callable[[dict[str, Any], float], Read | Failure]
    ) -> Read | Failure:
        """Asks one item, again where that may help."""
        wait = self._first_wait
        for attempt in range(self._config.retries + 1):
            began = time.monotonic()
            reply = self._tried("POST", path, body)
            found = reply if isinstance(reply, Failure) else read(reply, time.monotonic() - began)
            if not isinstance(found, Failure) or found.kind != "passing" or attempt == self._config.retries:
                break
            pause = min(found.after or wait, LONGEST_WAIT)
            logger.debug("{}: {}; asked again in {:.0f} s", id, found.problem, pause)
            if self._stopped.wait(pause):
                break
            wait *= 2
        if isinstance(found, Failure):
            logger.warning("{}: {} ({})", id, "does not fit" if found.kind == "too_long" else "failed", found.problem)
        return found


class _NoReply(Exception):
    """A call of a strategy that the server has not answered: the item has no answer.

    Args:
        failure: Why.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.problem)
        self.failure = failure


class _TooMuch(Exception):
    """A response is not read to its end."""


def _headers(key_file: Path | None) -> dict[str, str]:
    if key_file is None:
        return {}
    key = key_file.read_text(encoding="utf-8").strip() if key_file.is_file() else ""
    if not key or not key.isascii() or not key.isprintable():
        raise UserError(
            "there is no key in this file" if key_file.is_file() else "no such file",
            where=f"key_file={key_file}",
            fix="write the server's key into it, one line",
        )
    return {"Authorization": f"Bearer {key}"}


def _failure(response: httpx2.Response, content: bytes) -> Failure:
    """What a status other than 200 means."""
    status, after = response.status_code, response.headers.get("retry-after", "")
    if status in (408, 425, 429) or status >= 500:
        return Failure(f"status {status}", "passing", float(after) if after.isdecimal() else None)
    if status in CLOSED or status < 400:
        return Failure(f"status {status}", "server")
    error = (_parsed(content) or {}).get("error")
    values = error if isinstance(error, dict) else _parsed(content) or {}
    code = str(values.get("code"))
    problem = f"status {status}, {code}" if NAME.fullmatch(code) else f"status {status}"
    says = " ".join(str(values.get(name)) for name in ("code", "type", "message"))
    return Failure(problem, "too_long" if TOO_LONG.search(says) else "item")


def _parsed(content: bytes) -> dict[str, Any] | None:
    try:
        values = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def _read(reply: dict[str, Any], seconds: float) -> ModelAnswer | Failure:
    try:
        choice = reply["choices"][0]
        text, reason = choice["message"]["content"] or "", choice.get("finish_reason")
        # what our own service adds to its answer (advice, sources, label) is judged with no other system either
        text = (reply.get("xinglin") or {}).get("answer", text)
        usage = reply.get("usage") or {}
        tokens, prompt_tokens = (int(usage.get(name) or 0) for name in ("completion_tokens", "prompt_tokens"))
        # half of a surrogate pair, which JSON allows, could not be written anywhere
        text = text.encode("utf-8", "replace").decode("utf-8")
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return Failure("what came back is not in OpenAI's format", "passing")
    if reason == "content_filter":
        return Failure("content filter", "item")
    finish_reason: FinishReason = "length" if reason == "length" else "stop"
    return ModelAnswer(
        text=text, finish_reason=finish_reason, tokens=tokens, prompt_tokens=prompt_tokens, seconds=seconds
    )


def _read_options(reply: dict[str, Any]) -> list[float] | Failure:
    """The log-probability of each continuation: of the tokens beyond those of the context, which is the first text.

    The last token of each is the one that the server has added.
    """
    try:
        in_order = sorted(reply["choices"], key=lambda choice: choice["index"])
        if not all(choice.get("logprobs") for choice in in_order):
            return NO_LOGPROBS
        context, *whole = [choice["logprobs"]["token_logprobs"][:-1] for choice in in_order]
        if not context or not all(len(tokens) > len(context) for tokens in whole) or len(whole) != len(LETTERS):
            return NO_LOGPROBS
        return [float(sum(tokens[len(context) :])) for tokens in whole]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return Failure("what came back is not in the format of OpenAI's completions", "passing")


def _as_answer(found: ModelAnswer | Failure, kind: AnswerKind) -> ModelAnswer:
    if isinstance(found, ModelAnswer):
        return found
    return ModelAnswer(kind=kind, text="", finish_reason="too_long" if found.kind == "too_long" else "failed")
