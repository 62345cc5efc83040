"""The protected sets: what no training question may overlap with, such as a suite that models are evaluated on.

A set is registered by the fingerprints of a dataset's test splits: hashes, no text. From then on every dataset that is
built on this machine drops the training rows that share a question or a run of characters with it.
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
from data_recipes.schema.manifest import DatasetManifest, ProtectedSet


class SuitesConfig(Config):
    """``data_recipes/suites.py``.

    Attributes:
        action: What is done: the protected sets are listed, or one is added or removed.
        name: The directory of a dataset to add, or the name of a set to remove.
    """

    positional: ClassVar[tuple[str, ...]] = ("action", "name")

    action: Literal["list", "add", "remove"] = "list"
    name: str | None = None

    @model_validator(mode="after")
    def _names_one(self) -> "SuitesConfig":
        if (self.name is None) != (self.action == "list"):
            raise ValueError("give add DIR, remove NAME, or nothing to list them")
        return self


def protected_sets(data: DataConfig) -> dict[str, Path]:
    """The fingerprint files of the sets that a recipe must not overlap with, by name, without the recipe's own.

    Raises:
        UserError: One that the recipe names is missing.
    """
    named = data.protected_sets
    paths = registered() if named == "registered" else [Path(path).expanduser() for path in named]
    for path in paths:
        if not path.is_file():
            where = f"data.protected_sets: {path}"
            raise UserError("no such file", where=where, fix="name a held_out.parquet of a dataset")
    return {path.stem: path for path in paths if path.stem != data.name}


def described(paths: dict[str, Path]) -> list[ProtectedSet]:
    """Names and hashes of protected sets, for the manifest."""
    return [ProtectedSet(name=name, sha256=sha256_file(path)) for name, path in paths.items()]


def registered() -> list[Path]:
    """The fingerprint files of all registered sets."""
    return sorted(_folder().glob("*.parquet"))


def _folder() -> Path:
    return cache_dir() / "suites"  # its name when the first sets were registered


def register(directory: Path) -> Path:
    """Registers the test splits of a dataset under its name.

    Raises:
        UserError: It is no dataset, has no test split, or its fingerprints are damaged.
    """
    manifest = DatasetManifest.load(directory)
    source = directory / HELD_OUT
    if not source.is_file():
        raise UserError("this dataset has no test split", where=str(directory), fix="build it with one")
    for _ in load(directory, HELD_OUT).batches():  # damaged ones would stop every build
        pass
    target = _folder() / f"{manifest.name}.parquet"
    with replacing_file(target) as partial:
        shutil.copyfile(source, partial)
    return target


def list_or_change(config: SuitesConfig) -> None:
    """Lists, adds or removes protected sets, and prints the result.

    Raises:
        UserError: There is no such dataset or set.
    """
    match config.action, config.name:
        case "add", str(directory):
            print(f"registered: {register(Path(directory)).stem}")
        case "remove", str(name):
            path = _folder() / f"{name}.parquet"
            if path not in registered():
                raise UserError(f"no protected set {name}", fix="see the list: python data_recipes/suites.py")
            path.unlink()
        case _:
            print("\n".join(path.stem for path in registered()) or "no protected set is registered")
