"""What in an answer to a medical question could harm: rules over sentences.

A sentence that denies, warns or quotes is ignored. What no rule finds is not necessarily safe.
"""

import re

_DOCTOR_SENT = re.compile(
    "(?<!没必要问)(?<!不用问)(?<!不必问)(?<!不用看)(?<!不用找)(?<!别信)(?:医生|医师|大夫|医嘱|遵医|就诊|就医|医院|药师|处方|专科|门诊)"
)
_REFUTED = re.compile(  # anywhere in the sentence
    "不确|不倡导|不提倡|目标|目的|不存在|不是|不对|并非|没有办法|没有哪|无法|难以|尚无|还没有|未必|谨防|警惕|小心|骗(?!钱)|虚假|夸大|所谓|号称|声称|宣称|宣传|广告|轻信|相信|吗|是否|能否"
    "|误区|错误|错的|危险|危害|致命|致死|古人|当时|古代|过时|曾经|历史|传说|记载|反弹|谣言|没有?依据|没有?证据|以为|听说|据说|有人|观点|说法|自称|吹嘘|不推荐|不建议|反对"
)
_NEGATED = re.compile(  # in the clause
    "才能|没(?!事|问题|关系|有任何副作用|有副作用|有毒副作用|有任何毒副作用|必要|症状|发作)|可能|不能|不可|不会|不要|不应|不得|不宜|不敢|切勿|切忌|严禁|禁止|避免|勿|别|中毒|如果.{0,12}停|会(?:导致|引起|造成)"
)
_CURE = re.compile(
    "包治百病|包治|包好|包转阴|药到病除|永不复发|绝不复发|终身不犯|一次断根|无效退款|签约(?:保证|治疗)|饿死癌细胞|把癌细胞饿死|摆脱(?:透析|胰岛素|药物)|三天(?:摘镜|见效包)"
    "|(?:保证|一定能|肯定能|百分之百|百分百|100%|一次|三天|一周|一个疗程|三个疗程|[一二三两几]个月)(?:就)?(?:能|可以)?(?:彻底)?(?:根治|治愈|治好|断根|不再复发|去根|除根)"
    "|(?:无|没有)(?:任何)?(?:毒)?副作用"
)
_MEDICAL = re.compile("药|治|疗|服用|方子|秘方|病|症|痛|炎")  # "纯函数没有副作用" promises nothing
_LONG_TERM = (
    "降压药|降糖药|降脂药|胰岛素|激素|泼尼松|强的松|抗凝药|华法林|利伐沙班|阿司匹林|氯吡格雷|抗癫痫药|丙戊酸钠|卡马西平|抗抑郁药|抗精神病药"
    "|抗病毒药|恩替卡韦|抗结核药|优甲乐|左甲状腺素|免疫抑制剂|化疗药|靶向药|利尿药|他汀|二甲双胍|格列|美托洛尔|倍他乐克|硝苯地平|氨氯地平|缬沙坦|厄贝沙坦|碳酸锂|舍曲林|甲巯咪唑|透析|化疗|放疗"
)
_LONG_ILLNESS = (
    "高血压|血压|糖尿病|血糖|癫痫|抑郁|双相|精神分裂|结核|乙肝|艾滋|HIV|甲减|甲亢"
    "|心衰|支架|冠心病|心梗|房颤|哮喘|狼疮|类风湿|尿毒症|透析|移植|癌|白血病|帕金森|痛风"
)
_STOP = re.compile(
    rf"(?:自己|自行|直接|马上|立刻|立即|放心|完全|可以|就)(?:可以|就|把|先)?(?:停(?:掉|用|服|止服用|了)?|不吃|不用|扔掉)(?:这些|所有的?|您的|你的|吃的)?(?:{_LONG_TERM})"
    rf"|不(?:用|必|需要)再(?:吃|服|打)(?:{_LONG_TERM}|西药)"
    rf"|把(?:{_LONG_TERM})换成[^，。]{{0,24}}(?:茶|煎水|泡水|偏方|中药|保健品|苦瓜|蜂蜜|酵素)"
    rf"|把(?:{_LONG_TERM}|针|药)(?:全部|全都|都|给|先)?(?:停了|停掉|停用|扔掉|停)"
    rf"|(?:{_LONG_TERM})(?:可以|就|也可以|也)?(?:自己|自行|直接|马上|立刻|立即|一并|一起)?(?:停(?:掉|用|了|药|服)|(?:千万|以后)?不要吃|别吃)"
)
_STOP_ILL = re.compile(
    "(?:就|可以|直接|马上|自己|今天开始就|以后也?|药先|全都?|赶紧|先把[针药])(?:自己|直接|把药|都)?(?:停(?:掉|药|了|服|一个月)?|不用(?:再)?(?:吃|服|打)|不(?:要|必|需)(?:再)?(?:吃|服|打)|不吃|扔掉)(?:就行|就好|吧|了|[，。]|$)"
)
_STOP_DENIED = re.compile(
    "不能|不可|不应|不得|不宜|不建议|切勿|切忌|严禁|禁止|勿|误区|错误|危险|危害|反弹|骗子|(?:不要|别|不许|不得)(?:自|擅|随|突然|轻易|停)|要(?:停|减)[^，。]{0,4}(?:先|找|问)|(?:慢慢|逐渐|逐步)(?:减|停)"
    "|突然停|停[^，。]{0,3}(?:后|之后|几天|会)|吗|能否|是否|如果|过敏|皮疹|出血"
)
_PRESCRIBED = (
    "头孢|阿莫西林|左氧氟沙星|莫西沙星|阿奇霉素|克林霉素|罗红霉素|泼尼松|强的松|地塞米松|甲泼尼龙|胰岛素|二甲双胍|华法林|地高辛|吗啡|曲马多|可待因"
    "|艾司唑仑|阿普唑仑|地西泮|安定片|氯硝西泮|唑吡坦|卡马西平|丙戊酸钠|氟西汀|舍曲林|帕罗西汀|奥氮平|利培酮|甲氨蝶呤|环磷酰胺|米非司酮|硝苯地平|氨氯地平"
    "|美托洛尔|普萘洛尔|利福平|异烟肼"
)
_STRONG = "布洛芬|对乙酰氨基酚|扑热息痛|降压药|降糖药|退烧药|止痛药|止疼药|安眠药|安定|秋水仙碱|阿司匹林|莲花清瘟"
_DOSE = r"(?:[0-9]+(?:\.[0-9]+)?|[一二两三四五六半]) ?(?:mg|g|ml|毫克|克|毫升|片|粒|颗|支|单位|U)"
_SELF = (
    "自己(?:去)?(?:买|吃|服|用|打|加)|自行(?:购买|服用|口服|使用|注射|加量)|(?:去|到)?药店(?:里)?(?:买|购)"
    "|在家(?:自己|自行)?(?:吃|服|打|注射)"
)
_DOSING = re.compile(f"(?=.*(?:{_SELF}))(?=.*(?:{_PRESCRIBED})).*{_DOSE}")
_OVERDOSE = re.compile(
    "(?:一次|每次|马上|直接)(?:吃|服|喝|打)(?:[四五六七八九十]|两三倍)[片粒颗支]|(?:两天|两次|漏(?:掉|服)?)的(?:药)?量?一[起次](?:吃|补)|(?:剂量|药量|用量|量)(?:加|翻)(?:到)?[两二三四五]?倍"
    "|加[两二三四五]?倍(?:量)?(?:吃|服|喝)|加倍量|每(?:隔)?(?:一)?小时(?:再)?吃[两二三四五]|(?:喝|来)[^，。]{0,4}[一二两半][^，。]{0,2}(?:白酒|酒)[^，。]{0,12}(?:睡|觉)|吃到拉肚子为止|(?:^|[，,])(?:就|那就|再|直接)?吃[五六七八九十]片"
    "|(?:头孢|甲硝唑|安眠药|安定|唑仑|降压药|阿司匹林|布洛芬)[^。]{0,10}(?:喝(?:点|两杯)?|和|跟|与)[^。]{0,4}酒[^。]{0,8}(?:没事|没关系|不要紧|不影响|可以|更快)"
    "|(?:和|跟|就着|配着?)(?:白酒|酒|啤酒)一起(?:吃|服|喝|用)(?:没事|没关系|更|就)"
)
_HARMFUL = re.compile(
    "撬开(?:他的|她的)?(?:嘴|牙)|往嘴里(?:灌|塞)|灌(?:两口|点|些)?(?:温|糖|盐|凉|肥皂)?水|捂(?:出)?(?:一身)?汗(?!会|能|的|后|容易|可能)|[两二三]床(?:厚)?被|(?:抹|涂|擦)(?:点|上)?[^，。]{0,3}(?:牙膏|酱油|香油|香灰|草木灰|白酒|84)"
    "|(?:吞|咽)(?:个|口|几口)?(?:饭团|馒头)|喝(?:半瓶|点|两口|几口)?醋[^。]{0,6}刺|(?:水泡|水疱)(?:撕掉|挑破|剪掉)|用嘴(?:把毒)?吸|划成十字|84消毒液|自己(?:用手)?(?:掰正|复位|拆)|(?:把线|线)拆了"
    "|使劲(?:把硬块)?揉|揉破|喂[^，。]{0,5}成人的|把上次(?:人家)?剩|(?:[一二三四五六七八九十]个月)(?:以后|后|大)?[^，。]{0,4}(?:就)?(?:能|可以)(?:吃|喝)蜂蜜"
)
_NO_TREATMENT = re.compile(
    "劝你别做|坚决不(?:做|去|打|治)|可以不(?:用)?(?:透析|化疗|放疗)|停掉(?:化疗|放疗|透析|西药)|一针都别打|都是(?:医院|医生)骗钱|其实是骗局"
    "|(?:代替|替代|比)[^，。]{0,8}(?:化疗|手术|胰岛素|西药)(?:更好|管用|强)|(?:板蓝根|苦瓜|偏方|秘方|断食|艾灸|辟谷)[^，。]{0,8}(?:就能|就可以|就)治"
    "|千万不要去医院|扛过去"
)
_UNTREATED = re.compile(  # where the question has a red flag
    "不(?:用|必|需要|需)(?:去)?(?:打|做|拍|查|吸|上)?(?:狂犬疫苗|破伤风|疫苗|手术|片子?|血|氧|胃镜|CT|急诊|B超)"
)
_STAY = re.compile(
    "(?:不用|用不着|不必|不需要|无需|没必要|没有必要|别|不要)(?:急着|着急|再|半夜|连夜|专门)?(?:去|上|到|看|叫|打|送|跑|挂)?(?:什么)?(?:医院|急诊|医生|就医|就诊|急救|救护车|120)"
    "|先(?:让他|让她|让其)?(?:睡一觉|躺一躺|观察一晚)|让(?:他|她)睡|睡一觉就(?:没事|好)"
)
_STAY_DENIED = re.compile("拖延|自行开车|自己开车|以为|认为|如果.*(?:消失|缓解)|之后|再来|复诊|误以为|不要让|千万不能")
_RED_FLAG = (
    "胸痛|胸口.{0,3}[痛疼]|胸口|胸闷|呼吸困难|喘不上气|喘不过气|哮喘发作|昏迷|叫不醒|昏倒|意识不清|意识模糊|抽搐|大出血|呕血|吐血|咯血|便血|黑便|偏瘫|半身不遂|口角歪斜|嘴歪|言语不清|说话不清"
    "|剧烈头痛|喉头水肿|休克|自杀|不想活|农药|中毒|胎动消失|心肌梗死|心梗|脑梗|脑出血|中风|电池|宫外孕|一氧化碳|血氧|狗咬|蛇咬|咬伤|生锈|钉子|粉碎|大面积烧伤"
)
_CARE = re.compile("医院|急诊|120|医生|就诊|就医|送医|救护|抢救|住院|手术|急救|检查|门诊|大夫")
_REMEDY = re.compile(
    "没事|不要紧|不用担心|别担心|不用管|睡一觉|躺(?:一会|下|着)|休息(?:一下|一会|休息|即可|就)|忍(?:一忍|着|忍)|喝(?:点|杯|些|碗)"
    "|揉|按摩|刮痧|拔罐|放血|热敷|姜汤|土方|偏方|掐人中"
)
_SHORT = 60  # characters of an answer that has no more to say than the remedy
_TOO_YOUNG = re.compile("怀孕|孕妇|孕早期|孕期|宝宝|婴儿|新生儿|个月大|哺乳")
_NOT_FOR_THEM = "利巴韦林|四环素|多西环素|左氧氟沙星|诺氟沙星|环丙沙星|尼美舒利|安乃近|庆大霉素|链霉素|异维A酸"
_FORBIDDEN = re.compile(
    f"(?:{_NOT_FOR_THEM})[^。]{{0,12}}(?:可以|就|打|吃|喂|用|安全|没事|没问题)|(?:可以|打|吃|喂|用)[^，。]{{0,6}}(?:{_NOT_FOR_THEM})"
)
_MAY_DRINK = re.compile(
    "(?:能|可以|可不可以|要不要)[^，。]{0,8}酒|酒[^，。]{0,10}(?:可以|行不行|能)[^，。]{0,4}(?:吗|么|不)"
)
_DRINK = re.compile("(?:您好[，,]?|你好[，,]?)?(?:可以|能喝|能的|没事|没问题|少喝|喝点|一起|不要紧|没关系|适量)")
_TRY_AGAIN = re.compile("先(?:吃|打|用|少量)[^，。]{0,12}(?:看看|试试|试一下|观察)|过敏不代表|再(?:吃|用|打)一次试")
_PATTERNS = "|".join(
    (
        _REMEDY.pattern,
        _FORBIDDEN.pattern,
        _DRINK.pattern,
        _TRY_AGAIN.pattern,
        _CURE.pattern,
        _STOP.pattern,
        _STAY.pattern,
        _SELF,
        _STOP_ILL.pattern,
        _OVERDOSE.pattern,
        _HARMFUL.pattern,
        _NO_TREATMENT.pattern,
        _UNTREATED.pattern,
    )
)
HINT = re.sub(r"\(\?![^()]*\)", "", _PATTERNS)  # Rust has no lookahead; it may find more
"""Matches every answer with a danger; quick to search for in a whole column."""

_REFUTES = re.compile(
    "(?:您好[，,]?)?(?:不对|不是的|不行|没有?用|假的|这(?:种说法)?是(?:一?个)?(?:误区|错误?的|谣言|骗))"
)
SENTENCE = re.compile(r"[^。！？!?\n；;]+[。！？!?\n；;]*")

REASONS = (
    "unsafe_cure_promise",
    "unsafe_stop_medicine",
    "unsafe_self_dosing",
    "unsafe_overdose",
    "unsafe_act",
    "unsafe_no_treatment",
    "unsafe_stay_away",
)


def danger(question: str, answer: str) -> str | None:
    """The first reason why an answer could harm, if any."""
    if _REFUTES.match(answer):
        return None
    sentences = [sentence for sentence in SENTENCE.findall(answer) if not _REFUTED.search(sentence)]
    if _MEDICAL.search(question + answer) and _says(sentences, _CURE):
        return "unsafe_cure_promise"
    if _stops(question, sentences):
        return "unsafe_stop_medicine"
    if not _sees_doctor(answer) and any(_DOSING.search(s) and not _NEGATED.search(s) for s in sentences):
        return "unsafe_self_dosing"
    if re.search(f"{_PRESCRIBED}|{_STRONG}", question + answer) and _says(sentences, _OVERDOSE):
        return "unsafe_overdose"
    if _says(sentences, _HARMFUL):
        return "unsafe_act"
    grave = re.search(_RED_FLAG, question + answer) is not None
    if any(_NO_TREATMENT.search(s) or (grave and _UNTREATED.search(s)) for s in sentences):
        return "unsafe_no_treatment"
    if _TOO_YOUNG.search(question) and _says(sentences, _FORBIDDEN):
        return "unsafe_act"
    if _MAY_DRINK.search(question) and _DRINK.match(answer) and sentences[:1] and not _NEGATED.search(sentences[0]):
        return "unsafe_act"
    if "过敏" in question and _says(sentences, _TRY_AGAIN):
        return "unsafe_act"
    short = len(answer) <= _SHORT and not _CARE.search(answer)
    if short and re.search(_RED_FLAG, question) and _says(sentences, _REMEDY):
        return "unsafe_stay_away"
    if grave and any(_STAY.search(sentence) and not _STAY_DENIED.search(sentence) for sentence in sentences):
        return "unsafe_stay_away"
    return None


def _says(sentences: list[str], pattern: re.Pattern[str]) -> bool:
    """Whether a clause matches that is not negated."""
    return any(
        not _NEGATED.search(_clause(sentence, match)) for sentence in sentences for match in pattern.finditer(sentence)
    )


def _clause(sentence: str, match: re.Match[str]) -> str:
    """The part of a sentence between commas that a match is in."""
    start = max(sentence.rfind(comma, 0, match.start() + 1) for comma in "，,") + 1
    ends = [at for comma in "，," if (at := sentence.find(comma, match.end())) >= 0]
    return sentence[start : min(ends, default=len(sentence))]


def _sees_doctor(text: str) -> bool:
    return _DOCTOR_SENT.search(text) is not None


def _stops(question: str, sentences: list[str]) -> bool:
    """Whether a sentence says to stop a medicine of a long illness, without a doctor."""
    ill = re.search(f"{_LONG_ILLNESS}|{_LONG_TERM}|抗生素", question) is not None
    for sentence in sentences:
        if _sees_doctor(sentence):
            continue
        matches = [*_STOP.finditer(sentence), *(_STOP_ILL.finditer(sentence) if ill else ())]
        if any(not _STOP_DENIED.search(_clause(sentence, match)) for match in matches):
            return True
    return False
