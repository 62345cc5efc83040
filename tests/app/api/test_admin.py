"""Operators see keys and records with an admin's key; over HTTP and on the page."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.access.keys import ApiKey, KeyFile
from app.config import AccessConfig, AudienceConfig, RecordsConfig
from domains.knowledge_base import KnowledgeBase
from tests.app.browser import CHROMIUM, browser
from tests.app.fake_engine import FakeEngine
from tests.app.serving import Running, serving

EMERGENCY = "我爸突然胸痛，出了一身冷汗"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("admin")


@pytest.fixture(scope="module")
def keys(folder: Path) -> dict[str, str]:
    file = KeyFile(folder / "keys.sqlite")
    return {role: file.add(ApiKey(role, role, time.time())) for role in ("admin", "doctor")}  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def guarded(folder: Path, keys: dict[str, str], knowledge: KnowledgeBase) -> Iterator[Running]:
    audience = AudienceConfig(records=RecordsConfig(folder=folder / "records"))
    access = AccessConfig(keys=folder / "keys.sqlite")
    with serving(FakeEngine(), "medical", knowledge, audience=audience, access=access) as server:
        yield server


@pytest.fixture
def admin(guarded: Running, keys: dict[str, str]) -> Iterator[httpx.Client]:
    with guarded.client() as client:
        client.headers["Authorization"] = f"Bearer {keys['admin']}"
        yield client


def test_other_roles_and_services_without_keys_have_no_admin(
    guarded: Running, keys: dict[str, str], standing: httpx.Client
) -> None:
    doctor = {"Authorization": f"Bearer {keys['doctor']}"}
    with guarded.client() as client:
        assert client.get("/v1/admin/keys").status_code == 401
        for path in ("keys", "records", "records/state"):
            assert client.get(f"/v1/admin/{path}", headers=doctor).status_code == 403
        assert client.post("/v1/admin/keys", json={"name": "x", "role": "admin"}, headers=doctor).status_code == 403
        assert client.delete("/v1/admin/keys/admin", headers=doctor).status_code == 403
    assert standing.get("/v1/admin/keys").status_code == 404


def test_keys_are_made_listed_and_revoked(guarded: Running, admin: httpx.Client) -> None:
    made = admin.post("/v1/admin/keys", json={"name": "ward-3", "role": "patient", "tokens_per_day": 1000})
    assert made.status_code == 201
    ward = {"Authorization": f"Bearer {made.json()['key']}"}
    guarded.wait_for(lambda: admin.get("/v1/models", headers=ward).status_code == 200, 20)
    again = admin.post("/v1/admin/keys", json={"name": "ward-3", "role": "patient"})
    assert again.status_code == 400 and "there is, or was, a key named ward-3" in again.json()["error"]["message"]
    [listed] = [key for key in admin.get("/v1/admin/keys").json() if key["name"] == "ward-3"]
    assert (listed["role"], listed["state"], listed["tokens_per_day"]) == ("patient", "valid", 1000)
    assert made.json()["key"] not in admin.get("/v1/admin/keys").text
    assert admin.delete("/v1/admin/keys/ward-3").status_code == 204
    guarded.wait_for(lambda: admin.get("/v1/models", headers=ward).status_code == 401, 20)
    assert admin.delete("/v1/admin/keys/nobody").status_code == 404


@pytest.mark.parametrize("body", [{"name": "a b", "role": "doctor"}, {"name": "a", "role": "nurse"}, {"name": "a"}])
def test_keys_that_cannot_be_made_are_refused(admin: httpx.Client, body: dict[str, Any]) -> None:
    assert admin.post("/v1/admin/keys", json=body).status_code == 400


def test_records_are_found_the_newest_first(guarded: Running, admin: httpx.Client) -> None:
    asked = [admin.post("/v1/qa", json={"question": q}).json() for q in ("高血压有哪些症状？", EMERGENCY)]

    def search(**wanted: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = admin.get("/v1/admin/records", params=wanted).json()
        return found

    guarded.wait_for(lambda: len(search(id=asked[1]["request_id"])) == 1, 20)
    assert [record["request_id"] for record in search(limit=2)] == [one["request_id"] for one in reversed(asked)]
    assert [record["request_id"] for record in search(level="emergency")][:1] == [asked[1]["request_id"]]
    assert search(key="nobody") == [] and len(search(key="admin", kind="answer")) >= 2
    assert admin.get("/v1/admin/records", params={"limit": 10_000}).status_code == 400
    state = admin.get("/v1/admin/records/state").json()
    assert state["breaks"] == [] and state["newest"] == state["records"] >= 2


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_the_page_shows_state_keys_and_records(guarded: Running, keys: dict[str, str], tmp_path: Path) -> None:
    with guarded.client() as client:
        page = client.get("/admin")
        client.post("/v1/qa", json={"question": EMERGENCY}, headers={"Authorization": f"Bearer {keys['admin']}"})
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|https?://", page.text)
    with browser(tmp_path) as tab:
        tab.show(1280, 800)
        tab.call("Page.navigate", url=f"{guarded.url}/admin")
        tab.wait_for("document.readyState === 'complete' && document.getElementById('key') !== null")
        tab.run("document.getElementById('key').focus()")
        tab.type(keys["doctor"])
        tab.press("Enter", "\r")
        tab.wait_for("document.getElementById('problem').textContent.includes('role=admin')")
        tab.run("document.getElementById('key').value = ''")
        tab.run("document.getElementById('key').focus()")
        tab.type(keys["admin"])
        tab.press("Enter", "\r")
        tab.wait_for("!document.getElementById('records').hidden")
        assert "doctor" in tab.run("document.getElementById('listed').textContent")
        assert "whole" in tab.run("document.getElementById('chain').textContent")
        assert "ready" in tab.run("document.getElementById('state').textContent")
        tab.run("document.querySelector('#add input').focus()")
        tab.type("from-the-page")
        tab.run("document.querySelector('#add button').click()")
        tab.wait_for("document.getElementById('listed').textContent.includes('from-the-page')")
        assert "xl-" in tab.run("document.getElementById('made').textContent")
        tab.run("document.querySelector('#search select').value = 'emergency'")
        tab.run("document.querySelector('#search button').click()")
        tab.wait_for("document.querySelector('#found pre') !== null")
        assert '"level": "emergency"' in tab.run("document.querySelector('#found pre').textContent")
        assert [one for one in tab.complaints if "403" not in one] == []
