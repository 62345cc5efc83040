"""The command itself, killed in the middle of its work and started again."""

import signal
import time
from pathlib import Path

import pytest

from data_recipes.pipeline.build import BuiltDataset
from eval.report.schema import Report
from tests.commands import Command
from tests.eval.fake_server import FakeServer, Handler, serving

pytestmark = pytest.mark.slow


def slowly(handler: Handler, question: str) -> None:
    time.sleep(0.2)
    handler.say(f"关于{question}")


def started(server: FakeServer, dataset: BuiltDataset, out: Path) -> Command:
    words = (
        f"systems.served.url={server.url}",
        "systems.served.at_once=1",
        f"dataset={dataset.directory}",
        f"out={out}",
    )
    return Command("eval/run.py", *words)


def test_an_evaluation_that_was_killed_asks_only_what_was_not_answered(dataset: BuiltDataset, tmp_path: Path) -> None:
    out = tmp_path / "report"
    with serving(slowly) as server:
        process = started(server, dataset, out)
        while len(server.asked) < 5:
            assert process.returncode is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait(20)
        assert list(out.iterdir()) == []
        again = started(server, dataset, out)
        _, log = again.wait(240)
        assert again.returncode == 0, log
        asked = [body["messages"][-1]["content"] for body in server.asked]
    items = [item.prompt[-1].content for split in ("test", "safety") for item in dataset.splits[split]]
    assert set(asked) == set(items) and len(items) <= len(asked) <= len(items) + 1  # one was on its way
    assert len(Report.load(out / "report.json").provenance.systems["served"].sessions) == 2
