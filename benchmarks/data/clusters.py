"""How the search for near-duplicates grows: processor seconds and peak memory of ``clusters`` over bands on disk.

python benchmarks/data/clusters.py N      5 % of the rows share all bands with an earlier one, 5 % eighteen of them
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from data_recipes.leakage.near_duplicates import BANDS, BandFiles, clusters

PART = 50_000


def main(n: int) -> None:
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        files = BandFiles(Path(folder))
        for _ in range(0, n, PART):
            bands = random.integers(0, 2**63, (PART, BANDS), dtype=np.uint64)
            bands[25_000:27_500] = bands[:2_500]
            bands[27_500:30_000, :18] = bands[2_500:5_000, :18]
            files.append(bands)
        started = time.process_time()
        found = clusters(files, n)
        spent = time.process_time() - started
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak = int(status["VmHWM"].split()[0]) / 2**20  # getrusage would count the process that started this one
    print(f"| {n:,} | {spent:.1f} | {peak:.2f} | {(found != np.arange(n)).mean():.3f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]))
