"""What is served of right and wrong answers: labelled ones, reference answers, and these with planted faults.

    python benchmarks/claims.py             the test half, and reference answers; writes benchmarks/claims.md
    python benchmarks/claims.py half=dev    the half that the words were chosen on, with its mistakes; writes nothing
    python benchmarks/claims.py every=20    a twentieth of the knowledge base, in a minute

A labelled answer (``benchmarks/labelled_claims/``, one per line: kind, entry, question, answer) has its claims in
braces: ``{h:…}`` held by what was asked, ``{o:…}`` by another attribute, ``{c:…}`` contradicted, ``{n:…}`` not held.
They were written before what checks them, by the same author; the halves have no entry in common.
"""

import json
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from app.pipeline.answer_check import AnswerCheck
from app.pipeline.consultation import Consultation
from app.pipeline.verify import VerifyStage
from common.files import write_text
from common.machine import processor
from domains.claims.reader import CLAUSE_END, ClaimReader, Part
from domains.domain import Domain, find_domain
from domains.facts import Fact, listed
from domains.knowledge_base import Entry, KnowledgeBase
from domains.retrieval.labelled import Share
from domains.retrieval.retriever import Found, Retrieved, retriever_of
from eval.judges.fact_recall.judge import fact_recall

FOLDER = Path(__file__).parent / "labelled_claims"
ASKED = Path(__file__).parent / "asked"
ANSWERABLE = ("answerable", "two", "follow_up")
LABELS = {"h": "held", "o": "held, but not what was asked", "c": "contradicted", "n": "not held"}
_MARKED = re.compile(r"\{([hcno]):(.*?)\}|([^{]+)")
_CITATION = re.compile("【.*?】")


@dataclass(frozen=True)
class Claim:
    """A labelled claim and what the check says.

    Attributes:
        label: A key of ``LABELS``.
        kind: What its answer is an example of.
        text: The claim.
        served: Whether it is said.
    """

    label: str
    kind: str
    text: str
    served: bool


class Bench:
    """A domain with its knowledge base, whose answers are checked as the service checks them."""

    def __init__(self, name: str) -> None:
        self.domain: Domain = find_domain(name)
        assert self.domain.knowledge is not None
        self.knowledge: KnowledgeBase = self.domain.knowledge.load()
        self._stage = VerifyStage(self.domain, self.knowledge)

    def check(self, question: str, ids: Sequence[str]) -> AnswerCheck:
        """The check of an answer beside these entries."""
        found = tuple(Found(self.knowledge.by_id[id], 1.0, "name") for id in ids)
        check = self.check_found(question, Retrieved(found))
        assert check is not None
        return check

    def check_found(self, question: str, found: Retrieved) -> AnswerCheck | None:
        """The check of an answer beside what was found; None where that is nothing."""
        return self._stage.checked(Consultation("r", question, retrieved=found))

    def facts(self) -> list[Fact]:
        """What can be asked, without emergencies, which rules answer, and names that do not exist: nothing is found."""
        assert self.domain.knowledge is not None
        facts = self.domain.knowledge.facts(self.knowledge, Random(0))
        return [fact for fact in facts if fact.behaviour != "emergency" and fact.grounding]


def labelled(half: str, bench: Bench) -> Iterator[Claim]:
    """The labelled claims of a half, as the reader judges them."""
    for line in (FOLDER / f"{half}.tsv").read_text(encoding="utf-8").splitlines():
        kind, id, question, marked = line.split("\t")
        text, spans = "", []
        for found in _MARKED.finditer(_CITATION.sub("", marked)):
            said = found[2] or found[3]
            if found[1]:
                spans.append((len(text), len(text) + len(said), found[1]))
            text += said
        parts = list(_parts(text, bench.check(question, [id])))
        for start, end, label in spans:
            over = [part for at, part in parts if at < end and at + len(part.text) > start and part.judged]
            served = all(part.judged and part.judged.verdict == "held" for part in over)
            yield Claim(label, kind, text[start:end], served)


def _parts(text: str, check: AnswerCheck) -> Iterator[tuple[int, Part]]:
    """The parts of an answer with their places."""
    place = 0
    for clause in re.finditer(rf"(.*?)({CLAUSE_END.pattern}|$)", text, re.DOTALL):
        for part in check.reader.clause(clause[1], clause[2]):
            yield place, part
            place += len(part.text)
        place = clause.end()


def shown(right: Iterable[bool]) -> str:
    """A share with its interval."""
    of = Share.of(list(right))
    return f"{100 * of.value:.2f} [{100 * of.low:.2f}, {100 * of.high:.2f}], n = {of.n}"


def labelled_rows(claims: Sequence[Claim]) -> list[str]:
    """The table of a half."""
    rows = [
        ("served claims that are held", (c.label == "h" for c in claims if c.served)),
        ("held claims that are served", (c.served for c in claims if c.label == "h")),
        ("all others that are not served", (not c.served for c in claims if c.label != "h")),
        *((f"· {LABELS[label]}", [not c.served for c in claims if c.label == label]) for label in "cno"),
    ]
    return ["| labelled claims | |", "|---|---|", *(f"| {name} | {shown(right)} |" for name, right in rows)]


@dataclass
class Survival:
    """Reference answers that went through the check.

    Attributes:
        unchanged: Whether an answer was served as it is, by answer and wording.
        kept: Whether a claim was, by claim and wording.
        first: Characters that had arrived when the first was said.
        held_back: Most characters held back in an answer.
        milliseconds: Of an answer.
    """

    unchanged: list[bool]
    kept: list[bool]
    first: list[int]
    held_back: list[int]
    milliseconds: list[float]


def survival(bench: Bench, every: int) -> Survival:
    """Sends the reference answers of the knowledge base through the check, in all wordings of the recipes."""
    out = Survival([], [], [], [], [])
    for fact in bench.facts()[::every]:
        outcomes: dict[str, tuple[bool, list[bool]]] = {}
        for _, phrasing in (*fact.wording.training(), *fact.wording.testing()):
            check = bench.check(phrasing.format(**fact.slots), fact.grounding)
            assert isinstance(check.reader, ClaimReader)
            key = "" if fact.behaviour == "refuse" else str(check.reader.asked)
            if not key or key not in outcomes:
                begun = time.process_time()
                said, first, held_back = streamed(check, fact.answer)
                out.milliseconds.append((time.process_time() - begun) * 1e3)
                out.first.append(first)
                out.held_back.append(held_back)
                lost = [False] * check.done.removed
                outcomes[key] = said == fact.answer, [True] * check.done.held + lost
            out.unchanged.append(outcomes[key][0])
            out.kept += outcomes[key][1]
    return out


def streamed(check: AnswerCheck, answer: str) -> tuple[str, int, int]:
    """An answer that arrives character by character.

    Returns:
        What is said, how much had arrived when the first was said, and the most that was held back.
    """
    said, rest, first, held_back = "", "", 0, 0
    for place, character in enumerate(answer, 1):
        new, rest = check.complete(rest + character)
        said += new
        first = first or (place if said else 0)
        held_back = max(held_back, place - len(said))
    return said + check.finish(rest), first or len(answer), held_back


Fault = Callable[[Bench, Fact, Random], str]


def _wrong_item(bench: Bench, fact: Fact, rng: Random) -> str:
    """One item is another entry's, of the same attribute."""
    entry = bench.knowledge.by_id[fact.grounding[0]]
    others = [e for e in bench.knowledge.of_type(entry.type) if e is not entry]
    for _ in range(20):
        item = rng.choice(rng.choice(others).attributes[fact.kind] or ("",))
        if item and not any(item in own or own in item for items in entry.attributes.values() for own in items):
            items = list(fact.items)
            items[rng.randrange(len(items))] = item
            return fact.wording.answer.format(name=entry.name, items=listed(items, fact.wording.joint))
    return ""


def _denied_item(bench: Bench, fact: Fact, rng: Random) -> str:
    """One item is denied, or its denial is dropped."""
    entry = bench.knowledge.by_id[fact.grounding[0]]
    items = list(fact.items)
    place = rng.randrange(len(items))
    plain = re.sub("^(?:不|避免|忌|少|禁)", "", items[place])
    items[place] = plain if plain != items[place] else f"不{items[place]}"
    return fact.wording.answer.format(name=entry.name, items=listed(items, fact.wording.joint))


def _dose(bench: Bench, fact: Fact, rng: Random) -> str:
    """A dose among the items."""
    entry = bench.knowledge.by_id[fact.grounding[0]]
    amount = rng.choice(["每次0.5克", "一日三次", "每日10毫克", "每次两片", "每次5ml", "疗程7天"])
    items = [*fact.items[:-1], amount] if len(fact.items) > 1 else [*fact.items, amount]
    return fact.wording.answer.format(name=entry.name, items=listed(items, fact.wording.joint))


def _other_entity(bench: Bench, fact: Fact, rng: Random) -> str:
    """The answer is another entry's."""
    entry = bench.knowledge.by_id[fact.grounding[0]]
    other = rng.choice([e for e in bench.knowledge.of_type(entry.type) if e is not entry])
    items = other.attributes[fact.kind]
    return fact.wording.answer.format(name=other.name, items=listed(items, fact.wording.joint)) if items else ""


def _other_attribute(bench: Bench, fact: Fact, rng: Random) -> str:
    """The items are another attribute's of the same entry."""
    entry = bench.knowledge.by_id[fact.grounding[0]]
    others = [
        items
        for name, items in entry.attributes.items()
        if name != fact.kind and items and not set(items) & set(entry.attributes[fact.kind])
    ]
    items = rng.choice(others) if others else ()
    return fact.wording.answer.format(name=entry.name, items=listed(items, fact.wording.joint)) if items else ""


FAULTS: dict[str, Fault] = {
    "one item of another entry": _wrong_item,
    "one item denied, or its denial dropped": _denied_item,
    "a dose": _dose,
    "the answer of another entry": _other_entity,
    "the items of another attribute": _other_attribute,
}


def planted(bench: Bench, fault: Fault, every: int) -> tuple[list[bool], int, int]:
    """Plants a fault in each reference answer that lists an attribute.

    Returns:
        Whether the fault was caught, by answer; claims served, and those of them that are faults.
    """
    rng, caught, served, wrong = Random(0), [], 0, 0
    for fact in bench.facts()[::every]:
        entry: Entry = bench.knowledge.by_id[fact.grounding[0]]
        if fact.key != f"{entry.id}.{fact.kind}" or fact.kind not in entry.attributes:
            continue
        answer = fault(bench, fact, rng)
        if not answer:
            continue
        question = next(fact.wording.training())[1].format(**fact.slots)
        check = bench.check(question, fact.grounding)
        streamed(check, answer)
        passed = not check.done.removed
        caught.append(not passed)
        served += check.done.held
        wrong += passed
    return caught, served, wrong


def again(bench: Bench, file: Path) -> str:
    """A row: what saved answers of a model state before and after the check, of what the knowledge base answers."""
    retriever = retriever_of(bench.knowledge)
    before, after, replaced = [], [], []
    for line in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
        if line["kind"] not in ANSWERABLE:
            continue
        *earlier, question = line["turns"]
        check = bench.check_found(question, retriever.retrieve(question, earlier))
        said = streamed(check, line["answer"])[0] if check else bench.domain.notices.not_found
        before.append(fact_recall(line["answer"], line["facts"]))
        after.append(fact_recall(said, line["facts"]))
        replaced.append(check is not None and check.done.replaced)
    recall = f"{100 * statistics.mean(before):.1f} | {100 * statistics.mean(after):.1f}"
    return f"| {file.stem.replace('_', ' ')} | {recall} | {shown(replaced)} |"


def main() -> None:
    """Measures, and writes the page."""
    options = dict(word.split("=") for word in sys.argv[1:])
    bench = Bench("medical")
    command = " ".join(["python benchmarks/claims.py", *sys.argv[1:]])
    half, every = options.get("half", "test"), int(options.get("every", 1))
    claims = list(labelled(half, bench))
    lines = labelled_rows(claims)
    if half == "dev":
        print("\n".join(lines))
        print("\n".join(f"{c.label} {c.kind}: {c.text}" for c in claims if c.served != (c.label == "h")))
        return
    lines += ["", "| reference answers, in all wordings of the recipes | |", "|---|---|"]
    for name in ("medical", "instruments"):
        went = survival(bench if name == "medical" else Bench(name), every)
        lines += [
            f"| {name}: answers served unchanged | {shown(went.unchanged)} |",
            f"| {name}: right claims taken out | {shown(not kept for kept in went.kept)} |",
        ]
        if name == "medical":
            streaming = went
    lines += ["", "| planted faults, one in an answer | caught |", "|---|---|"]
    total = faults = 0
    for title, fault in FAULTS.items():
        caught, served, wrong = planted(bench, fault, every)
        total, faults = total + served, faults + wrong
        lines.append(f"| {title} | {shown(caught)} |")
    right = [True] * (total - faults) + [False] * faults
    lines.append(f"| served claims of all these answers that are held | {shown(right)} |")
    lines += ["", "| saved answers to 40 questions | fact recall as said | as served | entry's own words |"]
    lines += ["|---|---|---|---|", *(again(bench, file) for file in sorted(ASKED.glob("answers_*.jsonl")))]
    lines += ["", *_streaming(streaming)]
    page = "\n".join([*_head(bench, command), "", *lines])
    print(page)
    write_text(Path(__file__).with_suffix(".md"), page + "\n")


def _head(bench: Bench, command: str) -> list[str]:
    return [
        "# Claims of an answer, checked against the entries",
        "",
        f"Made by `{command}` on {processor()}; knowledge base {bench.knowledge.version}. Shares in %, with Wilson's "
        "95 % intervals. The labelled answers (`labelled_claims/`, the test half, unseen while words were chosen) were "
        "written before the check, but by the same author, so they know what it looks for. A planted fault counts as "
        "caught where a claim was taken out. Wordings of one answer are not independent; the questions of the saved "
        "answers were read while patterns were chosen. "
        "Policy `strict`.",
    ]


def _streaming(went: Survival) -> list[str]:
    first = statistics.quantiles(went.first, n=100)
    held = statistics.quantiles(went.held_back, n=100)
    taken = statistics.quantiles(went.milliseconds, n=100)
    return [
        "Streaming (reference answers, character by character): the first text is said when "
        f"{statistics.median(went.first):.0f} characters have arrived (95th percentile {first[94]:.0f}); at most "
        f"{statistics.median(went.held_back):.0f} are held back at a time (median; 95th percentile {held[94]:.0f}, "
        f"maximum {max(went.held_back)}). The check of a whole answer takes "
        f"{statistics.median(went.milliseconds):.1f} ms (median; 95th percentile {taken[94]:.1f}) of one thread.",
    ]


if __name__ == "__main__":
    main()
