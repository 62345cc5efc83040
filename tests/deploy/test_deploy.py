"""What is deployed fits the service: variables, commands, limits and paths; further where the tools are installed."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import grimp
import pytest
import yaml

from app.api.errors import ErrorBody
from app.config import AppConfig, ServeConfig
from app.database.place import PostgresUrl
from common.command import read_config

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
NGINX = (DEPLOY / "nginx" / "xinglin.conf").read_text(encoding="utf-8")
UNIT = (DEPLOY / "systemd" / "xinglin.service").read_text(encoding="utf-8")
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
VARIABLE = re.compile(r"\$\{(\w+)\}")
DRAIN_SECONDS = 180


def variables() -> dict[str, str]:
    lines = (DEPLOY / ".env.example").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def services() -> dict[str, dict[str, Any]]:
    """The services of compose.yaml with the example's variables."""
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    composed: dict[str, dict[str, Any]] = yaml.safe_load(VARIABLE.sub(lambda v: variables()[v[1]], text))["services"]
    return composed


def config_of(words: list[str]) -> AppConfig:
    [config] = read_config("app", words, AppConfig)
    return config


@cache
def own_services() -> dict[str, AppConfig]:
    """What the containers of this project are started with."""
    own = {name: one for name, one in services().items() if "build" in one}
    return {name: config_of(shlex.split(one["command"])) for name, one in own.items()}


def test_every_variable_is_used_and_explained() -> None:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    assert set(VARIABLE.findall(text)) == set(variables())
    assert "$" not in VARIABLE.sub("", text), "each variable is written ${NAME}, so that this test sees it"
    for page in ("README.md", "README.zh-CN.md"):
        explained = (DEPLOY / page).read_text(encoding="utf-8")
        assert not [name for name in variables() if name not in explained], page


def test_containers_are_started_with_keys_that_the_service_has() -> None:
    started = own_services()
    assert {name: config.engine for name, config in started.items()} == {
        "cpu": "local",
        "gpu": "openai",
        "tgi-service": "tgi",
    }
    for config in started.values():
        assert config.host == "0.0.0.0" and config.port == 8000
        assert config.serve.content_producer == variables()["XINGLIN_PRODUCER"]
        assert config.audience.records.folder == Path("/state/records")


@pytest.mark.parametrize(("name", "server", "places"), [
    ("gpu", "vllm", "--max-num-seqs"),
    ("tgi-service", "tgi", "--max-concurrent-requests"),
])  # fmt: skip
def test_a_server_is_where_the_service_asks_and_has_as_many_places(name: str, server: str, places: str) -> None:
    started, there = own_services()[name], services()[server]
    words = shlex.split(there["command"])
    assert started.upstream.root == f"http://{server}:{words[words.index('--port') + 1]}"
    assert int(words[words.index(places) + 1]) == started.serve.max_batch
    assert there["networks"] == ["back"] and "back" in services()[name]["networks"]
    assert there["profiles"] == services()[name]["profiles"]


def test_a_database_is_where_the_variables_say_and_only_the_service_reaches_it() -> None:
    one, text = services()["postgres"], (DEPLOY / ".env.example").read_text(encoding="utf-8")
    assert one["profiles"] == ["postgres"] and one["networks"] == ["back"]
    [url] = re.findall(r"^# (postgresql://\S+)$", text, re.MULTILINE)
    user, database = one["environment"]["POSTGRES_USER"], one["environment"]["POSTGRES_DB"]
    assert url == f"postgresql://{user}@postgres/{database}"
    for name in own_services():
        assert "back" in services()[name]["networks"]
        assert services()[name]["environment"]["PGPASSWORD"] == one["environment"]["POSTGRES_PASSWORD"]
    config = config_of(["model=m", f"audience.records.folder={url}", f"access.keys={url}"])
    assert config.access.keys == config.audience.records.folder == PostgresUrl(url)


def test_counters_are_where_the_example_says() -> None:
    one, text = services()["redis"], (DEPLOY / ".env.example").read_text(encoding="utf-8")
    assert one["profiles"] == ["redis"] and one["networks"] == ["back"]
    [words] = re.findall(r"access\.rates\.url=(\S+)$", text, re.MULTILINE)
    assert config_of(["model=m", f"access.rates.url={words}"]).access.rates.url == "redis://redis:6379/0"


def test_containers_are_confined_pinned_and_have_time_to_stop() -> None:
    for name, one in services().items():
        assert ":" in one["image"] and "latest" not in one["image"], name
        assert one["security_opt"] == ["no-new-privileges:true"] and one["stop_grace_period"] == "3m"
        assert "ports" not in one or one["ports"] == ["127.0.0.1:8000:8000"]
        if "build" in one:
            assert one["read_only"] and one["cap_drop"] == ["ALL"] and one["mem_limit"]


def test_the_image_has_all_that_the_service_imports() -> None:
    graph = grimp.build_graph(
        "app",
        "common",
        "data_recipes",
        "domains",
        "eval",
        "models",
        "strategies",
        "training",
        exclude_type_checking_imports=True,
    )
    needed = {module.split(".")[0] for module in graph.find_upstream_modules("app", as_package=True)} | {"app"}
    copied = dict(re.findall(r"^COPY (\w+) (\w+)$", DOCKERFILE, re.MULTILINE))
    assert set(copied) == set(copied.values()) == needed | {"configs"}
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    assert ignored[-1] == "**/__pycache__"
    allowed = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert allowed == set(copied) | {"pyproject.toml", "constraints.txt", "README.md"}


def test_the_image_runs_the_service_as_nobody_in_particular() -> None:
    [command] = re.findall(r"^CMD \[(.*)\]$", DOCKERFILE, re.MULTILINE)
    config = config_of(shlex.split(command.replace(",", " ")))
    assert (config.model, config.host) == ("/models/current", "0.0.0.0")
    assert "USER 10001" in DOCKERFILE and "'GET', '/livez'" in DOCKERFILE
    assert not re.findall(r"^FROM (?!scratch|\$\{|libraries|service)", DOCKERFILE, re.MULTILINE)


def setting(name: str, text: str = UNIT) -> str:
    [value] = re.findall(rf"^{name}=(.*)$", text, re.MULTILINE)
    return str(value)


def test_the_unit_starts_the_service_and_lets_it_finish() -> None:
    python, *module, model = shlex.split(setting("ExecStart").replace("$OPTIONS", ""))[:4]
    words = shlex.split(setting("ExecStart").replace("$OPTIONS", ""))[3:]
    config = config_of(words)
    assert module == ["-m", "app"] and model == "model=/srv/xinglin/models/current"
    assert python.startswith(setting("WorkingDirectory"))
    assert config.audience.records.folder == Path("/var/lib") / setting("StateDirectory") / "records"
    assert setting("TimeoutStopSec") == "3min" and setting("SuccessExitStatus") == "143"
    assert setting("RestartPreventExitStatus") == "2"


def test_the_proxy_has_the_services_limits_and_passes_events_on() -> None:
    [size] = re.findall(r"client_max_body_size (\d+);", NGINX)
    assert int(size) == ServeConfig().max_body_bytes
    assert "proxy_buffering off;" in NGINX and "$request_uri" not in NGINX and "$query" not in NGINX
    [kept] = re.findall(r"keepalive_timeout (\d+)s;", NGINX)
    assert int(kept) < 5  # uvicorn's


def test_the_proxys_own_errors_have_the_services_shape() -> None:
    bodies = re.findall(r"return \d+ '(.*)';", NGINX)
    assert len(bodies) == 3
    for body in bodies:
        ErrorBody.model_validate_json(body)


def tool(name: str) -> str:
    if (found := shutil.which(name)) is None:
        pytest.skip(f"{name} is not installed")
    return found


def checked(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "xinglin.service"
    unit.write_text(UNIT.replace("/opt/xinglin/current/.venv/bin/python", "/bin/true"), encoding="utf-8")
    checked(tool("systemd-analyze"), "verify", "--man=no", str(unit))


@pytest.fixture
def nginx_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with the configuration and a certificate of its own."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    names = ["-keyout", str(key), "-out", str(certificate), "-subj", "/CN=qa.example.org"]
    subprocess.run([tool("openssl"), "req", "-x509", "-newkey", "ed25519", "-nodes", *names], check=True)
    text = NGINX.replace("/etc/xinglin/tls", str(tmp_path)).replace("/var/log/nginx", str(tmp_path))
    (tmp_path / "xinglin.conf").write_text(text.replace("443 ssl", "8443 ssl"), encoding="utf-8")
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid; events {{}} http {{ include {tmp_path}/xinglin.conf; }}", encoding="utf-8"
    )
    yield tmp_path


def test_nginx_takes_the_example(nginx_folder: Path) -> None:
    checked(tool("nginx"), "-t", "-q", "-p", str(nginx_folder), "-c", str(nginx_folder / "nginx.conf"))


def test_hadolint_finds_nothing() -> None:
    checked(tool("hadolint"), str(DEPLOY / "Dockerfile"))
