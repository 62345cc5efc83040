"""The head of a reward model: where it reads, and whom it fits."""

from types import SimpleNamespace

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from common.errors import UserError
from models.reward_model import classifier_of
from training.batches.packing import IGNORED
from training.trainer.reward import RewardHead

SIZES = LlamaConfig(
    vocab_size=32, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, head_dim=8
)


def test_an_answer_is_rated_at_its_last_supervised_token_whatever_follows() -> None:
    torch.manual_seed(0)
    head = RewardHead(LlamaForCausalLM(SIZES))
    hidden = torch.randn(2, 5, 16)
    labels = torch.tensor([[IGNORED, 3, 4, IGNORED, IGNORED], [IGNORED, IGNORED, IGNORED, 5, 6]])
    found = head.of_rows(SimpleNamespace(logits=hidden), labels)
    expected = torch.stack([hidden[0, 2], hidden[1, 4]]) @ head.score.weight[0]
    torch.testing.assert_close(found, expected)


def test_inside_its_context_the_output_layer_is_not_applied() -> None:
    model = LlamaForCausalLM(SIZES)
    with RewardHead(model) as head:
        assert head.is_last and model(torch.zeros(1, 3, dtype=torch.long)).logits.shape == (1, 3, 16)
    assert model(torch.zeros(1, 3, dtype=torch.long)).logits.shape == (1, 3, 32)


def test_a_family_without_a_classifier_is_refused() -> None:
    assert classifier_of(LlamaForCausalLM, SIZES).__name__ == "LlamaForSequenceClassification"

    class OwnClass(LlamaForCausalLM):  # type: ignore[misc]
        """One that transformers does not know."""

    with pytest.raises(UserError, match="no reward model for a OwnClass"):
        classifier_of(OwnClass, SIZES)
