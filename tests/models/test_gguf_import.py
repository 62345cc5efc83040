"""A GGUF file as a base: what the export wrote is read back bit for bit, and what cannot be read is told in words."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from gguf import Keys, TokenType
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from common.errors import Refused, UserError
from common.hashing import sha256_file
from domains.domain import find_domain
from models.beside_base import base_of
from models.checkpoint import open_weights
from models.config import GgufType, StandInConfig
from models.gguf_export.vocabulary import PRE_TOKENIZERS, PreTokenizer
from models.gguf_import.file import GgufFile
from models.gguf_import.unpacking import RECORD, UnpackedRecord
from models.hub import locate
from models.loading import hash_model, load_config, load_model, load_prompt_format, load_tokenizer, open_checkpoint
from models.prompt_format import PromptFormat
from models.recommended import Recommended
from models.stand_ins import build as build_stand_in
from tests.artifacts import artifact
from tests.conftest import PROSE
from tests.models.ggufs import ODD, SIZES, byte_level_directory, changed, exported
from training.base import Base


@pytest.fixture(scope="module")
def file(gguf_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(gguf_base, tmp_path_factory.mktemp("gguf") / "tiny.gguf")


def same_weights(directory: Path, other: Path) -> None:
    ours, theirs = load_model(directory).state_dict(), load_model(other).state_dict()
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []


def sizes(directory: Path) -> dict[str, Any]:
    config = load_config(directory).to_dict()
    names = {*SIZES, "rms_norm_eps", "rope_parameters", "tie_word_embeddings"}
    return {name: config.get(name) for name in names - {"head_dim"}}


def test_what_was_written_is_read_back_bit_for_bit(gguf_base: Path, file: Path) -> None:
    directory = locate(str(file))
    same_weights(directory, gguf_base)
    assert sizes(directory) == sizes(gguf_base)
    ours, theirs = (json.loads((place / "tokenizer.json").read_text("utf-8")) for place in (directory, gguf_base))
    for part in ("model", "pre_tokenizer", "added_tokens", "normalizer"):
        assert ours[part] == theirs[part], part
    tokenizer, other = load_tokenizer(directory), load_tokenizer(gguf_base)
    assert [tokenizer.decode(ids) for ids in tokenizer(ODD)["input_ids"]] == ODD
    assert (tokenizer.eos_token, tokenizer.pad_token) == (other.eos_token, other.pad_token)
    assert "{% generation %}" not in tokenizer.chat_template and "<|assistant|>" in tokenizer.chat_template
    assert Recommended.by(directory).stop_ids == load_prompt_format(gguf_base).stop_ids


@pytest.mark.parametrize(
    "make",
    [
        lambda: LlamaForCausalLM(LlamaConfig(**SIZES, rope_parameters={"rope_type": "default", "rope_theta": 5e5})),
        lambda: Qwen2ForCausalLM(Qwen2Config(**SIZES)),
        lambda: Qwen3ForCausalLM(Qwen3Config(**SIZES | {"head_dim": 32})),
    ],
    ids=["llama", "qwen2", "qwen3"],
)
def test_every_architecture_is_read_back(make: Callable[[], PreTrainedModel], tmp_path: Path) -> None:
    source = byte_level_directory(tmp_path / "source", PRE_TOKENIZERS[0])
    torch.manual_seed(3)
    model = make()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(source)
    PromptFormat.named("chatml", load_tokenizer(source)).save(source)
    directory = locate(str(exported(source, tmp_path / "file.gguf")))
    same_weights(directory, source)
    assert sizes(directory) == sizes(source)
    ids = torch.tensor([[5, 300, 41, 7]])
    with torch.inference_mode():
        assert torch.equal(load_model(directory)(ids).logits, load_model(source)(ids).logits)


def small_llama(directory: Path, pre_tokenizer: PreTokenizer) -> Path:
    byte_level_directory(directory, pre_tokenizer)
    torch.manual_seed(1)
    LlamaForCausalLM(LlamaConfig(**SIZES)).save_pretrained(directory)
    PromptFormat.named("chatml", load_tokenizer(directory)).save(directory)
    return directory


def ids_of(directory: Path, texts: list[str]) -> list[list[int]]:
    return [list(ids) for ids in load_tokenizer(directory)(texts, add_special_tokens=False)["input_ids"]]


TEXTS = [*ODD, *PROSE[:5], "x<|im_end|>\n<|im_start|>"]


@pytest.mark.parametrize("pre_tokenizer", PRE_TOKENIZERS, ids=lambda known: known.name + known.isolated)
def test_every_pre_tokenizer_is_read_back(pre_tokenizer: PreTokenizer, tmp_path: Path) -> None:
    source = small_llama(tmp_path / "source", pre_tokenizer)
    written = exported(source, tmp_path / "file.gguf")
    named = changed(written, tmp_path / "named.gguf", {Keys.Tokenizer.PRE: pre_tokenizer.name})
    assert ids_of(locate(str(named)), TEXTS) == ids_of(source, TEXTS)


def test_a_text_is_opened_by_a_token_where_the_file_says_so(file: Path, tmp_path: Path) -> None:
    opened = {Keys.Tokenizer.ADD_BOS: True, Keys.Tokenizer.BOS_ID: 1}
    tokenizer = load_tokenizer(locate(str(changed(file, tmp_path / "opened.gguf", opened))))
    plain = tokenizer("高血压", add_special_tokens=False)["input_ids"]
    assert tokenizer("高血压")["input_ids"] == [1, *plain]
    assert load_tokenizer(locate(str(file)))("高血压")["input_ids"] == plain


@pytest.mark.parametrize("likeness", ["baichuan", "baichuan2"])
def test_sentencepiece_is_read_back_with_and_without_a_dummy_prefix(likeness: str, tmp_path: Path) -> None:
    config = {"of": likeness, "vocab_size": 1000, "hidden_size": 64, "layers": 2, "steps": 0}
    source = tmp_path / "source"
    source.mkdir()
    build_stand_in(find_domain("medical").prose()[:200], StandInConfig.model_validate(config), source)
    family, checkpoint = open_checkpoint(source)
    PromptFormat.named(family.prompt_format(checkpoint), load_tokenizer(source)).save(source)
    directory = locate(str(exported(source, tmp_path / "file.gguf")))
    same_weights(directory, source)
    texts = [text for text in TEXTS if not text.startswith(" ")]
    assert ids_of(directory, texts) == ids_of(source, texts)
    PromptFormat.named(family.prompt_format(checkpoint), load_tokenizer(directory)).save(directory)
    again = locate(str(exported(directory, tmp_path / "again.gguf")))  # tokenizer.model is there to be written again
    assert ids_of(again, texts) == ids_of(source, texts)


def test_llama_cpp_gives_the_same_ids_user_defined_tokens_included(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="xllamacpp is not installed (pip install 'xinglin[llamacpp]')")
    from models.engines.llamacpp import LlamaCppEngine
    from tests.models.llamacpp_socket import tokenize

    written = exported(small_llama(tmp_path / "source", PRE_TOKENIZERS[0]), tmp_path / "file.gguf")
    keys = (Keys.Tokenizer.LIST, Keys.Tokenizer.TOKEN_TYPE)
    texts, kinds = (list(GgufFile.open(written).metadata[key]) for key in keys)
    for id, text in enumerate(("<药>", "  片  ", "mg/dL", "头"), start=705):  # rows without a token
        texts[id], kinds[id] = text, int(TokenType.USER_DEFINED)
    named = changed(
        written, tmp_path / "named.gguf", dict(zip(keys, (texts, kinds), strict=True)) | {Keys.Tokenizer.PRE: "smollm"}
    )
    directory = locate(str(named))
    prompt_format = PromptFormat.named("chatml", load_tokenizer(directory))
    engine = LlamaCppEngine(named, prompt_format, "tiny", load_config(directory), slots=1)
    odd = [*ODD, *PROSE[:5], "<药>  片   1.5mg/dL头痛", " mg/dL<药><药>x", "  片  片  "]
    assert tokenize(engine, odd) == ids_of(directory, odd)


@pytest.mark.parametrize("weights", ["f16", "bf16", "q8_0", "q4_0"])
def test_weights_keep_their_type_or_are_dequantised(weights: GgufType, gguf_base: Path, tmp_path: Path) -> None:
    written = exported(gguf_base, tmp_path / "file.gguf", weights)
    directory = locate(str(written))
    read = {tensor.name: tensor for tensor in gguf.GGUFReader(written).tensors}  # another reader
    expected = gguf.dequantize(read["blk.1.ffn_down.weight"].data, read["blk.1.ffn_down.weight"].tensor_type)
    stored = open_weights(directory)["model.layers.1.mlp.down_proj.weight"]
    assert stored.dtype == {"f16": torch.float16, "bf16": torch.bfloat16}.get(weights, torch.float32)
    assert torch.equal(stored[...].float(), torch.from_numpy(expected.copy()))


def test_the_rotary_scaling_of_llama_3_is_found_again(tmp_path: Path) -> None:
    rope = {"rope_type": "llama3", "rope_theta": 5e5, "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    scaled = LlamaConfig(**SIZES, rope_parameters=rope | {"original_max_position_embeddings": 8192})
    plain = LlamaConfig(**SIZES, rope_parameters={"rope_type": "default", "rope_theta": 5e5})
    slow, fast = (LlamaForCausalLM(config).model.rotary_emb.inv_freq for config in (scaled, plain))
    source = small_llama(tmp_path / "source", PRE_TOKENIZERS[0])
    written, divisors = exported(source, tmp_path / "file.gguf"), (fast / slow).numpy()
    base = {"llama.rope.freq_base": 5e5}
    assert divisors.max() == 32 and divisors.min() == 1
    read = locate(str(changed(written, tmp_path / "scaled.gguf", base, {"rope_freqs.weight": divisors})))
    assert load_config(read).rope_parameters == scaled.rope_parameters
    with pytest.raises(UserError, match=r"rope_freqs\.weight is not the rotary scaling of LLaMA 3.1"):
        locate(str(changed(written, tmp_path / "other.gguf", base, {"rope_freqs.weight": divisors * 1.01})))


ONES = np.ones((4, 4), np.float32)


@pytest.mark.parametrize(
    ("metadata", "tensors", "message"),
    [
        ({"general.architecture": "gemma3"}, {}, r"architecture is gemma3.*\n.*available: llama, qwen2, qwen3"),
        ({Keys.Tokenizer.PRE: "tekken"}, {}, r"tokenizer\.ggml\.pre is tekken.*\n.*available: qwen2"),
        ({Keys.Tokenizer.PRE: None}, {}, r"tokenizer\.ggml\.pre is missing"),
        ({Keys.Tokenizer.MODEL: "t5"}, {}, "tokenizer is t5"),
        ({Keys.Tokenizer.MERGES: ["a b c"]}, {}, "the merge 'a b c' is not of two tokens into a third"),
        ({Keys.Tokenizer.EOS_ID: 100_000}, {}, r"tokenizer\.ggml\.eos_token_id=100000 is no token"),
        ({"llama.rope.scaling.type": "yarn"}, {}, r"not read from GGUF: llama\.rope\.scaling\.type='yarn'"),
        ({"llama.expert_count": 8}, {}, r"llama\.expert_count=8"),
        ({"llama.block_count": None}, {}, r"llama\.block_count is missing"),
        ({"llama.embedding_length": "64"}, {}, r"llama\.embedding_length is '64'"),
        ({"split.count": 3, "split.no": 1}, {}, r"part 2 of 3 of a model\n.*llama-gguf-split --merge"),
        ({"general.type": "adapter"}, {}, "of the type 'adapter'"),
        ({}, {"output_norm.weight": None}, r"1 missing: output_norm\.weight"),
        ({}, {"token_embd.weight": np.ones((3, 64), np.float32)}, "600 tokens for 3 rows"),
        ({}, {"blk.0.attn_sinks.weight": ONES}, r"1 not known: blk\.0\.attn_sinks\.weight"),
        ({}, {"blk.0.ffn_up.weight": ONES}, r"1 of another shape: blk\.0\.ffn_up\.weight"),
    ],
)
def test_what_is_not_read_is_refused_by_name(
    metadata: dict[str, Any], tensors: dict[str, np.ndarray | None], message: str, file: Path, tmp_path: Path
) -> None:
    other = changed(file, tmp_path / "other.gguf", metadata, tensors)
    with pytest.raises(UserError, match=message) as refused:
        locate(str(other))
    assert str(other) in str(refused.value)


def test_damaged_files_are_told_with_what_to_do(file: Path, tmp_path: Path) -> None:
    content, other = file.read_bytes(), tmp_path / "other.gguf"
    first = min(GgufFile.open(file).tensors.values(), key=lambda tensor: tensor.start)
    for damaged, message in (
        (content[:-1000], r"cut off: 1,000 bytes are missing.*\n.*copy or download it again"),
        (content[: first.start - 500], "it ends in its header|cut off"),
        (content[:300], "ends in its header"),
        (b"", "begins with b''"),
        (b"GGML" + content[4:], r"begins with b'GGML'.*\n.*give a model directory, or FILE\.gguf"),
        (b"version https://git-lfs.github.com/spec/v1\n", r"Git LFS pointer.*\n.*git lfs pull"),
        (content[:4] + (1).to_bytes(4, "little") + content[8:], "version 1"),
        (content[:4] + (3).to_bytes(4, "big") + content[8:], "big-endian"),
        (content.replace(b"llama.block_count", b"llama.block_coun\xff"), "damaged GGUF file"),
    ):
        other.write_bytes(damaged)
        with pytest.raises(UserError, match=message):
            locate(str(other))


def test_no_flipped_byte_of_a_header_ends_in_anything_but_words(file: Path, tmp_path: Path) -> None:
    rng, other = random.Random(5), tmp_path / "other.gguf"
    content = file.read_bytes()
    header = min(tensor.start for tensor in GgufFile.open(file).tensors.values())
    told = 0
    for _ in range(100):
        damaged = bytearray(content)
        damaged[rng.randrange(header)] = rng.randrange(256)
        other.write_bytes(damaged)
        try:
            GgufFile.open(other)
        except UserError:
            told += 1
    assert told > 5


def test_a_type_that_cannot_be_dequantised_is_named(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.gguf"
    tensor = GgufFile.open(file).tensors["blk.0.ffn_up.weight"]
    shape = b"".join(size.to_bytes(8, "little") for size in reversed(tensor.shape))
    content = file.read_bytes()
    for number, message in ((gguf.GGMLQuantizationType.Q8_1, r"weights are Q8_1.*\n.*F16, Q8_0"), (999, "of type 999")):
        other.write_bytes(content.replace(shape + bytes(4), shape + number.to_bytes(4, "little")))
        with pytest.raises(UserError, match=message):
            locate(str(other))


def test_a_directory_with_one_file_is_a_base_and_with_several_is_not(file: Path, tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(file.read_bytes())
    assert hash_model(locate(str(tmp_path))) == sha256_file(file)
    (tmp_path / "b.gguf").write_bytes(file.read_bytes())
    with pytest.raises(UserError, match=r"2 GGUF files: a\.gguf, b\.gguf"):
        locate(str(tmp_path))


def test_it_is_unpacked_once_again_where_the_cache_is_damaged_and_its_place_is_noted(
    file: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "tiny.gguf"
    directory, content = locate(str(file)), file.read_bytes()
    weights = directory / "model.safetensors"
    before, written = weights.stat().st_ino, weights.read_bytes()
    moved.write_bytes(content)
    assert locate(str(moved)) == directory
    assert weights.stat().st_ino == before
    record = UnpackedRecord.of(directory)
    assert record is not None
    assert (record.path, record.sha256) == (str(moved), sha256_file(file))
    weights.write_bytes(written[:-4] + bytes(4))
    assert locate(str(file)) == directory
    assert weights.read_bytes() == written
    (directory / RECORD).write_text("{", encoding="utf-8")
    assert locate(str(file)) == directory
    assert UnpackedRecord.of(directory) is not None


def test_changed_weights_do_not_pass_for_those_of_the_file(file: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(locate(str(file)), tmp_path / "copied"))
    assert hash_model(copied) == sha256_file(file)
    weights = copied / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + bytes(4))
    assert hash_model(copied) != sha256_file(file)


def test_an_artefact_names_the_file_and_finds_its_base_from_it(file: Path, tmp_path: Path) -> None:
    directory = locate(str(file))
    family, checkpoint = open_checkpoint(directory)
    base = Base("tiny", family, checkpoint, PromptFormat.named("xinglin", load_tokenizer(directory)))
    record = base.record()
    assert (record.path, record.sha256) == (str(file), sha256_file(file))
    assert base_of(tmp_path, artifact("adapter", base=record.model_dump())) == directory
    with pytest.raises(Refused, match="is not the base model"):
        base_of(tmp_path, artifact("adapter", base=record.model_dump() | {"sha256": "0" * 64}))
    with pytest.raises(UserError, match="is missing"):
        base_of(tmp_path, artifact("adapter", base=record.model_dump() | {"path": str(tmp_path / "no.gguf")}))
