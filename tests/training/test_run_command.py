"""``training/run.py``: what is refused before anything is built."""

from pathlib import Path

import pytest

from common.errors import UserError
from data_recipes.pipeline import build as datasets_of
from training import processes
from training.chain import run_chain
from training.run import LAUNCHERS, main, refuse_unknown_launchers
from training.stages import read_stage


def test_without_words_nothing_is_begun_and_what_could_be_is_told() -> None:
    with pytest.raises(UserError, match=r"nothing is asked for(.|\n)*recipe=medical_qlora(.|\n)*recipes: .*math_grpo"):
        main([])


@pytest.mark.parametrize("name", LAUNCHERS)
def test_processes_that_do_not_know_of_each_other_are_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "2")
    with pytest.raises(UserError, match=rf"{name}: 2 processes (.|\n)*-> .*torchrun --nproc-per-node=N"):
        main(["recipe=no_such_recipe"])  # which would be the complaint if anything were read first
    monkeypatch.setenv(name, "1")
    refuse_unknown_launchers()


def test_a_base_that_is_not_there_is_told_before_the_dataset_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets_of, "build_or_reuse", lambda *_: pytest.fail("a dataset was built"))
    (tmp_path / "空 folder").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run/config.yaml").write_text("stage: sft")
    cases = {
        "missing": "missing: no such directory or file",
        "空 folder": r"空 folder: .*config\.json",
        "run": "this run has not finished",
        "runs/latest": "there is no run yet",
    }
    for name, told in cases.items():
        [config] = read_stage(["model=llama", f"model.path={tmp_path / name}", f"runs_dir={tmp_path}/new"])
        with pytest.raises(UserError, match=told):
            run_chain(config)


def test_what_only_one_process_can_do_is_refused_where_there_are_several(monkeypatch: pytest.MonkeyPatch) -> None:
    processes.refuse("a sweep")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match=r"2 processes .* a sweep(.|\n)*CUDA_VISIBLE_DEVICES=1"):
        processes.refuse("a sweep")
