"""Serves a model: ``python -m app model=latest``."""

import asyncio
import socket

import uvicorn

from app.batching import BatchQueue
from app.config import AppConfig, model_path
from app.service import create_app
from common.command import read_config, run_command
from common.errors import UserError
from domains.knowledge_base import KnowledgeBase
from models.engines.local import load_engine
from models.threads import THREADS

HELP = """
Serves a model: a web page, questions and answers with triage and sources, and an OpenAI-compatible API.

  python -m app model=latest                               the newest finished run below runs/
  python -m app model=runs/medical_qlora/20261123-101500   a run
  python -m app model=/models/my-llama port=9000           a model directory with its prompt_format.json

Then:
  http://127.0.0.1:8000/                                   the web page
  curl localhost:8000/v1/qa -H 'Content-Type: application/json' -d '{"question": "高血压有哪些症状？"}'
  curl localhost:8000/v1/models                            the model's name for OpenAI clients (base_url=…/v1)
  /livez  /readyz                                          process is up; model has answered and takes requests

Keys (configs/app.yaml, configs/serve/default.yaml):
  model=PATH|latest     required                           host=127.0.0.1  port=8000
  serve.max_batch=8     requests that generate together    serve.max_wait_ms=10      how long a batch waits to fill
  dtype=auto            float32 | bfloat16 | float16     threads=N                how many compute; else the free cores
  serve.queue_limit=64  requests that wait, then 503       serve.max_new_tokens=256  longest answer
  serve.content_producer=NAME                              who answers for the text, in the AI label's metadata

There is no login yet: on anything but 127.0.0.1, put a proxy with one in front. On SIGTERM or Ctrl-C new requests get
503, running ones are finished; a second Ctrl-C stops at once.
Exit codes: 0 done, 1 failed, 2 wrong input or configuration, 130 interrupted.
"""


def main(arguments: list[str]) -> None:
    """Loads the model, then serves it until a signal comes."""
    [config] = read_config("app", arguments, AppConfig)
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


if __name__ == "__main__":
    run_command(main, HELP)
