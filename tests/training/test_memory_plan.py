"""The memory plan: every phase is rehearsed, and what cannot fit stops with the setting to change."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from common.errors import UserError
from common.files import read_json, write_json
from data_recipes.schema.example import Example, Message
from models.loading import load_model
from models.output_layer import TILE
from models.rehearsal import rehearsal
from tests.models.natives import NATIVES, build
from tests.training.method_choices import method_choices, words_of
from training.base import find_base
from training.memory_plan import LIBRARIES, MemoryPlan, Phase, check_memory, memory_errors, plan_of
from training.merge import compared_answers
from training.stages.sft.config import SftConfig
from training.stages.sft.job import attached_model
from training.stages.sft.memory import Step, phases

MakeConfig = Callable[..., SftConfig]
STEP = Step(rows=2, length=64, supervised=60)
MEMORY = 2**60  # bytes that no machine has


def planned(config: SftConfig, examples: list[Example], step: Step = STEP) -> dict[str, Phase]:
    base = find_base(config)
    compared = compared_answers(examples, base.prompt_format, 40)
    return dict(phases(config, base, step, compared, {"dev": examples, "test": examples}))


QUICK = ("ptuning_v2", "qlora")


@pytest.mark.parametrize(
    "method", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in method_choices()]
)
def test_plan_knows_weights_and_trained_parameters(
    method: str, make_config: MakeConfig, examples: list[Example], tiny_base: Path
) -> None:
    config = make_config(*words_of(method))
    training = planned(config, examples)["training"]
    attached = attached_model(config, find_base(config))
    trained = [p for p in attached.parameters() if p.requires_grad]
    assert training.trained == 16 * sum(p.numel() for p in trained)  # with gradients and Adam's moments, in float32
    model = load_model(tiny_base, quantisation=config.method.quantisation)
    whole = len(trained) == len(list(model.parameters()))
    added = sum(b.nbytes for b in attached.buffers()) - sum(b.nbytes for b in model.buffers())
    weights = 0 if whole else model.get_memory_footprint() + added
    assert training.weights == pytest.approx(weights, rel=0.05, abs=2000)


def test_phases_are_those_that_the_run_has(make_config: MakeConfig, examples: list[Example]) -> None:
    assert set(planned(make_config("method=lora"), examples)) == {"training", "merge", "evaluation"}
    prefix = planned(make_config(*words_of("ptuning_v2")), examples)
    assert "merge" not in prefix and "gradient_checkpointing" not in prefix["training"].fix  # it does not work there


def test_more_rows_take_more_and_recomputed_layers_less(make_config: MakeConfig, examples: list[Example]) -> None:
    config = make_config("method=lora")
    small, large = (planned(config, examples, replace(STEP, rows=rows))["training"].computing for rows in (8, 32))
    assert 3 < large / small < 5  # attention masks of several rows are more than one
    recomputed = make_config("method=lora", "train.gradient_checkpointing=true")
    assert planned(recomputed, examples, replace(STEP, rows=32))["training"].computing < 0.7 * large


def test_a_rehearsal_counts_what_is_alive_and_forgets_what_is_not() -> None:
    with torch.device("meta"):
        model = torch.nn.Sequential(torch.nn.Linear(1000, 1000, bias=False), torch.nn.ReLU())
    with rehearsal(model, torch.device("cpu")) as memory:
        assert memory.live == 4_000_000
        output = model(torch.empty(500, 1000))  # input, product and result of ReLU
        assert memory.peak == 4_000_000 + 3 * 2_000_000
        assert memory.live == 4_000_000 + 2 * 2_000_000  # the backward pass needs the input and the result
        output.sum().backward()
        del output
        assert memory.live == pytest.approx(2 * 4_000_000, abs=100)  # the gradient


def test_a_question_longer_than_the_context_is_never_read_and_planned_for(
    make_config: MakeConfig, examples: list[Example]
) -> None:
    config = make_config("method=qlora")
    long = examples[0].model_copy(
        update={"messages": (Message(role="user", content="长" * 5000), examples[0].messages[-1])}
    )
    base = find_base(config)
    compared = compared_answers(examples, base.prompt_format, 40)
    found = [phases(config, base, STEP, compared, {"test": [*examples, *more]})["evaluation"] for more in ([], [long])]
    assert 0 < found[0].needed < found[1].needed


@pytest.mark.parametrize("vocabulary", [pytest.param(600, marks=pytest.mark.slow), 152_000])
def test_scoring_holds_a_tile_of_logits_whatever_the_vocabulary(
    vocabulary: int, make_config: MakeConfig, examples: list[Example], tiny_base: Path, tmp_path: Path
) -> None:
    shutil.copytree(tiny_base, tmp_path / "base")
    config = tmp_path / "base/config.json"
    write_json(config, read_json(config) | {"vocab_size": vocabulary})
    words = (f"model.path={tmp_path}/base", "suite.batch_size=2", "suite.max_new_tokens=8")
    found = planned(make_config("method=lora", *words), examples)
    assert found["evaluation"].computing < 4 * 4 * TILE  # of 4,096 tokens they would be 37 times this
    assert found["evaluation"].weights > 4 * 64 * vocabulary  # embedding and output layer are one


def test_run_that_cannot_fit_stops_with_what_would_fit(make_config: MakeConfig, examples: list[Example]) -> None:
    plan = plan_of(planned(make_config("method=lora"), examples), "float32")
    check_memory(plan)
    assert plan.process > LIBRARIES and plan.peak("training") > plan.process
    with pytest.raises(UserError, match=r"train\.batch_size.*gradient_checkpointing=true.*method=qlora"):
        check_memory(replace(plan, available=plan.phases["training"].needed / 2))


def test_out_of_memory_says_which_setting_to_change() -> None:
    plan = MemoryPlan({"training": Phase(1e9, 1e9, 1e9, "lower train.batch_size")}, 0.0, 1e12, "float32")
    told = r"out of memory; 2\.8 GiB were planned[\s\S]*lower train\.batch_size"
    with pytest.raises(UserError, match=told), memory_errors(plan, "training"):
        torch.empty(MEMORY, dtype=torch.uint8)
    with pytest.raises(RuntimeError, match="must match"), memory_errors(plan, "training"):
        torch.ones(2) + torch.ones(3)


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) for name in NATIVES])
def test_a_model_without_a_family_is_rehearsed(
    name: str, make_config: MakeConfig, examples: list[Example], tiny_base: Path, tmp_path: Path
) -> None:
    build(name, tiny_base, tmp_path)
    words = ("model=generic", f"model.path={tmp_path}", "model.prompt_format=null", "method=qlora")
    long = "suite.max_new_tokens=64"  # the answer goes beyond sliding windows
    assert set(planned(make_config(*words, long), examples)) == {"training", "merge", "evaluation"}
