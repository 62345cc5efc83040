"""``training/run.py``: what is refused before anything is built."""

from pathlib import Path

import pytest

from common.command import DONE, WRONG_INPUT
from common.errors import Interrupted, UserError
from data_recipes.pipeline import build as datasets_of
from training import chain, processes
from training.chain import run_chain
from training.run import LAUNCHERS, main, refuse_unknown_launchers, what_differs
from training.stages import read_stage
from training.stages.sft.config import SftConfig


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


def test_a_sweep_goes_on_behind_a_failed_run_and_says_which_differ_how(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[int] = []

    def tried(config: SftConfig, *_: object) -> str:
        asked.append(config.seed)
        if config.seed == 2:
            raise UserError("no such layer")
        if config.seed == 3:
            raise ZeroDivisionError
        if config.seed == 5:
            raise Interrupted("stopped")
        return f"summary {config.seed}"

    monkeypatch.setattr(chain, "run_chain", tried)
    sweep = ["-m", "recipe=medical_qlora", "train.epochs=1"]
    assert main([*sweep, "seed=1,2,3,4"]) == WRONG_INPUT
    said = capsys.readouterr().out
    assert asked == [1, 2, 3, 4] and "[4/4] seed=4\nsummary 4" in said
    assert said.endswith("2 of 4 runs failed:\n  - seed=2\n  - seed=3\n")
    assert main([*sweep, "seed=1,4"]) == DONE and "failed" not in capsys.readouterr().out
    with pytest.raises(Interrupted):
        main([*sweep, "seed=5,6"])
    assert asked[-1] == 5
    with pytest.raises(UserError, match="no such layer"):
        main(["recipe=medical_qlora", "seed=2"])


def test_what_differs_between_commands_is_what_not_all_have() -> None:
    assert what_differs(["python run.py a=1 b=2", "python run.py a=1 b=3 c=4"]) == ["b=2", "b=3 c=4"]
