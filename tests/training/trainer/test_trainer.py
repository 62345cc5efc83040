"""The trainer: equal trajectories for equal work, exact resume, atomic checkpoints."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from common.errors import Interrupted, Refused, UserError
from common.files import read_json
from data_recipes.schema.example import Example
from models.loading import load_tokenizer
from models.prompt_format import PromptFormat
from models.run_directory import RunDirectory
from tests.training.method_choices import method_choices, words_of
from training.base import find_base
from training.batches.packing import Rows
from training.batches.supervision import supervise
from training.methods import METHODS
from training.stages.sft.config import SftConfig
from training.stages.sft.job import attached_model, rows
from training.trainer.checkpoints import newest_whole
from training.trainer.supervised import Along, EpochOrder, SupervisedTrainer, train

MakeConfig = Callable[..., SftConfig]
ON_NF4 = ("ptuning_v2", "ia3")  # methods whose file in configs/method/ leaves the base as it is
CASES = {
    **{choice: words_of(choice) for choice in method_choices()},
    **{f"{choice} on nf4": (*words_of(choice), "method.quantisation=nf4") for choice in ON_NF4},
}

QUICK = ("qlora",)
"""Others are trained, saved and resumed by the same code, or in ``test_rank_schedule.py``."""


def begun(config: SftConfig) -> RunDirectory:
    return RunDirectory.create(config.runs_dir, config.name, config)


def trained(config: SftConfig, run: RunDirectory, examples: list[Example]) -> dict[str, torch.Tensor]:
    """Trains (or continues) and returns the weights of the result."""
    base = find_base(config)
    batches = rows(supervise(examples, base.prompt_format, config.train, "train"), config, config.train.max_length)
    torch.manual_seed(config.seed)
    model, method = attached_model(config, base), METHODS[config.method.kind]
    method.start(model, config.method, [sequence.ids for row in batches.rows for sequence in row], find_base(config))
    along = Along(None, method.companion(model, config.method), method.rates(config.method))
    train(model, batches, Rows(batches.rows[:2]), config.train, run, config.seed, along)
    result = run.path / "result"
    method.save(model, result, base, torch.float32)
    (weights,) = result.glob("*.safetensors")
    return load_file(weights)


def logged(run: RunDirectory, key: str) -> dict[int, float]:
    lines = [json.loads(line) for line in run.metrics_file.read_text(encoding="utf-8").splitlines()]
    return {line["step"]: line[key] for line in lines if key in line}


@pytest.mark.parametrize(
    "method", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in CASES]
)
def test_interrupted_and_resumed_run_equals_an_uninterrupted_one_to_the_bit(
    method: str, make_config: MakeConfig, examples: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (*CASES[method], "train.max_steps=7", "train.epochs=5", "train.precision=fp32")
    whole_run = begun(make_config(*words, "name=whole"))
    whole = trained(make_config(*words), whole_run, examples)

    run = begun(make_config(*words, "name=parts"))
    step = SupervisedTrainer.training_step
    calls = []

    def interrupting(self: SupervisedTrainer, *args: object, **kwargs: object) -> torch.Tensor:
        calls.append(1)
        if len(calls) == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return step(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(SupervisedTrainer, "training_step", interrupting)
    with pytest.raises(Interrupted, match="resume="):
        trained(make_config(*words), run, examples)
    assert newest_whole(run.checkpoints, "") == run.checkpoints / "checkpoint-5"
    resumed = trained(make_config(*words), run, examples)
    assert len(calls) == 7
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert logged(run, "loss") == logged(whole_run, "loss")
    assert logged(run, "supervised_tokens") == logged(whole_run, "supervised_tokens")


@pytest.mark.parametrize("times", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_sigterm_saves_a_checkpoint_and_says_how_to_resume_and_twice_stops_at_once(
    times: int, make_config: MakeConfig, examples: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config("method=lora", "train.max_steps=9", "train.epochs=5", "train.save_steps=100")
    run, step, before = begun(config), SupervisedTrainer.training_step, signal.getsignal(signal.SIGTERM)

    def terminated(self: SupervisedTrainer, *args: object, **kwargs: object) -> torch.Tensor:
        if self.state.global_step == 2:
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGTERM)
        return step(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(SupervisedTrainer, "training_step", terminated)
    said = "stopped after step 3" if times == 1 else "stopped at once"
    with pytest.raises(Interrupted, match=rf"{said}.*resume={run.path}") as stopped:
        trained(config, run, examples)
    assert stopped.value.number == signal.SIGTERM and signal.getsignal(signal.SIGTERM) == before
    assert [path.name for path in run.checkpoints.glob("*")] == (["checkpoint-3"] if times == 1 else [])


def test_an_untrained_prefix_is_what_the_base_itself_keeps_of_tokens(make_config: MakeConfig) -> None:
    config = make_config("method=ptuning_v2", "method.prefix_length=5", "train.packing=false")
    base = find_base(config)
    question = torch.tensor([[9, 8, 7, 6]])
    torch.manual_seed(3)
    prefixed = attached_model(config, base).eval()
    torch.manual_seed(3)
    tokens = torch.randint(prefixed.config.vocab_size, (1, 5))
    with torch.no_grad():
        through_prefix = prefixed(input_ids=question).logits
        with prefixed.disable_adapter():
            behind_tokens = prefixed(input_ids=torch.cat([tokens, question], dim=1)).logits[:, 5:]
            alone = prefixed(input_ids=question).logits
    torch.testing.assert_close(through_prefix, behind_tokens, rtol=1e-4, atol=1e-4)
    assert (alone - behind_tokens).abs().max() > 1e-3


@pytest.mark.slow
def test_accumulated_steps_equal_one_large_batch(make_config: MakeConfig, examples: list[Example]) -> None:
    common = (
        "method=lora",
        "train.max_steps=4",
        "train.log_steps=10",
        "train.precision=fp32",
        "train.learning_rate=1e-3",
    )
    large = make_config(*common, "train.batch_size=4", "name=large")
    small = make_config(*common, "train.batch_size=1", "train.gradient_accumulation=4", "name=small")
    run = begun(large)
    one = trained(large, run, examples)
    assert set(logged(run, "loss")) == {4}  # fewer steps than are logged at a time
    four = trained(small, begun(small), examples)
    for name in one:
        torch.testing.assert_close(one[name], four[name], rtol=1e-3, atol=1e-5)


def test_dev_loss_depends_neither_on_batches_nor_on_packing_and_padding_is_not_counted(
    make_config: MakeConfig, examples: list[Example]
) -> None:
    found, tokens = [], []
    for number, words in enumerate(
        (("train.batch_size=1",), ("train.batch_size=7",), ("train.batch_size=3", "train.packing=false"))
    ):
        config = make_config(
            *(
                "method=lora",
                "train.max_steps=1",
                "train.warmup_share=0.9",
                "train.eval_steps=1",
                "train.precision=fp32",
            ),
            *(*words, "train.gradient_accumulation=24", f"name=dev{number}"),
        )
        base, run = find_base(config), begun(config)
        made = rows(supervise(examples, base.prompt_format, config.train, "dev"), config, config.train.max_length)
        train(attached_model(config, base), made, made, config.train, run, config.seed)
        found += logged(run, "dev_loss").values()
        tokens += logged(run, "tokens").values()
    assert found == pytest.approx([found[0]] * 3, rel=1e-5)
    whole = sum(len(r.ids) for r in supervise(examples, base.prompt_format, config.train, "dev").rendered)
    assert tokens == [whole] * 3


def test_training_lowers_the_loss_and_logs_what_it_did(make_config: MakeConfig, examples: list[Example]) -> None:
    config = make_config("method=qlora", "train.max_steps=24", "train.epochs=20", "train.learning_rate=1e-2")
    run = begun(config)
    trained(config, run, examples)
    loss = logged(run, "loss")
    # a batch holds two examples, some far easier than others: whole epochs are compared, not single steps
    first, second = (sum(loss[step] for step in range(start, start + 12)) for start in (1, 13))
    assert second < 0.7 * first
    assert set(logged(run, "dev_loss")) == set(range(3, 25, 3))
    assert all(rate > 0 for rate in logged(run, "supervised_tokens_per_second").values())
    assert run.metrics_file.with_suffix(".csv").read_text().count("\n") == 1 + 24 + 8
    assert list((run.path / "tensorboard").glob("events*"))
    assert sorted(p.name for p in run.checkpoints.glob("*")) == ["checkpoint-22", "checkpoint-24"]


@pytest.mark.parametrize(
    "method", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in method_choices()]
)
def test_training_and_saving_ask_no_hub_even_where_one_is_allowed(
    method: str, make_config: MakeConfig, examples: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *_: asked.append(host))
    config = make_config(*CASES[method], "train.max_steps=2", "train.precision=fp32")
    trained(config, begun(config), examples)
    assert asked == []


def test_failed_write_keeps_the_last_checkpoint_whole(
    make_config: MakeConfig, examples: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config("method=lora", "train.max_steps=6")
    run = begun(config)
    save = SupervisedTrainer._save_optimizer_and_scheduler

    def full_disk(self: SupervisedTrainer, output_dir: str) -> None:
        if self.state.global_step >= 4:
            raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534")  # torch.save
        save(self, output_dir)

    monkeypatch.setattr(SupervisedTrainer, "_save_optimizer_and_scheduler", full_disk)
    with pytest.raises(UserError, match="disk is full"):
        trained(config, run, examples)
    assert [p.name for p in run.checkpoints.iterdir()] == ["checkpoint-2"]
    monkeypatch.undo()
    trained(config, run, examples)
    assert newest_whole(run.checkpoints, "") == run.checkpoints / "checkpoint-6"


@pytest.mark.slow
def test_really_full_disk_is_reported_and_the_last_checkpoint_survives(
    make_config: MakeConfig, examples: list[Example], tmp_path: Path
) -> None:
    disk = tmp_path / "small_disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "none", str(disk)], check=False)
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        config = make_config(
            "method=lora", "method.rank=8", "train.max_steps=20", "train.save_steps=1", f"runs_dir={disk}"
        )
        run = begun(config)
        with pytest.raises(UserError, match="disk is full"):
            trained(config, run, examples)
        last = newest_whole(run.checkpoints, "")
        assert (
            last is not None
            and (last / "trainer_state.json").is_file()
            and load_file(last / "adapter_model.safetensors")
        )
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_loss_that_is_not_a_number_stops_the_run(make_config: MakeConfig, examples: list[Example]) -> None:
    config = make_config("method=lora", "train.max_steps=8", "train.learning_rate=1e30", "train.max_grad_norm=1e30")
    run = begun(config)
    with pytest.raises(Refused, match=r"learning_rate(.|\n)*not_a_number\.json"):
        trained(config, run, examples)
    (batch,) = read_json(run.not_a_number_file)["batches"]  # every step is logged
    assert batch["loss"] in ("nan", "inf") and batch["step"] > 1 and len(batch["ids"]) == config.train.batch_size
    assert set(map(type, batch["ids"][0])) == {int}


def test_order_depends_on_seed_and_epoch_alone() -> None:
    lengths = [5, 40, 6, 39, 7, 41, 8, 38]
    orders = [
        list(EpochOrder(lengths, seed, lambda e=epoch: e, None)) for seed, epoch in [(1, 0), (1, 0), (1, 1), (2, 0)]
    ]  # type: ignore[misc]
    assert orders[0] == orders[1] and orders[0] != orders[2] and orders[0] != orders[3]
    many = [5, 40] * 64
    grouped = list(EpochOrder(many, 1, lambda: 0, group=4))
    batches = [{many[i] for i in grouped[start : start + 4]} for start in range(0, len(many), 4)]
    assert sorted(grouped) == list(range(len(many)))
    assert sum(len(lengths) == 1 for lengths in batches) > 24  # of 32; a random order would have about 4


def test_too_long_examples_are_counted_and_too_many_stop_the_run(
    make_config: MakeConfig, examples: list[Example], tiny_base: Path
) -> None:
    prompt_format = PromptFormat.named("xinglin", load_tokenizer(tiny_base))
    lenient = make_config("train.max_length=16", "train.max_dropped_share=1").train
    result = supervise(examples, prompt_format, lenient, "train")
    assert result.dropped and len(result.rendered) + len(result.dropped) == len(examples)
    with pytest.raises(UserError, match=r"longer than train.max_length=16"):
        supervise(examples, prompt_format, make_config("train.max_length=16").train, "train")


@pytest.mark.slow  # the matrix of methods trains it, too
def test_loraplus_moves_b_as_much_faster_as_it_says(make_config: MakeConfig, examples: list[Example]) -> None:
    words = ("method=loraplus", "train.max_steps=1", "train.warmup_share=0", "train.schedule=constant")
    config = make_config(*words, "train.learning_rate=1e-3", "train.precision=fp32")
    weights = trained(config, begun(config), examples)
    moved = [values.abs().max().item() for name, values in weights.items() if "lora_B" in name]
    assert moved == pytest.approx([16e-3] * 14, rel=1e-2)  # Adam's first step is the learning rate, and B was zero
