"""The llama.cpp engine beyond the contract of all engines: scores, penalties, loops, its server and its file."""

import signal
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model

from common.errors import UserError
from data_recipes.schema.example import Message
from models.artifact import FILE_NAME as ARTIFACT_FILE
from models.engines.engine import Choice, RepetitionDetection, Sampling
from models.engines.local import load_engine
from models.loading import hash_model, load_model, load_prompt_format
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


def test_options_have_the_probabilities_of_the_local_engine(engine: LlamaCppEngine, gguf_base: Path) -> None:
    context = engine.encode("高血压的常见症状：", beginning=True)
    asked = [Choice(context, [engine.encode(text, beginning=False) for text in (" A", "头痛", "。")])]
    [exact], [found] = load_engine(gguf_base).score_choices(asked), engine.score_choices(asked)
    assert found == pytest.approx(exact, rel=1e-3)


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


@pytest.fixture(params=[None, "nf4"])
def adapter(gguf_base: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A LoRA adapter with an effect, not merged, on the plain and on the quantised base; ranks differ."""
    torch.manual_seed(5)
    config = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "k_proj", "down_proj"], rank_pattern={"k_proj": 6})
    model = get_peft_model(load_model(gguf_base), config)
    for name, factor in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(factor, std=0.8)
    model.save_pretrained(tmp_path)
    prompt_format = load_prompt_format(gguf_base)
    prompt_format.save(tmp_path)
    base = {"name": "tiny", "path": str(gguf_base), "sha256": hash_model(gguf_base), "family": "llama"}
    format_ = {"prompt_format": prompt_format.name, "prompt_format_sha256": prompt_format.sha256}
    artifact("adapter", base=base, quantisation=request.param, **format_).save(tmp_path)
    return tmp_path


def test_an_adapter_scores_as_in_the_local_engine(adapter: Path, gguf_base: Path) -> None:
    conversation = [
        *ask("偏头痛的常见症状有什么？"),
        Message(role="assistant", content="头痛、恶心和畏光，可以挂神经内科。"),
    ]
    [ours], [base] = (load_engine(path).score([conversation]) for path in (adapter, gguf_base))
    [theirs] = load_llamacpp_engine(adapter, weights="f32", slots=2).score([conversation])
    assert theirs.logprob == pytest.approx(ours.logprob, rel=1e-3)
    assert ours.logprob != pytest.approx(base.logprob, rel=0.05)


def test_an_adapter_that_llama_cpp_would_compute_otherwise_is_refused(gguf_base: Path, tmp_path: Path) -> None:
    config = LoraConfig(r=4, target_modules=["q_proj"], use_dora=True)
    get_peft_model(load_model(gguf_base), config).save_pretrained(tmp_path)
    artifact("adapter").save(tmp_path)
    with pytest.raises(UserError, match="DoRA"):
        load_llamacpp_engine(tmp_path, weights="f32", slots=1)


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
