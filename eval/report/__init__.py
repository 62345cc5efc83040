"""The report: one offline HTML page, ``report.json``, ``report.md``, and every answer in ``items.jsonl``."""

from eval.report.schema import Report
from eval.report.write import write_report

__all__ = ["Report", "write_report"]
