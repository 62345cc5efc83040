"""``artifact.json``: what a trained model is, what it was made from, and how to load it.

Every kind of result is its own class: which folder of the run it is in, and what is needed to load it.
"""

from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, get_args

from loguru import logger
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from common.errors import Refused, UserError
from common.files import read_json, write_json
from common.hashing import KNOWN_HASHES
from models.config import DType, Hints

FILE_NAME = "artifact.json"
FORMAT_VERSION: Final = 2

RESULT_FILES = (
    *("*.safetensors", "*.safetensors.index.json", "*.bin", "*.bin.index.json"),
    *("config.json", "adapter_config.json", "tokenizer.json", "tokenizer.model"),
)
"""What a result is loaded from; the prompt format has a hash of its own."""

LanguageModelKind = Literal["merged", "adapter", "prefix", "whole", "experts"]
Turns = Literal["single", "multi"]
"""What conversations a model was trained on: single questions, or several turns."""


class Record(BaseModel):
    """Base of everything that is recorded: unknown keys are errors, and values are not changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BaseRecord(Record):
    """The base model: a directory and the SHA-256 of its weights, configuration and tokenizer; or a GGUF file and its.

    Attributes:
        norm_head: Given by the user where the files do not say; likewise ``rope_ratio``.
    """

    name: str
    path: str
    sha256: str
    family: str
    norm_head: bool | None = None
    rope_ratio: Literal["linear", "base"] | None = None

    @property
    def hints(self) -> Hints:
        """What ``models.loading`` needs besides the path."""
        return Hints(self.family, self.norm_head, self.rope_ratio)


class NumericsRecord(Record):
    """The types that a run computed in.

    Attributes:
        dtype: As configured; ``auto`` follows the machine, also where the model is evaluated and served.
        weights: Type of the weights; where they were quantised, the compute type.
        training: Type of the products in training.
        why: The reason for them.
        instruction_set: The processor's, or the name of the GPU.
    """

    dtype: DType
    weights: str
    training: str
    why: str
    instruction_set: str


class SplitRecord(Record):
    """What a split became for training.

    Attributes:
        examples: Examples of the split.
        dropped: How many of them were dropped, by reason.
        shortened: How many of them are trained with less context than they have.
        sequences: What the others became: conversations, or windows of passages.
        tokens: Tokens of all sequences.
        supervised_tokens: Those that the loss counts.
        sha256: Hash of token ids and labels.
    """

    examples: int
    dropped: dict[str, int]
    sequences: int
    tokens: int
    supervised_tokens: int
    sha256: str
    shortened: int = 0

    def __str__(self) -> str:
        reasons = ", ".join(f"{reason} {number}" for reason, number in self.dropped.items())
        dropped = f"（丢弃 dropped: {reasons}）" if reasons else ""
        dropped += f"（缩短上文 shortened: {self.shortened}）" if self.shortened else ""
        tokens = f"{self.supervised_tokens:,} 监督词元 supervised tokens"
        return f"{self.examples} 题 examples{dropped}, {self.sequences} 序列 sequences, {tokens}"


class SelectedRecord(Record):
    """Which values of a training are its result, where the dev loss decided.

    Attributes:
        step: They are those after this step.
        steps: Steps of the training.
        dev_loss: Of these values, nats per supervised token.
        evaluations: How often the dev loss was measured.
        stopped_early: Whether training stopped because it fell no more.
    """

    step: int
    steps: int
    dev_loss: float
    evaluations: int
    stopped_early: bool

    def __str__(self) -> str:
        early = "，提前停止 stopped early" if self.stopped_early else ""
        return (
            f"第 {self.step} 步的权重 the values after step {self.step}（共 of {self.steps}{early}），"
            f"验证损失 dev loss {self.dev_loss:.4f}（{self.evaluations} 次测量 evaluations）"
        )


class MergeDifference(Record):
    """How a model differs from base + adapter at the answers' positions.

    Attributes:
        max_logit_difference: Largest absolute difference of a logit.
        mean_kl: Mean Kullback-Leibler divergence of its next-token distributions from theirs, nats.
        greedy_agreement: Share of positions with the same most likely token, 0 to 1.
        score_difference: Mean log-probability of the reference answers per token, minus theirs, nats.
    """

    max_logit_difference: float
    mean_kl: float
    greedy_agreement: float
    score_difference: float


class MergeProof(MergeDifference):
    """The merged model compared with base + adapter.

    Attributes:
        prompts: Number of prompts compared.
        tokens: Number of answer tokens, at whose positions they were compared.
        noise: How base + adapter differs from itself, computed with another attention kernel; None, as are the limits,
            in proofs from before that was measured.
        max_kl: The highest mean KL divergence that this noise allows, nats.
        min_agreement: The lowest greedy agreement.
        passed: Whether both are within their limits.
    """

    prompts: int
    tokens: int
    noise: MergeDifference | None = None
    max_kl: float | None = None
    min_agreement: float | None = None
    passed: bool

    @property
    def refusal(self) -> str:
        """Why a merge is refused that has not passed."""
        return (
            "the merge was refused: the merged model differs from the trained one by more than rounding explains "
            f"(KL divergence {self.mean_kl:.1e} nats per token, limit {self.max_kl:.1e}; greedy agreement "
            f"{self.greedy_agreement:.4f}, limit {self.min_agreement:.4f})"
        )


class KnowledgeRecord(Record):
    """The knowledge base that a model was trained on: its folder and the SHA-256 of its files."""

    path: str
    sha256: str


class GroundingRecord(Record):
    """The entries of a knowledge base in the prompts that a model was trained on; it is served with the same.

    Attributes:
        kind: Whether there are any.
        template: Name of the template that writes them; empty without entries, as everything below.
        sha256: Its hash; another one is refused.
        entries: Most entries in a prompt.
        attributes: Attributes of an entry, unless a question asks for more.
        budget: Most tokens of the entries with their instruction.
    """

    kind: Literal["none", "entries"] = "none"
    template: str = ""
    sha256: str = ""
    entries: int = Field(0, ge=0)
    attributes: int = Field(0, ge=0)
    budget: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _complete(self) -> "GroundingRecord":
        said = (self.template, self.sha256, self.entries, self.attributes, self.budget)
        if not (all(said) if self.kind == "entries" else not any(said)):
            raise ValueError("template, sha256, entries, attributes and budget belong to kind=entries, all of them")
        return self


class ContinuedRecord(Record):
    """The adapter that training began with: its name, and the SHA-256 of its files by name."""

    model_version: str
    files: dict[str, str]


class PartRecord(Record):
    """An adapter that became a part of another one: its name, its weight, and the SHA-256 of its files by name."""

    model_version: str
    weight: float
    files: dict[str, str]


class CombinedRecord(Record):
    """How an adapter was made of others.

    Attributes:
        how: The arithmetic: a name of ``training/combine.py``.
        parts: The adapters, by the names that they were given.
        density: Share of the values of each that was kept; None where all were.
        seed: Of what is drawn.
        dataset_sha256: Of the dataset that the weights were found on; None where they were given.
        loss: Nats per answer token on its held-out examples, by name: ``base``, ``mean`` and ``found``.
    """

    how: str
    parts: dict[str, PartRecord] = Field(min_length=2)
    density: float | None = None
    seed: int
    dataset_sha256: str | None = None
    loss: dict[str, float] | None = None


NO_ENTRIES = GroundingRecord()


class Artifact(Record):
    """The record of one tuned model; what every kind of result says.

    Attributes:
        kind: What the result is; each kind is a subclass.
        folder: Folder of the run directory that holds the result.
        described: What the result is, Chinese and English.
        model_version: Name that the service reports with each answer.
        method: How it was tuned: a name in ``training.methods``, or of its stage.
        domain: Name of its folder in ``domains/``; None before domains were recorded.
        files: SHA-256 of the files that the result is loaded from, by name; None before they were recorded.
        trained_on: What the splits became, by name; None before it was recorded.
        selected: Which values of the training these are; None where the dev loss did not decide.
        knowledge: The knowledge base to check answers against; None where it was not trained on one.
        numerics: The types computed in; artefacts made before they were recorded have none.
    """

    folder: ClassVar[str]
    described: ClassVar[tuple[str, str]]

    format_version: Literal[2] = FORMAT_VERSION
    kind: str
    model_version: str
    method: str
    base: BaseRecord
    dataset: str
    dataset_sha256: str
    files: dict[str, str] | None = None
    trained_on: dict[str, SplitRecord] | None = None
    selected: SelectedRecord | None = None
    domain: str | None = None
    knowledge: KnowledgeRecord | None = None
    numerics: NumericsRecord | None = None
    versions: dict[str, str]

    @property
    def dtype(self) -> DType:
        """The type to load the model in, as its run was configured."""
        return self.numerics.dtype if self.numerics else "auto"

    def directory(self, path: Path) -> Path:
        """The directory of the result itself, from a run directory or from itself."""
        return path / self.folder if (path / self.folder).is_dir() else path

    def check_files(self, directory: Path) -> None:
        """Checks that the files of the result are those that were written.

        Args:
            directory: The directory of the result itself.

        Raises:
            Refused: A file is missing, damaged, changed or was added; it is named.
        """
        if self.files is None:
            _say_unchecked(directory)
        else:
            check_files(directory, self.files)

    def how_to_use(self, directory: Path) -> str:
        """The command that uses the result in a directory."""
        return f"python -m app model={directory}"

    def save(self, directory: Path) -> None:
        """Writes ``artifact.json`` into the directory."""
        write_json(directory / FILE_NAME, self.model_dump())

    @staticmethod
    def parse(values: Any) -> "AnyArtifact":
        """The artefact of its kind from the content of an ``artifact.json``, of this format or of an earlier one.

        Raises:
            ValidationError: The content is not that of an artefact.
        """
        return _READ.validate_python(_migrated(values))

    @staticmethod
    def load(directory: Path) -> "AnyArtifact":
        """Reads ``artifact.json``, of this format or of an earlier one.

        Raises:
            UserError: The file is missing or not of a known format.
        """
        path = directory / FILE_NAME
        values = read_json(path)
        if not isinstance(values, dict) or "format_version" not in values:
            raise UserError("not an artefact: format_version is missing", where=str(path), fix="train again")
        try:
            return Artifact.parse(values)
        except ValidationError as error:
            raise UserError(
                f"not an artefact of this version: {error}", where=str(path), fix="train again with this version"
            ) from None


class LanguageModelArtifact(Artifact):
    """A result that generates text.

    Attributes:
        quantisation: How the base was quantised in training.
        prompt_format: Name of the prompt format it was trained with.
        prompt_format_sha256: Its hash; another one is refused.
        grounding: The entries in its prompts; None before they were recorded.
        turns: Whether it was trained on single questions or on conversations; None before that was recorded.
        ranks: The rank of every layer, by its name, where training chose it; None elsewhere.
        continued: The adapter whose values training began with; None where there was none.
        combined: The adapters that it was made of, without training; None where it was trained.
    """

    kind: LanguageModelKind
    quantisation: Literal["nf4"] | None = None
    prompt_format: str
    prompt_format_sha256: str
    grounding: GroundingRecord | None = None
    turns: Turns | None = None
    ranks: dict[str, int] | None = None
    continued: ContinuedRecord | None = None
    combined: CombinedRecord | None = None


class MergedArtifact(LanguageModelArtifact):
    """An ordinary model directory: the adapter is part of the weights, and that was proved."""

    folder = "merged"
    described = ("已合并为普通模型目录", "merged into an ordinary model directory")

    kind: Literal["merged"] = "merged"
    merge_proof: MergeProof


class WholeArtifact(LanguageModelArtifact):
    """An ordinary model directory: all weights were tuned, so there is nothing to merge."""

    folder = "whole"
    described = ("普通模型目录（全部权重都经过微调）", "an ordinary model directory, all of whose weights were tuned")

    kind: Literal["whole"] = "whole"


class BesideBaseArtifact(LanguageModelArtifact):
    """A peft directory that is loaded on top of the base.

    Attributes:
        why_not_merged: The reason, Chinese or English as it was known.
    """

    folder = "adapter"

    why_not_merged: str = Field(min_length=1)


class AdapterArtifact(BesideBaseArtifact):
    """An adapter that can be merged but was not: the merge was refused, or not requested."""

    described = ("适配器（与基座一起加载，未合并）", "an adapter (loaded on top of the base, not merged)")

    kind: Literal["adapter"] = "adapter"
    merge_proof: MergeProof | None = None


class PrefixArtifact(BesideBaseArtifact):
    """A prefix, a prompt or bottleneck adapters, which cannot be merged into weights."""

    described = (
        "前缀、软提示或瓶颈适配器（与基座一起加载，不可合并）",
        "a prefix, a prompt or bottleneck adapters (loaded on top of the base, never merged)",
    )

    kind: Literal["prefix"] = "prefix"


class ExpertsArtifact(BesideBaseArtifact):
    """Several adapters on one base, each in a folder of its name, and a router that chooses among them.

    Attributes:
        experts: The name of each adapter's version, by the expert's name; the first one gets what nothing is known of.
        routed_rightly: Share of the held-out questions of each expert that the router gives to it.
    """

    folder = "experts"
    described = (
        "多个适配器与一个路由器（与基座一起加载，每个问题由其中一个回答）",
        "several adapters and a router (on top of the base; each question is answered by one of them)",
    )

    kind: Literal["experts"] = "experts"
    experts: dict[str, str] = Field(min_length=2)
    routed_rightly: dict[str, float]


class ReaderArtifact(Artifact):
    """An encoder that marks answers in passages; it has no prompt format."""

    folder = "reader"
    described = ("抽取式阅读器（在段落中标出答案）", "an extractive reader (marks the answer in a passage)")

    kind: Literal["reader"] = "reader"

    def how_to_use(self, directory: Path) -> str:
        """The command that asks the reader about a passage."""
        return (
            "python -c 'import models.reader; from transformers import pipeline; "
            f'print(pipeline("question-answering", model="{directory}")(question="…", context="…"))\''
        )


class RewardArtifact(Artifact):
    """A model that rates answers, merged into one; it generates nothing.

    Attributes:
        quantisation: How the base was quantised in training.
        prompt_format: Name of the prompt format that it reads conversations in.
        prompt_format_sha256: Its hash; another one is refused.
        merge_proof: What goes into its head, compared with base + adapter.
    """

    folder = "reward"
    described = ("奖励模型（给回答打分，不能聊天）", "a reward model (rates answers, cannot chat)")

    kind: Literal["reward"] = "reward"
    quantisation: Literal["nf4"] | None = None
    prompt_format: str
    prompt_format_sha256: str
    merge_proof: MergeProof

    def how_to_use(self, directory: Path) -> str:
        """The command that trains a language model by it."""
        run = directory.parent if directory.name == self.folder else directory
        return f"python training/run.py recipe=medical_rlhf 'rewards=[{{kind: reward_model, run: {run}}}]'"


AnyArtifact = (
    MergedArtifact
    | WholeArtifact
    | AdapterArtifact
    | PrefixArtifact
    | ExpertsArtifact
    | ReaderArtifact
    | RewardArtifact
)
KINDS: tuple[type[Artifact], ...] = get_args(AnyArtifact)
_READ: TypeAdapter[AnyArtifact] = TypeAdapter(Annotated[AnyArtifact, Field(discriminator="kind")])


def result_files(directory: Path) -> dict[str, str]:
    """SHA-256 of the files that a result is loaded from, by name."""
    found = sorted({file for pattern in RESULT_FILES for file in directory.glob(pattern)})
    return {file.name: KNOWN_HASHES.of(file) for file in found}


def check_files(directory: Path, recorded: dict[str, str]) -> None:
    """Compares the files of a result with the hashes that were recorded when they were written.

    Raises:
        Refused: A file is missing, damaged, changed or was added; it is named.
    """
    found = result_files(directory)
    problems = [
        f"{name} is missing" if name not in found else f"{name} was changed or is damaged"
        for name, sha256 in recorded.items()
        if found.get(name) != sha256
    ]
    problems += [f"{name} was added" for name in found if name not in recorded]
    if problems:
        raise Refused(
            f"{directory}: not the files that training wrote (another SHA-256): {'; '.join(problems)}\n"
            "  -> copy them from where they are whole; or remove the directory and resume the run (resume=RUN), which "
            "writes it again"
        )


def check_result(directory: Path) -> None:
    """``Artifact.check_files`` of a directory that may be a result of this project; of any other nothing is known."""
    if (directory / FILE_NAME).is_file():
        artifact = Artifact.load(directory)
        artifact.check_files(artifact.directory(directory))


@cache
def _say_unchecked(directory: Path) -> None:
    """Once per directory."""
    logger.info("{}: written before hashes of files were recorded; its files are not checked", directory)


def _migrated(values: Any) -> Any:
    """Format 1 had one shape for all kinds, with empty values for what a kind does not have."""
    if not isinstance(values, dict) or values.get("format_version") != 1:
        return values
    kept = {name: value for name, value in values.items() if value not in (None, "")}
    return kept | {"format_version": FORMAT_VERSION}
