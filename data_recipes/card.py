"""The dataset card: ``README.md`` of a dataset, in Chinese and English."""

from data_recipes.example import Example
from data_recipes.manifest import DatasetManifest


def card(manifest: DatasetManifest, splits: dict[str, list[Example]]) -> str:
    """Writes the card."""
    front = "".join(f"  - split: {name}\n    path: {name}.parquet\n" for name in splits)
    return f"---\nconfigs:\n- config_name: default\n  data_files:\n{front}---\n"
