"""A real instruct model that the user has at hand: a directory in native layout, or a GGUF file."""

import os
from pathlib import Path

import pytest

from models.hub import locate

VARIABLE = "XINGLIN_REAL_MODEL"


@pytest.fixture(scope="session")
def given() -> Path:
    """What the user named."""
    name = os.environ.get(VARIABLE, "")
    if not name:
        pytest.skip(f"no real model: make test-real MODEL=DIR|FILE.gguf sets {VARIABLE}")
    return Path(name).expanduser().resolve()


@pytest.fixture(scope="session")
def model(given: Path, cache: Path) -> Path:
    """Directory of the model; a GGUF file is unpacked into the cache of the tests."""
    return locate(str(given))
