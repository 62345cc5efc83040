"""What all tests share: no network, a separate cache, the medical dataset and a very small model, built once."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # of the commands that tests start

import pytest

from models.config import EmbeddedConfig
from tests.made_once import made_once

if TYPE_CHECKING:
    import torch

    from data_recipes.pipeline.build import BuiltDataset
    from domains.knowledge_base import KnowledgeBase

# Libraries are imported where they are used: the process that only hands tests to the workers needs none of them, and
# it would import them for ten seconds before any worker starts.

gc.disable()  # until the tests are collected: their imports leave nothing behind to look for, again and again

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


def pytest_collection_finish() -> None:
    """What the tests have imported stays: it is not looked through again."""
    gc.freeze()
    gc.enable()


PROSE = [
    f"{disease}的常见症状有{symptoms}。{disease}可以挂{department}。"
    for disease, symptoms, department in [
        ("高血压", "头痛、头晕和心悸", "心血管内科"),
        ("普通感冒", "鼻塞、流涕和咽痛", "呼吸内科"),
        ("慢性胃炎", "上腹痛、腹胀和反酸", "消化内科"),
        ("2型糖尿病", "多饮、多尿和多食", "内分泌科"),
        ("偏头痛", "头痛、恶心和畏光", "神经内科"),
    ]
] * 8


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tests run in parallel, and the models are tiny: threads would only wait for each other."""
    from models.threads import THREADS

    THREADS.use(1)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only connections to this machine are possible: any request to a hub fails the test."""
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test tried to reach {address}")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", local_only)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The test session's own cache directory."""
    directory = tmp_path_factory.mktemp("cache")
    before = os.environ.get("XINGLIN_CACHE")
    os.environ["XINGLIN_CACHE"] = str(directory)
    yield directory
    os.environ.pop("XINGLIN_CACHE") if before is None else os.environ.update(XINGLIN_CACHE=before)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real data and reference outputs that are not part of the project."""
    if not SHARED.is_dir():
        pytest.skip("../shared is missing (real data, not part of the project)")
    return SHARED


@pytest.fixture(scope="session")
def kb() -> KnowledgeBase:
    """The medical knowledge base."""
    from domains.medical.knowledge_base import KNOWLEDGE

    return KNOWLEDGE.load()


@pytest.fixture(scope="session")
def medical(cache: Path) -> BuiltDataset:
    """The medical dataset as shipped."""
    from common.command import read_config
    from data_recipes.config import BuildConfig
    from data_recipes.pipeline.build import build_or_reuse, load

    [config] = read_config("build", ["data=medical", "out=unused"], BuildConfig)
    built = load(build_or_reuse(config.data, config.source))
    gc.freeze()  # it stays, too
    return built


TINY = EmbeddedConfig(
    vocab_size=600, hidden_size=64, layers=2, context_length=256, sequence_length=64, batch_size=4, steps=80
)


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of 2 layers in an ordinary directory, with the ``xinglin`` prompt format."""
    from models.embedded import build
    from models.loading import load_tokenizer
    from models.prompt_format import PromptFormat

    def make(directory: Path) -> None:
        build(PROSE, TINY, directory)
        PromptFormat.named("xinglin", load_tokenizer(directory)).save(directory)

    return made_once(tmp_path_factory, "tiny_base", make)


@pytest.fixture(params=["float32", "bfloat16"])
def compute_dtype(request: pytest.FixtureRequest) -> torch.dtype:
    """The types that numeric tests run in: bfloat16 only where it is native; emulated it is many times slower."""
    import torch

    from models.numerics import instruction_set, native_bfloat16

    if request.param == "bfloat16" and not native_bfloat16():
        pytest.skip(f"this CPU emulates bfloat16: {instruction_set()}")
    return torch.float32 if request.param == "float32" else torch.bfloat16
