"""The local engine beyond the contract of all engines: scores equal the model's own loss."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from common.errors import Refused, UserError
from data_recipes.schema.example import Message
from models.conversation import Continuation
from models.engines.engine import Sampling
from models.engines.local import LocalEngine, load_engine
from models.families.llama import LLAMA
from models.loading import open_checkpoint
from tests.models.asking import ask


@pytest.fixture(scope="module")
def engine(tiny_base: Path) -> LocalEngine:
    return load_engine(tiny_base)


def test_score_is_the_models_own_loss_on_the_answer(engine: LocalEngine) -> None:
    conversation = [*ask("高血压"), Message(role="assistant", content="头痛、头晕和心悸。")]
    longer = [*ask("偏头痛的常见症状有什么？"), Message(role="assistant", content="头痛、恶心和畏光，可以挂神经内科。")]
    rendered = engine.prompt_format.render(conversation)
    ids = torch.tensor([rendered.ids])
    labels = torch.where(torch.tensor([rendered.mask]).bool(), ids, -100)
    with torch.inference_mode():
        loss = float(engine.model(input_ids=ids, labels=labels).loss)
    score = engine.score([conversation, longer])[0]
    assert score.tokens == sum(rendered.mask)
    assert -score.logprob / score.tokens == pytest.approx(loss, abs=1e-4)


def test_log_probabilities_of_tokens_add_up_to_the_score_and_name_the_likeliest(engine: LocalEngine) -> None:
    conversation = [*ask("高血压"), Message(role="assistant", content="头痛、头晕和心悸。")]
    rendered = engine.prompt_format.render(conversation)
    read = Continuation(tuple(rendered.ids))
    sampling = [Sampling(max_new_tokens=0, logprobs=2), Sampling(max_new_tokens=4, logprobs=1), Sampling(8)]
    whole, answered, plain = engine.generate([read, ask("高血压"), ask("偏头痛")], sampling)
    assert (whole.text, whole.finish_reason, whole.completion_tokens) == ("", "length", 0)
    assert whole.logprobs[0].logprob is None and len(whole.logprobs) == len(rendered.ids)
    scored = [one.logprob for one, supervised in zip(whole.logprobs, rendered.mask, strict=True) if supervised]
    assert sum(filter(None, scored)) == pytest.approx(engine.score([conversation])[0].logprob, abs=1e-3)
    assert all(len(one.likeliest) == 2 and one.likeliest[0][1] >= one.likeliest[1][1] for one in whole.logprobs[1:])
    greedy = answered.logprobs[answered.prompt_tokens :]
    assert len(greedy) == answered.completion_tokens + (answered.finish_reason == "stop")
    assert all(one.logprob == one.likeliest[0][1] for one in greedy)
    assert plain.logprobs == ()


def test_a_text_is_continued_as_it_is(engine: LocalEngine) -> None:
    asked = engine.prompt_ids(ask("高血压"))
    [answer, continued] = engine.generate([ask("高血压"), Continuation(tuple(asked))], [Sampling(8)] * 2)
    assert continued.text.strip() == answer.text and continued.prompt_tokens == answer.prompt_tokens
    assert engine.decode(engine.encode("高血压", beginning=False)) == "高血压"
    for ids in ((), (10**6,), (-1,)):
        with pytest.raises(UserError, match=r"token|empty"):
            engine.prompt_ids(Continuation(ids))


def test_directory_without_a_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"config\.json"):
        load_engine(tmp_path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused_by_name(value: float, tiny_base: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_base, tmp_path / "broken")
    weights = load_file(tmp_path / "broken/model.safetensors")
    name = next(name for name in weights if "down_proj" in name)
    weights[name][1, 2] = value
    save_file(weights, tmp_path / "broken/model.safetensors", {"format": "pt"})
    with pytest.raises(Refused, match=f"{name} has values that are no numbers"):
        load_engine(tmp_path / "broken")


def test_a_model_as_its_authors_published_it_is_asked_in_its_familys_own_format(
    tiny_base: Path, tmp_path: Path
) -> None:
    shutil.copytree(tiny_base, tmp_path / "published")
    (tmp_path / "published/prompt_format.json").unlink()
    assert load_engine(tmp_path / "published").prompt_format.name == LLAMA.prompt_format(open_checkpoint(tiny_base)[1])
