"""The stages of ``training/run.py``, in one table, and how a recipe or a run selects one."""

from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from common.command import read_config
from common.errors import UserError
from common.groups import CONFIGS
from models.run_directory import RunDirectory
from training.config import StageConfig
from training.stages.distill.config import DistillConfig
from training.stages.extractive.config import ExtractiveConfig
from training.stages.grpo.config import GrpoConfig
from training.stages.kto.config import KtoConfig
from training.stages.preference.config import PreferenceConfig
from training.stages.pretrain.config import PretrainConfig
from training.stages.reward.config import RewardModelConfig
from training.stages.sft.config import SftConfig
from training.stages.stage import Stage

_ALL = (
    Stage("sft", ("用对话微调语言模型", "a language model, tuned on conversations"), "run", SftConfig),
    Stage(
        "pretrain",
        ("用纯文本继续预训练语言模型", "a language model, trained on plain text"),
        "pretrain",
        PretrainConfig,
    ),
    Stage(
        "distill",
        ("让小模型学习大模型的逐词分布", "a language model, tuned towards the distributions of another one"),
        "distill",
        DistillConfig,
    ),
    Stage(
        "preference",
        ("用较好与较差的回答训练语言模型", "a language model, tuned on better and worse answers"),
        "preference",
        PreferenceConfig,
    ),
    Stage(
        "kto",
        ("用单独评判的回答训练语言模型", "a language model, tuned on answers judged one by one"),
        "kto",
        KtoConfig,
    ),
    Stage("reward", ("训练给回答打分的奖励模型", "a model that rates answers"), "reward", RewardModelConfig),
    Stage(
        "grpo", ("按对回答的奖励训练语言模型", "a language model, tuned on rewards of its answers"), "grpo", GrpoConfig
    ),
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


def open_run(path: Path, changes: Mapping[str, Any] = {}) -> tuple[StageConfig, RunDirectory]:
    """Opens an earlier run to resume it as it was configured, but for some changes.

    Args:
        path: Its directory.
        changes: New values, by dotted keys.

    Raises:
        UserError: This is not a run directory, its stage is unknown, or its configuration is of another version.
    """
    run = RunDirectory(path)
    if not run.config_file.is_file():
        raise UserError("no run here (config.yaml is missing)", where=str(path), fix="give resume=runs/NAME/TIME")
    where = str(run.config_file)
    values = config_values(run)
    for key, value in changes.items():
        *above, name = key.split(".")
        reduce(lambda section, part: section.setdefault(part, {}), above, values)[name] = value
    stage = values["stage"]
    if stage not in STAGES:
        raise UserError(f"unknown stage {stage!r}", where=where, fix=f"available: {', '.join(STAGES)}")
    try:
        return STAGES[stage].config.model_validate(values), run
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        if key in changes:
            raise UserError(
                f"{first['msg']} (got {changes[key]!r})", where=key, fix="see docs/configuration.md"
            ) from None
        fix = "resume it with the version that began it, or start it again with this one"
        raise UserError(f"not a run of this version: {key}: {first['msg']}", where=where, fix=fix) from None


def config_values(run: RunDirectory) -> dict[str, Any]:
    """The configuration of a run, by today's names of its keys; the values are not checked.

    Raises:
        UserError: The file is empty or damaged.
    """
    file = run.config_file
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        values = str(error).splitlines()[0]
    if not isinstance(values, dict):
        problem = f"damaged: {values}" if values else "empty"
        raise UserError(
            f"the configuration is {problem}",
            where=str(file),
            fix="write it again as it is under config in provenance.json, or start the run again",
        )
    return migrated(values)


def migrated(values: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a run that began before there were stages or domains, or under earlier names of its keys."""
    migrated = {"stage": "sft", "domain": "medical"} | values  # before there were several, these were the only ones
    data, source = migrated.get("data", {}), migrated.get("source", {})
    if "suites" in data:
        data["protected_sets"] = data.pop("suites")
    if source.get("kind") == "medical_knowledge":
        source["kind"] = "knowledge_tuning"
    if "merge" in migrated:  # the proof had limits of its own before they followed from noise
        migrated["merge"] = {k: v for k, v in migrated["merge"].items() if k not in ("prompts", "tolerance")}
    return migrated


def by_dotted_key(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Nested settings by their dotted keys; an empty section stays a value."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        key = f"{above}.{name}" if above else str(name)
        found |= by_dotted_key(value, key) if isinstance(value, Mapping) and value else {key: value}
    return found


def _stage_of_recipe(name: str) -> str:
    """The stage that a recipe's file names; one that does not exist is reported when the configuration is read."""
    path = CONFIGS / "recipe" / f"{name}.yaml"
    values = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return str(values.get("stage", "sft"))
