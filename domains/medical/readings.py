"""Whether a figure that somebody has measured is usual: compared with the limits of guidelines, and what then.

Adults' limits. Blood pressure: Chinese guidelines for hypertension (2024). Glucose: WHO's criteria, as in the Chinese
guidelines for type 2 diabetes (2020, 2024). Temperature in the armpit, pulse, oxygen: textbooks of diagnostics; see
also ``figures.py``. Children and pregnant women have limits of their own, which are not given here. One figure is no
diagnosis, and whether it needs a medicine a doctor decides. No clinician has reviewed the sentences.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from domains.advice import Advice, AskedOf, Quoted
from domains.medical.figures import BLOOD_PRESSURE, GLUCOSE, OXYGEN, PULSE, TEMPERATURE, stated
from domains.retrieval.normalise import normalised

LONGEST = 60
"""Characters of a message that only asks about a figure."""

_ASKS = re.compile(
    "正常|标准|[高低快慢](?:不[高低快慢]|[吗嘛么])|偏[高低快慢]|算不?算?|要不?要?(?:[吃服用][^，,。;!?]{0,3}药|治疗|治|去医院|看医生|紧|住院|打针)|用不用|需不?需?要|严重|怎么办|咋办|怎么回事|有事|没事|危险|达标|合格"
    "|[是有][^，,。;!?]{0,6}(?:高血压|低血压|糖尿病|发烧|低烧|高烧|发热|前期)[吗么]?|多少|行吗|可以吗|好不好|好吗|[?]$"
)
_OTHERS = re.compile("孩子|宝宝|小孩|儿子|女儿|婴|娃|幼儿|[孕怀]|胎|(?<!\\d)(?:\\d|1[0-7])岁|[个满]月|产检|月子")
_AFTER_A_MEAL = re.compile("餐后|饭后|吃完|吃了?饭")
_FASTING = re.compile("空腹|早[上晨]起|早晨|没吃|饭前|餐前")
_DIASTOLIC = re.compile(r"(?:低压|舒张压)[^\d，,。;!?]{0,4}(\d{2,3})(?![\d.])")
_KINDS = re.compile("(?:降压|降血压|降糖|降血糖|退烧|退热)药")
_OF_TREATMENT = re.compile("药|治")


class _Read(NamedTuple):
    """What a figure means, with the name of an entry that speaks of it, and the attribute that does."""

    said: str
    name: str
    attribute: str
    for_all: bool = False  # children and pregnant women have no other limits


def reading(asked: AskedOf) -> Advice | None:
    """What a stated figure means; None where none is, or something else is asked."""
    text = normalised(asked.question)
    of_medicine = any(entry.type == "drug" for entry in asked.named) and not _KINDS.search(text)
    if len(text) > LONGEST or not _ASKS.search(text) or of_medicine:
        return None
    for measured in (_blood_pressure, _glucose, _temperature, _oxygen, _pulse):
        if found := measured(text):
            of_others = _OTHERS.search(text) and not found.for_all
            return Advice(_OF_OTHERS if of_others else found.said, () if of_others else tuple(_quoted(asked, found)))
    return None


_LOW_GLUCOSE = (
    "您说的{value}毫摩尔/升偏低：糖尿病人低于3.9、其他人低于2.8为低血糖。清醒的话，马上吃糖果或喝含糖饮料，15分钟后再测；"
    "没有糖尿病，或在用降糖药而反复偏低，请尽快就医。意识不清、抽搐或叫不醒，不要喂食，立即拨打120。"
)
_OF_OTHERS = (
    "孩子和孕妇的标准与一般成年人不同，这里不作判断：请带着测量的数值、时间和方法问儿科或产科医生。"
    "孕妇血压140/90及以上，孩子精神差、不吃东西或呼吸快，今天就去医院。"
)


def _blood_pressure(text: str) -> _Read | None:
    figures = stated(BLOOD_PRESSURE, text)
    if not figures:
        return None
    below = _DIASTOLIC.search(text)
    systolic, diastolic = figures[0], figures[1] if len(figures) > 1 else float(below[1]) if below else None
    high, low = (systolic, 0.0) if diastolic is None else (systolic, diastolic)
    value = f"{systolic:g}" if diastolic is None else f"{systolic:g}/{diastolic:g}"
    name, attribute = "高血压", "治疗" if _OF_TREATMENT.search(text) else "检查"
    if high >= 180 or low >= 110:
        found = "明显升高（180/110及以上）：请静坐休息后复测，仍这样高，今天就去医院；不要自行加药或含服短效降压药"
    elif high >= 140 or low >= 90:
        found = (
            "达到升高的范围（140/90及以上）：测一次不能诊断高血压，请在不同的日子安静休息后再测并记下来，多次都高请去心血管内科或全科医学科；"
            "已经在服降压药的，不要自行加减或停药，带着记录复诊"
        )
    elif high >= 120 or low >= 80:
        found = "属于正常高值（120～139或80～89），还没有到高血压的界值140/90：请改善生活方式，定期复测"
        attribute = "预防"
    elif high < 90 or (low and low < 60):
        name, attribute = "低血压", "就医信号"
        found = "偏低（低于90/60）：没有不适可以复测观察，有头晕、眼前发黑、出冷汗请尽快就医"
    else:
        found, attribute = "在正常范围（低于120/80）", "预防"
    said = (
        f"成年人的血压，以诊室测量为准：低于120/80毫米汞柱为正常，140/90及以上为升高（在家自测为135/85及以上）。您说的{value}，{found}。"
        "要不要吃药，由医生看多次测量的结果和其他情况决定。同时有剧烈头痛、胸痛、气促、说话不清或手脚无力，立即拨打120。"
    )
    return _Read(said, name, attribute)


def _glucose(text: str) -> _Read | None:
    figures = stated(GLUCOSE, text)
    if not figures or not re.search("血糖", text):
        return None
    value = figures[0]
    limits = "空腹血糖3.9～6.0毫摩尔/升为正常，6.1～6.9为偏高（空腹血糖受损），7.0及以上达到糖尿病的诊断界值"
    after = "餐后两小时低于7.8毫摩尔/升为正常，7.8～11.0为偏高（糖耐量减低），11.1及以上达到糖尿病的诊断界值"
    if value < 3.9:
        return _Read(_LOW_GLUCOSE.format(value=f"{value:g}"), "低血糖症", "治疗")
    if _AFTER_A_MEAL.search(text) and not re.search("空腹", text):
        found = _band(value, (7.8, 11.1))
    elif _FASTING.search(text):
        found = _band(value, (6.1, 7.0))
    else:
        found = f"如果是空腹测的，{_band(value, (6.1, 7.0))}；如果是餐后两小时测的，{_band(value, (7.8, 11.1))}"
    said = (
        f"成年人：{limits}；{after}。您说的{value:g}，{found}。测一次不能诊断糖尿病：请到内分泌科或全科医学科用静脉血复查。"
        "已经确诊糖尿病的人，控制目标由医生定，不要自行加减药。血糖很高又有恶心呕吐、呼吸深快、意识模糊，立即拨打120。"
    )
    return _Read(said, "2型糖尿病", "检查")


def _band(value: float, limits: tuple[float, float]) -> str:
    if value < limits[0]:
        return "在正常范围"
    return "偏高" if value < limits[1] else "达到糖尿病的诊断界值"


def _temperature(text: str) -> _Read | None:
    figures = stated(TEMPERATURE, text)
    if not figures:
        return None
    value = figures[0]
    if value < 35:
        found = "过低（低于35）：请注意保暖，今天就医；意识不清请立即拨打120"
    elif value < 37.3:
        found = "不算发热"
    else:
        found = (
            "低热" if value <= 38 else "中等度热" if value <= 39 else "高热" if value <= 41 else "超高热，请立即就医"
        )
    said = (
        f"腋下体温36～37.2℃为正常，37.3℃及以上为发热。您说的{value:g}℃，{found}。"
        "体温会随时间和活动波动，请休息半小时后复测。不满三个月的婴儿发热，请马上就医。"
    )
    return _Read(said, "发热", "护理要点" if value >= 37.3 else "就医信号", for_all=True)


def _oxygen(text: str) -> _Read | None:
    figures = stated(OXYGEN, text)
    if not figures:
        return None
    found = "在正常范围" if figures[0] >= 95 else "偏低：请把手焐热、换个手指静坐复测，仍低于95请今天就医"
    said = (
        f"平静时指夹式血氧95%及以上为正常，低于90%是急症。您说的{figures[0]:g}%，{found}。"
        "气促、嘴唇发紫或低于90%，立即拨打120。"
    )
    return _Read(said, "动脉血气分析", "用途")


def _pulse(text: str) -> _Read | None:
    figures = stated(PULSE, text)
    if not figures:
        return None
    value = figures[0]
    found = "在正常范围" if 60 <= value <= 100 else "偏慢（低于60）" if value < 60 else "偏快（高于100）"
    said = (
        f"成年人安静时心率60～100次/分为正常，常锻炼的人可以稍慢。您说的{value:g}次/分，{found}。请静坐五分钟后复测，反复偏快或偏慢请去心血管内科；"
        "同时有胸痛、气促、头晕或晕倒，立即拨打120。"
    )
    return _Read(said, "心悸", "就医信号")


def _quoted(asked: AskedOf, found: _Read) -> Iterator[Quoted]:
    """What the entry says of which the figure speaks."""
    for entry in asked.knowledge.named(found.name)[:1]:
        if items := entry.attributes.get(found.attribute):
            yield Quoted(entry, found.attribute, items)
