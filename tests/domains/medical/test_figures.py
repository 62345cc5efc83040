"""Figures by their limits: as many ways to write one, one meaning; what is no measurement stays."""

import pytest

from domains.medical.figures import with_bands
from domains.medical.triager import MedicalTriager
from domains.safety_rules import normalised


def read(text: str) -> str:
    return with_bands(normalised(text))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("我血压160/100", "我血压142/95"),
        ("血压１８０／１２０", "血压195/112"),
        ("体温38.5", "体温38点9"),
        ("孩子烧38度5", "孩子烧38.7"),
        ("血氧88", "血氧 82"),
        ("空腹血糖5.6", "空腹血糖6.8"),
        ("空腹血糖7.8", "空腹血糖8.9"),
        ("心率72", "心率 88"),
    ],
)
def test_figures_between_the_same_limits_are_one(one: str, other: str) -> None:
    assert read(one) == read(other) != normalised(one)


@pytest.mark.parametrize(
    ("below", "above"),
    [
        ("血压179/100", "血压180/100"),
        ("血压150/109", "血压150/110"),
        ("血压219/120", "血压220/120"),
        ("血压92/60", "血压88/60"),
        ("血氧89", "血氧90"),
        ("血糖2.9", "血糖3.0"),
        ("空腹血糖6.9", "空腹血糖7.0"),
        ("心率130", "心率131"),
        ("体温39.0", "体温39.1"),
    ],
)
def test_a_limit_tells_figures_apart(below: str, above: str) -> None:
    assert read(below) != read(above)


@pytest.mark.parametrize(
    "text",
    [
        "内科38床",
        "发烧38天了",
        "气温38度",
        "24小时动态血压",
        "血压仪用了10年",
        "胎心率150",
        "吃了100/25的药",
        "血糖测了5次",
    ],
)
def test_what_is_no_measurement_stays(text: str) -> None:
    assert read(text) == normalised(text)


@pytest.mark.parametrize(
    ("message", "disposition"),
    [
        ("我血压160/100", "days"),
        ("血压160/100要紧吗", "days"),
        ("血压165/105，没什么不舒服", "days"),
        ("我血压180/120", "today"),
        ("我血压180/120，头痛，看东西模糊", "120"),
        ("血压225/120", "120"),
        ("血压70/40", "120"),
        ("血糖3.4", "today"),
        ("血糖2.7", "120"),
        ("血糖20", "today"),
        ("血氧92", "today"),
        ("血氧86", "120"),
        ("体温38.4", "home"),
        ("体温39.8", "today"),
        ("体温41.2", "120"),
        ("心率112，没感觉", "days"),
        ("心率140", "today"),
        ("心率165", "120"),
        ("心率36", "120"),
    ],
)
def test_a_figure_alone_is_judged_by_its_limits(triager: MedicalTriager, message: str, disposition: str) -> None:
    assert triager.triage(message).disposition == disposition


@pytest.mark.parametrize("message", ["血压118/76", "血氧98", "血糖5.4", "体温36.6", "心率72"])
def test_a_usual_figure_needs_nobody(triager: MedicalTriager, message: str) -> None:
    assert triager.triage(message).level == "routine"
