"""Keys: only their hash is kept, a name is used once, and a command makes, lists and revokes them."""

import sqlite3
import stat
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from app.access.command import listed
from app.access.keys import DEFAULT_FILE, SCOPES, ApiKey, KeyFile, NoSuchKey, Usage, command, hashed
from app.keys import HELP, main
from common.command import run_command
from common.errors import UserError


def key(name: str = "ward-3", expires: float | None = None) -> ApiKey:
    return ApiKey(name, "doctor", time.time(), expires)


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "access" / "keys.sqlite")


def test_a_key_is_known_by_its_hash_alone(file: KeyFile) -> None:
    secret = file.add(key())
    assert file.read() == {hashed(secret): file.read()[hashed(secret)]} and len(secret) > 40
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert not [part for part in file.path.parent.iterdir() if secret[3:].encode() in part.read_bytes()]


def test_every_role_may_what_the_one_before_may() -> None:
    assert SCOPES["patient"] < SCOPES["doctor"] < SCOPES["admin"] > SCOPES["monitor"]


def test_a_file_of_the_version_before_takes_keys_of_new_roles_and_keeps_its_own(file: KeyFile) -> None:
    file.add(key())
    before = file.read()
    with closing(sqlite3.connect(file.path)) as database, database:
        [(table,)] = database.execute("SELECT sql FROM sqlite_master WHERE name = 'keys'").fetchall()
        database.execute("ALTER TABLE keys RENAME TO old")
        database.execute(table.replace(", 'monitor'", "", 1))
        database.execute("INSERT INTO keys SELECT * FROM old")
        database.execute("DROP TABLE old")
        database.execute("PRAGMA user_version = 1")
    file.add(ApiKey("prometheus", "monitor", time.time()))
    assert before.items() < file.read().items()
    assert [one.role for one in file.read().values()] == ["doctor", "monitor"]


def test_hints_name_the_file_of_the_keys(file: KeyFile) -> None:
    assert listed(file) == [f"{file.path}: no keys; python -m app.keys add NAME role=doctor file={file.path} makes one"]
    assert command(KeyFile(DEFAULT_FILE), "list") == "python -m app.keys list"
    file.add(key())
    with pytest.raises(NoSuchKey, match=f"keys list file={file.path}"):
        file.revoke("nobody")


def test_a_name_is_used_once_also_after_it_was_revoked(file: KeyFile) -> None:
    file.add(key())
    file.revoke("ward-3")
    with pytest.raises(UserError, match="there is, or was, a key named ward-3"):
        file.add(key())
    [known] = file.read().values()
    assert known.state == "revoked"
    revoked = known.revoked
    file.revoke("ward-3")
    assert [one.revoked for one in file.read().values()] == [revoked]


def test_a_key_expires(file: KeyFile) -> None:
    file.add(key(expires=time.time() - 1))
    assert [one.state for one in file.read().values()] == ["expired"]


def test_what_is_used_adds_up_by_day(file: KeyFile) -> None:
    for _ in range(2):
        file.use({("a", "2026-01-01"): Usage(1, 10), ("a", "2026-01-02"): Usage(1, 5)})
    assert file.used("2026-01-01") == {"a": Usage(2, 20)} and file.used("2026-01-03") == {}


def test_without_a_file_there_are_no_keys_and_none_is_made(file: KeyFile) -> None:
    assert (file.read(), file.used("2026-01-01")) == ({}, {})
    with pytest.raises(UserError, match="no such key: x"):
        file.revoke("x")
    assert not file.path.exists()


def test_what_is_no_file_of_keys_is_refused_by_name(file: KeyFile) -> None:
    file.path.parent.mkdir()
    file.path.write_bytes(b"no database, and longer than a header of SQLite" * 100)
    with pytest.raises(UserError, match=r"keys\.sqlite: the keys cannot be used: file is not a database"):
        file.read()
    file.path.unlink()
    with sqlite3.connect(file.path) as newer:
        newer.execute("PRAGMA user_version = 3")
    with pytest.raises(UserError, match="a file of keys of version 3"):
        file.read()


def test_the_command_adds_lists_and_revokes(file: KeyFile, capsys: pytest.CaptureFixture[str]) -> None:
    words = [f"file={file.path}"]
    main(["add", "ward-3", "role=doctor", "days=90", "requests_per_minute=60", *words])
    secret = capsys.readouterr().out.strip()
    known = file.read()[hashed(secret)]
    assert known.role == "doctor" and known.requests_per_minute == 60
    assert known.expires == pytest.approx(time.time() + 90 * 24 * 60 * 60, abs=60)
    main(words)
    head, row = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["name", "role", "state"] and row.split()[:3] == ["ward-3", "doctor", "valid"]
    assert secret not in row
    main(["revoke", "ward-3", *words])
    assert [one.state for one in file.read().values()] == ["revoked"]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["add", "a"], "role is missing; give one of role=patient"),
        (["revoke", "a", "role=doctor"], "belongs to add"),
        (["add"], "give add NAME"),
        (["add", "a b", "role=doctor"], "name: letters, digits"),
        (["add", "a", "role=nurse"], "role"),
        (["add", "a", "role=doctor", "days=0"], "days"),
        (["remove", "a"], "action"),
        (["revoke", "a"], "no such key: a"),
    ],
)
def test_wrong_words_end_the_command_with_2(
    words: list[str], hint: str, file: KeyFile, monkeypatch: pytest.MonkeyPatch, logged: list[str]
) -> None:
    monkeypatch.setattr("common.logging.start_logging", lambda level: None)
    monkeypatch.setattr(sys, "argv", ["keys", *words, f"file={file.path}"])
    with pytest.raises(SystemExit) as ended:
        run_command(main, HELP)
    assert ended.value.code == 2 and hint in "".join(logged)
    assert not file.path.exists()


@pytest.mark.parametrize("words", [["days=9999999"], ["tokens_per_day=9223372036854775808"]])
def test_limits_that_no_calendar_or_file_holds_are_refused(words: list[str], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words[0].partition("=")[0]):
        main(["add", "ward-3", "role=doctor", *words, f"file={tmp_path / 'keys.sqlite'}"])
    assert not (tmp_path / "keys.sqlite").exists()
