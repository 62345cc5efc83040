"""What methods start from: nothing that changes the base, or tokens of the conversations."""

from pathlib import Path

import pytest
import torch
from torch import nn

from common.errors import UserError
from data_recipes.schema.example import Example, Message
from models.beside_base import on_base
from models.engines.engine import Sampling
from models.engines.local import LocalEngine
from models.prompt_format import Rendered
from models.rehearsal import RECOMPUTED
from tests.training.conftest import MakeConfig
from training.base import find_base
from training.batches.packing import collate_padded
from training.batches.supervision import SupervisedSet
from training.methods import METHODS
from training.stages.sft.job import attached_model, rows
from training.stages.sft.memory import attached
from training.weight_search import loss

PROMPTS = ("ptuning_v2", "prompt_tuning")
LENGTH = {"ptuning_v2": "method.prefix_length", "prompt_tuning": "method.prompt_length"}
QUESTION = torch.tensor([[9, 8, 7, 6]])
TEXTS = [[11, 12, 13], [14, 15, 16, 17]]


@pytest.mark.parametrize("kind", PROMPTS)
def test_an_untrained_prompt_from_text_is_the_text(kind: str, make_config: MakeConfig) -> None:
    config = make_config(f"method={kind}", f"{LENGTH[kind]}=5", "method.start=text", "train.packing=false")
    base = find_base(config)
    model = attached_model(config, base).eval()
    METHODS[kind].start(model, config.method, TEXTS, base)
    read = torch.cat([torch.tensor([[11, 12, 13, 14, 15]]), QUESTION], 1)
    with torch.no_grad():
        expected = base.load(torch.float32)(input_ids=read).logits[:, 5:]
        torch.testing.assert_close(model(input_ids=QUESTION).logits, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", PROMPTS)
def test_too_little_text_to_start_from_is_an_error(kind: str, make_config: MakeConfig) -> None:
    config = make_config(f"method={kind}", f"{LENGTH[kind]}=8", "method.start=text", "train.packing=false")
    with pytest.raises(UserError, match=rf"have 7 tokens(?s:.*){LENGTH[kind]}=7 or less"):
        METHODS[kind].start(attached_model(config, find_base(config)), config.method, TEXTS, find_base(config))


def test_a_prompt_is_read_alike_alone_and_in_a_padded_batch_and_answers_count_no_token_of_it(
    make_config: MakeConfig,
) -> None:
    config = make_config("method=prompt_tuning", "method.prompt_length=5", "train.packing=false")
    base = find_base(config)
    engine = LocalEngine(attached_model(config, base), base.prompt_format, "prompted")
    asked = [[Message(role="user", content=text)] for text in ("感冒？", "高血压的常见症状有什么，可以挂什么科？")]
    sampling = Sampling(max_new_tokens=6)
    together = engine.generate(asked, [sampling, sampling])
    for conversation, completion in zip(asked, together, strict=True):
        ids = base.prompt_format.render_prompt(conversation)
        for _ in range(completion.completion_tokens):
            with torch.no_grad():
                ids.append(int(engine.model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
        assert engine.generate([conversation], [sampling])[0].text == completion.text
        assert base.prompt_format.tokenizer.decode(ids[-completion.completion_tokens :]).startswith(completion.text)
    answered = [*asked[0], Message(role="assistant", content="鼻塞。")]
    rendered = base.prompt_format.render(answered)
    with torch.no_grad():
        logits = engine.model(input_ids=torch.tensor([rendered.ids])).logits[0, :-1].log_softmax(-1)
    following = torch.tensor(rendered.ids[1:])
    mask = torch.tensor(rendered.mask[1:], dtype=torch.bool)
    expected = logits.gather(1, following[:, None])[:, 0][mask].sum().item()
    assert engine.score([answered])[0].logprob == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("start", ["pissa", pytest.param("olora", marks=pytest.mark.slow)])
def test_a_start_from_the_weights_themselves_leaves_the_model_as_it_is_and_says_where_it_does_not_fit(
    start: str, make_config: MakeConfig
) -> None:
    config = make_config(f"method={start}", "train.packing=true")
    base = find_base(config)
    model = attached_model(config, base).eval()
    METHODS["lora"].start(model, config.method, [], base)
    assert all(values.abs().max() > 0 for name, values in model.named_parameters() if "lora_" in name)
    with torch.no_grad():
        expected = base.load(torch.float32)(input_ids=QUESTION).logits
        found = model(input_ids=QUESTION).logits
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
    with pytest.raises(UserError, match=r"method\.rank=65 is more than the rank of a linear layer with 64 inputs"):
        METHODS["lora"].attach(base.shapes(torch.float32), make_config(f"method={start}", "method.rank=65").method)


def test_eva_starts_in_the_directions_of_the_inputs_and_leaves_the_model_as_it_is(make_config: MakeConfig) -> None:
    config = make_config("method=eva", "method.rank=4", "method.targets=[q_proj]", "train.packing=true")
    base = find_base(config)
    model = attached_model(config, base).eval()
    METHODS["lora"].start(model, config.method, TEXTS, base)
    layer = model.get_base_model().model.layers[0]
    with torch.no_grad():
        plain = base.load(torch.float32).model
        inputs = [plain.layers[0].input_layernorm(plain.embed_tokens(torch.tensor(text))) for text in TEXTS]
    directions = torch.linalg.svd(torch.cat(inputs), full_matrices=False)[2][:4]
    found = layer.self_attn.q_proj.lora_A["default"].weight
    torch.testing.assert_close((found @ directions.T).abs(), torch.eye(4), rtol=1e-3, atol=1e-3)
    assert not layer.self_attn.q_proj.lora_B["default"].weight.any()


def test_each_task_has_a_prompt_of_its_own_that_is_saved_as_an_ordinary_one(
    make_config: MakeConfig, tmp_path: Path
) -> None:
    words = ("method.prompt_length=5", "method.tasks=[clinic,sums]", "train.packing=false")
    config = make_config("method=multitask_prompt", *words)
    base, method = find_base(config), METHODS["multitask_prompt"]
    model = attached_model(config, base)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert trained == 5 * 64 + 2 * (5 + 64)  # the shared prompt, and two vectors per task
    rendered = [Rendered([7, 8, 9, 10], [0, 0, 1, 1]), Rendered([9, 8, 7, 6], [0, 0, 1, 1])]
    supervised = SupervisedSet(rendered, [], [], 2, ["clinic", "sums"])
    batch = collate_padded(rows(supervised, config, 64).rows)
    assert batch["task_ids"].tolist() == [0, 1]
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1.0)
    tokens = batch.pop("tokens")
    assert tokens.tolist() == [4, 4]
    model(**batch).loss.backward()
    optimiser.step()
    method.save(model.eval(), tmp_path, base, torch.float32)
    with torch.no_grad():
        of_tasks = model(input_ids=QUESTION.expand(2, -1), task_ids=torch.tensor([0, 1])).logits
        alone = [
            on_base(base.load(torch.float32), place)(input_ids=QUESTION) for place in (tmp_path, tmp_path / "sums")
        ]
    torch.testing.assert_close(torch.cat([one.logits for one in alone]), of_tasks, rtol=1e-4, atol=1e-4)
    assert (of_tasks[0] - of_tasks[1]).abs().max() > 1e-4
    with pytest.raises(
        UserError, match=r"examples of poems, which are no task(?s:.*)method\.tasks=\[clinic,sums,poems\]"
    ):
        rows(SupervisedSet(rendered, [], [], 2, ["clinic", "poems"]), config, 64)


@pytest.mark.slow
def test_loftq_gives_back_what_quantisation_took(make_config: MakeConfig) -> None:
    config = make_config("method=loftq", "method.rank=32", "train.packing=true")
    base = find_base(config)
    model, plain = attached_model(config, base).eval(), base.load(torch.float32)
    quantised = base.load(torch.float32, "nf4")
    METHODS["lora"].start(model, config.method, [], base)
    ids = torch.tensor([list(range(5, 40))])
    with torch.no_grad():
        expected = plain(input_ids=ids).logits
        lost, left = (expected - one(input_ids=ids).logits for one in (quantised, model))
    assert left.norm() < 0.5 * lost.norm()


def test_a_search_keeps_the_best_parts_and_makes_the_rest_zero(
    make_config: MakeConfig, examples: list[Example]
) -> None:
    config = make_config("method=glora", "method.rank=4", "method.budget=8", "method.examples=4", "train.packing=true")
    base, method = find_base(config), METHODS["glora"]
    model = attached_model(config, base)
    torch.manual_seed(0)
    with torch.no_grad():
        for name, values in model.named_parameters():
            if name.endswith("Xd"):  # a part that no training has made: less of it is better
                values.normal_(std=0.3)
    engine = LocalEngine(model.eval(), base.prompt_format, "searched")
    before = loss(engine, examples[:4])
    method.settle(model, config.method, examples, base)
    after = loss(engine, examples[:4])
    assert after < before
    zero = [not values.any() for name, values in model.named_parameters() if name.endswith("Xd")]
    assert 0 < sum(zero) < len(zero)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("method=pissa", "method.quantisation=nf4"), "method.start=pissa takes a part out of every weight"),
        (("method=olora", "method.dora=true"), "does not work with method.dora=true"),
        (("method=dora", "method.quantisation=nf4"), "dequantise all weights again"),
        (("method=loftq", "method.quantisation=null"), "begins with what quantisation takes away"),
        *(
            ((f"method={name}", "method.quantisation=nf4"), "method.quantisation")
            for name in ("hira", "shira", "glora")
        ),
        (("method=adalora", "method.initial_rank=32"), "must be above method.rank=32"),
        (("method=adalora", "method.full_share=0.8"), "leave no steps for the rank to fall in"),
        (("method=prefix_tuning", "method.start=text", "train.packing=false"), "no values of the network are known"),
        (("method=prompt_tuning", "train.packing=true"), "packed examples would see each other"),
        (("method=oft", "method.block_size=1"), "method.block_size"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_loaded(
    words: tuple[str, ...], told: str, make_config: MakeConfig
) -> None:
    with pytest.raises(UserError, match=told):
        make_config(*words)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("method=oft", "method.block_size=48"), "method.block_size=48 does not divide the inputs"),
        (("method=miss", "method.rank=65"), "method.rank=65 is more than the inputs"),
    ],
)
def test_what_does_not_fit_a_layer_is_refused_on_shapes(
    words: tuple[str, ...], told: str, make_config: MakeConfig
) -> None:
    config = make_config(*words)
    with pytest.raises(UserError, match=told):
        METHODS[config.method.kind].attach(find_base(config).shapes(torch.float32), config.method)


@pytest.mark.parametrize("kind", ["prompt_tuning", pytest.param("vera", marks=pytest.mark.slow)])
def test_what_is_trained_learns_alike_where_layers_are_recomputed(kind: str, make_config: MakeConfig) -> None:
    config = make_config(f"method={kind}", "train.packing=false")
    base, gradients = find_base(config), []
    for recomputing in (False, True):
        torch.manual_seed(1)
        model = attached(base.load(torch.float32), config.method, recomputing=recomputing)
        if recomputing:
            model.gradient_checkpointing_enable(RECOMPUTED)
        nn.functional.cross_entropy(model(input_ids=QUESTION, use_cache=False).logits[0], QUESTION[0]).backward()
        gradients.append([p.grad for p in model.parameters() if p.requires_grad])
    for one, again in zip(*gradients, strict=True):
        assert one is not None
        torch.testing.assert_close(one, again, rtol=1e-5, atol=1e-7)
