"""docs/new-domain.md, followed literally in a copy of the project."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests import commands

PROJECT = Path(__file__).resolve().parent.parent
PAGE = PROJECT / "docs" / "new-domain.md"
FILE = re.compile(r"^`(?P<path>[^`\n]+)`:\n\n```\w+\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
LINE = re.compile(
    r"^One line in the table `(?P<table>\w+)` of `(?P<path>[^`]+)`:\n\n```diff\n\+(?P<line>.*)\n```$", re.MULTILINE
)
COPIED = ("app", "common", "configs", "data_recipes", "domains", "eval", "models", "strategies", "training", "tests")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with the domain of the page, and nothing else changed."""
    folder = tmp_path_factory.mktemp("project")
    for name in COPIED:
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", folder)
    page = PAGE.read_text(encoding="utf-8")
    for found in FILE.finditer(page):
        path = folder / found["path"]
        assert not path.exists(), "the page adds files, it changes none"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found["text"], encoding="utf-8")
    for found in LINE.finditer(page):
        path = folder / found["path"]
        head = f"{found['table']} = (\n"
        text = path.read_text(encoding="utf-8")
        assert head in text
        path.write_text(text.replace(head, f"{head}{found['line']}\n", 1), encoding="utf-8")
    return folder


def run(copy: Path, *words: str) -> str:
    return commands.run(*words, project=copy, cwd=copy, environment={"XINGLIN_CACHE": str(copy / "cache")})


def test_one_folder_three_configurations_tests_and_one_line() -> None:
    page = PAGE.read_text(encoding="utf-8")
    places = [found["path"].rpartition("/")[0] for found in FILE.finditer(page)]
    assert {place.removesuffix("/knowledge") for place in places} == {
        "domains/bicycles",
        "configs/domain",
        "configs/data",
        "configs/recipe",
        "tests/domains/bicycles",
    }
    assert len(LINE.findall(page)) == 1


@pytest.mark.slow  # a copy of the project, which writes the whole dataset
def test_its_dataset_is_built_from_its_own_entries(copy: Path) -> None:
    run(copy, "data_recipes/build.py", "data=bicycles", "out=dataset")
    manifest = json.loads((copy / "dataset/manifest.json").read_text(encoding="utf-8"))
    assert manifest["knowledge"]["domain"] == "bicycles"
    assert set(manifest["splits"]) == {"train", "dev", "heldout_phrasing", "unseen_entity", "safety"}
    assert all(split["exact"] == split["ngram"] == 0 for split in manifest["overlap"].values())
    preview = (copy / "dataset/preview.html").read_text(encoding="utf-8")
    assert "链条油" in preview and "医" not in manifest["about"]["zh"]


@pytest.mark.slow  # trains in the copy
def test_its_recipe_reads_its_prose_and_its_service_cites_its_entries(copy: Path) -> None:
    printed = run(
        copy,
        "-c",
        "from common.command import read_config\n"
        "from domains.citations import quote\n"
        "from domains.domain import find_domain\n"
        "from domains.retrieval.retriever import Retriever\n"
        "from training.stages.sft.config import SftConfig\n"
        "from training.knowledge import knowledge_of\n"
        "[config] = read_config('run', ['recipe=bicycles_qlora'], SftConfig)\n"
        "domain = find_domain(config.domain)\n"
        "print(knowledge_of(config).path)\n"
        "print('链条也叫车链。' in ''.join(domain.prose()))\n"
        "knowledge = domain.knowledge.load()\n"
        "[found] = Retriever(knowledge).retrieve('车链怎么保养？').topic\n"
        "print(quote('车链怎么保养？', [found.entry], knowledge.version, domain.asked_for)[0].text)\n",
    )
    assert printed.splitlines() == [
        str(copy.resolve() / "domains/bicycles/knowledge"),
        "True",
        "链条的日常保养：擦去油泥、滴上链条油、擦掉多余的油。",
    ]


@pytest.mark.slow  # a test session in the copy
def test_the_tests_of_all_domains_pass_with_it(copy: Path) -> None:
    tests = ("tests/domains/bicycles", "tests/domains/test_domain.py", "tests/domains/test_phrasings.py")
    run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
