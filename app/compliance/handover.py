"""Calls a person where somebody may harm himself: a webhook of the hospital's, off the path of the answer."""

import json
import urllib.error
import urllib.request
from datetime import datetime
from email.message import Message
from http.client import HTTPException
from typing import IO, Any
from urllib.parse import urlsplit

from app.compliance.outbox import Outbox, Undelivered
from app.config import HandoverConfig
from app.pipeline.consultation import Consultation

SECONDS_AT_THE_END = 10
"""How long a stopping service still tries."""

Call = dict[str, Any]


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A call that was redirected would go on as a GET without its content."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        """See ``urllib``; without a request the redirect is an error."""


class Handover:
    """The webhook.

    Args:
        webhook: Its address; never logged, because it may contain a token.
        config: Attempts, waiting time, and whether it gets the text.
    """

    def __init__(self, webhook: str, config: HandoverConfig) -> None:
        self._webhook, self._config = webhook, config
        self._opener = urllib.request.build_opener(_NoRedirects)
        pauses = [2.0**attempt for attempt in range(config.attempts - 1)]
        self._outbox: Outbox[Call] = Outbox("crisis hand-over", self._post, pauses, lambda call: call["request_id"])

    def call(self, consultation: Consultation) -> None:
        """Calls for a conversation; returns at once."""
        call: Call = {
            "event": "self_harm",
            "time": datetime.now().astimezone().isoformat(timespec="seconds"),
            "request_id": consultation.request_id,
            "turn": len(consultation.asked_before) + 1,
            "reasons": consultation.triage.reasons,
        }
        if self._config.with_text:
            call["text"] = [*consultation.asked_before, consultation.question]
        self._outbox.put(call)

    def close(self) -> None:
        """Delivers what waits; see ``Outbox.close``."""
        self._outbox.close(SECONDS_AT_THE_END)

    def _post(self, call: Call) -> None:
        body = json.dumps(call, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json; charset=utf-8"}
        request = urllib.request.Request(self._webhook, body, headers, method="POST")
        host = urlsplit(self._webhook).hostname
        try:
            self._opener.open(request, timeout=self._config.timeout_s).close()
        except urllib.error.HTTPError as error:
            error.close()
            raise Undelivered(f"{host} answers {error.code}") from None
        except (OSError, HTTPException) as error:
            raise Undelivered(f"{host}: {type(error).__name__}") from None
