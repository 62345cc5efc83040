"""Copies a trained reader to a directory, or to a hub."""

import shutil
from pathlib import Path

import httpx
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError, OfflineModeIsEnabled

from common.errors import UserError
from common.files import replacing_directory
from models.hub import HUB_NAME
from models.reader import FILE_NAME
from training.extractive.config import PushConfig


def push(reader: Path, config: PushConfig) -> str:
    """Copies a reader's directory to where the configuration says.

    Args:
        reader: The directory.
        config: The target; ``owner/name`` is a hub's, everything else (``./name``, ``/data/name``) a directory.

    Returns:
        What was done, in a line; the empty text where nothing was asked for.

    Raises:
        UserError: The target holds something else, or the hub cannot be reached or refuses.
    """
    if config.to is None:
        return ""
    names = sorted(path.name for path in reader.iterdir())
    if config.dry_run:
        return f"dry run: {', '.join(names)} would go to {config.to}"
    if HUB_NAME.fullmatch(config.to) and not Path(config.to).parent.is_dir() and not config.to.startswith("."):
        return _to_hub(reader, config.to)
    target = Path(config.to).expanduser().resolve()
    if target.exists() and not (target / FILE_NAME).is_file() and (target.is_file() or any(target.iterdir())):
        raise UserError("this exists and is no reader", where=f"push.to={target}", fix="give another directory")
    with replacing_directory(target) as directory:
        shutil.copytree(reader, directory, dirs_exist_ok=True)
    return str(target)


def _to_hub(reader: Path, name: str) -> str:
    try:
        api = HfApi()
        api.create_repo(name, private=True, exist_ok=True)
        return str(api.upload_folder(repo_id=name, folder_path=reader))
    except (
        HfHubHTTPError, HFValidationError, LocalTokenNotFoundError, OfflineModeIsEnabled, OSError, httpx.HTTPError,
    ) as error:  # fmt: skip
        raise UserError(
            f"pushing to {name} failed: {str(error).splitlines()[0]}",
            where="push.to",
            fix=f"check network and token (hf auth login), or give a directory; the reader itself is in {reader}",
        ) from None
