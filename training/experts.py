"""Experts: one adapter a task on one base, and a router that gives each question to one of them."""

import importlib.metadata
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from loguru import logger
from pydantic import Field, model_validator

from common.command import Config
from common.errors import Refused, UserError
from common.files import replacing_directory, write_json
from common.hashing import sha256_value
from data_recipes.pipeline import build as datasets_of
from data_recipes.pipeline.build import BuiltDataset
from data_recipes.schema.example import Example
from eval.significance import Estimate, estimate, ratio
from models.artifact import Artifact, BesideBaseArtifact, ExpertsArtifact, result_files
from models.engines.experts import asked
from models.prompt_format import FILE_NAME as PROMPT_FORMAT
from models.router import Router
from models.run_directory import RunDirectory
from training.chain import run_chain
from training.earlier_adapter import adapter_directory
from training.earlier_run import newest_finished
from training.provenance import Provenance
from training.stages import read_stage

LIBRARIES = ("torch", "transformers", "peft")


class ExpertRouterConfig(Config):
    """``training/expert_router.py``.

    Attributes:
        experts: By name a finished run with an adapter or prefix (also ``runs/NAME/latest``), or the words of
            ``training/run.py`` that make one; null leaves an expert out. The first one answers what the router knows
            nothing of, and its domain is served.
        words: Further words of all that are made: all experts are on one base.
        out: Directory of the result.
    """

    experts: dict[str, str | None]
    words: str = ""
    out: Path
    threads: int | None = Field(None, ge=1)

    @property
    def origins(self) -> dict[str, str]:
        """Where each expert comes from."""
        return {name: origin for name, origin in self.experts.items() if origin is not None}

    @model_validator(mode="after")
    def _several(self) -> "ExpertRouterConfig":
        if len(self.origins) < 2:
            raise ValueError("experts: give two or more; there is nothing to choose among fewer")
        return self


class Expert(NamedTuple):
    """A trained expert.

    Attributes:
        directory: Of its adapter.
        artifact: What is recorded of it.
        dataset: What it was trained on.
    """

    directory: Path
    artifact: BesideBaseArtifact
    dataset: BuiltDataset


def make_experts(config: ExpertRouterConfig) -> str:
    """Trains what is to be trained, then the router, and writes all of it into one directory.

    Returns:
        The printed summary.

    Raises:
        UserError: A run has no adapter, or its dataset is gone.
        Refused: The adapters do not go together.
    """
    experts = {name: _expert(name, origin, config.words) for name, origin in config.origins.items()}
    refuse_different(experts)
    router = Router.trained({name: questions(one.dataset.splits["train"]) for name, one in experts.items()})
    routed = {name: routed_rightly(router, name, held_out(one.dataset)) for name, one in experts.items()}
    with replacing_directory(config.out) as directory:
        _write(directory, experts, router, routed)
    rows = [f"  {name}: {_shown(one)}" for name, one in routed.items()]
    use = f"使用 use    : python -m app model={config.out}"
    return "\n".join(["", "按留出问题计的路由正确率 held-out questions routed rightly:", *rows, "", use])


def _expert(name: str, origin: str, words: str) -> Expert:
    """An earlier run, or one that is made now."""
    key = f"experts.{name}"
    if "=" in origin:
        logger.info("expert {}: {}", name, origin)
        (stage,) = read_stage([*shlex.split(origin), *shlex.split(words)])
        run_chain(stage)
        origin = str(newest_finished(stage.runs_dir / stage.name, key).path)
    directory = adapter_directory(Path(origin).expanduser(), key)
    artifact = Artifact.load(directory)
    assert isinstance(artifact, BesideBaseArtifact)  # it has the files of one
    artifact.check_files(directory)
    return Expert(directory, artifact, dataset_of(directory, artifact, key))


def dataset_of(directory: Path, artifact: BesideBaseArtifact, key: str) -> BuiltDataset:
    """What an adapter was trained on.

    Raises:
        UserError: It is gone, or another one is there.
    """
    began = Provenance.load(RunDirectory(directory.parent))
    place = Path(began.dataset.path if began else artifact.dataset)
    if place.is_dir():
        dataset = datasets_of.load(place)
        if dataset.manifest.sha256 == artifact.dataset_sha256:
            return dataset
    raise UserError(
        f"the dataset of this adapter, from whose questions the router learns, is not in {place} any more",
        where=key,
        fix="build it again with the run's data= and source=, or run the recipe again",
    )


def refuse_different(experts: Mapping[str, Expert]) -> None:
    """Refuses adapters that cannot be used side by side.

    Raises:
        Refused: They differ in what they share, or need entries in their prompts.
    """
    problems = differences({name: one.artifact for name, one in experts.items()})
    reading = [name for name, one in experts.items() if one.artifact.grounding and one.artifact.grounding.template]
    if reading:
        problems.append(f"{', '.join(reading)}: trained with entries in the prompts, which the others are not")
    if problems:
        listed = "".join(f"\n  - {problem}" for problem in problems)
        raise Refused(f"these experts do not go together:{listed}\n  -> train them on one base, with the same words")


def differences(artifacts: Mapping[str, BesideBaseArtifact]) -> list[str]:
    """In what adapters differ that are to be used together, in words: base, quantisation, prompt format."""
    (first, shared), *others = [(name, _shared(artifact)) for name, artifact in artifacts.items()]
    return [
        f"{what}: {shared[what]} ({first}) and {value} ({name})"
        for name, its in others
        for what, value in its.items()
        if value != shared[what]
    ]


def _shared(artifact: BesideBaseArtifact) -> dict[str, object]:
    return {
        "base": f"{artifact.base.name} {artifact.base.sha256[:12]}…",
        "quantisation": artifact.quantisation,
        "prompt format": f"{artifact.prompt_format} {artifact.prompt_format_sha256[:12]}…",
    }


def questions(examples: Sequence[Example]) -> list[str]:
    """What a person says in each conversation."""
    return [asked(example.prompt) for example in examples if not example.is_text]


def held_out(dataset: BuiltDataset) -> list[Example]:
    """The conversations of all splits but that for training."""
    return [one for name, split in dataset.splits.items() if name != "train" for one in split if not one.is_text]


def routed_rightly(router: Router, name: str, examples: Sequence[Example]) -> Estimate:
    """The share of some questions of an expert that the router gives to it, over their groups."""
    right = [float(router.choose(question) == name) for question in questions(examples)]
    return estimate(np.array([[one, 1.0] for one in right]), [example.group for example in examples], ratio)


def _write(directory: Path, experts: Mapping[str, Expert], router: Router, routed: Mapping[str, Estimate]) -> None:
    for name, one in experts.items():
        shutil.copytree(one.directory, directory / name)
    router.save(directory, _hash_of(experts))
    first = next(iter(experts.values()))
    shutil.copy2(first.directory / PROMPT_FORMAT, directory)
    write_json(directory / "routed.json", {name: vars(one) for name, one in routed.items()})
    _artifact(directory, experts, routed).save(directory)


def _artifact(directory: Path, experts: Mapping[str, Expert], routed: Mapping[str, Estimate]) -> ExpertsArtifact:
    artifacts = [one.artifact for one in experts.values()]
    first = artifacts[0]
    return ExpertsArtifact(
        model_version=f"experts-{_hash_of(experts)[:12]}",
        method="experts",
        base=first.base,
        quantisation=first.quantisation,
        prompt_format=first.prompt_format,
        prompt_format_sha256=first.prompt_format_sha256,
        grounding=first.grounding,
        turns="multi" if any(one.turns == "multi" for one in artifacts) else "single",
        dataset=", ".join(one.dataset for one in artifacts),
        dataset_sha256=sha256_value([one.dataset_sha256 for one in artifacts]),
        files=result_files(directory),
        domain=first.domain,
        knowledge=first.knowledge,
        numerics=first.numerics,
        versions={name: importlib.metadata.version(name) for name in LIBRARIES},
        why_not_merged="each question is answered by one of several adapters",
        experts={name: one.artifact.model_version for name, one in experts.items()},
        routed_rightly={name: one.value for name, one in routed.items()},
    )


def _hash_of(experts: Mapping[str, Expert]) -> str:
    return sha256_value([[name, one.artifact.files] for name, one in experts.items()])


def _shown(found: Estimate) -> str:
    interval = f" [{found.low:.1%}, {found.high:.1%}]" if found.low is not None and found.high is not None else ""
    return f"{found.value:.1%}{interval}, n = {found.n}"
