"""Adapter arithmetic: what the new adapter is, what is recorded of it, and what is refused."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from common.command import read_config
from common.errors import Refused, UserError
from common.files import read_json, write_json
from models.artifact import Artifact, MergedArtifact, result_files
from models.engines.local import load_engine
from models.loading import load_model
from tests.training.conftest import TriedRun
from training.combination import CombineConfig, combine

WEIGHTS = "adapter_model.safetensors"


def configure(*words: str) -> CombineConfig:
    (config,) = read_config("combine", ["merge.tokens=40", *words], CombineConfig)
    return config


@pytest.fixture
def two(finished: TriedRun, tmp_path: Path) -> tuple[Path, Path]:
    """A trained adapter, and one on the same base with other values."""
    first, second = finished.path / "adapter", tmp_path / "second"
    shutil.copytree(first, second)
    torch.manual_seed(0)
    values = {name: torch.randn_like(v) * 0.05 for name, v in load_file(first / WEIGHTS).items()}
    save_file(values, second / WEIGHTS, metadata={"format": "pt"})
    artifact = Artifact.load(second)
    artifact.model_copy(update={"files": result_files(second), "model_version": "second"}).save(second)
    return first, second


def update(adapter: Path, layer: str = "model.layers.0.self_attn.q_proj") -> torch.Tensor:
    """What an adapter adds to a weight, ``[out, in]``."""
    settings, values = read_json(adapter / "adapter_config.json"), load_file(adapter / WEIGHTS)
    a, b = (values[f"base_model.model.{layer}.lora_{part}.weight"] for part in "AB")
    return b @ a * settings["lora_alpha"] / settings["r"]


def test_a_weighted_sum_is_exact_merged_with_proof_and_says_what_it_is_made_of(
    two: tuple[Path, Path], finished: TriedRun, tmp_path: Path
) -> None:
    first, second = two
    out = tmp_path / "out"
    words = (f"adapters.one={first}", f"adapters.two={second}", "weights.one=0.75", "weights.two=-0.5", f"out={out}")
    said = combine(configure(*words))
    expected = 0.75 * update(first) - 0.5 * update(second)
    torch.testing.assert_close(update(out / "adapter"), expected, rtol=1e-5, atol=1e-6)
    artifact = Artifact.load(out)
    assert isinstance(artifact, MergedArtifact) and artifact.merge_proof.passed and artifact.combined
    assert {name: part.weight for name, part in artifact.combined.parts.items()} == {"one": 0.75, "two": -0.5}
    assert artifact.combined.parts["two"].files == result_files(second) and str(out / "merged") in said
    merged, base = (load_model(path, dtype=torch.float32) for path in (out / "merged", finished.base))
    name = "model.layers.0.self_attn.q_proj.weight"
    changed = merged.get_parameter(name) - base.get_parameter(name)
    torch.testing.assert_close(changed, expected, rtol=1e-4, atol=1e-5)
    assert load_engine(out).model_version == artifact.model_version


def test_weights_are_found_on_examples_and_those_of_the_adapter_that_helps_are_higher(
    two: tuple[Path, Path], finished: TriedRun, tmp_path: Path
) -> None:
    first, second = two
    dataset = Artifact.load(first).dataset
    words = (f"adapters.trained={first}", f"adapters.noise={second}", f"examples={dataset}", "how=lorahub")
    combine(configure(*words, "search.budget=14", "search.examples=6", f"out={tmp_path}/out"))
    combined = Artifact.load(tmp_path / "out").model_dump()["combined"]
    assert combined["parts"]["trained"]["weight"] > abs(combined["parts"]["noise"]["weight"])
    assert combined["loss"]["found"] <= min(combined["loss"]["base"], combined["loss"]["mean"])


@pytest.mark.slow
@pytest.mark.parametrize("how", ["ties", "dare", "dare_ties"])
def test_ties_and_dare_keep_the_values_they_say(two: tuple[Path, Path], tmp_path: Path, how: str) -> None:
    first, second = two
    words = (f"adapters.one={first}", f"adapters.two={second}", f"how={how}", "weights.one=1", "weights.two=1")
    combine(configure(*words, "density=1", "rank=64", f"out={tmp_path}/all"))
    all_kept, total = update(tmp_path / "all/adapter"), update(first) + update(second)
    if how == "dare":  # nothing is dropped: it is the sum
        torch.testing.assert_close(all_kept, total, rtol=1e-3, atol=1e-5)
    else:  # where both agree on the sign, TIES takes their mean
        agree = update(first).sign() == update(second).sign()
        torch.testing.assert_close(all_kept[agree], total[agree] / 2, rtol=1e-2, atol=1e-4)
    combine(configure(*words, "density=0.3", "rank=64", f"out={tmp_path}/some"))
    assert Artifact.load(tmp_path / "some").model_dump()["combined"]["density"] == 0.3
    assert (update(tmp_path / "some/adapter").abs() > 1e-5).float().mean() < 0.6


def test_what_does_not_go_together_is_refused_before_anything_is_loaded(two: tuple[Path, Path], tmp_path: Path) -> None:
    first, second = two
    with pytest.raises(UserError, match="give two or more"):
        configure(f"out={tmp_path}/out", f"adapters.one={first}")
    both = (f"out={tmp_path}/out", f"adapters.one={first}", f"adapters.two={second}")
    with pytest.raises(UserError, match=r"weights\.three names no adapter"):
        configure(*both, "weights.three=1")
    with pytest.raises(UserError, match="give examples=DATASET"):
        configure(*both, "how=lorahub")
    with pytest.raises(UserError, match="is too small for 2 weights: give 6 or more"):
        configure(*both, "how=lorahub", f"examples={tmp_path}", "search.budget=3")
    with pytest.raises(UserError, match="no dataset here"):
        combine(configure(*both, f"examples={tmp_path}"))
    write_json(second / "adapter_config.json", read_json(second / "adapter_config.json") | {"use_dora": True})
    with pytest.raises(Refused, match=r"adapter_config\.json was changed"):
        combine(configure(*both))
    artifact = Artifact.load(second).model_copy(update={"files": result_files(second)})
    artifact.save(second)
    with pytest.raises(UserError, match="the lengths of DoRA are not part of an update"):
        combine(configure(*both))
    write_json(second / "adapter_config.json", read_json(second / "adapter_config.json") | {"use_dora": False})
    artifact.model_copy(update={"files": result_files(second), "quantisation": "nf4"}).save(second)
    with pytest.raises(Refused, match=r"quantisation: None \(one\) and nf4 \(two\)"):
        combine(configure(*both))
