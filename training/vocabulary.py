"""A base with a larger vocabulary: what continued pre-training learns words of its domain as single tokens with."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import torch
from loguru import logger
from transformers import PreTrainedModel

from common.errors import UserError
from common.files import cache_dir, read_json, replacing_directory, write_json
from common.hashing import sha256_value
from models.built import FOLDER as BUILT
from models.built import is_built_here
from models.export import save_native
from models.loading import hash_model, load_prompt_format, load_tokenizer, open_checkpoint
from models.memory import release
from models.tokenizers.extension import TokenMerge, extended, joining, learned, replaced
from training.base import Base
from training.stages.pretrain.config import VocabularyConfig

RECORD = "vocabulary.json"
FOLDER = "extended"
"""Of the cache; what extends a model that was built here is among those."""


def with_vocabulary(base: Base, vocabulary: VocabularyConfig, texts: Iterable[str], dtype: torch.dtype) -> Base:
    """The base with tokens added, as a model of its own in the cache; the new ones start as the mean of what they join.

    Args:
        base: The base.
        vocabulary: What is added.
        texts: What it is learned from.
        dtype: Type of the weights.

    Raises:
        UserError: The tokenizer cannot be extended, or there is nothing to add.
    """
    merges = _merges(base, vocabulary, texts)
    key = sha256_value([hash_model(base.path), merges, str(dtype), base.prompt_format.sha256])[:32]
    of_ours = is_built_here(base.path)
    directory = cache_dir() / (f"{BUILT}/{FOLDER}-{key}" if of_ours else f"{FOLDER}/{key}")
    if not (directory / RECORD).is_file():
        with replacing_directory(directory) as partial:
            _build(base, merges, dtype, partial)
    first, end = new_tokens(directory)
    logger.info("{} tokens are added to the vocabulary (ids {} to {}): {}", end - first, first, end - 1, directory)
    hints = base.checkpoint.hints
    family, checkpoint = open_checkpoint(directory, hints)
    return replace(
        base,
        family=family,
        checkpoint=checkpoint,
        prompt_format=load_prompt_format(directory, hints),
        hub_name=None,
    )


def new_tokens(directory: Path) -> tuple[int, int]:
    """The ids of the tokens that a model was extended by: the first, and the one after the last."""
    said = read_json(directory / RECORD)
    return int(said["first"]), int(said["end"])


def is_extended(directory: Path) -> bool:
    """Whether a model was made by ``with_vocabulary``."""
    return (directory / RECORD).is_file()


def _merges(base: Base, vocabulary: VocabularyConfig, texts: Iterable[str]) -> list[TokenMerge]:
    tokenizer = base.prompt_format.tokenizer
    if vocabulary.path is not None:
        merges = joining(tokenizer, _words(Path(vocabulary.path).expanduser()))
        nothing, fix = "each of its words is one token already", "give other words, or leave vocabulary out"
    else:
        merges = learned(tokenizer, texts, vocabulary.add, vocabulary.min_count)
        nothing = f"no pair of tokens occurs {vocabulary.min_count} times in the training texts"
        fix = "give more text, lower vocabulary.min_count, or leave vocabulary out"
        if 0 < len(merges) < vocabulary.add:
            logger.warning(
                "vocabulary.add={}: {} are added, no further pair of tokens occurs vocabulary.min_count={} times",
                *(vocabulary.add, len(merges), vocabulary.min_count),
            )
    if not merges:
        raise UserError(f"nothing to add: {nothing}", where="vocabulary", fix=fix)
    return merges


def _words(file: Path) -> list[str]:
    """The words of a file, each once.

    Raises:
        UserError: It is missing, not UTF-8, has no word, or a line has more than one.
    """
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
    except FileNotFoundError:
        raise UserError("the file does not exist", where=f"vocabulary.path={file}", fix="check the path") from None
    except UnicodeDecodeError:
        raise UserError("not UTF-8", where=f"vocabulary.path={file}", fix="save the file as UTF-8") from None
    for number, line in enumerate(lines, 1):
        if line and not line.isalpha():
            raise UserError(f"{line!r} is not one word", where=f"{file}:{number}", fix="one word of letters on a line")
    words = list(dict.fromkeys(filter(None, lines)))
    if not words:
        raise UserError("there is no word in this file", where=str(file), fix="one word of letters on a line")
    return words


def _build(base: Base, merges: list[TokenMerge], dtype: torch.dtype, directory: Path) -> None:
    """Writes the extended model into an empty directory; its record comes last."""
    before = base.prompt_format.tokenizer
    model = base.load(dtype)
    of = replaced(before, merges)
    first = max(before.get_vocab().values()) + 1
    _grow(model, first, of)
    save_native(model, directory, base.family, base.checkpoint, base.prompt_format)
    for file in ("origin.json", "tokenizer.model"):  # there is no original layout of an extended model
        (directory / file).unlink(missing_ok=True)
    del model
    release()
    (directory / "tokenizer.json").write_text(
        json.dumps(json.loads(extended(before, merges).to_str()), ensure_ascii=False, indent=2), encoding="utf-8"
    )
    replace(base.prompt_format, tokenizer=load_tokenizer(directory, base.checkpoint.hints)).save(directory)
    said = {"first": first, "end": first + len(merges), "base": base.name, "base_sha256": hash_model(base.path)}
    write_json(directory / RECORD, said | {"merges": [list(merge) for merge in merges]})


def _grow(model: PreTrainedModel, first: int, replaced_by_new: list[list[int]]) -> None:
    """Gives every new token the mean of the rows of the old ones, as an embedding and in the output layer."""
    model.resize_token_embeddings(max(model.config.vocab_size, first + len(replaced_by_new)), mean_resizing=False)
    embeddings, output = model.get_input_embeddings(), model.get_output_embeddings()
    matrices = [embeddings.weight] if output.weight is embeddings.weight else [embeddings.weight, output.weight]
    with torch.no_grad():
        for matrix in matrices:
            for place, old in enumerate(replaced_by_new):
                matrix[first + place] = matrix[torch.tensor(old, device=matrix.device)].float().mean(0).to(matrix.dtype)
