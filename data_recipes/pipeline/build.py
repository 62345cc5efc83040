"""Builds a dataset: reads a source, runs the steps, removes what leaks, writes splits, manifest, card and preview."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from loguru import logger
from tqdm import tqdm

from common.errors import UserError
from common.files import cache_dir, replacing_directory
from common.hashing import sha256_file, sha256_value
from data_recipes.config import MACHINE, BuildConfig, DataConfig, SourceConfig
from data_recipes.dataset.card import write_card
from data_recipes.dataset.dataset import BuiltDataset, hash_of, load
from data_recipes.dataset.split_files import WrittenSplits
from data_recipes.leakage import overlap
from data_recipes.leakage.normalise import RUN_TOLD
from data_recipes.pipeline.decide import Decision, decide
from data_recipes.pipeline.drawn import listed
from data_recipes.pipeline.executors import executor_of
from data_recipes.pipeline.hash_files import HashFiles
from data_recipes.pipeline.protected_sets import described, protected_sets
from data_recipes.pipeline.read import SourceRead, read_shards
from data_recipes.pipeline.transform import ShardDone, ShardTask, run_steps
from data_recipes.pipeline.workspace import scratch_folder, work_directory
from data_recipes.pipeline.write import write_splits
from data_recipes.schema.manifest import MANIFEST, Counts, DatasetManifest, Description, SourceFile, StepCount
from data_recipes.schema.splits import TRAIN
from data_recipes.sources import source_of
from data_recipes.steps import keeping

__all__ = ["BuiltDataset", "build", "build_or_reuse", "load", "source_hashes"]

MUCH_DROPPED = 0.2  # share of all rows that one reason drops: more is seldom meant


def build(config: BuildConfig) -> DatasetManifest:
    """Builds a dataset into ``config.out``; the directory is complete or as it was before.

    Args:
        config: What to read, what to make of it and where to write it.

    Returns:
        The manifest that was written.

    Raises:
        UserError: The source is missing, damaged or has too many bad rows, or ``out`` holds something else.
        Refused: A test question is also a training question.
    """
    out = _replaceable(Path(config.out).expanduser().resolve())
    data, source = config.data, config.source
    hashes = source_hashes(source)
    with work_directory(out, _key(data, source, hashes)) as work:
        shards = _worked_on(data, source, work)
        files = HashFiles(work, shards)
        _check_left(work, files, data)
        protected = {name: overlap.load(path.parent, path.name) for name, path in protected_sets(data).items()}
        with scratch_folder(work) as scratch:
            decision = decide(data, files, protected, scratch, source_of(source).ungrouped(source))
        with replacing_directory(out) as folder:
            written = write_splits(work, files, decision, data.shard_rows, folder)
            manifest = _manifest(config, hashes, SourceRead.load(work), shards, decision, written)
            manifest.save(folder)
            write_card(manifest, written, data.shard_rows, folder)
    _tell_much_dropped(manifest, config)
    return manifest


def _tell_much_dropped(manifest: DatasetManifest, config: BuildConfig) -> None:
    for reason, number in manifest.counts.dropped.items():
        if number > MUCH_DROPPED * manifest.counts.read:
            kept = keeping(config.data.steps, reason)
            logger.warning(
                "{} of {} rows were dropped as {}: python data_recipes/show.py {} reason={} lists them{}",
                *(number, manifest.counts.read, reason, config.out, reason, f"; {kept}" if kept else ""),
            )


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
    directory = cache_dir() / "datasets" / _key(data, source, source_hashes(source))[:32]
    if not (directory / MANIFEST).exists():
        build(BuildConfig(data=data, source=source, out=str(directory)))
    return directory


def _worked_on(data: DataConfig, source: SourceConfig, work: Path) -> list[ShardDone]:
    """Reads the source and runs the steps; returns the account of each shard."""
    cases = not source_of(source).instructs_in_system
    with tqdm(desc="steps", unit="shard", disable=None) as progress:

        def tasks() -> Iterator[ShardTask]:
            number = 0
            for number in read_shards(data, source, work):
                yield ShardTask(work, number, data.steps, data.near_duplicates != "keep", cases)
            progress.total = number + 1  # from now on the remaining time is known

        shards = []
        for number in executor_of(data).run(run_steps, tasks()):
            done = ShardDone.load(work, number)
            shards.append(done.model_copy(update={"dropped": [], "changed": [], "samples": []}))  # may be millions
            progress.update()
    return shards


def _check_left(work: Path, files: HashFiles, data: DataConfig) -> None:
    """Some rows must be left, also for training where there were any: a dataset of tests never had training rows."""
    if TRAIN in files.came:
        return
    tables = (pq.read_table(work / f"read-{number:05}.parquet", columns=["split"]) for number in range(files.shards))
    if files.rows and all(set(table["split"].to_pylist()).isdisjoint({None, TRAIN}) for table in tables):
        return
    lost = Counter(row.reason for number in range(files.shards) for row in ShardDone.load(work, number).dropped)
    kept = next(filter(None, (keeping(data.steps, reason) for reason, _ in lost.most_common())), "data.steps")
    raise UserError(
        f"no row is left{' for training' if files.rows else ''}; dropped: {listed(dict(lost.most_common()))}",
        where="source",
        fix=f"fix the rows, or relax the step that drops them ({kept})",
    )


def _replaceable(directory: Path) -> Path:
    """A build replaces an older dataset, but never a directory of anything else."""
    if (
        directory.exists()
        and not (directory / MANIFEST).is_file()
        and (directory.is_file() or any(directory.iterdir()))
    ):
        raise UserError("this exists and is not a dataset", where=str(directory), fix="choose another out=DIR")
    return directory


def source_hashes(source: SourceConfig) -> dict[str, str]:
    """SHA-256 of each file that is read, by its path below their common folder."""
    paths = [path.resolve() for path in source_of(source).files(source)]
    above = Path(os.path.commonpath([path.parent for path in paths])) if paths else Path()
    return {path.relative_to(above).as_posix(): sha256_file(path) for path in paths}


def _key(data: DataConfig, source: SourceConfig, hashes: Mapping[str, str]) -> str:
    """A hash of everything that the result depends on."""
    protected = {one.name: one.sha256 for one in described(protected_sets(data))}
    return sha256_value([_portable(data, source), hashes, protected, _code_hash(), pa.__version__])


def _portable(data: DataConfig, source: SourceConfig) -> dict[str, object]:
    """The configuration without what differs between machines."""
    return {"data": data.model_dump(exclude=MACHINE), "source": _without_folders(source.model_dump())}


def _without_folders(values: dict[str, Any]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for key, value in values.items():
        if key.endswith("path") and isinstance(value, str):
            named[key] = Path(value).name
        elif key.endswith("paths"):
            named[key] = [Path(path).name for path in value]
        else:
            named[key] = value
    return named


def _code_hash() -> str:
    root = Path(__file__).resolve().parent.parent.parent
    patterns = (
        "data_recipes/**/*.py",
        "data_recipes/steps/*.safetensors",
        "common/ngram_classifier.py",
        "domains/**/*.py",
        "domains/prompts/*.jinja",
    )
    files = sorted(file for pattern in patterns for file in root.glob(pattern))
    return sha256_value({str(file.relative_to(root)): sha256_file(file) for file in files})


def _manifest(
    config: BuildConfig,
    hashes: Mapping[str, str],
    read: SourceRead,
    shards: list[ShardDone],
    decision: Decision,
    written: WrittenSplits,
) -> DatasetManifest:
    source = source_of(config.source)
    return DatasetManifest(
        name=config.data.name,
        about=source.about,
        licence=source.licence,
        code=_code_hash(),
        seed=config.data.seed,
        config=_portable(config.data, config.source),
        counts=Counts(read=read.rows, kept=sum(written.sizes.values()), dropped=dict(sorted(written.dropped.items()))),
        splits=written.sizes,
        descriptions={name: source.splits.get(name, _drawn(name)) for name in written.sizes},
        sources=_source_files(config.source, hashes, read.rows),
        unread=read.unread,
        as_text=read.as_text,
        knowledge=source.knowledge(config.source) if source.knowledge else None,
        grounding=source.grounding(config.source),
        steps=_step_counts(shards),
        protected_sets=described(protected_sets(config.data)),
        overlap=decision.overlap,
        large_groups=decision.large_groups,
        sha256=hash_of(written.digests),
    )


def _drawn(name: str) -> Description:
    zh, en = RUN_TOLD
    return Description(zh=f"{name}：与训练集没有相同的片段，长 {zh}", en=f"no run of {en} in common with training")


def _source_files(config: SourceConfig, hashes: Mapping[str, str], rows: int) -> list[SourceFile]:
    source = source_of(config)
    counts: list[int | None] = [rows]
    if len(hashes) != 1:
        counts = [source.rows_of(path) if source.rows_of else None for path in source.files(config)]
    return [SourceFile(path=p, sha256=h, rows=n) for (p, h), n in zip(hashes.items(), counts, strict=True)]


def _step_counts(shards: list[ShardDone]) -> list[StepCount]:
    totals = []
    for of_shards in zip(*(shard.steps for shard in shards), strict=True):
        totals.append(
            StepCount(
                name=of_shards[0].name,
                read=sum(step.read for step in of_shards),
                dropped=_summed([step.dropped for step in of_shards]),
                changed=_summed([step.changed for step in of_shards]),
            )
        )
    return totals


def _summed(counts: list[dict[str, int]]) -> dict[str, int]:
    names = sorted({name for count in counts for name in count})
    return {name: sum(count.get(name, 0) for count in counts) for name in names}


def summary(manifest: DatasetManifest, out: str) -> str:
    """The result of a build, in four lines."""
    shared = {name: f"{o.exact}/{o.ngram} of {o.n}" for name, o in manifest.overlap.items()}
    return (
        f"{manifest.name}: {manifest.counts.told}\n"
        f"splits: {listed(manifest.splits)}\n"
        f"questions identical to training / sharing {RUN_TOLD[1]} with it: {listed(shared)}\n"
        f"written to {out} (sha256 {manifest.sha256[:12]})"
    )
