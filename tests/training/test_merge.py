"""Merging: the merged model is the trained model, on plain transformers, or it is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from common.errors import UserError
from data_recipes.schema.example import Example
from models.artifact import MergeProof
from models.prompt_format import PromptFormat
from training.base import Base, find_base
from training.config import MergeConfig, MergeTolerance
from training.merge import merge, prove
from training.stages.sft.config import SftConfig
from training.stages.sft.job import attached_model

MakeConfig = Callable[..., SftConfig]


@pytest.fixture
def base(make_config: MakeConfig) -> Base:
    return find_base(make_config())


@pytest.fixture
def adapter(make_config: MakeConfig, tmp_path: Path) -> Path:
    """A LoRA adapter on the NF4 base whose update is as large as the weights."""
    config = make_config("method=qlora", "method.rank=4")
    model = attached_model(config, find_base(config))
    torch.manual_seed(3)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    model.save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


def merge_into(
    out: Path,
    base_model: Base,
    adapter: Path,
    examples: list[Example],
    dtype: torch.dtype = torch.float32,
    **config: object,
) -> MergeProof:
    out.mkdir()
    return merge(
        base_model,
        adapter,
        out,
        quantisation="nf4",
        dtype=dtype,
        examples=examples,
        config=MergeConfig.model_validate(config),
    )


def test_merge_onto_the_dequantised_base_is_exact(
    base: Base, adapter: Path, examples: list[Example], tmp_path: Path, compute_dtype: torch.dtype
) -> None:
    proof = merge_into(tmp_path / "merged", base, adapter, examples, compute_dtype)
    assert proof.prompts == len(examples) and proof.tokens > 0
    if compute_dtype == torch.float32:
        assert proof.passed and proof.max_logit_difference < 1e-3 and proof.greedy_agreement == 1.0
    else:  # the sum of base and update is rounded, once per weight: little beside what quantising them changed
        original = merge_into(tmp_path / "original", base, adapter, examples, compute_dtype, base="original")
        assert proof.mean_kl < original.mean_kl / 5


def test_merge_onto_the_original_base_differs_measurably_and_a_strict_tolerance_refuses_it(
    base: Base, adapter: Path, examples: list[Example], tmp_path: Path
) -> None:
    strict = {"max_logit_difference": 1e-3}
    proof = merge_into(tmp_path / "merged", base, adapter, examples, base="original", tolerance=strict)
    assert proof.max_logit_difference > 1e-2 and not proof.passed


def test_merged_directory_loads_in_plain_transformers_with_its_chat_template(
    base: Base, adapter: Path, examples: list[Example], tmp_path: Path
) -> None:
    out, prompt_format = tmp_path / "merged", base.prompt_format
    merge_into(out, base, adapter, examples)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(out), AutoTokenizer.from_pretrained(out)
    assert "quantization_config" not in model.config.to_dict()
    prompt = [m.model_dump() for m in examples[0].prompt]
    ids = tokenizer.apply_chat_template(prompt, add_generation_prompt=True, return_dict=False)
    assert ids == prompt_format.render_prompt(examples[0].prompt)
    assert PromptFormat.load(out, tokenizer).sha256 == prompt_format.sha256


def test_proof_notices_a_model_that_is_another_one(base: Base, adapter: Path, examples: list[Example]) -> None:
    model, other = base.load(torch.float32), base.load(torch.float32)
    same = prove(model, other, base.prompt_format, examples, MergeTolerance())
    assert same.passed and same.max_logit_difference == 0 and same.mean_kl == pytest.approx(0, abs=1e-9)
    with torch.no_grad():
        other.model.layers[1].mlp.down_proj.weight.mul_(-1)
    different = prove(model, other, base.prompt_format, examples, MergeTolerance())
    assert not different.passed and different.mean_kl > 1e-3


def test_wrong_target_names_the_real_ones(make_config: MakeConfig, base: Base) -> None:
    with pytest.raises(UserError, match=r"this model has: .*q_proj"):
        attached_model(make_config("method=lora", "method.targets=[query_key_value]"), base)
