"""What an earlier run has made, as the base of the next one: ``model.path=runs/NAME/TIME`` or ``runs/NAME/latest``."""

from pathlib import Path

from loguru import logger

from common.errors import UserError
from models.artifact import Artifact, MergedArtifact, WholeArtifact
from models.run_directory import CONFIG_FILE, RunDirectory
from training.resume import LATEST, is_finished


def model_of_run(path: Path) -> Path | None:
    """The directory of the model that a run has made.

    Args:
        path: A run, or ``runs/NAME/latest`` for the newest finished run of that name.

    Returns:
        None where there is no run at this path, e.g. because it is a model.

    Raises:
        UserError: The run has not finished, there is none yet, or its result is no model of its own.
        Refused: A file of the result was changed.
    """
    found = finished_run(path)
    if found is None:
        return None
    run, artifact = found
    directory = artifact.directory(run.path)
    artifact.check_files(directory)
    logger.info("the base is what {} has made", run.path)
    return directory.resolve()


def finished_run(path: Path) -> tuple[RunDirectory, MergedArtifact | WholeArtifact] | None:
    """The run at a path and what it has made, as ``model_of_run``; the files are not read."""
    run = run_at(path, "model.path")
    if not run.config_file.is_file():
        return None
    if not is_finished(run):
        raise UserError(
            "this run has not finished",
            where=f"model.path={run.path}",
            fix=f"finish it: python training/run.py resume={run.path}; or give another run",
        )
    artifact = Artifact.load(run.path)
    if not isinstance(artifact, MergedArtifact | WholeArtifact):
        raise UserError(
            f"the result of this run is no model of its own: {artifact.described[1]}",
            where=f"model.path={run.path}",
            fix="give a run that was merged (method=qlora, merge.enabled=true), or one of method=full",
        )
    return run, artifact


def run_at(path: Path, key: str) -> RunDirectory:
    """The run at a path; of ``runs/NAME/latest`` the newest finished one of that name.

    Args:
        path: The path.
        key: The key that asks for it.

    Raises:
        UserError: There is none of that name.
    """
    return newest_finished(path.parent, key) if path.name == LATEST and not path.exists() else RunDirectory(path)


def newest_finished(runs: Path, key: str) -> RunDirectory:
    """The finished run that began last.

    Args:
        runs: The folder of the runs of one name.
        key: The key that asks for it.

    Raises:
        UserError: There is none.
    """
    found = sorted(file.parent for file in runs.glob(f"*/{CONFIG_FILE}"))
    finished = [run for run in map(RunDirectory, found) if is_finished(run)]
    if not finished:
        raise UserError(
            f"none of {len(found)} runs has finished" if found else "there is no run yet",
            where=f"{key}={runs / LATEST}",
            fix=f"make one first: python training/run.py recipe={runs.name}; or give {key}=RUN",
        )
    return finished[-1]
