"""Tokenizers built from ``tokenizer.model``: the ids of the original classes, without their code."""

import json
import random
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer, GlmConfig, LlamaConfig, PreTrainedTokenizerBase

from common.errors import UserError
from models.engines.json_answers import JsonAnswers
from models.tokenizers.conversion import baichuan_tokenizer, chatglm_tokenizer, fast_tokenizer, llama_tokenizer
from models.tokenizers.pieces import PieceEncoder
from models.tokenizers.sentencepiece import (
    ModelType,
    Piece,
    PieceType,
    SentencePieceModel,
    byte_piece,
    read_model,
    train_bpe,
    write_model,
)

CORPUS = [
    f"{disease}的常见症状有{symptoms}。\n\t{disease}可以挂{department}，剂量{dose}mg，people take  it twice --- daily."
    for disease, symptoms, department, dose in [
        ("高血压", "头痛、头晕和心悸", "心血管内科", 120),
        ("普通感冒", "鼻塞、流涕和咽痛", "呼吸内科", 35),
        ("慢性胃炎", "上腹痛、腹胀和反酸", "消化内科", 50),
        ("2型糖尿病", "多饮、多尿和多食", "内分泌科", 78),
        ("偏头痛", "头痛、恶心和畏光", "神经内科", 96),
    ]
] * 4 + ["    def sophisticated(x):\n        return x  # developers, a soporific geopolitical op-ed"] * 4

MARKUP = ["<SEP>", "\n", "\t", "<h2>", "</h2>", "<br>", "<td>", "</td>", "```", "<!--", "-->", "---"]
SINGLES = [*"0123456789", *"，。！？、：￥.!?《》"]
ROLES = {1: ("<reserved_102>", "<reserved_103>"), 2: ("<reserved_106>", "<reserved_107>")}


def user_defined(version: int) -> list[str]:
    """Pieces as in Baichuan: roles at 195 and 196; version 2 has one that begins with a space and overlapping ones."""
    symbols = [*MARKUP, *SINGLES, *(["▁\n", "\n\n"] if version == 2 else [])]
    first_role = int(ROLES[version][0][10:-1])
    reserved = [f"<reserved_{first_role + i}>" for i in range(-(192 - len(symbols)), 4)]
    return symbols + reserved


Build = Callable[[Path], PreTrainedTokenizerBase]

FAMILIES: dict[str, tuple[bool, list[str], Build]] = {
    "chatglm2": (True, [], lambda directory: chatglm_tokenizer(directory, roles=False)),
    "chatglm3": (True, [], lambda directory: chatglm_tokenizer(directory, roles=True)),
    "baichuan1": (True, user_defined(1), baichuan_tokenizer),
    "baichuan2": (False, user_defined(2), baichuan_tokenizer),
    "llama": (True, [], llama_tokenizer),
}


@pytest.fixture(scope="module")
def directories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One directory with a tokenizer.model of our own per family."""
    made = {}
    for name, (dummy_prefix, symbols, _) in FAMILIES.items():
        made[name] = tmp_path_factory.mktemp(name)
        size = 3 + len(symbols) + 256 + 200
        model = train_bpe(CORPUS, size, dummy_prefix=dummy_prefix, user_defined=symbols)
        write_model(model, made[name] / "tokenizer.model")
    return made


@pytest.fixture(scope="module")
def tokenizers(directories: dict[str, Path]) -> dict[str, PreTrainedTokenizerBase]:
    return {name: build(directories[name]) for name, (_, _, build) in FAMILIES.items()}


every_family = pytest.mark.parametrize("family", FAMILIES)


def plain(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False))


def pieces(tokenizer: PreTrainedTokenizerBase, *texts: str) -> list[int]:
    return list(chain.from_iterable(PieceEncoder(tokenizer).encode_pieces(texts)))


def nasty_texts(count: int) -> list[str]:
    """Texts that trip SentencePiece conversions: spaces anywhere, symbols beside them, bytes, rare characters."""
    atoms = [
        *(" ", "  ", "\n", "\t", " \n", "\n ", "\r\n", "\n\n", "\u3000", "\xa0", "\x00", "▁", "\ufeff", "\u200b"),
        *("---", "--", "-", "----", "```", "``", "<br>", "<td>", "<b", "<reserved_120>", "<reserved_", "<0x0A>"),
        *("高血压", "的", "头痛、头晕", "龘", "𠮷", "😀", "👨\u200d👩\u200d👧", "é", "e\u0301", "ｶﾅ", "Ａ", "１２"),
        *("sophisticated", "people", "stop", "develop", "a", "12", "3.5", "，", "。", "!!", "def f(x):\n    return x"),
    ]
    draw = random.Random(7)
    return ["", " ", "---", *("".join(draw.choices(atoms, k=draw.randrange(1, 9))) for _ in range(count))]


@every_family
def test_json_is_read_in_tokens_as_the_bytes_they_stand_for(
    family: str, tokenizers: dict[str, PreTrainedTokenizerBase]
) -> None:
    pytest.importorskip("llguidance")
    tokenizer, text = tokenizers[family], '{"疾病":"高血压 \U0001fa7a\\n","n":[12,true]}'
    stop = int(tokenizer.eos_token_id)  # type: ignore[arg-type]
    answer = JsonAnswers(tokenizer, len(tokenizer) + 5, [stop]).follow('{"type":"object"}')
    ids = PieceEncoder(tokenizer).encode_piece(text, starts_segment=False)
    assert tokenizer.decode(ids) == text and len(ids) > 15
    for place, token in enumerate(ids):
        allowed = answer.allowed(torch.zeros(len(tokenizer) + 5))
        assert allowed[token] == 0, (place, tokenizer.decode([token]))
        assert not torch.isfinite(
            allowed[[stop, *tokenizer.all_special_ids, *range(len(tokenizer), len(allowed))]]
        ).any()
        assert answer.is_whole_with(token) == (place == len(ids) - 1)


# the file itself


def test_what_is_written_is_read(tmp_path: Path) -> None:
    pieces = (Piece("<unk>", 0.0, PieceType.UNKNOWN), Piece("▁你", -1.5, PieceType.NORMAL))
    model = SentencePieceModel(pieces, ModelType.UNIGRAM, False, False, True, False, True, "nmt_nfkc", 0, -1, 1, 0)
    write_model(model, tmp_path / "tokenizer.model")
    assert read_model(tmp_path / "tokenizer.model") == model


def test_trained_model_is_laid_out_as_sentencepiece_does(directories: dict[str, Path]) -> None:
    model = read_model(directories["baichuan1"] / "tokenizer.model")
    assert [piece.text for piece in model.pieces[:4]] == ["<unk>", "<s>", "</s>", "<SEP>"]
    assert (model.pieces[195].text, model.pieces[196].text) == ROLES[1]
    scores = [piece.score for piece in model.pieces if piece.type == PieceType.NORMAL]
    assert scores == [-float(rank) for rank in range(200)]
    assert not any(symbol in text for text in model.of_type(PieceType.NORMAL) for symbol in user_defined(1))


@pytest.mark.parametrize("cut", [1, 200, 5000, -20])
def test_truncated_file_is_an_error_that_names_it(cut: int, directories: dict[str, Path], tmp_path: Path) -> None:
    file = tmp_path / "tokenizer.model"
    file.write_bytes((directories["chatglm2"] / "tokenizer.model").read_bytes()[:cut])
    with pytest.raises(UserError, match="damaged") as error:
        chatglm_tokenizer(tmp_path, roles=False)
    assert str(file) in str(error.value)


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04 a zip archive", b'{"a": "json"}', b"\x0a\x02\x08\x01\x12\x00\x1a\x00"]
)
def test_something_else_is_an_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").write_bytes(content)
    with pytest.raises(UserError, match="not a SentencePiece model"):
        read_model(tmp_path / "tokenizer.model")


def test_git_lfs_pointer_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:e7dc\nsize 1018370"
    )
    with pytest.raises(UserError, match="git lfs pull"):
        baichuan_tokenizer(tmp_path)


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no tokenizer\.model"):
        llama_tokenizer(tmp_path)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"model_type": ModelType.UNIGRAM}, "UNIGRAM"),
        ({"normalizer": "nmt_nfkc"}, "nmt_nfkc"),
        ({"remove_extra_whitespaces": True}, "remove_extra_whitespaces"),
        ({"bos_id": -1}, "open and end"),
    ],
)
def test_settings_that_would_give_other_ids_are_refused(settings: dict[str, Any], reason: str, tmp_path: Path) -> None:
    pieces = (Piece("<unk>", 0, PieceType.UNKNOWN), *(Piece(t, 0, PieceType.CONTROL) for t in ("<s>", "</s>")))
    write_model(SentencePieceModel(pieces, **settings), tmp_path / "tokenizer.model")
    with pytest.raises(UserError, match=reason):
        llama_tokenizer(tmp_path)


def test_corpus_too_small_for_the_vocabulary_is_an_error() -> None:
    with pytest.raises(UserError, match="are not possible"):
        train_bpe(["很少"], 5000, dummy_prefix=True)


# against the sentencepiece package, where it is installed


@every_family
def test_ids_and_texts_equal_those_of_the_sentencepiece_package(
    family: str, directories: dict[str, Path], tokenizers: dict[str, PreTrainedTokenizerBase]
) -> None:
    sentencepiece = pytest.importorskip("sentencepiece")
    reference = sentencepiece.SentencePieceProcessor(model_file=str(directories[family] / "tokenizer.model"))
    tokenizer = tokenizers[family]
    symbols = [t.content for t in tokenizer.added_tokens_decoder.values() if not t.special]
    encoder = PieceEncoder(tokenizer)
    anchor = reference.encode("\uffff")
    for text in nasty_texts(400):
        expected = reference.encode(text)
        if text not in symbols or family != "baichuan1":  # the one exception, see models/tokenizers/conversion.py
            assert plain(tokenizer, text) == expected, text
        assert tokenizer.decode(expected) == reference.decode(expected), text
        assert encoder.encode_piece(text, starts_segment=True) == expected, text
        if family != "baichuan2":
            middle = encoder.encode_piece(text, starts_segment=False)
            assert anchor + middle == reference.encode("\uffff" + text), text


def test_user_defined_piece_that_begins_with_a_space(tokenizers: dict[str, PreTrainedTokenizerBase]) -> None:
    tokens = tokenizers["baichuan2"].tokenize("头痛 \n头痛\n\n")
    assert "▁\n" in tokens and "\n\n" in tokens


# what our own models must do


@every_family
def test_decoding_gives_the_text_back(family: str, tokenizers: dict[str, PreTrainedTokenizerBase]) -> None:
    tokenizer = tokenizers[family]
    for text in nasty_texts(100):
        if "▁" not in text:  # SentencePiece itself reads it as a space
            assert tokenizer.decode(plain(tokenizer, text)) == text


@every_family
def test_saved_tokenizer_reloads_with_equal_ids(
    family: str, tokenizers: dict[str, PreTrainedTokenizerBase], tmp_path: Path
) -> None:
    tokenizer = tokenizers[family]
    tokenizer.save_pretrained(tmp_path)
    (GlmConfig if "chatglm" in family else LlamaConfig)().save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path, trust_remote_code=False, local_files_only=True)
    assert "Llama" not in json.loads((tmp_path / "tokenizer_config.json").read_text())["tokenizer_class"]
    assert again.padding_side == "left"
    assert again.special_tokens_map == tokenizer.special_tokens_map
    assert len(again) == len(tokenizer)
    for text in [*nasty_texts(100), "[gMASK]<sop>你好</s>", f"{ROLES[1][0]}你好{ROLES[1][1]}"]:
        assert plain(again, text) == plain(tokenizer, text)
        assert again(text) == tokenizer(text)
        assert pieces(again, text or " ") == pieces(tokenizer, text or " ")
    assert set(again("头痛")) == {"input_ids", "attention_mask"}


@pytest.mark.parametrize("family", ["chatglm2", "chatglm3"])
@pytest.mark.parametrize("text", ["people develop a sophisticated soporific", "sop eop", "stop peopled", "sop"])
def test_sop_and_eop_are_never_cut_out_of_words(
    family: str, text: str, tokenizers: dict[str, PreTrainedTokenizerBase]
) -> None:
    tokenizer = tokenizers[family]
    assert max(plain(tokenizer, text)) < tokenizer.convert_tokens_to_ids("[MASK]")
    assert tokenizer.decode(plain(tokenizer, text)) == text


def test_chatglm_ids_follow_the_pieces(
    tokenizers: dict[str, PreTrainedTokenizerBase], directories: dict[str, Path]
) -> None:
    count = len(read_model(directories["chatglm3"] / "tokenizer.model").pieces)
    specials = ["[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>"]
    roles = ["<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"]
    tokenizer = tokenizers["chatglm3"]
    assert tokenizer.convert_tokens_to_ids(specials + roles) == list(range(count, count + 9))
    assert len(tokenizers["chatglm2"]) == count + 5
    assert (tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.eos_token_id, tokenizer.bos_token) == (
        0,
        0,
        2,
        None,
    )
    assert tokenizer.encode("头痛") == [count + 1, count + 3, *plain(tokenizer, "头痛")]


def test_baichuan_adds_bos_only_where_its_files_say_so(directories: dict[str, Path], tmp_path: Path) -> None:
    model = (directories["baichuan1"] / "tokenizer.model").read_bytes()
    (tmp_path / "tokenizer.model").write_bytes(model)
    for config, adds in [
        ({}, False),
        ({"add_bos_token": False, "tokenizer_class": "BaiChuanTokenizer"}, False),
        ({"tokenizer_class": "BaiChuanTokenizer"}, True),
        ({"add_bos_token": True, "tokenizer_class": "BaichuanTokenizer"}, True),
    ]:
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
        assert (baichuan_tokenizer(tmp_path).encode("头痛")[0] == 1) is adds


def test_baichuan_roles_come_from_the_generation_config(directories: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").write_bytes((directories["baichuan1"] / "tokenizer.model").read_bytes())
    (tmp_path / "generation_config.json").write_text('{"user_token_id": 100, "assistant_token_id": 101}')
    special = {t.content for t in baichuan_tokenizer(tmp_path).added_tokens_decoder.values() if t.special}
    assert {"<reserved_7>", "<reserved_8>"} == special - {"<unk>", "<s>", "</s>"}
    (tmp_path / "generation_config.json").write_text('{"user_token_id": 600}')
    with pytest.raises(UserError, match="not reserved pieces"):
        baichuan_tokenizer(tmp_path)


def test_llama_adds_bos_and_reads_added_tokens(directories: dict[str, Path], tmp_path: Path) -> None:
    content = (directories["llama"] / "tokenizer.model").read_bytes()
    (tmp_path / "tokenizer.model").write_bytes(content)
    count = len(read_model(tmp_path / "tokenizer.model").pieces)
    (tmp_path / "added_tokens.json").write_text(json.dumps({"[PAD]": count, "</s>": 2}))
    (tmp_path / "tokenizer_config.json").write_text('{"pad_token": {"content": "[PAD]"}, "add_eos_token": true}')
    tokenizer = llama_tokenizer(tmp_path)
    assert tokenizer.pad_token_id == count
    assert tokenizer.encode("头痛") == [1, *plain(tokenizer, "头痛"), 2]
    (tmp_path / "added_tokens.json").write_text(json.dumps({"[PAD]": count + 7}))
    with pytest.raises(UserError, match="do not continue"):
        llama_tokenizer(tmp_path)


def test_overlapping_merges_in_a_run_go_from_the_left(tmp_path: Path) -> None:
    texts = ["aa", "aaa", "▁a", "a", "▁"]
    fixed = [Piece("<unk>", 0, PieceType.UNKNOWN), *(Piece(t, 0, PieceType.CONTROL) for t in ("<s>", "</s>"))]
    fixed += [Piece(byte_piece(b), 0, PieceType.BYTE) for b in range(256)]
    model = SentencePieceModel((*fixed, *(Piece(t, -float(i), PieceType.NORMAL) for i, t in enumerate(texts))))
    assert fast_tokenizer(model, eos_token="</s>").tokenize("aaaaaaa") == ["▁", "aa", "aa", "aaa"]


# pieces of a conversation


@every_family
def test_pieces_are_the_ids_of_the_whole_and_prefix_consistent(
    family: str, tokenizers: dict[str, PreTrainedTokenizerBase]
) -> None:
    tokenizer = tokenizers[family]
    conversation = ["问：头痛\n\n答：", "头晕和心悸。", "</s>", " 高血压", "</s>头痛", "。"]
    encoded = PieceEncoder(tokenizer).encode_pieces(conversation)
    assert list(chain.from_iterable(encoded)) == plain(tokenizer, "".join(conversation))
    for end in range(1, len(conversation)):
        assert PieceEncoder(tokenizer).encode_pieces(conversation[:end]) == encoded[:end]


def test_answer_in_the_middle_of_a_text_gets_no_dummy_prefix_unless_written(
    tokenizers: dict[str, PreTrainedTokenizerBase],
) -> None:
    tokenizer = tokenizers["chatglm2"]
    encoder = PieceEncoder(tokenizer)
    with_prefix = plain(tokenizer, "头痛")
    space = tokenizer.convert_tokens_to_ids("▁")
    assert with_prefix[0] == space
    assert encoder.encode_piece("头痛", starts_segment=False) == with_prefix[1:]
    assert encoder.encode_piece(" 头痛", starts_segment=False) == with_prefix
    after_eos = encoder.encode_piece("头痛</s>头痛", starts_segment=False)
    assert after_eos == [*with_prefix[1:], 2, *with_prefix]


def test_chatglm3_message_is_a_line_break_and_the_content_encoded_one_by_one(
    tokenizers: dict[str, PreTrainedTokenizerBase],
) -> None:
    tokenizer = tokenizers["chatglm3"]
    user, assistant = tokenizer.convert_tokens_to_ids(["<|user|>", "<|assistant|>"])
    for content in ("头痛 ", " 头痛\n", "people"):
        message = [*plain(tokenizer, "\n"), *plain(tokenizer, content)]
        texts = (f"<|user|>\n {content}<|assistant|>", f"\n {content}<|user|>")
        assert pieces(tokenizer, *texts) == [user, *message, assistant, *message, user]


def test_message_that_is_only_a_symbol_keeps_its_dummy_prefix(tokenizers: dict[str, PreTrainedTokenizerBase]) -> None:
    tokenizer = tokenizers["baichuan1"]
    user, assistant = ROLES[1]
    space, dashes = tokenizer.convert_tokens_to_ids(["▁", "---"])
    assert pieces(tokenizer, f"{user}---{assistant}", "---</s>") == [195, space, dashes, 196, space, dashes, 2]


def test_tokenizer_without_dummy_prefix_is_left_alone(tiny_base: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_base, local_files_only=True)
    texts = ["<s><|user|>高血压 ", " 头痛</s>", "---"]
    assert PieceEncoder(tokenizer).encode_pieces(texts) == [plain(tokenizer, text) for text in texts]


# against what the original classes were recorded to give


def recorded(shared: Path, name: str) -> dict[str, Any]:
    loaded = json.loads((shared / "oracle" / "tokenizers" / f"{name}.json").read_text(encoding="utf-8"))
    return dict(loaded)


def padded_as_recorded(tokenizer: PreTrainedTokenizerBase, reference: dict[str, Any]) -> bool:
    expected = reference["batch_padded"]
    texts = [tokenizer.decode(row, skip_special_tokens=True) for row in expected["input_ids"]]
    padded = tokenizer(texts, padding=True, padding_side=reference["padding_side"])
    return all(padded[key] == expected[key] for key in ("input_ids", "attention_mask"))


@pytest.mark.parametrize("directory", ["baichuan-7b", "baichuan-13b"])
def test_baichuan_gives_the_recorded_ids(directory: str, shared: Path) -> None:
    reference = recorded(shared, "baichuan1_tiny")
    tokenizer = baichuan_tokenizer(shared / "oracle" / directory / "hub_bin")
    other = []
    for case in reference["strings"]:
        same = plain(tokenizer, case["text"]) == case["ids"] and tokenizer.encode(case["text"]) == case["ids_special"]
        other += [] if same else [case["text"]]
        if case["text"] not in other:
            assert tokenizer.decode(case["ids"], skip_special_tokens=True) == case["decoded_skip"]
    assert other == ["---", "<reserved_102>hi<reserved_103>"]  # the two that models/tokenizers/conversion.py names
    assert len(tokenizer) == reference["vocab_size"]
    ids = (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.bos_token_id)
    assert ids == (reference["pad_token_id"], reference["eos_token_id"], reference["bos_token_id"])
    assert padded_as_recorded(tokenizer, reference)


def test_baichuan_chats_are_the_recorded_ones(shared: Path) -> None:
    tokenizer = baichuan_tokenizer(shared / "oracle" / "baichuan-13b" / "hub_bin")
    user, assistant = ROLES[1]
    for case in recorded(shared, "baichuan1_tiny")["chat"]:
        texts = []
        for message in case["messages"]:
            is_user = message["role"] == "user"
            texts.append(f"{user}{message['content']}{assistant}" if is_user else f"{message['content']}</s>")
        assert pieces(tokenizer, *texts) == case["input_ids"]


def test_chatglm2_gives_the_recorded_ids(shared: Path) -> None:
    reference = recorded(shared, "chatglm2_tiny")
    tokenizer = chatglm_tokenizer(shared / "oracle" / "chatglm2" / "hub_bin", roles=False)
    specials = [token.content for token in tokenizer.added_tokens_decoder.values()]
    for case in reference["strings"]:
        text = case["text"]
        split = {"split_special_tokens": any(token in text for token in specials)}
        assert tokenizer.encode(text, add_special_tokens=False, **split) == case["ids"], text
        assert tokenizer.encode(text, **split) == case["ids_special"], text
        assert tokenizer.decode(case["ids"]) == case["decoded"], text
    assert len(tokenizer) == reference["vocab_size"]
    ids = (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.bos_token_id)
    assert ids == (reference["pad_token_id"], reference["eos_token_id"], reference["bos_token_id"])
    assert tokenizer.padding_side == reference["padding_side"]
    assert padded_as_recorded(tokenizer, reference)


def test_chatglm2_chats_are_the_recorded_ones(shared: Path) -> None:
    tokenizer = chatglm_tokenizer(shared / "oracle" / "chatglm2" / "hub_bin", roles=False)
    for case in recorded(shared, "chatglm2_tiny")["chat"]:
        prompt = f"[gMASK]<sop>{case['prompt']}"
        assert tokenizer.encode(case["prompt"]) == case["input_ids"]
        assert pieces(tokenizer, prompt) == case["input_ids"]
        # the original P-Tuning trainer: prompt and answer encoded one by one
        assert pieces(tokenizer, prompt, " 早点睡。</s>") == [*case["input_ids"], *plain(tokenizer, "早点睡。"), 2]
        # cut at the answers of earlier rounds
        cuts = [prompt]
        for _, answer in case["history"]:
            head, _, tail = cuts.pop().partition(answer)
            cuts += [head, answer, tail]
        assert pieces(tokenizer, *cuts) == case["input_ids"]
