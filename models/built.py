"""Models that are built here are cached under a hash of everything they are made from."""

from collections.abc import Callable, Sequence
from pathlib import Path

from loguru import logger

from common.command import Config
from common.files import cache_dir, replacing_directory
from common.hashing import sha256_files, sha256_value
from models.artifact import FILE_NAME, Artifact
from models.numerics import compute_dtype

FOLDER = "models"
"""Of the cache."""


def build_once(
    kind: str, corpus: Sequence[str], config: Config, code: Sequence[str], build: Callable[[Path], None]
) -> Path:
    """Returns the model made from exactly this corpus, configuration, code and compute type, built first if needed.

    Args:
        kind: Beginning of the directory's name.
        corpus: What it is trained on.
        config: Size and training.
        code: Files whose changes produce another model.
        build: Fills an empty directory with the model.

    Returns:
        Directory of the model.
    """
    made_from = [list(corpus), config.model_dump(), sha256_files(map(Path, code)), compute_dtype().name]
    key = sha256_value(made_from)[:16]
    target = cache_dir() / FOLDER / f"{kind}-{key}"
    cached = (target / "config.json").is_file()
    if not cached:
        with replacing_directory(target) as directory:
            build(directory)
    logger.info("{} model: {}, {}", kind, "cached" if cached else "built", target)
    return target


def is_built_here(directory: Path) -> bool:
    """Whether a directory is a model that was built here, in this cache, or was tuned from one."""
    while (directory / FILE_NAME).is_file():
        directory = Path(Artifact.load(directory).base.path)
    return directory.is_relative_to((cache_dir() / FOLDER).resolve())
