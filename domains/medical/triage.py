"""Judges triage on labelled messages: ``python -m domains.medical.triage FILE.jsonl``."""

from common.command import read_config, run_command

HELP = """
python -m domains.medical.triage FILE.jsonl

FILE has a message on each line, and whether somebody must call 120 or go to an emergency department now:
  {"text": "胸痛冒冷汗", "emergency": true}
Other keys may stand beside these; domains/medical/triage_cases/ has such files.

Prints JSON: recall (of the emergencies), false_alarms (of the other messages), each {"value", "low", "high", "n"} with
a 95 % interval; misses: the emergencies without an alarm; alarms: the other messages with one.
Exit codes: 0 done, 1 failed, 2 wrong input or configuration, 130 interrupted.
"""


def main(arguments: list[str]) -> None:
    """Judges one file."""
    import json  # loads the libraries, which --help does without

    from domains.medical.judged_triage import TriageConfig, labelled_texts, report
    from domains.medical.knowledge_base import KNOWLEDGE
    from domains.medical.triager import MedicalTriager

    [config] = read_config("triage", arguments, TriageConfig)
    texts = labelled_texts(config.messages)
    print(json.dumps(report(texts, MedicalTriager(KNOWLEDGE.load())), ensure_ascii=False, indent=2))


if __name__ == "__main__":
    run_command(main, HELP)
