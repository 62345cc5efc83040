"""GGUF files: llama.cpp splits texts, renders conversations and computes logits as the model that was written."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM

from common.errors import UserError
from data_recipes.pipeline.build import BuiltDataset
from data_recipes.schema.example import Message
from domains.domain import find_domain
from models.config import GgufType, StandInConfig
from models.convert import main as convert
from models.engines.local import load_engine
from models.gguf_export.vocabulary import PRE_TOKENIZERS, PreTokenizer, vocabulary_of
from models.loading import load_tokenizer, open_checkpoint
from models.prompt_format import PromptFormat
from models.stand_ins import build as build_stand_in
from tests.conftest import PROSE
from tests.models.ggufs import ODD, SIZES, byte_level_directory

pytest.importorskip("xllamacpp", reason="xllamacpp is not installed (pip install 'xinglin[llamacpp]')")

from models.engines.engine import Sampling
from models.engines.llamacpp import LlamaCppEngine, load_llamacpp_engine
from tests.models.llamacpp_socket import own_server, tokenize

QUESTIONS = ["高血压的常见症状有什么？", "偏头痛", "普通感冒可以挂什么科？请说得详细一些，谢谢。"]


def loaded(directory: Path, weights: GgufType = "f32") -> LlamaCppEngine:
    return load_llamacpp_engine(directory, weights=weights, slots=2)


def ids_of(directory: Path, texts: list[str]) -> list[list[int]]:
    ids = load_tokenizer(directory)(texts, add_special_tokens=False)["input_ids"]
    return [list(row) for row in ids]


@pytest.mark.parametrize("most", [150, pytest.param(1500, marks=pytest.mark.slow)])
def test_thousands_of_texts_get_the_same_ids(most: int, gguf_base: Path, medical: BuiltDataset) -> None:
    questions = [example.messages[-2].content for rows in medical.splits.values() for example in rows]
    texts = [*ODD, *find_domain("medical").prose()[:most], *questions[:most]]
    assert len(texts) >= 2 * most
    assert tokenize(loaded(gguf_base), texts) == ids_of(gguf_base, texts)


def same_answers(directory: Path) -> None:
    """Asserts equal greedy answers of the local engine and of llama.cpp in float32."""
    sampling = [Sampling(max_new_tokens=24)] * len(QUESTIONS)
    asked = [[Message(role="user", content=question)] for question in QUESTIONS]
    ours, theirs = load_engine(directory).generate(asked, sampling), loaded(directory).generate(asked, sampling)
    assert [replace(answer, ids=()) for answer in ours] == theirs  # llama.cpp says no ids
    assert sum(answer.completion_tokens for answer in ours) > 0


def test_greedy_answers_are_the_same_in_float32(gguf_base: Path) -> None:
    same_answers(gguf_base)


def same_scores(directory: Path, weights: GgufType = "f32", tolerance: float = 0.001) -> None:
    """Asserts equal log-probabilities, from which a wrong order of rows or positions is far away."""
    turns = [Message(role="user", content="高血压"), Message(role="assistant", content="头痛、头晕和心悸。")]
    conversations = [turns, [*turns, Message(role="user", content="偏头痛呢？"), turns[1]]]
    scores = loaded(directory, weights).score(conversations)
    for exact, score in zip(load_engine(directory).score(conversations), scores, strict=True):
        assert score.tokens == exact.tokens
        assert score.logprob == pytest.approx(exact.logprob, rel=tolerance)


@pytest.mark.parametrize("weights", get_args(GgufType))
def test_every_type_loads_and_computes_nearly_the_same(weights: GgufType, gguf_base: Path) -> None:
    tolerance = {"f32": 0.001, "f16": 0.005, "bf16": 0.02, "q8_0": 0.02, "q4_0": 0.2}[weights]
    same_scores(gguf_base, weights, tolerance)


def test_the_template_renders_what_ours_renders(gguf_base: Path) -> None:
    engine = loaded(gguf_base)
    turns = [Message(role=role, content=text) for role, text in [("user", "你好"), ("assistant", "在"), ("user", "痛")]]
    with own_server(engine) as client:
        body = {"messages": [turn.model_dump(include={"role", "content"}) for turn in turns]}
        prompt = client.post("/apply-template", json=body).json()["prompt"]
        ids = client.post("/tokenize", json={"content": prompt, "parse_special": True}).json()["tokens"]
    assert ids == engine.prompt_format.render_prompt(turns)


@pytest.mark.parametrize(  # llama.cpp knows a 13B by its 40 layers
    "likeness", ["baichuan", "baichuan2", pytest.param("baichuan_13b", marks=pytest.mark.slow)]
)
def test_baichuan_of_both_kinds(likeness: str, tmp_path: Path) -> None:
    """SentencePiece with and without a dummy prefix; rotary positions; ALiBi, which llama.cpp has at 40 layers."""
    layers = 40 if likeness == "baichuan_13b" else 2
    config = {"of": likeness, "vocab_size": 1000, "hidden_size": 64, "layers": layers, "steps": 0}
    build_stand_in(find_domain("medical").prose()[:200], StandInConfig.model_validate(config), tmp_path)
    family, checkpoint = open_checkpoint(tmp_path)
    PromptFormat.named(family.prompt_format(checkpoint), load_tokenizer(tmp_path)).save(tmp_path)
    texts = [text for text in [*ODD, *PROSE[:5]] if not text.startswith(" ")]
    assert tokenize(loaded(tmp_path), texts) == ids_of(tmp_path, texts)
    same_scores(tmp_path)


DISTINCT = [known for n, known in enumerate(PRE_TOKENIZERS) if known.steps not in [k.steps for k in PRE_TOKENIZERS[:n]]]


@pytest.mark.parametrize("pre_tokenizer", DISTINCT, ids=lambda known: known.name + known.isolated)
def test_every_known_pre_tokenizer_gives_the_same_ids(pre_tokenizer: PreTokenizer, tmp_path: Path) -> None:
    directory = byte_level_directory(tmp_path, pre_tokenizer)
    torch.manual_seed(1)
    LlamaForCausalLM(LlamaConfig(**SIZES)).save_pretrained(directory)  # a Qwen2Tokenizer brings its own
    PromptFormat.named("chatml", load_tokenizer(directory)).save(directory)
    texts = [*ODD, *PROSE[:5], *QUESTIONS]
    assert tokenize(loaded(directory), texts) == ids_of(directory, texts)


@pytest.mark.parametrize(
    "make", [lambda: Qwen2ForCausalLM(Qwen2Config(**SIZES)), lambda: Qwen3ForCausalLM(Qwen3Config(**SIZES))]
)
def test_qwen_computes_the_same(make: Callable[[], torch.nn.Module], tmp_path: Path) -> None:
    directory = byte_level_directory(tmp_path, PRE_TOKENIZERS[0])
    torch.manual_seed(2)
    model = make()
    for name, parameter in model.named_parameters():  # biases and norms are not the trivial ones
        if parameter.dim() == 1:
            torch.nn.init.normal_(parameter, mean=float("norm" in name), std=0.3)
    model.save_pretrained(directory)
    PromptFormat.named("chatml", load_tokenizer(directory)).save(directory)
    assert tokenize(loaded(directory), ODD) == ids_of(directory, ODD)
    same_scores(directory)


def test_converting_writes_the_file_next_to_the_native_ones(gguf_base: Path, tmp_path: Path) -> None:
    convert([f"model.path={gguf_base}", "layout=gguf", "gguf=q4_0", f"out={tmp_path / 'out'}"])
    files = {path.name: path.stat().st_size for path in (tmp_path / "out").iterdir()}
    assert files["model.gguf"] < files["model.safetensors"]
    with pytest.raises(UserError, match="prompt_format= is written"):
        convert([f"model.path={gguf_base}", "layout=original", "prompt_format=qwen", f"out={tmp_path / 'original'}"])
    with pytest.raises(UserError, match="layout=gguf"):
        convert([f"model.path={gguf_base}", "gguf=q4_0", f"out={tmp_path / 'other'}"])


def refused(directory: Path, out: Path, match: str) -> None:
    with pytest.raises(UserError, match=match):
        convert([f"model.path={directory}", "layout=gguf", f"out={out}"])
    assert not out.exists()


def changed(source: Path, directory: Path, file: str, values: dict[str, Any]) -> Path:
    """A directory whose links lead to another one, with other values in one JSON file."""
    directory.mkdir()
    for path in source.iterdir():
        if path.name != file:
            (directory / path.name).symlink_to(path)
    stored = json.loads((source / file).read_text(encoding="utf-8"))
    (directory / file).write_text(json.dumps(stored | values), encoding="utf-8")
    return directory


def test_what_llama_cpp_would_compute_differently_is_refused_by_name(gguf_base: Path, tmp_path: Path) -> None:
    for number, (key, value, match) in enumerate(
        [
            ("hidden_act", "gelu", "activation gelu"),
            ("rope_parameters", {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}, "rotary scaling linear"),
        ]
    ):
        directory = changed(gguf_base, tmp_path / str(number), "config.json", {key: value})
        refused(directory, tmp_path / "out", match)
    alibi = StandInConfig.model_validate({"of": "baichuan_13b", "vocab_size": 1000, "hidden_size": 64, "steps": 0})
    (tmp_path / "alibi").mkdir()
    build_stand_in(find_domain("medical").prose()[:200], alibi, tmp_path / "alibi")
    refused(tmp_path / "alibi", tmp_path / "out", "ALiBi with 2 layers")


def test_an_unknown_pre_tokenizer_is_refused_by_name(gguf_base: Path, tiny_base: Path, tmp_path: Path) -> None:
    refused(tiny_base, tmp_path / "out", "isolates 是, which is not one of its tokens")

    whitespace = {"pre_tokenizer": {"type": "WhitespaceSplit"}}
    directory = changed(gguf_base, tmp_path / "model", "tokenizer.json", whitespace)
    with pytest.raises(UserError, match="pre-tokenizer WhitespaceSplit"):
        vocabulary_of(directory, load_tokenizer(directory), 600)
