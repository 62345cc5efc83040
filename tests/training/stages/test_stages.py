"""The table of stages: every stage can be configured and has work for the chain."""

from pathlib import Path

import pytest
import yaml

from common.errors import UserError
from common.groups import CONFIGS
from training.stages import STAGES, open_run
from training.stages.job import Job


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_has_a_root_a_schema_of_its_name_and_a_job(name: str) -> None:
    stage = STAGES[name]
    assert (CONFIGS / f"{stage.root}.yaml").is_file() and all(stage.described)
    assert name in str(stage.config.model_fields["stage"].annotation)
    assert issubclass(stage.job(), Job) and stage.job().markers


def test_every_recipe_names_a_stage_that_there_is() -> None:
    for recipe in (CONFIGS / "recipe").glob("*.yaml"):
        assert yaml.safe_load(recipe.read_text(encoding="utf-8")).get("stage", "sft") in STAGES


def test_a_run_of_an_unknown_stage_or_no_run_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"config\.yaml is missing"):
        open_run(tmp_path)
    (tmp_path / "config.yaml").write_text("stage: reading_tea_leaves\n")
    with pytest.raises(UserError, match=f"available: {', '.join(STAGES)}"):
        open_run(tmp_path)
