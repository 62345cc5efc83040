"""What we rely on in transformers' models, generation, templates and pipelines."""

from typing import Any

import torch
from canary import canary
from torch import nn
from transformers import (
    DynamicCache,
    GlmConfig,
    LlamaConfig,
    LlamaForCausalLM,
    Pipeline,
    cache_utils,
    masking_utils,
    modeling_utils,
    pipelines,
)
from transformers.models.glm import modeling_glm
from transformers.models.llama import modeling_llama
from transformers.utils import chat_template_utils

from models import reader
from training.trainer import sharding


def tiny_llama(layers: int = 1) -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=16, hidden_size=16, intermediate_size=16, num_hidden_layers=layers, num_attention_heads=2, head_dim=8
    )
    return LlamaForCausalLM(config).eval()


class Probe(nn.Module):
    """Replaces a layer's attention and records the arguments of its calls."""

    def forward(self, hidden_states: torch.Tensor, **given: Any) -> tuple[torch.Tensor, None]:
        self.given = given
        return torch.zeros_like(hidden_states), None


def without_other_arguments(self: nn.Module, hidden_states: torch.Tensor, **_: Any) -> torch.Tensor:
    return self.self_attn(hidden_states=hidden_states)[0]  # type: ignore[no-any-return]


@canary(
    arguments_not_handed_on=lambda patch: patch.setattr(
        modeling_llama.LlamaDecoderLayer, "forward", without_other_arguments
    ),
    no_eager_attention=lambda patch: patch.delattr(modeling_llama, "eager_attention_forward"),
    other_attributes=lambda patch: patch.setattr(modeling_llama.LlamaAttention, "__init__", nn.Module.__init__),
    another_registry=lambda patch: patch.setattr(modeling_utils, "ALL_ATTENTION_FUNCTIONS", {}),
)
def test_llama_classes() -> None:
    model = tiny_llama()
    attention = modeling_llama.LlamaAttention(model.config, 0)
    assert (attention.layer_idx, attention.head_dim, attention.scaling) == (0, 8, 8**-0.5)
    assert attention.attention_dropout == 0
    eager = modeling_llama.eager_attention_forward
    query = torch.randn(1, 2, 3, 8)
    for name in ("eager", "sdpa"):
        attend = modeling_utils.ALL_ATTENTION_FUNCTIONS.get_interface(name, eager)
        output, _ = attend(attention, query, query, query, None, dropout=0.0, scaling=attention.scaling)
        assert output.shape == (1, 3, 2, 8), f"{name} attention gives {tuple(output.shape)}"
    model.model.layers[0].self_attn = probe = Probe()
    ids, positions = torch.ones(1, 3, dtype=torch.long), torch.tensor([[0, 1, 0]])
    model.model(ids, position_ids=positions, use_cache=True, cached_positions="ours")
    wanted = {"position_ids", "attention_mask", "past_key_values", "position_embeddings", "cached_positions"}
    assert wanted <= set(probe.given), f"attention is called with {sorted(probe.given)}"
    assert torch.equal(probe.given["position_ids"], positions)
    assert model.config._attn_implementation in ("eager", "sdpa")
    assert isinstance(model, modeling_llama.LlamaPreTrainedModel)
    assert isinstance(model.model, modeling_llama.LlamaModel)


@canary(
    mask_over_the_whole_row=lambda patch: patch.setattr(masking_utils, "find_packed_sequence_indices", lambda _: None)
)
def test_packed_positions() -> None:
    model, ids = tiny_llama(layers=2), torch.tensor([[3, 4, 5, 6, 7]])
    with torch.inference_mode():
        packed = model(ids, position_ids=torch.tensor([[0, 1, 0, 1, 2]]), use_cache=False).logits
        alone = torch.cat([model(ids[:, :2]).logits, model(ids[:, 2:]).logits], dim=1)
    torch.testing.assert_close(packed, alone, msg=lambda text: f"packed examples see each other: {text}")


def rotate_as_llama(x: torch.Tensor) -> torch.Tensor:
    return modeling_llama.rotate_half(x)  # type: ignore[no-any-return]


@canary(halves_not_pairs=lambda patch: patch.setattr(modeling_glm, "rotate_half", rotate_as_llama))
def test_glm_rotation() -> None:
    config = GlmConfig(
        hidden_size=32,
        num_attention_heads=2,
        head_dim=16,
        rope_parameters={"rope_theta": 1e4, "rope_type": "default", "partial_rotary_factor": 0.5},
    )
    keys = torch.randn(2, 3, 5, 16)
    cos, sin = modeling_glm.GlmRotaryEmbedding(config)(keys, torch.tensor([[7]]))
    rotated, same = modeling_glm.apply_rotary_pos_emb(keys, keys, cos, sin)
    angles = 7 * 1e4 ** -(torch.arange(0, 8, 2) / 8)
    pairs = torch.view_as_complex(keys[..., :8].reshape(*keys.shape[:-1], 4, 2))
    expected = torch.view_as_real(pairs * torch.polar(torch.ones(4), angles)).flatten(-2)
    torch.testing.assert_close(rotated[..., :8], expected, msg=lambda text: f"adjacent pairs, first half: {text}")
    assert torch.equal(rotated[..., 8:], keys[..., 8:]) and torch.equal(rotated, same)


def without_the_cache(self: nn.Module, *given: Any, **named: Any) -> Any:
    return LLAMA(self, *given, **{**named, "past_key_values": None})


LLAMA = modeling_llama.LlamaModel.forward


@canary(
    cache_not_used=lambda patch: patch.setattr(modeling_llama.LlamaModel, "forward", without_the_cache),
    other_shapes=lambda patch: patch.setattr(
        cache_utils.DynamicLayer, "update", lambda self, keys, values, *_: (keys.mT, values.mT)
    ),
)
def test_cache_layers() -> None:
    model, ids = tiny_llama(2), torch.tensor([[3, 4, 5], [6, 7, 8]])
    with torch.no_grad():
        cache = model(ids, past_key_values=DynamicCache(), use_cache=True).past_key_values
        assert len(cache.layers) == 2 and all(layer.keys.shape == (2, 2, 3, 8) for layer in cache.layers)
        for layer in cache.layers:  # the second row alone, behind two masked places
            layer.keys, layer.values = (nn.functional.pad(r[1:], (0, 0, 2, 0)) for r in (layer.keys, layer.values))
        mask, position = torch.tensor([[0, 0, 1, 1, 1, 1]]), torch.tensor([[3]])
        named = {"attention_mask": mask, "position_ids": position, "past_key_values": cache, "use_cache": True}
        expected = model(torch.tensor([[6, 7, 8, 9]])).logits[:, -1:]
        torch.testing.assert_close(model(torch.tensor([[9]]), **named).logits, expected)


TEMPLATE = (
    "{% for message in messages %}{{ message.role }}: "
    "{% if message.role == 'assistant' %}{% generation %}{{ message.content }}{{ stop }}{% endgeneration %}"
    "{% else %}{{ message.content }}{% endif %}{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
)


@canary(
    no_spans=lambda patch: patch.setattr(
        chat_template_utils,
        "_render_with_assistant_indices",
        lambda compiled_template, messages, **names: ("".join(m["content"] for m in messages), []),
    ),
    another_result=lambda patch: patch.setattr(
        chat_template_utils, "render_jinja_template", lambda **_: "user: Questionassistant: Answer</s>"
    ),
)
def test_render_jinja_template() -> None:
    turns = [{"role": "user", "content": "Question"}, {"role": "assistant", "content": "Answer"}]
    given = {"chat_template": TEMPLATE, "return_assistant_tokens_mask": True, "stop": "</s>"}
    texts, spans = chat_template_utils.render_jinja_template(
        conversations=[turns], add_generation_prompt=False, **given
    )
    assert texts == ["user: Questionassistant: Answer</s>"], texts
    assert [texts[0][start:end] for start, end in spans[0]] == ["Answer</s>"], spans
    texts, spans = chat_template_utils.render_jinja_template(
        conversations=[turns[:1]], add_generation_prompt=True, **given
    )
    assert texts == ["user: Questionassistant: "] and list(spans[0]) == [], (texts, spans)


@canary(
    refused_again=lambda patch: patch.setitem(pipelines.REMOVED_TASKS, reader.TASK, "gone"),
    another_registry=lambda patch: patch.setattr(pipelines.PIPELINE_REGISTRY, "supported_tasks", {}),
    other_hooks=lambda patch: patch.delattr(Pipeline, "_sanitize_parameters"),
)
def test_question_answering_pipeline() -> None:
    _, task, _ = pipelines.check_task(reader.TASK)
    assert task["impl"] is reader.QuestionAnsweringPipeline, task
    hooks = ("_load_tokenizer", "_load_processor", "_sanitize_parameters", "_forward")
    missing = [name for name in hooks if not hasattr(Pipeline, name)]
    assert not missing, f"Pipeline has no {', '.join(missing)}"


@canary(
    kernel_stays=lambda patch: patch.setattr(
        modeling_utils.PreTrainedModel, "set_attn_implementation", lambda self, name: None
    )
)
def test_attention_kernels() -> None:
    model, ids = tiny_llama().eval(), torch.arange(12)[None] % 7
    found = {}
    for kernel in (model.config._attn_implementation, "eager"):
        model.set_attn_implementation(kernel)
        with torch.no_grad():
            found[model.config._attn_implementation] = model(ids).logits
    assert set(found) == {"sdpa", "eager"}, f"the kernels are {sorted(found)}"
    torch.testing.assert_close(found["sdpa"], found["eager"])


@canary(
    another_class=lambda patch: patch.setattr(modeling_llama.LlamaPreTrainedModel, "_no_split_modules", ["LlamaMLP"])
)
def test_no_split_modules() -> None:
    model = tiny_llama()
    assert sharding.layers_of(model) == list(model.get_decoder().layers), model._no_split_modules
