"""What runs a function over many shards: processes on this machine, or Ray."""

from data_recipes.config import DataConfig
from data_recipes.pipeline.executors.executor import Engine
from data_recipes.pipeline.executors.local import LocalEngine


def engine_of(data: DataConfig) -> Engine:
    """The engine that a recipe asks for.

    Raises:
        UserError: Ray is asked for and not installed.
    """
    if data.engine == "local":
        return LocalEngine(data.workers)
    from data_recipes.pipeline.executors.ray import RayEngine  # Ray is optional and slow to load

    return RayEngine(data.ray_address)
