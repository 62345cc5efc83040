"""Configuration: every problem at once, with the nearest valid name, before anything is loaded."""

import os
import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.config import AppConfig
from common.command import end_on_sigterm, read_config, run_command
from common.composition import combinations
from common.errors import Interrupted, UserError
from common.files import replacing_directory
from data_recipes.config import BuildConfig
from data_recipes.sources.generated.knowledge_base import KnowledgeSourceConfig
from tests.commands import Command
from training.stages import read_stage
from training.stages.sft.config import SftConfig

ROOT = Path(__file__).resolve().parent.parent.parent


def run(*arguments: str) -> SftConfig:
    (config,) = read_config("run", list(arguments), SftConfig)
    return config


def command_in(group: str, option: str) -> list[str]:
    """The words of the command that a configuration file opens with, after ``python``."""
    head = (ROOT / f"configs/{group}/{option}.yaml").read_text(encoding="utf-8").splitlines()[:2]
    (command,) = (line for line in head if line.startswith(("# python ", "#   python ")))
    return shlex.split(command.lstrip("# "))[1:]


def options(group: str) -> list[str]:
    return sorted(path.stem for path in (ROOT / "configs" / group).glob("*.yaml"))


@pytest.mark.parametrize("recipe", options("recipe"))
def test_every_recipe_is_valid_and_opens_with_its_command(recipe: str) -> None:
    script, chosen, *more = command_in("recipe", recipe)
    assert (script, chosen) == ("training/run.py", f"recipe={recipe}")
    (config,) = read_stage([chosen, *more])
    assert config.name == recipe


@pytest.mark.parametrize("option", [(group, option) for group in ("model", "method") for option in options(group)])
def test_every_model_and_method_is_valid_and_opens_with_its_command(option: tuple[str, str]) -> None:
    script, *words = command_in(*option)
    assert script == "training/run.py" and ("=".join(option) in words or option[1] in words[0])
    assert len(read_stage(words)) == 1


@pytest.mark.parametrize("data", options("data"))
def test_every_dataset_is_valid_and_opens_with_its_command(data: str) -> None:
    script, chosen, *more = command_in("data", data)
    assert (script, chosen) == ("data_recipes/build.py", f"data={data}")
    (built,) = read_config("build", [chosen, *more], BuildConfig)
    out = [word for word in more if not word.startswith("out=")]
    domain = [f"domain={built.source.domain}"] if isinstance(built.source, KnowledgeSourceConfig) else []
    assert run(chosen, *domain, *out).source == built.source  # a recipe can be trained on it too


@pytest.mark.parametrize("suite", options("suite"))
def test_every_suite_is_valid(suite: str) -> None:
    assert run(f"suite={suite}").suite.name == suite


def test_command_line_wins_over_recipe_and_recipe_over_defaults() -> None:
    config = run("recipe=medical_ptuning_v2", "method.prefix_length=8", "train.learning_rate=1e-3")
    assert config.method.kind == "ptuning_v2" and config.method.prefix_length == 8
    assert config.train.learning_rate == 1e-3 and not config.train.packing


def test_what_refers_to_another_key_is_named_by_that_key() -> None:
    for words in (["data.splits.trian=5"], ["data.seed=x"]):
        with pytest.raises(UserError) as error:
            read_config("build", ["data=grounded", "out=x", *words], BuildConfig)
        assert "1 problem" in error.value.problem and f"- {words[0].partition('=')[0]}: " in error.value.problem
        assert "source." not in error.value.problem


def test_all_problems_are_listed_at_once_with_the_nearest_name() -> None:
    with pytest.raises(UserError) as error:
        run("method=qlorra", "train.lerning_rate=1", "train.batch_size=0", "sed=3", "data=medicall")
    text = str(error.value)
    assert "5 problem(s)" in text
    for hint in ("'qlora'", "'learning_rate'", "train.batch_size", "'seed'", "'medical'"):
        assert hint in text


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("train.rank=8", "did you mean method.rank"),
        ("epochs=3", "did you mean train.epochs"),
        ("data.split.dev=3", "data.split: unknown key; did you mean 'splits'"),
        ("suite.splits=test", "'suite.splits=[test]'"),
        ("data.splits=dev", "data.splits: a section with keys of its own"),
        ("suite.strategy.shot=3", "name is required"),
        ("suite.strategy=fewshot", "did you mean 'few_shot'"),
        (
            "train.learning_rate=fast",
            "train.learning_rate: Input should be a valid number, unable to parse string as a "
            "number, or 'auto' (got 'fast')",
        ),
        ("suite=3", "suite=3: no such suite"),
        ("data.steps.0.knd=empty", "data.steps.0.knd: unknown key; did you mean 'kind'"),
        ("train=fast", "train: a section with keys of its own"),
    ],
)
def test_a_problem_is_told_in_the_words_of_the_user(typed: str, told: str) -> None:
    with pytest.raises(UserError) as error:
        run("recipe=medical_qlora", "data=rows" if "steps" in typed else "data=medical", typed)
    assert told in str(error.value) and "constrained" not in str(error.value)


def test_a_key_of_the_service_is_found_in_its_section() -> None:
    with pytest.raises(UserError, match=r"serve\.port: unknown key; did you mean port\?"):
        read_config("app", ["model=x", "serve.port=9"], AppConfig)
    with pytest.raises(UserError, match=r"did you mean serve\.sampling\.temperature or serve\.strategy\.temperature\?"):
        read_config("app", ["model=x", "temperature=0.5"], AppConfig)


def test_key_of_another_method_is_unknown_here() -> None:
    with pytest.raises(UserError, match=r"method\.prefix_length: unknown key"):
        run("method=qlora", "method.prefix_length=8")


def test_missing_path_is_asked_for() -> None:
    with pytest.raises(UserError, match=r"source\.path.*: a value is required|source\.path: "):
        run("data=bencao")


def test_packing_with_a_prefix_is_refused_before_loading() -> None:
    with pytest.raises(UserError, match="packed examples would see each other"):
        run("recipe=medical_ptuning_v2", "train.packing=true")


def test_sweep_gives_every_combination_and_checks_them_all_first() -> None:
    configs = read_config("run", ["-m", "method.rank=4,8", "seed=1,2"], SftConfig)
    assert sorted((c.method.rank, c.seed) for c in configs) == [(4, 1), (4, 2), (8, 1), (8, 2)]  # type: ignore[union-attr]
    with pytest.raises(UserError, match=r"method\.rank"):
        read_config("run", ["-m", "method.rank=4,0"], SftConfig)


def test_several_values_without_m_are_an_error() -> None:
    with pytest.raises(UserError, match="-m"):
        run("method.rank=4,8")


def test_list_of_chinese_texts_is_quoted_as_hydra_wants_it() -> None:
    config = run(
        "data=rows", "source.path=a.csv", 'source.columns.question=["提问", "问题"]', "source.columns.answer=答"
    )
    assert config.source.model_dump()["columns"]["question"] == ("提问", "问题")
    one = run("data=rows", "source.path=a.csv", "source.columns.question=[提问", "source.columns.answer=答")
    assert one.source.model_dump()["columns"]["question"] == ("[提问",)  # a list that is not closed is a name


def test_combinations_of_a_sweep_are_the_words_that_run_each() -> None:
    words = ["-m", "recipe=medical_qlora", "method.rank=4,8", "name=甲 乙", "seed=1,2"]
    found = combinations(words)
    assert found[1] == ["recipe=medical_qlora", "method.rank=4", "name=甲 乙", "seed=2"] and len(found) == 4
    assert combinations(words[1:2]) == [["recipe=medical_qlora"]]


@pytest.mark.parametrize("words", [["nonsense"], ["resume=x", "seed=1"]])
def test_wrong_input_ends_with_code_2_and_no_traceback(words: list[str], tmp_path: Path) -> None:
    command = Command(str(ROOT / "training/run.py"), *words, cwd=tmp_path)
    _, err = command.wait()
    assert command.returncode == 2
    assert "Traceback" not in err and err.strip()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "path",
    [
        "/数据/骨科 问答.jsonl",
        "病历's/${HOME}.json",
        "中文\\",
        "骨科,内科",
        "~/my data (1)/a&b.json",
        "héllo",
        "a=b",
        "{x",
    ],
)
def test_what_hydra_cannot_read_is_a_text_and_needs_no_quotes(path: str) -> None:
    config = run("data=bencao", f"source.path={path}")
    assert config.source.model_dump()["path"] == path


def ended(main: Callable[[list[str]], None], monkeypatch: pytest.MonkeyPatch) -> object:
    """The exit code of a command."""
    monkeypatch.setattr("common.logging.start_logging", lambda level: None)
    monkeypatch.setattr(sys, "argv", ["command"])
    with pytest.raises(SystemExit) as end:
        run_command(main, "")
    return end.value.code


def test_signals_end_a_command_with_their_own_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(error: BaseException) -> Callable[[list[str]], None]:
        def main(arguments: list[str]) -> None:
            raise error

        return main

    assert ended(stopped(Interrupted("resume with …")), monkeypatch) == 130
    assert ended(stopped(Interrupted("resume with …", signal.SIGTERM)), monkeypatch) == 143
    assert ended(stopped(KeyboardInterrupt()), monkeypatch) == 130


def test_sigterm_removes_what_is_half_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def main(arguments: list[str]) -> None:
        end_on_sigterm()
        with replacing_directory(tmp_path / "merged"):
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    try:
        assert ended(main, monkeypatch) == 143 and not list(tmp_path.iterdir())
    finally:
        signal.signal(signal.SIGTERM, before)
