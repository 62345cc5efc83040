"""Copies an exported model to a directory, or to a hub. Nothing is pushed unless it is asked for."""

import shutil
from pathlib import Path

import httpx2
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError, OfflineModeIsEnabled

from common.errors import UserError
from common.files import replacing_directory
from models.config import PushConfig
from models.hub import HUB_NAME


def push(exported: Path, config: PushConfig, marker: str) -> str:
    """Copies a directory to where the configuration says.

    Args:
        exported: The directory.
        config: The target; ``owner/name`` is a hub's, everything else (``./name``, ``/data/name``) a directory.
        marker: A file that tells an earlier push of the same kind from a directory of something else.

    Returns:
        What was done, in a line; the empty text where nothing was asked for.

    Raises:
        UserError: The target holds something else, or the hub cannot be reached or refuses.
    """
    if config.to is None:
        return ""
    if config.dry_run:
        return f"dry run: {_listed(exported)} would go to {config.to}"
    if HUB_NAME.fullmatch(config.to) and not Path(config.to).parent.is_dir() and not config.to.startswith("."):
        return _to_hub(exported, config.to)
    target = Path(config.to).expanduser().resolve()
    if target.exists() and not (target / marker).is_file() and (target.is_file() or any(target.iterdir())):
        raise UserError("this exists and holds something else", where=f"push.to={target}", fix="give another directory")
    with replacing_directory(target) as directory:
        shutil.copytree(exported, directory, dirs_exist_ok=True)
    return str(target)


def _listed(exported: Path) -> str:
    files = sorted(path for path in exported.rglob("*") if path.is_file())
    return ", ".join(f"{path.relative_to(exported)} ({path.stat().st_size:,} bytes)" for path in files)


def _to_hub(exported: Path, name: str) -> str:
    try:
        api = HfApi()
        api.create_repo(name, private=True, exist_ok=True)
        return str(api.upload_folder(repo_id=name, folder_path=exported))
    except (
        HfHubHTTPError, HFValidationError, LocalTokenNotFoundError, OfflineModeIsEnabled, OSError, httpx2.HTTPError,
    ) as error:  # fmt: skip
        raise UserError(
            f"pushing to {name} failed: {str(error).splitlines()[0]}",
            where="push.to",
            fix=f"check network and token (hf auth login), or give a directory; the model itself is in {exported}",
        ) from None
