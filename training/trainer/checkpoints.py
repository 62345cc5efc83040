"""Checkpoints that are known to be whole: ``checkpoint.json``, written last, has size and SHA-256 of every file."""

from contextlib import suppress
from pathlib import Path
from typing import Literal

from loguru import logger
from pydantic import ValidationError

from common.errors import Refused, UserError
from common.files import read_json, sync, write_json
from common.hashing import sha256_file
from models.artifact import Record
from training.config import OptimiserConfig

MANIFEST = "checkpoint.json"


class CheckpointFile(Record):
    """A file of a checkpoint; ``size`` in bytes."""

    size: int
    sha256: str


class CheckpointManifest(Record):
    """``checkpoint.json``.

    Attributes:
        format: Version of this file's layout.
        fingerprint: Of what the run is made from (``Provenance.fingerprint``); empty where that is not recorded.
        files: Every other file, by its path.
    """

    format: Literal[1] = 1
    fingerprint: str
    files: dict[str, CheckpointFile]


def seal(directory: Path, fingerprint: str) -> None:
    """Writes the manifest of a checkpoint, once everything else has reached the disk."""
    files = {}
    for path in sorted(path for path in directory.rglob("*") if path.is_file()):
        sync(path)
        name = path.relative_to(directory).as_posix()
        files[name] = CheckpointFile(size=path.stat().st_size, sha256=sha256_file(path))
    write_json(directory / MANIFEST, CheckpointManifest(fingerprint=fingerprint, files=files).model_dump())
    sync(directory)


def newest_whole(directory: Path, fingerprint: str) -> Path | None:
    """The newest checkpoint with all its files as they were written; what is wrong with newer ones is reported.

    Args:
        directory: Where a run's checkpoints are.
        fingerprint: Of what the run is made from; empty for a run from before that was recorded, whose checkpoints may
            lack a manifest.

    Returns:
        Its directory; None where there is no checkpoint yet.

    Raises:
        UserError: There are checkpoints, and none is whole.
    """
    found = sorted(directory.glob("checkpoint-*"), key=step_of, reverse=True)
    for checkpoint in found:
        problem = _problem(checkpoint, fingerprint)
        if not problem:
            return checkpoint
        logger.warning("{}: {}; it is not used", checkpoint, problem)
    if found:
        raise UserError(
            f"none of {len(found)} checkpoints is whole",
            where=str(directory),
            fix="copy a whole one back; or remove this directory, and the run is trained from its beginning",
        )
    return None


def step_of(checkpoint: Path) -> int:
    """The step after which a checkpoint was saved."""
    return int(checkpoint.name.rsplit("-", 1)[1])


def refuse_fewer_steps(directory: Path, config: OptimiserConfig) -> None:
    """Steps that were taken cannot be taken back.

    Args:
        directory: Where a run's checkpoints are.
        config: How long it is to be trained.

    Raises:
        Refused: It has been trained for longer.
    """
    for checkpoint in directory.glob("checkpoint-*"):
        with suppress(UserError, KeyError):  # a damaged one is reported when it would be used
            state = read_json(checkpoint / "trainer_state.json")
            steps, epochs = state["global_step"], state["epoch"]
            if config.max_steps:
                is_longer, limit = steps > config.max_steps, f"train.max_steps={config.max_steps}"
            else:  # the end of a part of an epoch is rounded up to a whole step
                is_longer, limit = epochs - 2 * epochs / steps > config.epochs, f"train.epochs={config.epochs}"
            if is_longer:
                raise Refused(
                    f"{checkpoint}: trained for {steps} steps ({epochs:.2f} epochs), more than {limit}; steps cannot "
                    "be taken back\n  -> give a higher one, or start a new run"
                )


def _problem(checkpoint: Path, fingerprint: str) -> str:
    """What is wrong with a checkpoint; empty where it is whole."""
    if not (checkpoint / MANIFEST).is_file():
        if fingerprint:
            return f"{MANIFEST} is missing"
        logger.info("{}: written before checkpoints had a manifest; its files are not checked", checkpoint)
        return ""
    try:
        manifest = CheckpointManifest.model_validate(read_json(checkpoint / MANIFEST))
    except (UserError, ValidationError):
        return f"{MANIFEST} is damaged"
    if fingerprint and manifest.fingerprint != fingerprint:
        return "it belongs to a run on something else"
    for name, file in manifest.files.items():
        path = checkpoint / name
        if not path.is_file():
            return f"{name} is missing"
        if path.stat().st_size != file.size:
            return f"{name} has {path.stat().st_size} bytes, not {file.size}"
        if sha256_file(path) != file.sha256:
            return f"{name} is damaged (another SHA-256)"
    return ""
