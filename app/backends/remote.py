"""The remote backend: a bounded queue in front of a server that runs the model.

Prompts are rendered and counted here, as with the local backend. The server is verified before it is asked, and again
whenever it has failed.
"""

import asyncio
import math
from collections.abc import Sequence
from contextlib import aclosing
from functools import partial
from pathlib import Path

from loguru import logger

from app.backends.backend import (
    ChatTurn,
    ModelMissing,
    Overloaded,
    PromptTooLong,
    Stopping,
    UnsupportedSampling,
    in_thread,
    log_failure,
)
from app.backends.circuit import Circuit
from app.backends.openai import OpenAIServer
from app.backends.remote_answer import BUSY, DOWN, RemoteAnswer, paced
from app.backends.upstream import Ended, Rejected, RenderedPrompt, Room, Stalled, Upstream, UpstreamError
from app.config import AppConfig, ServeConfig, UpstreamConfig
from common.errors import Refused, UserError
from models.conversation import Conversation, Prompt
from models.engines.engine import Sampling
from models.without_weights import WithoutWeights

TRIAL = (ChatTurn("user", "你好"),)


class RemoteBackend:
    """Asks a server; see ``Backend``.

    Args:
        model: What the server runs.
        upstream: The server.
        config: Sizes.
        times: How long it may take, and how often it is asked again.
    """

    def __init__(self, model: WithoutWeights, upstream: Upstream, config: ServeConfig, times: UpstreamConfig) -> None:
        self.model, self.upstream, self.config, self.times = model, upstream, config, times
        self.room = Room(context=None)
        self.verified = self.draining = False
        self.seconds = 1.0  # that an answer took lately
        self.circuit = Circuit(self._trial)
        self.places = asyncio.Semaphore(config.max_batch)
        self._answers: set[RemoteAnswer] = set()

    @property
    def model_version(self) -> str:
        """See ``Backend.model_version``."""
        return self.model.model_version

    @property
    def context_length(self) -> int:
        """Most tokens of prompt and answer together: of the model, or less where the server has less room."""
        return min(self.model.context_length, self.room.context or self.model.context_length)

    async def first_check(self) -> None:
        """Verifies the server before the service starts. One that is not up yet is waited for while rules answer.

        Raises:
            UserError: It is not the server that was configured.
            Refused: It does not serve this model.
        """
        try:
            await self._verify()
        except Rejected as error:
            if error.status < 500 and error.status not in BUSY:
                fix = "give its key: upstream.key_file=FILE" if error.status in (401, 403) else "check upstream.url"
                raise UserError(f"{self.times.root}: {error}", where="upstream", fix=fix) from None
            self._not_yet(error)
        except UpstreamError as error:
            self._not_yet(error)
        finally:
            await self.upstream.close()

    async def start(self) -> None:
        """Takes conversations; a server that was not up yet is tried until it answers."""
        if not self.verified:
            self.circuit.open()

    async def count(self, conversation: Conversation) -> int:
        """See ``Backend.count``; like what follows, it needs no server."""
        return await in_thread(self.model.prompt_format.count, conversation)

    async def prompt_ids(self, conversation: Conversation) -> list[int]:
        """See ``Backend.prompt_ids``."""
        return await in_thread(self.model.prompt_format.prompt_ids, conversation)

    async def encode(self, text: str, *, beginning: bool) -> list[int]:
        """See ``Backend.encode``."""
        return await in_thread(partial(self.model.prompt_format.encode, beginning=beginning), text)

    async def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """See ``Backend.decode``."""
        return await in_thread(lambda rows: [self.model.prompt_format.text_of(ids) for ids in rows], rows)

    async def stream(self, prompt: Prompt, sampling: Sampling) -> RemoteAnswer:
        """See ``Backend.stream``."""
        rendered = await in_thread(partial(RenderedPrompt.of, prompt_format=self.model.prompt_format), prompt)
        await asyncio.to_thread(self.upstream.check, rendered)
        if self.draining:
            raise Stopping
        if self.circuit.is_open:
            raise ModelMissing(DOWN, self.circuit.retry_after)
        if missing := self._missing(sampling):
            raise UnsupportedSampling(missing)
        tokens, most = len(rendered.ids), self.room.prompt or self.context_length
        if tokens >= self.context_length or tokens > most:
            raise PromptTooLong(tokens, most)
        if len(self._answers) >= self.config.max_batch + self.config.queue_limit:
            raise Overloaded(self.seconds_until_room())
        self.circuit.save_retry()
        answer = RemoteAnswer(self, rendered, sampling)
        self._answers.add(answer)
        return answer

    async def ready(self) -> bool:
        """See ``Backend.ready``."""
        if self.draining:
            raise Stopping
        if self.verified and self.circuit.is_open:
            raise ModelMissing(DOWN, self.circuit.retry_after)
        return self.verified

    @property
    def busy(self) -> bool:
        """See ``Backend.busy``."""
        return bool(self._answers)

    @property
    def waiting(self) -> int:
        """See ``Backend.waiting``."""
        return max(0, len(self._answers) - self.config.max_batch)

    def drain(self) -> None:
        """See ``Backend.drain``."""
        self.draining = True

    async def close(self) -> None:
        """See ``Backend.close``."""
        self.drain()
        answers = [*self._answers]
        for answer in answers:
            answer.cancel()
        if answers:
            await asyncio.wait([answer.task for answer in answers])
        await self.circuit.close()
        await self.upstream.close()

    def ended(self, answer: "RemoteAnswer") -> None:
        """Notes that an answer has ended."""
        self._answers.discard(answer)

    def seconds_until_room(self) -> int:
        """When a place may be free, by what answers took lately."""
        return max(1, math.ceil(len(self._answers) / self.config.max_batch * self.seconds))

    def _missing(self, sampling: Sampling) -> str:
        """The first setting that a request asks for and the server does not have; empty where it has all."""
        neutral = Sampling()
        lacked = ("logprobs", *self.upstream.lacks)
        asked = (name for name in lacked if getattr(sampling, name) != getattr(neutral, name))
        return next(asked, "")

    async def _verify(self) -> None:
        """Compares the server with what is known here of its model, and lets it say one token.

        Raises:
            UserError: It is not such a server, lacks the model, or a setting that the service answers with.
            Refused: It reads other ids.
            UpstreamError: It does not answer as it should.
        """
        try:
            async with asyncio.timeout(self.times.first_token_s):
                self.room = await self.upstream.verify()
        except TimeoutError:
            raise Stalled(f"it does not say which model it has within {self.times.first_token_s:g} s") from None
        if self.context_length < self.model.context_length:
            most = self.model.context_length
            logger.warning("{} has room for {} of the model's {} tokens", self.times.root, self.context_length, most)
        if missing := self._missing(self.config.qa_sampling):
            raise UserError("the server has no such setting", where=f"serve.sampling.{missing}", fix="omit it")
        prompt = RenderedPrompt.of(TRIAL, self.model.prompt_format)
        async with aclosing(paced(self.upstream.answer(prompt, 1, Sampling()), self.times)) as events:
            async for event in events:
                if isinstance(event, Ended) and event.prompt_tokens not in (None, len(prompt.ids)):
                    read = f"a prompt of {len(prompt.ids)} tokens became {event.prompt_tokens} at {self.times.root}"
                    raise Refused(f"{read}: the server adds or drops tokens; -> serve the run's own directory there")
        self.verified = True
        logger.info("{} answers", self.times.root)

    async def _trial(self) -> bool:
        """Whether the server is there, and is still the same."""
        try:
            await self._verify()
        except UpstreamError as error:
            self._not_yet(error)
        except (UserError, Refused) as error:
            logger.error("{} cannot be asked: {}", self.times.root, error)
        except Exception as error:  # whatever it is, the trials go on: nothing else closes the circuit
            log_failure("asking the server", error)
        else:
            return True
        return False

    def _not_yet(self, error: UpstreamError) -> None:
        logger.warning("{}: {}; rules answer emergencies, and it is tried again", self.times.root, error)


def open_remote(path: Path, config: AppConfig) -> RemoteBackend:
    """The server that runs a model, verified as far as it is up.

    Args:
        path: The model's directory; its weights may be missing here.
        config: Which server, and how it is asked.

    Raises:
        UserError: It is not the server that was configured, or cannot run such a result.
        Refused: It does not serve this model.
    """
    model = WithoutWeights.read(path)
    if model.is_adapter and (config.engine == "tgi" or not config.upstream.model):
        fix = "engine=openai upstream.model=NAME, the adapter's name at the server; or merge it"
        raise UserError("the server would answer with the base of this adapter", where="upstream.model", fix=fix)
    backend = RemoteBackend(model, _server(model, config), config.serve, config.upstream)
    logger.info("asking {} for its model", config.upstream.root)
    asyncio.run(backend.first_check())
    return backend


def _server(model: WithoutWeights, config: AppConfig) -> Upstream:
    if config.engine == "tgi":
        from app.backends.tgi import TgiServer  # huggingface_hub's client takes its time to load

        return TgiServer(model.prompt_format, config.upstream)
    return OpenAIServer(model.prompt_format, config.upstream)
