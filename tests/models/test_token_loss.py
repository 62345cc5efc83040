"""The loss without logits is the loss with them, gradients included."""

import pytest
import torch
from torch import nn

from models.token_loss import ROWS, token_loss

TOKENS, HIDDEN, VOCABULARY = 2 * ROWS + 7, 16, 50  # whole parts and a rest


def tensors(dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    hidden = torch.randn(TOKENS, HIDDEN, generator=generator).to(dtype).requires_grad_()
    weight = torch.randn(VOCABULARY, HIDDEN, generator=generator).to(dtype).requires_grad_()
    return hidden, weight, torch.randint(VOCABULARY, (TOKENS,), generator=generator)


@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_loss_and_gradients_are_those_of_cross_entropy(scale: float) -> None:
    hidden, weight, targets = tensors()
    ours = token_loss(hidden, weight, targets, torch.float32)
    found = torch.autograd.grad(ours * scale, (hidden, weight))
    theirs = nn.functional.cross_entropy(hidden @ weight.T, targets, reduction="sum")
    expected = torch.autograd.grad(theirs * scale, (hidden, weight))
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_a_frozen_output_layer_gets_no_gradient() -> None:
    hidden, weight, targets = tensors()
    weight.requires_grad_(False)
    token_loss(hidden, weight, targets, torch.float32).backward()
    assert weight.grad is None and hidden.grad is not None


def test_weights_in_bfloat16_keep_their_type_and_the_loss_its_precision() -> None:
    hidden, weight, targets = tensors(torch.bfloat16)
    loss = token_loss(hidden, weight, targets, torch.bfloat16)
    gradients = torch.autograd.grad(loss, (hidden, weight))
    exact = nn.functional.cross_entropy(hidden.float() @ weight.float().T, targets, reduction="sum")
    assert loss.dtype == torch.float32 and float(loss) == pytest.approx(float(exact), rel=0.01)
    assert [gradient.dtype for gradient in gradients] == [torch.bfloat16, torch.bfloat16]


def test_a_token_that_is_held_impossible_has_a_finite_loss() -> None:
    hidden = torch.tensor([[200.0]])
    weight = torch.tensor([[1.0], [-1.0]])
    assert torch.isfinite(token_loss(hidden, weight, torch.tensor([1]), torch.float32))
