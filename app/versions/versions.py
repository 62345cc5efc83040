"""Which version answers a request, and how one takes the place of another without a lost request.

A candidate is loaded beside the version that is served, and asked once. Then it gets the requests of some keys, or of a
share of the callers, until it is promoted or rolled back. A request stays with the version that it began with; one that
is no longer served is closed when its last request has ended. All of this runs on the event loop, where nothing comes
between two steps that have no ``await`` between them; only loading is done by a thread.
"""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from loguru import logger

from app.access.caller import Caller
from app.backends.backend import BackendError, ChatTurn, log_failure
from app.pauses import free_unused, keep_loaded
from app.versions.version import ServedModel, Version
from common.errors import Refused, UserError
from models.engines.engine import Completion, Sampling

PROBE = (ChatTurn("user", "你好"),)
PROBE_TOKENS = 8
SECONDS_FOR_THE_PROBE = 120.0
SECONDS_BETWEEN_LOOKS = 0.05


@dataclass(frozen=True)
class ModelPlan:
    """What loading a further model takes; only small files have been read.

    Attributes:
        given: How it was named, and will be named again by a rollback.
        name: The model's own name.
        domain: Name of the domain that it would be served as.
        needs: Bytes of its weights in memory.
        free: Bytes that are free.
        load: Loads it, which takes as long as a start.
    """

    given: str
    name: str
    domain: str
    needs: int
    free: int
    load: Callable[[], ServedModel]


class ModelSource(Protocol):
    """Where further models come from."""

    def plan(self, given: str) -> ModelPlan:
        """Looks at a model.

        Raises:
            UserError: There is none, or it cannot be served.
            Refused: It must not be served as it is.
        """
        ...


class VersionConflict(Exception):
    """What is asked for does not go together with the versions that there are; the message says why."""


@dataclass(frozen=True)
class Traffic:
    """What a candidate gets.

    Attributes:
        share: Of all callers, 0 to 1. Whoever is among a share is among every larger one.
        keys: Names of keys whose requests all go there.
    """

    share: float = 0.0
    keys: frozenset[str] = frozenset()

    def includes(self, caller: Caller, version: str) -> bool:
        """Whether a caller is among them.

        Args:
            caller: Who asks.
            version: Id of the candidate: with another one others are among the share.
        """
        return caller.name in self.keys or _place(f"{version} {caller.client}") < self.share


@dataclass(frozen=True)
class Attempt:
    """A model that is being loaded, or could not be.

    Attributes:
        given: How it was named.
        state: Whether that goes on.
        problem: Why it failed; empty while it goes on.
    """

    given: str
    state: Literal["loading", "failed"]
    problem: str = ""


@dataclass(frozen=True)
class Earlier:
    """The version that was served before the current one, and has been closed."""

    id: str
    name: str
    given: str


class Versions:
    """The versions of one service.

    Args:
        first: What is served from the start.
        source: Where further models come from; None where there can be no others.
        version_of: Puts the pipeline in front of a model.

    Attributes:
        current: What answers whoever the candidate does not.
        candidate: What is tried beside it; None where nothing is.
        traffic: What the candidate gets.
        attempt: The model that is being loaded, or was the last that could not be.
        earlier: What a rollback would load again.
        names: Of all versions so far: what clients may call the service's model.
    """

    def __init__(
        self, first: Version, source: ModelSource | None, version_of: Callable[[ServedModel], Version]
    ) -> None:
        self.current = first
        self.candidate: Version | None = None
        self.traffic = Traffic()
        self.attempt: Attempt | None = None
        self.earlier: Earlier | None = None
        self.names = [first.name]
        self._source, self._version_of = source, version_of
        self._stopping = False
        self._retired: list[Version] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def all(self) -> list[Version]:
        """All that still answer requests."""
        return [self.current, *([self.candidate] if self.candidate else []), *self._retired]

    def of(self, caller: Caller) -> Version:
        """The version that answers a caller."""
        tried = self.candidate
        return tried if tried and self.traffic.includes(caller, tried.id) else self.current

    def plan(self, given: str) -> ModelPlan:
        """Looks at a model, and whether it could be loaded beside the current one.

        Raises:
            UserError: There is none, or it cannot be served here.
            Refused: It must not be served as it is.
        """
        if self._source is None:
            raise UserError("this service has one model, from its start to its end")
        plan, domain = self._source.plan(given), self.current.model.domain.name
        if plan.domain != domain:
            problem = f"{plan.given} is of the domain {plan.domain}, and this service answers as {domain}"
            raise UserError(problem, where="model", fix="serve it on a port of its own")
        return plan

    def load(self, plan: ModelPlan, traffic: Traffic) -> None:
        """Begins to load a candidate; returns at once.

        Args:
            plan: What ``plan`` has said.
            traffic: What it gets, once it has answered.

        Raises:
            VersionConflict: There is one already, or not enough memory for it.
        """
        if self.candidate:
            raise VersionConflict(f"{self.candidate.name} is being tried; promote it or roll it back first")
        self._begin(plan, traffic, promote=False)

    def route(self, traffic: Traffic) -> None:
        """Sends the candidate another share of the traffic.

        Raises:
            VersionConflict: There is none.
        """
        candidate = self._tried()
        self.traffic = traffic
        logger.info("{} ({}) gets a share of {:g} and {} key(s)", *_named(candidate), traffic.share, len(traffic.keys))

    def promote(self) -> None:
        """Lets the candidate answer everybody; the version before finishes its requests and is closed.

        Raises:
            VersionConflict: There is no candidate.
        """
        before, self.current = self.current, self._tried()
        self._end_of_trial()
        if before.model.given:
            self.earlier = Earlier(before.id, before.name, before.model.given)
        logger.info("{} ({}) answers in the place of {} ({})", *_named(self.current), *_named(before))
        self._retire(before)

    def roll_back(self, plan: ModelPlan | None) -> None:
        """Takes the candidate back at once; without one, begins to load the version before, which then answers.

        Args:
            plan: What ``plan`` has said about ``earlier``; not needed where there is a candidate.

        Raises:
            VersionConflict: There is neither, or not enough memory.
        """
        if self.candidate:
            candidate = self.candidate
            self._end_of_trial()
            logger.info("{} ({}) is rolled back; {} ({}) answers", *_named(candidate), *_named(self.current))
            self._retire(candidate)
        elif plan:
            self._begin(plan, Traffic(), promote=True)
        else:
            raise VersionConflict("there is no version to go back to")

    async def start(self) -> None:
        """Starts the first version."""
        await self.current.backend.start()

    def drain(self) -> None:
        """Refuses new conversations; the accepted ones are answered."""
        self._stopping = True
        for version in self.all:
            version.backend.drain()

    @property
    def busy(self) -> bool:
        """Whether accepted conversations are still being answered."""
        return any(version.backend.busy for version in self.all)

    async def close(self) -> None:
        """Ends what still runs; a model that is being loaded is closed as soon as that has ended."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for version in self.all:
            await version.backend.close()

    def _tried(self) -> Version:
        if self.candidate is None:
            raise VersionConflict("no version is being tried; load one first")
        return self.candidate

    def _begin(self, plan: ModelPlan, traffic: Traffic, promote: bool) -> None:
        if self._stopping:
            raise VersionConflict("the service is stopping")
        if self.attempt and self.attempt.state == "loading":
            raise VersionConflict(f"{self.attempt.given} is being loaded; wait for its end")
        if plan.needs > plan.free:
            needs, free = (f"{count / 2**30:.1f} GiB" for count in (plan.needs, plan.free))
            raise VersionConflict(f"the weights of {plan.name} need {needs}, and {free} are free")
        self.attempt = Attempt(plan.given, "loading")
        self._run(self._load(plan, traffic, promote))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _load(self, plan: ModelPlan, traffic: Traffic, promote: bool) -> None:
        logger.info("loading {} beside {} ({})", plan.given, *_named(self.current))
        try:
            version = await asyncio.to_thread(lambda: self._version_of(plan.load()))
            if version.id in [served.id for served in (self.current, self.candidate) if served]:
                raise UserError(f"these are the files of {version.name} ({version.id}), which is served already")
            await _checked(version)
        except (UserError, Refused) as error:
            self._failed(plan, str(error))
        except BackendError as error:
            self._failed(plan, f"it was loaded, and does not answer: {error}")
        except Exception as error:
            log_failure(f"loading {plan.given}", error)
            self._failed(plan, f"it could not be loaded: {type(error).__name__}; the log has the place")
        else:
            keep_loaded()
            self.attempt, self.candidate, self.traffic = None, version, traffic
            self.names = list(dict.fromkeys([*self.names, version.name]))
            logger.info("{} ({}) answers beside {} ({})", *_named(version), *_named(self.current))
            if promote:
                self.promote()

    def _failed(self, plan: ModelPlan, problem: str) -> None:
        logger.error("{} is not served, {} ({}) still is: {}", plan.given, *_named(self.current), problem)
        self.attempt = Attempt(plan.given, "failed", problem)

    def _end_of_trial(self) -> None:
        self.candidate, self.traffic, self.attempt = None, Traffic(), None

    def _retire(self, version: Version) -> None:
        self._retired.append(version)
        self._run(self._close(version))

    async def _close(self, version: Version) -> None:
        """Closes a version when its last request has ended, and frees its memory."""
        while version.busy:
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        await version.backend.close()
        self._retired.remove(version)
        logger.info("{} ({}) has answered its last request and is closed", *_named(version))
        del version
        await asyncio.to_thread(free_unused)  # models have cycles


async def _checked(version: Version) -> None:
    """Starts a version and asks it once; one that does not answer is closed.

    Raises:
        BackendError: It fails.
        UserError: It does not answer.
    """
    await version.backend.start()
    try:
        async with asyncio.timeout(SECONDS_FOR_THE_PROBE):
            answer = await version.backend.stream(PROBE, Sampling(max_new_tokens=PROBE_TOKENS))
            pieces = [piece async for piece in answer]
        if not isinstance(pieces[-1], Completion) or not await version.backend.ready():
            raise UserError("it was loaded, and does not answer")
    except TimeoutError:
        await version.backend.close()
        raise UserError(f"it was loaded, and has not answered within {SECONDS_FOR_THE_PROBE:g} s") from None
    except BaseException:
        await version.backend.close()
        raise


def _named(version: Version) -> tuple[str, str]:
    return version.name, version.id


def _place(text: str) -> float:
    """A number in [0, 1) that follows from a text, and is spread evenly over texts."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:8]) / 2**64
