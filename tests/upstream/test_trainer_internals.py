"""What we rely on in transformers' trainer."""

import inspect
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from canary import canary
from torch.utils.data import DataLoader, Sampler
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments, trainer_pt_utils
from transformers.trainer_utils import EvalLoopOutput

ROWS = [{"input_ids": torch.tensor([1, 2, 3]), "labels": torch.tensor([1, 2, 3])}] * 4


def tiny_llama() -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=16, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, head_dim=8
    )
    return LlamaForCausalLM(config)


def run(trainer_class: type[Trainer], directory: Path) -> Trainer:
    """Two epochs of two steps, with a checkpoint after every second step."""
    arguments = TrainingArguments(
        output_dir=str(directory),
        num_train_epochs=2,
        per_device_train_batch_size=2,
        save_steps=2,
        use_cpu=True,
        report_to="none",
        disable_tqdm=True,
        log_level="error",
    )
    trainer = trainer_class(model=tiny_llama(), args=arguments, train_dataset=ROWS)  # type: ignore[arg-type]
    trainer.train()
    return trainer


def into_a_fixed_place(patch: Any) -> None:
    place = tempfile.mkdtemp()
    patch.setattr(Trainer, "_get_output_dir", lambda self, trial: place)


@canary(
    not_called_any_more=lambda patch: patch.setattr(Trainer, "_maybe_log_save_evaluate", lambda *_, **__: None),
    another_place=into_a_fixed_place,
    another_signature=lambda patch: patch.setattr(
        Trainer, "_save_checkpoint", lambda self, model, trial, metrics: None
    ),
)
def test_save_checkpoint() -> None:
    parameters = list(inspect.signature(Trainer._save_checkpoint).parameters)
    assert parameters == ["self", "model", "trial"], parameters

    class Saving(Trainer):  # type: ignore[misc]
        def _save_checkpoint(self, model: Any, trial: Any) -> None:
            before, self.args.output_dir = self.args.output_dir, f"{self.args.output_dir}/aside"
            super()._save_checkpoint(model, trial)
            self.args.output_dir = before

    with tempfile.TemporaryDirectory() as directory:
        run(Saving, Path(directory))
        saved = sorted(path.name for path in Path(directory).glob("aside/*"))
        assert saved == ["checkpoint-2", "checkpoint-4"], f"args.output_dir had {saved}"
        others = [path.name for path in Path(directory).iterdir() if path.name != "aside"]
        assert not others, f"written elsewhere: {others}"
        state = (Path(directory) / "aside/checkpoint-4").iterdir()
        assert {"model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json"} <= {
            path.name for path in state
        }


@canary(
    not_called_any_more=lambda patch: patch.setattr(Trainer, "_save_checkpoint", lambda self, model, trial: None),
    another_signature=lambda patch: patch.setattr(Trainer, "_save_rng_state", lambda self, directory, seed: None),
    another_eval_order=lambda patch: patch.setattr(Trainer, "_get_eval_sampler", lambda self, dataset, seed: None),
)
def test_save_rng_state() -> None:
    assert list(inspect.signature(Trainer._save_rng_state).parameters) == ["self", "output_dir"]
    assert list(inspect.signature(Trainer._get_eval_sampler).parameters) == ["self", "eval_dataset"]
    called: list[str] = []

    class Collective(Trainer):  # type: ignore[misc]
        def store_flos(self) -> None:
            called.append("flos")
            super().store_flos()

        def _save_rng_state(self, output_dir: str) -> None:
            called.append("states")
            super()._save_rng_state(output_dir)

    with tempfile.TemporaryDirectory() as directory:
        run(Collective, Path(directory))
    saved = [called[place : place + 2] for place in range(0, 4, 2)]
    assert saved == [["flos", "states"]] * 2, f"a checkpoint calls {called}"


@canary(
    loads_nothing=lambda patch: patch.setattr(Trainer, "_load_from_checkpoint", lambda self, path, model=None: None),
    another_signature=lambda patch: patch.setattr(Trainer, "_load_from_checkpoint", lambda self, *, path: None),
)
def test_load_from_checkpoint() -> None:
    with tempfile.TemporaryDirectory() as directory:
        trained = run(Trainer, Path(directory)).model.state_dict()
        other = Trainer(
            model=tiny_llama(), args=TrainingArguments(output_dir=directory, use_cpu=True, report_to="none")
        )
        other._load_from_checkpoint(f"{directory}/checkpoint-4")
        found = other.model.state_dict()
        assert all(torch.equal(values, found[name]) for name, values in trained.items()), "other values"


@canary(
    not_called_any_more=lambda patch: patch.setattr(
        Trainer, "get_train_dataloader", lambda self: DataLoader(self.train_dataset, batch_size=2)
    ),
    another_signature=lambda patch: patch.setattr(Trainer, "_get_train_sampler", lambda self, dataset, seed: None),
)
def test_get_train_sampler() -> None:
    parameters = list(inspect.signature(Trainer._get_train_sampler).parameters)
    assert parameters == ["self", "train_dataset"], parameters
    epochs: list[int] = []

    class Ordered(Trainer):  # type: ignore[misc]
        def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
            return Order(self, epochs)

    with tempfile.TemporaryDirectory() as directory:
        run(Ordered, Path(directory))
    assert epochs == [0, 1], f"the sampler was asked for an order in the epochs {epochs}, by trainer.state.epoch"


@canary(
    not_called_any_more=lambda patch: patch.setattr(Trainer, "_run_epoch", lambda *_, **__: None),
    another_signature=lambda patch: patch.setattr(Trainer, "get_batch_samples", lambda self, batches: (batches, None)),
)
def test_get_batch_samples() -> None:
    parameters = list(inspect.signature(Trainer.get_batch_samples).parameters)
    assert parameters == ["self", "epoch_iterator", "num_batches", "device"], parameters
    asked: list[int] = []
    trained: list[int] = []

    class Asking(Trainer):  # type: ignore[misc]
        def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: Any) -> Any:
            super().get_batch_samples(epoch_iterator, num_batches, device)
            asked.append(self.state.global_step)
            return [{name: torch.full((1, 3), 7) for name in ("input_ids", "labels")}], None

        def training_step(self, model: Any, inputs: Any, *arguments: Any) -> torch.Tensor:
            trained.append(int(inputs["input_ids"][0, 0]))
            return super().training_step(model, inputs, *arguments)

    with tempfile.TemporaryDirectory() as directory:
        run(Asking, Path(directory))
    assert asked == [0, 1, 2, 3], f"asked before the steps {asked}"
    assert trained == [7] * 4, f"trained on {trained}"
    assert EvalLoopOutput._fields == ("predictions", "label_ids", "metrics", "num_samples"), EvalLoopOutput._fields


class Order(Sampler[int]):
    """Records the epoch whenever an order is requested."""

    def __init__(self, trainer: Trainer, epochs: list[int]) -> None:
        self.trainer, self.epochs = trainer, epochs

    def __len__(self) -> int:
        return len(ROWS)

    def __iter__(self) -> Iterator[int]:
        self.epochs.append(int(self.trainer.state.epoch or 0))
        return iter(range(len(ROWS)))


def counting_anew(patch: Any) -> None:
    patch.setattr(TrainingArguments, "n_gpu", property(lambda self: 2, lambda self, number: None))


@canary(
    counted_anew=counting_anew,
    all_of_them=lambda patch: patch.setattr(
        Trainer, "_wrap_model", lambda self, model, **_: torch.nn.DataParallel(model)
    ),
)
def test_n_gpu() -> None:
    with tempfile.TemporaryDirectory() as directory:
        arguments = TrainingArguments(output_dir=directory, use_cpu=True, report_to="none")
        arguments._n_gpu = 2
        assert arguments.n_gpu == 2 and arguments.train_batch_size == 16, "n_gpu is not what was set"
        arguments._n_gpu = 1
        assert arguments.n_gpu == 1 and arguments.train_batch_size == 8, "n_gpu is not what was set"
        trainer = Trainer(model=tiny_llama(), args=arguments)
        assert trainer._wrap_model(trainer.model) is trainer.model, "one GPU, and the model is wrapped"


@canary(
    ungrouped=lambda patch: patch.setattr(
        trainer_pt_utils, "get_length_grouped_indices", lambda lengths, batch, generator: list(range(len(lengths)))
    ),
    another_generator=lambda patch: patch.setattr(
        trainer_pt_utils,
        "get_length_grouped_indices",
        lambda lengths, batch, generator: sorted(torch.randperm(len(lengths)).tolist(), key=lambda i: -lengths[i]),
    ),
)
def test_length_grouped_indices() -> None:
    lengths = [5, 40] * 32
    first, second, other = (
        trainer_pt_utils.get_length_grouped_indices(lengths, 4, generator=torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    )
    assert sorted(first) == list(range(len(lengths))), "not an order of all rows"
    assert first == second != other, "the order does not follow the generator"
    mixed = sum(len({lengths[i] for i in first[start : start + 4]}) > 1 for start in range(0, len(first), 4))
    assert mixed <= 4, f"{mixed} of 16 batches hold rows of unlike length"
