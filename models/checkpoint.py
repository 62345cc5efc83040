"""A model directory on disk: ``config.json`` and the weights, read and written tensor by tensor.

Weights are read with ``pread`` and never memory-mapped, so the pages of a checkpoint do not count twice while a model
is built from it: the peak is the model itself and the tensors in flight. PyTorch ``.bin`` files are never unpickled
beyond ``weights_only``: the positions of their tensors are read under ``FakeTensorMode``, then their bytes.
"""

import json
import os
import pickle
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch._subclasses.fake_tensor import FakeTensorMode

from common.errors import UserError
from common.files import read_json, refuse_lfs_pointer

BLOCK = 1 << 24  # elements to read at once
SAFETENSORS_TYPES = {
    **{"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16},
    **{"I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8},
    **{"BOOL": torch.bool},
}
ALIGNMENT = 8  # of the first tensor, bytes
LAYOUTS = ("model.safetensors", "pytorch_model.bin")


def read_config(directory: Path) -> dict[str, Any]:
    """Reads ``config.json``, whatever model it describes.

    Raises:
        UserError: The directory contains no model.
    """
    if not (directory / "config.json").is_file():
        raise UserError(
            "no model here (config.json is missing)", where=str(directory), fix="give the directory of a model"
        )
    config = read_json(directory / "config.json")
    if not isinstance(config, dict):
        raise UserError("not a model's config.json", where=str(directory / "config.json"), fix="copy it again")
    return config


@dataclass(frozen=True)
class LazyTensor:
    """A tensor in a file, read when it is indexed with ``[...]``, as transformers' loader does.

    Attributes:
        file: The file.
        start: Position of its first byte.
        dtype: Its type in the file.
        shape: Its shape.
        stride: Its strides, elements.
        wanted: The type it is read as; blocks are converted while reading, so there is never a second copy.
    """

    file: Path
    start: int
    dtype: torch.dtype
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    wanted: torch.dtype

    def read_as(self, dtype: torch.dtype) -> "LazyTensor":
        """The same tensor, to be read as another type where it holds floating-point numbers."""
        return replace(self, wanted=dtype) if self.dtype.is_floating_point else self

    def __getitem__(self, index: object) -> torch.Tensor:
        assert index is ...
        spanned = 1 + sum((size - 1) * stride for size, stride in zip(self.shape, self.stride, strict=True))
        values = torch.empty(0 if 0 in self.shape else spanned, dtype=self.wanted)
        for start in range(0, len(values), BLOCK):
            block = values[start : start + BLOCK]
            stored = block if self.wanted == self.dtype else torch.empty(len(block), dtype=self.dtype)
            _read_into(self.file, self.start + start * stored.element_size(), stored)
            if stored is not block:
                block.copy_(stored)
        return values.as_strided(self.shape, self.stride)


def weight_files(directory: Path) -> list[Path]:
    """The files that hold the weights: safetensors where there are any, else ``.bin``; whole or sharded.

    Raises:
        UserError: There are none, or a shard that the index names is missing.
    """
    for single in LAYOUTS:
        index = directory / f"{single}.index.json"
        if index.is_file():
            shards = [directory / name for name in sorted(set(read_json(index)["weight_map"].values()))]
            missing = [shard.name for shard in shards if not shard.is_file()]
            if missing:
                raise UserError(
                    f"{len(missing)} of {len(shards)} weight files are missing: {', '.join(missing[:3])}",
                    where=str(directory),
                    fix="copy or download them; the index names them",
                )
            return shards
        if (directory / single).is_file():
            return [directory / single]
    raise UserError(
        f"no weights here ({' or '.join(LAYOUTS)}, whole or sharded)",
        where=str(directory),
        fix="give the directory of a complete model",
    )


def open_weights(directory: Path) -> dict[str, LazyTensor]:
    """All tensors of a model directory by name; only the files' headers are read yet.

    Raises:
        UserError: A file is missing, cut off, a Git LFS pointer, or in PyTorch's format from before version 1.6.
    """
    tensors: dict[str, LazyTensor] = {}
    for file in weight_files(directory):
        refuse_lfs_pointer(file)
        try:
            tensors |= _safetensors(file) if file.suffix == ".safetensors" else _pickled(file)
        except (SafetensorError, KeyError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise UserError(
                f"cannot be read: {str(error).splitlines()[0]}",
                where=str(file),
                fix="the file is cut off or not a checkpoint of tensors; copy it again",
            ) from None
    return tensors


def _safetensors(file: Path) -> dict[str, LazyTensor]:
    """Reads the header: its length in 8 bytes, then JSON (https://github.com/huggingface/safetensors, "Format")."""
    with safe_open(file, framework="pt"):
        pass  # the library checks that the header is valid and the file as long as it says
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        header = json.loads(opened.read(length))
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        dtype, shape = SAFETENSORS_TYPES[entry["dtype"]], tuple(entry["shape"])
        start = 8 + length + entry["data_offsets"][0]
        tensors[name] = LazyTensor(file, start, dtype, shape, torch.empty(shape, device="meta").stride(), dtype)
    return tensors


def write_safetensors(
    file: Path, tensors: Mapping[str, tuple[torch.dtype, tuple[int, ...]]], content: Iterable[bytes]
) -> None:
    """Writes weights that are never in memory together; ``safetensors.torch.save_file`` needs all of them at once.

    Args:
        file: The file.
        tensors: Type and shape by name.
        content: The bytes of the tensors, in this order, in pieces of any length.
    """
    names = {dtype: name for name, dtype in SAFETENSORS_TYPES.items()}
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, (dtype, shape) in tensors.items():
        start, end = end, end + prod(shape) * dtype.itemsize
        header[name] = {"dtype": names[dtype], "shape": shape, "data_offsets": [start, end]}
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % ALIGNMENT)
    with file.open("wb") as opened:
        opened.write(len(encoded).to_bytes(8, "little"))
        opened.write(encoded)
        for piece in content:
            opened.write(piece)
        written = opened.tell() - 8 - len(encoded)
    assert written == end, f"{written} bytes of {end}"


def _pickled(file: Path) -> dict[str, LazyTensor]:
    with FakeTensorMode():
        fakes = torch.load(file, weights_only=True)
    others = [name for name, value in fakes.items() if not isinstance(value, torch.Tensor)]
    if others:
        raise UserError(
            f"not a checkpoint of tensors: it contains {', '.join(map(str, others[:3]))}",
            where=str(file),
            fix="give the file that the authors published, or that save_pretrained wrote",
        )
    return {name: _place(file, fake) for name, fake in fakes.items()}


def _place(file: Path, fake: torch.Tensor) -> LazyTensor:
    """Where a fake tensor's bytes are (torch.serialization: ``_checkpoint_offset`` under ``FakeTensorMode``)."""
    storage_start: Any = fake.untyped_storage()._checkpoint_offset
    start = int(storage_start + fake.storage_offset() * fake.element_size())
    return LazyTensor(file, start, fake.dtype, tuple(fake.shape), tuple(fake.stride()), fake.dtype)


def _read_into(file: Path, start: int, buffer: torch.Tensor) -> None:
    view = memoryview(buffer.view(torch.uint8).numpy())  # type: ignore[arg-type]
    descriptor = os.open(file, os.O_RDONLY)
    try:
        done = 0
        while done < len(view):
            count = os.preadv(descriptor, [view[done:]], start + done)
            if not count:
                raise UserError("the file ends in the middle of a tensor", where=str(file), fix="copy it again")
            done += count
    finally:
        os.close(descriptor)
