"""The llama.cpp engine beyond the contract of all engines: scores, penalties, loops, its server and its file."""

import signal
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from common.errors import UserError
from data_recipes.schema.example import Message
from models.artifact import FILE_NAME as ARTIFACT_FILE
from models.engines.engine import RepetitionDetection, Sampling
from models.engines.local import load_engine
from models.loops import find_loop
from tests.artifacts import artifact
from tests.models.asking import QUESTIONS, ask

pytest.importorskip("xllamacpp", reason="xllamacpp is not installed (pip install 'xinglin[llamacpp]')")

from models.engines.llamacpp import LlamaCppEngine, _TokenPool, load_llamacpp_engine


@pytest.fixture(scope="module")
def engine(gguf_base: Path) -> LlamaCppEngine:
    return load_llamacpp_engine(gguf_base, weights="f32", slots=2)


def test_scores_are_those_of_the_local_engine(engine: LlamaCppEngine, gguf_base: Path) -> None:
    conversations = [
        [*ask("高血压"), Message(role="assistant", content="头痛、头晕和心悸。")],
        [*ask("偏头痛的常见症状有什么？"), Message(role="assistant", content="头痛、恶心和畏光，可以挂神经内科。")],
    ]
    ours, theirs = load_engine(gguf_base).score(conversations), engine.score(conversations)
    for local, score in zip(ours, theirs, strict=True):
        assert score.tokens == local.tokens
        assert score.logprob == pytest.approx(local.logprob, rel=1e-3)


def test_its_server_can_only_be_reached_by_this_user_and_is_gone_afterwards(gguf_base: Path) -> None:
    handler = signal.getsignal(signal.SIGINT)
    engine = load_llamacpp_engine(gguf_base, weights="f32", slots=1)
    socket = Path(engine.address.removeprefix("unix://"))
    assert socket.is_socket() and socket.parent.stat().st_mode & 0o077 == 0
    assert signal.getsignal(signal.SIGINT) is handler
    del engine
    assert not socket.parent.exists()


def test_the_file_is_written_once_and_again_where_the_model_changes(gguf_base: Path, cache: Path) -> None:
    load_llamacpp_engine(gguf_base, weights="f32", slots=1)
    before = {path.name: path.stat().st_mtime_ns for path in (cache / "gguf").glob("*.gguf")}
    load_llamacpp_engine(gguf_base, weights="f32", slots=1)
    assert {path.name: path.stat().st_mtime_ns for path in (cache / "gguf").glob("*.gguf")} == before


def test_a_damaged_file_is_written_again(gguf_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINGLIN_CACHE", str(tmp_path))
    load_llamacpp_engine(gguf_base, weights="q4_0", slots=1)
    [file] = (tmp_path / "gguf").glob("*.gguf")
    written = file.read_bytes()
    file.write_bytes(written[:-2000] + bytes(1000) + written[-1000:])
    load_llamacpp_engine(gguf_base, weights="q4_0", slots=1)
    assert file.read_bytes() == written


def test_a_result_that_is_no_ordinary_model_is_refused(tmp_path: Path) -> None:
    artifact("prefix").save(tmp_path)
    assert (tmp_path / ARTIFACT_FILE).is_file()
    with pytest.raises(UserError, match="engine=local"):
        load_llamacpp_engine(tmp_path, weights="q8_0", slots=1)


def test_the_pool_lets_a_conversation_wait_until_there_is_room() -> None:
    pool, entered = _TokenPool(10), threading.Event()

    def second() -> None:
        with pool.reserved(5):
            entered.set()

    with pool.reserved(6):
        thread = threading.Thread(target=second)
        thread.start()
        assert not entered.wait(0.2)
    assert entered.wait(5)
    thread.join()


REPEATING = Sampling(max_new_tokens=200, frequency_penalty=-2.0)
"""A reward for every word said before."""


def test_penalties_change_what_is_said(engine: LlamaCppEngine) -> None:
    plain, rewarded = (engine.generate([ask(QUESTIONS[1])], [s])[0].text for s in (Sampling(), REPEATING))
    assert plain != rewarded


def test_an_answer_that_loops_is_ended(engine: LlamaCppEngine) -> None:
    watched = replace(REPEATING, repetition_detection=RepetitionDetection(64, 1, 4))
    (free,), (ended,) = (engine.generate([ask(QUESTIONS[1])], [s]) for s in (REPEATING, watched))
    assert find_loop(free.text) is not None, "a reward for repeating is expected to end in a loop"
    assert ended.finish_reason == "repetition_detected" and free.text.startswith(ended.text)
    assert ended.completion_tokens < free.completion_tokens
