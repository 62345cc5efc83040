"""The linear layers that adapters are attached to."""

from collections.abc import Sequence

from torch import nn

from common.errors import UserError


def require(model: nn.Module, targets: Sequence[str]) -> list[str]:
    """The targets, all of which the model has.

    Raises:
        UserError: A target names no linear layer of this model; the message lists the available ones.
    """
    there = sorted({name.rsplit(".", 1)[-1] for name, module in model.named_modules() if isinstance(module, nn.Linear)})
    unknown = [target for target in targets if target not in there]
    if unknown:
        raise UserError(
            f"no linear layer is named {', '.join(unknown)}",
            where="method.targets",
            fix=f"this model has: {', '.join(there)}",
        )
    return list(targets)
