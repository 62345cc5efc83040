"""Ray: the same function as batches of a Ray dataset, on this machine or on a cluster.

On a cluster, the sources and the dataset's directory must be on a file system that all machines mount at one path.
"""

import logging
import os
import pickle
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from common.errors import UserError
from data_recipes.pipeline.executors.executor import ResultT, TaskT

try:
    import ray
except ModuleNotFoundError:
    raise UserError("Ray is not installed", where="data.engine", fix='pip install "ray[data]"') from None


class RayExecutor:
    """One shard is one batch.

    Args:
        address: Of the cluster; None starts Ray on this machine for as long as the build takes.
    """

    def __init__(self, address: str | None) -> None:
        self._address = address

    def run(self, function: Callable[[TaskT], ResultT], tasks: Iterable[TaskT]) -> Iterator[ResultT]:
        """Yields the results in the order of the tasks."""
        rows = [{"number": number, "task": pickle.dumps(task)} for number, task in enumerate(tasks)]
        if not rows:
            return
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would send usage statistics
        ray.init(self._address, include_dashboard=False, log_to_driver=False, logging_level=logging.WARNING)
        try:
            context = ray.data.DataContext.get_current()
            context.enable_progress_bars = False
            context.execution_options.preserve_order = True
            shards = ray.data.from_items(rows, override_num_blocks=len(rows))
            done = shards.map_batches(partial(_run, function=function), batch_size=1)
            for row in done.iter_rows():
                yield pickle.loads(row["result"])
        finally:
            ray.shutdown()


def _run(batch: Any, function: Callable[[Any], Any]) -> Any:
    results = [pickle.dumps(function(pickle.loads(task))) for task in batch["task"]]
    return {"number": batch["number"], "result": results}
