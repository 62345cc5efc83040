"""What runs a function over many shards: processes on this machine, or Ray."""

from data_recipes.config import DataConfig
from data_recipes.pipeline.executors.executor import Executor
from data_recipes.pipeline.executors.local import LocalExecutor


def executor_of(data: DataConfig) -> Executor:
    """The executor that a recipe asks for.

    Raises:
        UserError: Ray is requested but not installed.
    """
    if data.engine == "local":
        return LocalExecutor(data.workers)
    from data_recipes.pipeline.executors.ray import RayExecutor  # Ray is optional and slow to load

    return RayExecutor(data.ray_address)
