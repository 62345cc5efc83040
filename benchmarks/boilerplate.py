"""How many rows may share a run of characters before it links nothing (``leakage.boilerplate.MOST_ROWS``).

    python benchmarks/boilerplate.py data=DIR        writes benchmarks/boilerplate.md

DIR has the files as their authors publish them, in folders named after the recipes. For each threshold: the share of
all rows in the largest group of linked rows, and how many leaks are still linked. Genuine ones are questions that a
search for near-duplicates pairs, which knows no runs; planted ones are new questions with one run of another row.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from common.command import read_config
from common.files import write_text
from data_recipes.config import BuildConfig
from data_recipes.leakage.boilerplate import common_hashes
from data_recipes.leakage.groups import Links
from data_recipes.leakage.hashes import Codes, Hashes, question_hashes, questions, run_hashes, text_hashes
from data_recipes.leakage.near_duplicates import clusters, signatures
from data_recipes.leakage.normalise import LATIN_RUN, RUN
from data_recipes.schema.arrow import to_table
from data_recipes.schema.example import Example, Message
from data_recipes.sources import source_of
from domains.retrieval.labelled import Share

PUBLISHED = {
    "bencao": ("bencao/llama_data.json",),
    "toyhom": ("toyhom/neike_5000-6000.csv",),
    "subjqa": ("subjqa", "source.domains=[electronics,tripadvisor]"),
    "cmath": ("cmath",),
    "gsm8k": ("gsm8k",),
    "cmmlu": ("cmmlu",),
}
THRESHOLDS = (3, 5, 10, 20, 50, 1_000_000)
PLANTED = 300  # leaks in each set
HAN = [chr(code) for code in range(0x4E00, 0x5E00)]
LATIN = [chr(code) for code in range(ord("a"), ord("z") + 1)]
INSTRUCTION = "请根据下面的病历描述判断患者最可能就诊的科室，只回答科室名称，不要解释，也不要输出其他内容。"
THANKS = "谢谢你的支持和鼓励我会努力"
HEAD = """# When is a shared run boilerplate?

`python benchmarks/boilerplate.py data=DIR`. A run of characters that more different questions have than the threshold
links nothing. Each cell: share of all rows in the largest group / genuine pairs still linked by their runs / planted
leaks still linked, with 95 % intervals (Wilson) where not all are. The last column has no threshold. The last three
sets are generated, with boilerplate in every row, and have no leaks.

"""


class Rows(NamedTuple):
    """The questions of a set, with the planted leaks at the end.

    Attributes:
        pairs: Rows that are near-duplicates of each other but not equal.
        planted: Rows one of which has a run of the other.
    """

    texts: Codes
    questions: Hashes
    groups: Hashes
    pairs: np.ndarray
    planted: np.ndarray


def main(arguments: dict[str, str]) -> None:
    """Measures all sets and writes the page."""
    head = ["set", "rows", *("none" if k == THRESHOLDS[-1] else f"{k}" for k in THRESHOLDS)]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for name, examples in [*published(Path(arguments["data"])), *generated()]:
        rows = prepared(examples, PLANTED if name in PUBLISHED else 0)
        cells = [name, f"{len(examples):,}", *(cell(rows, len(examples), k) for k in THRESHOLDS)]
        lines.append(f"| {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    write_text(Path(__file__).with_suffix(".md"), HEAD + "\n".join(lines) + "\n")


def published(folder: Path) -> Iterator[tuple[str, list[Example]]]:
    for name, (path, *words) in PUBLISHED.items():
        [config] = read_config("build", [f"data={name}", f"source.path={folder / path}", *words, "out=x"], BuildConfig)
        yield name, [row for row in source_of(config.source).read(config.source) if isinstance(row, Example)]


def generated() -> Iterator[tuple[str, list[Example]]]:
    rng = Random(0)

    def text(length: int) -> str:
        return "".join(rng.choices(HAN, k=length))

    yield "one instruction", [asked(n, INSTRUCTION + text(40)) for n in range(3000)]
    yield "thanks in 9 of 10", [asked(n, text(60) + THANKS * (n % 10 > 0)) for n in range(3000)]
    templates = [text(40) for _ in range(30)]
    yield "30 templates", [asked(n, templates[n % 30] + text(30)) for n in range(3000)]


def asked(number: int, question: str) -> Example:
    turns = (Message(role="user", content=question), Message(role="assistant", content="好。"))
    return Example(id=f"{number}", messages=turns, source="made", group=f"{number}", kind="made")


def prepared(examples: list[Example], planted: int) -> Rows:
    """Hashes of the rows, and of rows with planted leaks."""
    rng = Random(1)
    table = to_table(examples)
    own = questions(table)
    letters = ["".join(map(chr, part.tolist())) for part in np.split(own.characters, own.ends[:-1])]
    latin = [2 * sum(ord(c) < 0x250 for c in text) > len(text) for text in letters]
    long = [n for n, text in enumerate(letters) if len(text) >= (LATIN_RUN if latin[n] else RUN)]
    leaks, origins = [], rng.choices(long, k=planted)
    for number, origin in enumerate(origins):
        length = LATIN_RUN if latin[origin] else RUN
        start = rng.randrange(len(letters[origin]) - length + 1)
        around = ["".join(rng.choices(LATIN if latin[origin] else HAN, k=20)) for _ in range(2)]
        leaks.append(asked(len(examples) + number, letters[origin][start : start + length].join(around)))
    hashes = question_hashes(table)
    roots = clusters(signatures(pa.array(letters, pa.string())).T, len(letters))
    near = np.flatnonzero((roots != np.arange(len(roots))) & (hashes != hashes[roots]))
    every = to_table([*examples, *leaks])
    return Rows(
        questions(every),
        question_hashes(every),
        text_hashes(every["group"].combine_chunks()),
        np.stack([near, roots[near]]),
        np.stack([np.arange(len(leaks)) + len(examples), np.array(origins)]),
    )


def cell(rows: Rows, size: int, most: int) -> str:
    runs, every = run_hashes(rows.texts), np.arange(len(rows.questions), dtype=np.int32)
    same, links = Links(len(every)), Links(len(every))
    for one in (same, links):
        one.add(rows.groups, every)
        one.add(rows.questions, every)
    order = np.argsort(runs.hashes, kind="stable")
    common = common_hashes([(runs.hashes[order], runs.rows[order])], same.roots, most)
    counted = ~np.isin(runs.hashes, common)
    by_runs = Links(len(every))
    by_runs.add(runs.hashes[counted], runs.rows[counted])
    links.join(every, by_runs.roots)
    largest = np.bincount(links.roots[:size]).max() / size
    if not rows.planted.size:
        return f"{largest:.1%}"
    return f"{largest:.1%} / {found(by_runs, rows.pairs)} / {found(by_runs, rows.planted)}"


def found(links: Links, pairs: np.ndarray) -> str:
    """How many pairs are linked."""
    linked = (links.roots[pairs[0]] == links.roots[pairs[1]]).tolist()
    share = Share.of(linked)
    return f"all {share.n}" if all(linked) else f"{share.value:.1%} [{share.low:.1%}, {share.high:.1%}] of {share.n}"


if __name__ == "__main__":
    main(dict(word.split("=", 1) for word in sys.argv[1:]))
