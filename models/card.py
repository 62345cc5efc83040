"""The model card: ``README.md`` of everything that is exported. It says only what is recorded somewhere."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from common.files import write_text
from models.artifact import (
    AdapterArtifact,
    AnyArtifact,
    BesideBaseArtifact,
    GroundingRecord,
    LanguageModelArtifact,
    MergedArtifact,
    MergeProof,
    ReaderArtifact,
    RewardArtifact,
    Turns,
)
from models.built import is_built_here
from models.families.family import ModelFamily
from models.loading import family_named, hash_model
from models.recommended import Recommended

CARD = "README.md"
SOURCE_CARD = "README.source.md"
TURNS: Mapping[Turns, str] = {"single": "单个问题 · single questions", "multi": "多轮 · several turns"}
TASKS = {"reader": "question-answering", "reward": "text-classification"}
"""What a kind of result does, in a hub's words; the others generate text."""
LICENCE_FILES = ("LICENSE", "LICENCE", "MODEL_LICENSE", "NOTICE", "USE_POLICY")


@dataclass(frozen=True)
class ScoreRow:
    """One line of the score table, as the report shows it.

    Attributes:
        scores: With intervals, base first where it was measured.
        verdict: Tuned against base; empty where they were not compared.
    """

    suite: str
    metric: str
    n: int
    scores: Sequence[str]
    verdict: str = ""


@dataclass(frozen=True)
class CardContent:
    """What a card says besides the artefact.

    Attributes:
        dataset: Name of the dataset.
        dataset_rows: What of it was read, kept and dropped.
        dataset_directory: Where it is on the machine that trained.
        about: What the data is, Chinese and English.
        data_licence: Licence and origin of the data, as its authors state them.
        project_data: Whether the data was written for this project.
        settings: Method and training settings, as ``key=value``.
        systems: Heads of the score columns.
        scores: Lines of the score table.
        overlaps: What each suite shares with the training data, by suite.
        own_base: Whether the project built the base itself.
        base_hub_name: ``owner/name`` of the base, where it came from a hub.
    """

    dataset: str
    dataset_rows: str
    dataset_directory: Path
    about: tuple[str, str]
    data_licence: str
    project_data: bool
    settings: Sequence[str]
    systems: Sequence[str]
    scores: Sequence[ScoreRow]
    overlaps: Mapping[str, str] = field(default_factory=dict)
    own_base: bool = False
    base_hub_name: str | None = None


def write_model_card(directory: Path, artifact: AnyArtifact, content: CardContent, base: Path) -> None:
    """Writes the card of a tuned model, and copies the base's licence files.

    Args:
        directory: The exported directory.
        artifact: What the model is.
        content: What else is known.
        base: Directory of the base model.
    """
    licences = _copy_licences(base, directory)
    own = content.own_base
    parts = [
        _front_matter(
            artifact.base.family,
            _licence_name(own, content.project_data),
            licences,
            content.base_hub_name,
            task=TASKS.get(artifact.kind, "text-generation"),
            library="peft" if isinstance(artifact, BesideBaseArtifact) else "transformers",
        ),
        f"# {artifact.model_version}",
        _limits(own),
        _origin(artifact, content, Recommended.by(base)),
        _scores(content),
        _proof(artifact),
        _loading(artifact, content.base_hub_name),
    ]
    write_text(directory / CARD, "\n\n".join(part for part in parts if part) + "\n")


def write_conversion_card(directory: Path, source: Path, family: ModelFamily, layout: str, class_name: str) -> None:
    """Writes the card of a model that was only converted; the source's own card is kept next to it.

    Args:
        directory: The converted directory.
        source: What was converted.
        family: Its family.
        layout: What it was converted to.
        class_name: The native class.
    """
    own = is_built_here(source)
    licences = _copy_licences(source, directory)
    parts = [
        _front_matter(
            family.name, _licence_name(own, True), licences, None, task="text-generation", library="transformers"
        ),
        f"# {source.name}, {layout}",
        _limits(own),
        f"权重取自 `{source.name}`，只改变了文件布局（`python -m models.convert`，{class_name}）。  \n"
        f"The weights are those of `{source.name}`; only the layout of the files was changed "
        f"(`python -m models.convert`, {class_name}).",
        f"来源的 SHA-256 · SHA-256 of the source: `{hash_model(source)}`",
        f"许可 · licence: {_licence(family.licence, own)}",
    ]
    if (source / CARD).is_file():
        shutil.copy(source / CARD, directory / SOURCE_CARD)
        parts.append(f"来源的说明 · card of the source: [{SOURCE_CARD}]({SOURCE_CARD})")
    write_text(directory / CARD, "\n\n".join(parts) + "\n")


def _copy_licences(base: Path, directory: Path) -> list[str]:
    """Copies the licence files of the base, whatever their extension, and returns their names."""
    files = sorted(path for path in base.iterdir() if path.is_file() and path.name.upper().startswith(LICENCE_FILES))
    for licence in files:
        shutil.copy(licence, directory / licence.name)
    return [licence.name for licence in files]


def _licence_name(own_base: bool, project_data: bool) -> str:
    """Whose terms a model has, as a name for the front matter; empty where all of it is the project's, Apache-2.0."""
    if own_base:
        return "" if project_data else "as-the-training-data"
    return "as-the-base-model" if project_data else "as-the-base-model-and-the-training-data"


def _front_matter(
    family: str, licence: str, licences: Sequence[str], base: str | None, *, task: str, library: str
) -> str:
    lines = ["language:", "- zh", f"license: {'other' if licence else 'apache-2.0'}"]
    if licence:
        lines += [f"license_name: {licence}", *(f"license_link: {name}" for name in licences[:1])]
    lines += [f"base_model: {base}"] if base else []
    lines += [f"pipeline_tag: {task}", f"library_name: {library}"]
    return "\n".join(["---", *lines, "tags:", "- xinglin", f"- {family}", "---"])


def _licence(of_the_family: str, own: bool) -> str:
    if own:
        return "Apache-2.0"
    known = f" ({of_the_family})" if of_the_family else ""
    return f"以基座为准 · that of the base model{known}; its text decides"


def _limits(own: bool) -> str:
    lines = [
        "本模型的回答可能有误，未经专业验证，不能代替医生等专业人员的判断；用于医疗等场景须由专业人员把关。",
        "Answers may be wrong and no expert has validated them; they do not replace a professional such as a doctor.",
    ]
    if own:
        lines += [
            "基座是为跑通流程而自建的小模型，回答不可采信。",
            "The base is a small model for trying the chain; its answers are worthless.",
        ]
    return "> " + "  \n> ".join(lines)


def _grounding(record: GroundingRecord | None) -> str:
    if record is None or record.kind == "none":
        return ""
    return f"{record.entries}, ≤ {record.budget} tokens, {record.template}, SHA-256 `{record.sha256}`"


def _origin(artifact: AnyArtifact, content: CardContent, recommended: Recommended) -> str:
    zh, en = content.about
    base, licence, method, prompt_format, grounding, turns = artifact.base, "", artifact.method, "", "", ""
    ranks = ""
    if isinstance(artifact, LanguageModelArtifact | RewardArtifact):
        licence = family_named(base.family).licence
        method = f"{artifact.method}, {artifact.quantisation or 'unquantised base'}"
        prompt_format = f"{artifact.prompt_format}, SHA-256 `{artifact.prompt_format_sha256}`"
    if isinstance(artifact, LanguageModelArtifact):
        grounding = _grounding(artifact.grounding)
        turns = TURNS[artifact.turns] if artifact.turns else ""
        ranks = ", ".join(f"`{layer}` {rank}" for layer, rank in (artifact.ranks or {}).items())
    rows = [
        ("结果 result", " · ".join(artifact.described)),
        ("基座 base", f"{content.base_hub_name or base.name} (`{base.family}`), SHA-256 `{base.sha256}`"),
        ("基座许可 licence of the base", _licence(licence, content.own_base)),
        ("数据 data", f"{content.dataset}, SHA-256 `{artifact.dataset_sha256}`. {zh} {en}"),
        ("数据行数 rows of the data", content.dataset_rows),
        ("数据目录 directory of the data", f"`{content.dataset_directory}`"),
        ("数据许可 data licence", content.data_licence),
        ("训练所用 trained on", "<br>".join(f"{name}: {split}" for name, split in (artifact.trained_on or {}).items())),
        ("选用的权重 values kept", str(artifact.selected or "")),
        ("方法 method", method),
        ("各层的秩 rank of every layer", ranks),
        ("设置 settings", ", ".join(f"`{setting}`" for setting in content.settings)),
        ("提示格式 prompt format", prompt_format),
        ("提示中的条目 entries in the prompt", grounding),
        ("训练时的对话 conversations in training", turns),
        ("基座建议的采样 sampling that the base recommends", recommended.described),
        ("版本 versions", ", ".join(f"{name} {number}" for name, number in artifact.versions.items())),
    ]
    return _table(("", ""), [(name, value) for name, value in rows if value])


def _scores(content: CardContent) -> str:
    if not content.scores:
        return ""
    compared = any(row.verdict for row in content.scores)
    head = ["测试集 suite", "指标 metric", "n", *content.systems, *(["结论 verdict"] if compared else [])]
    rows = [
        [row.suite, row.metric, str(row.n), *row.scores, *([row.verdict] if compared else [])] for row in content.scores
    ]
    parts = ["## 得分 Scores", "方括号内为 95 % 置信区间。95 % intervals in brackets.", _table(head, rows)]
    if content.overlaps:
        parts += ["与训练数据的重合 · Overlap with the training data:", _table(("", ""), content.overlaps.items())]
    return "\n\n".join(parts)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |" for cells in lines)


def _proof(artifact: AnyArtifact) -> str:
    parts = []
    if isinstance(artifact, BesideBaseArtifact):
        parts.append(f"## 未合并 Not merged\n\n{artifact.why_not_merged}")
    if isinstance(artifact, MergedArtifact | AdapterArtifact | RewardArtifact) and artifact.merge_proof is not None:
        parts.append(_figures(artifact.merge_proof))
    return "\n\n".join(parts)


def _figures(proof: MergeProof) -> str:
    limits = (
        f" What rounding allows: mean KL {proof.max_kl:.2e}, greedy agreement {proof.min_agreement:.4f}; the unmerged "
        f"model differs from itself, its attention computed by another kernel, by {proof.noise.mean_kl:.2e} and "
        f"{proof.noise.greedy_agreement:.4f}."
        if proof.noise
        else ""
    )
    return (
        "## 合并证明 Merge proof\n\n"
        f"{proof.prompts} prompts, {proof.tokens} answer tokens: mean KL {proof.mean_kl:.2e} nats, greedy agreement "
        f"{proof.greedy_agreement:.4f}, max logit difference {proof.max_logit_difference:.2e}, score difference "
        f"{proof.score_difference:+.2e} nats per token, passed: {proof.passed}.{limits}"
    )


PLAIN = """from transformers import AutoModelForCausalLM, AutoTokenizer

model, tokenizer = AutoModelForCausalLM.from_pretrained("…"), AutoTokenizer.from_pretrained("…")"""
OWN_CLASS = """from models.loading import load_model, load_tokenizer  # Xinglin's; the class is its own

model, tokenizer = load_model("…"), load_tokenizer("…")"""
ADAPTER = """from models.loading import load_model, load_tokenizer  # Xinglin's; they take the base in either layout
from models.prompt_format import PromptFormat
from peft import PeftModel

model = PeftModel.from_pretrained(load_model("BASE"), "…")
prompt_format = PromptFormat.load(Path("…"), load_tokenizer("BASE"))"""


REWARD = """from models.reward_model import RewardModel  # Xinglin's; AutoModelForSequenceClassification loads it, too

rewards = RewardModel.load(Path("…")).rate([(*question, answer)])"""
READER = """import models.reader  # Xinglin's; it brings the pipeline back
from transformers import pipeline

reader = pipeline("question-answering", model="…")"""


def _loading(artifact: AnyArtifact, hub_name: str | None) -> str:
    match artifact:
        case ReaderArtifact():
            code = READER
        case RewardArtifact():
            code = REWARD
        case BesideBaseArtifact():
            code = ADAPTER.replace("BASE", hub_name or artifact.base.name)
        case _:
            code = OWN_CLASS if family_named(artifact.base.family).own_class else PLAIN
    return f"## 加载 Loading\n\n```python\n{code}\n```\n\n使用 · use: `{artifact.how_to_use(Path('…'))}`"
