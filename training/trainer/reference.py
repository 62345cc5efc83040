"""How likely the base finds all answers before training: the reference that some losses compare with."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from loguru import logger
from peft import PeftModel
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from tqdm import tqdm
from transformers import PreTrainedModel

from common.files import replacing_file
from models.numerics import Numerics
from models.prompt_format import Rendered
from training.batches.packing import TOKENS, collate_padded
from training.trainer.answer_logprobs import AnswerLogprobs


def reference_logprobs(
    model: PreTrainedModel | PeftModel, pairs: Sequence[tuple[Rendered, Rendered]], batch_size: int, numerics: Numerics
) -> torch.Tensor:
    """The log-probability of every answer, in nats.

    Args:
        model: The base, without what will be trained.
        pairs: Two answers each, of a split.
        batch_size: Pairs that are read at once.
        numerics: Type of the products, as in training.

    Returns:
        ``[pairs, 2]``, in float32 on the CPU.
    """
    sequences = [sequence for pair in pairs for sequence in pair]
    longest_first = sorted(range(len(sequences)), key=lambda i: -len(sequences[i].ids))
    found = torch.empty(len(sequences))
    model.eval()
    with torch.no_grad(), numerics.autocast(), AnswerLogprobs(model, numerics.dtype) as logprobs:
        for start in tqdm(range(0, len(sequences), 2 * batch_size), desc="reference", unit="batch", mininterval=1.0):
            rows = longest_first[start : start + 2 * batch_size]
            batch = collate_padded([[sequences[i]] for i in rows])
            del batch[TOKENS]
            batch = {name: values.to(model.device) for name, values in batch.items()}
            labels = batch.pop("labels")
            found[rows] = logprobs.of_rows(model(**batch, use_cache=False), labels).float().cpu()
    return found.view(-1, 2)


def save_references(file: Path, references: Mapping[str, torch.Tensor], fingerprint: str) -> None:
    """Writes the references of all splits, with what they belong to.

    Args:
        file: Where to.
        references: By split.
        fingerprint: Of what the run is made from (``Provenance.fingerprint``).
    """
    with replacing_file(file) as partial:
        save_file(dict(references), partial, metadata=_identity(references, fingerprint))


def saved_references(file: Path, fingerprint: str) -> dict[str, torch.Tensor] | None:
    """Reads them back; None where there are none yet, and, after a warning, where they are not those of this run."""
    if not file.is_file():
        return None
    try:
        with safe_open(file, framework="pt") as opened:
            references = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118, it is no dict
            if opened.metadata() == _identity(references, fingerprint):
                return references
    except SafetensorError:
        pass
    logger.warning("{}: damaged, or of another run; the reference is computed again", file)
    return None


def _identity(references: Mapping[str, torch.Tensor], fingerprint: str) -> dict[str, str]:
    content = hashlib.sha256()
    for name in sorted(references):
        content.update(name.encode() + references[name].numpy().tobytes())
    return {"fingerprint": fingerprint, "sha256": content.hexdigest()}
