"""Builds a dataset: reads a source, removes what leaks, writes Parquet splits, manifest, card and fingerprints."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from loguru import logger

from common.command import read_config, run_command
from common.errors import Refused, UserError
from common.files import cache_dir, replacing_directory, write_text
from common.hashing import sha256_file, sha256_value
from data_recipes import overlap
from data_recipes.card import card
from data_recipes.config import BuildConfig, DataConfig, SourceConfig
from data_recipes.dataset import BuiltDataset, content_hash, load, save_splits
from data_recipes.example import Example
from data_recipes.manifest import MANIFEST, Counts, DatasetManifest, SourceFile, SplitOverlap
from data_recipes.rows import Dropped
from data_recipes.sources import source_of
from data_recipes.split import Rows, split
from data_recipes.text import question

__all__ = ["BuiltDataset", "build", "build_or_reuse", "load"]

HELP = """
python data_recipes/build.py data=NAME [source.path=…] [key=value …] out=DIR

  data=medical   the shipped knowledge base as instructions
  data=bencao    Bencao rows, source.path=llama_data.json
  data=toyhom    Toyhom consultations, source.path=….csv

DIR receives one Parquet file a split, manifest.json, README.md (the card), dropped.jsonl and fingerprints.parquet.
The keys and their meaning stand in configs/data/NAME.yaml.
"""


def build(config: BuildConfig) -> DatasetManifest:
    """Builds a dataset into ``config.out``; the directory is whole or as it was before.

    Args:
        config: What to read, what to make of it and where to write it.

    Returns:
        The manifest that was written.

    Raises:
        UserError: The source is missing, damaged or has too many bad rows, or ``out`` holds something else.
        Refused: A test question is also a training question.
    """
    directory = _replaceable(Path(config.out).expanduser().resolve())
    rows = _without_overlap(_read(config.data, config.source))
    train = overlap.fingerprints(rows.splits["train"])
    manifest = _manifest(config, rows, train)
    with replacing_directory(directory) as folder:
        save_splits(rows.splits, folder)
        overlap.save(train, folder)
        manifest.save(folder)
        write_text(folder / "README.md", card(manifest, rows.splits))
        lines = [json.dumps(row._asdict(), ensure_ascii=False) for row in rows.dropped]
        write_text(folder / "dropped.jsonl", "".join(f"{line}\n" for line in lines))
    return manifest


def build_or_reuse(data: DataConfig, source: SourceConfig) -> Path:
    """Builds a dataset into the cache, or finds the one that was built from the same sources, configuration and code.

    Args:
        data: What to make of the source.
        source: What to read.

    Returns:
        The dataset's directory; ``load`` reads it.

    Raises:
        UserError: The source is missing, damaged or has too many bad rows.
        Refused: A test question is also a training question.
    """
    sources = {path.name: sha256_file(path) for path in source_of(source).files(source)}
    key = sha256_value([_portable(data, source), sources, _code_hash()])
    directory = cache_dir() / "datasets" / key[:32]
    if not (directory / MANIFEST).exists():
        build(BuildConfig(data=data, source=source, out=str(directory)))
    return directory


def _replaceable(directory: Path) -> Path:
    """A build replaces an older dataset, but never a directory of anything else."""
    if (
        directory.exists()
        and not (directory / MANIFEST).is_file()
        and (directory.is_file() or any(directory.iterdir()))
    ):
        raise UserError("this exists and is not a dataset", where=str(directory), fix="choose another out=DIR")
    return directory


def _read(data: DataConfig, config: SourceConfig) -> Rows:
    source = source_of(config)
    examples: list[Example] = []
    dropped: list[Dropped] = []
    for item in source.read(config):
        if isinstance(item, Dropped):
            dropped.append(item)
        else:
            examples.append(item)
    bad = [row for row in dropped if row.bad]
    if len(bad) > data.max_bad_share * (len(examples) + len(dropped)):
        listed = "\n".join(f"  - {row.id}: {row.reason}" for row in bad[:5])
        raise UserError(
            f"{len(bad)} of {len(examples) + len(dropped)} rows are bad, the first:\n{listed}",
            where="data.max_bad_share",
            fix="mend the rows, or raise data.max_bad_share to drop them",
        )
    files = [SourceFile(path=p.name, sha256=sha256_file(p), rows=0) for p in source.files(config)]
    if all(example.split for example in examples):
        splits: dict[str, list[Example]] = {}
        for example in examples:
            splits.setdefault(example.split, []).append(example)
        return Rows(splits, dropped, files, source.about, source.splits)
    asked: set[str] = set()
    kept: list[Example] = []
    for example in examples:
        if (text := question(example)) in asked:
            dropped.append(Dropped(example.id, "duplicate_question"))
        else:
            asked.add(text)
            kept.append(example)
    return Rows(split(kept, data.splits, data.seed), dropped, files, source.about, source.splits)


def _without_overlap(rows: Rows) -> Rows:
    """Removes from every other split the questions that share a run with a training question."""
    train = overlap.fingerprints(rows.splits["train"])
    splits, dropped = {"train": rows.splits["train"]}, list(rows.dropped)
    for name, examples in rows.splits.items():
        if name != "train":
            seen = set(overlap.measure(train, examples).ngram_ids)
            splits[name] = [example for example in examples if example.id not in seen]
            dropped += [Dropped(example.id, "overlaps_train") for example in examples if example.id in seen]
    return replace(rows, splits=splits, dropped=dropped)


def _manifest(config: BuildConfig, rows: Rows, train: overlap.Fingerprints) -> DatasetManifest:
    sizes = {name: len(examples) for name, examples in rows.splits.items()}
    if empty := [name for name, size in sizes.items() if not size]:
        raise UserError(f"nothing is left for {', '.join(empty)}", where="data.splits", fix="make the others smaller")
    kept = sum(sizes.values())
    return DatasetManifest(
        name=config.data.name,
        about=rows.about,
        code=_code_hash(),
        seed=config.data.seed,
        config=_portable(config.data, config.source),
        counts=Counts(
            read=kept + len(rows.dropped),
            kept=kept,
            dropped=dict(sorted(Counter(row.reason for row in rows.dropped).items())),
        ),
        splits=sizes,
        descriptions=rows.descriptions,
        sources=rows.files,
        overlap={name: _overlap(name, train, examples) for name, examples in rows.splits.items() if name != "train"},
        sha256=content_hash(rows.splits),
    )


def _overlap(name: str, train: overlap.Fingerprints, examples: list[Example]) -> SplitOverlap:
    found = overlap.measure(train, examples)
    if found.exact:
        raise Refused(f"{found.exact} questions of {name} are training questions, e.g. {found.exact_ids[0]}")
    return SplitOverlap(n=found.n, exact=found.exact, ngram=found.ngram)


def _portable(data: DataConfig, source: SourceConfig) -> dict[str, object]:
    """The configuration without what differs between machines."""
    paths = {key: Path(value).name for key, value in source.model_dump().items() if key.endswith("path") and value}
    return {"data": data.model_dump(), "source": {**source.model_dump(), **paths}}


def _code_hash() -> str:
    folder = Path(__file__).parent
    return sha256_value({str(p.relative_to(folder)): sha256_file(p) for p in sorted(folder.rglob("*.py"))})


def _summary(manifest: DatasetManifest, out: str) -> str:
    def listed(numbers: Mapping[str, object]) -> str:
        return ", ".join(f"{name} {value}" for name, value in numbers.items()) or "none"

    counts = manifest.counts
    shared = {name: f"{o.exact}/{o.ngram} of {o.n}" for name, o in manifest.overlap.items()}
    return (
        f"{manifest.name}: read {counts.read}, kept {counts.kept}, dropped {listed(counts.dropped)}\n"
        f"splits: {listed(manifest.splits)}\n"
        f"questions identical to training / sharing {overlap.RUN} characters with it: {listed(shared)}\n"
        f"written to {out} (sha256 {manifest.sha256[:12]})"
    )


def main(arguments: list[str]) -> None:
    """Builds one dataset, or several in a sweep."""
    for config in read_config("build", arguments, BuildConfig):
        logger.info("building {} from {}", config.data.name, source_of(config.source).kind)
        print(_summary(build(config), config.out))


if __name__ == "__main__":
    run_command(main, HELP)
