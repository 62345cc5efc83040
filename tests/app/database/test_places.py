"""Where records, keys and a knowledge base are: a path, or a database by its URL, without its password."""

from pathlib import Path

import pytest

from app.access.command import KeysConfig
from app.audit.command import AuditConfig
from app.audit.places import chain_at
from app.config import AppConfig, AudienceConfig
from app.database.command import PublishConfig, publish_folder
from app.database.place import PostgresUrl
from common.command import read_config
from common.errors import UserError

URL = "postgresql://xinglin@db:5432/xinglin"


def test_records_and_keys_take_a_path_or_a_url() -> None:
    words = [f"audience.records.folder={URL}?sslmode=require", "access.keys=a/keys.sqlite", "model=m"]
    [config] = read_config("app", words, AppConfig)
    assert config.audience.records.folder == PostgresUrl(f"{URL}?sslmode=require")
    assert isinstance(config.audience.records.folder, PostgresUrl) and config.access.keys == Path("a/keys.sqlite")
    [keys] = read_config("keys", ["list", f"file={URL}"], KeysConfig)
    [audit] = read_config("audit", ["verify", f"{URL}?sslmode=require"], AuditConfig)
    assert isinstance(keys.file, PostgresUrl) and audit.folder == f"{URL}?sslmode=require"


def test_a_knowledge_base_is_a_folder_or_is_published_in_a_database() -> None:
    paths = [
        read_config("app", ["model=m", f"knowledge.path={path}"], AppConfig)[0].knowledge.path
        for path in ("handbook", URL, "null")
    ]
    assert paths == [Path("handbook"), PostgresUrl(URL), None] and isinstance(paths[1], PostgresUrl)
    [config] = read_config("knowledge", ["handbook", f"to={URL}", "domain=hospital"], PublishConfig)
    assert (config.folder, config.to, config.domain) == (Path("handbook"), PostgresUrl(URL), "hospital")
    with pytest.raises(UserError, match="give a database"):
        read_config("knowledge", ["handbook", "to=elsewhere"], PublishConfig)


def test_a_damaged_folder_is_not_published(tmp_path: Path) -> None:
    (tmp_path / "空.md").write_text("\n", encoding="utf-8")
    with pytest.raises(UserError, match="no file of this folder has text"):
        publish_folder(PublishConfig(folder=tmp_path, to=PostgresUrl(URL)))


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("postgresql://xinglin:secret@db/xinglin", "a password on the command line"),
        ("postgresql://db/xinglin?password=secret", "a password on the command line"),
        ("postgresql://xinglin@db", "the database is missing"),
        ("", "give a path"),
    ],
)
def test_a_url_with_a_password_or_without_a_database_is_refused(url: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint) as refused:
        AudienceConfig.model_validate({"records": {"folder": url}})
    assert "secret" not in str(refused.value).split("[type=")[0]


def test_without_its_libraries_a_url_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "app.database.database", None)
    with pytest.raises(UserError, match=r"xinglin\[postgres\]"):
        chain_at(PostgresUrl(URL))


def test_a_database_that_is_not_there_is_told_by_its_url() -> None:
    pytest.importorskip("sqlalchemy", reason="pip install 'xinglin[postgres]'")
    with pytest.raises(UserError, match="the database cannot be used") as failed:
        chain_at(PostgresUrl("postgresql://xinglin@127.0.0.1:1/xinglin")).end()
    assert failed.value.where == "postgresql://xinglin@127.0.0.1:1/xinglin"
