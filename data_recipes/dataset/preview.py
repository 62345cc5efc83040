"""The preview of a dataset: one HTML file with a few hundred rows, searchable without a network or a server."""

import json
import re
from html import escape
from importlib.resources import files

from data_recipes.schema.changes import StepSample
from data_recipes.schema.example import Example
from data_recipes.schema.manifest import DatasetManifest

SHOWN = 3000  # characters of a turn


def preview(manifest: DatasetManifest, samples: dict[str, list[Example]], changes: list[StepSample]) -> str:
    """The page.

    Args:
        manifest: Of the dataset.
        samples: Rows of each split.
        changes: Rows that a step changed or dropped.
    """
    page = files("data_recipes.dataset").joinpath("preview.html").read_text(encoding="utf-8")
    rows = [_row(name, example) for name, examples in samples.items() for example in examples]
    counts = manifest.counts
    counted = f"读入 {counts.read}，保留 {counts.kept} · read {counts.read}, kept {counts.kept}"
    values = {
        "NAME": escape(manifest.name),
        "ABOUT": f"{escape(manifest.about.zh)}<br>{escape(manifest.about.en)}",
        "COUNTS": escape(counted),
        "ROWS": _embedded(rows),
        "CHANGES": _embedded([change.model_dump() for change in changes]),
    }
    return re.sub("@@([A-Z]+)@@", lambda place: values[place[1]], page)  # at once: a row may contain such a mark


def _row(split: str, example: Example) -> dict[str, object]:
    return {
        "split": split,
        "id": example.id,
        "kind": example.kind,
        "messages": [[message.role, _short(message.content)] for message in example.messages],
        "more": {
            name: value
            for name, value in (
                ("参考答案 references", list(example.references)),
                ("选项 choices", list(example.choices)),
                ("结果 result", example.result),
                ("较差答案 rejected", example.rejected),
                ("依据 grounding", list(example.grounding)),
            )
            if value
        },
    }


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…（共 {len(text)} 字 · {len(text)} characters）"


def _embedded(rows: list[dict[str, object]]) -> str:
    """JSON that is safe inside a script element, whatever the texts contain."""
    text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
