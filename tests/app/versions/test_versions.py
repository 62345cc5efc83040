"""Versions of a model side by side: loaded beside the served one, tried, promoted, taken back; no request is lost."""

import gc
import json
import weakref
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.access.caller import Caller
from app.backends.local import LocalBackend
from app.config import AudienceConfig, RecordsConfig
from app.service import INTERNAL
from app.versions.version import ServedModel
from app.versions.versions import ModelPlan, Traffic
from common.errors import UserError
from common.hashing import sha256_text
from domains.domain import NO_KNOWLEDGE, find_domain
from tests.app.browser import CHROMIUM, browser
from tests.app.fake_engine import FakeEngine
from tests.app.serving import CONFIG, serving
from tests.app.versions.operating import QUESTION, Operator, made_keys

CROWD = CONFIG.model_copy(update={"max_batch": 4, "queue_limit": 400})


def named(name: str) -> FakeEngine:
    engine = FakeEngine(f"{name}的回答。")
    engine.model_version = name  # type: ignore[misc]
    return engine


class Shelf:
    """Models by their name, as a ``ModelSource``."""

    def __init__(self, engines: Mapping[str, FakeEngine], needs: int = 0, domain: str = "general") -> None:
        self.engines, self.needs, self.domain = dict(engines), needs, domain

    def plan(self, given: str) -> ModelPlan:
        if given not in self.engines:
            raise UserError(f"no such directory: {given}", where="model")
        return ModelPlan(given, given, self.domain, self.needs, 2**30, lambda: model(self.engines[given]))


def model(engine: FakeEngine) -> ServedModel:
    backend, name = LocalBackend(engine, CROWD), engine.model_version
    return ServedModel(backend, find_domain("general"), NO_KNOWLEDGE, given=name, sha256=sha256_text(name))


def id_of(name: str) -> str:
    return sha256_text(name)[:12]


@contextmanager
def operated(folder: Path, shelf: Shelf, first: FakeEngine, audience: AudienceConfig = INTERNAL) -> Iterator[Operator]:
    access, keys = made_keys(folder)
    with serving(first, "general", config=CROWD, audience=audience, access=access, source=shelf) as running:
        yield Operator(running, keys)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf({name: named(name) for name in ("model-b", "model-c")})


@pytest.fixture
def operator(tmp_path: Path, shelf: Shelf) -> Iterator[Operator]:
    with operated(tmp_path, shelf, named("model-a")) as one:
        yield one


def test_whoever_is_among_a_share_is_among_every_larger_one() -> None:
    callers = [Caller(client=f"client-{number}") for number in range(2000)]
    among = [{c.client for c in callers if Traffic(share).includes(c, "id")} for share in (0, 0.1, 0.5, 1)]
    assert among[0] <= among[1] <= among[2] <= among[3]
    assert len(among[0]) == 0 and len(among[3]) == 2000
    assert 140 <= len(among[1]) <= 260 and 900 <= len(among[2]) <= 1100
    assert {c.client for c in callers if Traffic(0.1).includes(c, "other")} != among[1]


def test_a_candidate_answers_its_share_and_each_caller_keeps_its_version(operator: Operator) -> None:
    operator.load("model-b", share=0.5)
    clients = [f"tab-{number}" for number in range(40)]
    first = {client: operator.answer(client=client)["version"] for client in clients}
    assert set(first.values()) == {id_of("model-a"), id_of("model-b")}
    assert {client: operator.answer(client=client)["version"] for client in clients} == first


def test_a_candidate_answers_given_keys_alone(operator: Operator) -> None:
    operator.load("model-b", keys=["ward-3"])
    assert operator.answer("ward-3")["model_version"] == "model-b"
    assert operator.answer("doctor")["model_version"] == "model-a"
    unknown = operator.do("/candidate", "PATCH", keys=["ward-4"])
    assert unknown.status_code == 400 and "there is no key ward-4" in unknown.json()["error"]["message"]
    changed = operator.do("/candidate", "PATCH", share=0, keys=["doctor"]).json()
    assert changed["candidate"]["keys"] == ["doctor"]
    assert operator.answer("ward-3")["model_version"] == "model-a"
    assert operator.answer("doctor")["answer"] == "model-b的回答。"
    more = operator.do("/candidate", "PATCH", share=1).json()["candidate"]
    assert (more["share"], more["keys"]) == (1, ["doctor"])  # what a PATCH does not name stays
    none = operator.do("/candidate", "PATCH", keys=[]).json()["candidate"]
    assert (none["share"], none["keys"]) == (1, [])
    assert operator.do("/candidate", "PATCH").json()["candidate"] == none


def test_no_request_is_lost_in_a_swap_and_each_names_what_answered_it(operator: Operator) -> None:
    """200 requests, half of them streams, while a version is loaded, tried, promoted, and the one before closed."""

    def ask(number: int) -> tuple[str, str]:
        headers = {"Authorization": f"Bearer {operator.keys['doctor']}", "X-Client-Id": str(number)}
        name = "model-a"  # clients keep the name that they were configured with
        body = {"model": name, "messages": [{"role": "user", "content": f"第{number}问"}]}
        if number % 2:
            answer = client.post("/v1/chat/completions", json=body, headers=headers).json()
            return answer["system_fingerprint"], answer["xinglin"]["answer"]
        text = client.post("/v1/qa", json={"question": f"第{number}问", "stream": True}, headers=headers).text
        answer = json.loads(text.rpartition("event: done\ndata: ")[2])
        return answer["version"], answer["answer"]

    with operator.running.client() as client, ThreadPoolExecutor(24) as pool:
        asked = [pool.submit(ask, number) for number in range(200)]
        operator.load("model-b", share=0.3)
        operator.running.wait_for(lambda: sum(one.done() for one in asked) > 60)
        assert operator.do("/promote").status_code == 200
        answers = [one.result() for one in asked]
    expected = {(id_of("model-b"), "model-b的回答。"), (id_of("model-a"), "model-a的回答。")}
    assert set(answers) == expected
    assert Counter(answers)[(id_of("model-b"), "model-b的回答。")] >= 20
    operator.running.wait_for(lambda: not operator.state["closing"])


@pytest.mark.slow
def test_a_stream_ends_on_the_version_it_began_with_which_is_then_freed(operator: Operator, shelf: Shelf) -> None:
    operator.load("model-b")
    operator.do("/promote")
    engine = shelf.engines.pop("model-b")
    engine.gate.clear()
    headers = {"Authorization": f"Bearer {operator.keys['doctor']}"}
    with (
        operator.running.client() as client,
        client.stream("POST", "/v1/qa", json={**QUESTION, "stream": True}, headers=headers) as stream,
    ):
        lines = stream.iter_lines()
        while "delta" not in next(lines):
            pass
        operator.load("model-c")
        assert operator.do("/promote").status_code == 200
        assert operator.answer("doctor")["model_version"] == "model-c"
        assert "model-b" in [version["name"] for version in operator.state["closing"]]
        engine.gate.set()
        assert "model-b的回答。" in "".join(lines)
    operator.running.wait_for(lambda: not operator.state["closing"])
    freed = weakref.ref(engine)
    del engine
    operator.running.wait_for(lambda: gc.collect() >= 0 and freed() is None)


def test_a_load_that_fails_leaves_what_is_served(operator: Operator, shelf: Shelf) -> None:
    shelf.engines["model-b"].failure = RuntimeError("out of memory")
    operator.load("model-b", share=1)
    assert operator.state["attempt"]["state"] == "failed" and operator.state["candidate"] is None
    assert "does not answer: the model failed" in operator.state["attempt"]["problem"]
    assert operator.answer()["model_version"] == "model-a"
    missing = operator.do(model="model-x")
    assert missing.status_code == 400 and "no such directory: model-x" in missing.json()["error"]["message"]
    operator.load("model-c", share=1)
    assert operator.state["attempt"] is None and operator.answer()["model_version"] == "model-c"


def test_memory_is_told_before_and_what_does_not_fit_is_not_loaded(operator: Operator, shelf: Shelf) -> None:
    shelf.needs = 2**31
    plan = operator.client.get("/v1/admin/versions/plan", params={"model": "model-b"}).json()
    assert (plan["needs_bytes"], plan["free_bytes"], plan["fits"]) == (2**31, 2**30, False)
    refused = operator.do(model="model-b")
    assert refused.status_code == 409 and "2.0 GiB" in refused.json()["error"]["message"]
    assert operator.state["attempt"] is None


def test_a_model_of_another_domain_is_refused(operator: Operator, shelf: Shelf) -> None:
    shelf.domain = "medical"
    refused = operator.do(model="model-b")
    assert refused.status_code == 400 and "domain medical" in refused.json()["error"]["message"]


def test_a_rollback_takes_the_candidate_back_and_after_a_promotion_loads_the_one_before(
    tmp_path: Path, shelf: Shelf
) -> None:
    shelf.engines["model-a"] = named("model-a")
    with operated(tmp_path, shelf, named("model-a")) as operator:
        assert operator.do("/rollback").status_code == 409
        operator.load("model-b", share=1)
        assert operator.answer()["model_version"] == "model-b"
        assert operator.do("/rollback").json()["candidate"] is None
        assert operator.answer()["model_version"] == "model-a"
        operator.running.wait_for(lambda: not operator.state["closing"])
        operator.load("model-c")
        assert operator.do("/promote").json()["current"]["name"] == "model-c"
        assert operator.state["earlier"] is None  # the first model of this test is in no folder
        operator.load("model-b")
        assert operator.do("/promote").json()["earlier"]["name"] == "model-c"
        assert operator.do("/rollback").json()["attempt"]["state"] == "loading"
        operator.running.wait_for(lambda: operator.state["current"]["name"] == "model-c")
        assert operator.answer()["model_version"] == "model-c" and operator.state["earlier"]["name"] == "model-b"


def test_what_does_not_go_together_is_a_conflict(operator: Operator) -> None:
    assert operator.do("/promote").status_code == operator.do("/candidate", "PATCH", share=1).status_code == 409
    operator.load("model-b")
    refused = operator.do(model="model-c")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "version_conflict")
    assert operator.do("/candidate", "PATCH", share=1.5).status_code == 400
    assert operator.do("/promote").status_code == 200
    assert operator.do(model="model-b").status_code == 202
    operator.running.wait_for(lambda: (operator.state["attempt"] or {}).get("state") == "failed")
    assert "served already" in operator.state["attempt"]["problem"]


def test_only_admins_change_versions(operator: Operator) -> None:
    doctor = {"Authorization": f"Bearer {operator.keys['doctor']}"}
    for method, path in (("GET", ""), ("POST", "/promote"), ("POST", "/rollback"), ("GET", "/plan?model=model-b")):
        refused = operator.client.request(method, f"/v1/admin/versions{path}", headers=doctor)
        assert refused.status_code == 403, path


def test_a_name_outlives_its_version_and_records_say_which_one_answered(tmp_path: Path, shelf: Shelf) -> None:
    audience = AudienceConfig(records=RecordsConfig(folder=tmp_path / "records"))
    with operated(tmp_path, shelf, named("model-a"), audience) as operator:
        operator.answer()
        operator.load("model-b")
        operator.do("/promote")
        body = {"model": "model-a-raw", "messages": [{"role": "user", "content": "你好"}]}
        raw = operator.client.post("/v1/chat/completions", json=body).json()
        assert (raw["model"], raw["system_fingerprint"]) == ("model-b-raw", id_of("model-b"))
        assert [one["id"] for one in operator.client.get("/v1/models").json()["data"]] == ["model-b", "model-b-raw"]
        unknown = operator.client.post("/v1/chat/completions", json={**body, "model": "model-c"})
        assert unknown.status_code == 404
        assert operator.client.get("/readyz").json() == {
            "status": "ready",
            "model": "model-b",
            "version": id_of("model-b"),
        }
        request = operator.answer()["request_id"]
        found = {"id": request}
        operator.running.wait_for(lambda: operator.client.get("/v1/admin/records", params=found).json() != [])
        [record] = operator.client.get("/v1/admin/records", params=found).json()
    assert (record["model_version"], record["model_sha256"]) == ("model-b", sha256_text("model-b"))


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_the_page_loads_promotes_and_takes_back(operator: Operator, shelf: Shelf, tmp_path: Path) -> None:
    with browser(tmp_path / "profile") as tab:
        tab.show(1280, 900)
        tab.call("Page.navigate", url=f"{operator.running.url}/admin")
        tab.wait_for("document.readyState === 'complete' && document.getElementById('key') !== null")
        tab.run("window.confirm = (text) => { window.asked = text; return true; }")
        tab.run("document.getElementById('key').focus()")
        tab.type(operator.keys["admin"])
        tab.press("Enter", "\r")
        tab.wait_for("document.getElementById('served').textContent.includes('model-a')")

        def load(name: str) -> None:
            tab.run("document.querySelector('#load input[name=model]').focus()")
            tab.type(name)
            tab.run("document.querySelector('#load input[name=share]').value = '0.25'")
            tab.run("document.querySelector('#load button').click()")

        load("model-b")
        tab.wait_for("!document.getElementById('promote').hidden")
        assert "free 1.0 GiB" in tab.run("window.asked")
        assert tab.run("document.querySelector('#traffic input[name=share]').value") == "0.25"
        tab.run("document.querySelector('#traffic input[name=share]').value = '1'")
        tab.run("document.querySelector('#traffic button').click()")
        operator.running.wait_for(lambda: operator.answer()["model_version"] == "model-b")
        tab.run("document.getElementById('promote').click()")
        tab.wait_for("document.getElementById('served').textContent.includes('earlier') === false")
        tab.wait_for("document.getElementById('promote').hidden")
        shelf.engines["model-c"].failure = RuntimeError("broken")
        load("model-c")
        tab.wait_for("document.getElementById('attempt').textContent.includes('not loaded')")
        shelf.engines["model-c"].failure = None
        load("model-c")
        tab.wait_for("!document.getElementById('rollback').hidden")
        tab.run("document.getElementById('rollback').click()")
        tab.wait_for("document.getElementById('rollback').hidden")
        assert operator.state["candidate"] is None and operator.state["current"]["name"] == "model-b"
        assert [one for one in tab.complaints if "404" not in one] == []  # no records are kept here
