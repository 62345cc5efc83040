"""Where what a question describes is looked up: arrays in memory, as served, SQLite's FTS5, PostgreSQL's full text.

    python benchmarks/knowledge_stores.py postgresql://user@host/database     writes benchmarks/knowledge_stores.md

All three get the same pairs of characters of the same fields with the same weights. Quality: the labelled questions of
the medical knowledge base that were used for setting rules (dev), without names, spelling, turns and threshold, which
come before and after this step. Time: each question is put to the three in turn, three times, and the least counts;
shown as ratios to memory, since the machine may be busy. The larger base is made of sentences of the medical one.
"""

import sqlite3
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from heapq import nlargest
from importlib.metadata import version
from pathlib import Path
from random import Random

import psycopg

from common.files import write_text
from common.machine import processor
from domains.knowledge_base import Entry, KnowledgeBase
from domains.medical.knowledge_base import KNOWLEDGE
from domains.retrieval.descriptions import Descriptions, fields_of, terms_of
from domains.retrieval.labelled import Judged, LabelledQuestion, Share, measures, read_questions
from domains.retrieval.normalise import normalised
from domains.retrieval.wording import content

DEV = Path(__file__).parent.parent / "domains/medical/questions/dev.jsonl"
LARGE = 20_000  # passages: about 4,000 pages
SENTENCES = 8  # of a passage
ROUNDS, FIRST, TIMED = 3, 5, 100

Search = Callable[[str], list[str]]
"""The ids of the best entries for a question."""


def main(url: str) -> None:
    """Measures and writes the page."""
    knowledge = KNOWLEDGE.load()
    questions = [one for one in read_questions(DEV, knowledge) if one.entries and not one.earlier]
    with psycopg.connect(url) as server:
        page = [intro(server, knowledge), quality(knowledge, questions, server), speed(knowledge, questions, server)]
    write_text(Path(__file__).with_suffix(".md"), "\n\n".join(page) + "\n")
    print("\n\n".join(page))


def intro(server: psycopg.Connection, knowledge: KnowledgeBase) -> str:
    postgresql = server.execute("SHOW server_version").fetchone()
    assert postgresql is not None
    return (
        "# Where a knowledge base is searched\n\n"
        f"Made by `python benchmarks/knowledge_stores.py URL` on {processor()}; numpy {version('numpy')}, SQLite "
        f"{sqlite3.sqlite_version}, PostgreSQL {postgresql[0]} on the same machine, through a socket; knowledge base "
        f"{knowledge.version} ({len(knowledge.entries)} entries). Only what a question describes is compared; what the "
        "service finds with names and spelling is in [retrieval.md](retrieval.md)."
    )


def quality(knowledge: KnowledgeBase, questions: Sequence[LabelledQuestion], server: psycopg.Connection) -> str:
    lines = ["| right entry, % | first | among the first five |", "|---|---|---|"]
    for name, (search, _) in stores(knowledge, server).items():
        found = measures([Judged(one, tuple(search(one.question))) for one in questions])
        lines.append(f"| {name} | {cell(found['at_1'])} | {cell(found['at_5'])} |")
    return "\n".join(lines)


def speed(knowledge: KnowledgeBase, questions: Sequence[LabelledQuestion], server: psycopg.Connection) -> str:
    lines = ["| entries | store | a question, times memory | made, times memory |", "|---|---|---|---|"]
    for base in (knowledge, enlarged(knowledge)):
        made = stores(base, server)
        taken: dict[str, list[float]] = {name: [] for name in made}
        for one in Random(0).sample(list(questions), TIMED):
            for name, (search, _) in made.items():
                taken[name].append(
                    min(seconds(lambda search=search, one=one: search(one.question)) for _ in range(ROUNDS))
                )
        memory, first = taken["memory"], made["memory"][1]
        for name, (_, making) in made.items():
            ratio = statistics.median(other / own for other, own in zip(taken[name], memory, strict=True))
            lines.append(f"| {len(base.entries):,} | {name} | {ratio:.1f} | {making / first:.1f} |")
    return "\n".join(lines)


def stores(knowledge: KnowledgeBase, server: psycopg.Connection) -> dict[str, tuple[Search, float]]:
    """The three, each with the seconds that making it took."""
    made: dict[str, tuple[Search, float]] = {}
    for name, make in (("memory", in_memory), ("SQLite FTS5", fts5), ("PostgreSQL", lambda kb: full_text(kb, server))):
        begun = time.perf_counter()
        search = make(knowledge)
        made[name] = (search, time.perf_counter() - begun)
    return made


def in_memory(knowledge: KnowledgeBase) -> Search:
    descriptions = Descriptions(knowledge)

    def search(question: str) -> list[str]:
        scores = descriptions.scores(normalised(question))
        return nlargest(FIRST, scores, key=scores.__getitem__)

    return search


def fts5(knowledge: KnowledgeBase) -> Search:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE entries USING fts5(id UNINDEXED, a, b, c, d, tokenize='unicode61')")
    for entry, texts in said(knowledge):
        parts = [" ".join(texts.get(weight, [])) for weight in WEIGHTS]
        database.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", (entry.id, *parts))
    weights = ", ".join(map(str, WEIGHTS))
    statement = f"SELECT id FROM entries WHERE entries MATCH ? ORDER BY bm25(entries, 0, {weights}) LIMIT {FIRST}"

    def search(question: str) -> list[str]:
        wanted = " OR ".join(f'"{term}"' for term in asked(question))
        return [id for (id,) in database.execute(statement, (wanted,))] if wanted else []

    return search


def full_text(knowledge: KnowledgeBase, server: psycopg.Connection) -> Search:
    server.execute("CREATE TEMPORARY TABLE IF NOT EXISTS entries (id text, said tsvector)")
    server.execute("DROP INDEX IF EXISTS pg_temp.entries_said")
    server.execute("TRUNCATE entries")
    with server.cursor().copy("COPY entries (id, said) FROM STDIN") as copy:
        for entry, texts in said(knowledge):
            copy.write_row((entry.id, vector(texts)))
    server.execute("CREATE INDEX entries_said ON entries USING gin (said)")
    server.execute("ANALYZE entries")
    # normalised by 1 + the logarithm of the length; full text has no rarity of terms
    statement = (
        "SELECT id FROM entries, CAST(%s AS tsquery) AS wanted WHERE said @@ wanted "
        f"ORDER BY ts_rank(%s::float4[], said, wanted, 1) DESC LIMIT {FIRST}"
    )
    weights = [weight / max(WEIGHTS) for weight in reversed(WEIGHTS)]  # of D, C, B, A

    def search(question: str) -> list[str]:
        wanted = " | ".join(f"'{term}'" for term in asked(question))
        return [id for (id,) in server.execute(statement, (wanted, weights))] if wanted else []

    return search


WEIGHTS = (2.5, 1.5, 1.0, 0.5)
"""Of the fields of an entry; four, which is what PostgreSQL can tell apart."""


def said(knowledge: KnowledgeBase) -> Iterable[tuple[Entry, dict[float, list[str]]]]:
    """The entries with the terms of their fields by weight."""
    spoken = {line.id: line for line in knowledge.lexicon.names}
    for entry in knowledge.entries:
        texts: dict[float, list[str]] = {}
        for weight, of in fields_of(entry, spoken.get(entry.id)):
            texts.setdefault(weight, []).extend(terms_of(normalised("。".join(of))))
        yield entry, texts


def vector(texts: dict[float, list[str]]) -> str:
    """A tsvector: how often a term occurs at a weight is how many positions it has there."""
    places: dict[str, list[str]] = {}
    number = 0
    for weight, letter in zip(WEIGHTS, "ABCD", strict=True):
        for term, times in Counter(texts.get(weight, [])).items():
            for _ in range(times):
                number = min(number + 1, 16_383)
                places.setdefault(term, []).append(f"{number}{letter}")
    return " ".join(f"'{term}':{','.join(at)}" for term, at in places.items())


def asked(question: str) -> list[str]:
    return list(dict.fromkeys(terms_of(" ".join(content(normalised(question))))))


def enlarged(knowledge: KnowledgeBase) -> KnowledgeBase:
    """A base of many passages, each of a few items of the medical one."""
    rng = Random(0)
    items = [item for entry in knowledge.entries for of in entry.attributes.values() for item in of]
    first = knowledge.entries[0]
    return KnowledgeBase(
        tuple(
            Entry(
                id=f"P{number}", type=first.type, name=f"资料{number}", aliases=(), attributes={},
                definition="，".join(rng.sample(items, SENTENCES)),
            )
            for number in range(LARGE)
        ),
        "",
    )  # fmt: skip


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def cell(share: Share) -> str:
    return f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%}), n = {share.n}".replace("%", "")


if __name__ == "__main__":
    main(*sys.argv[1:])
