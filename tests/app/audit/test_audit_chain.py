"""A chain of records: what is changed later shows by file and line; a kill, a full disk and deletion leave it whole."""

import json
import os
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from app.audit import verification
from app.audit.chain import ChainEnd
from app.audit.command import AuditConfig, audit
from app.audit.file_chain import FileChain
from app.audit.records import AuditRecords
from app.audit.retention import check, delete_texts, prune
from app.audit.verification import breaks_at_the_end, verified
from app.config import RecordsConfig
from common.errors import Refused, UserError

ROOT = Path(__file__).resolve().parents[3]
WRITER = """
import sys
from pathlib import Path
from app.audit.file_chain import FileChain

chain = FileChain(Path(sys.argv[1]))
while True:
    chain.append("answer", {"request_id": "r"}, {"question": "问" * 20_000})
    print("written", flush=True)
"""


@pytest.fixture
def chain(tmp_path: Path) -> FileChain:
    return FileChain(tmp_path)


def fill(chain: FileChain, number: int = 4) -> list[str]:
    """Records with texts; the lines of their one file."""
    for at in range(number):
        chain.append("answer", {"request_id": f"r-{at}"}, {"question": f"问题{at}"})
    return lines(chain)


def lines(chain: FileChain) -> list[str]:
    [file] = chain.files()
    return file.read_text("utf-8").splitlines(keepends=True)


def put(chain: FileChain, written: list[str]) -> None:
    [file] = chain.files()
    file.write_text("".join(written), "utf-8")


def on_days(chain: FileChain, *days: str) -> None:
    """A chain with two records per day."""
    for day in days:
        for _ in range(2):
            chain.append("answer", {"request_id": day})
        newest = chain.files()[-1]
        newest.rename(newest.with_name(f"audit-{day}.jsonl"))


def test_records_follow_each_other_and_only_their_owner_reads_them(chain: FileChain) -> None:
    first, second = (json.loads(line) for line in fill(chain, 2))
    assert (first["number"], second["number"], second["previous"]) == (1, 2, first["sha256"])
    assert stat.S_IMODE(chain.files()[0].stat().st_mode) == 0o600
    found = verified(chain)
    assert (found.records, found.breaks, found.end) == (
        2,
        [],
        ChainEnd(2, second["sha256"]),
    ) and found.end == chain.end()


def without_text(line: str) -> str:
    return json.dumps({name: value for name, value in json.loads(line).items() if name != "text"}) + "\n"


def changed(old: str, new: str) -> Callable[[list[str]], list[str]]:
    return lambda written: [line.replace(old, new) for line in written]


@pytest.mark.parametrize(
    ("change", "line", "problem"),
    [
        (changed("r-1", "r-9"), 2, "its content was changed"),
        (changed("问题1", "问题9"), 2, "its text was changed"),
        (lambda written: [written[0], *written[2:]], 2, "it does not follow record 1"),
        (lambda written: [written[0], written[0], *written[1:]], 2, "it does not follow record 1"),
        (lambda written: [written[1], written[0], *written[2:]], 2, "it does not follow record 2"),
        (lambda written: written[1:], 1, "what was before it is missing"),
        (lambda written: [written[0], "{}\n", *written[1:]], 2, "this is no record"),
        (lambda written: [written[0], without_text(written[1]), *written[2:]], 2, "its text is missing"),
    ],
)
def test_what_is_changed_later_shows_by_file_and_line(
    chain: FileChain, change: Callable[[list[str]], list[str]], line: int, problem: str
) -> None:
    put(chain, change(fill(chain)))
    [where] = chain.files()
    with pytest.raises(Refused, match=f"{where}:{line}: {problem}"):
        audit(AuditConfig(folder=chain.folder))


def test_a_line_that_was_cut_off_is_told_and_dropped(chain: FileChain, logged: list[str]) -> None:
    written = fill(chain)
    put(chain, [*written[:3], written[3][:40]])
    found = verified(chain)
    assert found.breaks == [] and "cut off" in found.notes[0]
    assert chain.end().number == 3 and lines(chain) == written[:3]
    assert [line for line in logged if "cut off while it was written" in line]
    chain.append("answer", {"request_id": "next"})
    assert verified(chain).notes == [] and check(chain).records == 4
    put(chain, [written[0][:40]])  # of the very first record
    chain.append("answer", {"request_id": "again"})
    assert check(chain).records == 1


def test_a_newest_line_that_is_no_record_is_refused_by_file(chain: FileChain) -> None:
    put(chain, [*fill(chain), "{}\n"])
    with pytest.raises(UserError, match=r"audit-.*jsonl: the newest line is no record"):
        chain.append("answer", {})


def test_a_process_killed_while_it_writes_leaves_a_chain_that_verifies(chain: FileChain) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for _ in range(2):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(chain.folder)], env=environment, stdout=subprocess.PIPE
        )
        assert writer.stdout is not None and writer.stdout.readline()
        time.sleep(0.05)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        chain.append("answer", {"request_id": "after"})
    assert check(chain).records >= 4


def test_threads_and_processes_append_to_one_chain(chain: FileChain) -> None:
    writers = [Thread(target=fill, args=(FileChain(chain.folder), 10)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert check(chain).records == 40


def test_a_full_disk_is_an_error_and_leaves_the_chain_as_it_was(chain: FileChain) -> None:
    chain.append("answer", {}, {"question": "问" * 200_000})
    before = lines(chain)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (chain.files()[0].stat().st_size + 100, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            chain.append("answer", {}, {"question": "问" * 1000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert lines(chain) == before
    chain.append("answer", {})
    assert check(chain).records == 2


def test_old_files_are_pruned_with_an_anchor_and_again_later(chain: FileChain, tmp_path: Path) -> None:
    on_days(chain, "2020-01-01", "2020-01-02", "2020-01-03")
    assert prune(chain, 10_000) == []
    chain.append("answer", {"request_id": "today"})
    assert prune(chain, 180) == ["audit-2020-01-01.jsonl", "audit-2020-01-02.jsonl", "audit-2020-01-03.jsonl"]
    found = check(chain)
    assert (found.records, found.end.number) == (2, 8) and len(chain.files()) == 1
    put(chain, lines(chain)[1:])  # the first record left is gone, too, and no anchor says so
    with pytest.raises(Refused, match="what was before it is missing"):
        check(chain)


def test_pruning_that_is_killed_leaves_a_chain_that_verifies(chain: FileChain) -> None:
    on_days(chain, "2020-01-01", "2020-01-02", "2020-01-03")
    chain.append("answer", {"request_id": "today"})
    kept = chain.folder / "audit-2020-01-03.jsonl"
    content = kept.read_bytes()
    prune(chain, 180)
    kept.write_bytes(content)  # as if the process had ended before
    assert check(chain).records == 4
    assert prune(chain, 180) == [kept.name] and check(chain).records == 3


def test_a_broken_chain_is_not_pruned(chain: FileChain) -> None:
    on_days(chain, "2020-01-01", "2020-01-02")
    old = chain.files()[0]
    old.write_text(old.read_text().replace('"number": 1', '"number": 7'))
    with pytest.raises(Refused, match=r"audit-2020-01-01\.jsonl:1: its content was changed"):
        prune(chain, 180)
    assert old.exists()


def test_texts_are_deleted_by_the_id_of_an_answer_and_the_chain_verifies(chain: FileChain) -> None:
    fill(chain)
    chain.append("feedback", {"feedback_id": "f-1", "about": "r-2"}, {"text": "更正2"})
    assert delete_texts(chain, "r-2") == 2
    text = "".join(lines(chain))
    assert "问题2" not in text and "更正2" not in text and "问题1" in text
    assert json.loads(lines(chain)[-1])["records"] == [3, 5]
    assert check(chain).records == 6 and delete_texts(chain, "r-2") == 0
    assert stat.S_IMODE(chain.files()[0].stat().st_mode) == 0o600
    with pytest.raises(UserError, match="no record has the id r-9"):
        delete_texts(chain, "r-9")


def test_the_clock_may_be_set_back(chain: FileChain) -> None:
    chain.append("answer", {})
    newest = chain.files()[0]
    newest.rename(newest.with_name("audit-2099-01-01.jsonl"))
    chain.append("answer", {})
    assert len(chain.files()) == 1 and check(chain).records == 2


@pytest.mark.parametrize(
    ("action", "more", "hint"),
    [("prune", {}, "prune needs days=N"), ("verify", {"id": "x"}, "delete needs id=")],
)
def test_wrong_words_are_refused(tmp_path: Path, action: str, more: dict[str, str], hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        AuditConfig.model_validate({"action": action, "folder": tmp_path, **more})


def test_the_command_verifies_prunes_and_deletes(chain: FileChain, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="there are no records here"):
        audit(AuditConfig(folder=chain.folder))
    with pytest.raises(UserError, match="no such folder"):
        audit(AuditConfig(folder=chain.folder / "none"))
    fill(chain)
    audit(AuditConfig(folder=chain.folder))
    assert f"4 条记录 records, 最后一条 the newest is 4 {chain.end().sha256}" in capsys.readouterr().out
    audit(AuditConfig(action="delete", folder=chain.folder, id="r-0"))
    audit(AuditConfig(action="prune", folder=chain.folder, days=180))
    assert "the texts of 1 record(s)" in capsys.readouterr().out


@pytest.mark.parametrize(
    "change",
    [{"number": None}, {"number": "2"}, {"sha256": 3}, {"previous": None}, {"records": 3}, {"files": []}],
    ids=str,
)
def test_what_has_not_the_shape_of_a_record_is_named_and_ends_nothing(
    chain: FileChain, change: dict[str, object]
) -> None:
    written = fill(chain)
    written[1] = json.dumps(json.loads(written[1]) | change, ensure_ascii=False) + "\n"
    put(chain, written)
    found = [str(broken) for broken in verified(chain).breaks]
    assert any(":2: this is no record" in one for one in found) and any(":3: " in one for one in found)


@pytest.mark.parametrize(("number", "sha256"), [("4", "0"), (True, "0"), (4, 0)])
def test_nothing_is_appended_to_what_only_looks_like_a_record(chain: FileChain, number: object, sha256: object) -> None:
    put(chain, [*fill(chain), json.dumps({"number": number, "sha256": sha256}) + "\n"])
    with pytest.raises(UserError, match="the newest line is no record"):
        chain.append("answer", {})


def test_breaks_among_the_newest_records_are_found_at_once_across_files(chain: FileChain) -> None:
    on_days(chain, "2026-01-01", "2026-01-02", "2026-01-03")
    assert breaks_at_the_end(chain) == []
    newest, before = chain.files()[-1], chain.files()[-2]
    kept = before.read_text("utf-8").splitlines(keepends=True)
    before.write_text(kept[0], "utf-8")
    [lost] = breaks_at_the_end(chain)
    assert str(newest) in lost.where and "does not follow" in lost.problem
    before.write_text("".join(kept).replace('"record": "answer"', '"record": "other"', 1), "utf-8")
    assert [one.problem for one in breaks_at_the_end(chain)] == ["its content was changed"]


def test_only_the_newest_records_are_read(chain: FileChain, monkeypatch: pytest.MonkeyPatch) -> None:
    written = fill(chain, 6)
    monkeypatch.setattr(verification, "NEWEST_BYTES", len(written[-1].encode()))
    put(chain, [*written[:4], *(line.replace("answer", "other", 1) for line in written[4:])])
    assert len(breaks_at_the_end(chain)) == 1 + 1  # the last whole record, and the one that it begins in
    monkeypatch.setattr(verification, "NEWEST_BYTES", 2**20)
    put(chain, [written[0].replace("answer", "other", 1), *written[1:]])
    assert [one.where.rpartition(" ")[2] for one in breaks_at_the_end(chain)] == ["1"]


def test_a_service_that_starts_on_a_broken_chain_says_so_and_goes_on(chain: FileChain, logged: list[str]) -> None:
    written = fill(chain)
    put(chain, [written[0], written[2].replace("r-2", "r-9", 1), written[3]])
    records = AuditRecords(chain.folder, RecordsConfig(folder=chain.folder))
    records.close()
    text = "".join(line for line in logged if "ERROR" in line)
    assert "THE CHAIN OF RECORDS IS BROKEN" in text and "record 3: its content was changed" in text
    assert f"python -m app.audit verify {chain.folder}" in text
    assert chain.append("answer", {}).number == 5
