"""The process that serves a model: it listens, loads, answers, and finishes accepted requests before it stops."""

import asyncio
import signal
import socket
import traceback

import uvicorn
from fastapi import FastAPI
from loguru import logger

from app.config import AppConfig
from app.connections import ACCEPTED_AT_ONCE, BACKLOG, TimedConnection, use_all_handles
from app.pauses import make_pauses_short
from app.service import create_app
from app.start import Start
from app.tracing import begin_tracing
from app.versions.loading import RunsBeside, load, without_model
from app.versions.versions import Versions
from common.errors import Interrupted, Refused, Terminated, UserError
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
    begin_tracing(config.tracing)
    try:
        model = load(start.model, config)
    except (UserError, Refused):
        raise  # whoever starts the service can fix that
    except Exception as error:
        # a full GPU or a broken disk at night: the model's place is empty, and rules still answer emergencies
        frames = "".join(traceback.format_tb(error.__traceback__))
        path = start.model.path
        logger.error("{} could not be loaded: {}: {}\n{}", path, type(error).__name__, error, frames)
        model = without_model(start.model)
    if config.audience.name == "public" and not config.audience.handover.webhook:
        logger.warning("nobody is called where somebody may harm himself: audience.handover.webhook is not given")
    source = RunsBeside(config, start.model.path)
    app = create_app(model, config.serve, config.audience, config.access, source)
    use_all_handles()
    make_pauses_short()
    server = Server(app)
    try:
        server.run(sockets=[start.listener])
    except KeyboardInterrupt as error:  # uvicorn raises the signal again, once it has stopped
        number = signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT
        raise Interrupted(server.ended, number) from None


class Server(uvicorn.Server):
    """Finishes accepted requests before it stops; meanwhile it answers health probes and refuses new requests.

    Args:
        app: What answers; its versions are drained.
    """

    def __init__(self, app: FastAPI) -> None:
        # the app logs requests itself, by route and id; uvicorn would log whole addresses
        config = uvicorn.Config(
            app, port=0, http=TimedConnection, backlog=ACCEPTED_AT_ONCE, ws="none", log_config=None, access_log=False
        )
        super().__init__(config)
        self.versions: Versions = app.state.versions

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
            listener.listen(BACKLOG)
            host, port = listener.getsockname()[:2]
            logger.info("listening on http://{}:{}/", f"[{host}]" if ":" in host else host, port)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drains the versions, then closes everything."""
        self.versions.drain()
        while self.versions.busy and not self.force_exit:
            await asyncio.sleep(0.05)
        await super().shutdown(sockets)
