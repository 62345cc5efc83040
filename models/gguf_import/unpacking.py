"""A GGUF file becomes an ordinary model directory in the cache, once: native layout, whole or not at all.

Quantised tensors become float32, exactly the values that the file stands for; others keep their type. At most one
tensor is in memory, with a block of it dequantised.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import torch
from gguf import GGMLQuantizationType as TensorType
from gguf import Keys
from loguru import logger
from pydantic import BaseModel, ConfigDict, ValidationError
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from common.errors import UserError
from common.files import cache_dir, read_json, replacing_directory, write_json
from common.hashing import KNOWN_HASHES
from models.checkpoint import write_safetensors
from models.export import SENTENCEPIECE
from models.gguf_import.architecture import GgufModel
from models.gguf_import.file import GgufFile
from models.gguf_import.tokenizer import is_sentencepiece, sentencepiece_of, tokenizer_of
from models.recommended import FILE_NAME as RECOMMENDED_FILE
from models.tokenizers.sentencepiece import write_model

RECORD = "gguf.json"
FORMAT_VERSION = 1
"""Raised whenever a file would be unpacked to something else: what has another number is unpacked again."""
EMBEDDINGS = "model.embed_tokens.weight"
STORED_AS = {TensorType.F16: torch.float16, TensorType.BF16: torch.bfloat16}
STOPS = (Keys.Tokenizer.EOS_ID, Keys.Tokenizer.EOT_ID, Keys.Tokenizer.EOM_ID)
"""llama.cpp ends an answer at each."""
SAMPLING = {
    "temperature": Keys.General.SAMPLING_TEMP,
    "top_k": Keys.General.SAMPLING_TOP_K,
    "top_p": Keys.General.SAMPLING_TOP_P,
    "min_p": Keys.General.SAMPLING_MIN_P,
}


class UnpackedRecord(BaseModel):
    """``gguf.json`` in a directory that was unpacked.

    Attributes:
        path: The GGUF file, where it was last found.
        sha256: Its SHA-256, which is the one of the base in every artefact.
        files: SHA-256 of what was written, by name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = FORMAT_VERSION
    path: str
    sha256: str
    files: dict[str, str]

    @classmethod
    def of(cls, directory: Path) -> "UnpackedRecord | None":
        """The record of a directory; None where it was not unpacked from a GGUF.

        Raises:
            UserError: It is damaged.
        """
        if not (directory / RECORD).is_file():
            return None
        try:
            return cls.model_validate(read_json(directory / RECORD))
        except ValidationError as error:
            raise UserError(
                f"damaged: {error.errors()[0]['msg']}", where=str(directory / RECORD), fix="remove the directory"
            ) from None

    def changed(self, directory: Path) -> list[str]:
        """The files of a directory that are missing, or not as they were written."""
        return [
            name
            for name, sha256 in self.files.items()
            if not (directory / name).is_file() or KNOWN_HASHES.of(directory / name) != sha256
        ]


def gguf_of(path: Path) -> Path | None:
    """The GGUF file that a path names: itself, or the only one in a directory that is not a model in another layout.

    Raises:
        UserError: There are several.
    """
    if path.is_file():
        return path
    if not path.is_dir() or (path / "config.json").is_file():
        return None
    files = sorted(path.glob("*.gguf"))
    if len(files) > 1:
        raise UserError(
            f"{len(files)} GGUF files: {', '.join(file.name for file in files[:4])}",
            where=str(path),
            fix="give one of them; the parts of a split model are merged first: llama-gguf-split --merge FIRST WHOLE",
        )
    return files[0] if files else None


def unpacked(path: Path) -> Path:
    """Directory of the model of a GGUF file, which is unpacked where it is not in the cache.

    Raises:
        UserError: The file is damaged, or of a kind that is not read; the message says which.
    """
    path = path.resolve()
    file = GgufFile.open(path)
    sha256 = KNOWN_HASHES.of(path)
    target = cache_dir() / "gguf_bases" / sha256[:16] / path.stem
    record = _cached(target)
    if record is None:
        logger.info("unpacking {}, {:,} tensors, into {}", path, len(file.tensors), target)
        with replacing_directory(target) as directory:
            _write(file, directory)
            files = {written.name: KNOWN_HASHES.of(written) for written in sorted(directory.iterdir())}
            write_json(directory / RECORD, UnpackedRecord(path=str(path), sha256=sha256, files=files).model_dump())
    elif record.path != str(path):
        _found_at(path, record, target)
    _note(file.quantised_as, target)
    return target.resolve()


@cache
def _note(quantised_as: str, target: Path) -> None:
    """Once per process: what tuning and merging start from is not what the authors trained."""
    if quantised_as:
        logger.warning(
            "基座已被量化，微调从反量化后的值开始，有原始权重时请改用原始权重（the base is already quantised, tuning "
            "starts from its dequantised values; prefer the original weights where you have them）: {}; {}",
            quantised_as,
            target,
        )
    else:
        logger.info("base from an unquantised GGUF: {}", target)


def _cached(target: Path) -> UnpackedRecord | None:
    """The record of a directory of the cache that is as it was unpacked."""
    try:
        record = UnpackedRecord.of(target)
    except UserError as error:
        logger.warning("{}", error)
        return None
    if record is None or record.format != FORMAT_VERSION:
        return None
    if changed := record.changed(target):
        logger.warning("{}: damaged or changed ({}): it is unpacked again", target, ", ".join(changed))
        return None
    return record


def _found_at(path: Path, record: UnpackedRecord, target: Path) -> None:
    """Notes where the file is now; the next artefact names that."""
    try:
        write_json(target / RECORD, record.model_copy(update={"path": str(path)}).model_dump())
    except UserError as error:  # another user's cache
        logger.warning("{}; artefacts name the base as {}", error, record.path)


def _write(file: GgufFile, directory: Path) -> None:
    model = GgufModel.of(file)
    tokenizer = tokenizer_of(file)
    tokens, rows = len(file.require(Keys.Tokenizer.LIST, list)), model.config.vocab_size
    if tokens != rows:
        raise file.refuse(f"{tokens} tokens for {rows} rows of embeddings", "use another file of this model")
    types = {own: STORED_AS.get(weight.tensor.type, torch.float32) for own, weight in model.weights.items()}
    model.config.dtype = types[EMBEDDINGS]
    model.config.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    _check_loaded(file, tokenizer, directory)
    if is_sentencepiece(file):
        write_model(sentencepiece_of(file), directory / SENTENCEPIECE)
    write_json(directory / RECOMMENDED_FILE, _recommended(file))
    write_safetensors(
        directory / "model.safetensors",
        {own: (types[own], weight.tensor.shape) for own, weight in model.weights.items()},
        (block.tobytes() for weight in model.weights.values() for block in file.rows(weight.tensor, weight.order)),
    )


def _check_loaded(file: GgufFile, tokenizer: PreTrainedTokenizerBase, directory: Path) -> None:
    """Checks that transformers loads the tokenizer that was written: for some models it brings its own.

    Raises:
        UserError: It brings one that splits texts in another way.
    """
    loaded = AutoTokenizer.from_pretrained(directory, trust_remote_code=False, local_files_only=True)
    written, read = (_decisive(json.loads(of.backend_tokenizer.to_str())) for of in (tokenizer, loaded))
    if other := [part for part in written if written[part] != read[part]]:
        raise file.refuse(
            f"transformers loads another tokenizer for this architecture ({', '.join(other)}) than "
            f"{Keys.Tokenizer.PRE}={file.metadata.get(Keys.Tokenizer.PRE)}",
            "use the model's own directory",
        )


def _decisive(stored: dict[str, Any]) -> dict[str, Any]:
    """What of a ``tokenizer.json`` decides ids."""
    model = {key: stored["model"][key] for key in ("type", "vocab", "merges", "ignore_merges", "byte_fallback")}
    return {key: stored[key] for key in ("normalizer", "pre_tokenizer")} | model


def _recommended(file: GgufFile) -> dict[str, Any]:
    """The content of ``generation_config.json``: stop tokens, and the sampling that the authors recommend."""
    stops = list(dict.fromkeys(file.metadata[key] for key in STOPS if key in file.metadata))
    sampling = {name: file.metadata[key] for name, key in SAMPLING.items() if key in file.metadata}
    return {"eos_token_id": stops, **sampling}
