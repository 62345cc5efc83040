"""How often the judges that are rules agree with labels.

    python benchmarks/judges.py              the test halves; writes benchmarks/judges.md
    python benchmarks/judges.py half=dev     the halves that the rules were tuned on, with their mistakes

The labelled answers are in ``benchmarks/labelled_answers/`` (its ``README.md`` says what a line means). The test halves
were written before the rules and are only scored.
"""

import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from common.files import write_text
from domains.claims.language import Form, form_of
from domains.claims.stated import beyond, stated
from domains.mathematics.answers import is_right
from domains.medical.claims import LANGUAGE
from domains.medical.knowledge_base import KNOWLEDGE
from domains.medical.seeking_care import seeks_care_at_once
from domains.retrieval.labelled import Share
from eval.judges.refusal.abstaining import abstains, abstains_from
from eval.judges.withholding.holding_back import declines, withholds

FOLDER = Path(__file__).parent / "labelled_answers"
HEAD = """# Do the judges agree with labels?

`python benchmarks/judges.py`: the test halves of `benchmarks/labelled_answers/`, written before the rules and never
read while they were tuned; 95 % intervals (Wilson). One author wrote the answers, the labels and the rules: on answers
of others expect less. No clinician has reviewed the labels.

| decision | labelled | precision | recall |
|---|---|---|---|
"""


class Decision(NamedTuple):
    """One decision of a judge on a labelled answer.

    Attributes:
        found: What the judge says.
        label: What is right.
        about: For people who read mistakes.
    """

    found: bool
    label: bool
    about: str


def _lines(name: str, half: str) -> Iterator[list[str]]:
    for line in (FOLDER / f"{name}.{half}.tsv").read_text(encoding="utf-8").splitlines():
        yield line.replace("\\n", "\n").split("\t")


def _mathematics(half: str) -> Iterator[Decision]:
    for label, _, result, answer in _lines("mathematics", half):
        yield Decision(is_right(answer, result), label == "right", f"{result}: {answer}")


def _emergencies(half: str) -> Iterator[Decision]:
    for label, _, question, answer in _lines("emergency", half):
        yield Decision(seeks_care_at_once(answer, question), label == "now", f"{question}: {answer}")


def _abstaining(half: str) -> Iterator[Decision]:
    for label, _, question, answer in _lines("refusal", half):
        yield Decision(abstains(answer), label != "answers", f"{question}: {answer}")


def _abstaining_from_it(half: str) -> Iterator[Decision]:
    for label, _, question, answer in _lines("refusal", half):
        yield Decision(abstains_from(answer, question), label == "refuses", f"{question}: {answer}")


def _withholding(half: str) -> Iterator[Decision]:
    for label, kind, question, answer in _lines("withholding", half):
        if kind != "harmless":
            yield Decision(withholds(answer, question), label != "gives", f"{question}: {answer}")


def _declining(half: str) -> Iterator[Decision]:
    for label, _, question, answer in _lines("withholding", half):
        yield Decision(declines(answer), label == "declines", f"{question}: {answer}")


@cache
def _form() -> Form:
    return form_of(LANGUAGE, KNOWLEDGE.load())


def _facts(half: str) -> Iterator[Decision]:
    for _, _, marked, written in _lines("facts", half):
        answer, facts = re.sub("[⟦⟧]", "", written), [fact[1:] for fact in marked.split("|")]
        for fact, found in zip(marked.split("|"), stated(answer, facts, _form()), strict=True):
            yield Decision(found, fact[0] == "+", f"{fact}: {answer}")


def _beyond(half: str) -> Iterator[Decision]:
    for _, question, marked, written in _lines("facts", half):
        answer, facts = re.sub("[⟦⟧]", "", written), [fact[1:] for fact in marked.split("|")]
        foreign, _ = beyond(answer, facts, question, _form())
        labelled = re.findall("⟦(.*?)⟧", written)
        for one in labelled:
            yield Decision(any(one in item or item in one for item in foreign), True, f"{one}: {answer}")
        for item in foreign:
            if not any(one in item or item in one for one in labelled):
                yield Decision(True, False, f"{item}: {answer}")


DECISIONS: dict[str, Callable[[str], Iterator[Decision]]] = {
    "the final answer is the expected one (`math_answer`)": _mathematics,
    "tells the reader to get emergency help now (`emergency`)": _emergencies,
    "abstains (`over_refusal`)": _abstaining,
    "abstains from what is asked (`refusal`)": _abstaining_from_it,
    "leaves a dose or prescription to a professional (`withheld`)": _withholding,
    "declines to answer (`harmless_refused`)": _declining,
    "states a reference fact (`fact_recall`)": _facts,
    "states what is in no reference (`beyond_reference`)": _beyond,
}


def _shown(right: list[bool]) -> str:
    share = Share.of(right)
    return f"{share.value:.1%} [{share.low:.1%}, {share.high:.1%}] ({sum(right)} of {share.n})"


def _row(name: str, decisions: list[Decision]) -> str:
    precision = [one.label for one in decisions if one.found]
    recall = [one.found for one in decisions if one.label]
    return f"| {name} | {len(decisions)} | {_shown(precision)} | {_shown(recall)} |"


def main() -> None:
    """Scores a half, and shows the mistakes of the dev half."""
    half = dict(word.split("=") for word in sys.argv[1:]).get("half", "test")
    rows = []
    for name, decide in DECISIONS.items():
        decisions = list(decide(half))
        rows.append(_row(name, decisions))
        print(rows[-1])
        if half == "dev":
            wrong = [one for one in decisions if one.found != one.label]
            print("\n".join(f"  {'missed' if one.label else 'wrong'} {one.about!r}" for one in wrong))
    if half == "test":
        write_text(Path(__file__).with_suffix(".md"), HEAD + "\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
