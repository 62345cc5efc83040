"""The process that serves a model: it listens, loads, answers, and finishes accepted requests before it stops."""

import asyncio
import socket
from pathlib import Path

import uvicorn

from app.backends.backend import Backend
from app.backends.local import LocalBackend
from app.config import AppConfig
from app.served import artifact_of, domain_of, grounding_of, knowledge_of, model_path, verified_as, within_context
from app.service import create_app
from common.errors import UserError
from models.engines.engine import Engine
from models.engines.local import load_engine
from models.threads import THREADS


def serve(config: AppConfig) -> None:
    """Loads the model, then serves it until a signal comes."""
    path = model_path(config)
    artifact = artifact_of(path)
    domain = verified_as(domain_of(artifact, config.domain), config.verify)
    knowledge = knowledge_of(artifact, domain, config.knowledge.path)
    grounding = grounding_of(artifact, knowledge, config.grounding)
    listener = _listen(config.host, config.port)
    THREADS.use(config.threads)
    engine = _engine(path, config)
    backend = LocalBackend(engine, config.serve)
    app = create_app(backend, domain, knowledge, config.serve, within_context(grounding, engine.context_length))
    # the app logs requests itself, by route and id; uvicorn would log whole addresses
    server = Server(uvicorn.Config(app, log_config=None, access_log=False), backend)
    server.run(sockets=[listener])


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
