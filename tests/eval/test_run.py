"""From a finished run to the four files of the report, and what the command says to wrong input."""

import json
import sys
from dataclasses import replace
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from common.command import run_command
from data_recipes.pipeline.build import BuiltDataset
from data_recipes.schema.example import NO_REFERENCE
from eval.evaluation import evaluate_candidates, in_this_process
from eval.report.schema import ItemRecord, Report
from eval.run import HELP, main
from eval.systems import base_of_run, result_of_run
from models.artifact import Artifact, LanguageModelArtifact
from models.engines.engine import Engine
from models.engines.local import load_engine
from models.numerics import compute_dtype
from tests.eval.conftest import SUITE, built, example


def report_of(run: Path, base: Path, dataset: BuiltDataset, out: Path) -> tuple[Report, list[str]]:
    """The report, and which engines were loaded for it."""
    loaded = []

    def load(name: str, path: Path) -> Engine:
        loaded.append(name)
        return load_engine(path)

    record = Artifact.load(run)
    assert isinstance(record, LanguageModelArtifact)
    tuned = result_of_run(run, record, "float32")
    report = evaluate_candidates(
        {
            "base": base_of_run(record, base, lambda: load("base", base), compute_dtype("float32")),
            "tuned": replace(tuned, ask=in_this_process(lambda: load("tuned", run))),
        },
        dataset,
        SUITE,
        out,
        metrics_file=run / "metrics.jsonl",
        command="python eval/run.py model=RUN out=<script>alert(2)</script>",
    )
    return report, loaded


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory, run: Path, tiny_base: Path, dataset: BuiltDataset) -> Path:
    """The report of the tiny run."""
    directory = tmp_path_factory.mktemp("report")
    report_of(run, tiny_base, dataset, directory)
    return directory


def test_json_has_the_promised_shape(out: Path) -> None:
    systems = json.loads((out / "report.json").read_text(encoding="utf-8"))["systems"]
    assert list(systems) == ["base", "tuned"]
    assert list(systems["tuned"]) == ["test", "safety"]
    assert set(systems["tuned"]["test"]["fact_recall"]) == {"value", "low", "high", "n"}
    assert systems["tuned"]["test"]["fact_recall"]["n"] == 9


def test_json_round_trips(out: Path) -> None:
    text = (out / "report.json").read_text(encoding="utf-8")
    assert Report.load(out / "report.json").model_dump_json(indent=2) + "\n" == text


def test_tuning_shows_in_the_scores(out: Path) -> None:
    report = Report.load(out / "report.json")
    comparison = report.comparison("test", "loss_per_character")
    assert comparison is not None
    assert comparison.difference < 0
    assert comparison.groups == 4


def test_leak_is_measured_and_named(out: Path) -> None:
    report = Report.load(out / "report.json")
    assert report.suites["test"].overlap.exact == 1
    assert "相同问题 1 (11.1%)" in (out / "index.html").read_text(encoding="utf-8")


def test_every_score_has_its_signature(out: Path) -> None:
    report = Report.load(out / "report.json")
    names = {name for by_suite in report.systems.values() for scores in by_suite.values() for name in scores}
    assert names == set(report.metrics)
    assert all("|" in record.signature for record in report.metrics.values())


def test_every_item_is_kept_with_both_answers(out: Path, dataset: BuiltDataset) -> None:
    lines = (out / "items.jsonl").read_text(encoding="utf-8").splitlines()
    items = [ItemRecord.model_validate_json(line) for line in lines]
    assert [item.id for item in items] == [e.id for name in ("test", "safety") for e in dataset.splits[name]]
    assert all(set(item.answers) == {"base", "tuned"} for item in items)


def test_kinds_of_items_are_named_in_both_languages(out: Path) -> None:
    text = (out / "index.html").read_text(encoding="utf-8")
    assert "知识库没有记载" in text and "not in the knowledge base" in text and ">unknown" not in text


def test_markdown_is_in_both_languages(out: Path) -> None:
    text = (out / "report.md").read_text(encoding="utf-8")
    assert "## 没做好的地方" in text
    assert "## What did not go well" in text


class Page(HTMLParser):
    """Collects what a page would load, and checks that every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        places = [value or "" for name, value in attrs if name in ("src", "href", "action", "data", "srcset")]
        self.loads += [place for place in places if not place.startswith("#")]  # which is on this page
        if tag not in ("meta", "link", "br", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_is_well_formed_and_loads_nothing(out: Path) -> None:
    text = (out / "index.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert page.loads == ["data:,"]
    assert "http://" not in text
    assert "https://" not in text
    assert "@import" not in text
    assert "url(" not in text


def test_html_escapes_what_users_and_models_wrote(out: Path) -> None:
    text = (out / "index.html").read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert r"\u003cscript\u003ealert(1)" in text  # a question, among all items
    assert "&lt;script&gt;alert(2)" in text  # the command


def test_stored_answers_are_not_asked_for_again(
    out: Path, run: Path, tiny_base: Path, dataset: BuiltDataset, tmp_path: Path
) -> None:
    report, loaded = report_of(run, tiny_base, dataset, tmp_path)
    assert loaded == []
    assert report.systems == Report.load(out / "report.json").systems


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory, run: Path) -> Path:
    """The report of a run, its base and a further model."""
    directory = tmp_path_factory.mktemp("three")
    main([f"model={run}", f"systems.again={run / 'merged'}", f"out={directory}", "suite.max_new_tokens=8"])
    return directory


def test_each_further_system_is_compared_with_the_base(three: Path) -> None:
    report = Report.load(three / "report.json")
    assert list(report.systems) == ["base", "tuned", "again"]
    assert (report.subject, report.compared) == ("tuned", ["tuned", "again"])
    first, again = (report.comparison("test", "rouge_l_zh", system) for system in ("tuned", "again"))
    assert first and again and first.baseline == again.baseline == "base"
    assert (first.difference, first.p) == (again.difference, again.p)  # it is the same model
    assert len(report.comparisons) == 2 * len([c for c in report.comparisons if c.system == "again"])


def test_each_further_system_has_the_overlap_with_its_own_training_data(three: Path) -> None:
    record = Report.load(three / "report.json").suites["test"]
    assert record.other_overlaps == {"again": record.overlap} and record.overlap.exact == 1
    assert "`test` (again): of 9 items: 1 (11.1%) identical" in (three / "report.md").read_text(encoding="utf-8")


def test_three_systems_are_in_every_file(three: Path) -> None:
    page, markdown = ((three / name).read_text(encoding="utf-8") for name in ("index.html", "report.md"))
    assert Page(page).open == [] and page.count('class="colour-2"') > 10
    assert "| metric | base | tuned | again | difference (tuned) | p (Holm) (tuned) | verdict (tuned) |" in markdown
    for line in (three / "items.jsonl").read_text(encoding="utf-8").splitlines():
        item = ItemRecord.model_validate_json(line)
        assert item.answers["again"] == item.answers["tuned"] and item.scores["again"] == item.scores["tuned"]


def command(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Runs ``eval/run.py`` in this process; returns its exit code."""
    monkeypatch.setattr(sys, "argv", ["eval/run.py", *words])
    with pytest.raises(SystemExit) as ended:
        run_command(main, HELP)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_command_finds_base_and_dataset_of_a_run(monkeypatch: pytest.MonkeyPatch, run: Path, tmp_path: Path) -> None:
    words = (f"model={run}", f"out={tmp_path}", "suite.max_new_tokens=8", "suite=quick")
    assert command(monkeypatch, *words) == 0
    report = Report.load(tmp_path / "report.json")
    assert list(report.systems) == ["base", "tuned"]
    assert report.provenance.decoding["dtype"].startswith(compute_dtype().name)
    assert "suite.max_new_tokens=8" in report.provenance.command
    assert report.curve.dev[0].loss == 1.5


def test_command_evaluates_a_model_alone(
    monkeypatch: pytest.MonkeyPatch, tiny_base: Path, dataset: BuiltDataset, tmp_path: Path
) -> None:
    words = (f"model={tiny_base}", f"dataset={dataset.directory}", f"out={tmp_path}", "suite.max_new_tokens=4")
    assert command(monkeypatch, *words) == 0
    report = Report.load(tmp_path / "report.json")
    assert list(report.systems) == ["base"]
    assert report.suites["test"].overlap.not_measurable == "training data unknown"
    assert Page((tmp_path / "index.html").read_text(encoding="utf-8")).open == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["model=/nowhere"], "no such directory"),
        (["model={base}"], "dataset=DIR"),
        (["model={base}", "dataset=/nowhere"], "the dataset is missing"),
        (["model={run}", "suite=datset"], "did you mean 'dataset'"),
        (["model={run}", "suite.splits=[tset]"], "choose among"),
        (["model={run}", "suite.max_item=3"], "did you mean 'max_items'"),
        (["model={run}", "dtype=float8"], "float32"),
        (["model={dataset}", "dataset={dataset}"], "no model here"),
        (["model={run}", "out={run}/config.yaml"], "cannot write here"),
        (["model={run}", "systems.older=/nowhere"], "no such directory"),
        (["model={run}", "systems.base={base}"], "give this model with base=PATH"),
        (["model={run}", "systems.2nd={base}"], "systems.2nd"),
    ],
)
def test_wrong_input_ends_with_2_and_without_a_traceback(
    words: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    run: Path,
    tiny_base: Path,
    dataset: BuiltDataset,
    tmp_path: Path,
) -> None:
    given = [word.format(base=tiny_base, run=run, dataset=dataset.directory) for word in words]
    assert command(monkeypatch, f"out={tmp_path / 'report'}", *given) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told


def test_questions_without_a_reference_are_answered_and_not_scored(run: Path, tiny_base: Path, tmp_path: Path) -> None:
    asked = [example(f"q{n}-1", f"得了{word}会怎样？", NO_REFERENCE) for n, word in enumerate(("高血压", "偏头痛"))]
    known = example("k1-1", "得了高血压会怎样？", "高血压的常见症状有头痛和头晕。", facts=("头痛", "头晕"))
    mixed = built({"questions": asked, "test": [*asked, known]}, tmp_path)
    report, _ = report_of(run, tiny_base, mixed, tmp_path / "out")
    assert report.systems["tuned"]["questions"] == {}
    assert {score.n for score in report.systems["tuned"]["test"].values()} == {1}
    assert [record.without_reference for record in report.suites.values()] == [2, 2]
    assert {comparison.suite for comparison in report.comparisons} == {"test"}
    assert "questions (n=2, 2 without a reference answer: not scored)" in report.summary()
    page = (tmp_path / "out/index.html").read_text(encoding="utf-8")
    markdown = (tmp_path / "out/report.md").read_text(encoding="utf-8")
    for text in (page, markdown):
        assert "没有参考答案：2 题中有 2 题，只列出回答，不打分" in text
        assert "no reference: 2 of 3 items, answered but not scored" in text
    for line in (tmp_path / "out/items.jsonl").read_text(encoding="utf-8").splitlines():
        item = ItemRecord.model_validate_json(line)
        assert bool(item.scores["tuned"]) == (item.id == "k1-1")
        assert escape(item.answers["tuned"]) in page


def test_a_suite_of_questions_alone_says_so_at_the_top(run: Path, tiny_base: Path, tmp_path: Path) -> None:
    alone = built({"test": [example("q1-1", "得了高血压会怎样？", NO_REFERENCE)]}, tmp_path)
    report, _ = report_of(run, tiny_base, alone, tmp_path / "out")
    assert report.metrics == {} and report.comparisons == ()
    assert "只有问题，未打分" in (tmp_path / "out/index.html").read_text(encoding="utf-8")
    assert "Questions only, not scored" in (tmp_path / "out/report.md").read_text(encoding="utf-8")
