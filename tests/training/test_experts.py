"""Experts: what does not go together is refused, and the whole command ends in something that is served."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.config import AppConfig
from app.served import chosen
from common.command import read_config
from common.errors import Refused, UserError
from common.files import read_json
from data_recipes.schema.example import Message
from models.artifact import NO_ENTRIES, Artifact, GroundingRecord
from models.engines.engine import Sampling
from models.engines.experts import ExpertsEngine, open_engine
from training.experts import ExpertRouterConfig, make_experts, refuse_different

SMALL = (
    "model=embedded model.embedded.corpus=medical method=lora method.rank=2 data.splits.train=200 train.batch_size=4"
    " train.max_length=128 train.max_steps=4 suite=quick suite.max_items=2 suite.max_new_tokens=4 merge.tokens=40"
    " 'model.embedded={vocab_size: 4200, hidden_size: 64, layers: 1, sequence_length: 64, batch_size: 4, steps: 20,"
    " corpus: medical}'"
)


def configure(*words: str) -> ExpertRouterConfig:
    (config,) = read_config("expert_router", list(words), ExpertRouterConfig)
    return config


def expert(base: str = "a", grounding: GroundingRecord = NO_ENTRIES, quantisation: str | None = None) -> Any:
    record = SimpleNamespace(
        base=SimpleNamespace(name=f"base-{base}", sha256=base * 64),
        quantisation=quantisation,
        prompt_format="xinglin",
        prompt_format_sha256="f" * 64,
        grounding=grounding,
    )
    return SimpleNamespace(artifact=record)


def test_too_few_experts_and_runs_without_an_adapter_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="give two or more"):
        configure(f"out={tmp_path}", "experts.math=null", "experts.instruments=null")
    config = configure(f"out={tmp_path}/out", f"experts.medical={tmp_path}/nothing")
    with pytest.raises(UserError, match=r"experts\.medical=.*no adapter here"):
        make_experts(config)


def test_adapters_that_do_not_go_together_are_refused_with_every_difference() -> None:
    refuse_different({"one": expert(), "two": expert()})
    with pytest.raises(Refused) as error:
        refuse_different({"one": expert(), "two": expert("b", quantisation="nf4")})
    assert "base-a aaaaaaaaaaaa… (one) and base-b" in str(error.value) and "quantisation: None" in str(error.value)
    reads = GroundingRecord(kind="entries", template="entries", sha256="e" * 64, entries=1, attributes=1, budget=9)
    with pytest.raises(Refused, match="two: trained with entries in the prompts"):
        refuse_different({"one": expert(), "two": expert(grounding=reads)})


@pytest.mark.slow
def test_the_command_ends_in_experts_that_are_served(tmp_path: Path) -> None:
    out = tmp_path / "experts"
    words = f"{SMALL} runs_dir={tmp_path}/runs"
    said = make_experts(configure(f"out={out}", "experts.instruments=null", f"words={words}"))
    artifact = Artifact.load(out)
    assert artifact.kind == "experts" and list(artifact.experts) == ["medical", "math"]
    routed = read_json(out / "routed.json")
    assert min(one["value"] for one in routed.values()) > 0.9 and f"model={out}" in said
    engine = open_engine(out)
    assert isinstance(engine, ExpertsEngine)
    asked = ["高血压有哪些症状？", "小明有3个苹果，又买了5个，一共有几个？"]
    prompts = [[Message(role="user", content=text)] for text in asked]
    assert [engine.expert_for(prompt) for prompt in prompts] == ["medical", "math"]
    assert len(engine.generate(prompts, [Sampling(max_new_tokens=3)] * 2)) == 2
    (config,) = read_config("app", [f"model={out}"], AppConfig)
    assert chosen(config).domain.name == "medical"
    (out / "math/adapter_model.safetensors").write_bytes(b"")
    with pytest.raises(Refused, match=r"adapter_model\.safetensors was changed"):
        open_engine(out)
