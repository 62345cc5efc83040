"""Names that their form makes certain: in a field of a record, with the dot of a transcription, in Latin letters."""

import re
from functools import cache

from data_recipes.steps.names import lists
from data_recipes.steps.names.features import dictionary
from data_recipes.steps.personal_kind import Kind

_HAN = "[\u4e00-\u9fff]"
_LATIN = r"[A-Z][A-Za-z]+(?:,? [A-Z][A-Za-z]+|-[A-Z][a-z]+){1,2}"
_PART = f"(?:(?![的是因于在和与之说诉]){_HAN}){{2,8}}"
_DOTTED = f"{_PART}[·•・‧]{_PART}(?:[·•・‧]{_PART})?"
_SURNAME = f"(?:{'|'.join(lists.DOUBLE_SURNAMES)}|[{lists.SURNAMES}])"

_LABEL_ENDS = "|".join(r"\s*".join(label) if len(label) == 2 else label for label in lists.LABELS)
_LABEL = rf"(?P<label>{_LABEL_ENDS})\s*(?:[（(][^（()）]{{1,6}}[)）])?\s*(?P<sign>[:：】\]|=]\s*|\s+)"
_LONGEST_LABEL = 14
_NAMED = re.compile("名|签|联系人|收[件货款]人|[寄发]件人|监护人")
_OF_A_PERSON = re.compile(
    r"(?:姓名|名字|大名|学名|户名|(?:联系|监护|代理|委托|受托|经办|申请|责任|负责|报告|汇报|主持|见证|陪护|护送|登记|复核|核对|核收|审核|批准|"
    "接收|领取|领用|采集|检验|检测|送检|填表|建档|随访|接诊|[投参被受]保|受益|[缴交付汇收借贷领]款|[收寄发取]件|收货|报案|报警|求助|当事|"
    r"受检|体检|就诊|持卡|持证|法)人|户主|主诊|主刀|术者|供者|受者|[一二三]助|麻醉医师|(?:管床|值班|责任)(?:医生|医师|护士))\s*"
    r"(?:[（(][^（()）]{1,6}[)）])?[0-9一二]?\s*[:：】\]|=]\s*$"
)
"""Fields that hold nothing but a name, whatever word it is."""
_ENDS = (
    r"(?=$|[\s，,。.！!；;、）)（(<【\[/:：|｜]|[男女]|电话|手机|联系|性别|年龄|出生|科|住院|门诊|身份证|与患者|关系|"
    r"签|日期|职称|工号|民族)"
)
_OPENS_RECORD = r"[，,、|\s（(]\s*(?:[男女][，,、|\s。）)]|[0-9]{1,3}\s*岁)"

_SOUNDS = "".join(lists.SOUNDS) + "".join(old for old, new in lists.TRADITIONAL.items() if new in lists.SOUNDS)
_TRANSCRIBED = f"(?:阿[不布]都|[{_SOUNDS}]){{2,9}}"
_PUBLIC = re.compile(r"[^。；\n]{0,6}(?:命名|发明|发现|提出|创立|定律|[征病法]|综合征|[（(]\s*[0-9]{4})|[》”]")

_TITLES = "医生|医师|大夫|先生|女士|小姐|护士|教授|主任|老师|同学|太太|夫人"
_TITLE = (
    r"(?:Mrs?|Ms|Miss|Dr|Prof)\.? |(?:(?<![A-Za-z] )|[Ss]ur|[Ff]irst |[Ll]ast |[Gg]iven |[Ff]amily )[Nn]ame[:：（(]? ?|"
    r"[Pp](?:atient|t)[:：]? |(?:英文名|持证人|旅客|外籍人员)[:：]? ?|"
    r"(?<=[人者员]) ?"
)
_THINGS = (
    "(?:[A-Z][A-Za-z]+ ){0,2}(?:Capsules?|Tablets?|Injection|Syrup|Hydrochloride|Sodium|Sulfate|Rhythm|"
    "[Dd]isease|[Ss]yndrome)|(?:Stage|Grade|Type|Class|Phase|Level|Group|Cycle|Day|Part|Factor|Figure|Table)\\b|"
    "[A-Z][A-Za-z]+ [IVX]+\\b"
)
"""What has a name in records and is nobody."""
_SYLLABLE = (
    "(?:[zcs]h|[bpmfdtnlgkhjqxzcsrwy])?"
    "(?:iang|iong|uang|ang|eng|ing|ong|ian|iao|uai|uan|ai|ei|ao|ou|an|en|in|un|ia|ie|iu|ua|uo|ui|ue|[aeiouv])"
)
_SYLLABLES = re.compile(f"(?:{_SYLLABLE}){{1,3}}")


def _is_filled_in(match: re.Match[str]) -> bool:
    """Whether what stands after a sign is the name in a field of a record."""
    label = _label().search(match.string[max(0, match.start() - _LONGEST_LABEL) : match.start()])
    value = re.sub(r"\s", "", match["value"])
    if not label or value in lists.NOT_FILLED_IN or lists.NEVER_GIVEN.intersection(value[1:]):
        return False
    if value.endswith(lists.ADDRESS) or not re.fullmatch(f"{_HAN}+", value):
        return not value.endswith(lists.ADDRESS)
    before = match.string[max(0, match.start() - _LONGEST_LABEL) : match.start()]
    named = bool(_NAMED.search(before))
    if len(value) < 4 and _OF_A_PERSON.search(before):
        return True
    if re.match(_SURNAME, value) and len(value) < (5 if value.startswith(lists.DOUBLE_SURNAMES) else 4):
        return named or not dictionary().plain.has(value)
    pairs = (value[at : at + 2] for at in range(len(value) - 1))
    return named and bool(label["sign"].strip()) and not any(dictionary().plain.has(pair) for pair in pairs)


@cache
def _label() -> re.Pattern[str]:
    return re.compile(f"{_LABEL}$")


def _is_transcribed(match: re.Match[str]) -> bool:
    """Whether a dot joins parts of a name, not of somebody whom every text may name."""
    last = re.split("[·•・‧]", match["value"])[-1]
    return not last.startswith(lists.ABROAD) and not _PUBLIC.match(match.string, match.end())


def _is_pinyin(match: re.Match[str]) -> bool:
    """Whether Latin words are a surname and a given name of one to three syllables, in either order."""
    first, *_, last = parts = match["value"].lower().replace(",", "").split()
    if not all(_SYLLABLES.fullmatch(part) for part in parts):
        return False
    return first in lists.PINYIN_SURNAMES or (last in lists.PINYIN_SURNAMES and len(first) > 4)


NAMES = (
    Kind(
        "name",
        "【姓名】",
        rf"(?<=[:：】\]|=\s）)])(?P<value>{_HAN}{{2,4}}|{_DOTTED}|(?!{_THINGS}){_LATIN}|{_SURNAME}\s{{1,3}}{_HAN}(?=\s{{2}})){_ENDS}",
        rf"(?:{_LABEL_ENDS})\s*(?:[（(][^（()）]{{1,6}}[)）])?\s*[:：】\]|=\s]\s*[\p{{Han}}A-Z]",
        _is_filled_in,
    ),
    Kind(
        "name",
        "【姓名】",
        rf"(?<![{_SOUNDS}])(?P<value>{_TRANSCRIBED}(?:[·•・‧]{_TRANSCRIBED}){{1,2}})",
        "[·•・‧]",
        _is_transcribed,
    ),
    Kind(
        "name",
        "【姓名】",
        rf"(?:^|(?<=[。；;\n：:！!？?|\s]))(?P<value>{_DOTTED}|{_LATIN})(?={_OPENS_RECORD})",
        _OPENS_RECORD,
    ),
    Kind(
        "name",
        "【姓名】",
        rf"(?:{_TITLE})(?!{_THINGS})(?P<value>{_LATIN}|(?<=[.e] )[A-Z][a-z]{{2,}})(?![A-Za-z])",
        r"[人者员名.enst:：] ?[A-Z][A-Za-z]",
    ),
    Kind(
        "name",
        "【姓名】",
        rf"(?<![A-Za-z-])(?P<value>[A-Z][a-z]+(?: [A-Z][a-z]+){{1,2}})(?= ?(?:{_TITLES}))",
        f"[A-Za-z] ?(?:{_TITLES})",
    ),
    Kind(
        "name",
        "【姓名】",
        r"(?<![A-Za-z])(?P<value>[A-Z]{2,}\^[A-Z]{2,}(?:\^[A-Z]+)*)(?![A-Za-z])",  # of DICOM
        "[A-Z]\\^[A-Z]",
    ),
    Kind(
        "name",
        "【姓名】",
        rf"(?<![A-Za-z] )(?i:name)\s*[:：=(（|]\s*(?P<value>{_HAN}{{2,4}})(?!{_HAN})",
        r"(?i:name)\s*[:：=(（|]\s*\p{Han}",
        lambda match: match["value"] not in lists.NOT_FILLED_IN,
    ),
    Kind(
        "name",
        "【姓名】",
        rf"姓名(?P<value>{_SURNAME}{_HAN}{{1,2}})(?=性别|年龄|年令|出生|民族|科别|住院|床号|电话)",
        "姓名.{2,5}(?:性别|年|出生|民族|科别|住院|床号|电话)",
    ),
    Kind(
        "name",
        "【姓名】",
        r"(?<![A-Za-z-])(?P<value>[A-Z][A-Za-z]+,?(?: [A-Z][A-Za-z]+){1,2})(?![A-Za-z])",
        "[A-Z][A-Za-z]+,? [A-Z][A-Za-z]",
        _is_pinyin,
    ),
)
"""In search order."""
