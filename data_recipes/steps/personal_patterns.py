"""What personal numbers, dates and places look like in Chinese text, and how they differ from the numbers of medicine.

Each kind is certain only with its check digit, its shape or its label; doses, dates, laboratory values, ICD codes,
prices and approval numbers are not personal data.
"""

import re
from datetime import date

from data_recipes.steps.personal_kind import Kind

_PROVINCE = "1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]"
_SCANNED = str.maketrans("OolI|", "00111")
"""What a scanner reads in place of digits."""

_BRACKET = r"(?:\s?[（(][^（()）0-9\n]{1,12}[)）])?"  # 卡号(CARD NO.)
_WORDED = _BRACKET + r"[:：】\]|=*]?\s*(?:是|为)?\s*[:：（(#*|=]?\s*"  # between a label and its value
_D = "[0-9]"
_ALONE, _OVER = rf"(?<!{_D})(?<!{_D}[.])", rf"(?!{_D})(?![.]{_D})"
_HAN = "[\u4e00-\u9fff]"
_AREA = "0(?:10|2[0-9]|[3-9][0-9]{2})"
_AREA_ABROAD = "(?:10|2[0-9]|[3-9][0-9]{2})"
_SECTION = "(?:[东西南北中]?[一二三四五六七八九十]段)?"
_ROAD = "路|街|大道|巷|弄|胡同|村|小区|花园|家园|新苑|公寓|大厦|社区"
_HOUSE = "号院|号楼|号|弄|幢|栋|座|单元|室|楼|层|院|房"
_ADMIN = "省|市|自治区|自治州|地区|区|县|旗|盟|镇|乡|街道"
_BUILDING = "公寓|院|园|楼|小区|苑|厦|城|舍|府|里|庭|村"
_NUMERAL = "[零〇一二三四五六七八九幺壹贰叁肆伍陆柒捌玖]"
_NUMBERED = "(?:号码|编号|号|ID|码|序号|流水号)"
_ENDS_CODE = r"(?![A-Za-z0-9%]|[./][0-9])"
_FILED = (
    "病案|病历|住院|门诊|急诊|就诊|就医|登记|病员|病人|患者|影像|检查|检验|标本|样本|条码|条形|病理|健康|诊疗|"
    "诊断证明|体检|筛选|随机|受试者|入组|试验|申请|放射|超声|CT|MR|MRI|DR|内镜|心电|X光|X线|胶片|片"
    "|工|学|床头|挂号|处方|报告|化验|档案|建档|员工|职工|工牌|工作|学籍|会员|准考|发票|预约|取药|流水|出院|出生|"
    "医学证明|残疾|接种|医师资格|执业|护理|手术|麻醉|输血|血袋|唯一|索引|入院|留观|透析|随访|研究|个案|病例|病房|"
    "腕带|医嘱|缴费|收费|结算|电子健康|家庭|母婴|孕产妇|保健|保单|案件|护士|医生|医师|学生|考生|志愿者|献血|主索引|"
    "儿保|咨询|投诉|工单|报案|理赔|保险|险|订单?|运单?|快递|物流|会诊|供者|受者|捐献|退休|退役|老年|老人|军人|出生证|接种|学籍|编制|户籍|"
    "用户|账号|登录|管|混采|黄皮书|居住|健保|宠物|复诊|覆诊|回访|转诊|转院|医院|行驶|社会工作|(?<![册证格定])证书"
)
_CARRIERS = (  # on which a number of somebody's file stands
    "腕带|手环|床头卡|就诊卡|诊疗卡|健康卡|医疗卡|一卡通|[\u4e00-\u9fff]卡|保单|投诉单|申请单|检查单|检验单|化验单|报告单|通知单|"
    "登记单|转诊单|处方笺|流水|档案|病历|试管|标本|条形?码|献血码|血袋|凭证|[运订快]递?单|挂号信|包裹|发票|采样?管|[\u4e00-\u9fff]证"
)
_FIELDS_OF_GOODS = (  # whose numbers are of products, papers and rules
    "批|批件|批文|护照|驾照|通行|台胞|军官|文|准字|证|注册|备案|许可|型|货|版|书|刊|标准|编码|代|追溯|热线|邮|产品|规格|商品|"
    "色|尺|图|表|章|页|卷|期|登记证|专利|条款|课题|项目|基金|注册证|备案|ICD|套餐|航班|车次|服务|电话|手机|联系|"
    "微信|QQ|群|卡|账|帐|身份证|口令|验证|密|小程序|公众|序列|设备|机|车|门牌|房|座位|座|款|股|国药|械|字|文献|参考|"
    "引文|车牌|邮政|区|国|信|专|型|同|大|小|几|一|二|三|四|五|[0-9]|旗舰|店|拨打|括|符|问|感叹|加|减|等|星|井|记|信|"
    "称|外|绰|口|螺|逗|句|冒|引|括"
)
_HAN_NUMBER = "[零〇一二三四五六七八九十]"
_DASH = "[ .—–·-]"
_LUNAR_DAY = "(?:初|十|廿|二十|三十)[一二三四五六七八九十]?"
_STEMS, _BRANCHES = "[甲乙丙丁戊己庚辛壬癸]", "[子丑寅卯辰巳午未申酉戌亥]"
_DAY = r"(?:19|20)\d{2}\s*[年./-]\s*\d{1,2}\s*[月./-]\s*\d{1,2}(?:\s*[日号])?"
_MONTHS = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_HOUR = r"(?:\s*(?:凌晨|清晨|早上|上午|中午|下午|傍晚|晚上))?(?:\s*\d{1,2}\s*[点时](?:\d{1,2}分)?)?"
_FESTIVAL = "(?:元旦|春节|除夕|元宵|清明|端午|中秋|重阳|国庆|圣诞|腊八|小年|儿童|妇女|劳动)节?"
_LABELLED_DATE = (
    r"(?:应该?|写|填|改|登记|的)*[:：】\]]?\s*(?:是|为|成|在)?\s*[:：（(#]?\s*"  # between 生日 and the day
)
_DATE = r"(?:19|20)\d{2}\s*[年./-]\s*(?:\d{1,2}|元)(?:\s*[月./-](?:\s*\d{1,2}(?:\s*[日号])?)?)?"
_DAY_FIRST = r"\d{1,2}[/.-]\d{1,2}[/.-](?:19|20)\d{2}"
_REPUBLICAN = rf"民国(?:{_HAN_NUMBER}|\d){{1,4}}年(?:(?:{_HAN_NUMBER}|\d){{1,3}}月(?:(?:{_HAN_NUMBER}|[\d廿]){{1,4}}[日号]?)?)?"
_BORN_IN = "(?<![发产寄派衍滋再新野先天萌])生于"
_BANK = (
    "银行|[工农建中交招邮储]行|建设|招商|农信|信用社|邮储|储蓄|中信|光大|民生|浦发|兴业|平安|卡|账[号户]|帐[号户]|"
    "[打转汇][款账到]|刷"
)
_SMALL = (
    "路|街(?!道)|大道|巷|弄|胡同|村|寨|屯|庄|小区|社区|居委会|村委会|花园|家园|新苑|苑|公寓|大厦|国贸|新村|里|号|栋|幢|"
    "座|单元|室|组|队|园|校区|家属院|宿舍"
)
_PLACE = (  # parts of an address, from large to small
    rf"(?:(?:{_HAN}{{2,8}}?(?:省|自治区|市|自治州|州|地区|盟))?(?:{_HAN}{{1,8}}?(?:{_ADMIN})){{1,4}}|"
    rf"(?={_HAN}{{2,6}}(?:{_SMALL})))"
    rf"(?:[\u4e00-\u9fffA-Za-z0-9-]{{1,14}}?(?:{_SMALL}|楼|层|院|门|户|附[0-9]+|"
    rf"[0-9]{{3,4}}(?![0-9室号楼栋层]))(?![民医])){{0,8}}(?:[0-9A-Z-]{{1,8}})?"
)
_LIVES = (
    "住[址止]|地址|住所|住处|地点|addr(?:ess)?=|所在地|居住地|[家现租暂]住|居住|搬[到去]|住在?|家在|老家在?|户籍在?|籍贯|原籍|来自|"
    "[我他她俺]是|娘家|婆家|[寄送发]到|[寄送发]往|寄给|邮寄|派车到"
)
_OF_ORGANISATIONS = (  # how their names end
    "有限责任公司|有限公司|公司|集团|[小中大]学|完小|学院|学校|[一二三四五六七八九十]中|幼儿园|[厂矿局所站队段社馆]|工区|[0-9一二三四五六七八九十]号井|"
    "中心|政府|银行|超市|酒店|饭店|饭馆|商场|法院|研究院|科技园|工业园|电视台"
)
_WORKS = (
    "上班|工作|打工|收银|教书|教[高初小]|念书|念[高初小大]|读书|读[高初小大研]|上[高初小大学一二三四五六]|上学|任教|就读|实习|服役|"
    "退休|下岗|[当做任](?:老师|保安|会计|护士|司机|厨师|教师|工人|销售|文员|品|主|技)"
)
_HOLDERS = (
    "(?:语文|数学|英语|体育|音乐|美术|班|在职|退休|下岗|在编|正式)*(?:老师|教师|职工|员工|工人|学生|司机|保安|会计|掘进工|网格员|工程师|校医|"
    "科员|干部|主任|经理|大姐|师傅|大哥|辅导员|[高初][一二三]|大[一二三四]|[一二三四五六]年级|退休|下岗)"
)
_WECHAT = (
    "微信|飞信|陌陌|[Ll]ine|[Ww]hats[Aa]pp|[Tt]elegram|[Ss]kype|威信|薇信|徽信|微芯|威芯|卫星|加微|加薇|绿泡泡|"
    "绿色软件|微x|[Vv]信|(?<![A-Za-z])(?<![A-Za-z0-9] )(?:[Vv][Xx]|[Ww][Xx])|weixin|[Ww]e[Cc]hat|WECHAT|微[♥❤]|"
    "微心|抖音|小红书|快手|钉钉|支付宝|微博|[薇微威](?=\s*[:：])|(?<![A-Za-z0-9])[Vv](?=\\s*[:：])|"
    "[+加][Vv薇微](?![Xx信])"
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
    return 1900 <= int(year) <= date.today().year


def _identity_number(match: re.Match[str]) -> bool:
    """An identity number: by its label, or by its province and the day of birth in it; check digits are mistyped."""
    number = _plain(match["value"])
    if match["label"]:
        return len(number) in (15, 17, 18, 19)
    if not re.match(_PROVINCE, number):
        return False
    if len(number) == 15:
        return _real_date(f"19{number[6:8]}", number[8:10], number[10:12])
    return len(number) == 18 and _real_date(number[6:10], number[10:12], number[12:14])


def _scanned_identity(match: re.Match[str]) -> bool:
    """An identity number in which a scanner has read digits as letters."""
    number = match["value"].translate(_SCANNED)
    return bool(re.match(_PROVINCE, number)) and number[:14].isdigit() and _real_date(
        number[6:10], number[10:12], number[12:14]
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
    return len(re.sub("[^0-9]", "", match["value"])) == 11


def _identifier(match: re.Match[str]) -> bool:
    """A number of somebody's file, or one that is labelled and not of goods or papers."""
    before = match.string[max(0, match.start() - 8) : match.start()].rstrip("（(【[】:： ")
    if not _has_digits(match) or _of_goods(match["value"]):
        return False
    if re.search(rf"(?:{_FILED})(?:编|单|卡|证书?|证明|表|唯一|流水|序|本|册|站|联)*$", before):
        return True
    digits = sum(character.isdigit() for character in match["value"])
    strong = re.search("[:：|=#*]", match["sign"])
    labelled = digits > 3 if strong else digits > 5 and _of_a_person(match["label"], before)
    return labelled and not re.search(rf"(?:{_FIELDS_OF_GOODS})$", before)


def _of_a_person(label: str, before: str) -> bool:
    """Whether what stands before a number without a colon may say whose it is."""
    return bool(re.search(rf"{_HAN}$", before)) or (label == "ID" and not re.search("[A-Za-z]$", before))


def _of_goods(number: str) -> bool:
    """Whether a number is that of goods from a Chinese maker, by its check digit."""
    return bool(re.fullmatch("69[0-9]{11}", number)) and (
        sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(number)) % 10 == 0
    )


def _on_paper(match: re.Match[str]) -> bool:
    """A number on a card or paper that is somebody's, not of a bank, a shop or a telephone."""
    before = match.string[max(0, match.start() - 3) : match.start("value")]
    return (
        sum(character.isdigit() for character in match["value"]) >= 5
        and not _of_goods(match["value"])
        and not re.search(
            "银行|信用|储蓄|储值|电话|手机|购物|会员|充值|内存|显卡|网卡|声卡|贺卡|卡路|注册|许可|批准|生产|经营|"
            "合格|认证|[一二三不论求保查验旁循考印]证",
            before,
        )
    )


def _where(match: re.Match[str]) -> bool:
    """An address: at least two parts, the last of them smaller than a district."""
    value = match["value"]
    parts = len(re.findall(rf"{_ADMIN}|{_SMALL}", value))
    return parts > 1 and bool(re.search(_SMALL, value)) and not re.search("^院|医院|卫生院|卫生室|中心$|中心的", value)


def _worked_at(match: re.Match[str]) -> bool:
    return not re.search(
        "医院|[的了都没敢送不想去性]|^[一某这那我他她家个外私国小大哪还上]", match["value"].replace("上海", "海")
    )


def _organisation(match: re.Match[str]) -> bool:
    """The name of one organisation, not a kind of it, nor who makes a medicine."""
    value = match["value"]
    return not re.search(
        "医院|卫生|诊所|药|医[疗械]|生物|[的了着过和或都没敢送不想去要每各其该些被把让使给与读]|上(?!海|饶|虞)|"
        "^[一某这我他她本贵家个外私哪还下在寄位]|^那(?!曲)|^[大小国](?:公司|学|集团|医|型|厂|企)|^全(?!椒|州|国)",
        value,
    )


def _qq(match: re.Match[str]) -> bool:
    return 5 <= len(_plain(match["value"])) <= 11


def _account_near(match: re.Match[str]) -> bool:
    """A bank card: by its check digit, or where a card or a bank is named shortly before."""
    before = match.string[max(0, match.start() - 28) : match.start("value")]
    number = _plain(match["value"])
    known = len(number) < 22 and re.match("6[02]|4|5[1-5]|9558", number)
    return _bank_card(match) or bool(known and re.search(_BANK, before))


def _place(match: re.Match[str]) -> bool:
    return bool(match["label"] or (match["form"] and "医院" not in match["value"]))


PATTERNS = (
    Kind(
        "e_mail",
        "【邮箱】",
        r"(?<![A-Za-z0-9._%+-])(?P<value>[A-Za-z0-9._%+-]{1,64}"
        r"(?: ?@ ?| ?[（(\[]at[)）\]] ?| AT |艾特|#(?=(?:163|126|qq|gmail|sina|foxmail|hotmail|outlook)\.))"
        r"[A-Za-z0-9-]+(?:(?:\.|点|[（(\[]dot[)）\]])[A-Za-z0-9-]+)*(?:\.|点|[（(\[]dot[)）\]])[A-Za-z]{2,})",
        "@| AT |[（(\\[]at[)）\\]]|艾特|#(?:163|126|qq|gmail|sina|foxmail|hotmail|outlook)",
    ),
    Kind(
        "identity_number",
        "【身份证号】",
        rf"(?P<label>(?:身[份分]证(?:件|明)?|证件|公民身份|身份|社会保障)(?:字?号码?)?{_WORDED})?{_ALONE}"
        rf"(?P<value>[1-9](?:[ -]?{_D}){{13,17}}(?:[ -]?[Xx])?){_OVER}",
        f"{_D}[0-9 -]{{13}}",
        _identity_number,
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
        rf"(?P<label>身[份分]证(?:字?号码?)?{_WORDED})?(?<![A-Za-z0-9])(?P<value>[A-Z][12][0-9]{{8}})(?![A-Za-z0-9])",
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
        "insurance_number",
        "【医保号】",
        r"(?:医保|社保|医疗保险|社会保险|社会保障|新农合|农合|农保|低保|慢病|慢特病|健保|门特|统筹|公费医疗|合作医疗|"
        r"医疗|参保|参合|公积金|养老)(?:电子|个人|人员|金融|电脑|服务)*"
        r"(?:(?:卡|证|凭证|人员|账户|手册)?(?:编?(?:号码|号)|ID|编码)|[卡证](?=\s*[:：]))"
        rf"{_WORDED}(?P<value>[A-Za-z0-9][A-Za-z0-9-]{{4,24}})",
        "[保合疗金障老病特筹].{0,6}(?:号|ID|编码)|[保障合疗病特](?:电子)?[卡证]",
        _has_digits,
    ),
    Kind(
        "file_number",
        "【病案号】",
        rf"(?P<label>{_NUMBERED})(?P<sign>{_WORDED})(?P<value>[0-9]{{2,4}}(?: [0-9]{{1,4}}){{2,5}}|[0-9]{{8}} [0-9]{{8}}|"
        rf"(?:[{_PLATES}]{_HAN}{{0,2}}-?)?[A-Za-z0-9][A-Za-z0-9_-]{{3,24}}){_ENDS_CODE}",
        f"{_NUMBERED}.{{0,20}}[A-Za-z0-9]{{2}}",
        _identifier,
    ),
    Kind(
        "file_number",
        "【病案号】",
        r"(?<![A-Za-z])(?:MRN|HIS|[Pp][Ii][Dd]|(?i:patient|student|staff|employee|member|user|visit|accession|specimen|"
        r"sample|account|chart|case|record|card|order|policy|claim|(?:out|in)patient|admission)[ _-]?(?i:id|no|number)|"
        r"Visit|Accession|Specimen|Account|Chart|Case|Record|N[Oo](?=[.:：]))"
        rf"(?:[ .]?(?i:no|id)\b)?(?:号)?[ .:：#=_]*(?P<value>[A-Za-z]{{0,5}}-?[0-9][A-Za-z0-9-]{{4,24}}){_ENDS_CODE}",
        "MRN|HIS|[Pp][Ii][Dd]|N[Oo][.:：]|(?i:(?:patient|student|staff|employee|member|user|visit|accession|specimen|"
        "sample|account|chart|case|record|card|order|policy|claim|admission))",
        _has_digits,
    ),
    Kind(
        "file_number",
        "【病案号】",
        rf"(?:{_CARRIERS})(?:上|里|后面)?(?:写着?|印着?|那串)?{_WORDED}"
        rf"(?P<value>(?:[{_PLATES}]{_HAN}{{0,2}}-?)?[A-Za-z]{{0,5}}-?[0-9][A-Za-z0-9-]{{5,24}}(?:-[甲乙丙丁])?|"
        r"[0-9]{3,5}(?: [0-9]{2,5}){2,4})(?![A-Za-z0-9%年月日元]|[./][0-9])",
        f"(?:{_CARRIERS}).{{0,20}}[A-Za-z0-9]{{3}}",
        _on_paper,
    ),
    Kind(
        "file_number",
        "【病案号】",
        rf"(?:病案|病历|住院|门诊|急诊|就诊|登记|学籍|工号)(?:\s*[:：|]\s*)(?P<value>[A-Z]{{0,4}}-?[0-9]{{5,14}}){_ENDS_CODE}",
        "(?:病案|病历|住院|门诊|急诊|就诊|登记|学籍|工号)\\s*[:：|]",
    ),
    Kind(
        "bank_card",
        "【银行卡号】",
        rf"(?P<label>(?:卡号?|账号|账户|帐号|帐户){_WORDED})?{_ALONE}"
        rf"(?P<value>{_D}{{4}}(?:[ -]?{_D}{{4}}){{2,3}}(?:[ -]?{_D}{{1,3}})?|"
        rf"62{_D}{{2,4}}(?:[ -]?{_D}{{2,8}}){{2,4}}){_OVER}",
        f"{_D}[0-9 -]{{11}}",
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
        "wechat",
        "【微信号】",
        rf"(?:{_WECHAT})(?:号码|号|ID|id|名|账号|帐号|同号|联系)?"
        r"(?:[^A-Za-z0-9，。,\n]{0,8}(?:[:：是为加搜用]|全拼)\s*|[^A-Za-z0-9。\n]{0,12}(?=[A-Za-z0-9_.-]{0,19}[0-9_])"
        r"(?=[A-Za-z0-9_.-]{0,19}[A-Za-z])|\s*(?=[A-Za-z0-9_-]{0,19}[0-9_]))"
        r"(?P<value>[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?=[A-Za-z0-9])){4,19})(?![A-Za-z0-9_@-])",
        "飞信|陌陌|[Ll]ine|[Ww]hats[Aa]pp|[Tt]elegram|[Ss]kype|[微威薇徽卫][信芯星x♥❤心:： ]|加[微薇Vv]|"
        "[+][Vv薇微]|绿泡泡|绿色软件|[Vv][信Xx]|[Vv薇微威]\\s*[:：]|抖音|小红书|快手|钉钉|支付宝|微博|weixin|"
        "[Ww]e[Cc]hat|WECHAT|[Ww][Xx]",
        lambda match: (
            not re.match("https?$|www", match["value"]) and bool(re.search("[0-9_-]|^[a-z]+$", match["value"]))
        ),
    ),
    Kind(
        "qq",
        "【QQ号】",
        rf"(?:(?:(?<![A-Za-z])[Qq] ?[Qq]|扣扣?|企鹅|秋秋|球球|加[Qq]|(?<![A-Za-z])[Qq]群?(?=\s*[:：]|"
        rf"群))(?:号码|号|群号|群)?|[Qq]群号?|(?:[进加入有的]|病友|交流|微信|患者|家长|粉丝)?群(?:号码|"
        rf"号)?)(?:[吗么呢]?[？?，,])?{_WORDED}"
        rf"(?P<value>[1-9](?:[ ]?{_D}){{4,10}}){_OVER}(?![./%]|[年月日元人个名岁号]|[A-Za-z])",
        "[Qq]|扣|企鹅|秋秋|球球|群",
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
        "mobile",
        "【手机号】",
        rf"{_ALONE}(?P<value>[（(]?(?:[+]?(?:00)?86[)）]?[ -]?)?(?:[（(]1[3-9]{_D}[)）]|"
        rf"1[3-9]{_D})"
        rf"(?:(?:{_DASH}?{_D}{{4}}){{2}}|{_D}{_DASH}{_D}{{3}}{_DASH}{_D}{{4}}"
        rf"|{_D}{{1}}{_DASH}{_D}{{4}}{_DASH}{_D}{{3}}|{_DASH}{_D}{{3}}{_DASH}{_D}{{5}}|(?:{_DASH}{_D}{{2}}){{4}}|"
        rf"{_D}{{2}}{_DASH}{_D}{{6}}|{_DASH}{_D}{{5}}{_DASH}{_D}{{3}}|{_D}{{2}}{_DASH}{_D}{{3}}{_DASH}{_D}{{3}})){_OVER}",
        f"1[3-9]{_D}[)）]?{_DASH}?{_D}",
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
        rf"(?:手机|电话|联系|致电|短信|来电|[Tt]el|TEL|号码|微信|打|拨)(?:号码|号|方式|我|"
        rf"人)?{_WORDED}(?P<value>1[ ./_*—–-]{{0,2}}[3-9](?:[ ./_—–-]{{0,2}}{_D}){{9}}){_OVER}",
        f"(?:机|电|系|信|[Tt]el|TEL|码|打|拨|方式|我|"
        f"人).{{0,9}}1[ ./_*—–-]{{0,2}}[3-9][ ./_—–-]{{0,2}}{_D}",
        _eleven,
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
        r"[0-9]{3,4}[ -]?[0-9]{4}"
        r"|09[0-9]{2}-[0-9]{3}-?[0-9]{3})(?![0-9])",
        "[+][1-9]|09[0-9]{2}-[0-9]{3}",
    ),
    Kind(
        "landline",
        "【电话】",
        rf"(?P<label>(?:电话|座机|固话|传真|致电|热线|总机|分机|[Tt]el|TEL|[Ff]ax|FAX)(?:号码|号|\.|[:：]?(?:家|宅|办|"
        rf"办公|单位|科室))?{_WORDED})?(?<![0-9A-Za-z.-])"
        rf"(?P<value>(?P<form>(?:(?:[+]86[ -]?)?(?:[（(]{_AREA}[)）] ?|{_AREA}(?: ?[-—] ?| ))|[+]86[ -]{_AREA_ABROAD}[ -])"
        r"[2-8][0-9]{2,3}[- ]?[0-9]{4}|0[2-8]-[0-9]{3,4}-[0-9]{4}"
        r"(?:(?:[-—]|转|转分机)[0-9]{1,5})?)"
        rf"|0?[0-9]{{3,4}}[ -]?[0-9]{{4,7}}|[0-9]{{7,11}}){_OVER}(?![0-9%]|[./][0-9]|[a-zA-Z])",
        "[）)— -][2-8][0-9]{2}|电话|座机|固话|传真|致电|热线|总机|分机|[Tt]el|TEL|[Ff]ax|FAX",
        _labelled_or_formed,
    ),
    Kind(
        "birth_date",
        "【出生日期】",
        rf"(?:出\s*生\s*(?:年月日?|日期|时间|年份|于|在|日)?|生\s*日|{_BORN_IN}|生辰(?:八字)?|诞辰|降生|DOB|BIRTH|"
        rf"[Bb]irth(?:day|date| date)?)(?:[（(][^（()）]{{1,6}}[)）])?{_WORDED}"
        rf"(?P<value>{_DATE}|{_DAY_FIRST}|{_REPUBLICAN}|(?:19|20)[0-9]{{6}}|(?:农历|阴历|阳历)?\d{{1,2}}[月.-]\d{{1,2}}[日号]?|(?:19|"
        rf"20)?\d{{2}}年|\d{{2}}[./-]\d{{1,2}}[./-]\d{{1,2}})(?![0-9]|\s*(?:因|入院|就诊|来|行|出现|住院|术|发))",
        "出\\s*生|生\\s*日|生于|生辰|诞辰|降生|DOB|[Bb]irth|BIRTH",
    ),
    Kind(
        "birth_date",
        "【出生日期】",
        rf"(?:出\s*生\s*(?:年月日?|日期|时间|年份|于|在)?|生\s*日|{_BORN_IN}|生辰(?:八字)?){_WORDED}(?:农历|"
        rf"阴历|阳历)?"
        rf"(?P<value>(?:(?:{_HAN_NUMBER}{{2,4}}|{_STEMS}{_BRANCHES}|[0-9]{{2,4}})年)?(?:农历|"
        rf"阴历)?(?:{_HAN_NUMBER}{{1,3}}|腊|正|冬|闰{_HAN_NUMBER})月(?:{_LUNAR_DAY}|{_HAN_NUMBER}{{1,3}})?[日号]?)",
        "出\\s*生|生\\s*日|生于|生辰",
    ),
    Kind(
        "birth_date",
        "【出生日期】",
        rf"(?P<value>(?:{_HAN_NUMBER}{{4}}|{_HAN_NUMBER}{{2}}|(?:19|20)?[0-9]{{2}})年(?:农历|阴历)?(?:{_HAN_NUMBER}{{1,3}}|腊|正|"
        rf"冬)月(?:{_LUNAR_DAY}|{_HAN_NUMBER}{{1,3}})?[日号]?)(?=出?生(?:[，。,\s人的]|$))",
        "[日号月一二三四五六七八九十]出?生",
    ),
    Kind(
        "birth_date",
        "【出生日期】",
        rf"(?P<value>{_DATE}|{_REPUBLICAN}|(?<![0-9.])[0-9]{{2}}\.[0-9]{{1,2}}\.[0-9]{{1,2}}|(?<![0-9])(?:19|20)[0-9]{{2}}年(?=出生|生[人的])|"
        rf"(?<![0-9])[0-9]{{2}}年[0-9]{{1,2}}月(?:[0-9]{{1,2}}[日号]?)?)(?=出?生(?:[，。,；;\s人的）)]|$)|出生)",
        "[日号月年0-9]出?生",
    ),
    Kind(
        "birth_date",
        "【出生日期】",
        rf"(?:生\s*日|出\s*生\s*日期|[公农阴阳]历){_LABELLED_DATE}(?P<value>{_DAY}|(?:19|20)[0-9]{{6}})(?![0-9])",
        "生\\s*日|[公农阴阳]历",
    ),
    Kind(
        "birth_date",
        "【出生日期】",
        rf"(?P<value>{_DAY}{_HOUR}|[0-9]{{2,4}}年{_FESTIVAL})(?=\s*(?:出生|生[的下，。,]|降生|分娩|剖宫产|顺产出))",
        "[日号节0-9点时分晨上午晚]\\s*(?:出生|生[的下，。,]|降生|分娩|剖宫产|顺产出)",
    ),
    Kind(
        "birth_date",
        "【出生日期】",
        rf"(?:[我他她咱俺娃孩妈爸爷奶]|今年|是)(?:是|农历|阴历|阳历)*"
        rf"(?P<value>(?:{_HAN_NUMBER}{{2,4}}|[0-9]{{2,4}})年(?:{_HAN_NUMBER}{{1,3}}|闰{_HAN_NUMBER}|[0-9]{{1,2}}|腊|正|冬)月"
        rf"(?:{_LUNAR_DAY}|{_HAN_NUMBER}{{1,3}}|[0-9]{{1,2}})?[日号]?)(?=的(?:[，。,；;]|生日|人|$))",
        "月[^，。]{0,4}的(?:[，。,；;]|生日|人|$)",
    ),
    Kind(
        "birth_date",
        "【出生日期】",
        r"(?:^|[。；;\n“])(?P<value>[4-9][0-9]年[0-9]{1,2}月(?:[0-9]{1,2}[日号]?)?)(?=的[，。,])",
        "月[0-9]{0,2}[日号]?的[，。,]",
    ),
    Kind(
        "birth_date",
        "【出生日期】",
        rf"(?:[男女]性?[，,、\s]+|{_HAN}[（(](?=19))(?P<value>{_DAY})(?=[)）]|[，,、\s]+(?:[汉回满藏壮]|民族|住院|病|门诊|身份|电话|联系|职业|籍贯|现住|住址))",
        "[男女]性?[，,、\\s]+(?:19|20)|[（(]19",
    ),
    Kind(
        "birth_date",
        "【出生日期】",
        rf"(?:DOB|[Dd]ate of [Bb]irth|[Bb]orn(?: on| in)?|[Bb]irth ?(?:day|date))[ :：]*"
        rf"(?P<value>[0-9]{{1,2}} {_MONTHS},? [0-9]{{4}}|{_MONTHS} [0-9]{{1,2}},? [0-9]{{4}}|"
        rf"[0-9]{{1,4}}[/.-][0-9]{{1,2}}[/.-][0-9]{{1,4}})",
        "DOB|[Bb]irth|[Bb]orn",
    ),
    Kind(
        "birth_date",
        "【出生日期】",
        rf"(?:户口[簿本]|身份证|退休证|社保卡|证件|档案)[上里]?[^。；\n]{{0,8}}(?:写|登记|填|印)[的成着为是]*[^0-9\n。]{{0,2}}"
        rf"(?P<value>{_DAY}|(?:19|20)[0-9]{{6}}|[0-9]{{2}}\.[0-9]{{1,2}}\.[0-9]{{1,2}})(?![0-9])",
        "(?:户口[簿本]|身份证|退休证|社保卡|证件|档案).{0,16}[0-9]",
    ),
    Kind(
        "birth_date",
        "【出生日期】",
        r"(?<![0-9])(?P<value>(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01]))(?=\s*[|,，、/]\s*(?:[男女]|[MF]\b))",
        "(?:19|20)[0-9]{6}\\s*[|,，、/]\\s*[男女MF]",
    ),
    Kind(
        "birth_date",
        "【出生日期】",
        rf"(?:姓名|名字|[Nn]ame)\s*[:：|]?\s*[^，,\n0-9]{{2,20}}[，,]\s*(?P<value>{_DAY})",
        "(?:姓名|名字|[Nn]ame)[^0-9\n]{2,24}(?:19|20)",
    ),
    Kind(
        "birth_date",
        "【出生日期】",
        r"(?P<value>[0-9]{1,2}/[0-9]{1,2}/(?:19|20)[0-9]{2})(?=[^。\n]{0,14}(?:[Ff]emale|[Mm]ale))",
        "[Ff]emale|[Mm]ale",
    ),
    Kind(
        "passport",
        "【证件号】",
        rf"(?:护照|通行证|台胞证|回乡证|军官证|军人证|士兵证|警官证|退休证|退役证|驾驶证|驾照|居留证|居住证|户口簿|户口本|残疾证|"
        rf"港澳证|签证|老年证|老人证|优待证|BNO|[Pp]assport)(?:号码|编号|号|证号|[Nn]o\.?)?{_WORDED}"
        r"(?P<value>[A-Za-z]{0,3} ?[0-9]{6,18}[A-Za-z]?|[\u4e00-\u9fff]{0,2}字?第?[0-9]{4,10}号?)(?![A-Za-z0-9])",
        "护照|通行证|台胞证|回乡证|军官证|军人证|士兵证|警官证|退休证|退役证|驾驶证|驾照|居留证|居住证|户口[簿本]|残疾证|港澳证|"
        "签证|老年证|老人证|优待证|BNO|[Pp]assport",
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
        "workplace",
        "【单位】",
        r"(?:(?:工作|就业|所在|就读|现|服务|用人|毕业|职业及|申请|就职|任职)*(?:单位|学校|公司|院校)(?:名称|"
        r"及职务)?|就职于|任职于|供职于|就读于|任教于|毕业于)\s*[:：]\s*(?P<value>(?!无|不详|同上|本院|"
        r"我院)[^\s，。；,;:：]{4,30})",
        "(?:单位|学校|公司|院校|名称|职务|于)\\s*[:：]",
        lambda match: not re.search("mg|mmol|[%％/]", match["value"]),
    ),
    Kind(
        "workplace",
        "【单位】",
        r"我们?(?:公司|单位|学校|厂)[（(](?P<value>[^（()），。]{4,30})[)）]",
        "我们?(?:公司|单位|学校|厂)[（(]",
    ),
    Kind(
        "workplace",
        "【单位】",
        rf"(?:工作单位|单位|学校|公司|院校|学籍|抬头|就职)(?:名称)?{_BRACKET}(?:[\s:：|]+|(?={_HAN}+(?:公司|集团|[小中大]学|学院|幼儿园|厂|矿|工区)))"
        rf"(?P<value>{_HAN}{{3,18}}?(?:{_OF_ORGANISATIONS}))(?!{_HAN}?院)(?=[\s，。；、,;|）)]|$|{_HAN})",
        "(?:单位|学校|公司|院校|学籍|抬头|就职)",
        _organisation,
    ),
    Kind(
        "workplace",
        "【单位】",
        rf"(?:在|于|单位|是|系|[我他她](?:们)?)(?P<value>[\u4e00-\u9fffA-Za-z0-9]{{3,14}}?(?:{_OF_ORGANISATIONS}|店))(?={_WORKS})",
        f"(?:{_WORKS})",
        _organisation,
    ),
    Kind(
        "workplace",
        "【单位】",
        rf"(?:(?<!{_HAN})|[是系在])(?P<value>{_HAN}{{3,14}}?(?:{_OF_ORGANISATIONS})|{_HAN}{{2,8}}?[小中]学)(?=的?{_HOLDERS})",
        f"(?:{_OF_ORGANISATIONS})的?{_HOLDERS}",
        _organisation,
    ),
    Kind(
        "workplace",
        "【单位】",
        rf"(?:(?<!{_HAN})|[在到从于])(?P<value>{_HAN}{{2,8}}?(?:{_ADMIN}){_HAN}{{0,8}}?(?:小学|中学|完小|幼儿园|职业技术学院|中专|职高|技校))",
        f"(?:{_ADMIN}){_HAN}{{0,8}}(?:小学|中学|完小|幼儿园|学院|中专|职高|技校)",
        _organisation,
    ),
    Kind(
        "workplace",
        "【单位】",
        rf"(?<!{_HAN})(?P<value>{_HAN}{{3,18}}?(?:有限公司|有限责任公司|集团(?!军)))",
        "有限公司|有限责任公司|集团",
        _organisation,
    ),
    Kind(
        "workplace",
        "【单位】",
        rf"学号[^，。,;；\n]{{4,20}}[，,;；]\s*(?:[^，。,;；\n]{{2,4}}[，,;；]\s*)?(?P<value>{_HAN}{{2,10}}?(?:大学|学院|中学|学校))",
        "学号",
        _organisation,
    ),
    Kind(
        "workplace",
        "【单位】",
        rf"(?:[我他她公婆爸妈子女儿]是|在|就读于|就职于|任职于|供职于|任教于|毕业于|分配到|"
        rf"考上)(?P<value>{_HAN}{{1,6}}?(?:{_ADMIN}){_HAN}{{1,20}}?"
        r"(?:(?:[高初]?[一二三四五六](?:年级)?)[（(]?[0-9一二三四五六七八九十]{0,2}[)）]?班"
        r"|(?:学|院|园|司|局|所|队|行|厂|团|间|店|中|校|站|社|部|矿|场)(?=上班|工作|读|上学|就读|打工|[当做任教]|"
        r"的?(?:员工|职工|学生|老师|教师|科员|干部|会计|司机|工人|保安)|[，。；]?$)))",
        f"(?:{_ADMIN}).{{1,22}}(?:班|[学院园司局所队行厂团间店中校站社部矿场](?:上班|工作|读|上学|打工|[当做任教]|"
        f"的?(?:员|职工|学生|老?师|教师|科员|干部|会计|司机|工人|保安)|[，。；]?$))",
        lambda match: "医院" not in match["value"],
    ),
    Kind(
        "workplace",
        "【单位】",
        r"(?:就读于|就职于|任职于|供职于|任教于|毕业于|[我他她]是|"
        r"在)(?P<value>(?![一某这那我他她家个外私国小大哪家还])[\u4e00-\u9fffA-Za-z0-9]{2,16}?"
        r"(?:公司|集团|中学|小学|大学|学院|学校|幼儿园|[一二三四五六七八九十]中|工厂|钢厂|化纤厂|[一-鿿]厂|酒店|"
        r"派出所|公安局|法院|税务局|国税局|事务所|研究所|研究院|电视台|银行|煤矿|车间))(?=[，。；\s]|$|上班|工作|读|"
        r"上学|[当做任教打]|的?(?:员工|职工|学生|老师|教师|科员|工人))",
        "(?:公司|集团|中学|小学|大学|学[院校]|幼儿园|[一二三四五六七八九十]中|厂|酒店|派出所|公安局|法院|税务局|"
        "国税局|事务所|研究[所院]|电视台|银行|煤矿|车间)(?:[，。；\\s]|$|上班|工作|读|上学|[当做任教打]|的?(?:员工|"
        "职工|学生|老师|教师|科员|工人))",
        _worked_at,
    ),
    Kind(
        "workplace",
        "【单位】",
        rf"(?:职业[:：]\s*|单位是|在)(?P<value>(?![一某这那我他她家个外私国还工])(?=[^，。；\s]{{0,12}}(?:{_ADMIN}|"
        rf"第[一二三四五六七八九十0-9]|公司|集团))[\u4e00-\u9fffA-Za-z0-9（）()]{{4,22}}?)(?=上班|工作|打工|读书|"
        rf"上学|教书|念书|退休|职工|[当做](?:老师|保安|会计|护士|司机|厨师|教师|工人|销售|文员)|任教|就读|实习|服役)",
        "职业[:：]|单位是|上班|工作|打工|读书|上学|教书|念书|任教|就读|实习|服役|[当做](?:老师|保安|会计|护士|司机|"
        "厨师|教师|工人|销售|文员)",
        _worked_at,
    ),
    Kind(
        "address",
        "【地址】",
        rf"(?:{_LIVES})(?:是|为|在)?\s*[:：]?\s*(?P<value>{_PLACE})",
        f"(?:{_LIVES})(?:是|为|在)?\\s*[:：]?\\s*[^\\s，。；、]{{1,14}}(?:{_ADMIN}|{_SMALL.replace('(?!道)', '')})",
        _where,
    ),
    Kind(
        "address",
        "【地址】",
        rf"(?:住址|地址|住所|住处)\s*[:：]\s*(?P<value>(?=[^\s，。；,;]{{0,20}}(?:{_ADMIN}|"
        rf"{_ROAD}))[^\s，。；,;：:]{{6,40}})",
        "[址所处]\\s*[:：]",
    ),
    Kind(
        "address",
        "【地址】",
        rf"(?P<value>{_HAN}{{2,8}}?(?:省|市|自治区|州|盟|县){_HAN}{{1,8}}?(?:市|县|区|旗|"
        rf"州)(?:{_HAN}{{1,8}}?(?:{_ADMIN}))?(?:[\u4e00-\u9fff0-9A-Za-z-]{{1,14}}?(?:{_SMALL}|楼|"
        rf"院))+)(?![民医卫院])",
        f"[省市区州盟县]{_HAN}{{1,8}}?[市县区旗州].{{1,16}}(?:镇|乡|街|村|路|道|区|号|巷|庄|屯)",
        lambda match: _where(match) and len(re.findall(rf"{_ADMIN}|{_SMALL}", match["value"])) > 2,
    ),
    Kind(
        "address",
        "【地址】",
        r"(?P<label>(?:我|他|她|们|家|现|目前|患者|病人)*(?:家住|住在|住址|地址|现住|住|位于|寄到|寄往)(?:是|"
        r"为)?[:：]?\s*)?"
        rf"(?P<value>(?P<form>(?:{_HAN}{{1,7}}?(?:{_ADMIN})){{1,4}})?"
        rf"(?:[\u4e00-\u9fff0-9]{{1,8}}?(?:{_ROAD})){{1,3}}{_SECTION}[甲乙]?{_D}{{1,5}}(?:{_HOUSE})(?:{_HAN}{{1,10}}?(?:{_BUILDING})(?=[A-Z0-9]))?(?:[A-Z]?{_D}{{0,5}}(?:{_HOUSE})|"
        rf"{_D}{{1,5}}(?:-{_D}{{1,4}})*)*)",
        f"(?:{_ROAD}){_SECTION}[甲乙]?{_D}{{1,5}}[号弄幢栋座单室]",
        _place,
    ),
    Kind(
        "address",
        "【地址】",
        rf"(?P<label>(?:家庭|现|联系|收货|通讯|户籍|身份证)?(?:住址|地址|住处)\s*[:：]\s*|(?:现|家)住)?"
        rf"(?P<value>(?P<form>(?:{_HAN}{{2,7}}?(?:{_ADMIN})){{2,4}})?{_HAN}{{1,6}}?(?:村|屯|"
        rf"庄)(?![民医卫])(?:{_D}{{1,3}}[组社号队])?(?:{_D}{{1,4}}号)?)",
        f"(?:{_ADMIN}|址|住).{{1,12}}[村屯庄]",
        lambda match: _place(match) and match["value"] != "农村",
    ),
    Kind(
        "address",
        "【地址】",
        rf"(?P<value>[\u4e00-\u9fff]{{2,8}}(?:小区|花园|家园|苑|公寓|新村|社区|里|城|家属院|大院){_D}{{1,4}}(?:号楼|"
        rf"栋|幢|座|号|楼|区)[0-9A-Z一二三四五六七八九十单元室楼层号栋-]{{1,12}})",
        f"(?:小区|花园|家园|苑|公寓|新村|社区|里|城|院){_D}{{1,4}}(?:号楼|栋|幢|座|号|楼|区)",
        lambda match: bool(re.search("单元|室|楼|栋|幢|座", match["value"])),
    ),
    Kind(
        "address",
        "【地址】",
        rf"(?P<value>{_HAN}{{2,10}}(?:路|街|巷|弄|道|村|坊|里|庄|苑|园|城|湾|庭|府|寓|舍|厦|场|区){_SECTION}{_D}{{1,4}}(?:号院?|弄|栋|幢|座)"
        rf"(?:[\u4e00-\u9fff]{{0,6}}?[A-Z]?{_D}{{1,5}}(?:号楼|栋|幢|座|单元|室|房|字?楼|层))*(?:{_D}{{1,4}}(?:单元|室|房)(?:{_D}{{3,4}})?|[A-Z]?{_D}{{3,4}}[室房]?|[A-Z]室))(?!{_D})",
        f"{_D}(?:号院?|弄|栋|幢|座).{{0,16}}{_D}",
        lambda match: "医院" not in match["value"],
    ),
    Kind(
        "address",
        "【地址】",
        rf"(?P<value>{_HAN}{{2,14}}(?:[A-Z]区)?{_D}{{1,3}}(?:号楼|栋|幢|号院)(?:{_D}{{1,2}}单元)?(?:{_D}{{1,2}}[门层])?(?:{_D}{{3,4}}室?)?)(?!{_D})",
        f"{_D}(?:号楼|栋|幢|号院)",
        lambda match: not re.search("医院|住院|门诊|病区|院区|病房|诊室|科|楼在", match["value"]),
    ),
    Kind(
        "address",
        "【地址】",
        rf"(?P<value>{_HAN}{{2,14}}(?:小区|花园|家园|苑|公寓|新村|社区|里|城|院|府|庭|湾){_D}{{1,3}}-{_D}{{1,3}}-{_D}{{1,4}})(?!{_D})",
        f"{_D}-{_D}{{1,3}}-{_D}",
    ),
    Kind(
        "address",
        "【地址】",
        rf"(?P<value>{_HAN}{{2,8}}?(?:镇|乡|街道)(?:{_HAN}{{1,8}}?(?:村|社区|小区|寨|屯|街上|街|路))?{_HAN}{{0,6}}?第?{_D}{{1,4}}(?:号|组|队|网格)(?!{_D}))",
        f"[镇乡道].{{0,16}}{_D}(?:号|组|队|网格)",
        lambda match: not re.search("医院|卫生", match["value"]),
    ),
    Kind(
        "address",
        "【地址】",
        rf"(?P<value>(?:{_HAN}{{2,8}}?(?:省|市|自治区|州|盟|县|区)){{1,3}}{_HAN}{{1,6}}?[镇乡]{_HAN}{{0,6}}?[A-Z]?{_D}{{0,4}}(?:国道|省道|县道)?{_D}{{0,4}}公里处)",
        "公里处",
    ),
    Kind(
        "address",
        "【地址】",
        rf"(?:住[址止]|地址|住所|户籍地?|老家)\s*[:：]?\s*(?P<value>(?:{_HAN}{{2,8}}?(?:省|市|自治区|州|盟|县|区|旗)){{1,3}}{_HAN}{{1,6}}?(?:镇|乡|街道))",
        "(?:住[址止]|地址|住所|户籍地?|老家).{2,40}[镇乡道]",
    ),
    Kind(
        "address",
        "【地址】",
        rf"(?:住址|住止|地址|现住|家住|住在?)\s*[:：]?\s*(?P<value>(?![的了哪这那])[\u4e00-\u9fffA-Za-z0-9]{{2,20}}?"
        r"(?:[边旁后前里]|隔壁|对面|第?[一二三四五六七八九十0-9]+[家户层楼]))(?=[，。；,;]|$)",
        "住址|住止|地址|现住|家住|住",
        lambda match: len(match["value"]) > 4 and bool(re.search("路|街|巷|寨|村|楼|庙|桥|站|队|厂|校|店", match["value"])),
    ),
    Kind(
        "address",
        "【地址】",
        r"(?P<value>[0-9]{1,5} [A-Z][a-z]+(?: [A-Z][a-z]+)? (?:R(?:oa)?d|St(?:reet)?|Ave(?:nue)?|Lane|Drive|Blvd)\b|"
        r"[A-Z][a-z]+(?: [A-Z][a-z]+)? (?:R(?:oa)?d|St(?:reet)?|Ave(?:nue)?|Lane|Drive|Blvd) [0-9]{1,5}\b)",
        "R(?:oa)?d|St|Ave|Lane|Drive|Blvd",
    ),
    Kind(
        "address",
        "【地址】",
        rf"(?P<value>{_HAN}{{2,8}}(?:酒店|宾馆|旅馆|旅店|公寓|民宿|招待所|宿舍)(?:{_HAN}{{2,8}}店)?[A-Z]?{_D}{{3,4}}(?:房间?|室))",
        f"(?:酒店|宾馆|旅馆|旅店|公寓|民宿|招待所|宿舍).{{0,10}}{_D}{{3,4}}[房室]",
    ),
    Kind(
        "address",
        "【地址】",
        rf"(?:家?住在?|家在)(?P<value>{_HAN}{{1,6}}[村屯庄寨沟](?:[东西南北村]头?)?第?[一二三四五六七八九十0-9]{{1,2}}[家户号])",
        "住.{2,8}[村屯庄寨沟].{0,4}[家户号]",
    ),
)
"""In search order: a card number that is also the first part of an e-mail address counts as the e-mail."""
