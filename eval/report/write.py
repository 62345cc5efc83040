"""Writes the four files of a report, each whole or not at all."""

from collections.abc import Sequence
from pathlib import Path

from common.files import write_text
from eval.report.html import html
from eval.report.markdown import markdown
from eval.report.schema import ItemRecord, Report

REPORT_FILE = "report.json"
ITEMS_FILE = "items.jsonl"


def write_report(report: Report, items: Sequence[ItemRecord], out: Path) -> None:
    """Writes ``items.jsonl``, ``report.md``, ``index.html`` and, last, ``report.json``.

    Args:
        report: The content.
        items: Every item with its answers.
        out: The directory.

    Raises:
        UserError: The directory cannot be written.
    """
    write_text(out / ITEMS_FILE, "".join(f"{item.model_dump_json()}\n" for item in items))
    write_text(out / "report.md", markdown(report))
    write_text(out / "index.html", html(report, items))
    write_text(out / REPORT_FILE, report.model_dump_json(indent=2) + "\n")
