"""Precision and recall of the judge of loops (``models/loops.py``) on labelled answers.

    python benchmarks/loops.py              the test half; writes benchmarks/loops.md
    python benchmarks/loops.py half=dev     the half that the rules were tuned on, with its mistakes

The answers (``benchmarks/labelled_loops/``, one per line: kind, text) were written before the rules. ``⟦x×20⟧`` is x
twenty times, ``{n}`` in it the number of the copy, ``\\n`` a line break. The SHA-256 of a line decides its half.
"""

import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from common.files import write_text
from common.hashing import sha256_text
from common.machine import processor
from models.loops import find_loop

FOLDER = Path(__file__).parent / "labelled_loops"
HEAD = """# Does an answer loop?

`python benchmarks/loops.py`: the test half of `benchmarks/labelled_loops/*.tsv`, 95 % intervals (Wilson).

"""
REPEATED = re.compile(r"⟦(.*?)(?:×(\d+))?⟧", re.DOTALL)


@dataclass(frozen=True)
class Labelled:
    """A labelled answer.

    Attributes:
        loops: Whether it does.
        kind: What it is an example of.
        half: ``dev`` or ``test``.
    """

    loops: bool
    kind: str
    half: str
    text: str


def labelled() -> list[Labelled]:
    """All labelled answers."""
    return [
        Labelled(name == "loops", kind, "dev" if int(sha256_text(line)[:8], 16) % 2 else "test", _text(written))
        for name in ("loops", "fine")
        for line in (FOLDER / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
        for kind, written in [line.split("\t", 1)]
    ]


def _text(written: str) -> str:
    return REPEATED.sub(_copies, written.replace("\\n", "\n").replace("\\t", "\t"))


def _copies(match: re.Match[str]) -> str:
    return "".join(_copy(match[1], number) for number in range(1, int(match[2] or 1) + 1))


def _copy(unit: str, number: int) -> str:
    return re.sub(r"\{n:?(\d*)\}", lambda form: format(number, form[1]), unit)


def wilson(right: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927)."""
    z = 1.959964
    share, spread = right / n, z * ((right / n * (1 - right / n) + z * z / (4 * n)) / n) ** 0.5
    return (share + z * z / (2 * n) - spread) / (1 + z * z / n), (share + z * z / (2 * n) + spread) / (1 + z * z / n)


def _shown(right: int, n: int) -> str:
    low, high = wilson(right, n)
    return f"{right / n:.1%} [{low:.1%}, {high:.1%}] ({right} of {n})"


def measured(answers: Sequence[Labelled]) -> list[str]:
    """The lines of the result."""
    started = time.perf_counter()
    found = [find_loop(answer.text) is not None for answer in answers]
    per_answer = (time.perf_counter() - started) / len(answers)
    hits = sum(f and a.loops for f, a in zip(found, answers, strict=True))
    return [
        f"answers that loop: {sum(a.loops for a in answers)}, that do not: {sum(not a.loops for a in answers)}",
        f"precision: {_shown(hits, sum(found))}",
        f"recall: {_shown(hits, sum(a.loops for a in answers))}",
        f"time: {1000 * per_answer:.1f} ms per answer ({processor()}, one thread)",
    ]


def main() -> None:
    """Measures, and shows the mistakes of the dev half."""
    half = dict(word.split("=") for word in sys.argv[1:]).get("half", "test")
    answers = [answer for answer in labelled() if answer.half == half]
    lines = measured(answers)
    print("\n".join(lines))
    if half == "dev":
        wrong = [a for a in answers if (find_loop(a.text) is not None) != a.loops]
        print("\n".join(f"{'missed' if a.loops else 'wrong'} {a.kind}: {a.text[:90]!r}" for a in wrong))
        return
    write_text(Path(__file__).with_suffix(".md"), HEAD + "\n".join(f"- {line}" for line in lines) + "\n")


if __name__ == "__main__":
    main()
