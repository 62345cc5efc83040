"""How often the screens of the steps are right, and how much they find, on labelled texts.

    python benchmarks/screens.py            both halves; writes benchmarks/screens.md
    python benchmarks/screens.py half=dev   the half that the rules were tuned on, with its mistakes

The texts (``benchmarks/labelled_screens/``) were written by somebody who had not seen the rules. ``dev`` may be read
when a rule is made; ``test`` may not.
"""

import json
import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from common.files import write_text
from common.machine import processor
from data_recipes.schema.arrow import SCHEMA
from data_recipes.schema.example import Example, Message
from data_recipes.steps import markup, quality, unsafe_advice
from data_recipes.steps.misread import reread
from data_recipes.steps.personal_data import KINDS, find_all
from data_recipes.steps.personal_kind import PersonalValue
from data_recipes.steps.step import Step
from domains.retrieval.labelled import Share

FOLDER = Path(__file__).parent / "labelled_screens"
HALVES = ("dev", "test")
QUESTION = "这是什么意思？"  # of a text that was labelled without one
HEAD = """# What the screens find

`python benchmarks/screens.py`: texts written by somebody who had not seen the rules; no clinician has reviewed the
labels. Shares in %, with Wilson's 95 % intervals. Rules were changed after reading `dev`, never after reading `test`.
"""
_SPACE = re.compile(r"\s+")

Labelled = dict[str, Any]


@dataclass
class Result:
    """What a screen made of a half.

    Attributes:
        right: For each text that it acted on, whether that was right.
        found: For each text or value that it should act on, whether it did.
        mistakes: What went wrong, as lines.
    """

    right: list[bool] = field(default_factory=list)
    found: list[bool] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)


def main() -> None:
    """Measures, and shows the mistakes of the dev half."""
    chosen = dict(word.split("=") for word in sys.argv[1:]).get("half")
    page = [HEAD]
    started, texts = time.perf_counter(), 0
    for half in [chosen] if chosen else HALVES:
        rows = []
        for title, name, judge in SCREENS:
            file = (FOLDER / f"{name}.{half}.jsonl").read_text("utf-8")
            lines = [json.loads(line) for line in file.split("\n") if line]  # U+0085, in misread text, ends no line
            texts += len(lines)
            for part, result in judge(lines).items():
                rows.append(f"| {title}{part} | {share(result.right)} | {share(result.found)} |")
                if half == "dev":
                    print("\n".join(f"{title}{part}: {line}" for line in result.mistakes))
        page += [f"| {half} | precision | recall |", "|---|---|---|", *rows, ""]
    took = 1000 * (time.perf_counter() - started) / texts
    page.append(f"Python {sys.version.split()[0]}, pyarrow {pa.__version__}; {processor()}, {took:.1f} ms per text.")
    print("\n".join(page))
    if not chosen:
        write_text(Path(__file__).with_suffix(".md"), "\n".join(page) + "\n")


def share(right: Iterable[bool]) -> str:
    """A share with its interval."""
    values = list(right)
    if not values:
        return "none"
    of = Share.of(values)
    return f"{100 * of.value:.1f} [{100 * of.low:.1f}, {100 * of.high:.1f}], n = {of.n}"


def table(lines: list[Labelled]) -> pa.Table:
    """A row per labelled text."""
    return pa.Table.from_pylist(
        [
            Example(
                id=str(number),
                messages=(
                    Message(role="user", content=line.get("question", QUESTION)),
                    Message(role="assistant", content=line.get("answer", line.get("text"))),
                ),
                source="labelled",
                group="",
                kind="",
            ).model_dump()
            for number, line in enumerate(lines)
        ],
        SCHEMA,
    )


def screened(step: Step, *reasons: str) -> Callable[[list[Labelled]], dict[str, Result]]:
    """Judges a screen by what it drops, by what it flags, and by both.

    Args:
        step: The step of the screen.
        reasons: How its reasons begin.
    """

    def judged(lines: list[Labelled]) -> dict[str, Result]:
        outcome = step(table(lines))
        dropped = {int(row.id) for row in outcome.dropped if row.reason.startswith(reasons)}
        flagged = {int(row.id) for row in outcome.flagged if row.reason.startswith(reasons)}
        results = {", dropped": _acted(lines, dropped)} if dropped else {}
        if flagged:
            results[", flagged"] = replace(_acted(lines, flagged), mistakes=[])  # of both they are listed below
            results[", dropped or flagged"] = _acted(lines, dropped | flagged)
        return results

    return judged


def _acted(lines: list[Labelled], on: set[int]) -> Result:
    result = Result()
    for number, line in enumerate(lines):
        acted, label = number in on, line["label"]
        result.right += [label] if acted else []
        result.found += [acted] if label else []
        if acted != label:
            result.mistakes.append(f"{'wrong' if acted else 'missed'}: {line.get('answer', line.get('text'))[-80:]!r}")
    return result


def changed(rewritten: Callable[[list[Labelled]], dict[int, str]]) -> Callable[[list[Labelled]], dict[str, Result]]:
    """Judges what changes text: right where the result is the labelled one, spaces aside.

    Args:
        rewritten: Gives the texts that are kept, by number.
    """

    def judged(lines: list[Labelled]) -> dict[str, Result]:
        after, result = rewritten(lines), Result()
        for number, line in enumerate(lines):
            if number not in after:
                continue
            text, same = after[number], _bare(after[number]) == _bare(line["clean"])
            result.right += [same] if text != line["text"] else []
            result.found += [same] if line["label"] and line.get("lossless", True) else []
            if not same:
                result.mistakes.append(f"{line['text'][:60]!r} -> {text[:60]!r}")
        return {"": result}

    return judged


def read_again(lines: list[Labelled]) -> dict[int, str]:
    """Every text, read again where that is certain."""
    return {number: reread(line["text"]) for number, line in enumerate(lines)}


def without_markup(lines: list[Labelled]) -> dict[int, str]:
    """The texts that the step keeps."""
    step = markup.make(markup.MarkupStep(kind="markup", stock_phrases=False, repeated_sentences=False))
    rows = step(table(lines)).kept.select(["id", "messages"]).to_pylist()
    return {int(row["id"]): row["messages"][-1]["content"] for row in rows}


def _bare(text: str) -> str:
    return _SPACE.sub(" ", text.replace("\u200b", "")).strip()


def personal(lines: list[Labelled]) -> dict[str, Result]:
    """Judges what the step finds."""
    found = find_all(pl.Series([line["text"] for line in lines]), KINDS)
    return {f": {part}": result for part, result in judge_personal(lines, found).items()}


def judge_personal(lines: Sequence[Labelled], found_in: Mapping[int, Sequence[PersonalValue]]) -> dict[str, Result]:
    """Judges personal values by the labelled ones that they overlap with."""
    results: dict[str, Result] = defaultdict(Result)
    for place, line in enumerate(lines):
        text, found = line["text"], found_in.get(place, [])
        either_way = line.get("optional", [])
        labelled = [
            (at.start(), at.end(), value["type"])
            for value in line["values"]
            for at in re.finditer(re.escape(value["value"]), text)
        ]
        for start, end, kind in labelled:
            hit = any(start < stop and begin < end for begin, stop, _ in found)
            part = "names" if kind == "name" else "labelled and formatted values"
            results[part].found.append(hit)
            if not hit:
                results[part].mistakes.append(f"missed {kind} {text[start:end]} in {text[:60]!r}")
        for begin, stop, kind in found:
            if any(text[begin:stop] in value or value in text[begin:stop] for value in either_way):
                continue
            hit = any(start < stop and begin < end for start, end, _ in labelled)
            part = "names" if kind.name == "name" else "labelled and formatted values"
            results[part].right.append(hit)
            if not hit:
                results[part].mistakes.append(f"wrong {kind.name} {text[begin:stop]} in {text[:60]!r}")
    return dict(sorted(results.items()))


_QUALITY = quality.make(quality.QualityStep(kind="quality"))
SCREENS = (
    ("misread text read again", "encoding", changed(read_again)),
    ("mark-up removed", "markup", changed(without_markup)),
    ("refusal_only", "refusal_only", screened(_QUALITY, "refusal_only")),
    ("truncated_answer", "truncated_answer", screened(_QUALITY, "truncated_answer")),
    ("too_many_symbols", "too_many_symbols", screened(_QUALITY, "too_many_symbols")),
    ("repetitive_answer", "repetition", screened(_QUALITY, "repetitive_answer")),
    (
        "unsafe_advice",
        "unsafe_advice",
        screened(unsafe_advice.make(unsafe_advice.UnsafeAdviceStep(kind="unsafe_advice")), "unsafe_"),
    ),
    ("personal data", "personal", personal),
)

if __name__ == "__main__":
    main()
