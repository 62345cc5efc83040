"""The typed configuration of evaluation: a suite, systems, and the command ``eval/run.py``."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from common.command import Config
from data_recipes.schema.manifest import Description
from eval.exams.published import ExamFormat
from eval.gates.config import GateConfig
from eval.inspect_runs import is_log
from models.config import DType
from strategies import AnyStrategyConfig, named
from strategies.direct import ZeroShotConfig


class ExamConfig(Config):
    """A published exam of questions with four options, asked as lm-evaluation-harness asks it.

    Attributes:
        format: Whose: ``cmmlu`` (``dev/`` and ``test/``) or ``ceval`` (``dev/`` and ``val/``), a CSV file per subject.
        subjects: Names of the files without ``.csv``; null for all of them.
        shots: Examples before a question compared by log-probability: the first ones of the subject's dev file.
        by: What counts as the answer: ``logprob``, the option with the highest log-probability; ``generated``, the one
            that an answer in the model's own prompt format gives, without examples. Each is a suite of the report.
    """

    format: ExamFormat
    subjects: tuple[str, ...] | None = None
    shots: int = Field(default=5, ge=0, le=5)
    by: tuple[Literal["logprob", "generated"], ...] = Field(default=("logprob",), min_length=1)


class SuiteConfig(Config):
    """What a model is asked, and how it answers.

    Attributes:
        version: Of the items and how they are asked; a report names it.
        about: What it shows; in the report.
        splits: Splits of the dataset to run, or ``all_test``: every split but train and dev.
        items: A JSON lines file of items of one's own, asked instead of a dataset (``eval/own_items.py``); a relative
            path is beside the suite's YAML.
        exam: The exam that is asked instead of a dataset.
        path: The folder of the exam, as its authors publish it.
        max_items: Most items per split, chosen by seed; None runs them all.
        max_new_tokens: Most tokens an answer may have; a longer one is cut and counted as cut. None lets every system
            finish, up to its context; an answer that loops is ended there.
        strategy: How items are put to a model: its name, or its name and settings (``strategies/``).
        batch_size: Conversations answered together.
        seed: Seed of the choice of items, and of the random examples that the report shows.
    """

    name: str = Field(min_length=1)
    version: str = "1"
    about: Description | None = None
    splits: tuple[str, ...] | Literal["all_test"] = "all_test"
    items: Path | None = None
    exam: ExamConfig | None = None
    path: Path | None = None
    max_items: int | None = Field(default=None, ge=1)
    max_new_tokens: int | None = Field(default=160, ge=1)
    strategy: Annotated[AnyStrategyConfig, BeforeValidator(named)] = ZeroShotConfig()
    batch_size: int = Field(default=48, ge=1)
    seed: int = Field(default=20261123, ge=0)

    @model_validator(mode="after")
    def _a_folder_is_of_an_exam(self) -> Self:
        if self.path is not None and self.exam is None:
            raise ValueError("path is the folder of an exam; choose one, e.g. suite=medical_exam")
        return self

    @model_validator(mode="after")
    def _one_place_of_items(self) -> Self:
        if self.items is not None and (self.exam is not None or self.splits != "all_test"):
            raise ValueError("items is a file of items; splits and exam choose others: give one of them")
        return self


class SystemConfig(Config):
    """A system to evaluate, in one word (a path, a name on a hub, a URL, or a log) or by its keys.

    Attributes:
        path: A run, the folder of its result, a model directory, a GGUF file, or ``owner/name`` of a model on a hub.
        url: Of an OpenAI-compatible server, up to and including ``/v1``; it is asked by ``/chat/completions``.
        log: A log of inspect_ai, ``.eval`` or ``.json``, whose answers are judged.
        model: Its name there; null where the server has only one.
        key_file: A file with the server's key; null sends none.
        at_once: Questions that the server gets at the same time.
        retries: How often a question is asked again when the server is busy, fails, or does not answer in time.
        timeout_s: Seconds to wait for one answer.
    """

    path: str | None = None
    url: str | None = None
    log: Path | None = None
    model: str | None = None
    key_file: Path | None = None
    at_once: int = Field(default=8, ge=1)
    retries: int = Field(default=4, ge=0)
    timeout_s: float = Field(default=120, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _in_one_word(cls, value: Any) -> Any:
        if isinstance(value, str | Path):
            if str(value).startswith(("http://", "https://")):
                return {"url": str(value)}
            return {"log" if is_log(Path(value)) else "path": str(value)}
        return value

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum(place is not None for place in (self.path, self.url, self.log)) != 1:
            raise ValueError("give a path, a URL or a log of this system, and only one of them")
        if self.url is not None:
            parts = urlsplit(self.url)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or "@" in parts.netloc:
                raise ValueError("the URL is like http://127.0.0.1:8000/v1; a key belongs into key_file")
        return self

    def __str__(self) -> str:
        return str(self.path or self.url or self.log)


def _is_free(name: str) -> str:
    if name in ("base", "other", "tuned"):
        raise ValueError(f"give this model with {'model' if name == 'tuned' else 'base'}=PATH")
    return name


SystemName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,31}$"), AfterValidator(_is_free)]


class EvalConfig(Config):
    """The command ``eval/run.py``.

    Attributes:
        model: What the report is about: a run, a model, or a server; without it, ``systems`` are compared.
        base: What to compare with; for a run, by default its own base.
        systems: Further systems by name; each is compared with the first of all.
        ablation: A running service whose pipeline is asked in parts: the model alone, with entries, with rules, all.
        dataset: Directory of a built dataset; by default the one that the first run among the systems was trained on.
        out: Where the report goes; a directory has one report.
        rescore: Scores the stored answers of the report in ``out`` again, after a judge was corrected; asks nothing.
        threads: CPU threads to compute with; null uses the cores that other work leaves free.
        dtype: Type to compute in; ``auto`` is what a run was configured with, else the machine's.
        gate: What the report must show before the model is released; it decides nothing about the exit code here.
    """

    model: SystemConfig | None = None
    base: SystemConfig | None = None
    systems: dict[SystemName, SystemConfig] = Field(default_factory=dict)
    ablation: SystemConfig | None = None
    dataset: Path | None = None
    out: Path
    rescore: bool = False
    dtype: DType = "auto"
    threads: int | None = Field(default=None, ge=1)
    suite: SuiteConfig
    gate: GateConfig | None = None

    @model_validator(mode="after")
    def _something_to_evaluate(self) -> Self:
        if self.model is None and self.base is not None:
            raise ValueError("base=PATH is compared with model=PATH, which is missing; systems.NAME=PATH need no base")
        if self.ablation is not None and (self.model is not None or self.systems or self.ablation.url is None):
            raise ValueError("ablation=URL: its parts are all the systems of a report; give no others, and a URL")
        if self.model is None and not self.systems and self.ablation is None:
            raise ValueError("give model=PATH, or systems.NAME=PATH; ablation=URL asks a service in parts")
        if self.suite.exam is not None and self.suite.path is None:
            raise ValueError(
                "the questions of an exam are not part of Xinglin: give suite.path=DIR, the folder as it is published"
            )
        return self


class ExportConfig(Config):
    """The command ``eval/export.py``.

    Attributes:
        report: A directory with a report, whose results are written; without it, the tasks of ``suite`` are.
        format: Whose results: those of lm-evaluation-harness, or logs of inspect_ai.
        out: Where to.
    """

    report: Path | None = None
    format: Literal["lm_eval", "inspect"] = "lm_eval"
    out: Path
    suite: SuiteConfig

    @model_validator(mode="after")
    def _something_to_write(self) -> Self:
        if self.report is None and self.suite.exam is None:
            raise ValueError(
                "suite: only an exam is a task of lm-evaluation-harness (suite=medical_exam or general); its other "
                "tasks are scored by measures that ours are not"
            )
        return self
