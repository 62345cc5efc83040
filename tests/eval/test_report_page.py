"""The report in a real browser: filters, search, flips, permalinks and keys, and axe-core finds nothing.

AXE=package/axe.min.js python -m pytest -m slow tests/eval/test_report_page.py (see tests/app/test_accessibility.py)
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from data_recipes.pipeline.build import BuiltDataset
from eval.report.html import html
from eval.report.schema import GateOutcome, RuleOutcome
from tests.app.browser import CHROMIUM, Tab, browser
from tests.app.test_accessibility import AXE, findings
from tests.eval.test_browser import compared, evaluated

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]
GATE = GateOutcome(
    gate="medical",
    rules=(
        RuleOutcome(rule="emergencies", verdict="failed", zh="未达到。", en="Missed."),
        RuleOutcome(rule="served", verdict="undecided", zh="没有测量。", en="Not measured."),
        RuleOutcome(rule="merge", verdict="passed", zh="通过。", en="Passed."),
    ),
)


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory, dataset: BuiltDataset) -> Iterator[tuple[Tab, str]]:
    """A browser, and where the report is."""
    report, items = evaluated(dataset)
    page = tmp_path_factory.mktemp("report") / "index.html"
    page.write_text(html(report.model_copy(update={"gate": GATE}), items), encoding="utf-8")
    with browser(tmp_path_factory.mktemp("profile")) as one:
        yield one, page.as_uri()


def opened(tab: tuple[Tab, str], state: str = "") -> Tab:
    one, url = tab
    one.call("Page.navigate", url="about:blank")
    one.call("Page.navigate", url=url + state)
    one.wait_for("document.readyState === 'complete' && document.getElementById('found')?.textContent !== ''")
    return one


def shown(tab: Tab) -> list[str]:
    ids: list[str] = tab.run("[...document.querySelectorAll('#list details')].map((one) => one.dataset.id)")
    return ids


def choose(tab: Tab, **filters: str) -> list[str]:
    for name, value in filters.items():
        tab.run(f"document.getElementById('filters').elements['{name}'].value = {value!r}")
    tab.run("document.getElementById('filters').dispatchEvent(new Event('input', {bubbles: true}))")
    return shown(tab)


def test_items_are_filtered_searched_and_linked(tab: tuple[Tab, str]) -> None:
    one = opened(tab)
    assert shown(one) == ["急1-1", "急2-1", "高血压-9", "偏头痛-2"]
    assert choose(one, verdict="wrong") == ["急2-1"]
    assert one.run("location.hash") == "#verdict=wrong"
    assert choose(one, verdict="", change="fixed") == ["急1-1", "高血压-9", "偏头痛-2"]
    assert choose(one, change="same") == []
    assert choose(one, change="", odd="empty", system="0") == ["偏头痛-2"]
    assert choose(one, odd="", text="头晕 血压") == ["高血压-9"]
    one.run("document.querySelector('#list summary').click()")
    one.wait_for("document.querySelector('#list .detail') !== null")
    assert "alert(" in one.run("document.querySelector('#list .detail').textContent")
    link = one.run("document.querySelector('#list .detail a').getAttribute('href')")
    one = opened(tab, link)
    one.wait_for("document.querySelector('#list details[open] .detail') !== null")
    assert one.run("document.activeElement.parentElement.dataset.id") == "高血压-9"
    assert shown(opened(tab, "#verdict=wrong")) == ["急2-1"]
    assert one.complaints == []


def test_the_list_is_walked_by_keys(tab: tuple[Tab, str]) -> None:
    one = opened(tab)
    one.run("document.querySelector('#list summary').focus()")
    one.run("document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowDown', bubbles: true}))")
    assert one.run("document.activeElement.parentElement.dataset.id") == "急2-1"


@pytest.mark.skipif(not AXE, reason="no axe-core: AXE=…/axe.min.js")
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("size", [(390, 844), (1280, 800)])
def test_axe_finds_nothing(size: tuple[int, int], dark: bool, tab: tuple[Tab, str]) -> None:
    tab[0].show(*size, dark=dark)
    one = opened(tab)
    one.run(Path(AXE).read_text(encoding="utf-8") + "; true")
    assert findings(one) == []
    one.run("for (const part of document.querySelectorAll('details')) part.open = true")
    one.wait_for("document.querySelectorAll('#list .detail').length === 4")
    assert findings(one) == []
    one.run("document.querySelector('[data-set=en]').click()")
    assert findings(one) == []
    assert one.run("document.documentElement.scrollWidth <= innerWidth")


def test_on_paper_every_system_is_inside_the_page(dataset: BuiltDataset, tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text(html(*compared(dataset, "base", "tuned", "older", "hf", "served")), encoding="utf-8")
    with browser(tmp_path / "profile") as one:
        one.show(718, 1000)  # A4 with the margins of a browser
        one.call("Emulation.setEmulatedMedia", media="print")
        one.call("Page.navigate", url=page.as_uri())
        one.wait_for("document.readyState === 'complete'")
        cells = "[...document.querySelectorAll('.scores td, .scores th')].filter((cell) => cell.offsetWidth)"
        assert one.run(f"{cells}.length") > 20
        asked = "document.querySelector('#list .asked')"
        assert one.run(f"{asked}.scrollWidth <= {asked}.clientWidth")  # whole: nothing can be opened there
        assert one.run(f"Math.max(...{cells}.map((cell) => cell.getBoundingClientRect().right)) <= innerWidth")
