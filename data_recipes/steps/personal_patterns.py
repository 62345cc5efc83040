"""What personal numbers, dates and places look like in Chinese text, and how they differ from the numbers of medicine.

Each kind is certain only with its check digit, its shape or its label; doses, dates, laboratory values, ICD codes,
prices and approval numbers are not personal data.
"""

import re
from datetime import date

from data_recipes.steps.personal_kind import Kind

_PROVINCE = "1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]"
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"

_WORDED = r"[:：】\]]?\s*(?:是|为)?\s*[:：（(#＃]?\s*"  # between a label and its value
_D = "[0-9０-９]"
_ALONE, _OVER = rf"(?<!{_D})(?<!{_D}[.．])", rf"(?!{_D})(?![.．]{_D})"
_HAN = "[\u4e00-\u9fff]"
_AREA = "0(?:10|2[0-9]|[3-9][0-9]{2})"
_ROAD = "路|街|大道|巷|弄|胡同|村|小区|花园|家园|新苑|公寓|大厦|社区"
_HOUSE = "号院|号楼|号|弄|幢|栋|座|单元|室|楼|层|院"
_ADMIN = "省|市|自治区|自治州|地区|区|县|旗|盟|镇|乡|街道"
_BUILDING = "公寓|院|园|楼|小区|苑|厦|城|舍|府|里|庭|村"
_NUMERAL = "[零〇一二三四五六七八九幺]"
_FILED = (
    "病案|病历|住院|门诊|就诊|登记|病员|病人|患者|影像|检查|检验|标本|样本|条码|病理|健康|诊疗|体检|筛选|随机|受试者|入组|试验|申请|放射|超声|CT|MR|挂号|处方"
    "|报告|化验|档案|建档|员工|职工|工牌|工作|学籍|会员|准考|发票|预约|取药|流水|诊断证明|出院|出生|医学证明|残疾|接种|医师资格|执业|床位|护理|手术"
)
_HAN_NUMBER = "[零〇一二三四五六七八九十]"
_DASH = "[ .．—–－·-]"
_DATE = r"(?:19|20)\d{2}\s*[年./-]\s*\d{1,2}(?:\s*[月./-](?:\s*\d{1,2}\s*[日号]?)?)?"
_PLATES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"


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


def _qq(match: re.Match[str]) -> bool:
    return 5 <= len(_plain(match["value"])) <= 11


def _account(match: re.Match[str]) -> bool:
    """A bank card: by its check digit, or where a bank is named."""
    return _bank_card(match) or bool(
        (match["bank"] or match["label"]) and re.match("62|4|5[1-5]", _plain(match["value"]))
    )


def _place(match: re.Match[str]) -> bool:
    return bool(match["label"] or (match["form"] and "医院" not in match["value"]))


PATTERNS = (
    Kind(
        "e_mail",
        "【邮箱】",
        r"(?<![A-Za-z0-9._%+-])(?P<value>[A-Za-z0-9._%+-]{1,64}"
        r"(?:[@＠]| ?[（(]at[)）] ?|艾特|#(?=(?:163|126|qq|gmail|sina|foxmail|hotmail|outlook)\.))"
        r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,})",
        "[@＠]|[（(]at[)）]|艾特|#(?:163|126|qq|gmail|sina|foxmail|hotmail|outlook)",
    ),
    Kind(
        "identity_number",
        "【身份证号】",
        rf"(?P<label>(?:身份证(?:件)?|证件)(?:号码|号)?{_WORDED})?{_ALONE}"
        rf"(?P<value>[1-9１-９](?:[ -]?{_D}){{13,17}}(?:[ -]?[XxＸｘ])?){_OVER}",
        f"{_D}[0-9０-９ -]{{13}}",
        _identity_number,
    ),
    Kind(
        "insurance_number",
        "【医保号】",
        r"(?:医保|社保|医疗保险|社会保险|社会保障|新农合|合作医疗|参保|参合|公积金)(?:电子|个人)?"
        r"(?:(?:卡|证|凭证|人员)?编?(?:号码|号)|卡(?=\s*[:：]))"
        rf"{_WORDED}(?P<value>[A-Za-z0-9０-９][A-Za-z0-9０-９-]{{4,24}})",
        "[保合疗金].{0,4}号|[保障合疗](?:电子)?卡",
        _has_digits,
    ),
    Kind(
        "file_number",
        "【病案号】",
        rf"(?:{_FILED}|工|学|ID)(?:编|单|卡|证)?(?:号码|编号|号){_WORDED}(?P<value>[A-Za-z0-9０-９][A-Za-z0-9０-９-]{{3,24}})",
        f"(?:{_FILED}|工|学|ID)(?:编|单|卡|证)?(?:号码|编号|号).{{0,6}}[A-Za-z0-9０-９]{{2}}",
        _has_digits,
    ),
    Kind(
        "file_number",
        "【病案号】",
        r"(?<![A-Za-z])(?:MRN|PID|ID)(?:[ .]?(?:No|NO|no)\.?)?\s*[:：]\s*(?P<value>[A-Za-z0-9][A-Za-z0-9-]{3,24})",
        "MRN|PID|ID",
        _has_digits,
    ),
    Kind(
        "bank_card",
        "【银行卡号】",
        rf"(?P<bank>银行[^\d]{{0,8}}|[工农建中交招]行[^\d]{{0,4}}|(?:打|转|汇)到?[^\d]{{0,8}}卡上?[:：]?\s*)?(?P<label>(?:卡号?|账号|账户|帐号|帐户){_WORDED})?{_ALONE}"
        rf"(?P<value>{_D}{{4}}(?:[ -]?{_D}{{4}}){{2,3}}(?:[ -]?{_D}{{1,3}})?){_OVER}",
        f"{_D}[0-9０-９ -]{{11}}",
        _account,
    ),
    Kind(
        "wechat",
        "【微信号】",
        "(?:微信|威信|薇信|加微|威芯|绿泡泡|微x|[VvＶ]信|抖音|小红书|快手|钉钉|支付宝(?:账号)?|(?<=加)(?:vx|VX|wx|WX)(?=[A-Za-z])"
        "|(?<![A-Za-z])(?<![A-Za-z0-9] )(?:weixin|[Ww]e[Cc]hat|vx|VX|wx|WX)(?![A-Za-z]))(?:号码|号|ID|id)?"
        r"(?:\s*(?:[:：]|是|为|加)\s*|\s*(?=[A-Za-z0-9_-]{0,19}[0-9_]))"
        "(?P<value>[A-Za-z0-9][A-Za-z0-9_-]{5,19})(?![A-Za-z0-9_-])",
        "信|加微|威芯|绿泡泡|微x|抖音|小红书|快手|钉钉|支付宝|weixin|[Ww]e[Cc]hat|vx|VX|wx|WX",
    ),
    Kind(
        "qq",
        "【QQ号】",
        rf"(?:(?:(?<![A-Za-z])[QqＱ]{{2}}|扣扣|企鹅)(?:号码|号|群号|群)?|[QqＱ]群号?|群号|(?:病友|交流|微信|患者)群号?)(?:[吗么呢]?[？?，,])?{_WORDED}"
        rf"(?P<value>[1-9１-９](?:[ ]?{_D}){{4,10}}){_OVER}",
        "[QqＱ]{2}|扣扣|企鹅|群",
        _qq,
    ),
    Kind(
        "mobile",
        "【手机号】",
        rf"{_ALONE}(?P<value>(?:[+＋]?(?:00)?(?:86|８６)[ -]?)?(?:[（(][1１][3-9３-９]{_D}[)）]|[1１][3-9３-９]{_D})"
        rf"(?:(?:{_DASH}?{_D}{{4}}){{2}}|{_D}{_DASH}{_D}{{3}}{_DASH}{_D}{{4}}"
        rf"|{_D}{{1}}{_DASH}{_D}{{4}}{_DASH}{_D}{{3}}|{_DASH}{_D}{{3}}{_DASH}{_D}{{5}}|{_D}{{2}}{_DASH}{_D}{{6}}|{_DASH}{_D}{{5}}{_DASH}{_D}{{3}})){_OVER}",
        f"[1１][3-9３-９]{_D}[)）]?{_DASH}?{_D}",
    ),
    Kind(
        "mobile",
        "【手机号】",
        f"(?<!{_NUMERAL})(?P<value>[一幺][三四五六七八九]{_NUMERAL}{{9,10}})(?!{_NUMERAL})",
        f"[一幺][三四五六七八九]{_NUMERAL}{{9}}",
    ),
    Kind(
        "landline",
        "【电话】",
        rf"(?P<label>(?:电话|座机|固话|传真|致电|热线)(?:号码|号)?{_WORDED})?(?<![0-9A-Za-z.-])"
        rf"(?P<value>(?P<form>(?:[（(]{_AREA}[)）] ?|{_AREA}[-－— ])[2-8][0-9]{{2,3}}[- ]?[0-9]{{4}}"
        r"(?:[-转][0-9]{1,5})?)"
        rf"|0?[0-9]{{7,11}}){_OVER}",
        "[）)－— -][2-8][0-9]{2}|电话|座机|固话|传真|致电|热线",
        _labelled_or_formed,
    ),
    Kind(
        "birth_date",
        "【出生日期】",
        rf"(?:出\s*生\s*(?:年月日?|日期|时间|于)?|生日|生于|DOB){_WORDED}(?P<value>{_DATE}|\d{{1,2}}月\d{{1,2}}[日号])",
        "出\\s*生|生日|生于|DOB",
    ),
    Kind(
        "birth_date",
        "【出生日期】",
        rf"(?:出\s*生\s*(?:年月日?|日期|时间|于)?|生日|生于){_WORDED}"
        rf"(?P<value>(?:{_HAN_NUMBER}{{2,4}}年)?{_HAN_NUMBER}{{1,3}}月(?:{_HAN_NUMBER}{{1,3}}[日号])?)",
        "出\\s*生|生日|生于",
    ),
    Kind(
        "birth_date",
        "【出生日期】",
        rf"(?P<value>{_HAN_NUMBER}{{4}}年{_HAN_NUMBER}{{1,3}}月(?:{_HAN_NUMBER}{{1,3}}[日号])?)(?=出?生(?:[，。,\s人]|$))",
        "[日号月]出?生",
    ),
    Kind("birth_date", "【出生日期】", rf"(?P<value>{_DATE})(?=出?生(?:[，。,\s人]|$))", "[日号0-9]出?生"),
    Kind(
        "passport",
        "【证件号】",
        rf"(?:护照|港澳通行证|通行证|台胞证|军官证|军人证|驾驶证|驾照|居留证)(?:号码|编号|号)?{_WORDED}(?P<value>[A-Za-z]{{0,2}}[0-9]{{6,12}}[A-Za-z]?)(?![A-Za-z0-9])",
        "护照|通行证|台胞证|军官证|军人证|驾驶证|驾照|居留证",
    ),
    Kind(
        "plate",
        "【车牌号】",
        rf"(?P<value>[{_PLATES}][A-HJ-NP-Z][·•・ -]?(?=[A-HJ-NP-Z]{{0,4}}[0-9])"
        "[A-HJ-NP-Z0-9]{4,5}[A-HJ-NP-Z0-9挂学警港澳])(?![A-Za-z0-9])",
        f"[{_PLATES}][A-HJ-NP-Z][·•・ -]?[A-HJ-NP-Z0-9]{{4}}",
    ),
    Kind(
        "workplace",
        "【单位】",
        r"(?:工作单位|就读学校|所在单位|所在学校|单位名称)\s*[:：]\s*(?P<value>[^\s，。；,;：:]{4,30})",
        "单位|学校",
    ),
    Kind(
        "workplace",
        "【单位】",
        r"我们(?:公司|单位|学校|厂)[（(](?P<value>[^（()），。]{4,30})[)）]",
        "我们(?:公司|单位|学校|厂)[（(]",
    ),
    Kind(
        "workplace",
        "【单位】",
        rf"(?:[我他她]是|在)(?P<value>{_HAN}{{1,6}}?(?:{_ADMIN}){_HAN}{{1,20}}?"
        r"(?:(?:[高初]?[一二三四五六](?:年级)?)[（(]?[0-9一二三四五六七八九十]{0,2}[)）]?班"
        r"|(?:学|院|园|司|局|所|队|行|厂|团|间|店)(?=上班|工作|读书|上学|就读|打工|[当做任]|的?(?:员工|职工|学生|老师|教师))))",
        f"(?:[我他她]是|在).{{2,12}}(?:{_ADMIN}).{{1,22}}(?:班|工作|读书|上学|就读|打工|[当做任]|员工|职工|学生|师)",
        lambda match: "医院" not in match["value"],
    ),
    Kind(
        "workplace",
        "【单位】",
        r"(?:就读于|就职于|任职于|供职于|任教于|在)(?P<value>(?![一某这那我他她家个外私国小大哪家])[\u4e00-\u9fffA-Za-z0-9]{3,16}?"
        r"(?:公司|集团|中学|小学|大学|学院|幼儿园|一中|二中|三中|工厂|酒店|派出所|公安局|法院|税务局|事务所|研究所))(?=[，。；\s]|上班|工作|读|上学|[当做任教])",
        "就读于|就职于|任职于|供职于|任教于|在.{3,16}(?:公司|集团|学|园|中|厂|店|所|局|院)",
        lambda match: "医院" not in match["value"],
    ),
    Kind(
        "address",
        "【地址】",
        rf"(?:家住|住在|家在|现住|租住在|住址|地址|寄到|寄往|送到)[:：是在]?\s*(?P<value>(?=[^\s，。；]{{0,12}}(?:省|市|县|区|镇|乡))"
        rf"(?=[^\s，。；]{{0,30}}(?:小区|花园|苑|公寓|家园|路|街|村|巷|里|社区|大厦)[^\s，。；]{{0,10}}(?:{_D}|[组队]))[^\s，。；,;！!？?、（(]{{6,40}})",
        "家住|住在|家在|现住|租住在|住址|地址|寄到|寄往|送到",
    ),
    Kind(
        "address",
        "【地址】",
        rf"(?:(?:家庭|联系|收货|通讯|户籍|身份证|现)?(?:住址|地址)|家庭地址)\s*[:：]\s*(?P<value>(?=[^\s，。；,;]{{0,20}}(?:{_ADMIN}|{_ROAD}))[^\s，。；,;：:]{{6,40}})",
        "址\\s*[:：]",
    ),
    Kind(
        "address",
        "【地址】",
        r"(?P<label>(?:我|他|她|们|家|现|目前|患者|病人)*(?:家住|住在|住址|地址|现住|住|位于|寄到|寄往)(?:是|为)?[:：]?\s*)?"
        rf"(?P<value>(?P<form>(?:{_HAN}{{1,7}}?(?:{_ADMIN})){{1,4}})?"
        rf"(?:[\u4e00-\u9fff0-9]{{1,8}}?(?:{_ROAD})){{1,3}}{_D}{{1,5}}(?:{_HOUSE})(?:{_HAN}{{1,10}}?(?:{_BUILDING})(?=[A-Z0-9]))?(?:[A-Z]?{_D}{{0,5}}(?:{_HOUSE})|{_D}{{1,5}}(?:-{_D}{{1,4}})*)*)",
        f"(?:{_ROAD}){_D}{{1,5}}[号弄幢栋座单室]",
        _place,
    ),
    Kind(
        "address",
        "【地址】",
        rf"(?P<label>(?:家庭|现|联系|收货|通讯|户籍|身份证)?(?:住址|地址|住处)\s*[:：]\s*|(?:现|家)住)?"
        rf"(?P<value>(?P<form>(?:{_HAN}{{2,7}}?(?:{_ADMIN})){{2,4}})?{_HAN}{{1,6}}?(?:村|屯|庄)(?![民医卫])(?:{_D}{{1,3}}[组社号队])?(?:{_D}{{1,4}}号)?)",
        f"(?:{_ADMIN}|址|住).{{1,12}}[村屯庄]",
        _place,
    ),
)
"""In search order: a card number that is also the first part of an e-mail address counts as the e-mail."""
