"""``training/run.py``: what is refused before anything is built."""

import pytest

from common.errors import UserError
from training import processes
from training.run import LAUNCHERS, main, refuse_unknown_launchers


@pytest.mark.parametrize("name", LAUNCHERS)
def test_processes_that_do_not_know_of_each_other_are_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "2")
    with pytest.raises(UserError, match=rf"{name}: 2 processes (.|\n)*-> .*torchrun --nproc-per-node=N"):
        main(["recipe=no_such_recipe"])  # which would be the complaint if anything were read first
    monkeypatch.setenv(name, "1")
    refuse_unknown_launchers()


def test_what_only_one_process_can_do_is_refused_where_there_are_several(monkeypatch: pytest.MonkeyPatch) -> None:
    processes.refuse("a sweep")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match=r"2 processes .* a sweep(.|\n)*CUDA_VISIBLE_DEVICES=1"):
        processes.refuse("a sweep")
