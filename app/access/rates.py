"""Requests per minute: of this process, or of several replicas together, which count them in Redis."""

import math
import time
from collections import deque
from typing import TYPE_CHECKING, Protocol

from loguru import logger

from app.access.caller import QuotaExceeded
from app.config import RatesConfig
from common.errors import UserError

if TYPE_CHECKING:
    import redis.asyncio

SECONDS_OF_A_MINUTE = 60.0
SECONDS_TO_ANSWER = 0.25
"""Longest wait of a request for Redis."""

SECONDS_WITHOUT = 5.0
"""How long Redis is not asked after it has failed."""

TAKE = """
local now = redis.call('TIME')
local at = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', at - 60000)
if redis.call('ZCARD', KEYS[1]) < tonumber(ARGV[1]) then
    redis.call('ZADD', KEYS[1], at, now[1] .. '.' .. now[2] .. '.' .. ARGV[2])
    redis.call('PEXPIRE', KEYS[1], 60000)
    return 0
end
return redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] + 60000 - at
"""
"""The times of a key's requests in the last minute, by Redis' own clock: takes a place, or says in how many ms one is
free. A script is not interrupted, so replicas cannot both take the last place."""


class Rates(Protocol):
    """Who has asked how often."""

    async def take(self, name: str, most: int) -> None:
        """Counts a request of a key that allows so many in any 60 seconds.

        Raises:
            QuotaExceeded: There were too many; this one does not count.
        """

    async def close(self) -> None:
        """Ends connections."""


class MemoryRates:
    """Counts in this process; see ``Rates``."""

    def __init__(self) -> None:
        self._times: dict[str, deque[float]] = {}

    async def take(self, name: str, most: int) -> None:
        """See ``Rates.take``."""
        now, times = time.monotonic(), self._times.get(name)
        if times is None or times.maxlen != most:
            times = self._times[name] = deque(maxlen=most)
        if len(times) == most and (left := times[0] + SECONDS_OF_A_MINUTE - now) > 0:
            raise _exceeded(most, left)
        times.append(now)

    async def close(self) -> None:
        """See ``Rates.close``."""


class RedisRates:
    """Counts in Redis, for all replicas; see ``Rates``. While it fails, each replica counts for itself.

    Args:
        client: The connection.
        where: Its address, for the log.
    """

    def __init__(self, client: "redis.asyncio.Redis", where: str) -> None:
        self._client, self._where = client, where
        self._script = client.register_script(TAKE)
        self._alone = MemoryRates()
        self._asked_again = 0.0
        self._taken = 0

    async def take(self, name: str, most: int) -> None:
        """See ``Rates.take``."""
        left = await self._left(name, most) if time.monotonic() >= self._asked_again else None
        if left is None:
            await self._alone.take(name, most)
        elif left > 0:
            raise _exceeded(most, left / 1000)

    async def close(self) -> None:
        """See ``Rates.close``."""
        await self._client.aclose()

    async def _left(self, name: str, most: int) -> int | None:
        """Milliseconds until there is a place, 0 where one was taken; None where Redis does not answer."""
        from redis.exceptions import RedisError

        self._taken += 1
        try:
            return int(await self._script(keys=[f"xinglin:requests:{name}"], args=[most, f"{id(self)}.{self._taken}"]))
        except (RedisError, OSError, TimeoutError) as error:
            # a minute's limit is not worth refusing patients for
            self._asked_again = time.monotonic() + SECONDS_WITHOUT
            logger.error("{}: {}; this replica counts requests alone", self._where, type(error).__name__)
            return None


def rates_of(config: RatesConfig) -> Rates:
    """Where requests are counted.

    Raises:
        UserError: The library is not installed, or the password cannot be read.
    """
    if config.url is None:
        return MemoryRates()
    try:
        from redis.asyncio import Redis
    except ImportError as error:
        fix = "pip install 'xinglin[redis]'"
        raise UserError(f"Redis needs a library of an extra ({error.name})", where="access.rates", fix=fix) from None
    limits = {"socket_timeout": SECONDS_TO_ANSWER, "socket_connect_timeout": SECONDS_TO_ANSWER}
    return RedisRates(Redis.from_url(config.url, password=_password(config), **limits), config.url)


def _password(config: RatesConfig) -> str | None:
    if config.password_file is None:
        return None
    try:
        return config.password_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        fix = "give access.rates.password_file"
        raise UserError(f"the password cannot be read: {error}", where=str(config.password_file), fix=fix) from None


def _exceeded(most: int, left: float) -> QuotaExceeded:
    return QuotaExceeded(f"this key allows {most} requests per minute", max(1, math.ceil(left)))
