"""Every method: from a recipe to a result that an engine loads, and that answers as the trained model did."""

import re
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from common.errors import UserError
from common.files import read_json
from common.groups import CONFIGS
from data_recipes.schema.example import Message
from models.artifact import AdapterArtifact, Artifact, MergedArtifact, PrefixArtifact, WholeArtifact
from models.engines.engine import Sampling
from models.engines.local import LocalEngine, load_engine
from tests.training.conftest import MakeConfig
from tests.training.method_choices import method_choices, words_of
from training.base import find_base
from training.chain import run_chain
from training.methods import METHODS
from training.stages.sft import job
from training.stages.sft.config import SftConfig

DOCS = CONFIGS.parent / "docs/methods.md"
SMALL = (
    *("data.splits.train=60", "data.splits.dev=12", "train.max_length=128", "train.max_steps=8"),
    *("train.learning_rate=3e-2", "train.precision=fp32", "train.max_dropped_share=1"),
    *("suite=quick", "suite.max_items=2", "suite.max_new_tokens=6", "merge.tokens=40"),
)
RESULTS = {
    "mergeable": (MergedArtifact, AdapterArtifact),
    "beside_base": (PrefixArtifact,),
    "whole": (WholeArtifact,),
}
ASKED = [Message(role="user", content="高血压的常见症状有什么？")]
TOLD = [*ASKED, Message(role="assistant", content="头痛、头晕和心悸。")]


def run_with(config: SftConfig, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, LocalEngine]:
    """Runs the whole chain; returns the run directory and the trained model itself."""
    attach, attached = job.attached_model, []

    def remembering(*arguments: Any) -> nn.Module:
        attached.append(attach(*arguments))
        return attached[-1]

    monkeypatch.setattr(job, "attached_model", remembering)
    run_chain(config, command="python training/run.py …")
    (model,) = attached
    (artifact,) = config.runs_dir.glob("*/*/artifact.json")
    return artifact.parent, LocalEngine(model, find_base(config).prompt_format, "trained")


QUICK = ("ptuning_v2",)
"""The others are saved, loaded and described by the same code, which ``test_matrix.py`` runs for each, and
``test_chain.py`` runs ``qlora`` to its end."""


@pytest.mark.parametrize(
    "choice", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in method_choices()]
)
def test_result_is_loaded_answers_as_trained_and_has_a_card(
    choice: str, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config(*words_of(choice), *SMALL)
    method = METHODS[config.method.kind]
    run, trained = run_with(config, monkeypatch)
    artifact = Artifact.load(run)
    assert isinstance(artifact, RESULTS[method.result]) and artifact.method == method.name
    if isinstance(artifact, MergedArtifact):
        assert artifact.merge_proof.passed
    base = LocalEngine(find_base(config).load(dtype=trained.model.dtype), trained.prompt_format, "base")
    before, when_trained = base.score([TOLD])[0].logprob, trained.score([TOLD])[0].logprob
    for place in (run, artifact.directory(run)):
        served = load_engine(place)
        assert served.score([TOLD])[0].logprob == pytest.approx(when_trained, abs=1e-2)
        assert served.generate([ASKED], [Sampling(max_new_tokens=8)])[0].text == (
            trained.generate([ASKED], [Sampling(max_new_tokens=8)])[0].text
        )
    assert abs(when_trained - before) > 0.05
    card = (artifact.directory(run) / "README.md").read_text(encoding="utf-8")
    assert artifact.model_version in card and artifact.described[0] in card and artifact.dataset_sha256 in card
    assert all(f"`{layer}` {rank}" in card for layer, rank in (artifact.ranks or {}).items())
    assert read_json(run / "report/report.json")["merge"]["kind"] == artifact.kind


def test_every_file_has_a_row_in_the_docs_and_every_row_a_file() -> None:
    rows = re.findall(r"^\| (`[^|]+) \|.*\| `\w+\.py` \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    named = {name for row in rows for name in re.findall("`([^`]+)`", row)}
    assert named == {file.stem for file in (CONFIGS / "method").glob("*.yaml")}


@pytest.mark.parametrize("choice", method_choices())
def test_record_says_what_help_and_card_need(choice: str, make_config: MakeConfig) -> None:
    method = METHODS[make_config(*words_of(choice)).method.kind]
    assert all(method.described)
    assert bool(method.why_not_merged) == (method.result == "beside_base")


def test_a_method_that_lets_packed_examples_see_each_other_is_refused_with_packing(make_config: MakeConfig) -> None:
    for method in METHODS.values():
        words = (f"method={method.name}", "train.packing=true")
        if method.name not in method_choices() or method.isolates_packed_rows:
            continue
        with pytest.raises(UserError, match=f"does not work with {method.name}"):
            make_config(*words)


def test_a_method_whose_layers_cannot_be_recomputed_is_refused_with_checkpointing(make_config: MakeConfig) -> None:
    with pytest.raises(UserError, match="gradient_checkpointing=true does not work with ptuning_v2"):
        make_config(*words_of("ptuning_v2"), "train.gradient_checkpointing=true")


def test_the_dev_loss_selects_no_step_before_the_end_of_a_schedule(make_config: MakeConfig) -> None:
    for word in ("train.keep_best=true", "train.early_stopping=2"):
        with pytest.raises(UserError, match="do not work with adalora"):
            make_config(*words_of("adalora"), word)


@pytest.mark.slow
def test_factors_learned_on_a_base_in_4_bits_merge_into_its_dequantised_weights(
    make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, trained = run_with(make_config(*words_of("ia3"), *SMALL, "method.quantisation=nf4"), monkeypatch)
    artifact = Artifact.load(run)
    assert isinstance(artifact, MergedArtifact) and artifact.quantisation == "nf4" and artifact.merge_proof.passed
    served = load_engine(run)
    assert served.score([TOLD])[0].logprob == pytest.approx(trained.score([TOLD])[0].logprob, abs=1e-2)
