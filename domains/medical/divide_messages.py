"""Files labelled messages: ``python -m domains.medical.divide_messages AUTHOR FILE.jsonl``."""

from pathlib import Path

from common.command import run_command

HELP = """
python -m domains.medical.divide_messages AUTHOR FILE.jsonl

Divides the messages of one author among the files of domains/medical/triage_cases/, in the place of those that he has
there. Whole scenarios are kept for the test, and a part of the messages of the others. Each line has text, emergency,
scenario and kind, and may have disposition (120, today, days, home, none), self_harm and prescription.
Exit codes: 0 done, 1 failed, 2 wrong input, 130 interrupted.
"""


def main(arguments: list[str]) -> None:
    """Files one author's messages."""
    from common.errors import UserError  # loads the libraries, which --help does without
    from domains.medical.labelled_messages import DIVIDED, divide, messages_in

    if len(arguments) != 2:
        raise UserError("an author and a file are needed", where=" ".join(arguments), fix="see --help")
    author, file = arguments
    divide(author, messages_in(Path(file)))
    for path in DIVIDED:
        print(f"{path.name}: {len(messages_in(path))}")


if __name__ == "__main__":
    run_command(main, HELP)
