"""Puts the service together: the engine behind its queue, the APIs in front, health and the web page."""

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse, JSONResponse
from loguru import logger

from app.batching import BatchQueue
from app.errors import add_error_handlers
from app.middleware import RequestContext
from app.openai_api import openai_router
from app.qa import Pipeline, Turn, qa_router
from domains.knowledge_base import KnowledgeBase
from domains.medical.triage import MedicalTriager
from models.engines.engine import Engine, Sampling

PAGE = Path(__file__).parent / "static" / "index.html"


def create_app(engine: Engine, queue: BatchQueue, knowledge: KnowledgeBase) -> FastAPI:
    """Makes the ASGI app; its lifespan starts and stops the queue.

    Args:
        engine: The model.
        queue: The queue in front of it, not yet started.
        knowledge: What answers are triaged and cited by.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        queue.start()
        await queue.submit([Turn(role="user", content="你好")], Sampling(max_new_tokens=1))  # ready when it is answered
        logger.info("serving {}", engine.model_version)
        yield
        await queue.close()

    # the built-in documentation pages load scripts from outside
    app = FastAPI(title="Xinglin", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.include_router(qa_router(Pipeline(queue, knowledge, MedicalTriager(knowledge))))
    app.include_router(openai_router(engine, queue))
    app.include_router(_health_router(queue))
    app.include_router(_page_router(PAGE.read_text(encoding="utf-8")))
    add_error_handlers(app)
    app.add_middleware(RequestContext)
    return app


def _health_router(queue: BatchQueue) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    @router.get("/readyz")
    async def readyz() -> JSONResponse:
        if queue.draining:
            return JSONResponse({"status": "stopping"}, 503)
        if not queue.has_generated:
            return JSONResponse({"status": "starting"}, 503)
        return JSONResponse({"status": "ready", "model": queue.engine.model_version})

    return router


def _page_router(page: str) -> APIRouter:
    router = APIRouter()
    headers = {"Content-Security-Policy": _content_security_policy(page)}

    @router.get("/", include_in_schema=False)
    async def index() -> HTMLResponse:
        return HTMLResponse(page, headers=headers)

    return router


def _content_security_policy(page: str) -> str:
    """Allows the page's own script and style, by hash, and requests to this service; nothing else."""
    style = _hash(page, "style")
    script = _hash(page, "script")
    return (
        f"default-src 'none'; script-src {script}; style-src {style}; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _hash(page: str, element: str) -> str:
    found = re.search(f"<{element}>(.*?)</{element}>", page, re.DOTALL)
    assert found is not None, f"{PAGE} has no <{element}>"
    digest = hashlib.sha256(found.group(1).encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
