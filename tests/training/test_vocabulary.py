"""The words that a vocabulary is extended by, from a file; what is wrong with it is told with its line."""

from pathlib import Path

import pytest
import torch

from common.errors import UserError
from models.families.llama import LLAMA
from models.loading import load_model, load_prompt_format, load_tokenizer, open_checkpoint
from training.base import Base
from training.stages.pretrain.config import VocabularyConfig
from training.vocabulary import new_tokens, with_vocabulary


@pytest.fixture
def base(tiny_base: Path) -> Base:
    family, checkpoint = open_checkpoint(tiny_base)
    return Base("tiny", family, checkpoint, load_prompt_format(tiny_base))


def extended(base: Base, file: Path) -> Base:
    return with_vocabulary(base, VocabularyConfig(path=str(file)), [], torch.float32)


def test_each_word_of_a_file_is_a_token_that_starts_as_the_mean_of_its_pieces(base: Base, tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("\ufeff心悸头痛\n\n恶心\n恶心\n", encoding="utf-8")
    found = extended(base, file)
    assert found.family is LLAMA and found.path != base.path
    before, after = load_tokenizer(base.path), load_tokenizer(found.path)
    first, end = new_tokens(found.path)
    assert first == len(before) and end == len(after)
    rows = [load_model(path).get_input_embeddings().weight for path in (base.path, found.path)]
    for word in ("心悸头痛", "恶心"):
        [id] = [token for token in after.encode(f"有{word}。", add_special_tokens=False) if token >= first]
        assert after.decode([id]) == word
        pieces = before.encode(word, add_special_tokens=False)
        assert torch.allclose(rows[1][id], rows[0][pieces].mean(0), atol=1e-6)
    again = extended(base, file)
    assert again.path == found.path  # made once


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("心悸\n头 痛\n", r"words\.txt:2: '头 痛' is not one word"),
        ("\n \n", "no word in this file"),
        ("的\n", "nothing to add: each of its words is one token already"),
    ],
)
def test_what_is_wrong_with_the_words_is_told(base: Base, tmp_path: Path, content: str, problem: str) -> None:
    file = tmp_path / "words.txt"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=problem):
        extended(base, file)


def test_a_missing_file_or_one_that_is_no_text_is_told(base: Base, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        extended(base, tmp_path / "none.txt")
    (tmp_path / "odd.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(UserError, match="not UTF-8"):
        extended(base, tmp_path / "odd.txt")
