"""More tokens for a tokenizer: old texts keep their meaning, ids and specials stay, new words are one token."""

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from common.errors import UserError
from models.loading import load_tokenizer
from models.tokenizers.extension import LONGEST, TokenMerge, extended, joining, learned, replaced
from models.tokenizers.pieces import PieceEncoder
from models.tokenizers.sentencepiece import train_bpe, write_model
from tests.models.test_tokenizers import CORPUS, FAMILIES, nasty_texts

TEXTS = [f"肾上腺皮质醇增多症第{n}例，复查皮质醇{n}次，<h2>HbA1c</h2> 正常。" for n in range(12)]
WORDS = ("皮质醇", "肾上腺")


@pytest.fixture(scope="module", params=["byte-level", "chatglm2", "baichuan1", "baichuan2", "llama"])
def tokenizer(
    request: pytest.FixtureRequest, tiny_base: Path, tmp_path_factory: pytest.TempPathFactory
) -> PreTrainedTokenizerBase:
    if request.param == "byte-level":
        return load_tokenizer(tiny_base)
    dummy_prefix, symbols, build = FAMILIES[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    characters = sorted({c for text in TEXTS for c in text if c.isalpha() and c.isascii() is False})
    corpus = [*CORPUS, "".join(characters)]  # SentencePiece joins only the characters that it knows
    model = train_bpe(corpus, 3 + len(symbols) + 256 + 240, dummy_prefix=dummy_prefix, user_defined=symbols)
    write_model(model, folder / "tokenizer.model")
    return build(folder)


def reloaded(tokenizer: PreTrainedTokenizerBase, merges: list[TokenMerge], folder: Path) -> PreTrainedTokenizerBase:
    """The extended tokenizer, as it is read from its files."""
    tokenizer.save_pretrained(folder)
    (folder / "tokenizer.json").write_text(extended(tokenizer, merges).to_str(), encoding="utf-8")
    return AutoTokenizer.from_pretrained(folder)


def ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False))


def test_new_tokens_replace_exactly_the_old_ones_that_they_join(
    tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    merges = learned(tokenizer, TEXTS, 8, 4)
    assert len(merges) == 8 and merges == learned(tokenizer, TEXTS, 8, 4)
    after, parts = reloaded(tokenizer, merges, tmp_path), replaced(tokenizer, merges)
    first = len(tokenizer)
    assert len(after) == first + 8 and after.all_special_ids == tokenizer.all_special_ids
    assert after.get_added_vocab() == tokenizer.get_added_vocab()
    for text in [*TEXTS[:2], *CORPUS[:3], *nasty_texts(60)]:
        expanded = [old for id in ids(after, text) for old in ([id] if id < first else parts[id - first])]
        assert expanded == ids(tokenizer, text), text
        assert after.decode(ids(after, text)) == tokenizer.decode(ids(tokenizer, text))
    assert len(ids(after, TEXTS[0])) < len(ids(tokenizer, TEXTS[0]))
    encoders = [PieceEncoder(one) for one in (tokenizer, after)]
    plain = [encoder.encode_pieces(["高血压", "的常见症状"]) for encoder in encoders]
    assert plain[0] == plain[1]  # what no merge touches stays as it is, also piece by piece


def test_tokens_are_words_and_no_signs(tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> None:
    after = reloaded(tokenizer, learned(tokenizer, TEXTS, 60, 4), tmp_path)
    texts = [after.decode([id]) for id in range(len(tokenizer), len(after))]
    whole = [text for text in texts if "�" not in text]
    assert any(len(text) > 1 for text in whole)
    assert all(text.isalpha() and len(text) <= LONGEST for text in whole)


def test_words_of_a_list_become_one_token_each(tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> None:
    merges = joining(tokenizer, WORDS)
    after = reloaded(tokenizer, merges, tmp_path)
    for word in WORDS:
        in_text = ids(after, f"说{word}。")
        assert word in [after.decode([id]) for id in in_text]
    assert joining(after, WORDS) == []


def test_rare_pairs_are_not_learned(tokenizer: PreTrainedTokenizerBase) -> None:
    assert learned(tokenizer, TEXTS[:1], 20, 5) == []


def test_other_kinds_of_tokenizers_are_refused_by_name() -> None:
    wordpiece = Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1, "##b": 2}, unk_token="[UNK]"))
    wordpiece.pre_tokenizer = pre_tokenizers.Whitespace()
    with pytest.raises(UserError, match=r"kind WordPiece .*cannot be extended(?s:.*)leave vocabulary out"):
        learned(PreTrainedTokenizerFast(tokenizer_object=wordpiece), ["ab"], 3, 2)
    unigram = Tokenizer(models.Unigram([("a", 0.0), ("b", 0.0)], 0))
    with pytest.raises(UserError, match="kind Unigram"):
        joining(PreTrainedTokenizerFast(tokenizer_object=unigram), ["ab"])
    marked = Tokenizer(models.BPE({"a": 0, "b</w>": 1}, [], end_of_word_suffix="</w>"))
    assert json.loads(marked.to_str())["model"]["end_of_word_suffix"] == "</w>"
    with pytest.raises(UserError, match="BPE with '</w>' on its pieces"):
        joining(PreTrainedTokenizerFast(tokenizer_object=marked), ["ab"])
