"""Tokens that a vocabulary was extended by: trained beside LoRA, saved with it, and merged."""

from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import LlamaConfig, LlamaForCausalLM

from training.methods.lora import Lora, LoraConfig
from training.methods.targets import vocabulary_matrices

FIRST, END = 30, 34


def small_model(*, tied: bool) -> LlamaForCausalLM:
    torch.manual_seed(1)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=END + 2,
            hidden_size=16,
            intermediate_size=24,
            num_hidden_layers=1,
            num_attention_heads=2,
            tie_word_embeddings=tied,
        )
    ).eval()


@pytest.mark.parametrize("tied", [True, False])
def test_rows_of_new_tokens_are_trained_saved_and_merged(tmp_path: Path, tied: bool) -> None:
    base, config = small_model(tied=tied), LoraConfig(rank=2)
    matrices = vocabulary_matrices(base)
    assert set(matrices) == ({"embed_tokens"} if tied else {"embed_tokens", "lm_head"})
    method = Lora()
    model = method.attach(base, method.with_new_tokens(config, (FIRST, END)))
    assert isinstance(model, PeftModel)
    ids = torch.tensor([[1, FIRST, 2, END - 1]])
    model(input_ids=ids, labels=ids).loss.backward()
    trained = {name: values for name, values in model.named_parameters() if values.requires_grad}
    rows = {name: values for name, values in trained.items() if "token" in name}
    assert len(rows) == len(matrices) and all(values.shape == (END - FIRST, 16) for values in rows.values())
    assert all(values.grad is not None and values.grad.abs().sum() > 0 for values in rows.values())
    with torch.no_grad():
        for values in trained.values():
            values += 0.1 * torch.randn_like(values)
    expected = model(input_ids=ids).logits
    model.save_pretrained(tmp_path)
    loaded = PeftModel.from_pretrained(small_model(tied=tied), tmp_path)
    assert torch.equal(loaded(input_ids=ids).logits, expected)
    merged = loaded.merge_and_unload()
    assert torch.allclose(merged(input_ids=ids).logits, expected, atol=1e-5)
    embeddings = merged.get_input_embeddings().weight
    before = small_model(tied=tied).get_input_embeddings().weight
    assert torch.equal(embeddings[:FIRST], before[:FIRST]) and torch.equal(embeddings[END:], before[END:])
    assert (embeddings[FIRST:END] != before[FIRST:END]).any(1).all()


def test_without_new_tokens_nothing_else_is_trained() -> None:
    model = Lora().attach(small_model(tied=True), LoraConfig(rank=2))
    assert all("lora_" in name for name, values in model.named_parameters() if values.requires_grad)
