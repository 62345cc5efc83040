"""The same work in datatrove, two tasks on two workers; its MinHash over characters instead of words.

python with_datatrove.py ROWS OUT
"""

import json
import sys
from pathlib import Path

import numpy as np
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets
from datatrove.pipeline.filters import LambdaFilter
from datatrove.pipeline.formatters.base import BaseFormatter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter, ParquetWriter
from datatrove.utils.hashing import HashConfig
from text_work import clean, folded, kept, masked, runs

HELD_OUT = 0.01


class Cleaned(BaseFormatter):
    """Repairs and masks a text."""

    name = "cleaned"

    def format(self, text: str) -> str:
        """One document's."""
        return masked(clean(text))


class CharacterSignature(MinhashDedupSignature):
    """MinHash over runs of characters: words need a tokenizer that is not the same work."""

    def get_shingles(self, text: str) -> np.ndarray:
        """The hashes of one document's runs."""
        hashes = [self._hash_func(run.encode()) for run in runs(folded(text), self.config.n_grams)]
        return np.fromiter(hashes, np.uint64).reshape(-1, 1)


def pair(document) -> list[str]:
    return document.text.split("\n\n", 1)


def main(rows: str, out: str) -> None:
    config = MinhashConfig(n_grams=5, num_buckets=24, hashes_per_bucket=5, hash_config=HashConfig(precision=64))
    lines = Path(rows).read_text(encoding="utf-8").splitlines()
    folder = Path(out)
    (folder / "in").mkdir(parents=True)
    half = len(lines) // 2
    for name, part in (("0", lines[:half]), ("1", lines[half:])):
        (folder / "in" / f"{name}.jsonl").write_text("\n".join(part), encoding="utf-8")
    del lines

    def adapted(self, data, path, id_in_file):
        return {"text": f"{data['instruction']}\n\n{data['output']}", "id": str(data["id"])}

    def run(pipeline: list, tasks: int = 2) -> None:
        LocalPipelineExecutor(
            pipeline, tasks=tasks, workers=tasks, logging_dir=f"{out}/log", skip_completed=False
        ).run()

    clean_reader = JsonlReader(f"{out}/clean")
    run(
        [
            JsonlReader(f"{out}/in", adapter=adapted),
            LambdaFilter(lambda document: kept(*pair(document))),
            Cleaned(),
            JsonlWriter(f"{out}/clean", compression=None),
        ]
    )
    run([clean_reader, CharacterSignature(f"{out}/signatures", config)])
    run([MinhashDedupBuckets(f"{out}/signatures", f"{out}/buckets", config=config)], tasks=24)
    run([MinhashDedupCluster(f"{out}/buckets", f"{out}/remove", config=config)], tasks=1)
    held = lambda document: hash(int(document.id) * 2654435761 % 2**32) % 1000 < HELD_OUT * 1000  # noqa: E731
    run(
        [
            clean_reader,
            MinhashDedupFilter(f"{out}/remove"),
            LambdaFilter(held),
            JsonlWriter(f"{out}/test", compression=None),
        ]
    )
    tested: set[str] = set()
    for path in (folder / "test").glob("*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            tested.update(runs(folded(json.loads(line)["text"].split("\n\n", 1)[0]), 13))
    run(
        [
            clean_reader,
            MinhashDedupFilter(f"{out}/remove"),
            LambdaFilter(lambda document: not held(document)),
            LambdaFilter(lambda document: tested.isdisjoint(runs(folded(pair(document)[0]), 13))),
            ParquetWriter(f"{out}/train"),
        ]
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
