"""The process that serves a model: it listens, loads, answers, and finishes accepted requests before it stops."""

import asyncio
import signal
import socket
import traceback
from pathlib import Path

import uvicorn
from loguru import logger
from starlette.types import ASGIApp

from app.backends.backend import Backend
from app.backends.local import LocalBackend
from app.backends.missing import MissingModel
from app.backends.remote import open_remote
from app.config import AppConfig
from app.connections import BACKLOG, TimedConnection, use_all_handles
from app.served import turns_of, within_context
from app.service import create_app
from app.start import Start
from common.errors import Interrupted, Refused, Terminated, UserError
from models.engines.engine import Engine
from models.engines.local import load_engine
from models.threads import THREADS


def serve(config: AppConfig, start: Start) -> None:
    """Loads the model, then serves it until a signal comes; without it, the rules alone.

    Args:
        config: How it is served.
        start: What has been checked before.

    Raises:
        Interrupted: A signal came; the service has stopped.
        Refused: The model must not be served as it is.
        UserError: The model's files are wrong.
    """
    THREADS.use(config.threads)
    backend: Backend
    try:
        backend = _backend(start.path, config)
        grounding = within_context(start.grounding, backend.context_length)
    except (UserError, Refused):
        raise  # whoever starts the service can fix that
    except Exception as error:
        # a full GPU or a broken disk at night: the model's place is empty, and rules still answer emergencies
        frames = "".join(traceback.format_tb(error.__traceback__))
        logger.error("{} could not be loaded: {}: {}\n{}", start.path, type(error).__name__, error, frames)
        backend, grounding = MissingModel(start.path.name), start.grounding
    if config.audience.name == "public" and not config.audience.handover.webhook:
        logger.warning("nobody is called where somebody may harm himself: audience.handover.webhook is not given")
    turns = turns_of(start.artifact)
    app = create_app(
        backend,
        start.domain,
        start.knowledge,
        config.serve,
        grounding,
        turns,
        config.audience,
        config.access,
        start.artifact,
    )
    use_all_handles()
    server = Server(app, backend)
    try:
        server.run(sockets=[start.listener])
    except KeyboardInterrupt as error:  # uvicorn raises the signal again, once it has stopped
        number = signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT
        raise Interrupted(server.ended, number) from None


def _backend(path: Path, config: AppConfig) -> Backend:
    if config.engine in ("openai", "tgi"):
        return open_remote(path, config)
    return LocalBackend(_engine(path, config), config.serve)


def _engine(path: Path, config: AppConfig) -> Engine:
    if config.engine == "local":
        return load_engine(path, dtype=config.dtype, shared_bytes=config.serve.prefix_cache_mib * 2**20)
    from models.engines.llamacpp import load_llamacpp_engine  # an extra

    return load_llamacpp_engine(path, weights=config.gguf, slots=config.serve.max_batch)


class Server(uvicorn.Server):
    """Finishes accepted requests before it stops; meanwhile it answers health probes and refuses new requests.

    Args:
        app: What answers.
        backend: The backend that is drained.
    """

    def __init__(self, app: ASGIApp, backend: Backend) -> None:
        # the app logs requests itself, by route and id; uvicorn would log whole addresses
        config = uvicorn.Config(
            app, port=0, http=TimedConnection, backlog=BACKLOG, ws="none", log_config=None, access_log=False
        )
        super().__init__(config)
        self.backend = backend

    @property
    def ended(self) -> str:
        """How it has stopped."""
        if self.force_exit:
            return "服务已立即停止，没有答完的回答被中断（stopped at once; running answers were cut off）"
        return "服务已停止，接受的请求都已答完（stopped; accepted requests were answered）"

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts everything, then says where."""
        await super().startup(sockets)
        for listener in sockets or ():
            host, port = listener.getsockname()[:2]
            logger.info("listening on http://{}:{}/", f"[{host}]" if ":" in host else host, port)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drains the backend, then closes everything."""
        self.backend.drain()
        while self.backend.busy and not self.force_exit:
            await asyncio.sleep(0.05)
        await super().shutdown(sockets)
