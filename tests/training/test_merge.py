"""Merging: the merged model is the trained model, on plain transformers, or it is refused."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from common.errors import UserError
from data_recipes.schema.example import Example
from models.artifact import MergeProof
from models.prompt_format import PromptFormat
from tests.training.conftest import logged
from training.base import Base, find_base
from training.config import MergeConfig
from training.merge import NEGLIGIBLE_KL, AnswerStates, compared_answers, merge, prove, run_twice
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
    assert proof.passed and proof.noise is not None
    if compute_dtype == torch.float32:
        assert proof.max_logit_difference < 1e-3 and proof.greedy_agreement == 1.0 and proof.mean_kl < NEGLIGIBLE_KL


def test_merge_onto_the_original_base_is_refused_it_is_not_rounding(
    base: Base, adapter: Path, examples: list[Example], tmp_path: Path
) -> None:
    proof = merge_into(tmp_path / "merged", base, adapter, examples, base="original")
    assert proof.max_logit_difference > 1e-2 and not proof.passed


def test_bfloat16_passes_a_right_merge_and_refuses_a_wrong_one_by_its_own_noise(
    base: Base, adapter: Path, examples: list[Example]
) -> None:
    """The model is tiny, so emulated products take no time either."""
    compared = compared_answers(examples, base.prompt_format, 150)
    load = partial(base.load, torch.bfloat16)
    before, again = run_twice(PeftModel.from_pretrained(load(), adapter), compared)
    merged = PeftModel.from_pretrained(load(), adapter).merge_and_unload()
    right = prove(before, again, AnswerStates.of(merged, compared, "merged"), compared, MergeConfig().noise_factor)
    assert right.noise is not None and right.noise.mean_kl > NEGLIGIBLE_KL
    assert right.passed and right.tokens >= 150
    with torch.no_grad():
        merged.model.layers[1].self_attn.o_proj.weight.mul_(-1)
    wrong = prove(before, again, AnswerStates.of(merged, compared, "wrong"), compared, MergeConfig().noise_factor)
    assert not wrong.passed


def test_proof_counts_answer_tokens_not_prompts(base: Base, examples: list[Example]) -> None:
    short = compared_answers(examples, base.prompt_format, 30)
    assert 30 <= sum(sum(r.mask[1:]) for r in short) < 60 and len(short) < len(examples)
    with logged() as lines:
        everything = compared_answers(examples, base.prompt_format, 10**6)
    assert len(everything) == len(examples) and "fewer than merge.tokens=1000000" in "".join(lines)


@pytest.mark.slow
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
    compared = compared_answers(examples, base.prompt_format, 150)
    before = AnswerStates.of(model, compared, "before")
    same = prove(before, before, AnswerStates.of(other, compared, "after"), compared, 10)
    assert same.passed and same.max_logit_difference == 0 and same.mean_kl == pytest.approx(0, abs=1e-12)
    with torch.no_grad():
        other.model.layers[1].mlp.down_proj.weight.mul_(-1)
    different = prove(before, before, AnswerStates.of(other, compared, "after"), compared, 10)
    assert not different.passed and different.mean_kl > 1e-3


def test_wrong_target_names_the_real_ones(make_config: MakeConfig, base: Base) -> None:
    with pytest.raises(UserError, match=r"this model has: .*q_proj"):
        attached_model(make_config("method=lora", "method.targets=[query_key_value]"), base)
