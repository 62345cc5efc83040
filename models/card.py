"""The model card: ``README.md`` of everything that is exported. It says only what is recorded somewhere."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from common.files import write_text
from models.artifact import Artifact, MergeProof

OURS = ("embedded", "tiny_")  # bases that the project builds itself
LICENCES = {
    "llama": "Meta's community licence of the LLaMA version (LLaMA 2, LLaMA 3)",
    "qwen": "Apache-2.0 or a Qwen licence, by size",
    "chatglm": "ChatGLM model licence (ChatGLM2-6B, ChatGLM3-6B)",
    "baichuan": "Baichuan community licence",
    "baichuan_alibi": "Baichuan community licence",
}


@dataclass(frozen=True)
class ScoreRow:
    """One line of the score table, as the report shows it.

    Attributes:
        scores: With intervals, base first where it was measured.
    """

    suite: str
    metric: str
    n: int
    scores: Sequence[str]


@dataclass(frozen=True)
class Provenance:
    """What a run knows besides its artefact.

    Attributes:
        dataset: Name of the dataset.
        about: What the data is, Chinese and English.
        data_licence: Licence and origin of the data, as its authors state them.
        settings: Method and training settings, as ``key=value``.
        systems: Heads of the score columns.
        scores: Lines of the score table.
    """

    dataset: str
    about: tuple[str, str]
    data_licence: str
    settings: Sequence[str]
    systems: Sequence[str]
    scores: Sequence[ScoreRow]


def write_model_card(directory: Path, artifact: Artifact, provenance: Provenance, base: Path) -> None:
    """Writes the card of a tuned model, and takes the base's licence files along.

    Args:
        directory: The exported directory.
        artifact: What the model is.
        provenance: What else is known.
        base: Directory of the base model.
    """
    for licence in base.glob("LICENSE*"):
        shutil.copy(licence, directory / licence.name)
    parts = [
        _front_matter(artifact.base.name, artifact.base.family),
        f"# {artifact.model_version}",
        _limits(artifact.base.name),
        _origin(artifact, provenance),
        _scores(provenance),
        _proof(artifact),
        _loading(artifact),
    ]
    write_text(directory / "README.md", "\n\n".join(part for part in parts if part) + "\n")


def write_conversion_card(directory: Path, name: str, family: str, layout: str, class_name: str) -> None:
    """Writes the card of a model that was only converted."""
    parts = [
        _front_matter(name, family),
        f"# {name}, {layout} layout",
        f"权重与原模型相同，只改变了文件布局（`python -m models.convert`，{class_name}）。\n\n"
        f"The weights are the original's; only the layout of the files was changed (`python -m models.convert`, "
        f"{class_name}). Licence: {_licence(name, family)}.",
    ]
    write_text(directory / "README.md", "\n\n".join(parts) + "\n")


def _front_matter(base: str, family: str) -> str:
    licence = "apache-2.0" if base.startswith(OURS) else "other"
    lines = ["language:", "- zh", f"license: {licence}", "pipeline_tag: text-generation", "library_name: transformers"]
    return "\n".join(["---", *lines, "tags:", "- xinglin", f"- {family}", "---"])


def _licence(base: str, family: str) -> str:
    if base.startswith(OURS):
        return "Apache-2.0"
    return f"that of the base model: {LICENCES.get(family, 'see there')}; its text decides"


def _limits(base: str) -> str:
    lines = [
        "> 本模型的回答可能有误，未经临床验证，不能代替医生诊治；用于医疗场景须由专业人员把关。",
        "> Answers may be wrong and have not been validated clinically; they do not replace a doctor.",
    ]
    if base.startswith(OURS):
        lines.append("> 基座是为跑通流程而自建的小模型，回答不可采信。The base is a small model for trying the chain.")
    return "\n".join(lines)


def _origin(artifact: Artifact, provenance: Provenance) -> str:
    zh, en = provenance.about
    base = artifact.base
    rows = [
        ("基座 base", f"{base.name} (`{base.family}`), SHA-256 `{base.sha256}`"),
        ("许可 licence", _licence(base.name, base.family)),
        ("数据 data", f"{provenance.dataset}, SHA-256 `{artifact.dataset_sha256}`. {zh} {en}"),
        ("数据许可 data licence", provenance.data_licence),
        ("方法 method", f"{artifact.method}, {artifact.quantisation or 'unquantised base'}"),
        ("设置 settings", ", ".join(f"`{setting}`" for setting in provenance.settings)),
        ("提示格式 prompt format", f"{artifact.prompt_format}, SHA-256 `{artifact.prompt_format_sha256}`"),
        ("版本 versions", ", ".join(f"{name} {number}" for name, number in artifact.versions.items())),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows if value)])


def _scores(provenance: Provenance) -> str:
    if not provenance.scores:
        return ""
    head = ["测试集 suite", "指标 metric", "n", *provenance.systems]
    rows = [[row.suite, row.metric, str(row.n), *row.scores] for row in provenance.scores]
    lines = [head, ["---"] * len(head), *rows]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return f"## 得分 Scores\n\n方括号内为 95 % 置信区间。95 % intervals in brackets.\n\n{table}"


def _proof(artifact: Artifact) -> str:
    if artifact.merge_proof is None:
        return f"## 未合并 Not merged\n\n{artifact.why_not_merged}" if artifact.why_not_merged else ""
    proof: MergeProof = artifact.merge_proof
    return (
        "## 合并证明 Merge proof\n\n"
        f"{proof.prompts} prompts, {proof.tokens} tokens: max logit difference {proof.max_logit_difference:.2e}, "
        f"mean KL {proof.mean_kl:.2e} nats, greedy agreement {proof.greedy_agreement:.4f}, passed: {proof.passed}."
    )


def _loading(artifact: Artifact) -> str:
    if artifact.kind == "merged":
        code = 'AutoModelForCausalLM.from_pretrained("…")'
        if artifact.base.family == "baichuan_alibi":
            code = 'models.loading.load_model("…")  # the class is Xinglin\'s own'
    else:
        code = "load_engine(Path(RUN))  # from models.engines.local; the run directory above this one, with its base"
    return f"## 加载 Loading\n\n```python\n{code}\n```"
