"""Records, keys and knowledge in a real PostgreSQL: one chain of many writers, whole after a kill or a full disk."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from app.access.keys import ApiKey, KeyStore, NameTaken, NoSuchKey, Usage, keys_at
from app.access.known_keys import KnownKeys
from app.audit.chain import AuditChain
from app.audit.command import AuditConfig, audit
from app.audit.file_chain import FileChain
from app.audit.places import chain_at
from app.audit.retention import check, delete_texts, prune
from app.audit.search import RecordSearch
from app.config import AccessConfig, AudienceConfig, RecordsConfig
from app.database.command import PublishConfig, publish_folder
from app.database.place import PostgresUrl, database_at
from app.served import folder_at
from common.errors import Refused, UserError
from domains.documents.knowledge_base import KNOWLEDGE as DOCUMENTS
from domains.knowledge_base import KnowledgeBase
from tests.app.fake_engine import FakeEngine
from tests.app.postgres import postgres
from tests.app.serving import serving
from tests.domains.documents.writing import write_documents

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[3]
WRITER = """
import sys
from app.audit.places import chain_at
from app.database.place import PostgresUrl

chain = chain_at(PostgresUrl(sys.argv[1]))
while True:
    chain.append("answer", {"request_id": "r"}, {"question": "问" * 20_000})
    print("written", flush=True)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresUrl]:
    with postgres() as url:
        yield url


@pytest.fixture
def url(server: PostgresUrl) -> Iterator[PostgresUrl]:
    """The server's database, empty again."""
    yield server
    run(server, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    database_at(server)._is_prepared = False


@pytest.fixture
def chain(url: PostgresUrl) -> AuditChain:
    return chain_at(url)


@pytest.fixture
def keys(url: PostgresUrl) -> KeyStore:
    return keys_at(url)


def run(url: PostgresUrl, *statements: str) -> None:
    """Somebody else's statements."""
    from sqlalchemy import create_engine, make_url

    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def fill(chain: AuditChain, number: int = 4) -> None:
    for at in range(number):
        chain.append("answer", {"request_id": f"r-{at}", "key": "app"}, {"question": f"问题{at}\0"})


def number_of(chain: AuditChain) -> int:
    with chain.locked() as held:
        return check(held).records


def test_records_follow_each_other_and_are_found(chain: AuditChain) -> None:
    fill(chain)
    chain.append("feedback", {"feedback_id": "f-1", "about": "r-2", "triage": {"level": "urgent"}}, {"text": "更正"})
    assert number_of(chain) == 5 and chain.end().number == 5
    with chain.locked() as held:
        searches: list[dict[str, Any]] = [{"id": "r-2"}, {"key": "app", "limit": 2}, {"kind": "feedback"}]
        found = [[one["number"] for one in held.search(RecordSearch(**words))] for words in searches]
        assert found == [[5, 3], [4, 3], [5]]
        assert [one.record["number"] for one in held.newest_records(1) if one.record] == [5]
        assert len(held.newest_records(2**20)) == 5


@pytest.mark.parametrize(
    ("change", "row", "problem"),
    [
        ("UPDATE audit_records SET record = replace(record::text, 'r-1', 'r-9')::json", 2, "its content was changed"),
        ("UPDATE audit_records SET said = '{}' WHERE number = 2", 2, "its text was changed"),
        ("UPDATE audit_records SET said = NULL WHERE number = 2", 2, "its text is missing"),
        ("DELETE FROM audit_records WHERE number = 2", 3, "it does not follow record 1"),
        ("DELETE FROM audit_records WHERE number = 1", 2, "what was before it is missing"),
        ("UPDATE audit_records SET record = '{}' WHERE number = 2", 2, "this is no record"),
    ],
)
def test_what_is_changed_later_shows_by_its_row(
    chain: AuditChain, url: PostgresUrl, change: str, row: int, problem: str
) -> None:
    fill(chain)
    run(url, change)
    with pytest.raises(Refused, match=f"row {row} of audit_records: {problem}"):
        audit(AuditConfig(folder=url))


def test_many_writers_make_one_chain(chain: AuditChain) -> None:
    with ThreadPoolExecutor(8) as writers:
        list(writers.map(lambda _: fill(chain, 10), range(8)))
    assert number_of(chain) == 80


def test_a_process_killed_while_it_writes_leaves_a_chain_that_verifies(chain: AuditChain, url: PostgresUrl) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, url],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    told = 0
    for writer in writers:
        assert writer.stdout is not None and writer.stdout.readline()
    time.sleep(0.3)
    for writer in writers:
        writer.send_signal(signal.SIGKILL)
        assert writer.stdout is not None
        told += 1 + len(writer.stdout.read().splitlines())
        writer.wait()
    chain.append("answer", {"request_id": "after"})
    assert number_of(chain) >= told + 1  # what was said to be written is there


def test_a_locked_and_a_full_database_are_told_and_nothing_is_half_written(
    chain: AuditChain, url: PostgresUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(chain, 1)
    run(
        url,
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$",
        "CREATE TRIGGER full_disk BEFORE INSERT ON audit_records EXECUTE FUNCTION full_disk()",
    )
    with pytest.raises(UserError, match="could not extend file: No space left on device") as full:
        chain.append("answer", {"request_id": "r-1"}, {"question": "私密"})
    assert "私密" not in str(full.value)
    run(url, "DROP TRIGGER full_disk ON audit_records")
    with database_at(url).transaction() as other:
        other.exec_driver_sql("LOCK TABLE audit_records IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(UserError, match="lock timeout"):
            chain.append("answer", {"request_id": "r-1"})
    chain.append("answer", {"request_id": "r-1"})
    assert number_of(chain) == 2


def test_records_that_could_not_be_written_are_written_later(
    chain: AuditChain, url: PostgresUrl, knowledge: KnowledgeBase, monkeypatch: pytest.MonkeyPatch, logged: list[str]
) -> None:
    monkeypatch.setattr("app.audit.records.PAUSES", (0.2,))
    audience = AudienceConfig(records=RecordsConfig(folder=url))
    with (
        serving(FakeEngine(), "medical", knowledge, audience=audience, access=AccessConfig(keys=url)) as running,
        running.client() as client,
    ):
        run(url, "ALTER TABLE audit_records RENAME TO away")
        answered = client.post("/v1/qa", json={"question": "高血压有哪些症状？"})
        assert answered.status_code == 200
        refused = client.post("/v1/feedback", json={"kind": "complaint", "text": "回答错了"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "not_recorded")
        running.wait_for(lambda: any("not delivered" in line for line in logged))
        run(url, "ALTER TABLE away RENAME TO audit_records")
        running.wait_for(lambda: chain.end().number == 1)
    assert answered.json()["request_id"] in str(records(chain)) and not [line for line in logged if "高血压" in line]


def records(chain: AuditChain) -> list[Any]:
    with chain.locked() as held:
        return [one.record for one in held.records()]


def test_old_records_are_pruned_with_an_anchor_and_texts_deleted(chain: AuditChain, url: PostgresUrl) -> None:
    fill(chain)
    assert prune(chain, 180) == [] and delete_texts(chain, "r-2") == 1
    assert "问题2" not in str(records(chain)) and number_of(chain) == 5
    tomorrow = prune(chain, -1)  # as if all of it were old: the newest record stays
    assert len(tomorrow) == 1 and [one["number"] for one in records(chain)] == [5, 6]
    assert number_of(chain) == 2
    run(url, "DELETE FROM audit_records WHERE number = 5")
    with pytest.raises(Refused, match="what was before it is missing"):
        number_of(chain)


def test_a_chain_is_exported_as_files_that_verify(chain: AuditChain, url: PostgresUrl, tmp_path: Path) -> None:
    fill(chain)
    audit(AuditConfig(action="export", folder=url, out=tmp_path / "out"))
    copy = FileChain(tmp_path / "out")
    assert check(copy).end == chain.end()
    [file] = copy.files()
    assert json.loads(file.read_text("utf-8").splitlines()[1])["text"]["question"].startswith("问题1")
    with pytest.raises(UserError, match="there is something in the folder"):
        audit(AuditConfig(action="export", folder=url, out=tmp_path / "out"))


def test_keys_are_made_used_and_revoked_by_several_replicas(keys: KeyStore) -> None:
    secret = keys.add(ApiKey("ward-3", "doctor", time.time(), tokens_per_day=1000))
    with pytest.raises(NameTaken):
        keys.add(ApiKey("ward-3", "patient", time.time()))
    replicas = [KnownKeys(keys), KnownKeys(keys)]
    for replica in replicas:
        found = replica.find(secret)
        assert found is not None and found.role == "doctor"
        asyncio.run(replica.admit(found)).count(100)
    for replica in replicas:
        replica.close()
    [today] = {Usage(2, 200)} & set(keys.used(time.strftime("%Y-%m-%d")).values())
    assert today.tokens == 200
    keys.revoke("ward-3")
    with pytest.raises(NoSuchKey, match="available: ward-3"):
        keys.revoke("ward-4")
    assert [key.state for key in keys.read().values()] == ["revoked"]


def test_replicas_that_start_at_once_make_the_tables_once(url: PostgresUrl) -> None:
    from app.database.database import Database

    with ThreadPoolExecutor(6) as replicas:
        assert list(replicas.map(lambda _: keys_of(Database(url)), range(6))) == [{}] * 6


def keys_of(database: Any) -> dict[str, ApiKey]:
    from app.access.database_keys import DatabaseKeys

    return DatabaseKeys(database).read()


def test_a_database_of_a_newer_version_is_refused(keys: KeyStore, url: PostgresUrl) -> None:
    assert keys.read() == {}
    run(url, "UPDATE alembic_version SET version_num = '99'")
    database_at(url)._is_prepared = False
    with pytest.raises(UserError, match="a database of version 99"):
        keys.read()


def test_the_tables_of_the_code_are_those_of_the_migrations(keys: KeyStore, url: PostgresUrl) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from app.database.tables import METADATA

    keys.read()
    with database_at(url).transaction() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), METADATA)
    assert [one for one in differences if one[0] != "remove_index"] == []


def published(url: PostgresUrl, folder: Path) -> Path:
    publish_folder(PublishConfig(folder=folder, to=url))
    fetched = folder_at(url)
    assert fetched is not None
    return fetched


def test_what_is_published_is_read_as_the_folder_is(
    url: PostgresUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XINGLIN_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "folder"
    folder.mkdir()
    write_documents(folder)
    (folder / ".git").mkdir()
    (folder / ".git/config").write_text("secret", encoding="utf-8")
    fetched = published(url, folder)
    assert DOCUMENTS.load(fetched).sha256 == DOCUMENTS.load(folder).sha256
    assert [entry.title for entry in DOCUMENTS.load(fetched).entries] == [
        entry.title for entry in DOCUMENTS.load(folder).entries
    ]
    assert not (fetched / ".git").exists()
    (folder / "住院.docx").unlink()
    assert published(url, folder) != fetched and not (folder_at(url) or folder).joinpath("住院.docx").exists()


def test_what_was_changed_in_the_cache_is_fetched_again(
    url: PostgresUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XINGLIN_CACHE", str(tmp_path / "cache"))
    with pytest.raises(UserError, match="no knowledge base is published"):
        folder_at(url)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "停车.md").write_text("# 停车\n\n前三十分钟免费。\n", encoding="utf-8")
    fetched = published(url, folder)
    (fetched / "停车.md").write_text("# 停车\n\n一律收费。\n", encoding="utf-8")
    assert folder_at(url) == fetched and "免费" in (fetched / "停车.md").read_text(encoding="utf-8")
    run(url, "UPDATE knowledge_files SET path = '../../elsewhere.md'")
    with pytest.raises(UserError, match="outside of its folder"):
        folder_at(url)
    assert not (tmp_path / "elsewhere.md").exists()
