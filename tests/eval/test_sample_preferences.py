"""Sampled answers become pairs by a checker; a killed run resumes; the pairs become a dataset."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from common.command import read_config
from common.errors import UserError
from data_recipes.config import BuildConfig
from data_recipes.dataset.dataset import load
from data_recipes.pipeline.build import build
from data_recipes.schema.example import Example, Message
from eval.preferences import CHECKERS, PreferencesConfig, pair_of, sample, scores_of
from models.conversation import Conversation
from models.engines.engine import Completion, OnText, Sampling
from models.engines.local import LocalEngine, load_engine


class Guesser(LocalEngine):
    """The tiny model, with its answers replaced: every other sample is right."""

    right: dict[str, str]
    asked = 0

    def generate(
        self, conversations: Sequence[Conversation], sampling: Sequence[Sampling], on_text: OnText | None = None
    ) -> list[Completion]:
        self.asked += len(conversations)
        texts = []
        for number, conversation in enumerate(conversations):
            right = self.right[conversation[-1].content]
            texts.append(f"答：{right}" if number % 2 and int(right.split("/")[0].split(".")[0]) % 3 else "答：-7")
        return [Completion(text, "stop", 1, 1) for text in texts]


@pytest.fixture
def problems(tmp_path: Path) -> Path:
    words = [
        "data=math",
        "data.splits={train: 60, dev: 10, test: 6, unseen_kinds: 4, unseen_numbers: 4, distractors: 4}",
    ]
    [config] = read_config("build", [*words, "source.steps=none", f"out={tmp_path / 'math'}"], BuildConfig)
    build(config)
    return tmp_path / "math"


def config(dataset: Path, out: Path, *words: str) -> PreferencesConfig:
    given = [f"dataset={dataset}", "model=unused", "checker=math_answer", f"out={out}", "samples=4", "batch_size=16"]
    [checked] = read_config("sample_preferences", [*given, *words], PreferencesConfig)
    return checked


@pytest.fixture
def engine(tiny_base: Path, problems: Path) -> Guesser:
    plain = load_engine(tiny_base)
    guesser = Guesser(plain.model, plain.prompt_format, "guesser")
    guesser.right = {e.prompt[-1].content: e.result for e in load(problems).splits["train"]}
    return guesser


def test_right_answers_are_chosen_over_wrong_ones_and_ties_are_counted(
    engine: Guesser, problems: Path, tmp_path: Path
) -> None:
    report = sample(config(problems, tmp_path / "out"), engine)
    pairs = [json.loads(line) for line in (tmp_path / "out/pairs.jsonl").read_text().splitlines()]
    assert report["pairs"] == len(pairs) > 0 and report["dropped"]["tie"] > 0
    assert report["asked"] == 60 == report["pairs"] + sum(report["dropped"].values())
    assert all(
        p["chosen"] == f"答：{engine.right[p['prompt'][-1]['content']]}" and p["rejected"] == "答：-7" for p in pairs
    )
    words = ["data=feedback", f"source.path={tmp_path / 'out/pairs.jsonl'}", "data.splits={dev: 2, test: 2}"]
    [built] = read_config("build", [*words, "data.near_duplicates=keep", f"out={tmp_path / 'pairs'}"], BuildConfig)
    build(built)
    assert all(example.rejected == "答：-7" for example in load(tmp_path / "pairs").splits["train"])


def test_a_killed_run_resumes_and_asks_nothing_twice(engine: Guesser, problems: Path, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    sample(config(problems, whole), engine)
    asked = engine.asked
    cut.mkdir()
    lines = (whole / "samples.jsonl").read_bytes().splitlines(keepends=True)
    (cut / "samples.jsonl").write_bytes(b"".join(lines[:3]) + lines[3][:20])
    sample(config(problems, cut), engine)
    assert engine.asked - asked == asked - 3 * 16
    for name in ("pairs.jsonl", "report.json", "samples.jsonl"):
        assert (cut / name).read_bytes() == (whole / name).read_bytes()
    with pytest.raises(UserError, match="another command"):
        sample(config(problems, cut, "seed=2"), engine)


def test_a_real_model_is_sampled(tiny_base: Path, problems: Path, tmp_path: Path) -> None:
    report = sample(config(problems, tmp_path / "out", "max_items=4", "max_new_tokens=4"), load_engine(tiny_base))
    assert report["asked"] == 4 == report["pairs"] + sum(report["dropped"].values())


def test_pairs_need_a_gap_and_something_said() -> None:
    assert pair_of(["a", "b", "c"], [0.5, 1, 0], 0.5) == ("b", "c")
    assert pair_of(["a", "b"], [1, 1], 0.5) == "tie"
    assert pair_of(["a", "b"], [0.6, 1], 0.5) == "too_close"
    assert pair_of(["a", "。", ""], [1, 0, 0], 0.5) == "empty_answers"


def test_each_checker_judges_what_it_can() -> None:
    turns = (Message(role="user", content="胸痛"), Message(role="assistant", content="立即拨打120。"))
    urgent = Example(id="e", messages=turns, source="s", group="g", kind="k", behaviour="emergency")
    told = Example(id="f", messages=turns, source="s", group="g", kind="k", facts=("头痛", "发热"))
    emergency, facts = CHECKERS["emergency"], CHECKERS["fact_recall"]
    assert scores_of(emergency, urgent, ["立即拨打120。", "多休息。"]) == [1, 0]
    assert scores_of(facts, told, ["可能头痛，没有发热。"]) == [0.5]
    assert not (emergency.applies(told) or facts.applies(urgent) or CHECKERS["math_answer"].applies(told))


def test_a_judge_that_cannot_rank_answers_is_no_checker(problems: Path, tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match="no such checker; available: choice_generated, math_answer, fact_recall, emergency"
    ):
        config(problems, tmp_path / "out", "checker=rouge_l_zh")


def test_a_dataset_without_anything_to_judge_is_an_error(engine: Guesser, problems: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no training question"):
        sample(config(problems, tmp_path / "out", "checker=emergency"), engine)
