"""Builds the same synthetic rows with Xinglin and with its peers, and writes benchmarks/data/README.md.

    python benchmarks/data/run.py peers=DIR [peer_rows=100000,1000000] [rows=3000000,10000000] [rounds=1] [work=DIR]

``peers`` holds two environments: ``venv`` (pip install datatrove datasketch datasets regex tokenizers) and ``dj`` (pip
install py-data-juicer aiohttp). Each build is its own process on two cores; ours and the peers' alternate. Counted
are the processor seconds of the process and all its children, and the sum of their resident memory, ten times a second.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
import pyarrow.parquet as pq

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CORES = "0,1"
CLUSTERED = (1_000_000, 3_000_000, 10_000_000)
STEPS = "[{kind: encoding}, {kind: filter, min_han: 0.5}, {kind: personal_data}]"  # then exact, MinHash, split, overlap
PEERS = {"datasets + datasketch": ("venv", "plain.py"), "datatrove": ("venv", "with_datatrove.py")}
PEERS["Data-Juicer"] = ("dj", "with_data_juicer.py")


class Cost(NamedTuple):
    """What one build took."""

    seconds: float
    processor: float
    memory: float
    kept: np.ndarray


def main(arguments: dict[str, str]) -> None:
    work = Path(arguments.get("work") or Path(tempfile.gettempdir()) / "xinglin-benchmark")
    peers, rounds = Path(arguments["peers"]), int(arguments.get("rounds", "1"))
    lines = []
    for n in numbers(arguments.get("peer_rows", "100000,1000000")):
        source = generated(n, work)
        for turn in range(1, rounds + 1):
            of_round = f" (round {turn})" if rounds > 1 else ""
            lines.append(row(f"**Xinglin**{of_round}", source, ours(source, work)))
            for name, (environment, script) in PEERS.items():
                command = [peers / environment / "bin/python", HERE / script, source / "rows.jsonl"]
                lines.append(row(f"{name}{of_round}", source, measured(command, work / "out")))
    for n in numbers(arguments.get("rows", "3000000,10000000")):
        source = generated(n, work)
        lines.append(row("**Xinglin**", source, ours(source, work)))
    page(lines, peers)


def numbers(words: str) -> list[int]:
    return [int(word) for word in words.split(",") if word]


def generated(n: int, work: Path) -> Path:
    folder = work / str(n)
    if not (folder / "truth.npz").exists():
        subprocess.run([sys.executable, HERE / "rows.py", str(n), folder], check=True)
    return folder


def ours(source: Path, work: Path) -> Cost:
    command = [sys.executable, ROOT / "data_recipes/build.py", *build_words(source), "data.workers=2"]
    return measured(command, work / "out", "out=")


def build_words(source: Path) -> list[str]:
    """What our build is told, but for its processes and ``out``."""
    rows = ["data=bencao", f"source.path={source / 'rows.jsonl'}", "data.max_bad_share=0.05"]
    return [*rows, "data.splits={test: 1000}", f"data.steps={STEPS}", "data.near_duplicates=drop"]


def measured(command: list, out: Path, out_word: str = "") -> Cost:
    """Runs a build into a fresh folder."""
    shutil.rmtree(out, ignore_errors=True)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "2"}
    started = time.perf_counter()
    with (out.parent / "log").open("wb") as log:
        command = ["taskset", "-c", CORES, *map(str, command), f"{out_word}{out}"]
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        peak, spent = 0.0, {}
        while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
            peak = max(peak, sampled(process.pid, spent))
            time.sleep(0.1)
    seconds, usage = time.perf_counter() - started, ended[2]
    if ended[1]:
        raise SystemExit(f"failed: {' '.join(command)}\n" + (out.parent / "log").read_text()[-2000:])
    # the system counts those that were waited for, the samples also those of a fork server
    processor = max(usage.ru_utime + usage.ru_stime, sum(spent.values()))
    return Cost(seconds, processor, peak / 2**30, kept_rows(out))


def sampled(pid: int, spent: dict[int, float]) -> float:
    """Memory of a process and all below it, shared pages counted once; notes the processor seconds of each."""
    total = 0
    try:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            try:
                total += process.memory_full_info().pss
                spent[process.pid] = sum(process.cpu_times()[:2])
            except psutil.Error:
                continue
    except psutil.Error:
        return 0
    return total


def kept_rows(out: Path) -> np.ndarray:
    """The numbers of the rows that a build kept, of all splits."""
    kept = []
    for path in out.rglob("*.parquet"):
        schema = pq.read_schema(path)
        if "id" in schema.names and path.relative_to(out).parts[0].startswith(("train", "dev", "test")):
            kept += [number_of(id) for id in pq.read_table(path, columns=["id"])["id"].to_pylist()]
    for path in out.glob("test/*.jsonl"):  # datatrove's
        kept += [number_of(json.loads(line)["id"]) for line in path.read_text(encoding="utf-8").splitlines()]
    return np.array(sorted(set(kept)))


def number_of(id: str | int) -> int:
    """Ours are ``bencao-1`` for the first line."""
    return int(id.split("-")[1]) - 1 if isinstance(id, str) and "-" in id else int(id)


def row(name: str, source: Path, cost: Cost) -> list[str]:
    truth = np.load(source / "truth.npz")
    kinds, likeness = truth["kinds"], truth["likeness"]
    gone = np.ones(len(kinds), bool)
    gone[cost.kept] = False
    sound = kinds != 3
    planted = (kinds == 1) | ((kinds == 2) & (likeness >= 0.7))
    precision = (gone & sound & (kinds != 0)).sum() / max(1, (gone & sound).sum())
    size = (source / "rows.jsonl").stat().st_size / 1e6
    cells = [f"{len(kinds):,}", f"{cost.seconds:.1f}", f"{cost.processor:.1f}", f"{len(kinds) / cost.seconds:,.0f}"]
    cells += [f"{len(kinds) / cost.processor:,.0f}", f"{size / cost.seconds:.1f}", f"{cost.memory:.2f}"]
    cells += [f"{gone[kinds == 1].mean():.4f}", f"{gone[planted & (kinds == 2) & (likeness >= 0.8)].mean():.4f}"]
    cells += [f"{gone[planted].mean():.4f}", f"{precision:.4f}"]
    print(name, *cells, sep=" | ", flush=True)
    return [name, *cells]


def page(lines: list[list[str]], peers: Path) -> None:
    head = "| | rows | s | CPU s | rows/s | rows/CPU s | MB/s | peak GiB | exact | near ≥ 0.8 | all ≥ 0.7 | precision |"
    table = [head, "|---" * 12 + "|", *(f"| {' | '.join(line)} |" for line in lines)]
    versions = ", ".join(f"{name} {version(name)}" for name in ("polars", "pyarrow", "numba", "numpy"))
    text = (HERE / "about.md").read_text(encoding="utf-8")
    load = f"load average {os.getloadavg()[2]:.1f}"
    machine = f"{platform.machine()}, {psutil.cpu_count()} cores ({load}), Python {platform.python_version()}"
    command = [sys.executable, HERE / "clusters.py"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    grown = [subprocess.check_output([*command, str(n)], text=True, env=environment).strip() for n in CLUSTERED]
    text = text.replace("{{clusters}}", "\n".join(grown))
    text = text.replace("{{table}}", "\n".join(table)).replace("{{machine}}", f"{machine}; {versions}; {of(peers)}")
    (HERE / "README.md").write_text(text, encoding="utf-8")


def of(peers: Path) -> str:
    """The versions of the peers."""
    names = {"venv": ("datatrove", "datasketch", "datasets"), "dj": ("py-data-juicer",)}
    code = "import sys, importlib.metadata as m; print(', '.join(f'{n} {m.version(n)}' for n in sys.argv[1:]))"
    return ", ".join(
        subprocess.check_output([peers / folder / "bin/python", "-c", code, *packages], text=True).strip()
        for folder, packages in names.items()
    )


if __name__ == "__main__":
    main(dict(word.split("=", 1) for word in sys.argv[1:]))
