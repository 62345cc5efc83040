"""The dataset card: ``README.md`` of a dataset in Chinese and English, its pictures, and its preview page."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from common.files import write_text
from data_recipes.dataset.charts import bars, binned
from data_recipes.dataset.lengths import quantile
from data_recipes.dataset.preview import preview
from data_recipes.dataset.split_files import WrittenSplits, split_files
from data_recipes.leakage.normalise import RUN_TOLD
from data_recipes.schema.example import Example
from data_recipes.schema.manifest import DatasetManifest

SAMPLES = 3  # of each split
SHOWN = 400  # characters of a turn
KINDS = 30  # kinds that are listed; the rest share one line
VALUES = {  # kinds of values that are no texts (formats.values.kind_of), in Chinese
    "a number": "数字",
    "a date or time": "日期或时间",
    "a list of 1": "只有一项的列表",
    "a list of parts": "由几段组成的内容",
}
LENGTHS = "lengths.svg"
SPLITS = "splits.svg"


def write_card(manifest: DatasetManifest, written: WrittenSplits, shard_rows: int, folder: Path) -> None:
    """Writes ``README.md``, its pictures and ``preview.html``.

    Args:
        manifest: The dataset's manifest.
        written: What was written.
        shard_rows: Rows of a file.
        folder: The dataset's directory.
    """
    lengths = written.lengths[next(iter(manifest.splits))]
    write_text(folder / LENGTHS, bars(binned(lengths), "对话字数 · characters of a conversation"))
    write_text(folder / SPLITS, bars(list(manifest.splits.items()), "题数 · examples"))
    write_text(folder / "README.md", card(manifest, written, shard_rows))
    write_text(folder / "preview.html", preview(manifest, written.samples, written.step_samples))


def card(manifest: DatasetManifest, written: WrittenSplits, shard_rows: int) -> str:
    """The card.

    Returns:
        Markdown; the front matter lets ``datasets.load_dataset`` find the splits.
    """
    parts = [
        _front_matter(manifest, shard_rows),
        f"# {manifest.name}",
        manifest.about.zh,
        manifest.about.en,
        f"来源与许可 · Origin and licence: {manifest.licence}",
        "浏览样例请打开 `preview.html`。Open `preview.html` to browse samples.",
        "## 划分 · Splits",
        _splits(manifest),
        f"重合一栏：与训练问题相同的题数／与训练问题有相同片段的题数，片段长 {RUN_TOLD[0]}。  \n"
        f"Overlap: questions equal to a training question / sharing a run of {RUN_TOLD[1]} with one.",
        *_large_groups(manifest),
        f"![splits]({SPLITS})",
        "## 行数 · Rows",
        _counts(manifest),
        *_steps(manifest),
        *_suites(manifest),
        "## 来源 · Sources",
        _table(("文件 · file", "行 · rows", "SHA-256"), [_source(f.path, f.rows, f.sha256) for f in manifest.sources]),
        *_columns(manifest),
        "## 题型 · Kinds",
        _kinds(written.kinds, list(manifest.splits)),
        "## 长度 · Length",
        "字数为全部轮次之和。Characters, all turns together.",
        f"![lengths]({LENGTHS})",
        _table(("划分 · split", "平均 · mean", "中位 · median", "99 %", "最长 · longest"), _lengths(written)),
        "## 样例 · Samples",
        *[_samples(name, examples) for name, examples in written.samples.items()],
        "## 复现 · How it was made",
        f"seed {manifest.seed} · format {manifest.format} · code `{manifest.code[:16]}`"
        f" · content `{manifest.sha256[:16]}`",
        "完整配置与计数见 `manifest.json`，被剔除的行见 `dropped.jsonl`，被修改的行见 `changed.jsonl`"
        "（只有编号和原因，没有文本）；各步骤修改、剔除的例子见 `preview.html`。  \n"
        "Configuration and counts: `manifest.json`. Dropped rows: `dropped.jsonl`, changed ones: `changed.jsonl`"
        " (ids and reasons, no text). Examples of what each step changed and dropped: `preview.html`.",
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(manifest: DatasetManifest, shard_rows: int) -> str:
    lines = [
        "language:",
        "- zh",
        f"pretty_name: {manifest.name}",
        "configs:",
        "- config_name: default",
        "  data_files:",
    ]
    for name, size in manifest.splits.items():
        lines += [f"  - split: {name}", "    path:"]
        lines += [f"    - {file}" for file in split_files(name, size, shard_rows)]
    return "\n".join(["---", *lines, "---"])


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _columns(manifest: DatasetManifest) -> list[str]:
    """What the rows of the files have and the dataset has not."""
    parts = []
    if manifest.unread:
        told = _numbers(manifest.unread)
        parts.append(f"没有读入的列（行数）：{told}。  \nColumns that are not read (rows): {told}.")
    if manifest.as_text:
        zh = _numbers({VALUES.get(kind, kind): number for kind, number in manifest.as_text.items()})
        en = _numbers(manifest.as_text)
        parts.append(f"读入时写成文字的值（行数）：{zh}。  \nValues that were written as text (rows): {en}.")
    return parts


def _numbers(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({number})" for name, number in counts.items())


def _source(path: str, rows: int | None, sha256: str) -> tuple[object, ...]:
    return path, "" if rows is None else rows, sha256


def _splits(manifest: DatasetManifest) -> str:
    rows = []
    for name, size in manifest.splits.items():
        shared = manifest.overlap.get(name)
        shows = manifest.descriptions[name]
        rows.append((name, size, f"{shared.exact} / {shared.ngram}" if shared else "", f"{shows.zh}<br>{shows.en}"))
    return _table(("划分 · split", "题数 · size", "重合 · overlap", "用途 · what it shows"), rows)


def _large_groups(manifest: DatasetManifest) -> list[str]:
    """A group goes to one split whole, so a large one may be a mistake."""
    if not manifest.large_groups:
        return []
    names = {"run": "相同片段 · run", "question": "同一问题 · question", "near_duplicates": "近似 · near-duplicates"}
    rows = [
        (
            one.rows,
            f"{one.share:.1%}",
            f"{names.get(one.link, '同一组 · group key')}（{one.linked}）",
            _short(one.text).replace("|", "\\|"),
        )
        for one in manifest.large_groups
    ]
    head = ("行 · rows", "占比 · share", "联系 · link", "文本 · text")
    told = "很大的组：组内的行互相关联，只能整组进入一个划分。Large groups: their rows are linked and share a split."
    return [told, _table(head, rows)]


def _counts(manifest: DatasetManifest) -> str:
    counts = manifest.counts
    dropped = [(f"剔除 · dropped: {reason}", number) for reason, number in counts.dropped.items()]
    return _table(("", "行 · rows"), [("读入 · read", counts.read), *dropped, ("保留 · kept", counts.kept)])


def _steps(manifest: DatasetManifest) -> list[str]:
    if not manifest.steps:
        return []
    rows = [(step.name, step.read, _listed(step.dropped), _listed(step.changed)) for step in manifest.steps]
    head = ("步骤 · step", "行 · rows", "剔除 · dropped", "修改 · changed")
    return ["## 步骤 · Steps", _table(head, rows)]


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counts.items())


def _suites(manifest: DatasetManifest) -> list[str]:
    if not manifest.protected_sets:
        return []
    names = "、".join(one.name for one in manifest.protected_sets)
    return [f"训练集与这些受保护的测试集没有重合 · training overlaps with none of these protected sets: {names}"]


def _kinds(kinds: dict[str, Counter[str]], splits: list[str]) -> str:
    totals: Counter[str] = Counter()
    for counter in kinds.values():
        totals.update(counter)
    frequent = sorted(totals, key=lambda kind: (-totals[kind], kind))[:KINDS]
    rows = [(kind, *(kinds[name][kind] for name in splits)) for kind in frequent]
    if len(totals) > KINDS:
        rest = [kinds[name].total() - sum(kinds[name][kind] for kind in frequent) for name in splits]
        rows.append((f"其他 {len(totals) - KINDS} 种 · others", *rest))
    return _table(("题型 · kind", *splits), rows)


def _lengths(written: WrittenSplits) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for name, counter in written.lengths.items():
        number = counter.total()
        mean = sum(length * count for length, count in counter.items()) / number
        rows.append((name, f"{mean:.1f}", quantile(counter, 0.5), quantile(counter, 0.99), max(counter)))
    return rows


def _samples(name: str, examples: list[Example]) -> str:
    step = max(1, len(examples) // SAMPLES)
    return "\n\n".join([f"**{name}**", *map(_sample, examples[::step][:SAMPLES])])


def _sample(example: Example) -> str:
    turns = [f"> **{message.role}**: {_short(message.content)}" for message in example.messages]
    return "  \n".join([f"> `{example.id}`", *turns])


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"
