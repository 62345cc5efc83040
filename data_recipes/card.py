"""The dataset card: ``README.md`` of a dataset, in Chinese and English."""

from collections import Counter
from collections.abc import Iterable

from data_recipes.example import Example
from data_recipes.manifest import DatasetManifest

SAMPLES = 3  # of each split
BIN = 20  # characters
LONGEST_BIN = 15  # everything longer is in the last bin
BAR = 40  # characters of the longest bar


def card(manifest: DatasetManifest, splits: dict[str, list[Example]]) -> str:
    """Writes the card of a dataset.

    Args:
        manifest: Its manifest.
        splits: Its examples.

    Returns:
        Markdown; the front matter lets ``datasets.load_dataset`` find the splits.
    """
    parts = [
        _front_matter(splits),
        f"# {manifest.name}",
        manifest.about.zh,
        manifest.about.en,
        "## 划分 · Splits",
        _splits(manifest),
        "重合一栏：与训练问题相同的题数／与训练问题有 13 字相同片段的题数。  \n"
        "Overlap: questions equal to a training question / sharing a run of 13 characters with one.",
        "## 行数 · Rows",
        _counts(manifest),
        "## 来源 · Sources",
        _table(("文件 · file", "行 · rows", "SHA-256"), [(f.path, f.rows, f.sha256) for f in manifest.sources]),
        "## 题型 · Kinds",
        _kinds(splits),
        "## 训练样本长度 · Length of training examples",
        "字数为全部轮次之和。Characters, all turns together.",
        _histogram(splits["train"]),
        "## 样例 · Samples",
        *[_samples(name, examples) for name, examples in splits.items()],
        "## 复现 · How it was made",
        f"seed {manifest.seed} · format {manifest.format} · code `{manifest.code[:16]}`"
        f" · content `{manifest.sha256[:16]}`",
        "完整配置与计数见 `manifest.json`，被剔除的行见 `dropped.jsonl`（只有编号和原因，没有文本）。  \n"
        "Configuration and counts: `manifest.json`. Rows left out: `dropped.jsonl` (ids and reasons, no text).",
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(splits: Iterable[str]) -> str:
    files = "\n".join(f"  - split: {name}\n    path: {name}.parquet" for name in splits)
    return f"---\nlanguage: zh\nconfigs:\n- config_name: default\n  data_files:\n{files}\n---"


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _splits(manifest: DatasetManifest) -> str:
    rows = []
    for name, size in manifest.splits.items():
        shared = manifest.overlap.get(name)
        told = manifest.descriptions[name]
        rows.append((name, size, f"{shared.exact} / {shared.ngram}" if shared else "", f"{told.zh}<br>{told.en}"))
    return _table(("划分 · split", "题数 · size", "重合 · overlap", "用途 · what it shows"), rows)


def _counts(manifest: DatasetManifest) -> str:
    counts = manifest.counts
    dropped = [(f"剔除 · dropped: {reason}", number) for reason, number in counts.dropped.items()]
    return _table(("", "行 · rows"), [("读入 · read", counts.read), *dropped, ("保留 · kept", counts.kept)])


def _kinds(splits: dict[str, list[Example]]) -> str:
    numbers = {name: Counter(example.kind for example in examples) for name, examples in splits.items()}
    kinds = sorted({kind for counter in numbers.values() for kind in counter})
    return _table(("题型 · kind", *splits), [(kind, *(numbers[name][kind] for name in splits)) for kind in kinds])


def _histogram(examples: list[Example]) -> str:
    lengths = [sum(len(message.content) for message in example.messages) for example in examples]
    bins = Counter(min(length // BIN, LONGEST_BIN) for length in lengths)
    most = max(bins.values())
    lines = []
    for number in range(max(bins) + 1):
        upper = "" if number == LONGEST_BIN else f"{(number + 1) * BIN - 1}"
        bar = "█" * round(BAR * bins[number] / most)
        lines.append(f"{number * BIN:>4}–{upper:<4} {bins[number]:>6} {bar}".rstrip())
    mean = sum(lengths) / len(lengths)
    return "\n".join(["```text", *lines, f"mean {mean:.1f}, longest {max(lengths)}", "```"])


def _samples(name: str, examples: list[Example]) -> str:
    step = max(1, len(examples) // SAMPLES)
    return "\n\n".join([f"**{name}**", *map(_sample, examples[::step][:SAMPLES])])


def _sample(example: Example) -> str:
    turns = [f"> **{message.role}**: {' '.join(message.content.split())}" for message in example.messages]
    return "  \n".join([f"> `{example.id}`", *turns])
