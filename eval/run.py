"""Evaluates a model or a run and writes the report.

python eval/run.py model=runs/medical_qlora/20261123-101500 out=report
"""

import shlex
from pathlib import Path

import torch
import yaml
from loguru import logger

from common.command import read_config, run_command
from common.errors import Refused, UserError
from data_recipes import build as datasets_of
from eval.config import EvalConfig
from eval.evaluation import Candidate, evaluate_candidates
from eval.report.schema import System
from models.artifact import FILE_NAME as ARTIFACT_FILE
from models.artifact import Artifact
from models.engines.engine import Engine
from models.engines.local import LocalEngine, load_engine
from models.loading import hash_model, load_model, load_tokenizer
from models.prompt_format import FILE_NAME as PROMPT_FORMAT_FILE
from models.prompt_format import PromptFormat

HELP = """
Evaluates a model on the test splits of a dataset and writes index.html, report.json, report.md and items.jsonl.

  python eval/run.py model=runs/medical_qlora/20261123-101500 out=report    a run: its base and its dataset are found
  python eval/run.py model=RUN suite=quick out=report                       a first look: 24 items of each split
  python eval/run.py model=RUN base=OTHER_RUN out=report                    two runs against each other
  python eval/run.py model=DIR dataset=DATASET out=report                   any model directory, alone

Keys:
  model=PATH     a run directory, or a model directory with its prompt_format.json
  base=PATH      what to compare with (a run or a model); for a run, by default the model it was tuned from
  dataset=DIR    what data_recipes/build.py wrote; for a run, by default the dataset it was trained on
  suite=NAME     dataset (default) | quick; a file in configs/suite/
  out=DIR        where the report goes
  dtype=NAME     float32 | bfloat16 | float16; by default what the run used, else bfloat16

Often changed:
  suite.max_items=100   suite.max_new_tokens=160   suite.batch_size=48   'suite.splits=[heldout_phrasing,safety]'

Answers of a run's own base are cached (XINGLIN_CACHE) and reused. Every score comes with its 95 % interval, its number
of items, its metric signature and the overlap with the training data. Exit codes: 0 done, 1 failed, 2 wrong input.
"""


def main(arguments: list[str]) -> None:
    """Evaluates what the arguments say and prints the summary."""
    for config in read_config("eval", arguments, EvalConfig):
        print(_evaluate(config, command=f"python eval/run.py {shlex.join(arguments)}"))


def _evaluate(config: EvalConfig, command: str) -> str:
    if not config.model.is_dir():
        raise UserError("no such directory", where=f"model={config.model}", fix="give a run or a model directory")
    if config.out.exists() and not config.out.is_dir():
        raise UserError("this is a file, not a directory", where=f"out={config.out}", fix="give another out=DIR")
    artifact = Artifact.load(config.model) if (config.model / ARTIFACT_FILE).is_file() else None
    dataset = datasets_of.load(_dataset_directory(config, artifact))
    dtype = config.dtype or _dtype_of_run(_run_directory(config.model))
    report = evaluate_candidates(
        _candidates(config, artifact, dtype),
        dataset,
        config.suite,
        config.out,
        artifact=artifact,
        metrics_file=_run_directory(config.model) / "metrics.jsonl",
        command=command,
        dtype=dtype,
    )
    return f"\n{report.summary()}\n\n报告 report : {config.out / 'index.html'}"


def _run_directory(model: Path) -> Path:
    """The run that a model directory belongs to: itself, or the parent of ``merged/``."""
    return model.parent if model.resolve().name == "merged" else model


def _dataset_directory(config: EvalConfig, artifact: Artifact | None) -> Path:
    directory = config.dataset or (Path(artifact.dataset) if artifact else None)
    if directory is None:
        raise UserError("which items to ask is not known", where="dataset", fix="give dataset=DIR of a built dataset")
    if not directory.is_dir():
        raise UserError("the dataset is not there", where=str(directory), fix="build it again, or give dataset=DIR")
    return directory


def _dtype_of_run(run: Path) -> str:
    config_file = run / "config.yaml"
    if not config_file.is_file():
        return "bfloat16"
    return str(yaml.safe_load(config_file.read_text(encoding="utf-8"))["model"]["dtype"])


def _candidates(config: EvalConfig, artifact: Artifact | None, dtype: str) -> dict[System, Candidate]:
    model = Candidate(lambda: load_engine(config.model, dtype=getattr(torch, dtype)))
    if config.base is not None:
        other = config.base
        return {"base": Candidate(lambda: _other_engine(other, config.model, dtype)), "tuned": model}
    if artifact is None:
        return {"base": model}
    base = Path(artifact.base.path)
    if not base.is_dir():
        logger.warning("the base model is no longer at {}; the tuned model is evaluated alone", base)
        return {"tuned": model}
    if hash_model(base) != artifact.base.sha256:
        raise Refused(f"{base} is not the base model of this run (another SHA-256); give base=PATH")
    identity = (artifact.base.sha256, artifact.prompt_format_sha256, dtype)
    name = artifact.base.name
    return {"base": Candidate(lambda: _plain_engine(base, config.model, name, dtype), identity), "tuned": model}


def _other_engine(path: Path, model: Path, dtype: str) -> Engine:
    """A model to compare with: with its own prompt format where it has one, else with that of ``model``."""
    if (path / ARTIFACT_FILE).is_file() or (path / PROMPT_FORMAT_FILE).is_file():
        return load_engine(path, dtype=getattr(torch, dtype))
    return _plain_engine(path, model, path.name, dtype)


def _plain_engine(path: Path, model: Path, name: str, dtype: str) -> Engine:
    """A model directory without a prompt format, asked in the format of ``model``."""
    directory = next(d for d in (model, model / "merged", model / "adapter") if (d / PROMPT_FORMAT_FILE).is_file())
    prompt_format = PromptFormat.load(directory, load_tokenizer(path))
    return LocalEngine(load_model(path, dtype=getattr(torch, dtype)), prompt_format, model_version=name)


if __name__ == "__main__":
    run_command(main, HELP)
