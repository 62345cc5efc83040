"""Several processes train one run as one process would: the same rows in every step, the same losses and weights."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.utils.data import SequentialSampler

from common.errors import UserError
from tests.commands import PROJECT
from training import processes
from training.batches.packing import EMPTY
from training.trainer.supervised import Filled


@pytest.mark.parametrize(("rows", "window"), [(8, 1), (1, 8), (4, 2), (13, 1), (5, 3), (2, 1)])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 8])
def test_a_step_has_its_rows_once_however_many_processes_divide_it(
    rows: int, window: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", str(count))
    if rows * window < count:
        with pytest.raises(UserError, match=r"train\.batch_size: .* fewer than there are processes"):
            processes.share(rows, window)
        return
    share = processes.share(rows, window)
    assert share.rows <= rows and 0 <= share.step - rows * window < count * share.window
    order = list(Filled(SequentialSampler(range(2 * rows * window + 1)), rows * window, share.step))
    assert len(order) == len(Filled(SequentialSampler(range(2 * rows * window + 1)), rows * window, share.step))
    steps = [order[start : start + share.step] for start in range(0, len(order), share.step)]
    assert len(steps) == 3 and [row for step in steps for row in step if row != EMPTY] == list(
        range(2 * rows * window + 1)
    )
    assert [row for row in steps[1] if row != EMPTY] == list(range(rows * window, 2 * rows * window))
    if count == 1:
        assert share == (rows, window)


SMALL = (
    *("model.embedded={vocab_size: 1500, hidden_size: 64, layers: 1, sequence_length: 64, batch_size: 4, steps: 20}",),
    *("data.splits.train=150", "data.splits.dev=30", "train.epochs=1", "train.save_steps=2", "train.eval_steps=4"),
    *("train.precision=fp32", "model.dtype=float32", "train.log_steps=1", "threads=1"),
    *("suite=quick", "suite.max_items=2", "suite.max_new_tokens=4", "merge.tokens=40", "train.max_length=128"),
)
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")


def start(launcher: tuple[str, ...], *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, *launcher, str(PROJECT / "training/run.py"), *words]
    variables = os.environ | {"PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


def done(process: subprocess.Popen[str]) -> None:
    _, logged = process.communicate(timeout=280)
    assert process.returncode == 0, logged[-3000:]


def only_run(runs: Path) -> Path:
    (directory,) = [path.parent for path in runs.glob("*/*/config.yaml")]
    return directory


def losses(run: Path) -> list[tuple[int, str, float]]:
    """What was measured: step, which loss, nats per supervised token."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]
    return [(one["step"], name, one[name]) for one in lines for name in ("loss", "dev_loss") if name in one]


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("recipe=medical_qlora", "method.dropout=0", "train.batch_size=5"),
        (
            "recipe=medical_qlora",
            "method.dropout=0",
            "train.packing=false",
            "train.batch_size=3",
            "train.gradient_accumulation=5",
        ),
        ("recipe=medical_ptuning_v2", "train.batch_size=16", "method.prefix_length=4"),
        ("recipe=medical_qlora", "method.dropout=0", "train.batch_size=5", "train.shard=true"),
        (
            "recipe=medical_qlora",
            "method=lora",
            "train.packing=false",
            "train.gradient_checkpointing=true",
            "train.shard=true",
        ),
        ("recipe=medical_ptuning_v2", "train.batch_size=16", "method.prefix_length=4", "train.shard=true"),
    ],
    ids=["packed", "window", "prefix", "divided-nf4", "divided-recomputed", "divided-prefix"],
)
def test_two_processes_learn_what_one_learns(words: tuple[str, ...], tmp_path: Path) -> None:
    alone = (word for word in words if word != "train.shard=true")
    done(start((), *alone, *SMALL, f"runs_dir={tmp_path / 'one'}"))
    done(start(TORCHRUN, *words, *SMALL, f"runs_dir={tmp_path / 'two'}"))
    one, two = only_run(tmp_path / "one"), only_run(tmp_path / "two")
    assert losses(one)
    assert [measured[:2] for measured in losses(one)] == [measured[:2] for measured in losses(two)]
    assert [measured[2] for measured in losses(two)] == pytest.approx([m[2] for m in losses(one)], rel=1e-5)
    alone, together = (load_file(run / "adapter/adapter_model.safetensors") for run in (one, two))
    for name, values in alone.items():
        assert torch.allclose(together[name], values, rtol=1e-3, atol=1e-4), name
    tokens = [json.loads((run / "metrics.jsonl").read_text("utf-8").splitlines()[-2]) for run in (one, two)]
    assert tokens[0].get("supervised_tokens") == tokens[1].get("supervised_tokens")
    assert (two / "report/report.json").is_file() and (two / "artifact.json").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("shard", ["false", "true"])
def test_a_last_step_that_is_no_multiple_of_log_steps_is_logged_by_all(tmp_path: Path, shard: str) -> None:
    small = (word for word in SMALL if not word.startswith("train.log_steps"))
    words = ("recipe=medical_qlora", "train.batch_size=5", "train.max_steps=3", f"train.shard={shard}", *small)
    done(start(TORCHRUN, *words, "train.log_steps=2", f"runs_dir={tmp_path}"))
    assert [step for step, name, _ in losses(only_run(tmp_path)) if name == "loss"] == [2, 3]


@pytest.mark.slow
@pytest.mark.parametrize("shard", ["false", "true"])
def test_two_processes_that_are_stopped_resume_to_the_bit(tmp_path: Path, shard: str) -> None:
    words = ("recipe=medical_qlora", "train.batch_size=5", "train.packing=false", *SMALL, "method.dropout=0.1")
    words = (*words, f"train.shard={shard}")
    done(start(TORCHRUN, *words, f"runs_dir={tmp_path / 'whole'}"))
    stopped = start(TORCHRUN, *words, f"runs_dir={tmp_path / 'stopped'}")
    while not list((tmp_path / "stopped").glob("*/*/checkpoints/checkpoint-*")):
        assert stopped.poll() is None
        time.sleep(0.05)
    stopped.send_signal(signal.SIGTERM)
    stopped.communicate(timeout=120)
    whole, resumed = only_run(tmp_path / "whole"), only_run(tmp_path / "stopped")
    assert not (resumed / "artifact.json").is_file()
    done(start(TORCHRUN, f"resume={resumed}"))
    assert losses(resumed) == losses(whole)
    alone, again = (load_file(run / "adapter/adapter_model.safetensors") for run in (whole, resumed))
    assert all(torch.equal(again[name], values) for name, values in alone.items())
