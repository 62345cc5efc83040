"""What workers share is made by one of them; after a failure, whole, by the next."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.made_once import made_once


def test_the_first_worker_makes_it_and_a_failure_is_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    workers: Iterator[Any] = (SimpleNamespace(getbasetemp=lambda n=n: tmp_path / f"gw{n}") for n in range(3))

    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError

    with pytest.raises(OSError):
        made_once(next(workers), "base", fail)
    first = made_once(next(workers), "base", lambda folder: (folder / "whole").touch())
    again = made_once(next(workers), "base", lambda _: pytest.fail("it was made twice"))
    assert first == again == tmp_path / "base" and [file.name for file in first.iterdir()] == ["whole"]
