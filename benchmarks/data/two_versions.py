"""Our build of the same rows with two versions of the code, in turn: processor seconds, and their ratio.

python benchmarks/data/two_versions.py OLD NEW [rounds=3] [rows=100000]      OLD and NEW are checkouts of the project

Both run with this Python. Processor seconds depend less on what else the machine does than seconds do, but grow by a
fifth on busy cores, so the versions take turns and the median of each counts.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import run


def main(old: Path, new: Path, rounds: int, rows: int) -> None:
    work = Path(tempfile.gettempdir()) / "xinglin-benchmark"
    source = run.generated(rows, work)
    spent: dict[Path, list[float]] = {old: [], new: []}
    for tree in (old, new) * rounds:
        spent[tree].append(processor_seconds(tree.resolve(), source, work / "out"))
        print(f"{tree}: {spent[tree][-1]:.1f} CPU s", flush=True)
    before, after = median(spent[old]), median(spent[new])
    print(f"medians: {before:.1f} and {after:.1f} CPU s; the new one is {before / after:.2f} times as fast")


def processor_seconds(tree: Path, source: Path, out: Path) -> float:
    shutil.rmtree(out, ignore_errors=True)
    environment = os.environ | {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "2"}
    words = [*run.build_words(source), "data.workers=1", f"out={out}"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, tree / "data_recipes/build.py", *words]
    subprocess.run(command, env=environment, cwd=tree, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    numbers = dict(word.split("=") for word in sys.argv[3:])
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(numbers.get("rounds", 3)), int(numbers.get("rows", 100_000)))
