"""Trackers beside TensorBoard: W&B, MLflow, SwanLab. They write into the run directory, and ask no network unasked."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec

from common.errors import UserError
from models.run_directory import RunDirectory
from training.config import Tracker


def check_installed(trackers: Sequence[Tracker]) -> None:
    """Checks that every tracker can be loaded.

    Raises:
        UserError: One is not installed.
    """
    if missing := [tracker for tracker in trackers if find_spec(tracker) is None]:
        raise UserError(
            f"not installed: {', '.join(missing)}",
            where=f"train.trackers=[{','.join(trackers)}]",
            fix=f"pip install {' '.join(missing)}, or drop it; TensorBoard always has the metrics and needs nothing",
        )


@contextmanager
def offline(trackers: Sequence[Tracker], run: RunDirectory) -> Iterator[None]:
    """Points the trackers at the run directory before they are loaded, and ends what they have begun.

    What the environment says already is kept: whoever wants a server sets the variables of that tracker.

    Args:
        trackers: Those of the run.
        run: Where they write.
    """
    variables = {name: value for tracker in trackers for name, value in _variables(run)[tracker].items()}
    own = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ.update(own)
    try:
        yield
    finally:
        for tracker in trackers:
            _end(tracker)
        for name in own:  # the next run of a sweep has a place of its own
            os.environ.pop(name, None)


def _variables(run: RunDirectory) -> dict[Tracker, dict[str, str]]:
    place = run.path.resolve()
    return {
        "wandb": {
            "WANDB_MODE": "offline",
            "WANDB_DIR": str(place),
            "WANDB_PROJECT": run.path.parent.name,
            "WANDB_CONSOLE": "off",
            "WANDB_ERROR_REPORTING": "false",
        },
        "mlflow": {"MLFLOW_TRACKING_URI": f"sqlite:///{place}/mlflow.db", "MLFLOW_DISABLE_TELEMETRY": "true"},
        "swanlab": {
            "SWANLAB_MODE": "offline",
            "SWANLAB_LOG_DIR": str(place / "swanlog"),
            "SWANLAB_PROJECT": run.path.parent.name,
        },
    }


def _end(tracker: Tracker) -> None:
    """Ends the tracker's record of this run; a sweep would write the next one into it."""
    module = import_module(tracker)
    match tracker:
        case "wandb":
            module.finish()
        case "mlflow":
            module.end_run()
        case "swanlab":
            if module.get_run() is not None:
                module.finish()
