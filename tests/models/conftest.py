"""Models that several tests here share."""

from pathlib import Path

import pytest

from models.embedded import build
from models.loading import load_tokenizer
from models.prompt_format import PromptFormat
from tests.conftest import PROSE, TINY
from tests.made_once import made_once


@pytest.fixture(scope="session")
def gguf_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As ``tiny_base``, with enough text for 的 and 是 to become tokens, as they are in the embedded model."""

    def make(directory: Path) -> None:
        build([*PROSE, *["高血压是慢性病，是可以控制的。"] * 60], TINY, directory)
        PromptFormat.named("xinglin", load_tokenizer(directory)).save(directory)

    return made_once(tmp_path_factory, "gguf_base", make)
