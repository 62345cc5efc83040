"""The plain script: ``datasets.map`` on two processes and datasketch.

python plain.py ROWS OUT
"""

import sys

from datasets import disable_progress_bars, load_dataset
from datasketch import MinHash, MinHashLSH
from text_work import clean, folded, kept, key, masked, runs

HELD_OUT = 1000
SCHEME = MinHash(num_perm=1).scheme


def worked(batch: dict[str, list]) -> dict[str, list]:
    out: dict[str, list] = {"id": [], "question": [], "answer": [], "key": [], "minhash": []}
    for id, asked, said in zip(batch["id"], batch["instruction"], batch["output"], strict=True):
        asked, said = clean(asked), clean(said)
        if not kept(asked, said):
            continue
        asked, said = masked(asked), masked(said)
        sketch = MinHash(num_perm=120)
        sketch.update_batch([run.encode() for run in runs(folded(asked + said), 5)])
        for name, value in zip(out, (id, asked, said, key(asked, said), sketch.hashvalues), strict=True):
            out[name].append(value)
    return out


def main(rows: str, out: str) -> None:
    disable_progress_bars()
    data = load_dataset("json", data_files=rows, split="train", cache_dir=f"{out}/cache")
    data = data.map(worked, batched=True, num_proc=2, remove_columns=data.column_names)
    seen: set[bytes] = set()
    lsh, unique = MinHashLSH(num_perm=120, params=(24, 5)), []
    sketches: dict[int, MinHash] = {}
    for at, row in enumerate(data.select_columns(["key", "minhash"])):
        if row["key"] in seen:
            continue
        seen.add(row["key"])
        sketch = MinHash(num_perm=120, hashvalues=row["minhash"], scheme=SCHEME)
        if any(sketches[other].jaccard(sketch) >= 0.7 for other in lsh.query(sketch)):
            continue
        lsh.insert(at, sketch, check_duplication=False)
        sketches[at] = sketch
        unique.append(at)
    parts = data.select(unique).remove_columns(["key", "minhash"]).train_test_split(HELD_OUT, seed=1)
    tested = {run for asked in parts["test"]["question"] for run in runs(folded(asked), 13)}
    train = parts["train"].filter(lambda row: tested.isdisjoint(runs(folded(row["question"]), 13)), num_proc=2)
    train.to_parquet(f"{out}/train.parquet")
    parts["test"].to_parquet(f"{out}/test.parquet")


if __name__ == "__main__":
    main(*sys.argv[1:])
