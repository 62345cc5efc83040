"""Whether a request to prescribe is heard that takes several messages, beside labels.

    python benchmarks/prescription_turns.py             both halves; writes benchmarks/prescription_turns.md
    python benchmarks/prescription_turns.py half=dev    with its mistakes; writes nothing

The conversations in domains/medical/prescription_turns/ were labelled before the rule was written, by its author, and
divided by a hash. ``dev`` may be read when a rule is made; ``test`` may not.
"""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from claims import shown

from common.files import write_text
from domains.medical.prescriptions import asks_for_prescription

FOLDER = Path(__file__).parent.parent / "domains/medical/prescription_turns"
HALVES = ("dev", "test")
HEAD = """# Requests to prescribe, over several messages

Made by `python benchmarks/prescription_turns.py`. Conversations of two to four messages of a person; the last asks to
prescribe, or it asks something else, some after such a request. One author wrote conversations, labels and then the
rule, so strangers' will do worse; no clinician has reviewed the labels. The rule was changed after reading `dev`, never
after reading `test`. Shares in %, with Wilson's 95 % intervals.

| | recall | false alarms | recall of the last message alone | false alarms of it |
|---|---|---|---|---|"""

Asks = Callable[[str, Sequence[str]], bool]


def main() -> None:
    """Judges, and writes the page."""
    chosen = dict(word.split("=") for word in sys.argv[1:]).get("half")
    page = [HEAD]
    for half in [chosen] if chosen else HALVES:
        cases = [json.loads(line) for line in (FOLDER / f"{half}.jsonl").read_text("utf-8").splitlines()]
        if half == chosen == "dev":
            print("\n".join(mistakes(cases)))
        alone = shares(cases, lambda question, _: asks_for_prescription(question))
        page.append(f"| {half} ({len(cases)}) | {shares(cases, asks_for_prescription)} | {alone} |")
    print("\n".join(page))
    if not chosen:
        write_text(Path(__file__).with_suffix(".md"), "\n".join(page) + "\n")


def shares(cases: Sequence[dict[str, Any]], asks: Asks) -> str:
    """Recall and false alarms, as cells."""
    heard = [(case["prescription"], asks(case["question"], case["earlier"])) for case in cases]
    return f"{shown(said for right, said in heard if right)} | {shown(said for right, said in heard if not right)}"


def mistakes(cases: Sequence[dict[str, Any]]) -> list[str]:
    """The conversations that are judged wrong."""
    return [
        f"{'missed' if case['prescription'] else 'wrong'}: {' / '.join([*case['earlier'], case['question']])}"
        for case in cases
        if asks_for_prescription(case["question"], case["earlier"]) != case["prescription"]
    ]


if __name__ == "__main__":
    main()
