from pathlib import Path

import pytest

from models.config import EmbeddedConfig
from models.embedded import llama_config, train_tokenizer
from models.loading import load_tokenizer
from models.prompt_format import PromptFormat
from models.without_weights import WithoutWeights

SHAPE = EmbeddedConfig(vocab_size=1000, hidden_size=64, layers=2, context_length=256, sequence_length=64)


@pytest.fixture(scope="session")
def weightless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model directory as a service in front of a server needs it: everything but weights."""
    directory = tmp_path_factory.mktemp("weightless")
    tokenizer = train_tokenizer(["高血压的常见症状有头痛、头晕和心悸。"], SHAPE.vocab_size)
    tokenizer.save_pretrained(directory)
    shape = llama_config(SHAPE, tokenizer)
    shape.architectures = ["LlamaForCausalLM"]
    shape.save_pretrained(directory)
    PromptFormat.named("xinglin", load_tokenizer(directory)).save(directory)
    return directory


@pytest.fixture(scope="session")
def model(weightless: Path) -> WithoutWeights:
    return WithoutWeights.read(weightless)
