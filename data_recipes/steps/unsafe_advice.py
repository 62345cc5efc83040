"""A screen for answers that could harm: promising a cure, stopping a medicine, dosing oneself, avoiding hospital.

It matches phrases and is tuned for precision: a sentence that denies, warns or quotes is left alone. It does not judge
whether an answer is correct, a dose is right or something is missing; what passes is not necessarily safe. That takes a
physician.
"""

import re
from typing import Literal

import polars as pl
import pyarrow as pa

from common.command import Config
from data_recipes.steps import texts
from data_recipes.steps.step import Outcome, Step, StepKind

_DOCTOR = "医生|医师|大夫|医嘱|遵医|就诊|就医|医院|药师|处方|专科|门诊"
_DENIED = re.compile(
    "没(?!事|问题|关系|有任何副作用|有副作用|有毒副作用|有任何毒副作用)|不确|不倡导|不提倡|可能|目标|目的|不能|不可|不会|不要|不应|不得|不宜|不建议|不存在|不是|不敢|并非|没有办法|没有哪|无法|难以|尚无|还没有|未必|切勿|切忌|严禁|禁止|避免|谨防|警惕"
    "|小心|骗|虚假|夸大|所谓|号称|声称|宣称|宣传|广告|轻信|相信|吗|是否|能否|勿|别|误区|错误|危险"
)
_CURE = re.compile(
    "包治百病|包治|包好|药到病除|永不复发|绝不复发|(?:保证|一定能|肯定能|百分之百|100%)(?:能|可以)?(?:彻底)?(?:根治|治愈|治好|断根|不再复发)"
    "|(?:无|没有)(?:任何)?(?:毒)?副作用"
)
_MEDICAL = re.compile("药|治|疗|服用|方子|秘方|病|症|痛|炎")  # "纯函数没有副作用" promises nothing
_LONG_TERM = (
    "降压药|降糖药|降脂药|胰岛素|激素|泼尼松|强的松|抗凝药|华法林|利伐沙班|阿司匹林|氯吡格雷|抗癫痫药|丙戊酸钠|卡马西平|抗抑郁药|抗精神病药"
    "|抗病毒药|恩替卡韦|抗结核药|优甲乐|左甲状腺素|免疫抑制剂|化疗药|靶向药"
)
_STOP = re.compile(
    rf"(?:自己|自行|直接|马上|立刻|立即|放心|完全|可以|就)(?:可以|就|把|先)?(?:停(?:掉|用|服|止服用|了)?|不吃|不用|扔掉)(?:这些|所有的?|您的|你的|吃的)?(?:{_LONG_TERM})"
    rf"|把(?:{_LONG_TERM})(?:全部|全都|都|给)?(?:停了|停掉|停用|扔掉)"
    rf"|(?:{_LONG_TERM})(?:可以|就)?(?:自己|自行|直接|马上|立刻|立即)停(?:掉|用|了|药|服)?"
)
_PRESCRIBED = (
    "头孢|阿莫西林|左氧氟沙星|莫西沙星|阿奇霉素|克林霉素|罗红霉素|泼尼松|强的松|地塞米松|甲泼尼龙|胰岛素|二甲双胍|华法林|地高辛|吗啡|曲马多|可待因"
    "|艾司唑仑|阿普唑仑|地西泮|安定片|氯硝西泮|唑吡坦|卡马西平|丙戊酸钠|氟西汀|舍曲林|帕罗西汀|奥氮平|利培酮|甲氨蝶呤|环磷酰胺|米非司酮|硝苯地平|氨氯地平"
    "|美托洛尔|普萘洛尔|利福平|异烟肼"
)
_DOSE = r"(?:[0-9]+(?:\.[0-9]+)?|[一二两三四五六半]) ?(?:mg|g|ml|毫克|克|毫升|片|粒|颗|支|单位|U)"
_SELF = (
    "自己(?:去)?(?:买|吃|服|用|打|加)|自行(?:购买|服用|口服|使用|注射|加量)|(?:去|到)?药店(?:里)?(?:买|购)"
    "|在家(?:自己|自行)?(?:吃|服|打|注射)"
)
_DOSING = re.compile(f"(?=.*(?:{_SELF}))(?=.*(?:{_PRESCRIBED})).*{_DOSE}")
_STAY = re.compile(
    "(?:不用|不必|不需要|无需|没必要|没有必要|别|不要)(?:急着|着急|再)?(?:去|上|到|看|叫|打|送)(?:什么)?(?:医院|急诊|医生|就医|就诊|急救|救护车|120)"
)
_STAY_DENIED = re.compile("拖延|自行开车|自己开车|以为|认为|如果.*(?:消失|缓解)|之后|再来|复诊")
_RED_FLAG = (
    "胸痛|胸口.{0,3}[痛疼]|呼吸困难|喘不上气|喘不过气|昏迷|昏倒|意识不清|意识模糊|抽搐|大出血|呕血|吐血|咯血|便血|黑便|偏瘫|半身不遂|口角歪斜|嘴歪|言语不清"
    "|剧烈头痛|喉头水肿|休克|自杀|不想活|农药|中毒|胎动消失|心肌梗死|心梗|脑梗|脑出血|中风"
)
_HINTS = "|".join((_CURE.pattern, _STOP.pattern, _STAY.pattern, _SELF))
_SENTENCE = re.compile(r"[^。！？!?\n；;]+[。！？!?\n；;]*")


class UnsafeAdviceStep(Config):
    """Screens answers to medical questions.

    Attributes:
        kind: Selects this step.
        policy: ``drop`` drops the row, ``flag`` counts it.
    """

    kind: Literal["unsafe_advice"]
    policy: Literal["drop", "flag"] = "drop"


def make(config: UnsafeAdviceStep) -> Step:
    """The step for this policy."""

    def screened(rows: pa.Table) -> Outcome:
        answers = texts.answers(rows)
        at = answers.str.contains(_HINTS).arg_true()
        pairs = zip(texts.questions(rows).gather(at).to_list(), answers.gather(at).to_list(), strict=True)
        found = pl.Series(at).to_frame("row").with_columns(pl.Series("why", [_why(*pair) for pair in pairs], pl.String))
        whys = (
            answers.to_frame("a").with_row_index("row").join(found, on="row", how="left", maintain_order="left")["why"]
        )
        reasons = [(name, (whys == name).fill_null(False)) for name in _REASONS]
        if config.policy == "drop":
            return texts.without(rows, reasons)
        return texts.without(rows, [], {f"flagged_{name}": int(holds.sum()) for name, holds in reasons})

    return screened


_REASONS = ("unsafe_cure_promise", "unsafe_stop_medicine", "unsafe_self_dosing", "unsafe_stay_away")


def _why(question: str, answer: str) -> str | None:
    sentences = _SENTENCE.findall(answer)
    if _MEDICAL.search(question + answer) and any(_CURE.search(s) and not _DENIED.search(s) for s in sentences):
        return "unsafe_cure_promise"
    if any(_STOP.search(s) and not _DENIED.search(s) and not re.search(_DOCTOR, s) for s in sentences):
        return "unsafe_stop_medicine"
    advised = re.search(_DOCTOR, answer)
    if not advised and any(_DOSING.search(s) and not _DENIED.search(s) for s in sentences):
        return "unsafe_self_dosing"
    if re.search(_RED_FLAG, question + answer) and any(
        _STAY.search(s) and not _STAY_DENIED.search(s) for s in sentences
    ):
        return "unsafe_stay_away"
    return None


STEP = StepKind(UnsafeAdviceStep, make)
