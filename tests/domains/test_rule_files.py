"""Rules of a file, without anything medical: what a new domain writes and what it may rely on."""

from pathlib import Path

import pytest

from common.errors import UserError
from domains.knowledge_base import KnowledgeBase
from domains.safety_rules import Triager, rules_in

RULES = """
levels:
  emergency:
    title: {zh: 有触电危险, en: Risk of electric shock}
    advice: 请立即断电并离开设备。
    answer: 请先断电。
  urgent:
    title: {zh: 请停止使用, en: Stop using it}
    advice: 请停止使用并联系维修人员。
  routine: {}
rules:
  - name: 接触带电部件
    level: emergency
    all:
      - [打开机壳, 拆…外壳]
      - [没断电, 通着电]
    except: [电池盒没断电]
  - name: 生物样本泄漏
    level: urgent
    advice: 请按生物安全规程消毒。
    all:
      - [样本…洒, 血样…漏]
  - name: 多处异常
    level: urgent
    least: 2
    all:
      - [冒烟]
      - [异响]
      - [漏油]
harmless: [烟雾机冒烟]
"""


@pytest.fixture
def triager(tmp_path: Path, knowledge: KnowledgeBase) -> Triager:
    file = tmp_path / "rules.yaml"
    file.write_text(RULES, encoding="utf-8")
    return rules_in(file)(knowledge)


@pytest.mark.parametrize(
    ("question", "level"),
    [
        ("打开机壳的时候没断电", "emergency"),
        ("拆离心机外壳，通着电", "emergency"),
        ("打 开 机 壳，通着电", "emergency"),
        ("打开机壳，电池盒没断电", "routine"),
        ("没有打开机壳，通着电", "routine"),
        ("样本全洒了", "urgent"),
        ("样本没有洒", "routine"),
        ("天平怎么校准", "routine"),
        ("冒烟了，还漏油", "urgent"),
        ("冒烟了", "routine"),
        ("烟雾机冒烟，漏油", "routine"),
    ],
)
def test_every_list_must_be_affirmed(triager: Triager, question: str, level: str) -> None:
    assert triager.triage(question).level == level


def test_what_a_level_says_and_what_a_rule_says_instead(triager: Triager) -> None:
    shock, leak = triager.triage("打开机壳，没断电"), triager.triage("血样漏了")
    assert (shock.reasons, shock.advice) == (["接触带电部件"], "请立即断电并离开设备。")
    assert (leak.reasons, leak.advice) == (["生物样本泄漏"], "请按生物安全规程消毒。")
    assert triager.triage("你好").advice == ""


def test_emergencies_add_up_over_a_conversation_lesser_signs_do_not(triager: Triager) -> None:
    assert triager.triage("还通着电", ["我打开机壳了"]).level == "emergency"
    assert triager.triage("谢谢", ["样本洒了"]).level == "routine"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (("level: urgent", "level: grave"), "rules.1.level"),
        (("    title: {zh: 请停止使用, en: Stop using it}\n", ""), "levels.urgent needs title and advice"),
        (("  routine: {}\n", ""), "levels lacks routine"),
        (("    except:", "    unless:"), "rules.0.unless"),
        (("levels:", "levels: ["), "not YAML"),
    ],
)
def test_a_wrong_file_is_refused_by_key(
    tmp_path: Path, knowledge: KnowledgeBase, damage: tuple[str, str], message: str
) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(RULES.replace(*damage), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        rules_in(file)(knowledge)
