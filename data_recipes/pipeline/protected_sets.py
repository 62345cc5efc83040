"""The evaluation suites that no training question may overlap with.

A suite is registered by the fingerprints of a dataset's test splits: hashes, no text. From then on every dataset that
is built on this machine drops the training rows that share a question or a run of characters with it.
"""

import shutil
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import model_validator

from common.command import Config
from common.errors import UserError
from common.files import cache_dir, replacing_file
from common.hashing import sha256_file
from data_recipes.config import DataConfig
from data_recipes.leakage.overlap import HELD_OUT, load
from data_recipes.schema.manifest import DatasetManifest, Suite


class SuitesConfig(Config):
    """``data_recipes/suites.py``.

    Attributes:
        action: What is done: the suites are listed, or one is added or removed.
        name: The directory of a dataset to add, or the name of a suite to remove.
    """

    positional: ClassVar[tuple[str, ...]] = ("action", "name")

    action: Literal["list", "add", "remove"] = "list"
    name: str | None = None

    @model_validator(mode="after")
    def _names_one(self) -> "SuitesConfig":
        if (self.name is None) != (self.action == "list"):
            raise ValueError("give add DIR, remove NAME, or nothing to list them")
        return self


def suites_of(data: DataConfig) -> dict[str, Path]:
    """The fingerprint files of the suites that a recipe is compared with, by name; never the recipe's own.

    Raises:
        UserError: One that the recipe names is missing.
    """
    paths = registered() if data.suites == "registered" else [Path(path).expanduser() for path in data.suites]
    for path in paths:
        if not path.is_file():
            raise UserError("no such file", where=f"data.suites: {path}", fix="name a held_out.parquet of a dataset")
    return {path.stem: path for path in paths if path.stem != data.name}


def described(paths: dict[str, Path]) -> list[Suite]:
    """Names and hashes of suites, for the manifest."""
    return [Suite(name=name, sha256=sha256_file(path)) for name, path in paths.items()]


def registered() -> list[Path]:
    """The fingerprint files of all registered suites."""
    return sorted((cache_dir() / "suites").glob("*.parquet"))


def register(directory: Path) -> Path:
    """Registers the test splits of a dataset under its name.

    Raises:
        UserError: It is no dataset, has no test split, or its fingerprints are damaged.
    """
    manifest = DatasetManifest.load(directory)
    source = directory / HELD_OUT
    if not source.is_file():
        raise UserError("this dataset has no test split", where=str(directory), fix="build it with one")
    for _ in load(directory, HELD_OUT).parts():  # damaged ones would stop every build
        pass
    target = cache_dir() / "suites" / f"{manifest.name}.parquet"
    with replacing_file(target) as partial:
        shutil.copyfile(source, partial)
    return target


def list_or_change(config: SuitesConfig) -> None:
    """Lists, adds or removes suites, and prints what came of it.

    Raises:
        UserError: There is no such dataset or suite.
    """
    match config.action, config.name:
        case "add", str(directory):
            print(f"registered: {register(Path(directory)).stem}")
        case "remove", str(name):
            path = cache_dir() / "suites" / f"{name}.parquet"
            if path not in registered():
                raise UserError(f"no suite {name}", fix="see the list: python data_recipes/suites.py")
            path.unlink()
        case _:
            print("\n".join(path.stem for path in registered()) or "no suite is registered")
