"""Decides whether a finished report passes a gate, and writes that at the top of the report.

python eval/gate.py report=runs/medical_qlora/20261123-101500 gate=medical
"""

from common.command import read_config, run_command
from common.groups import choices

HELP = f"""
Decides whether a model may be released: whether its finished report passes every rule of a gate. What it decided, rule
by rule with the numbers and why, is printed and then stands at the top of the report.

  python eval/gate.py report=RUN gate=medical          a run: its own report
  python eval/gate.py report=DIR gate=medical_served   a report on more systems, among them the service

Keys:
  report=PATH    a run, the directory of a report, or its report.json

Choices (files in configs/; medical is the default):
{choices("gate")}

Often changed:
  gate.rules.emergencies.least=0.9   gate.rules.NAME.on=value

A rule passes, fails, or is undecided: the report does not have what it is about, or too few items to show it. Only a
report that passes every rule is released. Before that, base, tuned and served model are asked the same items:

  python -m app model=RUN serve.raw_model=true
  python eval/run.py model=RUN systems.served.url=http://127.0.0.1:8000/v1 systems.served.model=NAME-raw out=DIR

Exit codes: 0 passed, 1 not passed, 2 wrong input.
"""

PASSED, NOT_PASSED = 0, 1


def main(arguments: list[str]) -> int:
    """Decides, prints and writes what was decided."""
    from eval.gates.config import GateCommandConfig  # these load the libraries, which --help does not need

    configs = read_config("gate", arguments, GateCommandConfig)
    from eval.gates.reports import decide_report
    from eval.report.markdown import gate_told

    outcomes = [decide_report(config.report, config.gate) for config in configs]
    print("\n\n".join(map(gate_told, outcomes)))
    return PASSED if all(outcome.verdict == "passed" for outcome in outcomes) else NOT_PASSED


if __name__ == "__main__":
    run_command(main, HELP)
