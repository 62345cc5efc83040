"""``training/run.py``: what is refused before anything is built."""

import pytest

from common.errors import UserError
from training.run import PROCESSES, main, refuse_several_processes


@pytest.mark.parametrize("name", PROCESSES)
def test_one_of_several_processes_is_refused_with_the_way_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "2")
    with pytest.raises(UserError, match=rf"{name}: 2 processes .*torchrun(.|\n)*-> .*CUDA_VISIBLE_DEVICES=1"):
        main(["recipe=no_such_recipe"])  # which would be the complaint if anything were read first
    monkeypatch.setenv(name, "1")
    refuse_several_processes()
