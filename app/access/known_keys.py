"""The keys as a service knows them: in memory, read again every second, so that no request waits for a file."""

import threading
from datetime import datetime
from functools import partial

from loguru import logger

from app.access.caller import Caller, QuotaExceeded
from app.access.keys import SECONDS_OF_A_DAY, ApiKey, KeyStore, Usage, hashed
from app.access.rates import MemoryRates, Rates
from common.errors import UserError

SECONDS_BETWEEN_READINGS = 1.0


class KnownKeys:
    """Keys by their hash, and what each has used today.

    Args:
        store: Where they are.
        rates: Who counts requests per minute; None counts those of this process.

    Attributes:
        exist: Whether there is a key, or was since the start: what has been closed does not open by a lost file.

    Raises:
        UserError: They cannot be read.
    """

    def __init__(self, store: KeyStore, rates: Rates | None = None) -> None:
        self._store, self._rates = store, rates or MemoryRates()
        self._lock = threading.Lock()
        self._keys: dict[str, ApiKey] = {}
        self._used: dict[str, int] = {}  # tokens of today, as the file has them
        self._day = ""
        self._unwritten: dict[tuple[str, str], Usage] = {}
        self.exist = False
        self._refresh()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="keys", daemon=True)
        self._thread.start()

    def find(self, secret: str) -> ApiKey | None:
        """The valid key that a client gives; None where it is none."""
        key = self._keys.get(hashed(secret))
        return key if key and key.state == "valid" else None

    async def admit(self, key: ApiKey) -> Caller:
        """Counts a request of a key.

        Returns:
            The caller, with what refuses him where he has used up what his key allows.
        """
        try:
            self._check_tokens(key)
            if key.requests_per_minute:
                await self._rates.take(key.name, key.requests_per_minute)
        except QuotaExceeded as refused:
            return Caller(key, partial(self._add, key.name), refused)
        self._add(key.name, 0, requests=1)
        return Caller(key, partial(self._add, key.name))

    def close(self) -> None:
        """Writes what was used."""
        self._closing.set()
        self._thread.join()

    def _check_tokens(self, key: ApiKey) -> None:
        if key.tokens_per_day is None:
            return
        today = _today()
        with self._lock:
            written = self._used.get(key.name, 0) if today == self._day else 0
            used = written + self._unwritten.get((key.name, today), Usage()).tokens
        if used >= key.tokens_per_day:
            raise QuotaExceeded(f"this key allows {key.tokens_per_day} tokens per day", _seconds_of_today())

    def _add(self, name: str, tokens: int, requests: int = 0) -> None:
        place = name, _today()
        with self._lock:
            before = self._unwritten.get(place, Usage())
            self._unwritten[place] = Usage(before.requests + requests, before.tokens + tokens)

    def _watch(self) -> None:
        problem = ""
        while not self._closing.is_set():
            self._closing.wait(SECONDS_BETWEEN_READINGS)
            try:
                self._refresh()
                problem = ""
            except UserError as error:  # the keys that are known stay; said once, not every second
                if error.problem != problem:
                    logger.error("{}", error)
                problem = error.problem

    def _refresh(self) -> None:
        """Writes what was used since, then reads what keys there are and what all services have used."""
        today = _today()
        with self._lock:
            unwritten = dict(self._unwritten)
        if unwritten:
            self._store.use(unwritten)
        keys = self._store.read()
        used = {name: usage.tokens for name, usage in self._store.used(today).items()}
        with self._lock:
            for place, usage in unwritten.items():
                now = self._unwritten.pop(place)
                rest = Usage(now.requests - usage.requests, now.tokens - usage.tokens)
                if rest != Usage():
                    self._unwritten[place] = rest
            self._keys, self._used, self._day = keys, used, today
        self.exist = self.exist or bool(keys)


def _today() -> str:
    return datetime.now().astimezone().date().isoformat()


def _seconds_of_today() -> int:
    """Until midnight here, at least one."""
    now = datetime.now().astimezone()
    return max(1, SECONDS_OF_A_DAY - (now.hour * 60 + now.minute) * 60 - now.second)
