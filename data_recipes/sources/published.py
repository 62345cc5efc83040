"""The files of a set that was published in splits: a folder of them, or one file alone."""

from collections.abc import Mapping
from pathlib import Path

from common.errors import UserError
from data_recipes.lines import raw_lines


def published_files(path: str, names: Mapping[str, str]) -> dict[str, Path]:
    """Each file by the split that it prescribes.

    Args:
        path: The folder, or one file of the same format, whose split the recipe draws.
        names: File names in the folder, by split; the first one must be there, the others may be missing.

    Raises:
        UserError: There is no such file.
    """
    given = Path(path)
    if not given.is_dir():
        if not given.is_file():
            raise UserError("the file does not exist", where=path, fix="give source.path=… of the folder or of a file")
        return {"": given}
    found = {split: given / name for split, name in names.items() if (given / name).is_file()}
    first = next(iter(names))
    if first not in found:
        raise UserError(
            f"{names[first]} is not in this folder",
            where=path,
            fix="get it too, or give source.path=… of one file, of which data.splits draws the others",
        )
    return found


def rows_of(path: Path) -> int:
    """Rows in a file of JSON lines, good and bad ones."""
    return sum(1 for _ in raw_lines(path))
