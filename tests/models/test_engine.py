"""The local engine beyond the contract of all engines: scores equal the model's own loss."""

import shutil
from pathlib import Path

import pytest
import torch

from common.errors import UserError
from data_recipes.schema.example import Message
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


def test_directory_without_a_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"config\.json"):
        load_engine(tmp_path)


def test_a_model_as_its_authors_published_it_is_asked_in_its_familys_own_format(
    tiny_base: Path, tmp_path: Path
) -> None:
    shutil.copytree(tiny_base, tmp_path / "published")
    (tmp_path / "published/prompt_format.json").unlink()
    assert load_engine(tmp_path / "published").prompt_format.name == LLAMA.prompt_format(open_checkpoint(tiny_base)[1])
