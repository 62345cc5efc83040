"""A real instruct model that the user has at hand, in native layout."""

import os
from pathlib import Path

import pytest

VARIABLE = "XINGLIN_REAL_MODEL"


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of the model; a GGUF file is read into native files first."""
    given = os.environ.get(VARIABLE, "")
    if not given:
        pytest.skip(f"no real model: make test-real MODEL=DIR|FILE.gguf sets {VARIABLE}")
    path = Path(given).expanduser().resolve()
    return path if path.is_dir() else native(path, tmp_path_factory.mktemp("real") / "native")


def native(file: Path, directory: Path) -> Path:
    """Writes the weights of a GGUF file in float32, with its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
    del model.config.quantization_config  # the weights are plain now; save_pretrained would refuse
    model.hf_quantizer = None
    model.save_pretrained(directory)
    AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name).save_pretrained(directory)
    return directory
