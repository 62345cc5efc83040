"""The same work in Data-Juicer on two processes, with its own operators.

It has no split and no overlap check: ``datasets`` does those afterwards. It masks by pattern, without check
digits, and filters by length only.

python with_data_juicer.py ROWS OUT
"""

import json
import subprocess
import sys
from pathlib import Path

import text_work
import yaml
from datasets import disable_progress_bars, load_dataset
from text_work import folded, runs

HELD_OUT = 1000
MASKED = ("MAIL", "IDENTITY", "CARD", "MOBILE", "LANDLINE")


def main(rows: str, out: str) -> None:
    disable_progress_bars()
    folder = Path(out)
    folder.mkdir(parents=True)
    with Path(rows).open(encoding="utf-8") as lines, (folder / "in.jsonl").open("w", encoding="utf-8") as texts:
        for line in lines:
            row = json.loads(line)
            text = f"{row['instruction']}\n\n{row['output']}"
            texts.write(json.dumps({"id": row["id"], "text": text}, ensure_ascii=False) + "\n")
    patterns = [text_work.CONTROL.pattern] + [getattr(text_work, name).pattern for name in MASKED]
    minhash = {
        "tokenization": "character",
        "window_size": 5,
        "num_permutations": 120,
        "jaccard_threshold": 0.7,
        "num_bands": 24,
        "num_rows_per_band": 5,
    }
    recipe = {
        "project_name": "benchmark",
        "dataset_path": f"{out}/in.jsonl",
        "export_path": f"{out}/out.jsonl",
        "np": 2,
        "open_tracer": False,
        "use_cache": False,
        "process": [
            {"replace_content_mapper": {"pattern": patterns, "repl": ["", *[f"【{name}】" for name in MASKED]]}},
            {"text_length_filter": {"min_len": 3, "max_len": 24_000}},
            {"document_deduplicator": {"lowercase": True, "ignore_non_character": False}},
            {"document_minhash_deduplicator": minhash},
        ],
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    subprocess.run([Path(sys.executable).parent / "dj-process", "--config", f"{out}/recipe.yaml"], check=True)
    data = load_dataset("json", data_files=f"{out}/out.jsonl", split="train", cache_dir=f"{out}/cache")
    parts = data.train_test_split(HELD_OUT, seed=1)
    tested = {run for text in parts["test"]["text"] for run in runs(folded(text.split("\n\n", 1)[0]), 13)}
    train = parts["train"].filter(
        lambda row: tested.isdisjoint(runs(folded(row["text"].split("\n\n", 1)[0]), 13)), num_proc=2
    )
    train.to_parquet(f"{out}/train.parquet")
    parts["test"].to_parquet(f"{out}/test.parquet")


if __name__ == "__main__":
    main(*sys.argv[1:])
