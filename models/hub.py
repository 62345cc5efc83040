"""Finds a model directory: a local path, a GGUF file, or a name on Hugging Face or ModelScope.

The network is used only for a name instead of a path; an earlier download is used without it.
"""

import re
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled

from common.errors import UserError
from models.gguf_import.unpacking import gguf_of, unpacked

MODELSCOPE = "modelscope:"
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
# never code: remote code is not run, so it is not downloaded
FILES = ["*.json", "*.safetensors", "*.bin", "*.model", "*.txt", "README.md", "LICENSE*"]


def locate(name: str) -> Path:
    """The local directory of a model.

    Args:
        name: A directory, a GGUF file or a directory with one, ``owner/name`` on Hugging Face, or
            ``modelscope:owner/name``.

    Raises:
        UserError: There is no such directory, the GGUF cannot be read, or the model is neither cached nor can it be
            downloaded.
    """
    path = Path(name).expanduser()
    if gguf := gguf_of(path):
        return unpacked(gguf)
    if path.is_dir():
        return path.resolve()
    if name.startswith(MODELSCOPE):
        return _from_modelscope(name.removeprefix(MODELSCOPE))
    refuse_missing(name)
    return _from_hugging_face(name)


def refuse_missing(name: str) -> None:
    """Refuses a path where nothing is, before anything is done for it; a name on a hub is asked for later.

    Raises:
        UserError: There is no such directory or file.
    """
    path = Path(name).expanduser()
    could_be_a_name = name.startswith(MODELSCOPE) or (HUB_NAME.fullmatch(name) and not path.parent.is_dir())
    if not path.exists() and not could_be_a_name:
        raise UserError(
            "no such directory or file",
            where=name,
            fix="give a model directory, a GGUF file, or owner/name of a model on a hub",
        )


def _from_hugging_face(name: str) -> Path:
    try:
        return Path(snapshot_download(name, allow_patterns=FILES))
    except (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, HFValidationError, OSError) as error:
        raise UserError(
            f"{name} is not a directory, and downloading it from Hugging Face failed: {str(error).splitlines()[0]}",
            where="model.path",
            fix="give a local directory; or unset HF_HUB_OFFLINE and check the network and the name",
        ) from None


def _from_modelscope(name: str) -> Path:
    try:
        from modelscope import snapshot_download as modelscope_download  # type: ignore[import-not-found]
    except ImportError:
        raise UserError(
            "the package modelscope is not installed", where="model.path", fix="pip install modelscope"
        ) from None
    try:
        return Path(modelscope_download(name, allow_patterns=FILES))
    except (OSError, ValueError) as error:
        raise UserError(
            f"downloading {name} from ModelScope failed: {str(error).splitlines()[0]}",
            where="model.path",
            fix="check the name and the network, or give a local directory",
        ) from None


def hub_name(path: str | None) -> str | None:
    """The name on Hugging Face, where a model was given by name and not by a path."""
    return path if path and HUB_NAME.fullmatch(path) and not Path(path).expanduser().exists() else None
