"""The process that serves a model: it listens, loads, answers, and finishes accepted requests before it stops."""

import asyncio
import socket
import traceback
from pathlib import Path

import uvicorn
from loguru import logger

from app.backends.backend import Backend
from app.backends.local import LocalBackend
from app.backends.missing import MissingModel
from app.backends.remote import open_remote
from app.config import AppConfig
from app.served import (
    artifact_of,
    domain_of,
    grounding_of,
    knowledge_of,
    model_path,
    turns_of,
    verified_as,
    within_context,
)
from app.service import create_app
from common.errors import Refused, UserError
from models.engines.engine import Engine
from models.engines.local import load_engine
from models.threads import THREADS


def serve(config: AppConfig) -> None:
    """Loads the model, then serves it until a signal comes; without it, the rules alone.

    Raises:
        Refused: The model must not be served as it is.
        UserError: The configuration or the model's files are wrong.
    """
    path = model_path(config)
    artifact = artifact_of(path)
    domain = verified_as(domain_of(artifact, config.domain), config.verify)
    knowledge = knowledge_of(artifact, domain, config.knowledge.path)
    grounding = grounding_of(artifact, knowledge, config.grounding)
    listener = _listen(config.host, config.port)
    THREADS.use(config.threads)
    backend: Backend
    try:
        backend, context_length = _backend(path, config)
        grounding = within_context(grounding, context_length)
    except (UserError, Refused):
        raise  # whoever starts the service can fix that
    except Exception as error:
        # a full GPU or a broken disk at night: the model's place is empty, and rules still answer emergencies
        frames = "".join(traceback.format_tb(error.__traceback__))
        logger.error("{} could not be loaded: {}: {}\n{}", path, type(error).__name__, error, frames)
        backend = MissingModel(path.name)
    if config.audience.name == "public" and not config.audience.handover.webhook:
        logger.warning("nobody is called where somebody may harm himself: audience.handover.webhook is not given")
    app = create_app(backend, domain, knowledge, config.serve, grounding, turns_of(artifact), config.audience)
    # the app logs requests itself, by route and id; uvicorn would log whole addresses
    server = Server(uvicorn.Config(app, log_config=None, access_log=False), backend)
    server.run(sockets=[listener])


def _backend(path: Path, config: AppConfig) -> tuple[Backend, int]:
    """What answers, and how many tokens prompt and answer may have together."""
    if config.engine in ("openai", "tgi"):
        remote = open_remote(path, config)
        return remote, remote.context_length
    engine = _engine(path, config)
    return LocalBackend(engine, config.serve), engine.context_length


def _engine(path: Path, config: AppConfig) -> Engine:
    if config.engine == "local":
        return load_engine(path, dtype=config.dtype)
    from models.engines.llamacpp import load_llamacpp_engine  # an extra

    return load_llamacpp_engine(path, weights=config.gguf, slots=config.serve.max_batch)


class Server(uvicorn.Server):
    """Finishes accepted requests before it stops; meanwhile it answers health probes and refuses new requests.

    Args:
        config: uvicorn's configuration.
        backend: The backend that is drained.
    """

    def __init__(self, config: uvicorn.Config, backend: Backend) -> None:
        super().__init__(config)
        self.backend = backend

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


def _listen(host: str, port: int) -> socket.socket:
    """Binds before the model is loaded, so that a port in use is known at once."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        raise UserError(
            f"cannot listen on {host}:{port} ({error.strerror})", where="port", fix="give another port=…"
        ) from None
    return listener
