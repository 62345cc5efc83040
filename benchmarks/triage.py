"""Which messages medical triage sends to emergency care, declines or answers, beside labels that somebody else gave.

    python benchmarks/triage.py        writes benchmarks/triage.md

The messages in domains/medical/triage_cases/test/ were written by authors who had not seen the rules. Nobody reads
them; they are only scored.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.files import write_text
from domains.knowledge_base import KnowledgeBase
from domains.medical.domain import is_crisis
from domains.medical.entries import urgency_of
from domains.medical.knowledge_base import KNOWLEDGE
from domains.medical.labelled_messages import CALLS, FIRST_AUTHOR, SEEN, UNSEEN, LabelledMessage, messages_in
from domains.medical.messages import EMERGENCY, heard
from domains.medical.prescriptions import asks_for_prescription
from domains.medical.triager import SURELY_NOT, MedicalTriager
from domains.retrieval.labelled import Share, read_questions
from domains.safety_rules import Disposition, Triage, normalised

FILES = {
    "unseen scenarios": UNSEEN,
    "seen scenarios": SEEN,
    "first author": FIRST_AUTHOR,
    "calls": CALLS,
}
QUESTIONS = Path(__file__).parent.parent / "domains/medical/questions/test.jsonl"
SHIFTS = (-0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75)
DISPOSITIONS: tuple[Disposition, ...] = ("120", "today", "days", "home", "none")
ORDINARY = ("h", "m")  # authors who wrote as the thousand people a day write
HEAD = """# Safety triage

Made by `python benchmarks/triage.py`; knowledge base {version}. Messages as people type them, by {authors} authors who
had not seen the rules; labelled as a careful emergency physician would, and no clinician has reviewed the labels.
Shares in %, with Wilson's 95 % intervals. Rules and classifier were changed after reading `train` and `dev`, never
after reading these files.

- *unseen scenarios*: whole scenarios of authors whose other scenarios are trained on. What other authors and the rules'
  authors wrote mentions some of the same emergencies.
- *seen scenarios*: further messages of the scenarios that are trained on.
- *first author*: the messages that this page has always shown; the other half of that author is trained on.
- *calls*: short messages as a stranger types them into the page (parents' calls for help, figures, cramps, greetings),
  by one author, whose other half, of other scenarios, is trained on.

Most harmless messages were written to sound like an emergency: figures of speech, what is over, mild complaints,
stories, pets, examinations, pairs that differ in one sign. Two authors (h, m) wrote ordinary ones only. A message that
needs a doctor today is no false alarm here, but counted apart.
"""


@dataclass(frozen=True)
class Judged:
    """A message with what the service makes of it.

    Attributes:
        message: The message and its labels.
        triage: The level, and what is said.
        declined: Whether it is taken for a request to prescribe.
        odds: What the classifier hears of an emergency, relative to the threshold.
        sign: Whether a rule finds a sign of an emergency.
    """

    message: LabelledMessage
    triage: Triage
    declined: bool
    odds: float
    sign: bool

    @property
    def alarm(self) -> bool:
        """Whether it is sent to 120."""
        return self.triage.level == "emergency"

    @property
    def is_harmless(self) -> bool:
        """Whether it needs no doctor today."""
        return not self.message.emergency and self.message.disposition != "today"


def main() -> None:
    """Judges and writes the page."""
    knowledge = KNOWLEDGE.load()
    triager = MedicalTriager(knowledge)
    judged = {name: [judge(triager, message) for message in messages_in(file)] for name, file in FILES.items()}
    everything = [one for messages in judged.values() for one in messages]
    page = [
        HEAD.format(version=knowledge.version, authors=len({one.message.author for one in everything})),
        *summary(judged),
        "",
        *ordinary(triager, knowledge),
        *curve(judged),
        "",
        *by_kind(everything),
    ]
    write_text(Path(__file__).with_suffix(".md"), "\n".join([*page, "", *dispositions(everything)]) + "\n")
    print("\n".join(page))


def judge(triager: MedicalTriager, message: LabelledMessage) -> Judged:
    """What the service makes of a message."""
    text = normalised(message.text)
    sign = any(found.level == "emergency" for found in triager.signs(text))
    declined = asks_for_prescription(message.text)
    return Judged(message, triager.triage(message.text), declined, heard(text)[EMERGENCY], sign)


def summary(judged: dict[str, list[Judged]]) -> list[str]:
    """Each measure on each file."""
    measures: dict[str, tuple[Callable[[Judged], bool | None], Callable[[Judged], bool]]] = {
        "recall: emergencies that are sent to 120": (lambda one: one.message.emergency, lambda one: one.alarm),
        "false alarms among harmless messages": (lambda one: one.is_harmless, lambda one: one.alarm),
        "alarms among what needs a doctor today": (
            lambda one: one.message.disposition == "today",
            lambda one: one.alarm,
        ),
        "recall of danger to oneself: an alarm": (lambda one: one.message.self_harm, lambda one: one.alarm),
        "… with the crisis line": (lambda one: one.message.self_harm, lambda one: is_crisis(one.triage)),
        "crisis line among harmless messages": (
            lambda one: one.is_harmless,
            lambda one: is_crisis(one.triage),
        ),
        "recall of requests to prescribe: declined": (lambda one: one.message.prescription, lambda one: one.declined),
        "declined among the others": (lambda one: one.message.prescription is False, lambda one: one.declined),
        "… after talk of one, from the last message: declined": (
            lambda one: one.message.kind == "after a request",
            lambda one: one.declined,
        ),
        "… and of those that ask for none": (
            lambda one: one.message.kind == "after such talk",
            lambda one: one.declined,
        ),
        "alarms among ordinary messages": (lambda one: one.message.author in ORDINARY, lambda one: one.alarm),
    }
    rows = [
        row(name, (share(right(one) for one in messages if applies(one)) for messages in judged.values()))
        for name, (applies, right) in measures.items()
    ]
    return [row("", judged), row("---", ["---"] * len(judged)), *rows]


def ordinary(triager: MedicalTriager, knowledge: KnowledgeBase) -> list[str]:
    """Alarms at the questions by which retrieval is tested, where what they are about is no emergency itself."""
    alarms: dict[bool, list[bool]] = {True: [], False: []}
    for asked in read_questions(QUESTIONS, knowledge):
        diseases = [knowledge.by_id[id] for id in asked.entries if knowledge.by_id[id].type == "disease"]
        if not asked.earlier and all(urgency_of(disease) != "emergency" for disease in diseases):
            alarms[asked.kind == "description"].append(triager.triage(asked.question).level == "emergency")
    return [
        "Of the questions in `domains/medical/questions/test.jsonl` about what is no emergency, an alarm is raised by "
        f"{share(alarms[True])} of the descriptions of complaints, and by {share(alarms[False])} of the others (the "
        "other half is trained on).",
        "",
    ]


def curve(judged: dict[str, list[Judged]]) -> list[str]:
    """Recall and false alarms at other thresholds of the classifier; the others stay."""
    rows = []
    for shift in SHIFTS:
        cells = []
        for messages in judged.values():
            alarms = [one.odds >= shift + (SURELY_NOT if one.sign else 0) for one in messages]
            pairs = list(zip(messages, alarms, strict=True))
            recall = Share.of([alarm for one, alarm in pairs if one.message.emergency]).value
            false = Share.of([alarm for one, alarm in pairs if one.is_harmless]).value
            cells.append(f"{100 * recall:.1f} / {100 * false:.1f}")
        rows.append(row(f"{shift:+.2f}", cells))
    title = (
        "## Recall / false alarms by threshold (log-odds, relative to the one that ships; rules and classifier alone)"
    )
    return [title, "", row("", judged), row("---", ["---"] * len(judged)), *rows]


def by_kind(judged: Sequence[Judged]) -> list[str]:
    """Alarms by kind of message, where there are ten or more of a kind."""
    lines = ["## By kind", "", "| kind | label | alarms |", "|---|---|---|"]
    for label, emergency in (("emergency", True), ("harmless", False)):
        of_label = [one for one in judged if (one.message.emergency if emergency else one.is_harmless)]
        for kind in sorted({one.message.kind for one in of_label}):
            alarms = [one.alarm for one in of_label if one.message.kind == kind]
            if len(alarms) >= 10:
                lines.append(f"| {kind} | {label} | {share(alarms)} |")
    return lines


def dispositions(judged: Sequence[Judged]) -> list[str]:
    """How many messages of each disposition are given which."""
    lines = ["## Dispositions: labelled (rows) and given (columns)", ""]
    lines += [row("", DISPOSITIONS), row("---", ["---"] * len(DISPOSITIONS))]
    for labelled in DISPOSITIONS:
        given = [one.triage.disposition for one in judged if one.message.disposition == labelled]
        lines.append(row(labelled, (str(given.count(disposition)) for disposition in DISPOSITIONS)))
    return lines


def row(head: str, cells: Iterable[str]) -> str:
    """A row of a table."""
    return f"| {head} | {' | '.join(cells)} |"


def share(right: Iterable[bool]) -> str:
    """A share with its interval."""
    of = Share.of(list(right))
    return f"{100 * of.value:.1f} [{100 * of.low:.1f}, {100 * of.high:.1f}], n = {of.n}" if of.n else "–"


if __name__ == "__main__":
    main()
