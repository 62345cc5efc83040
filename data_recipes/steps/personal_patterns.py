"""What personal data looks like in Chinese text, and how it differs from the numbers of medicine.

Each kind is certain only with its check digit, its shape or its label; doses, dates, laboratory values, ICD codes,
prices and approval numbers are not personal data.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

_PROVINCE = "1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]"
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"

_SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田"
    "任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文庞樊兰殷施陶洪翟安颜倪严牛温芦季俞"
    "章鲁葛伍韦申尤毕聂丛焦向柳邢路岳齐沿梅莫庄辛管祝左涂谷祁时舒耿牟卜詹关苗凌费纪靳盛童欧甄项曲成游阳裴席卫查屈鲍位覃霍"
    "翁隋植甘景薄单包司柏宁柯阮桂闵解强柴华车冉房边辜吉饶刁瞿戚丘古米池滕晋苑邬臧畅宫来嵺苟全褚廉简娄盖符奚木穆党燕郎邸冀"
    "谈姬屠连郜晏栾郁商蒙计喻揭窦迟宇敖糜鄢冷卓花仇艾蓝都巩稽井练仲乐虞卞封竺冼原官衣楚佟栗匡宗应台巫鞠僧桑荆谌银扬明沙伏岑习"
    "胥保和蔺肖闫付代"
)
_DOUBLE = "欧阳|上官|司马|诸葛|夏侯|皇甫|尉迟|公孙|慕容|司徒|令狐|东方|独孤|宇文|长孙|端木|百里|呼延|闻人|澹台"
_TAGGED_AS_NAMES = frozenset(["安静", "安乃近", "张口", "金黄", "包块", "时年", "安宁", "平安"])  # by that dictionary
_NEVER_GIVEN = (
    "某了去来的着过他她你我们不在到给说是就也都没吗呢吧啊呀么这那有和与及或很要会能因为被把从让向医药病症炎痛疹癌"
)
_GIVEN = rf"[^\W\da-zA-Z_{_NEVER_GIVEN}]"
_NAME = rf"(?:(?:{_DOUBLE}){_GIVEN}{{1,2}}|[{_SURNAMES}]{_GIVEN}{{1,2}})"
_WORDED = r"[:：]?\s*(?:是|为)?\s*[:：（(#＃]?\s*"  # between a label and its value
_D = "[0-9０-９]"
_ALONE, _OVER = rf"(?<!{_D})(?<!{_D}[.．])", rf"(?!{_D})(?![.．]{_D})"
_HAN = "[\u4e00-\u9fff]"
_AREA = "0(?:10|2[0-9]|[3-9][0-9]{2})"
_ROAD = "路|街|大道|巷|弄|胡同|村|小区|花园|家园|新苑|公寓|大厦|社区"
_HOUSE = "号院|号楼|号|弄|幢|栋|座|单元|室|楼|层"


@dataclass(frozen=True)
class Kind:
    """One kind of personal data.

    Attributes:
        name: How it is counted.
        placeholder: What replaces it.
        pattern: Where it may be; the group ``value`` is the personal part.
        hint: Matches wherever ``pattern`` does, and is quick to search for in a whole column.
        certain: Whether a match really is one.
    """

    name: str
    placeholder: str
    pattern: str
    hint: str
    certain: Callable[[re.Match[str]], bool] = lambda match: True

    def masked(self, text: str) -> tuple[str, int]:
        """The text with placeholders, and how many."""
        found = [match for match in _compiled(self.pattern).finditer(text) if self.certain(match)]
        for match in reversed(found):
            text = text[: match.start("value")] + self.placeholder + text[match.end("value") :]
        return text, len(found)


_compiled = cache(re.compile)


def _plain(text: str) -> str:
    """A number in ASCII digits, without what separates its groups."""
    return re.sub("[^0-9X]", "", text.translate(str.maketrans("０１２３４５６７８９Ｘｘx", "0123456789XXX")))


def _real_date(year: str, month: str, day: str) -> bool:
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return False
    return 1900 <= int(year) <= 2100


def _identity_number(match: re.Match[str]) -> bool:
    number = _plain(match["value"])
    if match["label"]:  # 身份证号 in front means that it is one, mistyped or not
        return len(number) in (15, 17, 18, 19)
    if not re.match(_PROVINCE, number):
        return False
    if len(number) == 15:
        return _real_date(f"19{number[6:8]}", number[8:10], number[10:12])
    if len(number) != 18 or not _real_date(number[6:10], number[10:12], number[12:14]):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(number[:17], _WEIGHTS, strict=True))
    return number[17] == _CHECK[total % 11]


def _bank_card(match: re.Match[str]) -> bool:
    number = _plain(match["value"])
    known = len(number) >= 15 and re.match("62|4|5[1-5]|3[47]|9558", number)
    return bool(known or match["label"]) and len(set(number)) > 1 and _luhn(number)


def _luhn(number: str) -> bool:
    doubled = [int(digit) * (1 + at % 2) for at, digit in enumerate(reversed(number))]
    return sum(n - 9 if n > 9 else n for n in doubled) % 10 == 0


def _has_digits(match: re.Match[str]) -> bool:
    return sum(character.isdigit() for character in match["value"]) >= 4


def _labelled_or_formed(match: re.Match[str]) -> bool:
    return bool(match["label"] or match["form"])


def _name(match: re.Match[str]) -> bool:
    label, value = match["label"], match["value"]
    if value.endswith(("先生", "女士", "小姐")):
        return False
    if (label.rstrip().endswith((":", "：")) and "名" in label) or re.match("联系|收|监护|委托|签", label):
        return True
    if label.startswith(("我", "本人")):
        return value not in ("车子", "车辆", "白车", "车车")
    if label.startswith("名") or "姓名" in label:  # 病名叫…
        return value not in _words()
    # almost anything may follow 患者: it is a name only where a person is being described
    whole = value not in _words()
    return whole and bool(match["person"] or (match["report"] and value[:2] not in _words()))


@cache
def _words() -> frozenset[str]:
    """Words of the dictionary that begin like a name but are not: 高血压, 黄疸, 白细胞."""
    import jieba

    with (Path(jieba.__file__).parent / "dict.txt").open(encoding="utf-8") as lines:
        entries = (line.split() for line in lines if line[0] in _SURNAMES)
        return _TAGGED_AS_NAMES | {word for word, _, tag in entries if not tag.startswith("nr")}


KINDS = (
    Kind(
        "e_mail",
        "【邮箱】",
        r"(?<![A-Za-z0-9._%+-])(?P<value>[A-Za-z0-9._%+-]{1,64}[@＠][A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,})",
        "[@＠]",
    ),
    Kind(
        "identity_number",
        "【身份证号】",
        rf"(?P<label>身份证(?:件)?(?:号码|号)?{_WORDED})?{_ALONE}"
        rf"(?P<value>[1-9１-９](?:[ -]?{_D}){{13,17}}(?:[ -]?[XxＸｘ])?){_OVER}",
        f"{_D}[0-9０-９ -]{{13}}",
        _identity_number,
    ),
    Kind(
        "insurance_number",
        "【医保号】",
        r"(?:医保|社保|医疗保险|社会保险|社会保障|新农合|合作医疗|参保)(?:电子)?"
        r"(?:(?:卡|证|凭证|人员)?编?(?:号码|号)|卡(?=\s*[:：]))"
        rf"{_WORDED}(?P<value>[A-Za-z0-9０-９][A-Za-z0-9０-９-]{{4,24}})",
        "保.{0,4}号|[合疗].{0,3}号|[保障合疗](?:电子)?卡",
        _has_digits,
    ),
    Kind(
        "file_number",
        "【病案号】",
        "(?:病案|病历|住院|门诊|就诊卡|就诊|登记|病员|影像|检查|标本|条码|病理|健康卡|诊疗卡|ID)(?:编)?(?:号码|号)"
        rf"{_WORDED}(?P<value>[A-Za-z0-9０-９][A-Za-z0-9０-９-]{{3,24}})",
        "[案历院诊卡记员像查本码理D]编?号",
        _has_digits,
    ),
    Kind(
        "bank_card",
        "【银行卡号】",
        rf"(?P<label>(?:卡号?|账号|账户|帐号|帐户){_WORDED})?{_ALONE}"
        rf"(?P<value>{_D}{{4}}(?:[ -]?{_D}{{4}}){{2,3}}(?:[ -]?{_D}{{1,3}})?){_OVER}",
        f"{_D}[0-9０-９ -]{{11}}",
        _bank_card,
    ),
    Kind(
        "wechat",
        "【微信号】",
        "(?:微信|威信|薇信|[VvＶ]信|(?<=加)(?:vx|VX|wx|WX)(?=[A-Za-z])"
        "|(?<![A-Za-z])(?<![A-Za-z0-9] )(?:weixin|[Ww]e[Cc]hat|vx|VX|wx|WX)(?![A-Za-z]))(?:号码|号|ID|id)?"
        r"(?:\s*(?:[:：]|是|为|加)\s*|\s*(?=[A-Za-z0-9_-]{0,19}[0-9_]))"
        "(?P<value>[A-Za-z0-9][A-Za-z0-9_-]{5,19})(?![A-Za-z0-9_-])",
        "信|weixin|[Ww]e[Cc]hat|vx|VX|wx|WX",
    ),
    Kind(
        "qq",
        "【QQ号】",
        rf"(?:(?<![A-Za-z])[QqＱ]{{2}}|扣扣|企鹅)(?:号码|号|群号|群)?{_WORDED}(?P<value>[1-9１-９]{_D}{{4,10}}){_OVER}",
        "[QqＱ]{2}|扣扣|企鹅",
    ),
    Kind(
        "mobile",
        "【手机号】",
        rf"{_ALONE}(?P<value>(?:[+＋]?(?:00)?(?:86|８６)[ -]?)?[1１][3-9３-９]{_D}(?:[ -]?{_D}{{4}}){{2}}){_OVER}",
        f"[1１][3-9３-９]{_D}[ -]?{_D}{{4}}",
    ),
    Kind(
        "landline",
        "【电话】",
        rf"(?P<label>(?:电话|座机|固话|传真|致电)(?:号码|号)?{_WORDED})?(?<![0-9A-Za-z.-])"
        rf"(?P<value>(?P<form>(?:[（(]{_AREA}[)）] ?|{_AREA}[-－— ])[2-8][0-9]{{2,3}}[- ]?[0-9]{{4}}"
        r"(?:[-转][0-9]{1,5})?)"
        rf"|0?[0-9]{{7,11}}){_OVER}",
        "[）)－— -][2-8][0-9]{2}|电话|座机|固话|传真|致电",
        _labelled_or_formed,
    ),
    Kind(
        "address",
        "【地址】",
        r"(?P<label>(?:我|他|她|们|家|现|目前|患者|病人)*(?:家住|住在|住址|地址|现住|住|位于|寄到|寄往)(?:是|为)?[:：]?\s*)?"
        rf"(?P<value>(?P<form>(?:{_HAN}{{1,7}}?(?:省|市|自治区|自治州|区|县|旗|镇|乡|街道)){{1,4}})?"
        rf"(?:[\u4e00-\u9fff0-9]{{1,8}}?(?:{_ROAD})){{1,3}}{_D}{{1,5}}(?:{_HOUSE})(?:{_D}{{1,5}}(?:{_HOUSE})?)*)",
        f"(?:{_ROAD}){_D}{{1,5}}[号弄幢栋座单室]",
        _labelled_or_formed,
    ),
    Kind(
        "name",
        "【姓名】",
        r"(?P<label>(?:姓名|联系人|收件人|收货人|监护人|委托人|签名|签字|名字)\s*[:：]\s*"
        r"|(?:患者|病人|患儿)姓名\s*(?![和应])|(?:我叫|我名叫|我的名字叫|本人叫|名叫|名字叫)\s*|(?:患者|病人|患儿|产妇|伤者)[:：]?\s*)"
        rf"(?P<value>{_NAME})(?=(?P<person>[，,、\s（(]{{0,2}}(?:男|女|性别|年龄|今年|[0-9]{{1,3}}岁))"
        r"|(?P<report>因(?![为素此而子果])|于[0-9今昨]|自述|自诉|主诉|来院|入院)|$|[\s，,。.！!；;、）)（(]|电话|手机|科室|住院|门诊|身份证)",
        "姓名|名叫|名字|我叫|本人叫|联系人|收件人|收货人|监护人|委托人|签[名字]"
        "|(?:患者|病人|患儿|产妇|伤者).{2,9}?(?:[男女岁诉]|年龄|今年|性别|于[0-9今昨]|[来入]院|因[^为素此而子果])",
        _name,
    ),
)
"""In search order: a card number that is also the first part of an e-mail address counts as the e-mail."""
