"""The stages of ``training/run.py``: which configuration each reads, and how a recipe or a run says which it is."""

from pathlib import Path

import yaml

from common.command import CONFIGS, read_config
from common.errors import UserError
from training.config import RunConfig, StageConfig
from training.extractive.config import ExtractiveRunConfig

STAGES: dict[str, tuple[str, type[StageConfig]]] = {
    "sft": ("run", RunConfig),
    "extractive": ("extractive", ExtractiveRunConfig),
}
"""Root configuration and schema of each stage."""


def read_stage(arguments: list[str]) -> list[StageConfig]:
    """Reads the configuration of the stage that the recipe among the arguments belongs to.

    Args:
        arguments: The words of the command line.

    Raises:
        UserError: Lists everything that is wrong with them.
    """
    recipes = [word.removeprefix("recipe=") for word in arguments if word.startswith("recipe=")]
    root, schema = STAGES[_stage_of_recipe(recipes[-1]) if recipes else "sft"]
    return read_config(root, arguments, schema)


def open_run(text: str, where: Path) -> StageConfig:
    """The configuration that a run was started with.

    Args:
        text: Its ``config.yaml``.
        where: The file, for messages.

    Raises:
        UserError: It names no known stage.
    """
    values = yaml.safe_load(text)
    stage = values.get("stage", "sft")  # runs from before there were stages do not say
    values.setdefault("domain", "medical")  # nor those from before there were domains: all were served as this one
    if stage not in STAGES:
        raise UserError(f"unknown stage {stage!r}", where=str(where), fix=f"known are {', '.join(STAGES)}")
    return STAGES[stage][1].model_validate(values)


def _stage_of_recipe(name: str) -> str:
    """The stage that a recipe's file names; one that does not exist is reported when the configuration is read."""
    path = CONFIGS / "recipe" / f"{name}.yaml"
    values = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return str(values.get("stage", "sft"))
