"""How likely the base finds answers: computed once a run, before anything is trained."""

from collections.abc import Mapping, Sequence

import torch

from models.beside_base import on_base
from models.memory import release
from models.numerics import compute_dtype
from models.prompt_format import Rendered
from models.run_directory import RunDirectory
from training.base import Base
from training.earlier_adapter import EarlierAdapter
from training.provenance import fingerprint_of
from training.stages.sft.config import LanguageModelConfig
from training.trainer.arguments import training_numerics
from training.trainer.reference import reference_logprobs, save_references, saved_references


def references_of(
    run: RunDirectory,
    config: LanguageModelConfig,
    base: Base,
    adapter: EarlierAdapter | None,
    both: Mapping[str, Sequence[tuple[Rendered, Rendered]]],
) -> dict[str, torch.Tensor]:
    """Of all splits, by what training begins with; a resumed run reads what it began with.

    Args:
        run: The run.
        config: Its configuration.
        base: Its base.
        adapter: What training begins with, where that is an earlier adapter.
        both: The two sequences of each item, by split.

    Returns:
        ``[items, 2]`` each, in nats.
    """
    fingerprint = fingerprint_of(run)
    if found := saved_references(run.reference_file, fingerprint):
        return found
    numerics = training_numerics(config.train)
    model = base.load(compute_dtype(config.model.dtype).dtype, config.method.quantisation)
    begun = on_base(model, adapter.directory) if adapter else model
    found = {
        split: reference_logprobs(begun, items, config.train.batch_size, numerics) for split, items in both.items()
    }
    del model, begun
    release()
    save_references(run.reference_file, found, fingerprint)
    return found
