"""Runs side by side: finished, unfinished, barely begun; as a table and as a page."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from common.errors import UserError
from common.files import write_json
from eval.report.schema import Report
from eval.report.wording import headlines
from tests.app.browser import CHROMIUM, browser
from tests.app.test_accessibility import AXE, findings
from tests.eval.test_own_items import report_on, suite_of
from training.compare import main
from training.comparison import Plot, differences, facts, over_seeds, page, read_run, text
from training.run import _with_seeds


def begun(folder: Path, *, rate: float, lines: list[dict[str, float]]) -> Path:
    """A run that has been begun, and trained for some steps."""
    folder.mkdir(parents=True)
    config = {
        "stage": "sft",
        "name": "tried",
        "domain": "medical",
        "model": {"name": "embedded"},
        "method": {"kind": "lora", "rank": 8},
        "train": {"learning_rate": rate, "max_steps": 20},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    write_json(folder / "provenance.json", {"finished": False})
    if lines:
        (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return folder


TEN = {"step": 10, "loss": 2.0, "tokens": 1000, "supervised_tokens": 400, "tokens_per_second": 10, "peak_memory": 2**30}
TWENTY = TEN | {
    "step": 20,
    "tokens": 3000,
    "supervised_tokens": 1234,
    "tokens_per_second": 50,
    "peak_memory": 3 * 2**29,
}


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    dev = [{"step": 10, "dev_loss": 1.5}, {"step": 15, "dev_loss": 1.25}, {"step": 20, "dev_loss": 1.375}]
    return (
        begun(tmp_path / "runs/tried/one", rate=1e-4, lines=[TEN, dev[0], dev[1], TWENTY, dev[2]]),
        begun(tmp_path / "runs/tried/two", rate=2e-4, lines=[]),
    )


def test_what_was_logged_is_told_and_what_was_not_is_a_dash(pair: tuple[Path, Path]) -> None:
    said = {line.name.split()[0]: list(line.cells) for line in facts([read_run(path) for path in pair])}
    assert said["步数"] == ["20", "–"] and said["监督词元"] == ["1,234", "–"] and said["秩"] == ["8", "8"]
    assert said["验证损失"] == ["1.3750 (least 1.2500 @ 15)", "–"]
    assert said["训练用时"] == ["2 min 20 s", "–"] and said["内存峰值"] == ["1.50 GiB", "–"]
    assert said["状态"] == ["未完成 unfinished"] * 2


def test_only_settings_that_differ_are_listed_and_columns_line_up(pair: tuple[Path, Path]) -> None:
    runs = [read_run(path) for path in pair]
    assert [(line.name, list(line.cells)) for line in differences(runs)] == [
        ("train.learning_rate", ["0.0001", "0.0002"])
    ]
    head, *rows = text(runs).split("\n\n")[0].splitlines()
    place = head.index("tried/two")
    for row in rows:
        if "–" not in row:
            columns = row.encode("gb18030")  # in which a Chinese character takes two bytes, as it takes two columns
            assert columns[place - 2 : place] == b"  " and columns[place : place + 1] != b" "
    assert differences(runs[:1]) == []


def test_the_page_has_a_curve_per_run_and_is_whole(pair: tuple[Path, Path], tmp_path: Path) -> None:
    third = begun(tmp_path / "runs/<b>/three", rate=1e-4, lines=[{"step": 20, "dev_loss": float("nan")}])
    out = tmp_path / "compared.html"
    main([*map(str, pair), str(third), f"out={out}"])
    page = out.read_text(encoding="utf-8")
    figure = ElementTree.fromstring(page[page.index("<svg") : page.index("</svg>") + len("</svg>")])
    lines = [element.get("points", "").split() for element in figure.iter("polyline")]
    assert [len(points) for points in lines] == [3, 0, 0] and page.count("not measured yet") == 2
    assert float(lines[0][0].split(",")[1]) < float(lines[0][2].split(",")[1]) < float(lines[0][1].split(",")[1])
    assert "http" not in page and "<b>/three" not in page


def test_without_a_dev_loss_there_is_no_plot(pair: tuple[Path, Path]) -> None:
    assert Plot.of([read_run(pair[1])]) is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{runs}/no/such"], r"no such directory\n.*runs/NAME/TIME"),
        (["{runs}"], r"this is no run .*\n.*give one of its 2 runs, e\.g\. .*/runs/tried/two"),
        (["{runs}/tried/one/report"], r"this is no run .*\n.*runs/NAME/TIME"),
        (["{runs}/tried/one", "out=a.pdf"], r"out=a.pdf.*HTML"),
        (["{runs}/tried/one", "out=/proc/a.html"], "cannot write here"),
        (["{runs}/tried/one", "ou=a.html"], r"ou: no such key"),
        ([], "no run was given"),
    ],
)
def test_what_is_wrong_is_told_in_words(words: list[str], said: str, pair: tuple[Path, Path]) -> None:
    (pair[0] / "report").mkdir()
    with pytest.raises(UserError, match=said):
        main([word.format(runs=pair[0].parent.parent) for word in words])


def of_seed(folder: Path, seed: int, share: float, report: Report) -> Path:
    """A finished run whose primary score is a share."""
    begun(folder, rate=1e-4, lines=[TWENTY])
    values = yaml.safe_load((folder / "config.yaml").read_text("utf-8"))
    (folder / "config.yaml").write_text(yaml.safe_dump(values | {"seed": seed}), encoding="utf-8")
    [suite, metric] = headlines(report)[0]
    content = report.model_dump(mode="json")
    content["systems"][report.subject][suite][metric]["value"] = share
    (folder / "report").mkdir()
    write_json(folder / "report/report.json", content)
    return folder


def test_what_the_seed_changes_is_told_of_runs_that_differ_in_nothing_else(tmp_path: Path) -> None:
    report = report_on(suite_of(tmp_path), tmp_path / "out")
    runs = [of_seed(tmp_path / f"runs/tried/{n}", n, share, report) for n, share in enumerate((0.5, 0.6, 0.55))]
    read = [read_run(path) for path in runs]
    head, first, *_ = over_seeds(read)
    assert "3 seeds" in head.name and list(first.cells) == ["55.0%", "5.0%", "50.0%", "60.0%"]
    assert "55.0%" in text(read) and "标准差 SD" in page(read)
    other = begun(tmp_path / "runs/tried/other", rate=2e-4, lines=[])
    assert over_seeds([*read, read_run(other)]) == [] == over_seeds(read[:1])


def test_seeds_are_a_sweep() -> None:
    assert _with_seeds(["recipe=x", "seeds=3"]) == ["-m", "recipe=x", "seed=1,2,3"]
    assert _with_seeds(["recipe=x", "-m", "seed=1,2"]) == ["recipe=x", "-m", "seed=1,2"]
    for wrong in (["seeds=1"], ["seeds=x"], ["seeds=3", "seed=5"], ["-m", "seeds=3", "method.rank=4,8"]):
        with pytest.raises(UserError, match="seeds"):
            _with_seeds(wrong)


@pytest.mark.slow
@pytest.mark.skipif(not AXE or CHROMIUM is None, reason="no Chromium, or no axe-core: AXE=…/axe.min.js")
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing(width: int, pair: tuple[Path, Path], tmp_path: Path) -> None:
    file = tmp_path / "compared.html"
    file.write_text(page([read_run(run) for run in pair]), encoding="utf-8")
    with browser(tmp_path / "profile") as tab:
        tab.show(width, 800)
        tab.call("Page.navigate", url=file.as_uri())
        tab.wait_for("document.readyState === 'complete'")
        tab.run(Path(AXE).read_text(encoding="utf-8") + "; true")
        assert findings(tab) == []
