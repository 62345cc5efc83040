"""The model card: ``README.md`` of everything that is exported. It says only what is recorded somewhere."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from common.files import cache_dir, write_text
from models.artifact import Artifact, MergeProof
from models.loading import hash_model

CARD = "README.md"
SOURCE_CARD = "README.source.md"
LICENCE_FILES = ("LICENSE", "LICENCE", "MODEL_LICENSE", "NOTICE", "USE_POLICY")
# the wording of each is in the base's own directory; these lines only say what to look for
LICENCES = {
    "llama": "where the base is a LLaMA, Meta's community licence of its version",
    "qwen": "Apache-2.0 or a Qwen licence, by version and size",
    "chatglm": "ChatGLM2-6B / ChatGLM3-6B model licence: open to research; commercial use is free after registration",
    "baichuan": "Baichuan's model licence; for commercial use of Baichuan2 its authors are to be asked",
    "baichuan_alibi": "Baichuan's model licence; for commercial use of Baichuan2 its authors are to be asked",
}


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
class Provenance:
    """What a run knows besides its artefact.

    Attributes:
        dataset: Name of the dataset.
        about: What the data is, Chinese and English.
        data_licence: Licence and origin of the data, as its authors state them.
        settings: Method and training settings, as ``key=value``.
        systems: Heads of the score columns.
        scores: Lines of the score table.
        overlaps: What each suite shares with the training data, by suite.
        own_base: Whether the project built the base itself.
        base_hub_name: ``owner/name`` of the base, where it came from a hub.
    """

    dataset: str
    about: tuple[str, str]
    data_licence: str
    settings: Sequence[str]
    systems: Sequence[str]
    scores: Sequence[ScoreRow]
    overlaps: Mapping[str, str] = field(default_factory=dict)
    own_base: bool = False
    base_hub_name: str | None = None


def write_model_card(directory: Path, artifact: Artifact, provenance: Provenance, base: Path) -> None:
    """Writes the card of a tuned model, and takes the base's licence files along.

    Args:
        directory: The exported directory.
        artifact: What the model is.
        provenance: What else is known.
        base: Directory of the base model.
    """
    licences = _copy_licences(base, directory)
    own, family = provenance.own_base, artifact.base.family
    parts = [
        _front_matter(family, own, licences, provenance.base_hub_name, peft=artifact.kind != "merged"),
        f"# {artifact.model_version}",
        _limits(own),
        _origin(artifact, provenance),
        _scores(provenance),
        _proof(artifact),
        _loading(artifact, provenance.base_hub_name),
    ]
    write_text(directory / CARD, "\n\n".join(part for part in parts if part) + "\n")


def write_conversion_card(directory: Path, source: Path, family: str, layout: str, class_name: str) -> None:
    """Writes the card of a model that was only converted; the source's own card is kept beside it.

    Args:
        directory: The converted directory.
        source: What was converted.
        family: Its family.
        layout: What it was converted to.
        class_name: The native class.
    """
    own = source.is_relative_to(cache_dir().resolve())
    licences = _copy_licences(source, directory)
    parts = [
        _front_matter(family, own, licences, None, peft=False),
        f"# {source.name}, {layout}",
        _limits(own),
        f"权重取自 `{source.name}`，只改变了文件布局（`python -m models.convert`，{class_name}）。  \n"
        f"The weights are those of `{source.name}`; only the layout of the files was changed "
        f"(`python -m models.convert`, {class_name}).",
        f"来源的 SHA-256 · SHA-256 of the source: `{hash_model(source)}`",
        f"许可 · licence: {_licence(family, own)}",
    ]
    if (source / CARD).is_file():
        shutil.copy(source / CARD, directory / SOURCE_CARD)
        parts.append(f"来源的说明 · card of the source: [{SOURCE_CARD}]({SOURCE_CARD})")
    write_text(directory / CARD, "\n\n".join(parts) + "\n")


def _copy_licences(base: Path, directory: Path) -> list[str]:
    """Takes the licence files of the base along, whatever their ending, and returns their names."""
    files = sorted(path for path in base.iterdir() if path.is_file() and path.name.upper().startswith(LICENCE_FILES))
    for licence in files:
        shutil.copy(licence, directory / licence.name)
    return [licence.name for licence in files]


def _front_matter(family: str, own: bool, licences: Sequence[str], base: str | None, *, peft: bool) -> str:
    lines = ["language:", "- zh", f"license: {'apache-2.0' if own else 'other'}"]
    if not own:
        lines += ["license_name: as-the-base-model", *(f"license_link: {name}" for name in licences[:1])]
    lines += [f"base_model: {base}"] if base else []
    lines += ["pipeline_tag: text-generation", f"library_name: {'peft' if peft else 'transformers'}"]
    return "\n".join(["---", *lines, "tags:", "- xinglin", f"- {family}", "---"])


def _licence(family: str, own: bool) -> str:
    if own:
        return "Apache-2.0"
    return f"以基座为准 · that of the base model ({LICENCES[family]}); its text decides"


def _limits(own: bool) -> str:
    lines = [
        "本模型的回答可能有误，未经临床验证，不能代替医生诊治；用于医疗场景须由专业人员把关。",
        "Answers may be wrong and have not been validated clinically; they do not replace a doctor.",
    ]
    if own:
        lines += [
            "基座是为跑通流程而自建的小模型，回答不可采信。",
            "The base is a small model for trying the chain; its answers are worthless.",
        ]
    return "> " + "  \n> ".join(lines)


def _origin(artifact: Artifact, provenance: Provenance) -> str:
    zh, en = provenance.about
    base = artifact.base
    rows = [
        ("基座 base", f"{provenance.base_hub_name or base.name} (`{base.family}`), SHA-256 `{base.sha256}`"),
        ("许可 licence", _licence(base.family, provenance.own_base)),
        ("数据 data", f"{provenance.dataset}, SHA-256 `{artifact.dataset_sha256}`. {zh} {en}"),
        ("数据许可 data licence", provenance.data_licence),
        ("方法 method", f"{artifact.method}, {artifact.quantisation or 'unquantised base'}"),
        ("设置 settings", ", ".join(f"`{setting}`" for setting in provenance.settings)),
        ("提示格式 prompt format", f"{artifact.prompt_format}, SHA-256 `{artifact.prompt_format_sha256}`"),
        ("版本 versions", ", ".join(f"{name} {number}" for name, number in artifact.versions.items())),
    ]
    return _table(("", ""), [(name, value) for name, value in rows if value])


def _scores(provenance: Provenance) -> str:
    if not provenance.scores:
        return ""
    compared = any(row.verdict for row in provenance.scores)
    head = ["测试集 suite", "指标 metric", "n", *provenance.systems, *(["结论 verdict"] if compared else [])]
    rows = [
        [row.suite, row.metric, str(row.n), *row.scores, *([row.verdict] if compared else [])]
        for row in provenance.scores
    ]
    parts = ["## 得分 Scores", "方括号内为 95 % 置信区间。95 % intervals in brackets.", _table(head, rows)]
    if provenance.overlaps:
        parts += ["与训练数据的重合 · Overlap with the training data:", _table(("", ""), provenance.overlaps.items())]
    return "\n\n".join(parts)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |" for cells in lines)


def _proof(artifact: Artifact) -> str:
    refused = f"## 未合并 Not merged\n\n{artifact.why_not_merged}" if artifact.why_not_merged else ""
    if artifact.merge_proof is None:
        return refused
    proof: MergeProof = artifact.merge_proof
    figures = (
        "## 合并证明 Merge proof\n\n"
        f"{proof.prompts} prompts, {proof.tokens} tokens: max logit difference {proof.max_logit_difference:.2e}, "
        f"mean KL {proof.mean_kl:.2e} nats, greedy agreement {proof.greedy_agreement:.4f}, score difference "
        f"{proof.score_difference:+.2e} nats per token, passed: {proof.passed}."
    )
    return f"{refused}\n\n{figures}" if refused else figures


PLAIN = """from transformers import AutoModelForCausalLM, AutoTokenizer

model, tokenizer = AutoModelForCausalLM.from_pretrained("…"), AutoTokenizer.from_pretrained("…")"""
OWN_CLASS = """from models.loading import load_model, load_tokenizer  # Xinglin's; the class is its own

model, tokenizer = load_model("…"), load_tokenizer("…")"""
ADAPTER = """from models.loading import load_model, load_tokenizer  # Xinglin's; they take the base in either layout
from models.prompt_format import PromptFormat
from peft import PeftModel

model = PeftModel.from_pretrained(load_model("BASE"), "…")
prompt_format = PromptFormat.load(Path("…"), load_tokenizer("BASE"))"""


def _loading(artifact: Artifact, hub_name: str | None) -> str:
    if artifact.kind == "merged":
        code = OWN_CLASS if artifact.base.family == "baichuan_alibi" else PLAIN
        served = "`python -m app model=…`"
    else:
        code = ADAPTER.replace("BASE", hub_name or artifact.base.name)
        served = "`python -m app model=runs/NAME/TIME`"
    return f"## 加载 Loading\n\n```python\n{code}\n```\n\n服务 · service: {served}"
