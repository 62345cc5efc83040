"""A model directory as it lies on disk: ``config.json`` and the weights, read tensor by tensor.

Weights are read with ``pread`` and never memory-mapped, so the pages of a checkpoint do not count twice while a model
is built from it: the peak is the model itself and the tensors in flight. PyTorch ``.bin`` files are never unpickled
beyond ``weights_only``: their tensors' places are read under ``FakeTensorMode``, then their bytes.
"""

import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch._subclasses.fake_tensor import FakeTensorMode

from common.errors import UserError
from common.files import read_json

LAYOUTS = ("model.safetensors", "pytorch_model.bin")
GIT_LFS_POINTER = b"version https://git-lfs"


def read_config(directory: Path) -> dict[str, Any]:
    """Reads ``config.json``, whatever model it describes.

    Raises:
        UserError: The directory holds no model.
    """
    if not (directory / "config.json").is_file():
        raise UserError(
            "no model here (config.json is missing)", where=str(directory), fix="give the directory of a model"
        )
    config = read_json(directory / "config.json")
    if not isinstance(config, dict):
        raise UserError("not a model's config.json", where=str(directory / "config.json"), fix="copy it anew")
    return config


@dataclass(frozen=True)
class LazyTensor:
    """A tensor that is read when it is indexed with ``[...]``, as transformers' loader does.

    Attributes:
        read: Reads it.
        shape: Its shape.
        dtype: Its type on disk.
    """

    read: Callable[[], torch.Tensor]
    shape: tuple[int, ...]
    dtype: torch.dtype

    def __getitem__(self, index: object) -> torch.Tensor:
        assert index is ...
        return self.read()


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
    """All tensors of a model directory by name; nothing is read yet but the files' headers.

    Raises:
        UserError: A file is missing, cut off, a Git LFS pointer, or in PyTorch's format from before version 1.6.
    """
    tensors: dict[str, LazyTensor] = {}
    for file in weight_files(directory):
        with file.open("rb") as opened:
            if opened.read(len(GIT_LFS_POINTER)) == GIT_LFS_POINTER:
                raise UserError("this is a Git LFS pointer, not the weights", where=str(file), fix="run: git lfs pull")
        try:
            tensors |= _safetensors(file) if file.suffix == ".safetensors" else _pickled(file)
        except (SafetensorError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise UserError(
                f"cannot be read: {str(error).splitlines()[0]}",
                where=str(file),
                fix="the file is cut off or not a checkpoint of tensors; copy it anew",
            ) from None
    return tensors


def _safetensors(file: Path) -> dict[str, LazyTensor]:
    opened = safe_open(file, framework="pt", device="cpu", backend="pread")
    tensors = {}
    for name in opened.keys():  # noqa: SIM118  (not a dictionary)
        part = opened.get_slice(name)
        empty = part[0:0] if part.get_shape() else part[...]  # the library names types in its own way; the tensor knows
        tensors[name] = LazyTensor(lambda part=part: part[...], tuple(part.get_shape()), empty.dtype)  # type: ignore[misc]
    return tensors


def _pickled(file: Path) -> dict[str, LazyTensor]:
    with FakeTensorMode():
        fakes = torch.load(file, weights_only=True)
    others = [name for name, value in fakes.items() if not isinstance(value, torch.Tensor)]
    if others:
        raise UserError(
            f"not a checkpoint of tensors: it holds {', '.join(map(str, others[:3]))}",
            where=str(file),
            fix="give the file that the authors published, or that save_pretrained wrote",
        )
    return {
        name: LazyTensor(
            lambda fake=fake: _read_storage(file, fake),  # type: ignore[misc]
            tuple(fake.shape),
            fake.dtype,
        )
        for name, fake in fakes.items()
    }


def _read_storage(file: Path, fake: torch.Tensor) -> torch.Tensor:
    """Reads what a fake tensor stands for (torch.serialization: ``_checkpoint_offset`` under ``FakeTensorMode``)."""
    storage_start: Any = fake.untyped_storage()._checkpoint_offset
    start = int(storage_start + fake.storage_offset() * fake.element_size())
    spanned = 1 + sum((size - 1) * stride for size, stride in zip(fake.shape, fake.stride(), strict=True))
    elements = spanned if fake.numel() else 0
    buffer = torch.empty(elements, dtype=fake.dtype)
    _read_into(file, start, buffer)
    return buffer.as_strided(fake.shape, fake.stride())


def _read_into(file: Path, start: int, buffer: torch.Tensor) -> None:
    if not buffer.numel():
        return
    view = memoryview(buffer.view(torch.uint8).numpy())  # type: ignore[arg-type]
    descriptor = os.open(file, os.O_RDONLY)
    try:
        done = 0
        while done < len(view):  # one call reads at most 2 GiB
            count = os.preadv(descriptor, [view[done : done + (1 << 30)]], start + done)
            if not count:
                raise UserError("the file ends in the middle of a tensor", where=str(file), fix="copy it anew")
            done += count
    finally:
        os.close(descriptor)
