"""A JSON array of a gigabyte, read item by item: processor seconds and peak memory.

python benchmarks/data/large_array.py [gigabytes=1]      it is written to a temporary folder, and deleted
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from data_recipes.formats.json_rows import read_objects


def main(size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.json"
        written(path, size)
        before, started = peak(), time.process_time()
        rows = sum(1 for _ in read_objects(path))
        seconds = time.process_time() - started
        size_read = path.stat().st_size / 1e9
        print(f"{size_read:.2f} GB, {rows:,} rows: {seconds:.0f} CPU s; peak {peak():.0f} MiB, before it {before:.0f}")


def written(path: Path, size: int) -> None:
    """Questions and answers of made-up words over lines, as exports write them."""
    random, wrote = Random(1), 0
    words = [
        "".join(chr(random.randrange(0x4E00, 0x8000)) for _ in range(random.choice((1, 2, 3)))) for _ in range(5000)
    ]
    with path.open("w", encoding="utf-8") as file:
        file.write("[")
        while wrote < size:
            said = "，".join("".join(random.choices(words, k=8)) for _ in range(60))
            row = {"instruction": "".join(random.choices(words, k=15)), "input": "", "output": f"{said}。"}
            text = json.dumps(row, ensure_ascii=False, indent=1)
            file.write(",\n" + text if wrote else text)
            wrote += len(text.encode())
        file.write("]\n")


def peak() -> float:
    """Most resident memory so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


if __name__ == "__main__":
    main(int(float(dict(word.split("=") for word in sys.argv[1:]).get("gigabytes", 1)) * 1e9))
