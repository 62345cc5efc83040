"""What personal numbers look like in Chinese text, and how they differ from the numbers of medicine and of goods."""

import re
from datetime import date

from data_recipes.steps.personal_kind import Kind
from data_recipes.steps.personal_signs import DIGIT, HAN, WORDED

_PROVINCE = "1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]"
_INSURED = re.compile("(?:医保|社保|医疗保险|农合|健保|参保)[^，。；0-9]{0,6}[:：（(]?\\s*$")
"""What stands before an insurance number that is also an identity number."""
_SCANNED = str.maketrans("OolI|", "00111")
"""What a scanner reads in place of digits."""
_ALONE, _OVER = rf"(?<!{DIGIT})(?<!{DIGIT}[.])", rf"(?!{DIGIT})(?![.]{DIGIT})"
_AREA = "0(?:10|2[0-9]|[3-9][0-9]{2})"
_AREA_ABROAD = "(?:10|2[0-9]|[3-9][0-9]{2})"
_NUMERAL = "[零〇一二三四五六七八九幺壹贰叁肆伍陆柒捌玖]"
_NUMBERED = "(?:ID号码?|号码|编号|编码|字号|号|ID|码|序号|流水号)"
_ENDS_CODE = r"(?![A-Za-z0-9%]|[./][0-9])"
_FILED = (
    "病案|病历|住院|门诊|急诊|就诊|就医|登记|病员|病人|患者|影像|检查|检验|标本|样本|条码|条形|病理|健康|诊疗|"
    "诊断证明|体检|筛选|随机|受试者|入组|试验|申请|放射|超声|CT|MR|MRI|DR|内镜|心电|X光|X线|胶片|片"
    "|工|学|床头|挂号|处方|报告|化验|档案|建档|员工|职工|工牌|工作|学籍|会员|准考|发票|预约|取药|流水|出院|出生|"
    "医学证明|残疾|接种|医师资格|执业|护理|手术|麻醉|输血|血袋|唯一|索引|入院|留观|透析|随访|研究|个案|病例|病房|"
    "腕带|医嘱|案卷|卷宗|缴费|收费单|结算|电子健康|家庭|母婴|孕产妇|保健|保单|案件|护士|医生|医师|学生|考生|志愿者|献血|主索引|"
    "儿保|咨询|投诉|工单|报案|理赔|保险|险|订单?|运单?|快递|物流|会诊|供者|受者|捐献|退休|退役|老年|老人|军人|出生证|接种|学籍|编制|户籍|"
    "用户|账号|登录|管|混采|黄皮书|居住|健保|宠物|复诊|覆诊|回访|转诊|转院|医院|行驶|社会工作|(?<![册证格定])证书|"
    "欠条|收据|票据|收费单|结账|交易|支付|合同|协议|同意|委托|公证|鉴定|纠纷|案|死亡|尸检|火化|报告卡|输液|输注|采血|标签|"
    "胚胎|冷冻|精子|配子|家系|样品|切片|蜡块|会员|胸牌|胸卡|工卡|饭卡|车架|发动机|植入|起搏器|支架|假体|助听器|"
    "呼吸机|血糖仪|胰岛素泵|监护仪|机身|轮椅|租借|寄存|燃气|电表|水表|户|宽带|房产|产权|派车|出车|呼叫|车票|取票|探视|陪护|押金|排队|房间"
)
_SYSTEMS = (
    "MRN|HIS|RIS|LIS|PACS|EMR|EMPI|ZYH|MZH|BAH|JZH|BLH|[A-Z]{2,8}_(?:NO|ID|NUM)|[Pp][Ii][Dd]|(?i:open_?id|union_?id|uid)|"
    "S/?N[.:：#]"
)
_FILED_IN_ENGLISH = (
    "patient|student|staff|employee|member|user|visit|accession|specimen|sample|account|chart|case|record|card|order|policy|"
    "claim|admission|study|subject|screening|exam|lab|report|barcode|serial|hosp(?:ital)?|tracking|invoice|device|badge|booking|encounter"
)
_REGISTERED = re.compile("NCT[0-9]+|ChiCTR.*|CTR[0-9]+|ISRCTN[0-9]+|rs[0-9]+|CRD[0-9]+|PMC?[0-9]+|GB[-_T0-9].*")
"""Numbers of trials, papers and standards."""
_CARRIERS = (  # on which a number of somebody's file stands
    "血样|尿样|切片|玻片|蜡块|片子|保险单|结算单|收费单|缴费单|预交单|快递|顺丰|圆通|中通|韵达|申通|工牌|胸牌|手册|回执|腕带|手环|片袋|[门钥]匙?[牌禁]卡?|租借单|床头卡|就诊卡|诊疗卡|健康卡|医疗卡|一卡通|[\u4e00-\u9fff]卡|保单|投诉单|申请单|检查单|检验单|化验单|报告单|通知单|"
    "储物柜|寄存柜|报告凭|证明书?|登记单|转诊单|处方笺|流水|档案|病历|试管|标本|条形?码|献血码|血袋|凭证|[运订快]递?单|派车单|出车单|[车机]票|挂号信|包裹|发票|采样?管|[\u4e00-\u9fff]证"
)
_FIELDS_OF_GOODS = (  # whose numbers are of products, papers and rules
    "批|批件|批文|批准|护照|驾照|通行|台胞|军官|文|准字|(?:许可|批准|合格|认|生产|经营|质检|检疫|专利|登记|查|保|印|循|求|考|验)证|"
    "注册|备案|许可|型|货|版|(?<![意知托诊定鉴证明])书|刊|标准|编码|代|追溯|热线|邮|产品|规格|商品|"
    "色|尺|(?<!电)图|(?<![电水气量仪])表|章|页|卷|期|登记证|专利|条款|课题|项目|基金|注册证|备案|ICD|套餐|航班|车次|服务|电话|手机|联系|"
    rf"微信|QQ|群|(?:(?<!{HAN})|银行|信用|储蓄|储值|购物|充值|电话|手机|网|显|声)卡|账|帐|身份证|口令|验证|密|小程序|公众|机|车|门牌|房|座位|座|款|股|国药|械|字|文献|参考|"
    "引文|PM|DO|IS[BS]N|车牌|邮政|区|国|信|专|型|同|大|小|几|一|二|三|四|五|[0-9]|旗舰|店|拨打|括|符|问|感叹|加|减|等|星|井|记|信|"
    "称|外|绰|口|螺|逗|句|冒|引|括"
)
_DOCUMENT = (  # 鄂孝医鉴〔2023〕17号, （2023）鄂0902民初817号
    rf"(?:{HAN}{{2,8}}|[A-Z]{{1,4}})[（(〔\[][0-9]{{4}}[）)〕\]]第?[0-9]{{1,6}}号?"
    rf"|[（(][0-9]{{4}}[）)]{HAN}[0-9]{{2,4}}{HAN}{{2,4}}[0-9]{{1,6}}号"
)
_DASH = "[ .、—–·-]"
_BANK = (
    "银行|[工农建中交招邮储]行|建设|招商|农信|信用社|邮储|储蓄|中信|光大|民生|浦发|兴业|平安|卡|账[号户]|帐[号户]|"
    "[打转汇][款账到]|刷"
)
_WECHAT = (
    "微信|飞信|陌陌|(?<![A-Za-z])(?:LINE|Line|line(?= ?(?:ID|id)))(?![A-Za-z])|[Ww]hats[Aa]pp|[Tt]elegram"
    "|[Ss]kype|威信|薇信|徽信|微芯|威芯|卫星|加微|加薇|绿泡泡|"
    "绿色软件|微x|[Vv]信|(?<![A-Za-z])(?<![A-Za-z0-9] )(?:[Vv][Xx]|[Ww][Xx])|weixin|[Ww]e[Cc]hat|WECHAT"
    "|[微薇威vV][♥❤💚]|(?:加|好友)(?:我)?好友(?=[:：])|"
    "微心|抖音|小红书|快手|钉钉|支付宝|微博|知乎|贴吧|[Ii]nstagram|[Ff]acebook|[Kk]akao(?:[Tt]alk)?|[薇微威](?=\s*[:：])|(?<![A-Za-z0-9])[Vv](?=\\s*[:：])|"
    "(?:[+加➕]|私信?我)[Vv薇微](?![Xx信])|(?<![A-Za-z])[Vv]我"
)
_PLATES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"


def _plain(text: str) -> str:
    """A number without what separates its groups."""
    return re.sub("[^0-9X]", "", text.upper())


def _real_date(year: str, month: str, day: str) -> bool:
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return False
    return 1900 <= int(year) <= 2100


def _identity_number(match: re.Match[str]) -> bool:
    """An identity number: by its label, or by its province and the day of birth in it; check digits are mistyped."""
    number = _plain(match["value"])
    if match["label"]:
        return len(number) in (15, 17, 18, 19)
    if _INSURED.search(match.string, max(0, match.start() - 16), match.start()):
        return False
    if not re.match(_PROVINCE, number):
        return False
    if len(number) == 15:
        return _real_date(f"19{number[6:8]}", number[8:10], number[10:12])
    return len(number) == 18 and _real_date(number[6:10], number[10:12], number[12:14])


def _scanned_identity(match: re.Match[str]) -> bool:
    """An identity number in which a scanner has read digits as letters."""
    number = match["value"].translate(_SCANNED)
    return (
        number != match["value"]
        and bool(re.match(_PROVINCE, number))
        and number[:14].isdigit()
        and _real_date(number[6:10], number[10:12], number[12:14])
    )


def _scanned(match: re.Match[str]) -> bool:
    """A number most of whose digits a scanner has read as digits, not all of them."""
    digits = sum(character.isdigit() for character in match["value"])
    return digits < len(match["value"]) < digits + 5


def _taiwanese(match: re.Match[str]) -> bool:
    """An identity number of Taiwan, by its label or its check digit."""
    letter, digits = match["value"][0], [int(digit) for digit in match["value"][1:]]
    code = 10 + "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(letter)
    weights = (8, 7, 6, 5, 4, 3, 2, 1, 1)
    total = code // 10 + 9 * (code % 10) + sum(d * weight for d, weight in zip(digits, weights, strict=True))
    return bool(match["label"]) or total % 10 == 0


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


def _eleven(match: re.Match[str]) -> bool:
    return len(re.sub("[^0-9]", "", match["value"]).removeprefix("0")) == 11


def _identifier(match: re.Match[str]) -> bool:
    """A number of somebody's file, or one that is labelled and not of goods or papers."""
    before = match.string[max(0, match.start() - 8) : match.start()].rstrip("（(【[】:： ")
    if _of_goods(match["value"]) or _REGISTERED.fullmatch(match["value"]):
        return False
    if _OF_A_COURT.match(match.string, match.end()):
        return False
    if "\n" in match["sign"] and _DAY_ALONE.fullmatch(match["value"]):
        return False
    digits = sum(character.isdigit() for character in match["value"])
    strong = re.search("[:：|=#*→□_\n]", match["sign"])
    if re.search(
        rf"(?:{_FILED})(?:编|单|卡|证书?|证明|表|唯一|流水|序|本|册|站|联|书|(?<!医院)(?<!发票)代|登记|记录)*$", before
    ):
        short = (
            digits == 3 and (strong or match["value"][0].isalpha()) and not _COUNTED.match(match.string, match.end())
        )
        return digits > 3 or bool(short)
    coded = re.match("[A-Z]{2,5}[- ]?[0-9]|(?=.*[A-Z])(?=.*[0-9])[A-Z0-9]{10,}|.{0,6}字", match["value"])
    labelled = digits > 3 if strong or coded else digits > 5
    labelled = labelled and (strong or _of_a_person(match["label"], before))
    return labelled and not re.search(rf"(?:{_FIELDS_OF_GOODS})\Z", before)


_DAY_ALONE = re.compile("(?:19|20)[0-9]{2}-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12][0-9]|3[01])")
_OF_A_COURT = re.compile(rf"[）)〕]{HAN}[0-9]")  # （2023）鄂0902民初817号 is found whole
_COUNTED = re.compile(r"\s*[床室人例次元楼层诊年月日岁天个份张片名区分秒]")
"""What follows a number that counts something."""


def _of_a_person(label: str, before: str) -> bool:
    """Whether what stands before a number without a colon may say whose it is."""
    named = re.search(rf"{HAN}$", before) or label in ("ID号", "编号", "流水号")
    return bool(named) or (label == "ID" and not re.search("[A-Za-z]$", before))


def _of_goods(number: str) -> bool:
    """Whether a number is that of goods from a Chinese maker, by its check digit."""
    return bool(re.fullmatch("69[0-9]{11}", number)) and (
        sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(number)) % 10 == 0
    )


def _on_paper(match: re.Match[str]) -> bool:
    """A number on a card or paper that is somebody's, not of a bank, a shop or a telephone."""
    before = match.string[max(0, match.start() - 3) : match.start("value")]
    return (
        sum(character.isdigit() for character in match["value"]) >= (4 if match["value"][0].isalpha() else 5)
        and not _of_goods(match["value"])
        and not re.search(
            "银行|信用|储蓄|储值|电话|手机|购物|会员|充值|内存|显卡|网卡|声卡|贺卡|卡路|注册|许可|批准|生产|经营|"
            "合格|认证|[一二三不论求保查验旁循印]证|(?<!准)考证",
            before,
        )
    )


def _unlabelled(match: re.Match[str]) -> bool:
    """A number with letters before it that is not said to be of goods or papers."""
    before = match.string[max(0, match.start() - 8) : match.start()].rstrip("（(【[:： 号为是")
    return not _REGISTERED.fullmatch(match["value"]) and not re.search(rf"(?:{_FIELDS_OF_GOODS}|编)\Z", before)


def _qq(match: re.Match[str]) -> bool:
    return 5 <= len(_plain(match["value"])) <= 11


def _account_near(match: re.Match[str]) -> bool:
    """A bank card: by its check digit, or where a card or a bank is named shortly before."""
    before = match.string[max(0, match.start() - 28) : match.start("value")]
    number = _plain(match["value"])
    known = len(number) < 22 and re.match("6[02]|4|5[1-5]|9558", number)
    return _bank_card(match) or bool(known and (len(number) == 19 or re.search(_BANK, before)))


NUMBERS = (
    Kind(
        "e_mail",
        "【邮箱】",
        r"(?<![A-Za-z0-9._%+-])(?P<value>[A-Za-z0-9._%+-]{1,64}"
        r"(?: ?@ ?| ?[（(\[]at[)）\]] ?| AT |艾特|#(?=(?:163|126|qq|gmail|sina|foxmail|hotmail|outlook)\.))"
        r"[A-Za-z0-9-]+(?:(?:\.|点|[（(\[]dot[)）\]])[A-Za-z0-9-]+)*(?:\.|点|[（(\[]dot[)）\]])[A-Za-z]{2,})",
        "@| AT |[（(\[]at[)）\]]|艾特|#(?:163|126|qq|gmail|sina|foxmail|hotmail|outlook)",
    ),
    Kind(
        "identity_number",
        "【身份证号】",
        rf"(?P<label>(?:身[份分]证(?:件|明)?|证件|公民身份|身份|社会保障)(?:字?号码?)?{WORDED})?{_ALONE}"
        rf"(?P<value>[1-9](?:[ -]?{DIGIT}){{13,17}}(?:[ -]?[Xx])?){_OVER}",
        f"{DIGIT}[0-9 -]{{13}}",
        _identity_number,
    ),
    Kind(
        "identity_number",
        "【身份证号】",
        f"(?P<label>(?:身[份分]证(?:件|明)?|证件)(?:字?号码?)?{WORDED})(?P<value>[1-9]"
        f"(?:[ ./,，_-]?{DIGIT}){{16}}[ ./,，_-]?[0-9Xx*])(?![0-9])",
        f"{DIGIT}[ ./,，_-]{DIGIT}",
    ),
    Kind(
        "identity_number",
        "【身份证号】",
        f"(?<!{_NUMERAL})(?P<value>{_NUMERAL}{{17}}(?:{_NUMERAL}|[XxＸ叉]))(?!{_NUMERAL})",
        f"{_NUMERAL}{{17}}",
    ),
    Kind(
        "identity_number",
        "【身份证号】",
        r"(?<![A-Za-z0-9])(?P<value>[1-9lI][0-9OolIXx]{16}[0-9OolIXx])(?![A-Za-z0-9])",
        "[0-9OolI]{14}",
        _scanned_identity,
    ),
    Kind(
        "identity_number",
        "【身份证号】",
        rf"(?P<label>身[份分]证(?:字?号码?)?{WORDED})?(?<![A-Za-z0-9])(?P<value>[A-Z][12][0-9]{{8}})(?![A-Za-z0-9])",
        "[A-Z][12][0-9]{8}",
        _taiwanese,
    ),
    Kind(
        "identity_number",
        "【身份证号】",
        r"(?<![A-Za-z0-9])(?P<value>[A-Z]{1,2}[0-9]{6} ?[（(][0-9A][)）])",  # of Hong Kong
        "[A-Z][0-9]{6} ?[（(]",
    ),
    Kind(
        "identity_number",
        "【身份证号】",
        rf"身份证(?:号码?)?{WORDED}(?P<value>{_NUMERAL}{{14,17}}[{_NUMERAL[1:-1]}XxＸ叉])(?!{_NUMERAL})",
        f"身份证.{{0,8}}{_NUMERAL}",
    ),
    Kind(
        "identity_number",
        "【身份证号】",
        r"(?:身份证(?:明|件)?|证件|居留(?:身份)?证?(?:许可)?|永久居留证?|登[录陆]证|SSN|NRIC|社会安全)(?:字?号码?|编号)?"
        rf"{WORDED}(?P<value>[157]/[0-9]{{6}}/[0-9]|[0-9]{{6}}-[0-9]{{7}}|[0-9]{{3}}-[0-9]{{2}}-[0-9]{{4}}|"
        r"[A-Z]{1,3}[0-9]{6,15}[A-Z]?)(?![A-Za-z0-9-])",  # of Macao, Korea, the United States; of foreigners
        "身份证|证件|居留|登[录陆]证|SSN|NRIC|社会安全",
    ),
    Kind(
        "insurance_number",
        "【医保号】",
        r"(?:医保|社保|医疗保险|社会保险|社会保障|新农合|农合|农保|低保|慢病|慢特病|健保|门特|统筹|公费医疗|合作医疗|"
        r"医疗|参保|参合|公积金|养老|五保|特困)(?:电子|个人|人员|金融|电脑|服务)*"
        rf"(?:(?:卡|证|凭证|人员|[账帐]户?|手册)?(?:编?(?:号码|号)|ID|编码)|(?:[卡证]|凭证)(?=\s*[:：]|\s+[0-9])|(?<=保)(?:本上?)?\s*(?=[0-9]{{9}})|(?<=[保合疗])本上?(?=[0-9-]{{8}}))"
        rf"{WORDED}(?P<value>[0-9]{{2,4}}(?: [0-9]{{4}}){{1,5}}|[{_PLATES}]?[A-Za-z0-9][A-Za-z0-9-]{{4,24}})",
        "[保合疗金障老病特筹困].{0,6}(?:号|ID|编码)|[保障合疗病特](?:电子)?(?:[卡证]|凭证)|保(?:本上?)?\\s*[0-9]{9}|[保合疗]本上?[0-9-]{8}",
        _has_digits,
    ),
    Kind(
        "file_number",
        "【病案号】",
        f"(?P<label>{_NUMBERED})(?P<sign>{WORDED})(?P<value>[0-9]{{2,4}}(?: [0-9]{{1,4}}){{2,5}}"
        f"|[0-9]{{4}} [0-9]{{4}}|"
        f"[0-9]{{8}} [0-9]{{8}}|[A-Z] ?[0-9]{{2}} [0-9]{{6,8}}|[A-Z]{{2,5}} [0-9]{{4,12}}[A-Z]?|{_DOCUMENT}"
        f"|[A-Z]{{1,4}}(?:/[0-9]{{2,8}}){{1,3}}|"
        rf"{HAN}{{0,6}}字(?:[（(\[〔]?[0-9]{{4}}[）)\]〕]?)?第?[0-9]{{3,8}}号?|"
        rf"(?:[{_PLATES}]{HAN}{{0,2}}-?)?[A-Za-z0-9][A-Za-z0-9_-]{{2,31}}){_ENDS_CODE}",
        f"{_NUMBERED}.{{0,20}}[A-Za-z0-9]{{2}}",
        _identifier,
    ),
    Kind(
        "file_number",
        "【病案号】",
        r"(?<![A-Za-z])(?<!Batch )(?<!Lot )(?<!Item )(?<!BATCH )(?<!LOT )"
        rf"(?:{_SYSTEMS}|(?i:{_FILED_IN_ENGLISH}|(?:out|in)patient)[ ._-]{{0,2}}(?i:id|no|number)|"
        r"Visit|Accession|Specimen|Account|Chart|Case|Record|Encounter|HN(?=[ :：])|N[Oo](?=[.:：]))"
        r"(?:[ .]?(?i:no|id)\b)?(?:号)?[ .:：#=_（(-]*"
        rf"(?P<value>(?:[A-Z]{{2,5}}#)?[A-Za-z]{{0,5}}-?[0-9][A-Za-z0-9-]{{4,24}}){_ENDS_CODE}",
        f"{_SYSTEMS}|HN[ :：]|N[Oo][.:：]|(?i:{_FILED_IN_ENGLISH})",
        _has_digits,
    ),
    Kind(
        "file_number",
        "【病案号】",
        rf"(?:{_CARRIERS})(?:上|里|后面)?(?:写着?|印着?|那串|扫出来)?{WORDED}"
        rf"(?P<value>(?:[{_PLATES}]{HAN}{{0,2}}-?)?[A-Za-z]{{0,5}}-?[0-9][A-Za-z0-9-]{{4,24}}(?:-[甲乙丙丁])?|[A-Z]{{1,3}}-?[0-9]{{4}}|"
        r"[0-9]{3,5}(?: [0-9]{2,5}){2,4}|[0-9]{4} [0-9]{4}(?:-[0-9]{1,3})?)(?![A-Za-z0-9%年月日元]|[./][0-9])",
        f"(?:{_CARRIERS}).{{0,20}}[A-Za-z0-9]{{3}}",
        _on_paper,
    ),
    Kind(
        "file_number",
        "【病案号】",
        r"(?<![A-Za-z0-9.])(?P<value>(?:19|20)[0-9]{6}[A-Z]{2,5}[0-9]{3,8}|[A-Z]{2,5}#[0-9]{5,12}|1[.]2[.][0-9]{2,5}(?:[.][0-9]+){4,})"
        r"(?![A-Za-z0-9])",  # made by laboratory and image systems
        "(?:19|20)[0-9]{6}[A-Z]{2}|[A-Z]#[0-9]{5}|1[.]2[.][0-9]",
    ),
    Kind(
        "file_number",
        "【病案号】",
        r"(?:单|票|证|卡|号|书|表|历|案|据|^|[\s|])[:： ]?№[:： ]?(?P<value>[A-Z]{0,4}-?[0-9]{5,14})(?![A-Za-z0-9])",
        "№",
    ),
    Kind(
        "file_number",
        "【病案号】",
        rf"号\s*/\s*{HAN}{{2,6}}号{WORDED}[A-Za-z0-9-]{{4,24}}\s*/\s*"
        f"(?P<value>[A-Za-z0-9-]{{4,24}}){_ENDS_CODE}",  # 住院号/门诊号
        "号\\s*/.{2,10}号",
        _has_digits,
    ),
    Kind(
        "file_number",
        "【病案号】",
        rf"(?:病案|病历|住院|门诊|急诊|就诊|登记|学籍|工号)(?:\s*[:：|]\s*)(?P<value>[A-Z]{{0,4}}-?[0-9]{{5,14}}){_ENDS_CODE}",
        "(?:病案|病历|住院|门诊|急诊|就诊|登记|学籍|工号)\\s*[:：|]",
    ),
    Kind(
        "file_number",
        "【病案号】",
        "(?:病案|病历|住院|门诊|急诊|就诊|登记|病理|放射|超声|病员)(?: (?=[A-Z]))?"
        f"(?P<value>[A-Z]{{0,4}}-?[0-9]{{5,14}}(?:-[0-9]{{1,4}})?){_ENDS_CODE}"
        "(?![人例元次年月日张天份名号]|床(?![旁边]))",
        "(?:病案|病历|住院|门诊|急诊|就诊|登记|病理|放射|超声|病员) ?[A-Z0-9-]",
    ),
    Kind(
        "file_number",
        "【病案号】",
        r"(?<![A-Za-z])(?:CT|MRI?|DR|PET|ECT) (?P<value>[0-9]{6,8})(?=[\s，。,]|$)",
        "(?:CT|MRI?|DR|PET|ECT) [0-9]{6}",
        lambda match: not _DAY_ALONE.fullmatch(match["value"]),
    ),
    Kind(
        "file_number",
        "【病案号】",
        rf"(?:^|[\s，。；,;|])卡号{WORDED}(?P<value>[A-Z]{{0,3}}[0-9]{{6,12}})(?![0-9A-Za-z])",
        "卡号",
        lambda match: not match["value"].startswith("62"),
    ),
    Kind(
        "file_number",
        "【病案号】",
        f"(?P<value>[（(〔][0-9]{{4}}[）)〕]{HAN}[0-9]{{2,4}}{HAN}{{1,3}}(?:初|终|再|执|申|监"
        f"|调)[字第]{{0,2}}[0-9]{{1,6}}号)",  # of courts
        "[）)〕].[0-9]{2,4}.{1,4}[初终再执申监调]",
    ),
    Kind(
        "file_number",
        "【病案号】",
        rf"(?P<value>{HAN}{{1,8}}(?:鉴|认|裁|诉|伤|残|案|证|调)字?[（(〔\[]?20[0-9]{{2}}[）)〕\]]?(?:{HAN}{{2}}[A-Z]-?)?第?[0-9]{{1,6}}号)",
        "[鉴认裁诉伤残案证调]字?[（(〔\\[]?20[0-9]{2}",
    ),
    Kind(
        "file_number",
        "【病案号】",
        rf"(?P<value>{HAN}[（(]20[0-9]{{2}}[）)]{HAN}{{2,10}}第[0-9]{{4,10}}号|{HAN}{{1,6}}(?:权证|产证){HAN}?字第?[0-9]{{4,10}}号)",
        "第[0-9]{4,10}号|字第?[0-9]{4,10}号",  # of houses
    ),
    Kind(
        "file_number",
        "【病案号】",
        r"(?<![A-Z0-9])(?P<value>L[A-HJ-NPR-Z0-9]{12}[0-9]{4})(?![A-Z0-9])",  # of a car
        "L[A-HJ-NPR-Z0-9]{12}[0-9]{4}",
    ),
    Kind(
        "file_number",
        "【病案号】",
        rf"(?:(?<![0-9])[0-9]{{1,3}}床[\s，,]*{HAN}{{2,4}}[\s，,]+|(?:核对|查对)[:：]?\s*{HAN}{{2,4}}[\s，,]+|[（(]{HAN}{{2,4}}[，,]\s*)"
        r"(?P<value>[0-9]{5,10}|(?:19|20)?[0-9]{2}-[0-9]{4,6})(?=[\s，,)）])",
        "(?:床|核对|查对|[（(]).{2,12}[0-9]{4}",
        lambda match: not _COUNTED.match(match.string, match.end()) and not _DAY_ALONE.fullmatch(match["value"]),
    ),
    Kind(
        "file_number",
        "【病案号】",
        r"(?P<value>[（(]01[)）][0-9]{14}[（(](?:17|10|11|21)[)）][0-9A-Za-z（()）]{3,40})",  # of a device
        "[（(]01[)）][0-9]{14}",
        lambda match: bool(re.search("[（(]21[)）]", match["value"])),
    ),
    Kind(
        "bed",
        "【床号】",
        rf"(?:床号|床位号|病床号?|病房号|房间号|床位(?=[:： ]?[A-Z0-9+])|病房(?=[:： ]?[0-9]{{3,4}}(?![0-9]))){WORDED}"
        r"(?P<value>[A-Z+加]{0,2}-?[0-9]{1,4}[A-Z]?(?:-[0-9]{1,4})?床?)(?![0-9A-Za-z%张个间余多人例])",
        "床号|床位|病床|病房|房间号",
    ),
    Kind(
        "bank_card",
        "【银行卡号】",
        rf"(?P<label>(?:卡号?|账号|账户|帐号|帐户){WORDED})?{_ALONE}"
        rf"(?P<value>{DIGIT}{{4}}(?:[ -]?{DIGIT}{{4}}){{2,3}}(?:[ -]?{DIGIT}{{1,3}})?|"
        rf"62{DIGIT}{{2,4}}(?:[ -]?{DIGIT}{{2,8}}){{2,4}}){_OVER}",
        f"{DIGIT}[0-9 -]{{11}}",
        _account_near,
    ),
    Kind(
        "bank_card",
        "【银行卡号】",
        r"(?:银行卡|存折|对公|收款|转账|打款|储蓄卡|社保卡|工资卡)?(?:账号|帐号|账户|"
        r"卡号)\s*[:：]\s*(?P<value>[0-9][0-9 -]{8,28}[0-9])(?![0-9])",
        "[账帐卡][号户]\\s*[:：]\\s*[0-9]",
    ),
    Kind(
        "bank_card",
        "【银行卡号】",
        rf"(?:账号|帐号|账户|帐户|存折|银行卡)(?:号码?)?{WORDED}(?P<value>[0-9](?:[ -]?[0-9]){{13,22}})(?![0-9])",
        "账[号户]|帐[号户]|存折|银行卡",
    ),
    Kind(
        "wechat",
        "【微信号】",
        rf"(?:{_WECHAT})\s?(?:信?号码|信?号|信(?=[:：])|ID|id|名|账号|帐号|同号|联系)?"
        r"(?:[^A-Za-z0-9，。,\n]{0,8}(?:[:：是为加搜用]|全拼)\s*|[^A-Za-z0-9。\n]{0,12}(?=[A-Za-z0-9_.-]{0,19}[0-9_-])"
        r"(?=[A-Za-z0-9_.-]{0,19}[A-Za-z])|(?<=[号Dd])\s*|\s*(?=[A-Za-z0-9_-]{0,19}[0-9_-]))"
        r"(?P<value>[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?=[A-Za-z0-9])){4,19})(?![A-Za-z0-9_@-])",
        "飞信|陌陌|LINE|[Ll]ine|[Ww]hats[Aa]pp|[Tt]elegram|[Ss]kype|[微威薇徽卫][信芯星x♥❤心:： ]|加[微薇Vv]|"
        "[+➕我][Vv薇微]|[微薇威vV][♥❤💚]|好友[:：]|绿泡泡|绿色软件|[Vv][信Xx]|[Vv薇微威]\\s*[:：]|[Vv]我|抖音|小红书|快手|钉钉|支付宝|微博|weixin|"
        "[Ww]e[Cc]hat|WECHAT|[Ww][Xx]|知乎|贴吧|[Ii]nstagram|[Ff]acebook|[Kk]akao",
        lambda match: (
            not re.match("https?$|www", match["value"]) and bool(re.search("[0-9_-]|^[a-z]+$", match["value"]))
        ),
    ),
    Kind(
        "wechat",
        "【微信号】",
        r"(?<![A-Za-z0-9_-])(?P<value>[A-Za-z][A-Za-z0-9_-]{5,19})(?=\s?(?:这个)?(?:就?是)(?:[我俺他她]|本人)?的?微信)",
        "是(?:[我俺他她]|本人)?的?微信",
    ),
    Kind(
        "wechat",
        "【微信号】",
        r"(?:加|搜|找|联系|关注)[^A-Za-z0-9，。；\n]{0,6}(?P<value>[a-z][a-z0-9]{1,14}_[a-z0-9_]{2,14})(?![A-Za-z0-9_@.-])",
        "(?:加|搜|找|联系|关注).{0,6}[a-z][a-z0-9]+_",
    ),
    Kind(
        "qq",
        "【QQ号】",
        rf"(?:(?:(?<![A-Za-z])[Qq] ?[Qq]|扣扣?|企鹅|🐧|秋秋|球球|加[Qq]|(?<![A-Za-z])[Qq]群?(?=\s*[:：]|"
        rf"群))(?:号码|号|群号|群|联系| ?number| ?[Nn]o\.?)?|[Qq]群号?|"
        rf"(?:[进加入有的]|病友|交流|微信|患者|家长|粉丝)?群(?:号码|"
        rf"号)?)(?:[吗么呢]?[？?，,]|也行|也可以?|都行|同号)?{WORDED}"
        rf"(?P<value>[1-9](?:[ ]?{DIGIT}){{4,10}}){_OVER}(?![./%]|[年月日元人个名岁号]|[A-Za-z])",
        "[Qq]|扣|企鹅|🐧|秋秋|球球|群",
        _qq,
    ),
    Kind(
        "qq",
        "【QQ号】",
        rf"(?<![A-Za-z0-9])(?:[Qq](?P<value>[1-9][0-9]{{5,10}})){_OVER}",
        "[Qq][1-9]",
    ),
    Kind(
        "qq",
        "【QQ号】",
        rf"{_ALONE}(?P<value>[1-9][0-9]{{4,10}})(?=\s?(?:是|为|就是)?(?:[我俺他她]|本人)?的?(?:[Qq][Qq]|扣扣|微信))",
        "[0-9]\\s?(?:是|为|就是)?(?:[我俺他她]|本人)?的?(?:[Qq][Qq]|扣扣|微信)",
    ),
    Kind(
        "qq",
        "【QQ号】",
        rf"(?:[①-⑩]|[一二三四五1-5]群)[:：]?\s?(?P<value>[1-9](?: ?{DIGIT}){{5,10}}){_OVER}",
        "群.{0,32}[0-9]{5}",
        lambda match: "群" in match.string[max(0, match.start() - 24) : match.start("value")],
    ),
    Kind(
        "mobile",
        "【手机号】",
        rf"{_ALONE}(?P<value>[（(]?(?:[+]?(?:00)?86[)）]?[ -]?)?(?:[（(]1[3-9]{DIGIT}[)）]|"
        rf"1[3-9]{DIGIT})"
        rf"(?:(?:{_DASH}?{DIGIT}{{4}}){{2}}|{DIGIT}{_DASH}{DIGIT}{{3}}{_DASH}{DIGIT}{{4}}"
        rf"|{DIGIT}{{1}}{_DASH}{DIGIT}{{4}}{_DASH}{DIGIT}{{3}}|{_DASH}{DIGIT}{{3}}{_DASH}{DIGIT}{{5}}|(?:{_DASH}{DIGIT}{{2}}){{4}}|"
        rf"{DIGIT}{{2}}{_DASH}{DIGIT}{{6}}|{_DASH}{DIGIT}{{5}}{_DASH}{DIGIT}{{3}}|{DIGIT}{{2}}{_DASH}{DIGIT}{{3}}{_DASH}{DIGIT}{{3}})){_OVER}",
        f"1[3-9]{DIGIT}[)）]?{_DASH}?{DIGIT}",
    ),
    Kind(
        "mobile",
        "【手机号】",
        r"(?<![A-Za-z0-9])(?P<value>[1lI|][3-9][0-9OolI|]{9})(?![A-Za-z0-9])",
        "[1lI|][3-9][0-9OolI|]{9}",
        _scanned,
    ),
    Kind(
        "mobile",
        "【手机号】",
        rf"(?:手机|电话|联[系络]|致电|短信|来电|[Tt]el|TEL|号码|微信|打|拨)(?:号码|号|方式|我|"
        rf"人)?{WORDED}(?P<value>0?1[ ./_*~—–-]{{0,2}}[3-9](?:[ ./_*~，、—–-]{{0,2}}{DIGIT}){{9}}){_OVER}",
        "(?:机|电|系|络|信|[Tt]el|TEL|码|打|拨|方式|我|人)"
        f".{{0,9}}1[ ./_*~—–-]{{0,2}}[3-9][ ./_*~，、—–-]{{0,2}}{DIGIT}",
        _eleven,
    ),
    Kind(
        "mobile",
        "【手机号】",
        rf"{_ALONE}(?P<value>(?=[0-9]{{2,10}}{_NUMERAL})1[3-9](?:[0-9]|{_NUMERAL}){{9}})(?![0-9])(?!{_NUMERAL})",
        f"1[3-9][0-9]*{_NUMERAL}",
    ),
    Kind(
        "mobile",
        "【手机号】",
        f"(?<!{_NUMERAL})(?P<value>[一幺壹][三四五六七八九叁肆伍陆柒捌玖][ -]?(?:{_NUMERAL}[ "
        f"-]?){{8,9}}{_NUMERAL})(?!{_NUMERAL})",
        f"[一幺壹][三四五六七八九叁肆伍陆柒捌玖][ -]?(?:{_NUMERAL}[ -]?){{8}}",
    ),
    Kind(
        "mobile",
        "【手机号】",
        r"(?<![0-9A-Za-z])(?P<value>[+](?!86)[1-9][0-9]{0,2}[ -]?(?:[(（]?[0-9]{1,4}[)）]?[ -]?)?"
        "[0-9]{3,4}[ -]?[0-9]{4}|[+](?!86)[1-9][0-9]{0,2}(?: [0-9]{2,6}){2,4}"
        "|[（(][2-9][0-9]{2}[)）] ?[2-9][0-9]{2}-[0-9]{4}"
        r"|09[0-9]{2}-[0-9]{3}-?[0-9]{3})(?![0-9])",
        "[+][1-9]|09[0-9]{2}-[0-9]{3}|[（(][2-9][0-9]{2}[)）] ?[2-9]",
    ),
    Kind(
        "mobile",
        "【手机号】",
        f"(?:手机|手提|电话|联[络系]|行动)(?:号码?|电话|人)?{WORDED}(?P<value>09[0-9]{{8}}"
        f"|[5-9][0-9]{{3}} [0-9]{{4}})(?![0-9])",
        "(?:手机|手提|电话|联[络系]|行动).{0,8}(?:09|[5-9][0-9]{3} )",
    ),
    Kind(
        "landline",
        "【电话】",
        rf"(?P<label>(?:电话|座机|固话|传真|致电|热线|总机|分机|手提|住宅|宅电|家电|小灵通|[Tt]el|TEL|[Pp]hone|[Mm]ob(?:ile)?|[Ff]ax|FAX|(?<!血)[打拨](?=[2-8][0-9]{{6,7}}(?![0-9])))"
        rf"(?:[（(]区号[0-9]{{3,4}}[)）])?(?:号码|号|\.|[:：]?(?:家|宅|办|办公|单位|科室))?{WORDED})?(?<![0-9A-Za-z])(?<![0-9A-Za-z]-)(?<![0-9][.])"
        rf"(?P<value>(?P<form>(?:(?:(?:[+]86[ -]?)?(?:[（(]{_AREA}[)）] ?|{_AREA}(?: ?[-—/.] ?| ))|"
        rf"(?:[+]|00)86[ -]{_AREA_ABROAD}[ -])"
        r"[2-8][0-9]{2,3}[- ]?[0-9]{4}|0[2-8]-[0-9]{3,4}-[0-9]{4})"
        r"(?:(?:[-—]|转|转分机)[0-9]{1,5})?)"
        rf"|0?[0-9]{{3,4}}[ -]?[0-9]{{4,7}}|[0-9]{{7,11}}){_OVER}(?![0-9%]|[./][0-9]|[a-zA-Z])",
        "[）)— -][2-8][0-9]{2}|[打拨][2-8][0-9]{6}|电话|座机|固话|传真|致电|热线|总机|分机|手提|住宅|宅电|"
        "家电|小灵通|[Tt]el|TEL|[Pp]hone|[Mm]ob|[Ff]ax|FAX",
        _labelled_or_formed,
    ),
    Kind(
        "landline",
        "【电话】",
        r"(?<![0-9A-Za-z])(?P<value>[（(]0[2-8][)）] ?[2-9][0-9]{2,3}[- ]?[0-9]{4}(?:[#转-][0-9]{1,5})?)(?![0-9])",
        "[（(]0[2-8][)）] ?[2-9]",
    ),
    Kind(
        "landline",
        "【电话】",
        r"(?:家里|家中|办公室|护士站|医生站|值班室?|门卫|前台|咨询台|服务台|病区|科里)(?:的?电话)?(?:是|为)?[:： ]?\s?"
        r"(?P<value>[2-8][0-9]{2,3}[ -]?[0-9]{4})(?![0-9%.]|[A-Za-z])",
        "(?:里|中|室|站|班|卫|台|区).{0,6}[2-8][0-9]{2}",
    ),
    Kind(
        "landline",
        "【电话】",
        f"(?:(?:电话|座机|宅电|号码|[Tt]el)(?:号码?)?{WORDED}(?P<value>"
        f"(?:[零〇]{_NUMERAL}{{2,3}}[-— ]?)?{_NUMERAL}{{7,8}})(?!{_NUMERAL}))",
        f"(?:话|机|电|码|[Tt]el).{{0,12}}{_NUMERAL}{{7}}",
    ),
    Kind(
        "landline",
        "【电话】",
        r"(?<!血)[打拨](?P<value>0(?:10|2[0-9]|[3-9][0-9]{2})[2-8][0-9]{6,7})(?![0-9])",
        "[打拨]0[0-9]{9}",
    ),
    Kind(
        "landline",
        "【电话】",
        rf"(?:分机|[Ee]xt\.|内线|短号|虚拟网|集团号)(?:号码?)?{WORDED}(?P<value>[0-9]{{2,7}})(?![0-9])",
        "分机|[Ee]xt\\.|内线|短号|虚拟网|集团号",
    ),
)
"""In search order: a card number that is also the first part of an e-mail address counts as the e-mail."""

PAPERS = (
    Kind(
        "passport",
        "【证件号】",
        rf"(?:护照|通行证|台胞证|回乡证|军官证|士官证|文职证|义务兵证|军人证|士兵证|警官证|退休证|退役证|驾驶证|驾照|居留证|居住证|户口簿|户口本|残疾证|"
        r"港澳证|签证|老年证|老人证|优待证|优抚证|属证|海员证|BNO|[Pp]assport)(?:号码|编号|号|证号| ?[Nn]o\.?"
        f"| number(?: is)?|/)?{WORDED}"
        r"(?P<value>[A-Za-z]{0,3} ?[0-9]{6,18}[A-Za-z]?|[\u4e00-\u9fff]{0,2}字第?[0-9]{4,10}号?|第[0-9]{4,10}号|"
        rf"[{_PLATES}军士兵文警武][\u4e00-\u9fff]?[0-9]{{6,10}})(?![A-Za-z0-9])",
        "护照|通行证|台胞证|回乡证|军官证|士官证|文职证|义务兵证|军人证|士兵证|警官证|退休证|退役证|驾驶证|驾照|居留证|居住证|户口[簿本]|残疾证|港澳证|"
        "签证|老年证|老人证|优待证|优抚证|属证|海员证|BNO|[Pp]assport",
    ),
    Kind(
        "passport",
        "【证件号】",
        r"(?<![\u4e00-\u9fff])(?P<value>[军南北沈兰成济广海空武参政后装联士文][\u4e00-\u9fff]?字第?[0-9]{4,10}号)",
        "字第?[0-9]{4,10}号",
    ),
    Kind(
        "plate",
        "【车牌号】",
        rf"(?P<value>[{_PLATES}] ?[A-HJ-NP-Za-hj-np-z][·•・. -]?(?=[A-HJ-NP-Za-hj-np-z]{{0,4}}[0-9])"
        "[A-HJ-NP-Za-hj-np-z0-9]{4,5}[A-HJ-NP-Za-hj-np-z0-9挂学警港澳])(?![A-Za-z0-9])",
        f"[{_PLATES}] ?[A-Za-z][·•・. -]?[A-Za-z0-9]{{4}}",
    ),
    Kind(
        "plate",
        "【车牌号】",
        f"(?:摩托车?|轻骑|三轮车?|车牌|牌照)(?:号码?)?{WORDED}"
        f"(?P<value>[{_PLATES}] ?[A-Z][·.]?[A-Z0-9]{{4,6}})(?![A-Za-z0-9])",
        "(?:摩托|轻骑|三轮|车牌|牌照)",
    ),
    Kind(
        "plate",
        "【车牌号】",
        f"(?:车牌|牌照|号牌|车号)(?:号码?)?{WORDED}(?P<value>[A-Z0-9]{{2,4}}-[A-Z0-9]{{2,4}}"
        f"|{HAN}{{2,3}} ?[A-Z]?[0-9A-Z]{{5,7}})"
        "(?![A-Za-z0-9-])",
        "(?:车牌|牌照|号牌|车号).{0,8}[A-Z0-9]{2}",
        _has_digits,
    ),
    Kind(
        "passport",
        "【证件号】",
        r"(?<![A-Za-z0-9-])(?P<value>E[A-HJ-NP-Z][0-9]{7}|[EG](?!(?:19|20)[0-9]{2}[01])[0-9]{8})(?![A-Za-z0-9-])",
        "E[A-Z][0-9]{7}|[EG][0-9]{8}",
        lambda match: not re.search(rf"(?:{_FIELDS_OF_GOODS}|号)[:： ]?$", match.string[: match.start()][-8:]),
    ),
    Kind(
        "file_number",
        "【病案号】",
        r"(?<![A-Za-z0-9._/-])(?P<value>[A-Z]{1,3}(?!(?:19|20)[0-9]{2}[01])[0-9]{7,12}X?)(?![A-Za-z0-9._/%-])",
        "[A-Z][0-9]{7}",
        _unlabelled,
    ),
    Kind(
        "file_number",
        "【病案号】",
        r"(?<![A-Za-z0-9._/-])(?P<value>[A-Z]{1,4}-?"
        "(?:(?:20)?[0-3][0-9](?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])-?[0-9]{2,6}"
        "|(?<!GB)(?<!YY)(?<!YB)(?<!WS)(?<!JB)(?<!HG)(?<!DB)(?<!ISO)(?<!IEC)(?<!IEEE)(?<!ASTM)"
        "20[0-2][0-9]-[0-9]{3,6}))"  # ZY20240317-088
        r"(?![A-Za-z0-9._/%-])",
        "[A-Z]-?(?:20)?[0-3][0-9](?:[01][0-9][0-3][0-9]|-[0-9]{3})",
        _unlabelled,
    ),
    Kind(
        "file_number",
        "【病案号】",
        r"(?:^|[|｜\t])\s?(?P<value>[A-Z]{0,3}[0-9]{7,14})\s?(?=[|｜\t])",  # a cell
        "[0-9]{7}\\s?[|｜\t]",
        lambda match: not _DAY_ALONE.fullmatch(match["value"]) and not _of_goods(match["value"]),
    ),
)
"""Of papers and cars; a date that is written on a paper comes first."""
