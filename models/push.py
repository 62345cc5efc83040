"""Copies an exported model to a directory, or to a hub. Nothing is pushed unless configured."""

import shutil
from collections.abc import Callable
from pathlib import Path

import httpx2
from huggingface_hub import HfApi, is_offline_mode
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError, OfflineModeIsEnabled

from common.errors import UserError
from common.files import check_writable, replacing_directory
from models.config import PushConfig
from models.hub import HUB_NAME, MODELSCOPE

MODEL_MARKERS = ("config.json", "adapter_config.json")  # a directory with a model or an adapter has one of them


def push(exported: Path, config: PushConfig, *markers: str) -> str:
    """Copies a directory to where the configuration says.

    Args:
        exported: The directory.
        config: The target; ``owner/name`` is a hub's, everything else (``./name``, ``/data/name``) a directory.
        markers: Files that tell an earlier push from a directory of something else; a push has one of them.

    Returns:
        What was done, in one line; an empty text where nothing was configured.

    Raises:
        UserError: The target contains something else, or the hub cannot be reached or refuses.
    """
    if config.to is None:
        return ""
    check_target(config, *markers)
    hub = _hub(config.to)
    if config.dry_run or (config.dry_run is None and hub is not None and is_offline_mode()):
        return f"dry run: {_listed(exported)} would go to {config.to}"
    if hub is not None:
        return hub(exported, config.to)
    target = Path(config.to).expanduser().resolve()
    with replacing_directory(target) as directory:
        shutil.copytree(exported, directory, dirs_exist_ok=True)
    return str(target)


def check_target(config: PushConfig, *markers: str) -> None:
    """Finds before a long run whatever would stop the push after it.

    Args:
        config: The target.
        markers: Files of which a directory to overwrite has one.

    Raises:
        UserError: The target is a directory of something else, cannot be written, or is not a name on a hub.
    """
    if config.to is None or _hub(config.to) is not None:
        return
    if config.to.startswith(MODELSCOPE):
        raise UserError("not a name on ModelScope", where=f"push.to={config.to}", fix="modelscope:owner/name")
    target = Path(config.to).expanduser().resolve()
    ours = any((target / marker).is_file() for marker in markers)
    if target.exists() and not ours and (target.is_file() or any(target.iterdir())):
        raise UserError(
            "this exists and contains something else", where=f"push.to={target}", fix="give another directory"
        )
    check_writable(target)


def _hub(to: str) -> Callable[[Path, str], str] | None:
    """What uploads to the hub that the target names; none where it names a directory."""
    if to.startswith(MODELSCOPE) and HUB_NAME.fullmatch(to.removeprefix(MODELSCOPE)):
        return _to_modelscope
    if HUB_NAME.fullmatch(to) and not Path(to).parent.is_dir() and not to.startswith("."):
        return _to_hugging_face
    return None


def _listed(exported: Path) -> str:
    files = sorted(path for path in exported.rglob("*") if path.is_file())
    listed = ", ".join(f"{path.relative_to(exported)} ({path.stat().st_size:,} bytes)" for path in files)
    return f"{listed}: {sum(path.stat().st_size for path in files):,} bytes"


def _to_hugging_face(exported: Path, to: str) -> str:
    try:
        api = HfApi()
        api.create_repo(to, private=True, exist_ok=True)
        return str(api.upload_folder(repo_id=to, folder_path=exported))
    except (
        HfHubHTTPError, HFValidationError, LocalTokenNotFoundError, OfflineModeIsEnabled, OSError, httpx2.HTTPError,
    ) as error:  # fmt: skip
        raise _failed(exported, to, error, "hf auth login") from None


def _to_modelscope(exported: Path, to: str) -> str:
    try:
        from modelscope.hub.api import HubApi  # type: ignore[import-not-found]
        from modelscope_hub.errors import HubError  # type: ignore[import-not-found]
    except ImportError:
        raise UserError(
            "the package modelscope is not installed, or is older than 1.40",
            where="push.to",
            fix="pip install -U modelscope",
        ) from None
    name = to.removeprefix(MODELSCOPE)
    try:
        api = HubApi()
        api.create_repo(name, visibility="private", exist_ok=True)
        api.upload_folder(repo_id=name, folder_path=str(exported))
    except (HubError, OSError, ValueError) as error:
        raise _failed(exported, to, error, "modelscope login") from None
    return to


def _failed(exported: Path, to: str, error: Exception, login: str) -> UserError:
    return UserError(
        f"pushing to {to} failed: {(str(error).splitlines() or [type(error).__name__])[0]}",
        where="push.to",
        fix=f"check network and token ({login}), or give a directory; the model itself is in {exported}",
    )
