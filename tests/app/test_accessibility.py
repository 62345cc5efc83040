"""axe-core finds nothing on the chat page.

npm pack axe-core, unpack it, and AXE=package/axe.min.js python -m pytest -m slow tests/app/test_accessibility.py
"""

import json
import os
from pathlib import Path

import pytest

from tests.app.browser import CHROMIUM, Tab, browser
from tests.app.fake_engine import FakeEngine
from tests.app.serving import Running
from tests.app.test_page import ask

AXE = os.environ.get("AXE", "")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.skipif(not AXE, reason="no axe-core: AXE=…/axe.min.js"),
]


def findings(tab: Tab) -> list[str]:
    """What axe-core says of the page as it is: the rule, and where."""
    found = json.loads(
        tab.run("axe.run(document).then((result) => JSON.stringify(result.violations))")  # rules of all levels
    )
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("size", [(390, 844), (1280, 800)])
def test_no_state_of_the_page_has_a_finding(
    size: tuple[int, int], dark: bool, running: Running, engine: FakeEngine, tmp_path: Path
) -> None:
    with browser(tmp_path) as tab:
        tab.show(*size, dark=dark)
        tab.open(running.url)
        tab.run(Path(AXE).read_text(encoding="utf-8") + "; true")
        assert findings(tab) == []
        engine.answer = "头痛和头晕。【D001】"
        ask(tab, "高血压有哪些症状？")
        tab.wait_for("document.querySelector('.answered:not(.growing) .cited') !== null")
        assert findings(tab) == []
        ask(tab, "我爸突然胸痛，出了一身冷汗")
        tab.wait_for("document.querySelector('.triage.emergency a[href=\"tel:120\"]') !== null")
        assert findings(tab) == []
        tab.run("document.getElementById('fresh').click()")  # a complaint after an emergency is part of it
        ask(tab, "头痛")
        tab.wait_for("document.querySelector('.answered:not(.growing) .choices') !== null")
        assert findings(tab) == []
        tab.run("document.getElementById('fresh').click()")
        engine.failure = RuntimeError("boom")
        ask(tab, "高血压有哪些症状？")
        tab.wait_for("document.querySelector('.failed[role=alert]') !== null")
        assert findings(tab) == []
