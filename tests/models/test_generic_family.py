"""Models without a family of their own: loaded and saved as transformers does, or refused with the reason."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from transformers import BloomConfig, Gemma3Config, LlamaConfig, MambaConfig, PreTrainedConfig

from common.errors import UserError
from common.files import read_json, write_json
from models.config import Hints
from models.export import keep_origin, save_native
from models.families.baichuan import BAICHUAN
from models.families.family import Checkpoint
from models.loading import load_config, load_model, load_prompt_format, load_tokenizer, open_checkpoint
from tests.models.natives import NATIVES, NATIVES_QUICK_FIRST, build


@pytest.mark.parametrize("name", NATIVES_QUICK_FIRST)
def test_it_computes_what_was_saved_and_is_saved_as_it_was(name: str, tiny_base: Path, tmp_path: Path) -> None:
    base, again = tmp_path / "base", tmp_path / "again"
    made, ids = build(name, tiny_base, base), torch.arange(5, 25)[None]
    family, checkpoint = open_checkpoint(base)
    assert family.name == ("qwen" if name == "qwen3" else "generic")
    model = load_model(base)
    again.mkdir()
    save_native(model, again, family, checkpoint, load_prompt_format(base))
    with torch.no_grad():
        assert torch.equal(model(input_ids=ids).logits, made(input_ids=ids).logits)
        assert torch.equal(load_model(again)(input_ids=ids).logits, made(input_ids=ids).logits)
    assert names_on_disk(again) == names_on_disk(base)
    assert load_prompt_format(again).name == NATIVES[name].prompt_format


def names_on_disk(directory: Path) -> set[str]:
    with safe_open(directory / "model.safetensors", framework="pt") as file:
        return set(file.keys())


def test_experts_are_one_tensor_each_on_disk(tiny_base: Path, tmp_path: Path) -> None:
    build("qwen3_moe", tiny_base, tmp_path)
    assert "model.layers.1.mlp.experts.3.down_proj.weight" in names_on_disk(tmp_path)
    assert load_model(tmp_path).model.layers[1].mlp.experts.down_proj.shape == (4, 64, 32)


def test_a_family_that_was_said_wrongly_still_saves_what_loads_again(tiny_base: Path, tmp_path: Path) -> None:
    base, merged = tmp_path / "base", tmp_path / "merged"
    build("mistral", tiny_base, base)
    hints = Hints(family="llama")
    family, checkpoint = open_checkpoint(base, hints)
    merged.mkdir()
    save_native(load_model(base, hints=hints), merged, family, checkpoint, load_prompt_format(base, hints))
    assert type(load_model(merged)).__name__ == "MistralForCausalLM"


@pytest.mark.parametrize("name", ["chatglm", "baichuan", "baichuan_alibi"])
def test_a_family_that_cannot_read_the_configuration_is_refused_in_words(
    name: str, tiny_base: Path, tmp_path: Path
) -> None:
    build("glm4", tiny_base, tmp_path)
    config = read_json(tmp_path / "config.json")
    del config["intermediate_size"]
    write_json(tmp_path / "config.json", config)
    with pytest.raises(UserError, match=rf"(?s)not a model of the family {name}: .*give no model\.family"):
        load_model(tmp_path, hints=Hints(family=name))


def configured(directory: Path, config: PreTrainedConfig, architecture: str, **more: Any) -> Path:
    """A directory with nothing but a configuration."""
    write_json(directory / "config.json", config.to_dict() | {"architectures": [architecture], **more})
    return directory


@pytest.mark.parametrize(
    ("config", "architecture", "why"),
    [
        (MambaConfig(num_hidden_layers=1), "MambaForCausalLM", "carries a state from token to token"),
        (Gemma3Config(), "Gemma3ForConditionalGeneration", "reads images or sounds besides text"),
        (BloomConfig(), "BloomForCausalLM", "has no max_position_embeddings"),
        (LlamaConfig(), "MyLlamaForCausalLM", r"(?s)unknown model family: .*MyLlama.*model\.family=NAME"),
    ],
)
def test_what_cannot_work_is_refused_by_its_configuration(
    config: PreTrainedConfig, architecture: str, why: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=why):
        load_config(configured(tmp_path, config, architecture))


@pytest.mark.parametrize("architecture", ["LlamaForCausalLM", "ChatGLMModel"])
def test_quantised_weights_are_refused_by_their_configuration(architecture: str, tmp_path: Path) -> None:
    sizes = dict.fromkeys(("padded_vocab_size", "ffn_hidden_size", "num_layers", "kv_channels"), 64)
    with pytest.raises(UserError, match="already quantised"):
        load_config(configured(tmp_path, LlamaConfig(), architecture, quantization_config={"bits": 8}, **sizes))


def test_glm_4_in_the_layout_of_its_authors_is_refused(tmp_path: Path) -> None:
    write_json(tmp_path / "config.json", {"architectures": ["ChatGLMModel"], "model_type": "chatglm"})
    write_json(tmp_path / "tokenizer_config.json", {"tokenizer_class": "ChatGLM4Tokenizer"})
    with pytest.raises(UserError, match=r"(?s)GLM-4 in the layout of its authors.*-hf"):
        load_tokenizer(tmp_path)


def test_without_a_chat_template_the_prompt_must_be_chosen(tiny_base: Path, tmp_path: Path) -> None:
    build("mistral", tiny_base, tmp_path)
    (tmp_path / "chat_template.jinja").unlink()
    with pytest.raises(UserError, match=r"(?s)no chat template.*model\.prompt_format=NAME, alpaca_zh"):
        load_prompt_format(tmp_path)
    assert load_prompt_format(tmp_path, name="alpaca_zh").name == "alpaca_zh"


def test_what_the_user_said_is_kept_in_what_is_written(tmp_path: Path) -> None:
    published = {"architectures": ["BaiChuanForCausalLM"]}
    checkpoint = Checkpoint(tmp_path, published, published, Hints(norm_head=True))
    native = tmp_path / "native"
    write_json(native / "config.json", {"architectures": ["LlamaForCausalLM"]})
    keep_origin(BAICHUAN, checkpoint, native)
    family, opened = open_checkpoint(native)
    assert (family.name, opened.hints.norm_head, opened.published) == ("baichuan", True, published)
    assert open_checkpoint(native, Hints(norm_head=False))[1].hints.norm_head is False
