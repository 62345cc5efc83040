"""What a tuned closed-book model gets right of an answer: the name, the attribute that is asked, its facts.

    python benchmarks/training/prefix_answers.py report=RUN/report

Reads the items of a report on ``data=medical``, whose answers have the form "NAME的ATTRIBUTE有FACTS".
"""

import json
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

FORM = re.compile("(?P<name>.{1,15}?)的(?P<attribute>.{2,6}?)(?:有|是|要点|：)")


class Opening(NamedTuple):
    """What an answer begins with."""

    name: str
    attribute: str


def opening(answer: str) -> Opening | None:
    """The name and the attribute of an answer; None of another form."""
    found = FORM.match(answer)
    return Opening(found["name"], found["attribute"]) if found else None


def main() -> None:
    """Prints the shares."""
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    lines = (Path(given["report"]) / "items.jsonl").read_text("utf-8").splitlines()
    items: list[tuple[Opening, Opening | None, float]] = []
    for item in map(json.loads, lines):
        scores: dict[str, Any] = item["scores"]["tuned"]
        if (asked := opening(item["reference"])) and "fact_recall" in scores:
            items.append((asked, opening(item["answers"]["tuned"]), scores["fact_recall"]))
    named = [item for item in items if item[1] and item[1].name == item[0].name]
    right = [item for item in named if item[1] == item[0]]
    print(
        f"{len(items)} answers: name right {len(named) / len(items):.1%}, attribute too {len(right) / len(items):.1%}"
    )
    print(f"fact recall where both are right: {sum(recall for _, _, recall in right) / max(1, len(right)):.1%}")


if __name__ == "__main__":
    main()
