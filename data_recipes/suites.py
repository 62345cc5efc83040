"""The protected sets: what no training question may overlap with, such as a suite that models are evaluated on.

A set is registered by the fingerprints of a dataset's test splits: hashes, no text. From then on every dataset that is
built on this machine drops the training rows that share a question or a run of characters with it.

    python data_recipes/suites.py            lists them
    python data_recipes/suites.py add DIR    registers the test splits of a dataset that was built
    python data_recipes/suites.py remove NAME
"""

import shutil
from pathlib import Path

from common.command import run_command
from common.errors import UserError
from common.files import cache_dir
from common.hashing import sha256_file
from data_recipes.config import DataConfig
from data_recipes.leakage.overlap import HELD_OUT, load
from data_recipes.schema.manifest import DatasetManifest, ProtectedSet


def protected_sets(data: DataConfig) -> dict[str, Path]:
    """The fingerprint files of the sets that a recipe must not overlap with, by name; never the recipe's own.

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
    return cache_dir() / "suites"  # as it was called when the first ones were registered


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
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    shutil.copyfile(source, partial)
    partial.replace(target)
    return target


def main(arguments: list[str]) -> None:
    """Lists, adds or removes protected sets."""
    match arguments:
        case []:
            print("\n".join(path.stem for path in registered()) or "no protected set is registered")
        case ["add", directory]:
            print(f"registered: {register(Path(directory)).stem}")
        case ["remove", name]:
            path = _folder() / f"{name}.parquet"
            if path not in registered():
                raise UserError(f"no protected set {name}", fix="see the list: python data_recipes/suites.py")
            path.unlink()
        case _:
            raise UserError("this is not understood", fix="see --help")


if __name__ == "__main__":
    run_command(main, str(__doc__))
