"""The README's commands run, in both languages the same ones."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests import commands as forked

ROOT = Path(__file__).resolve().parent.parent
READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md"]
SMALL_RUN = [
    "model.embedded={vocab_size: 1500, hidden_size: 64, layers: 1, sequence_length: 64, batch_size: 4, steps: 20}",
    "train.max_steps=2",
    "suite.max_new_tokens=4",
    "merge.tokens=40",
]
SMALL_DATA = ["data.splits.dev=10", "data.splits.test=20"]


def commands(readme: Path) -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [re.sub(r"\s+", " ", line.strip()) for line in lines if line.strip()]


def command_with(word: str) -> list[str]:
    (command,) = [c for c in commands(READMES[0]) if word in c]
    return shlex.split(command)[1:]  # without .venv/bin/python


def run(words: list[str], cwd: Path) -> None:
    forked.run(str(ROOT / words[0]), *words[1:], cwd=cwd)


def test_both_languages_give_the_same_commands() -> None:
    assert commands(READMES[0]) == commands(READMES[1])
    assert commands(READMES[0])[:2] == ["make quickstart", "make serve"]


@pytest.mark.parametrize("target", ["quickstart", "serve", "test", "test-all", "lint", "install"])
def test_makefile_has_what_the_documents_name(target: str) -> None:
    done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_files_and_pictures_that_the_readmes_name_exist() -> None:
    for readme in READMES:
        links = re.findall(r"\]\((?!http)([^)#]+)\)", readme.read_text(encoding="utf-8"))
        assert links
        assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.slow  # trains in a copy of the project
def test_own_domain_in_five_steps(tmp_path: Path) -> None:
    rows = [
        {"instruction": f"{i}号仪器怎么保养？", "input": "", "output": f"{i}号仪器每{i + 2}天清洁一次，放在阴凉处。"}
        for i in range(60)
    ]
    (tmp_path / "my.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    run(command_with("validate.py"), tmp_path)
    run([*command_with("build.py"), *SMALL_DATA], tmp_path)
    assert (tmp_path / "datasets/mine/README.md").is_file() and (tmp_path / "datasets/mine/train.parquet").is_file()
    run([*command_with("data.name=mine source.path=my.jsonl train.max_steps"), *SMALL_DATA, *SMALL_RUN], tmp_path)
    (report,) = tmp_path.glob("runs/medical_qlora/*/report/index.html")
    assert "mine" in report.read_text(encoding="utf-8")


def test_command_for_a_real_model_is_valid(tmp_path: Path) -> None:
    from common.command import read_config
    from training.stages.sft.config import SftConfig

    (config,) = read_config("run", command_with("model=llama")[1:], SftConfig)
    assert config.model.path == "/models/my-llama" and config.train.epochs == 3


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_quickstart_ends_with_scores_that_rose_beyond_doubt(tmp_path: Path) -> None:
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(tmp_path / "xinglin")], check=True)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {
        "XINGLIN_CACHE": str(tmp_path / "cache")
    }
    done = subprocess.run(
        ["make", "quickstart"], cwd=tmp_path / "xinglin", env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (path,) = (tmp_path / "xinglin").glob("runs/medical_qlora/*/report/report.json")
    systems = json.loads(path.read_text(encoding="utf-8"))["systems"]
    for metric in ("rouge_l_zh", "fact_recall"):
        base, tuned = (systems[name]["heldout_phrasing"][metric] for name in ("base", "tuned"))
        assert base["high"] < tuned["low"]
