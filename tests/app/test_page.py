"""The web page in a real browser."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.access.keys import ApiKey, KeyFile
from app.config import AccessConfig, AudienceConfig, RecordsConfig
from domains.knowledge_base import KnowledgeBase
from tests.app.browser import CHROMIUM, Tab, browser
from tests.app.fake_engine import ANSWER, FakeEngine
from tests.app.serving import Running, serving

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.fixture
def tab(running: Running, tmp_path: Path) -> Iterator[Tab]:
    with browser(tmp_path) as tab:
        tab.show(390, 844)
        tab.open(running.url)
        yield tab


def ask(tab: Tab, question: str) -> None:
    tab.run("document.getElementById('question').focus()")
    tab.type(question)
    tab.press("Enter", "\r")


def test_a_chat_with_source_emergency_language_and_new_start(tab: Tab) -> None:
    ask(tab, "高血压有哪些症状？")
    tab.wait_for("document.querySelector('.answered:not(.growing) .label') !== null")
    assert tab.run("document.querySelector('.text').textContent") == ANSWER
    assert "高血压的症状" in tab.run("document.querySelector('details').textContent")
    tab.run("document.querySelector('summary span').textContent = '住院管理制度.docx > '.repeat(5)")  # of a document
    assert tab.run("document.querySelector('summary .entry').offsetHeight") < 30  # the id stays on one line
    assert "人工智能生成" in tab.run("document.querySelector('.standing').textContent")

    ask(tab, "我爸突然胸痛，出了一身冷汗")
    tab.wait_for("document.querySelector('.triage.emergency a[href=\"tel:120\"]') !== null")

    tab.run("document.getElementById('language').click()")
    assert "emergency" in tab.run("document.querySelector('.triage strong').textContent")
    tab.wait_for("document.getElementById('send').textContent === 'Send'")
    assert tab.run("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [390, 844]
    tab.run("document.getElementById('fresh').click()")
    assert tab.run("document.querySelectorAll('.answered').length") == 0
    assert tab.complaints == []


def test_what_is_asked_and_answered_never_becomes_markup(tab: Tab, engine: FakeEngine) -> None:
    with serving(engine, "general") as unverified:  # where nothing is taken out of an answer
        tab.open(unverified.url)
        attack = "<img src=x onerror=\"document.title='hacked'\"><script>document.title='hacked'</script>"
        engine.answer = attack[:60]
        ask(tab, attack)
        tab.wait_for("document.querySelector('.answered:not(.growing) .label') !== null")
        assert tab.run("document.querySelector('.asked').textContent") == attack
        assert tab.run("document.querySelector('.text').textContent") == attack[:60]
        assert tab.run("document.querySelectorAll('#log img, #log script').length") == 0
        assert "杏林" in tab.run("document.title")
        assert tab.complaints == []


def test_an_answer_can_be_stopped_and_errors_are_told(tab: Tab, engine: FakeEngine, running: Running) -> None:
    engine.gate.clear()
    ask(tab, "高血压有哪些症状？")
    tab.wait_for("document.querySelector('.label') !== null")
    running.wait_for(lambda: engine.batches != [])
    tab.press("Escape")
    tab.wait_for("document.querySelector('.hint') !== null")
    assert "人工智能" in tab.run("document.querySelector('.label').textContent")
    running.wait_for(lambda: engine.cancelled == 1)
    engine.gate.set()
    engine.failure = RuntimeError("boom")
    ask(tab, "高血压有哪些症状？")
    tab.wait_for("document.querySelector('.failed[role=alert]') !== null")
    assert tab.run("document.getElementById('send').textContent") == "发送"
    assert "立即拨打120" in tab.run("document.querySelector('.failed + .unanswered').textContent")


def test_without_a_connection_or_an_answer_it_says_whom_to_call(tab: Tab) -> None:
    call = "document.querySelector('.unanswered a[href=\"tel:120\"]') !== null"
    tab.run("fetch = () => Promise.reject(new TypeError('Failed to fetch'))")
    ask(tab, "高血压有哪些症状？")
    tab.wait_for(call)
    assert "连接中断" in tab.run("document.querySelector('.failed').textContent")
    tab.run("document.getElementById('fresh').click()")
    tab.run("fetch = () => new Promise(() => {}); const late = setTimeout; setTimeout = (f, ms) => late(f, ms / 100)")
    ask(tab, "高血压有哪些症状？")
    tab.wait_for(call)
    assert tab.run("document.querySelector('.failed')") is None
    tab.wait_for("document.querySelector('.failed') !== null")
    assert "等待太久" in tab.run("document.querySelector('.failed').textContent")
    assert tab.run("document.querySelectorAll('.unanswered').length") == 1


def test_a_citation_leads_to_what_the_knowledge_base_says(tab: Tab, engine: FakeEngine) -> None:
    engine.answer = "头痛和头晕。【D001】【X9】"
    ask(tab, "高血压有哪些症状？")
    tab.wait_for("document.querySelector('.cited') !== null")
    assert tab.run("document.querySelector('.text').textContent") == "头痛和头晕。【D001】"
    assert tab.run("[...document.querySelectorAll('.cited')].map((link) => link.textContent)") == ["【D001】"]
    tab.run("document.querySelector('details').open = false")
    tab.run("document.querySelector('.cited').click()")
    assert tab.run("document.querySelector('details').open")
    assert tab.run("document.activeElement.closest('details').dataset.entry") == "D001"
    assert tab.complaints == []


def test_what_is_asked_back_is_answered_by_buttons_and_then_told_what_to_do(tab: Tab) -> None:
    choices = "[...document.querySelectorAll('.choices button')].map((button) => button.textContent)"
    ask(tab, "头痛")
    for _ in range(4):
        tab.wait_for("document.querySelector('.answered:not(.growing) .choices') !== null")
        assert tab.run(choices) == ["是", "没有", "不清楚"]
        assert tab.run("document.querySelector('.choices').getAttribute('aria-label')").endswith("？")
        assert tab.run("document.querySelector('.answered:last-child .hint')") is None  # advice comes at the end
        tab.run("document.querySelectorAll('.choices button')[1].click()")
    tab.wait_for("document.querySelector('.answered:last-child:not(.growing) .hint') !== null")
    assert "120" in tab.run("document.querySelector('.answered:last-child .hint').textContent")
    assert tab.run("document.querySelectorAll('.answered').length") == 5 and tab.run(choices) == []

    tab.run("document.getElementById('fresh').click()")  # nothing is asked twice in a conversation
    ask(tab, "头痛")
    tab.wait_for("document.querySelector('.answered:not(.growing) .choices') !== null")
    tab.run("document.querySelector('.choices button').click()")
    tab.wait_for("document.querySelector('.answered:last-child .triage.emergency a[href=\"tel:120\"]') !== null")
    assert tab.complaints == []


def test_a_complaint_about_an_answer_is_kept_and_gets_a_number(
    tab: Tab, engine: FakeEngine, knowledge: KnowledgeBase, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("records")
    audience = AudienceConfig(complaints="电话 000，五个工作日内答复", records=RecordsConfig(folder=folder))
    with serving(engine, "medical", knowledge, audience=audience) as public:
        tab.open(public.url)
        assert "电话 000" in tab.run("document.querySelector('.standing').textContent")
        ask(tab, "高血压有哪些症状？")
        tab.wait_for("document.querySelector('.answered:not(.growing) .tell') !== null")
        tab.run("document.querySelector('.tell').click()")
        tab.type("回答漏了一条")
        tab.run("document.querySelector('.feedback .send').click()")
        tab.wait_for("document.querySelector('.feedback .hint').textContent.includes('已收到')")
        assert "五个工作日" in tab.run("document.querySelector('.feedback').textContent")
    [file] = folder.glob("audit-*.jsonl")
    assert "回答漏了一条" in file.read_text("utf-8")
    assert tab.complaints == []


def test_the_page_asks_for_the_key_once_and_a_doctor_corrects_an_answer(
    tab: Tab, engine: FakeEngine, knowledge: KnowledgeBase, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("guarded")
    key = KeyFile(folder / "keys.sqlite").add(ApiKey("dr-li", "doctor", time.time()))
    audience = AudienceConfig(records=RecordsConfig(folder=folder / "records"))
    access = AccessConfig(keys=folder / "keys.sqlite")
    with serving(engine, "medical", knowledge, audience=audience, access=access) as guarded:
        tab.open(guarded.url)
        ask(tab, "高血压有哪些症状？")
        tab.wait_for("document.activeElement.matches('.key input')")
        assert "密钥" in tab.run("document.querySelector('.failed').textContent")
        assert tab.run("document.querySelector('.unanswered a[href=\"tel:120\"]') !== null")
        tab.type(f" {key} ")
        tab.press("Enter", "\r")
        tab.wait_for("document.querySelector('.answered:not(.growing) .tell') !== null")
        assert tab.run("[...document.querySelectorAll('.asked, .answered, .failed')].length") == 2
        ask(tab, "偏头痛挂什么科？")  # the key is kept
        tab.wait_for("document.querySelectorAll('.answered:not(.growing) .tell').length === 2")

        tab.run("document.querySelector('.tell').click()")
        hidden = "document.querySelector('.feedback .corrected').hidden"
        assert tab.run(hidden)
        kind = "document.querySelector('.feedback select')"
        tab.run(f"{kind}.value = 'correction'; {kind}.dispatchEvent(new Event('change'))")
        assert not tab.run(hidden)
        tab.run("document.querySelector('.feedback .corrected').focus()")
        tab.type("多数人没有症状。")
        tab.run("document.querySelector('.feedback .send').click()")
        tab.wait_for("document.querySelector('.feedback .hint').textContent.includes('已收到')")
    [file] = (folder / "records").glob("audit-*.jsonl")
    corrected = file.read_text("utf-8").splitlines()[-1]
    assert "多数人没有症状。" in corrected and ANSWER in corrected and "高血压有哪些症状？" in corrected
    assert [one for one in tab.complaints if "401" not in one] == []  # which the browser reports as it is
