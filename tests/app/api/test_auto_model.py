"""Several adapters behind one service: the router picks one for each request, or the request names it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch

from app.backends.local import LocalBackend
from app.service import create_app
from app.versions.version import ServedModel
from domains.domain import NO_KNOWLEDGE, find_domain
from models.engines.engine import Engine
from models.engines.experts import ExpertsEngine, sharing
from models.engines.local import LocalEngine
from models.loading import load_model, load_tokenizer
from models.prompt_format import PromptFormat
from models.router import Router
from tests.app.fake_engine import FakeEngine
from tests.app.serving import CONFIG
from tests.models.test_experts_engine import ASKED, adapted

SUM, ILLNESS = "3加5等于几？", "头痛怎么办？"


@pytest.fixture(scope="module")
def experts(tiny_base: Path) -> ExpertsEngine:
    prompt_format = PromptFormat.named("xinglin", load_tokenizer(tiny_base))
    base = load_model(tiny_base, dtype=torch.float32)
    engines = {
        name: LocalEngine(adapted(sharing(base), seed), prompt_format, "both") for seed, name in enumerate(ASKED)
    }
    return ExpertsEngine(engines, Router.trained(ASKED), "both")


def answered(engine: Engine, names: tuple[str, ...], requests: Sequence[tuple[str, str]]) -> tuple[list[Any], Any]:
    """The response to each model and question, and what is listed."""
    backend = LocalBackend(engine, CONFIG)
    model = ServedModel(backend, find_domain("medical"), NO_KNOWLEDGE, experts=names)
    app = create_app(model, CONFIG)

    async def ask() -> tuple[list[Any], Any]:
        await backend.start()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test", timeout=60) as client:
            found = []
            for name, question in requests:
                body = {"model": name, "messages": [{"role": "user", "content": question}], "max_tokens": 4}
                found.append(await client.post("/v1/chat/completions", json=body))
            listed = (await client.get("/v1/models")).json()
        await backend.close()
        return found, listed

    return asyncio.run(ask())


def test_auto_lets_the_router_pick_and_a_name_picks_itself(experts: ExpertsEngine) -> None:
    requests = [("auto", SUM), ("auto", ILLNESS), ("both", SUM), ("both-illness", SUM), ("auto", "我胸口疼，出冷汗")]
    found, listed = answered(experts, tuple(ASKED), requests)
    assert [one.json()["xinglin"]["expert"] for one in found] == ["sums", "illness", "sums", "illness", None]
    assert [one.json()["model"] for one in found] == ["both", "both", "both", "both-illness", "both"]
    assert found[-1].json()["xinglin"]["triage"]["level"] == "emergency"  # by rule, whichever adapter there is
    assert [one["id"] for one in listed["data"]] == ["both", "both-raw", "auto", "both-illness", "both-sums"]


def test_a_service_of_one_model_has_no_auto() -> None:
    found, listed = answered(FakeEngine(), (), [("auto", SUM), ("fake-1-sums", SUM)])
    assert [one.status_code for one in found] == [404, 404] and "auto" not in str(listed)
    assert found[0].json()["error"]["code"] == "model_not_found"
