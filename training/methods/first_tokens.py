"""What prompts and prefixes start from: tokens, random ones or those of the conversations to be trained on."""

from collections.abc import Sequence
from itertools import chain, islice

import torch
from transformers import PreTrainedModel

from common.errors import UserError


def random_tokens(model: PreTrainedModel, number: int) -> torch.Tensor:
    """Tokens of the model's vocabulary, ``[1, number]``."""
    return torch.randint(model.config.vocab_size, (1, number)).to(model.device)


def first_tokens(texts: Sequence[Sequence[int]], number: int, where: str) -> torch.Tensor:
    """The first tokens of some texts, concatenated, ``[1, number]``.

    Args:
        texts: Token ids of each.
        number: How many are needed.
        where: The key that chooses the number.

    Raises:
        UserError: The texts have fewer.
    """
    ids = list(islice(chain.from_iterable(texts), number))
    if len(ids) < number:
        raise UserError(
            f"all conversations together have {len(ids)} tokens, too few to start {number} from",
            where=where,
            fix=f"{where}={len(ids)} or less, or method.start=random",
        )
    return torch.tensor([ids])
