"""Questions to the model in training: it is warned of loops, and training goes on as if nothing had been asked."""

from collections.abc import Callable, Iterator

import pytest
import torch
from loguru import logger

from data_recipes.schema.example import Example, Message
from models.run_directory import RunDirectory, read_metrics
from training.base import find_base
from training.batches.packing import Rows
from training.batches.supervision import supervise
from training.stages.sft.config import SftConfig
from training.stages.sft.job import attached_model, rows
from training.trainer import dev_answers
from training.trainer.dev_answers import DevAnswers
from training.trainer.supervised import Along, train

WORDS = (
    "method=lora",
    "train.max_steps=42",  # it goes on after it has been asked
    "train.epochs=80",
    "train.eval_steps=40",
    "train.learning_rate=1e-2",
    "train.max_length=160",
)


@pytest.fixture
def warned() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), level="WARNING", format="{message}")
    yield lines
    logger.remove(sink)


def saying(answer: str) -> list[Example]:
    turns = [(Message(role="user", content=f"问题{i}？"), Message(role="assistant", content=answer)) for i in range(8)]
    return [Example(id=f"e{i}", messages=m, source="test", group=str(i), kind="test") for i, m in enumerate(turns)]


def trained(config: SftConfig, examples: list[Example], warm_up: float) -> tuple[list[torch.Tensor], DevAnswers]:
    """What is trained, and who asked meanwhile."""
    run, base = RunDirectory.create(config.runs_dir, config.name, config), find_base(config)
    batches = rows(supervise(examples, base.prompt_format, config.train, "train"), config, config.train.max_length)
    torch.manual_seed(config.seed)
    model = attached_model(config, base)
    questions = [example.prompt for example in examples]
    asking = DevAnswers(model, base.prompt_format, questions, quantised=False, file=run.samples_file, warm_up=warm_up)
    train(model, batches, Rows(batches.rows[:2]), config.train, run, config.seed, Along(asking))
    return [p.detach().clone() for p in model.parameters() if p.requires_grad], asking


@pytest.mark.slow  # trains until it loops
def test_a_model_that_learns_to_loop_is_noticed_and_trains_the_same(
    make_config: Callable[..., SftConfig], warned: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev_answers, "SHARE", 1e9)
    asked, asking = trained(make_config(*WORDS, "name=asked"), saying("手术治疗、" * 8), warm_up=0)
    said = "".join(warned)
    assert "answers to dev questions loop" in said and "the learning rate (0.01) is too high" in said
    assert "手术" not in said
    assert asking.spent > 0
    silent, quiet = trained(make_config(*WORDS, "name=silent"), saying("手术治疗、" * 8), warm_up=1e9)
    assert quiet.spent == 0
    assert all(torch.equal(a, b) for a, b in zip(asked, silent, strict=True))


@pytest.mark.slow  # trains until it answers
def test_a_model_that_answers_properly_is_not_warned_of(
    make_config: Callable[..., SftConfig], warned: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev_answers, "SHARE", 1e9)
    _, asking = trained(make_config(*WORDS), saying("头痛、头晕和心悸。"), warm_up=0)
    assert asking.spent > 0 and not [line for line in warned if "loop" in line]


def test_asking_takes_no_more_than_its_share(
    make_config: Callable[..., SftConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev_answers, "SHARE", 1e-6)
    often = ("train.max_steps=6", "train.eval_steps=2")
    _, asking = trained(make_config(*WORDS, *often), saying("头痛。"), warm_up=0)
    assert asking.last == asking.spent  # asked once at most: the second time there was no time left
    samples = read_metrics(asking.file)
    assert [(one["step"], one["question"]) for one in samples] == [
        (2, f"问题{i}？") for i in range(dev_answers.QUESTIONS)
    ]
    assert all(isinstance(one["answers"][0]["text"], str) for one in samples)
