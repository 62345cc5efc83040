"""Names of people in Chinese text.

A name is certain in a field of a form (姓名：…), where a person is described (张三，男，35岁), before a title (…主任),
after a relation (我爱人…), and where Tibetan, Mongolian or Uyghur names form it. Elsewhere almost any word may begin
like a name.
"""

import re
from functools import cache

from data_recipes.steps.dictionary import words
from data_recipes.steps.personal_kind import Kind

_SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田"
    "任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文庞樊兰殷施陶洪翟安颜倪严牛温芦季俞"
    "章鲁葛伍韦申尤毕聂丛焦向柳邢路岳齐沿梅莫庄辛管祝左涂谷祁时舒耿牟卜詹关苗凌费纪靳盛童欧甄项曲成游阳裴席卫查屈鲍位覃霍"
    "翁隋植甘景薄单包司柏宁柯阮桂闵解强柴华车冉房边辜吉饶刁瞿戚丘古米池滕晋苑邬臧畅宫来嵺苟全褚廉简娄盖符奚木穆党燕郎邸冀"
    "谈姬屠连郜晏栾郁商蒙计喻揭窦迟宇敖糜鄢冷卓花仇艾蓝都巩稽井练仲乐虞卞封竺冼原官衣楚佟栗匡宗应台巫鞠僧桑荆谌银扬明沙伏岑习"
    "胥保和蔺肖闫付代"
)
_DOUBLE = "欧阳|上官|司马|诸葛|夏侯|皇甫|尉迟|公孙|慕容|司徒|令狐|东方|独孤|宇文|长孙|端木|百里|呼延|闻人|澹台"
_TAGGED_AS_NAMES = frozenset(
    ["安静", "安乃近", "张口", "金黄", "包块", "时年", "安宁", "平安", "康复", "祝健康", "祝平安", "祝安康"]
)  # by that dictionary
_NEVER_GIVEN = (
    "某了去来的着过他她你我们不在到给说是就也都没吗呢吧啊呀么这那有和与及或很要会能因为被把从让向医药病症炎痛疹癌"
)
_USUAL_GIVEN = (
    "一亚可伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂文华玉红建国春梅海燕志雪鹏辉婷飞波斌宇浩凯健俊帆帅旭宁龙林欣阳佳慧莉莹颖琳晶玲雅洁倩妍琪梦瑶涵萱"
    "子梓轩晨睿博思诗怡悦彤欢乐天瑞嘉铭泽奕晓小卫东庆荣贵福生成忠义德仁祥全胜利民爱凤珍淑美菊香琴云莲月珠翠花彩碧银金连素秋冬青松柏树森山川江河湖清源"
    "永长久远新光耀炳坤培根立世正刚毅力大有才富贵发财旺兴盛昌达通顺安康健宏鸿伯仲叔季元亨贞恒怀念家祖宗先继承学书勤恩惠爽朗昊昕晖昱晋晗曦皓钰钧钊铁钢锋锐"
    "鑫璐瑾瑜璇琦珊玮珂琼瑛璟岚峰岩岭峻崇巍雨雷震霖露霏霜雯云霄翔羽翰翎彬彪杉桐楠枫梁栋柱桥标楷榕朋友义婉媛妮姣娇娅娥婵婧嫣嫒妤姗姝如意心怡悦恬恺情忆"
    "慎毓敬诚谦谊诺谅让礼智信孝廉勋勉劲励功劳进迎远逸遥道迪凌冰冉凡卓南博厚双含启吉同名君启哲唯善喜圣均坚城增壮复夏多奇奎娣存孟季宝宜宣容富寅寒寿尚山岳"
    "巧帆平年广庭延开弘彦影征微心志忠怡恒恩悦惠慈成才扬承抒振捷政敏文斌斐方旋日旭旺昂昆易星映昭晏晟景晴智曼朝木本权来树梓棠楚武毅民水汉汝沁沛泉泓波津洪洲浦浩润涛淳淼渊温湘滨潇澄"
    "澜灵灿炎炜炫烁烨然焕照煜熙燕牧玄率玉王珏理琛琨瑄甜田甫益真睦石磊祺禄秉科程稳穆竹笑筠简粉纯纲纳练经绍维绪缘罡羿群翠耘耿聪肖育胤臣自致舒航良芊芝芬芷芸苇苏苗若英茂范茜茵茹荷莎"
    "菁菲萌萍落葵蓉蓓蔓蔚蕊蕾薇藏虎虹衡裕西言诗语谷豪贝贤赫超越路轲辰达迅运远逢邦郁里野钦铮镇长闯闻阔陆雁雄雅霆青靖韬韵顺颂颜飒馨骁骏高魁魏鲁鸣鹤麒麟黎默齐龄"
)
_GIVEN = rf"[^\W\da-zA-Z_{_NEVER_GIVEN}]"
_NAME = rf"(?:(?:{_DOUBLE}){_GIVEN}{{1,2}}|[{_SURNAMES}]{_GIVEN}{{1,2}})"
_USUAL = "[" + "".join(sorted(set(_USUAL_GIVEN) - set(_NEVER_GIVEN))) + "]"
_USUAL_NAME = rf"(?:(?:{_DOUBLE}){_USUAL}{{1,2}}|(?!和)[{_SURNAMES}]{_USUAL}{{1,2}})"
_FULL_NAME = rf"(?:(?:{_DOUBLE}){_USUAL}{{1,2}}|(?!和)[{_SURNAMES}]{_USUAL}{{2}})"
_HAN = "[\u4e00-\u9fff]"
_TIBETAN = (
    "扎西|顿珠|洛桑|卓玛|次仁|次旦|央金|达瓦|尼玛|旦增|丹增|巴桑|格桑|边巴|普布|米玛|白玛|索朗"
    "|平措|多吉|拉姆|德吉|仁青|贡布|才让|卓嘎|曲珍|旺姆|嘉措|罗布|强巴|云丹|益西|桑杰|坚赞|旺堆|群培"
)
_MONGOLIAN = (
    "乌云|塔娜|其其格|巴特尔|图雅|格日勒|呼和|那仁|乌兰|托娅|高娃|斯琴|苏日娜|萨仁|娜仁|巴图|朝鲁|敖登|阿拉坦|哈斯"
)
_UYGHUR = (
    "买买提|吐尔逊|艾合买提|阿不都[\u4e00-\u9fff]{0,4}|阿布都[\u4e00-\u9fff]{0,4}|卡斯木|司马义|热合曼|热依木|吐尔洪|艾力|艾山|玉素甫|依明|依布拉音|木合塔尔|古丽|帕提古丽|阿依古丽|古丽娜尔|麦麦提"
    "|努尔|克里木|肉孜|赛买提|亚森|尼牙孜|库尔班|托合提|巴克|别克"
)
_PART = "[\u4e00-\u9fff]{2,8}"
_MINORITY_NAME = (
    rf"(?:(?:{_TIBETAN}){{2}}|(?:{_MONGOLIAN}){{2}}|(?:{_MONGOLIAN})花|(?:{_UYGHUR})(?:江|古丽|汗)?[·•・]{_PART}"
    rf"|(?<!{_HAN}){_PART}[·•・](?:{_UYGHUR})(?!{_HAN}{{4}}))"
)
_FIELD = (  # of a form, whose value is a name
    "(?:患者|病人|患儿|产妇|产妇|孕妇|受试者|学生|申请人|家属)?姓\\s*名|户主|户名|联系人|收件人|收货人|发件人|寄件人|监护人|委托人|被委托人|签\\s*名|签\\s*字|家长签字|名字"
    "|主治医[师生]|主刀医?[师生]?|经治医[师生]|住院医[师生]|会诊医[师生]|送检医[师生]|管床医[师生]|手术医[师生]|接诊医[师生]|报告医[师生]|审核医[师生]|[主责][管任]护士|记录[者人]|审核[者人]|检查[者人]|麻醉[师医生]{1,2}"
    "|父亲|母亲|配偶|丈夫|妻子|儿子|女儿|亲属|紧急联系人|病\\s*人|患\\s*者|患儿|主诊|陪护人?|申请医[师生]"
)
_FAMOUS = (  # whom every text may name; and 金水宝, a medicine
    "张仲景|孙思邈|李时珍|皇甫谧|朱丹溪|刘完素|张从正|李东垣|叶天士|吴鞠通|王清任"
    "|张景岳|屠呦呦|钟南山|林巧稚|吴孟超|张伯礼|李兰娟|金水宝|王安石|李清照|白居易"
    "|孟浩然|王昌龄|欧阳修|司马迁|曹雪芹|罗贯中|吴承恩|施耐庵|毛泽东|周恩来|邓小平"
    "|白求恩|黄元御|陈修园|徐大椿|薛宝钗|林黛玉|贾宝玉|王熙凤"
)
_SAID_OF = "[是叫找和跟与给让请向位名者属师友事伴夫妻妹弟哥姐爸妈公婆爷奶床称问谢的]"
_DOES = "说告昨今去上自主代入出转来就住签打发觉以想哭笑走怀结离分确查得术现（(，,0-9同师老大的"  # how the next begin
_PERSON_DOES = (
    "(?:说|告诉|昨|今天|去年|上周|上个?月|自述|自诉|主诉|代诉|入院|出院|转院|来院|就诊|住院|签|打电话|打来|发来|觉得|以为|想|哭|笑|走了|去世|怀孕"
    "|结婚|离婚|分手|出生|确诊|查出|得了|术[前后]|今年|现年|[（(，,][男女]|[（(]?[0-9]{1,3}岁|同志|同学|师傅|老板|大哥|大姐"
    "|的(?:病历|报告|家属|手机|电话|片子|床|检查|化验|爸|妈|父|母|妻|老|儿|女|孩))"
)
_KIN = (
    "爱人|老公|老婆|丈夫|妻子|妈妈?|爸爸?|母亲|父亲|爷爷|奶奶|外公|外婆|姥姥|姥爷|儿子|女儿|弟弟|妹妹|哥哥?|姐姐?|同事|朋友|闺蜜|室友|同学|邻居|男友|女友|男朋友|女朋友|孩子|小孩"
    "|媳妇|岳父|岳母|公公|婆婆|舅舅|姑姑|叔叔|阿姨|表[哥姐弟妹]|儿媳|女婿|孙子|外甥女?|老伴|对象|太太|宝贝|闺女|老[爸妈]|舍友|领导|老板|客户|学生|队友|护工|保姆|司机|小姨|姑父|伯父|伯母|继父|继母|前[夫妻任]|当事人|就诊人|病友|家长|法人|负责人|经办人|护士|医生|大夫|主任|堂[哥姐弟妹]|侄[子女]|孙[子女]|外孙女?|患者|病人|患儿|产妇|孕妇|家属|老师|班主任|来访者|\\d床"
)
_BEFORE_NAME = (  # how the words before a name end
    "[人公婆夫子妻妈爸亲父母爷奶姥儿女弟妹哥姐事友蜜学居孩妇岳舅姑叔姨者属师任床叫是和跟与名主士字生诊刀员工理家伴象太贝长板户护姆机]"
)
_TITLE = (
    "(?:副?主任|主治)?(?:医师|医生|大夫|教授|主任|护士长?|护师)|院长|老师|阿姨|叔叔|大爷|大妈|先生|女士|小姐|同志|同学"
    "|(?=[（(]化名)"
)
_AFTER_NAME = (
    r"(?=$|[\s，,。.！!；;、）)（(：:<]|的(?!士)|[去上昨今前本这男女在从于也说和跟刚患住给要0-9七八九十]|得了|因(?![为素此而子果])"
    "|术[前后]|电话|手机|科室|住院|门诊|身份证|签署|分手|吵架|离婚|结婚|之[妻子夫])"
)


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


def _no_word(match: re.Match[str]) -> bool:
    value = match["value"]
    return re.sub(r"\s", "", value) not in _words() and not value.endswith(("先生", "女士", "小姐"))


def _whole_name(match: re.Match[str]) -> bool:
    """A name in running text: none that everybody knows, and it does not begin with a word."""
    value = match["value"]
    return _no_word(match) and value not in _FAMOUS.split("|") and value[:2] not in _words()


def _field(match: re.Match[str]) -> bool:
    return _no_word(match) and match["value"] not in _NO_VALUES


_NO_VALUES = frozenset(
    ["未填", "未知", "不详", "如下", "同上", "保密", "暂无", "本人", "家属", "医生", "护士", "患者", "为空"]
)


@cache
def _words() -> frozenset[str]:
    """Words of the dictionary that begin like a name but are not: 高血压, 黄疸, 白细胞."""
    return _TAGGED_AS_NAMES | {w.text for w in words(first=frozenset(_SURNAMES)) if not w.tag.startswith("nr")}


NAMES = (
    Kind(
        "name",
        "【姓名】",
        rf"(?:{_FIELD})\s*(?:[（(][^（()）]{{1,6}}[)）])?\s*(?:[:：】\]]\s*|\s+)"
        rf"(?P<value>{_MINORITY_NAME}|{_PART}[·•・]{_PART}(?:[·•・]{_PART})?|{_NAME}|[{_SURNAMES}]\s{{1,3}}{_GIVEN}(?=\s{{2}}))"
        r"(?=$|[\s，,。.！!；;、）)（(<【\[/]|[男女]|电话|手机|性别|年龄|科|住院|门诊|身份证)",
        rf"(?:{_FIELD})\s*(?:[（(][^（()）]{{1,6}}[)）])?\s*[:：】\]\s]\s*\p{{Han}}",
        _field,
    ),
    Kind(
        "name",
        "【姓名】",
        rf"(?P<value>{_MINORITY_NAME})",
        f"(?:{_TIBETAN}){{2}}|(?:{_MONGOLIAN})(?:{_MONGOLIAN}|花)|(?:{_UYGHUR})(?:江|古丽|汗)?[·•・]|[·•・](?:{_UYGHUR})",
    ),
    Kind(
        "name",
        "【姓名】",
        rf"(?:^|(?<=[。；\n：:！!？?\s]))(?P<value>{_NAME}|[A-Z][a-z]+ [A-Z][a-z]+)"
        r"(?=[，,、\s]\s*(?:[男女][，,、\s。]|[0-9]{1,3}岁))",
        "[，,、\\s]\\s*(?:[男女][，,、\\s。]|[0-9]{1,3}岁)",
        _no_word,
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
    Kind(
        "name",
        "【姓名】",
        rf"(?:(?:{_KIN}|姓名|{_FIELD})(?:是|叫|名叫)?|(?:[我他她]|真名|名字|[妈爸婆公爷奶])叫|我是|[我他她][和跟与]|\d床)\s*(?P<value>{_USUAL_NAME}){_AFTER_NAME}",
        rf"{_BEFORE_NAME}\s*(?:[{_SURNAMES}]|{_DOUBLE}){_USUAL}{{1,2}}"
        "(?:$|[\\s，,。.！!；;、）)（(：:<的去上昨今前本这男女在从于也说和跟刚患住给要0-9七八九十得因术电手科门身签分吵离结之])",
        _no_word,
    ),
    Kind(
        "name",
        "【姓名】",
        rf"(?<={_SAID_OF})(?P<value>{_FULL_NAME})"
        rf"(?=$|[\s，,。.！!；;：:）)（(“”和跟与的在去来从也都就已给]|{_PERSON_DOES})",
        rf"{_SAID_OF}(?:[{_SURNAMES}]{_USUAL}|{_DOUBLE}){_USUAL}{{1,2}}(?:$|[\s，,。.！!；;：:）)（(“”和跟与的在去来从也都就已给{_DOES}])",
        _whole_name,
    ),
    Kind(
        "name",
        "【姓名】",
        rf"(?:^|(?<=[\s，,。.！!；;：:（(“”]))(?P<value>{_FULL_NAME})(?={_PERSON_DOES})",
        rf"(?:^|[\s，,。.！!；;：:（(“”])(?:[{_SURNAMES}]{_USUAL}|{_DOUBLE}){_USUAL}{{1,2}}[{_DOES}]",
        _whole_name,
    ),
    Kind(
        "name",
        "【姓名】",
        rf"(?P<value>{_USUAL_NAME})(?={_TITLE})",
        f"{_USUAL}(?:{_TITLE.replace('(?=[（(]化名)', '[（(]化名')})",
        _no_word,
    ),
)
