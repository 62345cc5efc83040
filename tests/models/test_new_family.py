"""docs/families.md, "Adding a family", followed literally in a copy of the project, up to a tuned model."""

from pathlib import Path

import pytest
from transformers import LlamaForCausalLM, MistralConfig, MistralForCausalLM

from common.files import read_json
from models.loading import load_tokenizer, open_checkpoint
from tests.following import PROJECT, follow, run


@pytest.fixture
def mistral(tiny_base: Path, tmp_path: Path) -> Path:
    """The tiny base as a Mistral: the same weights under another class."""
    llama = LlamaForCausalLM.from_pretrained(tiny_base)
    sizes = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    sizes += ("num_key_value_heads", "max_position_embeddings", "tie_word_embeddings", "bos_token_id", "eos_token_id")
    model = MistralForCausalLM(MistralConfig(**{name: getattr(llama.config, name) for name in sizes}))
    model.load_state_dict(llama.state_dict())
    model.save_pretrained(tmp_path / "mistral")
    load_tokenizer(tiny_base).save_pretrained(tmp_path / "mistral")
    return tmp_path / "mistral"


@pytest.mark.slow  # a chain and tests in a copy of the project
def test_one_file_one_line_and_one_configuration_make_a_family(mistral: Path, tmp_path: Path) -> None:
    assert open_checkpoint(mistral)[0].name == "generic"
    copy = tmp_path / "copy"
    added = follow(PROJECT / "docs/families.md", "Adding a family: Mistral, as an example", copy)
    assert added == ["models/families/mistral.py", "configs/model/mistral.yaml"]
    small = ("data.splits.train=60", "train.max_steps=2", "train.max_length=128", "train.max_dropped_share=1")
    small += ("suite=quick", "suite.max_items=2", "suite.max_new_tokens=4", "merge.tokens=40")
    words = ("recipe=medical_qlora", "model=mistral", f"model.path={mistral}", f"runs_dir={copy}/runs", *small)
    run(copy, "training/run.py", *words)
    (artifact,) = copy.glob("runs/*/*/artifact.json")
    assert read_json(artifact)["kind"] == "merged" and read_json(artifact)["base"]["family"] == "mistral"
    card = (artifact.parent / "merged/README.md").read_text(encoding="utf-8")
    assert "Apache-2.0 for the 7B models" in card and "- mistral" in card
    tested = run(
        copy,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/models/test_families.py",
        "-k",
        "licence and mistral",
    )
    assert "1 passed" in tested
