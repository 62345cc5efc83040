import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from common.errors import UserError
from data_recipes.pipeline.build import BuiltDataset
from data_recipes.schema.manifest import MANIFEST, Counts, DatasetManifest, ProtectedSet


def test_an_account_that_does_not_balance_cannot_be_written() -> None:
    Counts(read=5, kept=3, dropped={"empty_answer": 1, "duplicate_question": 1})
    with pytest.raises(ValidationError):
        Counts(read=5, kept=3, dropped={"empty_answer": 1})


def test_the_splits_must_hold_what_was_kept(medical: BuiltDataset) -> None:
    values = medical.manifest.model_dump()
    with pytest.raises(ValidationError):
        DatasetManifest.model_validate({**values, "splits": {**values["splits"], "train": 1}})


def test_protected_sets_keep_the_key_of_older_manifests(medical: BuiltDataset, tmp_path: Path) -> None:
    manifest = medical.manifest.model_copy(
        update={"protected_sets": [ProtectedSet(name="board_exam", sha256="0" * 64)]}
    )
    manifest.save(tmp_path)
    assert json.loads((tmp_path / MANIFEST).read_text())["suites"] == [{"name": "board_exam", "sha256": "0" * 64}]
    assert DatasetManifest.load(tmp_path) == manifest


@pytest.mark.parametrize("change", [{"format": 1}, {"format": 7}, {"format": None}])
def test_a_manifest_of_another_format_is_refused(
    change: dict[str, object], medical: BuiltDataset, tmp_path: Path
) -> None:
    values = medical.manifest.model_dump(by_alias=True) | change
    (tmp_path / MANIFEST).write_text(json.dumps({key: value for key, value in values.items() if value is not None}))
    with pytest.raises(UserError, match="not a manifest of format 2"):
        DatasetManifest.load(tmp_path)
