"""Who sends a request, what he may do, and how much of it."""

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from app.access.keys import SCOPES, ApiKey, Scope
from app.backends.backend import AnswerStream, BackendError, Unavailable
from app.metrics import BETWEEN_TEXTS_SECONDS, FIRST_TEXT_SECONDS, TOKENS
from models.engines.engine import Completion

DEEDS = {
    "ask": "ask questions",
    "raw": "use the model alone",
    "correct": "correct answers",
    "admin": "see keys and records",
    "metrics": "read metrics",
}

KEYLESS: frozenset[Scope] = frozenset({"ask", "raw"})
"""What whoever gives no key may do where none is needed, though there are some; nobody is known to be a doctor."""


class NotAllowed(BackendError):
    """The key's role does not include what is asked."""

    def __init__(self, scope: Scope) -> None:
        roles = " or ".join(f"role={role}" for role, scopes in SCOPES.items() if scope in scopes)
        super().__init__(f"this key may not {DEEDS[scope]}; that takes a key with {roles}")


class InvalidToken(Exception):
    """A token of a sign-on opens nothing; the message says why, in both languages."""


class NoRole(Exception):
    """A token is valid, and its person has no role here."""


class QuotaExceeded(Unavailable):
    """The key has used up what it allows."""


@dataclass(frozen=True)
class Caller:
    """Who sends a request.

    Attributes:
        key: The key; None where none is needed and none was given.
        count: Adds tokens to what the key has used.
        refused: Why it gets no answer of the model now; None where it does.
        client: Who keeps the version of the model that he has begun with: whom the header X-Client-Id names, else the
            key, else the address that the request comes from.
        without_key: What he may do where he has no key.
    """

    key: ApiKey | None = None
    count: Callable[[int], None] = lambda tokens: None
    refused: QuotaExceeded | None = None
    client: str = ""
    without_key: frozenset[Scope] = KEYLESS

    @property
    def name(self) -> str:
        """The key's name for records; empty without a key."""
        return self.key.name if self.key else ""

    def may(self, scope: Scope) -> bool:
        """Whether the role includes something."""
        return scope in (SCOPES[self.key.role] if self.key else self.without_key)

    def check(self, scope: Scope) -> None:
        """Raises ``NotAllowed`` where the role does not include something."""
        if not self.may(scope):
            raise NotAllowed(scope)

    def check_quota(self) -> None:
        """Raises ``QuotaExceeded`` where the key has used up what it allows."""
        if self.refused:
            raise self.refused

    def metered(self, reply: AnswerStream) -> AnswerStream:
        """The same reply, which is timed, and whose tokens are counted."""
        return MeteredAnswer(reply, self.count)


STRANGER = Caller()
"""Who needs no key, and gave none of those that there are."""

ANYBODY = Caller(without_key=KEYLESS | {"metrics"})
"""Who gave no key, because there is none."""


class MeteredAnswer:
    """A reply that is timed, and whose tokens are counted; see ``AnswerStream``.

    Of one that is broken off only the pieces that were read are known, and they are counted.

    Args:
        reply: The reply.
        count: Gets the number of tokens, once.
    """

    def __init__(self, reply: AnswerStream, count: Callable[[int], None]) -> None:
        self.reply, self._count, self._asked = reply, count, time.monotonic()

    async def __aiter__(self) -> AsyncIterator[str | Completion]:
        """See ``AnswerStream``."""
        prompt = answer = 0
        before, seconds = self._asked, FIRST_TEXT_SECONDS
        try:
            async for piece in self.reply:
                if isinstance(piece, Completion):
                    prompt, answer = piece.prompt_tokens, piece.completion_tokens
                elif piece:
                    answer += 1
                    now = time.monotonic()
                    seconds.observe(now - before)
                    before, seconds = now, BETWEEN_TEXTS_SECONDS
                yield piece
        finally:
            self._count(prompt + answer)
            TOKENS.labels("prompt").inc(prompt)
            TOKENS.labels("answer").inc(answer)

    def cancel(self) -> None:
        """See ``AnswerStream``."""
        self.reply.cancel()
