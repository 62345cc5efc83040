"""Bases and settings that do not go together: told before training, in words."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file

from common.errors import UserError
from common.files import read_json, write_json
from data_recipes.schema.example import Example, Message
from models.loading import load_model, load_prompt_format
from tests.training.conftest import MakeConfig
from training.base import find_base, refuse_larger_tokenizer
from training.measured import check_rows
from training.methods import METHODS
from training.stages.sft.config import SftConfig
from training.stages.sft.job import SftJob, attached_model


def test_an_output_layer_that_is_the_embedding_is_no_target_and_no_layer_is_none(
    make_config: MakeConfig, tiny_base: Path, tmp_path: Path
) -> None:
    config = make_config("method=lora", "method.targets=[q_proj,lm_head]")
    with pytest.raises(UserError, match=r"lm_head has the weights of the embedding \(tied\)"):
        attached_model(config, find_base(config))
    with pytest.raises(UserError, match=r"method\.targets"):
        make_config("method=lora", "method.targets=[]")
    untied = shutil.copytree(tiny_base, tmp_path / "untied")
    write_json(untied / "config.json", read_json(untied / "config.json") | {"tie_word_embeddings": False})
    weights = load_file(untied / "model.safetensors")
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"].clone()
    save_file(weights, untied / "model.safetensors", metadata={"format": "pt"})
    config = make_config("method=lora", "method.targets=[q_proj,lm_head]", f"model.path={untied}")
    trained = [name for name, p in attached_model(config, find_base(config)).named_parameters() if p.requires_grad]
    assert any("lm_head" in name for name in trained)


def test_a_tokenizer_with_more_tokens_than_the_model_is_refused(tiny_base: Path) -> None:
    prompt_format = load_prompt_format(tiny_base)
    tokenizer = prompt_format.tokenizer
    there = len(tokenizer)
    refuse_larger_tokenizer(prompt_format, there, tiny_base)
    with pytest.raises(
        UserError, match=rf"embeddings of {there - 4} tokens: 4 more tokens, the first is .*{there - 4}"
    ):
        refuse_larger_tokenizer(prompt_format, there - 4, tiny_base)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})  # as in Gemma 3: no text has it
    refuse_larger_tokenizer(prompt_format, there, tiny_base)
    tokenizer.add_tokens(["阿莫西林"])
    with pytest.raises(UserError, match="1 more tokens, the first is '阿莫西林'"):
        refuse_larger_tokenizer(prompt_format, there, tiny_base)


def test_weights_that_are_no_numbers_are_named(tiny_base: Path) -> None:
    model = load_model(tiny_base)
    check_rows(model, packing=True)
    with torch.no_grad():
        model.get_parameter("model.layers.1.self_attn.q_proj.weight")[0, 0] = torch.inf
    with pytest.raises(UserError, match=r"layers\.1\.self_attn\.q_proj\.weight has NaN or Inf"):
        check_rows(model, packing=False)


def planned(config: SftConfig, answer: str) -> None:
    """Plans a run on questions with this answer."""
    base = find_base(config)
    job = object.__new__(SftJob)
    job.config, job.language_model, job.method = config, base, METHODS[config.method.kind]
    turns = (Message(role="user", content="问题？"), Message(role="assistant", content=answer))
    splits = {
        split: [Example(id=split, messages=turns, source="t", group=split, kind="t")] for split in ("train", "dev")
    }
    job.dataset = SimpleNamespace(splits=splits)
    job.prepare()
    job._refuse_beyond_context(job._longest(job._largest_step()))


@pytest.mark.parametrize("packing", ["true", "false"])
def test_an_example_longer_than_the_context_is_refused_and_a_full_row_of_short_ones_is_not(
    make_config: MakeConfig, packing: str
) -> None:
    config = make_config("method=lora", "train.max_length=2000", f"train.packing={packing}")
    planned(config, "头痛。")
    with pytest.raises(
        UserError, match=r"has \d+ tokens and the context of llama only 256\n  -> set train.max_length=256"
    ):
        planned(config, "头痛。" * 200)


@pytest.mark.parametrize(("length", "fix"), [(100, "train.max_length=156"), (250, "with fewer virtual tokens")])
def test_a_prefix_takes_its_place_in_the_context(make_config: MakeConfig, length: int, fix: str) -> None:
    words = ("train.packing=false", "train.max_length=2000")
    config = make_config("method=ptuning_v2", f"method.prefix_length={length}", *words)
    with pytest.raises(UserError, match=rf"behind {length} virtual ones(.|\n)*{fix}"):
        planned(config, "头痛。" * 60)
    planned(make_config("method=ptuning_v2", "method.prefix_length=8", *words), "头痛。")
