"""A real server in front of which the service runs: llama.cpp's own, over TCP, with the GGUF of a small model."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.backends.backend import ChatTurn
from app.backends.remote import open_remote
from app.config import AppConfig, ServeConfig, UpstreamConfig
from models.embedded import build
from models.engines.engine import Completion, Sampling
from models.engines.llamacpp import load_llamacpp_engine
from models.engines.local import load_engine
from models.loading import load_tokenizer
from models.prompt_format import PromptFormat
from tests.conftest import PROSE, TINY

xllamacpp = pytest.importorskip("xllamacpp", reason="xllamacpp is not installed (pip install 'xinglin[llamacpp]')")

QUESTIONS = ["高血压有哪些症状？", "偏头痛挂什么科？", "什么是2型糖尿病？🩺"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[tuple[Path, str]]:
    """A model's directory, and the address of a server that has it."""
    directory = tmp_path_factory.mktemp("served_base")
    build([*PROSE, *["高血压是慢性病，是可以控制的。"] * 60], TINY, directory)
    PromptFormat.named("xinglin", load_tokenizer(directory)).save(directory)
    load_llamacpp_engine(directory, weights="f32", slots=1)  # writes the file
    [file] = (cache / "gguf").glob(f"{directory.name}-*.gguf")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    params = xllamacpp.CommonParams()
    params.model.path = str(file)
    params.hostnames, params.port = ["127.0.0.1"], port
    params.n_ctx, params.n_parallel = 2 * TINY.context_length, 2
    params.fit_params, params.verbosity = False, -1
    server = xllamacpp.Server(params)
    yield directory, f"http://127.0.0.1:{port}"
    del server


@pytest.mark.slow
@pytest.mark.parametrize("sampling", [Sampling(24), Sampling(24, repetition_penalty=1.3)])
def test_it_answers_as_the_local_engine(served: tuple[Path, str], sampling: Sampling) -> None:
    path, url = served
    upstream = UpstreamConfig.model_validate({"url": url})
    config = AppConfig(model=str(path), engine="openai", upstream=upstream, serve=ServeConfig(max_batch=2))
    backend = open_remote(path, config)
    assert (
        backend.verified
        and backend.upstream.lacks == ("response_format",)
        and backend.context_length == TINY.context_length
    )

    async def ask(question: str) -> Completion:
        *pieces, completion = [event async for event in await backend.stream([ChatTurn("user", question)], sampling)]
        assert isinstance(completion, Completion) and "".join(map(str, pieces)) == completion.text
        return completion

    async def ask_all() -> list[Completion]:
        await backend.start()
        answers = await asyncio.gather(*map(ask, QUESTIONS))
        left = await backend.stream([ChatTurn("user", QUESTIONS[0])], Sampling(200))
        left.cancel()
        answers.append(await ask(QUESTIONS[0]))
        await backend.close()
        return answers

    *remote, again = asyncio.run(ask_all())
    local = load_engine(path).generate([[ChatTurn("user", question)] for question in QUESTIONS], [sampling] * 3)
    for here, there in zip(local, remote, strict=True):
        assert (there.text, there.finish_reason, there.prompt_tokens) == (
            here.text,
            here.finish_reason,
            here.prompt_tokens,
        )
    assert again.text == remote[0].text
