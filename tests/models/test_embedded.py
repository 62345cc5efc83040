"""The embedded base: an ordinary directory, the same every time, cached by its inputs, never half-written."""

from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from common.hashing import sha256_file
from models import embedded
from models.config import EmbeddedConfig
from models.loading import hash_model

TINY = EmbeddedConfig(vocab_size=400, hidden_size=64, layers=1, sequence_length=32, batch_size=2, steps=6)
PROSE = ["高血压的常见症状有头痛、头晕和心悸。", "普通感冒可以挂呼吸内科。", "偏头痛要注意休息。"] * 5


def test_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        embedded.build(PROSE, TINY, tmp_path / name)
    for file in ("model.safetensors", "tokenizer.json", "config.json"):
        assert sha256_file(tmp_path / "one" / file) == sha256_file(tmp_path / "two" / file)
    other = TINY.model_copy(update={"seed": 1})
    (tmp_path / "three").mkdir()
    embedded.build(PROSE, other, tmp_path / "three")
    assert hash_model(tmp_path / "three") != hash_model(tmp_path / "one")


def test_directory_loads_in_plain_transformers(tmp_path: Path) -> None:
    embedded.build(PROSE, TINY, tmp_path)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    assert type(model).__name__ == "LlamaForCausalLM"
    text = "未见过的文字：𠮷野家 café、A/B 12.5mg\n换行"
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text


def test_cache_is_used_for_equal_inputs_only(monkeypatch: pytest.MonkeyPatch) -> None:
    first = embedded.build_or_reuse(PROSE, TINY)
    monkeypatch.setattr(embedded, "build", lambda *_: pytest.fail("built again although it was cached"))
    assert embedded.build_or_reuse(PROSE, TINY) == first
    monkeypatch.undo()
    assert embedded.build_or_reuse([*PROSE, "多一句。"], TINY) != first


def test_interrupted_build_leaves_nothing(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(embedded, "pretrain", interrupted)
    before = set((cache / "models").iterdir())
    with pytest.raises(KeyboardInterrupt):
        embedded.build_or_reuse(["别的。", *PROSE], TINY)
    assert set((cache / "models").iterdir()) == before


def test_training_lowers_the_loss() -> None:
    tokenizer = embedded.train_tokenizer(PROSE, TINY.vocab_size)
    model = embedded.LlamaForCausalLM(embedded.llama_config(TINY, tokenizer))
    losses = embedded.pretrain(model, embedded.token_stream(PROSE, tokenizer, 1), TINY.model_copy(update={"steps": 40}))
    assert len(losses) == 40 and sum(losses[-5:]) < 0.6 * sum(losses[:5])


def test_tokens_that_the_prose_never_contains_can_be_told_apart(tmp_path: Path) -> None:
    embedded.build(PROSE, TINY.model_copy(update={"steps": 60}), tmp_path)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    roles = model.get_input_embeddings().weight[tokenizer.convert_tokens_to_ids(["<|user|>", "<|assistant|>"])]
    assert float(roles[0] @ roles[1] / roles[0].norm() / roles[1].norm()) < 0.9
