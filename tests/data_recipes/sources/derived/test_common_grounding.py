"""What a dataset made of datasets says about the entries in its prompts."""

from pathlib import Path

import pytest

from common.errors import UserError
from data_recipes.schema.manifest import Counts, DatasetManifest, Description, GroundingUsed
from data_recipes.sources.derived.built_datasets import SourceDataset, common_grounding

ENTRIES = GroundingUsed(kind="entries", template="entries_1", sha256="ab" * 32, entries=3, attributes=2)
NONE = GroundingUsed()


def with_grounding(used: GroundingUsed | None) -> SourceDataset:
    manifest = DatasetManifest(
        name="d",
        about=Description(zh="", en=""),
        code="",
        seed=1,
        config={},
        counts=Counts(read=0, kept=0, dropped={}),
        splits={},
        descriptions={},
        sources=[],
        grounding=used,
        overlap={},
        sha256="",
    )
    return SourceDataset(Path(), manifest)


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ([NONE, NONE], NONE),
        ([NONE, ENTRIES], ENTRIES),
        ([ENTRIES, ENTRIES], ENTRIES),
        ([ENTRIES, None], None),  # an older dataset does not say, so neither does the mix
    ],
)
def test_a_mix_says_what_its_parts_say(parts: list[GroundingUsed | None], whole: GroundingUsed | None) -> None:
    assert common_grounding([with_grounding(used) for used in parts]) == whole


def test_two_forms_of_entries_are_refused() -> None:
    other = ENTRIES.model_copy(update={"sha256": "cd" * 32})
    with pytest.raises(UserError, match="different forms"):
        common_grounding([with_grounding(ENTRIES), with_grounding(other)])


def test_a_manifest_of_before_does_not_say(tmp_path: Path) -> None:
    with_grounding(NONE).manifest.save(tmp_path)
    file = tmp_path / "manifest.json"
    text = file.read_text(encoding="utf-8")
    assert DatasetManifest.load(tmp_path).grounding == NONE
    start = text.index('"grounding"')
    file.write_text(text[:start] + text[text.index("}", start) + 1 :].lstrip(", \n"), encoding="utf-8")
    assert DatasetManifest.load(tmp_path).grounding is None
