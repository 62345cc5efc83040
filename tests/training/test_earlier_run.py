"""An earlier run as the base of the next one: the newest finished one, what it has to be, and that it is whole."""

import shutil
from pathlib import Path

import pytest

from common.errors import Refused, UserError
from common.files import read_json, write_json
from tests.training.conftest import TriedRun
from training.earlier_run import model_of_run


def test_the_base_is_what_the_newest_finished_run_has_made(
    finished: TriedRun, interrupted: TriedRun, tmp_path: Path
) -> None:
    runs = tmp_path / "runs/tried"
    for name, run in (("20260101", finished), ("20260102", finished), ("20260103", interrupted)):
        shutil.copytree(run.path, runs / name)
    assert model_of_run(runs / "latest") == (runs / "20260102/merged").resolve()
    assert model_of_run(runs / "20260101") == (runs / "20260101/merged").resolve()
    assert model_of_run(finished.base) is None  # an ordinary model
    with pytest.raises(UserError, match=r"has not finished(?s:.*)resume=.*20260103"):
        model_of_run(runs / "20260103")


def test_without_a_finished_run_the_command_that_makes_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no run yet(?s:.*)recipe=medical_qlora"):
        model_of_run(tmp_path / "medical_qlora/latest")


def test_a_changed_model_or_an_adapter_is_no_base(finished: TriedRun) -> None:
    weights = finished.path / "merged/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    with pytest.raises(Refused, match=r"model\.safetensors was changed"):
        model_of_run(finished.path)
    record = read_json(finished.path / "artifact.json")
    write_json(finished.path / "artifact.json", record | {"kind": "adapter", "why_not_merged": "not asked for"})
    with pytest.raises(UserError, match=r"no model of its own(?s:.*)merge\.enabled=true"):
        model_of_run(finished.path)
