"""A base's generation_config.json: its stop tokens apply, its sampling is kept and shown but never applied."""

import shutil
from pathlib import Path

import pytest

from common.files import read_json, write_json
from data_recipes.schema.example import Message
from models.engines.engine import Sampling
from models.engines.local import load_engine
from models.export import save_native
from models.loading import load_model, load_tokenizer, open_checkpoint
from models.prompt_format import PromptFormat
from models.recommended import Recommended
from models.show_prompt import ShowPromptConfig, show

ASKED = [Message(role="user", content="高血压的常见症状有什么？")]
SAMPLING = {"do_sample": True, "temperature": 9.0, "top_k": 3, "repetition_penalty": 3.0}


@pytest.fixture
def base(tiny_base: Path, tmp_path: Path) -> Path:
    """The tiny base with its authors' recommendation."""
    directory = tmp_path / "base"
    shutil.copytree(tiny_base, directory)
    write_json(directory / "generation_config.json", {**SAMPLING, "user_token_id": 7})
    return directory


def test_sampling_is_not_applied(base: Path, tiny_base: Path) -> None:
    plain, asked = (load_engine(path).generate([ASKED], [Sampling(max_new_tokens=16)]) for path in (tiny_base, base))
    assert asked == plain


def test_its_stop_tokens_end_an_answer(base: Path) -> None:
    engine = load_engine(base)
    whole = engine.generate([ASKED], [Sampling(max_new_tokens=16)])[0]
    ids = engine.tokenizer.encode(whole.text, add_special_tokens=False)
    write_json(base / "generation_config.json", {"eos_token_id": [ids[3]]})
    ended = load_engine(base).generate([ASKED], [Sampling(max_new_tokens=16)])[0]
    assert ended.finish_reason == "stop" and ended.completion_tokens < whole.completion_tokens
    assert whole.text.startswith(ended.text.rstrip("�"))


def test_both_are_exported(base: Path, tmp_path: Path) -> None:
    write_json(base / "generation_config.json", {**SAMPLING, "user_token_id": 7, "eos_token_id": 11})
    prompt_format = PromptFormat.load(base, load_tokenizer(base))
    (tmp_path / "merged").mkdir()
    save_native(load_model(base), tmp_path / "merged", *open_checkpoint(base), prompt_format)
    written = read_json(tmp_path / "merged" / "generation_config.json")
    assert SAMPLING.items() <= written.items() and "user_token_id" not in written
    assert written["eos_token_id"] == [*prompt_format.stop_ids, 11]
    assert Recommended.by(tmp_path / "merged").sampling == SAMPLING


def test_it_is_shown_with_the_prompt(base: Path, tiny_base: Path) -> None:
    with_it, without = (show(ShowPromptConfig(model=path, text="头痛"), coloured=False) for path in (base, tiny_base))
    assert "temperature=9.0, top_k=3, repetition_penalty=3.0" in with_it
    assert "recommend" not in without and "greedy" not in without
