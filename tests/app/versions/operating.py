"""An admin of a service under test, who loads, promotes and takes back versions."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from app.access.keys import ApiKey, KeyFile, Role
from app.config import AccessConfig
from tests.app.serving import Running

QUESTION = {"question": "高血压是什么？"}
ROLES: Mapping[str, Role] = {"admin": "admin", "ward-3": "doctor", "doctor": "doctor"}


def made_keys(folder: Path) -> tuple[AccessConfig, dict[str, str]]:
    """A file of keys, and the key of each name."""
    file = KeyFile(folder / "keys.sqlite")
    keys = {name: file.add(ApiKey(name, role, time.time())) for name, role in ROLES.items()}
    return AccessConfig(keys=file.path), keys


class Operator:
    """An admin's client, and others."""

    def __init__(self, running: Running, keys: Mapping[str, str]) -> None:
        self.running, self.keys = running, keys
        self.client = running.client()
        self.client.headers["Authorization"] = f"Bearer {keys['admin']}"

    def do(self, path: str = "", method: str = "POST", **body: Any) -> httpx.Response:
        return self.client.request(method, f"/v1/admin/versions{path}", json=body)

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get("/v1/admin/versions").json()
        return found

    def load(self, name: str, **traffic: Any) -> None:
        assert self.do(model=name, **traffic).status_code == 202
        self.running.wait_for(lambda: (self.state["attempt"] or {}).get("state") != "loading")

    def answer(self, key: str = "admin", client: str = "") -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.keys[key]}"} | ({"X-Client-Id": client} if client else {})
        answered: dict[str, Any] = self.client.post("/v1/qa", json=QUESTION, headers=headers).json()
        return answered
