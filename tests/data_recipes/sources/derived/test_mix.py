"""Mixes: by ratio, split by split, every row accounted for, and leaks between the parts are removed."""

import json
import shutil
from pathlib import Path

import pytest

from data_recipes.dataset.dataset import BuiltDataset
from data_recipes.leakage.normalise import question
from tests.data_recipes.conftest import Made, Run
from tests.data_recipes.samples import bencao_rows, write_jsonl


def paths(*datasets: BuiltDataset) -> str:
    return f"source.paths={json.dumps([str(dataset.directory) for dataset in datasets])}"


def test_a_mix_has_the_ratio_keeps_splits_apart_and_names_hash_and_licence(
    made: Made, consultations: BuiltDataset, problems: BuiltDataset
) -> None:
    mix = made("mix", "data=mix", paths(consultations, problems), "source.ratios=[0.5]")
    origins = [example.source for example in mix.splits["train"]]
    assert origins.count("bencao") == 80 and origins.count("word_problems") == 40
    assert {example.source for example in mix.splits["bencao_test"]} == {"bencao"}
    assert {example.source for example in mix.splits["math_unseen_kinds"]} == {"word_problems"}
    assert {example.source for example in mix.splits["dev"]} == {"bencao", "word_problems"}
    for part in (consultations, problems):
        assert part.manifest.sha256 in mix.manifest.licence and part.manifest.licence in mix.manifest.licence
    assert mix.manifest.counts.read == consultations.manifest.counts.kept + problems.manifest.counts.kept
    assert mix.manifest.counts.dropped["not_drawn"] >= 80
    assert {f"{p.manifest.name}/manifest.json" for p in (consultations, problems)} <= {
        source.path for source in mix.manifest.sources
    }
    assert mix.manifest.descriptions["bencao_test"] == consultations.manifest.descriptions["test"]


def test_chains_of_thought_stay_in_the_mix(made: Made, consultations: BuiltDataset, problems: BuiltDataset) -> None:
    mix = made("mix", "data=mix", paths(consultations, problems), "source.ratios=[0.5]")
    solved = [example for example in mix.splits["train"] if example.source == "word_problems"]
    assert all(example.messages[0].role == "system" and "答：" in example.answer for example in solved)


def test_training_rows_of_one_part_that_another_tests_are_removed(
    made: Made, consultations: BuiltDataset, tmp_path: Path
) -> None:
    tested = [
        {"instruction": e.prompt[-1].content, "input": "", "output": "另一种说法。"}
        for e in consultations.splits["test"]
    ]
    more = [{**row, "instruction": "孩子" + row["instruction"][::-1]} for row in bencao_rows()[:40]]
    source = write_jsonl(tmp_path / "leaky.json", tested + more)
    leaky = made(
        "leaky", "data=bencao", "data.name=leaky", f"source.path={source}", "data.splits.dev=2", "data.splits.test=2",
        "data.near_duplicates=keep", "data.protected_sets=[]",
    )  # fmt: skip
    inside = {question(example) for example in leaky.splits["train"]}
    assert inside & {question(example) for example in consultations.splits["test"]}
    mix = made("mix", "data=mix", paths(consultations, leaky), "source.ratios=[100]")
    assert not {question(e) for e in mix.splits["train"]} & {question(e) for e in mix.splits["bencao_test"]}
    assert mix.manifest.counts.dropped["overlaps_bencao_test"] >= 1


@pytest.mark.parametrize("ratios", ["[]", "[0]", "[0.5, 0.5]"])
def test_one_ratio_for_each_further_part(build: Run, consultations: BuiltDataset, ratios: str, tmp_path: Path) -> None:
    words = ("data=mix", paths(consultations, consultations), f"source.ratios={ratios}")
    assert build(*words, f"out={tmp_path / 'out'}") == 2


def test_a_missing_part_and_two_of_one_name_are_errors(
    build: Run, consultations: BuiltDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = f"out={tmp_path / 'out'}"
    assert build("data=mix", paths(consultations, consultations), "source.ratios=[1]", out) == 2
    assert "the same name" in capsys.readouterr().err
    assert build("data=mix", "source.paths=[nowhere, either]", "source.ratios=[1]", out) == 2
    assert "there is no dataset here" in capsys.readouterr().err


@pytest.mark.parametrize("source", ["mix", "flan", "multi_prompt", "in_context", "cross_task"])
@pytest.mark.parametrize("damage", ["cut", "changed", "gone", "manifest"])
def test_a_damaged_part_ends_the_command_and_leaves_nothing(
    build: Run, consultations: BuiltDataset, problems: BuiltDataset, tmp_path: Path,
    capsys: pytest.CaptureFixture[str], source: str, damage: str,
) -> None:  # fmt: skip
    folder = shutil.copytree(consultations.directory, tmp_path / "damaged")
    test = folder / "test.parquet"
    match damage:
        case "cut":
            test.write_bytes(test.read_bytes()[:-30])
        case "changed":
            test.write_bytes((folder / "dev.parquet").read_bytes())
        case "gone":
            test.unlink()
        case "manifest":
            (folder / "manifest.json").write_text('{"name": "bencao"', encoding="utf-8")
    parts = f"source.paths={json.dumps([str(problems.directory), str(folder)])}"
    several = [parts, *(["source.ratios=[1]"] if source == "mix" else [])]
    words = several if source in ("mix", "flan") else [f"source.path={folder}"]
    assert build(f"data={source}", *words, f"out={tmp_path / 'out'}") == 2
    error = capsys.readouterr().err
    assert str(folder) in error and "Traceback" not in error
    assert not [path for path in tmp_path.iterdir() if path.name.startswith((".out", "out"))]
