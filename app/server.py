"""The process that serves a model: it listens, loads, answers, and finishes what it accepted before it stops."""

import asyncio
import socket

import uvicorn

from app.batching import BatchQueue
from app.config import AppConfig, model_path
from app.service import create_app
from common.errors import UserError
from domains.knowledge_base import KnowledgeBase
from models.engines.local import load_engine
from models.threads import THREADS


def serve(config: AppConfig) -> None:
    """Loads the model, then serves it until a signal comes."""
    path = model_path(config)
    listener = _listen(config.host, config.port)
    THREADS.use(config.threads)
    engine = load_engine(path, dtype=config.dtype)
    queue = BatchQueue(engine, config.serve)
    app = create_app(engine, queue, KnowledgeBase.load())
    # the app logs requests itself, by route and id; uvicorn would log whole addresses
    server = Server(uvicorn.Config(app, log_config=None, access_log=False), queue)
    server.run(sockets=[listener])


class Server(uvicorn.Server):
    """Finishes accepted requests before it stops, and answers health probes and refuses new requests meanwhile.

    Args:
        config: uvicorn's configuration.
        queue: The queue that is drained.
    """

    def __init__(self, config: uvicorn.Config, queue: BatchQueue) -> None:
        super().__init__(config)
        self.queue = queue

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drains the queue, then closes everything."""
        self.queue.drain()
        while self.queue.busy and not self.force_exit:
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
