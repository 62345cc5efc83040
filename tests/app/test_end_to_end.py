"""The command as users run it, and a real (if tiny) model behind the service."""

import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import openai
import pytest

from app.__main__ import HELP, main
from app.backends.backend import ChatTurn
from common.command import run_command
from common.errors import UserError
from domains.knowledge_base import KnowledgeBase
from models.engines.engine import Sampling
from models.engines.local import load_engine
from tests.app.serving import CONFIG, serving
from tests.artifacts import artifact
from tests.commands import Command


def test_a_real_model_answers_a_crowd_as_it_answers_one(tiny_base: Path, knowledge: KnowledgeBase) -> None:
    engine = load_engine(tiny_base)
    questions = ["高血压有哪些症状？", "偏头痛挂什么科？", "慢性胃炎的症状", "普通感冒", "什么是2型糖尿病？", "你好"]
    config = CONFIG.model_copy(update={"queue_limit": 64, "max_new_tokens": 12})
    with serving(engine, "general", config=config) as running:
        client = openai.OpenAI(base_url=f"{running.url}/v1", api_key="none", max_retries=0)

        def whole(question: str) -> str:
            answer = client.chat.completions.create(
                model=f"{engine.model_version}-raw", messages=[{"role": "user", "content": question}]
            )
            return answer.choices[0].message.content or ""

        def streamed(question: str) -> str:
            chunks = client.chat.completions.create(
                model=f"{engine.model_version}-raw", messages=[{"role": "user", "content": question}], stream=True
            )
            return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)

        alone = [whole(question) for question in questions]
        with ThreadPoolExecutor(12) as pool:
            assert list(pool.map(whole, questions * 2)) == alone * 2
            assert list(pool.map(streamed, questions * 2)) == alone * 2
        with running.client() as plain:
            qa = plain.post("/v1/qa", json={"question": questions[0]}).json()
            too_long = plain.post("/v1/qa", json={"question": "长" * 1000})
            twice = [{"role": "user", "content": "头痛"}] * 2
            disordered = plain.post(
                "/v1/chat/completions", json={"model": f"{engine.model_version}-raw", "messages": twice}
            )
    prompt = [ChatTurn("user", questions[0])]
    assert qa["answer"] == engine.generate([prompt], [Sampling(max_new_tokens=12)])[0].text == alone[0]
    assert qa["usage"]["prompt_tokens"] == engine.count_prompt_tokens(prompt)
    assert disordered.status_code == 400 and disordered.json()["error"]["code"] == "unsupported_conversation"
    assert too_long.json()["error"]["code"] == "context_length_exceeded"


def test_the_command_serves_until_it_is_told_to_stop(tiny_base: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    chosen = [f"model={tiny_base}", "domain=general", f"port={port}", "serve.max_new_tokens=8"]
    process = Command("-m", "app", *chosen, environment={"XINGLIN_LOG": "DEBUG"})
    try:
        end = time.monotonic() + 120
        while time.monotonic() < end and process.returncode is None:
            try:
                if httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.1)
        answer = httpx.post(f"http://127.0.0.1:{port}/v1/qa", json={"question": "我胸痛，出冷汗"}, timeout=30).json()
        assert answer["answer"] and answer["model_version"]
    finally:
        process.send_signal(signal.SIGTERM)
        _, text = process.wait(20)
    assert process.returncode == 143 and "accepted requests were answered" in text and "half-written" not in text
    assert "POST /v1/qa 200" in text and "胸痛" not in text and "Traceback" not in text


def test_a_wrong_model_ends_the_command_with_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.logging.start_logging", lambda level: None)
    monkeypatch.setattr(sys, "argv", ["app", "model=no/such/model"])
    with pytest.raises(SystemExit) as ended:
        run_command(main, HELP)
    assert ended.value.code == 2


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["model=no/such/model"], "no such directory"),
        ([], "model: a value is required"),
        (["model=latest", "runs_dir=no/such/runs"], "no run can be served"),
        (["model=x", "domain=alchemy"], "domain: .*no such domain: alchemy; available: documents, general"),
        (["model=x", "prot=9000"], "did you mean 'port'"),
        (["model=x", "grounding=yes"], "grounding"),
        (["model=x", "serve.max_batch=0"], "serve.max_batch"),
    ],
)
def test_wrong_input_is_refused_with_the_way_out(arguments: list[str], hint: str) -> None:
    with pytest.raises(UserError, match=hint):
        main(arguments)


def test_a_reader_is_refused_with_the_command_that_asks_it(tmp_path: Path) -> None:
    artifact("reader").save(tmp_path)
    (tmp_path / "reader").mkdir()
    with pytest.raises(UserError, match="extractive reader") as refused:
        main([f"model={tmp_path}", "port=0"])
    assert f'pipeline("question-answering", model="{tmp_path / "reader"}")' in str(refused.value)


def test_records_that_cannot_be_written_are_known_before_the_model_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match=r"config\.json: cannot write here"):
        main([f"model={tmp_path}", f"audience.records.folder={tmp_path}/config.json"])


def test_a_port_in_use_is_known_before_the_model_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UserError, match="cannot listen"):
        main([f"model={tmp_path}", f"port={taken.getsockname()[1]}"])
