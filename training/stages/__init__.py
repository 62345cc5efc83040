"""The stages of ``training/run.py``, in one table, and how a recipe or a run selects one."""

from pathlib import Path

import yaml

from common.command import read_config
from common.errors import UserError
from common.groups import CONFIGS
from models.run_directory import RunDirectory
from training.config import StageConfig
from training.stages.extractive.config import ExtractiveConfig
from training.stages.sft.config import SftConfig
from training.stages.stage import Stage

_ALL = (
    Stage("sft", ("用对话微调语言模型", "a language model, tuned on conversations"), "run", SftConfig),
    Stage(
        "extractive", ("训练在段落中标出答案的编码器", "an encoder that marks answers"), "extractive", ExtractiveConfig
    ),
)

STAGES: dict[str, Stage] = {stage.name: stage for stage in _ALL}


def read_stage(arguments: list[str]) -> list[StageConfig]:
    """Reads the configuration of the stage that the recipe among the arguments belongs to.

    Args:
        arguments: The words of the command line.

    Raises:
        UserError: Lists everything that is wrong with them.
    """
    recipes = [word.removeprefix("recipe=") for word in arguments if word.startswith("recipe=")]
    stage = STAGES[_stage_of_recipe(recipes[-1]) if recipes else "sft"]
    return read_config(stage.root, arguments, stage.config)


def open_run(path: Path) -> tuple[StageConfig, RunDirectory]:
    """Opens an earlier run to resume it as it was configured.

    Raises:
        UserError: This is not a run directory, or it names no known stage.
    """
    run = RunDirectory(path)
    if not run.config_file.is_file():
        raise UserError("no run here (config.yaml is missing)", where=str(path), fix="give resume=runs/NAME/TIME")
    values = yaml.safe_load(run.config_file.read_text(encoding="utf-8"))
    stage = values.get("stage", "sft")  # runs from before stages existed do not name one
    values.setdefault("domain", "medical")  # nor do those from before domains existed: all were served as this one
    if stage not in STAGES:
        raise UserError(f"unknown stage {stage!r}", where=str(run.config_file), fix=f"available: {', '.join(STAGES)}")
    return STAGES[stage].config.model_validate(values), run


def _stage_of_recipe(name: str) -> str:
    """The stage that a recipe's file names; one that does not exist is reported when the configuration is read."""
    path = CONFIGS / "recipe" / f"{name}.yaml"
    values = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return str(values.get("stage", "sft"))
