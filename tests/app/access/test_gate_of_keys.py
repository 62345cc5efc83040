"""Who may ask: keys, roles and quotas over HTTP; an emergency is answered whatever a key's limits."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from huggingface_hub import InferenceClient
from pydantic import ValidationError

from app.access import known_keys
from app.access.keys import ApiKey, KeyFile, Role, Usage, hashed
from app.access.known_keys import KnownKeys
from app.config import AccessConfig, AppConfig
from app.start import check_access
from common.errors import UserError
from domains.knowledge_base import KnowledgeBase
from tests.app.fake_engine import ANSWER, FakeEngine
from tests.app.serving import Running, serving

QUESTION = "高血压有哪些症状？"
EMERGENCY = "我爸突然胸痛，出了一身冷汗"
PORTAL = "https://portal.example.org"


def made(file: KeyFile, name: str, role: Role, **limits: Any) -> str:
    return file.add(ApiKey(name, role, time.time(), **limits))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> KeyFile:
    return KeyFile(tmp_path_factory.mktemp("access") / "keys.sqlite")


@pytest.fixture(scope="module")
def keys(file: KeyFile) -> dict[str, str]:
    hour = time.time() + 3600
    return {
        "patient": made(file, "patient", "patient", expires=hour),
        "doctor": made(file, "doctor", "doctor"),
        "expired": made(file, "expired", "admin", expires=time.time() - 1),
        "slow": made(file, "slow", "patient", requests_per_minute=2),
        "short": made(file, "short", "patient", tokens_per_day=5),
    }


@pytest.fixture(scope="module")
def guarded(file: KeyFile, keys: dict[str, str], knowledge: KnowledgeBase) -> Iterator[Running]:
    access = AccessConfig(keys=file.path, hosts=("ask.example.org",), origins=(PORTAL,))
    with serving(FakeEngine(), "medical", knowledge, access=access) as server:
        yield server


def asked(running: Running, key: str, question: str = QUESTION, **more: Any) -> httpx.Response:
    with running.client() as client:
        return client.post("/v1/qa", json={"question": question}, headers=bearer(key), **more)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


@pytest.mark.parametrize("key", ["", "EMPTY", "expired"])
def test_without_a_valid_key_there_is_a_401_before_anything(guarded: Running, keys: dict[str, str], key: str) -> None:
    response = asked(guarded, keys.get(key, key), EMERGENCY)
    assert response.status_code == 401 and response.headers["WWW-Authenticate"] == "Bearer"
    assert response.json()["error"]["code"] == "invalid_api_key" and response.headers["X-Request-Id"]


def test_the_page_and_probes_need_no_key_and_everything_else_does(guarded: Running) -> None:
    with guarded.client() as client:
        assert [client.get(path).status_code for path in ("/", "/livez", "/readyz", "/health")] == [200] * 4
        closed = ("/v1/models", "/v1/about", "/openapi.json", "/info", "/none")
        assert [client.get(path).status_code for path in closed] == [401] * len(closed)
        assert client.post("/", json={"inputs": "x"}).status_code == 401
        assert client.head("/v1/models").status_code == 401


def test_clients_of_openai_and_of_tgi_send_the_key_as_they_are_used_to(
    guarded: Running, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)  # offline applies to this machine, too
    client = openai.OpenAI(base_url=f"{guarded.url}/v1", api_key=keys["doctor"], max_retries=0)
    message: Any = [{"role": "user", "content": QUESTION}]
    whole = client.chat.completions.create(model="fake-1", messages=message).choices[0].message.content
    assert whole is not None and ANSWER in whole
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="none").models.list()
    assert InferenceClient(guarded.url, token=keys["doctor"]).text_generation("x") == ANSWER


def test_a_patients_key_does_not_open_the_model_alone(guarded: Running, keys: dict[str, str]) -> None:
    client = openai.OpenAI(base_url=f"{guarded.url}/v1", api_key=keys["patient"], max_retries=0)
    message: Any = [{"role": "user", "content": QUESTION}]
    with pytest.raises(openai.PermissionDeniedError, match="role=doctor or role=admin"):
        client.chat.completions.create(model="fake-1-raw", messages=message)
    with pytest.raises(openai.PermissionDeniedError):
        client.completions.create(model="fake-1-raw", prompt="x")
    with guarded.client() as plain:
        for path, body in (
            ("/tokenize", {"prompt": "x"}),
            ("/detokenize", {"tokens": [65]}),
            ("/generate", {"inputs": "x"}),
        ):
            assert plain.post(path, json=body, headers=bearer(keys["patient"])).status_code == 403
            assert plain.post(path, json=body, headers=bearer(keys["doctor"])).status_code == 200


def test_too_many_requests_are_a_429_that_says_when_and_an_emergency_is_answered(
    guarded: Running, keys: dict[str, str]
) -> None:
    assert [asked(guarded, keys["slow"]).status_code for _ in range(2)] == [200, 200]
    refused = asked(guarded, keys["slow"])
    assert refused.status_code == 429 and 0 < int(refused.headers["Retry-After"]) <= 60
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    with guarded.client() as client:
        assert client.get("/v1/models", headers=bearer(keys["slow"])).status_code == 429
    emergency = asked(guarded, keys["slow"], EMERGENCY)
    assert emergency.status_code == 200 and emergency.json()["triage"]["level"] == "emergency"
    assert asked(guarded, keys["patient"]).status_code == 200  # whose limits are its own


def test_tokens_are_counted_also_of_streams_and_a_day_has_so_many(
    guarded: Running, keys: dict[str, str], file: KeyFile
) -> None:
    with guarded.client() as client:
        body = {"question": QUESTION, "stream": True}
        assert "event: done" in client.post("/v1/qa", json=body, headers=bearer(keys["short"])).text
    refused = asked(guarded, keys["short"])
    assert refused.status_code == 429 and "5 tokens per day" in refused.json()["error"]["message"]
    assert 0 < int(refused.headers["Retry-After"]) <= 24 * 60 * 60
    today = time.strftime("%Y-%m-%d")
    guarded.wait_for(lambda: file.used(today).get("short", Usage()).tokens >= len(ANSWER), 20)
    assert file.used(today)["short"].requests == 1
    with KnownKeysOf(file) as restarted:  # a restart forgets nothing
        [short] = [key for key in file.read().values() if key.name == "short"]
        assert asyncio.run(restarted.admit(short)).refused is not None


class KnownKeysOf:
    """The keys of a file until the block ends."""

    def __init__(self, file: KeyFile) -> None:
        self.known = KnownKeys(file)

    def __enter__(self) -> KnownKeys:
        return self.known

    def __exit__(self, *_: object) -> None:
        self.known.close()


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("ask.example.org", 200),
        ("ASK.example.org:8000", 200),
        ("evil.example.org", 400),
        ("127.0.0.1.evil.org", 400),
        ("xinglin:8000", 200),
        ("[::1]:8000", 200),
        ("10.1.2.3", 200),
    ],
)
def test_a_name_that_is_not_the_services_is_refused(guarded: Running, host: str, status: int) -> None:
    with guarded.client() as client:
        response = client.get("/livez", headers={"Host": host})
    assert response.status_code == status
    assert status == 200 or response.json()["error"]["code"] == "unknown_host"


def test_pages_of_other_origins_are_let_in_by_name_alone(
    guarded: Running, keys: dict[str, str], standing: httpx.Client
) -> None:
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    with guarded.client() as client:
        ours = client.options("/v1/qa", headers={"Origin": PORTAL, **asks})
        assert ours.status_code == 200 and ours.headers["Access-Control-Allow-Origin"] == PORTAL
        assert "Access-Control-Allow-Credentials" not in ours.headers
        refused = client.get("/v1/models", headers={"Origin": PORTAL})  # a script may read why
        assert refused.status_code == 401 and refused.headers["Access-Control-Allow-Origin"] == PORTAL
        other = client.options("/v1/qa", headers={"Origin": "https://evil.example.org", **asks})
        assert "Access-Control-Allow-Origin" not in other.headers
    closed = standing.options("/v1/qa", headers={"Origin": PORTAL, **asks})
    assert closed.status_code == 405 and "Access-Control-Allow-Origin" not in closed.headers


def test_keys_come_and_go_while_the_service_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_keys, "SECONDS_BETWEEN_READINGS", 0.05)
    file = KeyFile(tmp_path / "keys.sqlite")
    with serving(FakeEngine(), "general", access=AccessConfig(keys=file.path)) as running:
        assert asked(running, "").status_code == 200  # nobody has a key yet
        secret = made(file, "a", "patient")
        running.wait_for(lambda: asked(running, "").status_code == 401, 20)
        assert asked(running, secret).status_code == 200
        file.revoke("a")
        running.wait_for(lambda: asked(running, secret).status_code == 401, 20)
        for part in tmp_path.iterdir():  # what has been closed does not open by a lost file
            part.unlink()
        time.sleep(0.2)
        assert asked(running, "").status_code == 401


def test_a_key_is_checked_in_far_less_than_a_millisecond(file: KeyFile, keys: dict[str, str]) -> None:
    with KnownKeysOf(file) as known:

        async def admit() -> float:
            started = time.perf_counter()
            for _ in range(1000):
                key = known.find(keys["doctor"])
                assert key is not None
                await known.admit(key)
            return (time.perf_counter() - started) / 1000

        assert asyncio.run(admit()) < 0.0005


def test_keys_are_never_in_the_log(guarded: Running, keys: dict[str, str], logged: list[str]) -> None:
    for key in (keys["patient"], "xl-wrong"):
        asked(guarded, key)
    # a request is logged once its answer has been sent
    guarded.wait_for(lambda: "POST /v1/qa 200" in "".join(logged) and " 401 " in "".join(logged))
    text = "".join(logged)
    assert keys["patient"] not in text and "xl-wrong" not in text and hashed(keys["patient"]) not in text


def config(host: str, file: KeyFile, required: str = "auto") -> AppConfig:
    return AppConfig.model_validate({"model": "m", "host": host, "access": {"keys": file.path, "required": required}})


def test_other_machines_are_served_with_keys_or_where_the_configuration_says_so(
    tmp_path: Path, logged: list[str]
) -> None:
    file = KeyFile(tmp_path / "keys.sqlite")
    for host in ("127.0.0.1", "localhost", "::1"):
        check_access(config(host, file))
    with pytest.raises(UserError, match=r"no API key .*anybody in the network could ask") as refused:
        check_access(config("0.0.0.0", file))
    assert f"python -m app.keys add NAME role=doctor file={file.path}" in str(refused.value)
    with pytest.raises(UserError, match="nobody could ask"):
        check_access(config("127.0.0.1", file, "always"))
    check_access(config("0.0.0.0", file, "never"))
    assert [line for line in logged if "may ask without a key" in line]
    made(file, "a", "patient")
    check_access(config("0.0.0.0", file))
    check_access(config("127.0.0.1", file, "always"))


@pytest.mark.parametrize("access", [{"origins": ["*"]}, {"hosts": ["a b"]}, {"required": "yes"}])
def test_what_would_open_everything_is_refused(access: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AccessConfig.model_validate(access)
