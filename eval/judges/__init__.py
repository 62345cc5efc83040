"""The metrics: one Hugging Face ``evaluate`` module per folder, each usable alone with ``evaluate.load(folder)``."""

from functools import cache
from pathlib import Path
from typing import Any

import evaluate

from common.files import cache_dir, disk_errors


@cache
def load_metric(name: str) -> Any:
    """Loads ``eval/judges/<name>`` without network; what ``evaluate`` caches goes to Xinglin's cache directory.

    Args:
        name: Folder of the metric, e.g. ``rouge_l_zh``.

    Returns:
        The ``evaluate.Metric``; its ``compute`` gives the aggregate, per-item ``scores`` and a ``signature``.
    """
    directory = cache_dir() / "metrics"
    with disk_errors(directory):
        evaluate.config.HF_MODULES_CACHE = directory / "modules"  # read at every load; by default the home directory
        return evaluate.load(str(Path(__file__).parent / name), cache_dir=str(directory), keep_in_memory=True)
