"""The web pages: one file each, under a policy that allows nothing but its own script and style.

What the chat page says about the domain is part of it, so that it can tell what to do at an emergency when nothing else
answers.
"""

import base64
import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.api.about import About
from app.api.errors import documented

PAGE = Path(__file__).parent / "static" / "index.html"
ADMIN_PAGE = Path(__file__).parent / "static" / "admin.html"
ABOUT = "{{about}}"


def page_router() -> APIRouter:
    """The route of the page, with what is said about the version that answers whoever opens it."""
    page = PAGE.read_text(encoding="utf-8")

    def written(request: Request) -> str:
        about: About = request.state.version.about
        return page.replace(ABOUT, about.model_dump_json().replace("<", r"\u003c"))

    return _router_of("/", page, written)


def admin_page_router() -> APIRouter:
    """The route of the page for operators, which asks for an admin's key itself."""
    page = ADMIN_PAGE.read_text(encoding="utf-8")
    return _router_of("/admin", page, lambda _: page)


def _router_of(path: str, page: str, written: Callable[[Request], str]) -> APIRouter:
    router = APIRouter(tags=["page"])
    headers = {"Content-Security-Policy": _content_security_policy(page)}

    described: dict[int | str, dict[str, Any]] = {200: {"description": "the page", "content": {"text/html": {}}}}

    @router.get(path, response_model=None, responses=described | documented())
    async def index(request: Request) -> HTMLResponse:
        return HTMLResponse(written(request), headers=headers)

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
