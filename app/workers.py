"""Several processes that serve one port in front of a server that runs the model (docs/decisions/0181).

They share the listening socket, and by files, PostgreSQL and Redis what replicas share. One that dies is replaced;
where this process ends, they drain and end with it.
"""

import multiprocessing
import os
import signal
import socket
import tempfile
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess

from loguru import logger

from app.config import AppConfig
from app.start import Start
from common.command import WRONG_INPUT, end_on_sigterm, run_command
from common.errors import Interrupted, Terminated

SECONDS_BEFORE_ANOTHER = 1.0
"""Pause before a process takes the place of one that died."""

METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Where ``prometheus_client`` keeps what all have counted; it looks for this when it is imported."""


def serve_by_workers(config: AppConfig, start: Start) -> int:
    """Serves with ``config.workers`` processes until a signal comes, or one finds that its input is wrong.

    Args:
        config: How it is served.
        start: What has been checked before.

    Returns:
        The exit code.

    Raises:
        Interrupted: A signal came; all have finished their requests and ended.
    """
    with tempfile.TemporaryDirectory(prefix="xinglin-metrics-") as folder:
        os.environ[METRICS_FOLDER] = folder
        workers = Workers(share_of(config), start.listener)
        try:
            return workers.run(config.workers)
        except KeyboardInterrupt as error:
            workers.end()
            number = signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT
            raise Interrupted(
                "服务已停止，接受的请求都已答完（stopped; accepted requests were answered）", number
            ) from None


def share_of(config: AppConfig) -> AppConfig:
    """The configuration of one process: together they ask the server for ``serve.max_batch`` answers at once."""
    serve = config.serve
    share = {name: max(1, getattr(serve, name) // config.workers) for name in ("max_batch", "queue_limit")}
    return config.model_copy(update={"serve": serve.model_copy(update=share)})


@dataclass
class Workers:
    """The processes.

    Attributes:
        config: Of each.
        listener: What they share.
    """

    config: AppConfig
    listener: socket.socket

    def __post_init__(self) -> None:
        self._running: list[SpawnProcess] = []

    def run(self, number: int) -> int:
        """Keeps so many at work.

        Returns:
            The exit code of one that found its input wrong, as all would.
        """
        for _ in range(number):
            self._begin()
        while True:
            wait([worker.sentinel for worker in self._running])
            for worker in [one for one in self._running if not one.is_alive()]:
                self._running.remove(worker)
                _forget(worker.pid)
                if worker.exitcode == WRONG_INPUT:
                    self.end()
                    return WRONG_INPUT
                logger.error("worker {} has ended ({}); another one takes its place", worker.pid, worker.exitcode)
                time.sleep(SECONDS_BEFORE_ANOTHER)
                self._begin()

    def end(self) -> None:
        """Lets them finish their requests; a second Ctrl-C reaches them, too, and stops them at once."""
        for worker in self._running:
            worker.terminate()
        while any(worker.is_alive() for worker in self._running):
            try:
                for worker in self._running:
                    worker.join()
            except KeyboardInterrupt:
                for worker in self._running:
                    if worker.pid and worker.is_alive():
                        os.kill(worker.pid, signal.SIGINT)

    def _begin(self) -> None:
        worker = multiprocessing.get_context("spawn").Process(target=_work, args=(self.config, self.listener))
        worker.start()
        self._running.append(worker)


def _work(config: AppConfig, listener: socket.socket) -> None:
    """One process, from its start to its exit code."""

    def serve_here(_: list[str]) -> None:
        end_on_sigterm()
        threading.Thread(target=_end_with_parent, daemon=True).start()
        from app.served import chosen
        from app.server import serve

        serve(config, Start(chosen(config), listener))

    run_command(serve_here, "")


def _end_with_parent() -> None:
    """Drains this process where the one that started it was killed: nobody else would end it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _forget(process: int | None) -> None:
    """Takes what a process that ended had at work out of the metrics; what it counted stays."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(process)
