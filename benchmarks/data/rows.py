"""Synthetic Chinese questions and answers with planted duplicates, the same for the same number of rows.

    python benchmarks/data/rows.py N FOLDER      writes rows.jsonl (Bencao's format, with an id) and truth.npz

Words are drawn from a made-up vocabulary by Zipf's law, so that texts share runs as real ones do. 5 % of the rows
repeat an earlier row, 5 % repeat one with two to eight characters changed, one of them in the question; 1 % is English
junk, 4 % hold a telephone number or an identity number. The numbers are random; they are real ones only by chance.
"""

import json
import sys
from pathlib import Path
from random import Random

import numpy as np

PLAIN, EXACT, NEAR, JUNK = range(4)
CHARACTERS = [bytes([lead, trail]).decode("gb2312") for lead in range(0xB0, 0xD7) for trail in range(0xA1, 0xFF)]
WORDS = 20_000
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def main(n: int, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    random, numbers = Random(n), np.random.default_rng(n)
    words = np.array(["".join(random.choices(CHARACTERS, k=random.choice((1, 2, 2, 2, 3)))) for _ in range(WORDS)])
    odds = np.cumsum(1 / np.arange(10, WORDS + 10))
    kinds = numbers.choice(4, n, p=[0.89, 0.05, 0.05, 0.01]).astype(np.int8)
    kinds[:1000] = PLAIN
    likeness, source = np.zeros(n, np.float32), np.full(n, -1, np.int64)
    recent: list[tuple[str, str]] = []  # the rows that may be repeated, those of the last hundred thousand plain ones
    places: list[int] = []
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as out:
        for row, kind in enumerate(kinds.tolist()):
            if kind == PLAIN:
                asked, said = drawn(words, odds, numbers, 12), drawn(words, odds, numbers, 60)
                if row % 50 == 0:
                    said += f"电话1{random.choice('3578')}{random.randrange(10**9):09}，"
                elif row % 50 == 25:
                    said += f"身份证号{identity_number(random)}。"
                at = random.randrange(100_000)
                if len(recent) < 100_000:
                    recent.append((asked, said))
                    places.append(row)
                else:
                    recent[at], places[at] = (asked, said), row
            elif kind == JUNK:
                asked, said = "What is this?", "An advertisement " + "x" * random.randrange(50)
            else:
                at = random.randrange(len(recent))
                (asked, said), source[row] = recent[at], places[at]
                if kind == NEAR:
                    before = asked + said
                    asked, said = edited(asked, 1, random), edited(said, random.randint(1, 7), random)
                    likeness[row] = jaccard(before, asked + said)
            line = {"id": row, "instruction": asked, "input": "", "output": said}
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
    np.savez(folder / "truth.npz", kinds=kinds, likeness=likeness, source=source)


def drawn(words: np.ndarray, odds: np.ndarray, numbers: np.random.Generator, mean: int) -> str:
    count = int(numbers.integers(mean // 2, mean * 3 // 2))
    picked = words[np.searchsorted(odds, numbers.random(count) * odds[-1])].tolist()
    for at in range(9, count, 10):
        picked[at] += "，" if at % 30 != 29 else "。"
    return "".join(picked) + "。"


def edited(text: str, edits: int, random: Random) -> str:
    characters = list(text)
    for _ in range(edits):
        characters[random.randrange(len(characters))] = random.choice(CHARACTERS)
    return "".join(characters)


def jaccard(one: str, other: str) -> float:
    runs = []
    for text in (one, other):
        letters = "".join(filter(str.isalnum, text))
        runs.append({letters[at : at + 5] for at in range(len(letters) - 4)})
    return len(runs[0] & runs[1]) / len(runs[0] | runs[1])


def identity_number(random: Random) -> str:
    born = f"{random.randint(1950, 2010)}{random.randint(1, 12):02}{random.randint(1, 28):02}"
    digits = f"110101{born}{random.randrange(1000):03}"
    total = sum(int(digit) * weight for digit, weight in zip(digits, WEIGHTS, strict=True))
    return digits + "10X98765432"[total % 11]


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
