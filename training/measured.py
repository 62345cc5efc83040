"""What training relies on, measured on the loaded model before the first step, because no list says it of every class.

A difference that must not be there is compared with the effect that a few tokens of context have: no tolerance for a
type, a size or an architecture is needed.
"""

from typing import Any

import torch
from torch import nn

from common.errors import UserError

TOKENS = 24
"""Of an example; shorter than any attention window."""
SHARE = 0.1
"""Of the effect of context, which rounding never reaches."""
ROUNDINGS = 8
"""Units of the type that logits may differ by where context has hardly any effect."""


def check_rows(model: nn.Module, *, packing: bool) -> None:
    """Checks that a token sees only the earlier tokens of its own example.

    Args:
        model: The model.
        packing: Whether several examples share a row.

    Raises:
        UserError: It sees later tokens, or other examples of its row; or its logits are no numbers.
    """
    first, second = some_ids(model, 1), some_ids(model, 2)
    row, positions = torch.cat([first, second], 1), torch.arange(TOKENS, device=first.device)[None]
    alone, alone_too = logits(model, first), logits(model, second)
    continued = logits(model, row)
    if not continued.isfinite().all():
        _refuse_no_numbers(model)
    effect = distance(continued[:, TOKENS:], alone_too)
    if not is_rounding(continued[:, :TOKENS], alone, effect):
        raise UserError(
            "a token of this model sees later ones: it is no causal language model",
            where="model.path",
            fix="choose another model",
        )
    if not packing:
        return
    packed = logits(model, row, position_ids=torch.cat([positions, positions], 1))
    if not is_rounding(packed[:, TOKENS:], alone_too, effect):
        raise UserError(
            "this model does not keep the examples of a packed row apart", where="train.packing", fix="false pads rows"
        )


def _refuse_no_numbers(model: nn.Module) -> None:
    """Says which weights a model has no use of, or that its type is too small.

    Raises:
        UserError: Always.
    """
    damaged = next(
        (name for name, w in model.named_parameters() if w.is_floating_point() and not w.isfinite().all()), ""
    )
    why = f"{damaged} has NaN or Inf" if damaged else "it overflows"
    raise UserError(
        f"the model computes no numbers before any training: {why}",
        where="model.path",
        fix="get its files again, they are damaged" if damaged else "model.dtype=float32 or bfloat16",
    )


def some_ids(model: nn.Module, seed: int) -> torch.Tensor:
    """Tokens of the vocabulary, ``[1, TOKENS]``; the run's own random numbers stay as they are."""
    config: Any = model.config
    ids = torch.randint(config.vocab_size, (1, TOKENS), generator=torch.Generator().manual_seed(seed))
    return ids.to(next(model.parameters()).device)


def logits(model: nn.Module, ids: torch.Tensor, **more: Any) -> torch.Tensor:
    """What a model computes in evaluation mode without keeping a cache, ``[1, seq, vocab]``."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            result: torch.Tensor = model(input_ids=ids, use_cache=False, **more).logits
    finally:
        model.train(training)
    return result


def distance(a: torch.Tensor, b: torch.Tensor) -> float:
    """Mean absolute difference."""
    return float((a.float() - b.float()).abs().mean())


def is_rounding(found: torch.Tensor, expected: torch.Tensor, effect: float) -> bool:
    """Whether logits differ from the expected ones by rounding alone, ``effect`` being what some context changes."""
    units = ROUNDINGS * torch.finfo(expected.dtype).eps * float(expected.float().abs().mean())
    return distance(found, expected) <= max(SHARE * effect, units)
