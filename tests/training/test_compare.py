"""Runs side by side: finished, unfinished, barely begun; as a table and as a page."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from common.errors import UserError
from common.files import write_json
from training.compare import main
from training.comparison import Plot, differences, facts, read_run, text


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
        (["{runs}/tried/one", "ou=a.html"], r"ou: no such key"),
        ([], "no run was given"),
    ],
)
def test_what_is_wrong_is_told_in_words(words: list[str], said: str, pair: tuple[Path, Path]) -> None:
    (pair[0] / "report").mkdir()
    with pytest.raises(UserError, match=said):
        main([word.format(runs=pair[0].parent.parent) for word in words])
