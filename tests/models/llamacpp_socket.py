"""llama.cpp's own server, to compare its tokenizer and its template with ours."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx

from models.engines.llamacpp import LlamaCppEngine


@contextmanager
def own_server(engine: LlamaCppEngine) -> Iterator[httpx.Client]:
    """A client of the server behind an engine."""
    transport = httpx.HTTPTransport(uds=engine.address.removeprefix("unix://"))
    with httpx.Client(transport=transport, base_url="http://llama.cpp", timeout=60) as client:
        yield client


def tokenize(engine: LlamaCppEngine, texts: Sequence[str]) -> list[list[int]]:
    """Ids that llama.cpp gives texts in which nothing is a special token."""
    with own_server(engine) as client:
        options = {"add_special": False, "parse_special": False}
        return [client.post("/tokenize", json={"content": text, **options}).json()["tokens"] for text in texts]
