"""Decides the gate of a finished report, and writes the outcome into its files."""

from pathlib import Path

from pydantic import ValidationError

from common.errors import UserError
from common.files import only_writer
from eval.gates.config import GateConfig
from eval.gates.decide import decide
from eval.report.schema import GateOutcome, ItemRecord, Report
from eval.report.write import ITEMS_FILE, REPORT_FILE, write_report
from models.run_directory import RunDirectory


def decide_report(path: Path, gate: GateConfig) -> GateOutcome:
    """Decides, and writes the outcome into the report.

    Args:
        path: A run, the directory of a report, or its ``report.json``.
        gate: The rules.

    Raises:
        UserError: There is no report here, it is of another version, or it cannot be written.
    """
    directory = _directory_of(path)
    report = Report.load(directory / REPORT_FILE)
    outcome = decide(report, gate)
    with only_writer(directory):
        write_report(report.model_copy(update={"gate": outcome}), _items(directory / ITEMS_FILE), directory)
    return outcome


def _directory_of(path: Path) -> Path:
    """Where the report is that a path means."""
    if path.name == REPORT_FILE:
        return path.parent
    of_run = RunDirectory(path).report
    return of_run if (of_run / REPORT_FILE).is_file() else path


def _items(path: Path) -> list[ItemRecord]:
    """The items of a report, whose pages are written again.

    Raises:
        UserError: They are missing, or of another version.
    """
    if not path.is_file():
        raise UserError("the items of this report are missing", where=str(path), fix="evaluate again")
    lines = path.read_text(encoding="utf-8").split("\n")  # an answer may have other line ends in it
    try:
        return [ItemRecord.model_validate_json(line) for line in lines if line]
    except ValidationError as error:
        raise UserError(f"not items of this version: {error}", where=str(path), fix="evaluate again") from None
