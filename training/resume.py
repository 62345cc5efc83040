"""``resume=RUN``: which run it is, and what may differ from how it began."""

import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

from loguru import logger

from common.composition import values_of
from common.errors import UserError
from common.files import read_json
from data_recipes.config import MACHINE
from models.artifact import FILE_NAME as ARTIFACT_FILE
from models.artifact import Artifact
from models.run_directory import CONFIG_FILE, RunDirectory
from training.config import StageConfig
from training.stages import by_dotted_key, open_run

LATEST = "latest"
GOAL = ("train.epochs", "train.max_steps")
TO_DO = (*GOAL, "suite.*", "retention.*", "merge.*", "push.*")
"""Keys with which there is something to do in a finished run, where they have another value."""
FREE = (
    *("runs_dir", "threads", "push.*", "suite.*", "retention.*", "merge.*", *GOAL),
    *("train.log_steps", "train.save_steps", "train.keep_checkpoints", "train.trackers"),
    *("model.path", "adapter.path", "knowledge.path", "source.*path", "source.*paths*"),  # their content is compared
    *(f"data.{key}*" for key in sorted(MACHINE)),
)
"""Keys that may change: they name places, say how long to train, or what is done besides training."""


class Resumed(NamedTuple):
    """A run to resume.

    Attributes:
        config: Its configuration, with the changes.
        run: Its directory.
        base: Where its base model is now, if the user says so.
        done: What to say where nothing is left to do; empty where something is.
    """

    config: StageConfig
    run: RunDirectory
    base: Path | None
    done: str = ""


def is_free(key: str) -> bool:
    """Whether a resume may change a dotted key."""
    return any(fnmatch.fnmatch(key, free) for free in FREE)


def read_resume(words: list[str]) -> Resumed:
    """Reads a command line with ``resume=``.

    Args:
        words: All of them.

    Raises:
        UserError: There is no such run, its configuration cannot be read, or a key may not change.
    """
    changes = values_of(words)
    wanted = str(changes.pop("resume"))
    if fixed := [key for key in changes if not is_free(key)]:
        raise UserError(
            f"a run resumes as it was configured; {', '.join(fixed)} cannot change",
            where="resume",
            fix=f"start a new run for that. These can change: {', '.join(FREE)}",
        )
    path = _latest(changes) if wanted == LATEST else Path(wanted)
    base = changes.pop("model.path", None)
    if base is not None and not Path(base).expanduser().exists():
        raise UserError("no such directory or file", where=f"model.path={base}", fix="give the base where it is now")
    config, run = open_run(path, changes)
    moved = Path(base).expanduser().resolve() if base is not None else None
    if done := _done(config, run):
        return Resumed(config, run, moved, done)
    logger.info("resuming {}", run.path)
    return Resumed(config, run, moved)


def _done(config: StageConfig, run: RunDirectory) -> str:
    """What to say of a run that has finished, whose result is there, and of which no more is asked; else nothing."""
    before, now = (by_dotted_key(one.model_dump(mode="json")) for one in (open_run(run.path)[0], config))
    asked = [key for key in now if now[key] != before.get(key) and any(fnmatch.fnmatch(key, one) for one in TO_DO)]
    if asked or not is_finished(run) or not _is_reached(config, run) or not (run.path / ARTIFACT_FILE).is_file():
        return ""
    model, report = Artifact.load(run.path).directory(run.path), run.report / "index.html"
    if not (model.is_dir() and report.is_file()):
        return ""
    goal, reached = ("max_steps", config.train.max_steps) if config.train.max_steps else ("epochs", config.train.epochs)
    return "\n".join(
        [
            f"这次训练已经完成，没有要做的 · this run has finished, and nothing was done: {run.path}",
            f"报告 report : {report}",
            f"模型 model  : {model}",
            f"更多 more   : python training/run.py resume={run.path} train.{goal}=N    (it had {reached:g})",
            f"再评 again  : python eval/run.py model={run.path} out=DIR",
        ]
    )


def _is_reached(config: StageConfig, run: RunDirectory) -> bool:
    """Whether training has reached the goal of a configuration, which may have been edited since."""
    recorded = read_json(run.provenance_file) if run.provenance_file.is_file() else {}
    trained = recorded.get("trained")
    return not trained or (trained["epochs"], trained["max_steps"]) == (config.train.epochs, config.train.max_steps)


def _latest(changes: dict[str, Any]) -> Path:
    """The run that began last; of finished ones only where there is more to do."""
    runs_dir = Path(changes.pop("runs_dir", "runs"))
    runs = sorted(
        (RunDirectory(file.parent) for file in runs_dir.glob(f"*/*/{CONFIG_FILE}")), key=lambda r: r.path.name
    )
    for run in reversed(runs):
        if any(key in changes for key in GOAL) or not is_finished(run):
            return run.path
        logger.info("resume=latest skips {}: it has finished", run.path)
    raise UserError(
        f"none of {len(runs)} runs is unfinished" if runs else "there are no runs",
        where=f"runs_dir={runs_dir}",
        fix="give resume=runs/NAME/TIME; or train.epochs=N for more epochs of the latest",
    )


def is_finished(run: RunDirectory) -> bool:
    """Whether the whole chain has been run."""
    if run.provenance_file.is_file():
        return bool(read_json(run.provenance_file).get("finished", False))  # the first records had no such key
    return (run.report / "report.json").is_file()  # it began before provenance was recorded
