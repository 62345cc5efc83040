"""Names of people in Chinese text.

A name is certain in a field of a form (姓名：…) and where Tibetan, Mongolian, Uyghur or Kazakh names form it.
Elsewhere almost any word may begin like a name, so what begins with a surname is scored: how usual its characters are
in names, whether they form words of the dictionary, alone or with their neighbours, and what is said around them.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_recipes.steps.dictionary import words
from data_recipes.steps.personal_kind import Kind, PersonalValue
from data_recipes.steps.tagger import people

_SURNAMES = (  # that are seldom words
    "王李张刘陈杨赵吴徐孙胡朱郭罗梁宋郑谢韩唐冯董萧曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛阎余潘杜戴夏钟汪田姜范姚谭廖邹"
    "熊陆郝孔崔邱"
    "骆厉钮荣秦侯邵孟龚庞樊殷陶翟倪严俞鲁葛韦申毕聂焦柳邢岳庄辛耿牟卜詹靳童欧甄裴席覃霍翁隋薄司柏柯阮桂闵柴冉辜瞿戚"
    "丘滕晋苑邬臧荀褚廉娄奚穆郎邸冀姬郜晏栾郁蒙喻窦敖糜鄢卓仇巩虞卞竺冼楚佟栗匡宗鞠荆谌岑"
    "胥蔺肖闫昝禹戈茅储狄缪裘扈逄寇邝阚芮隗訾嵇濮宓逯佘綦萨朴晁庾贺赖尹汤钱武颜尤伍施莫费苗牛季龙卫符屠涂巫艾饶甘关"
    "米顾谷游池"
)
_ALSO_WORDS = (
    "高林黄周何马程叶任方石金江史万段雷黎易乔文安温章齐梅管左舒纪盛项曲成柴屈景包宁解华车房简盖商苏计冰宇花蓝井仲乐"
    "习尚明向祝时惠连宫常洪"
    "芦燕练封沙伏强展干麻路宿鱼冷桑党谈边吉伊白查位付迟凌刁刘揭古慕茹习茂代封单于盛谈昌房"
)
_RARE = (
    "和昌年来海那水红银都鲜满班支全门权刀仓衣官终春皮勾岩其应"  # mostly words: only where a name is certain to follow
)
_DOUBLE = (
    "欧阳|上官|司马|诸葛|夏侯|皇甫|尉迟|公孙|慕容|司徒|令狐|东方|独孤|宇文|长孙|端木|百里|呼延|闻人|澹台|申屠|太史|"
    "亓官|赫连|钟离|轩辕|司空|万俟|濮阳|淳于"
    "|公冶|贺兰|西门|南宫|拓跋|完颜|爱新觉罗|叶赫那拉|纳兰|鲜于|闾丘|梁丘|左丘|东郭|宗政|仲孙|公羊|第五|壤驷|乐正|"
    "巫马|漆雕|単于|颛孙|夹谷"
)
_NEVER_GIVEN = (
    "某了去来的着过他她你我们不在到给说是就也都没吗呢吧啊呀么这那有和与及或很要会能因为被把从让向医药病症炎痛疹癌"
    "其各该将请时但并则个些种每女男岁号床者等做吃喝打看见再才还只已以及对于由无非未您咱谁哪啥么何若如且而所使得将即"
)
_USUAL_GIVEN = (
    "一亚可伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂文华玉红建国春梅海燕志雪鹏辉婷飞波斌宇浩凯健俊帆帅旭宁龙"
    "林欣阳佳慧莉莹颖琳晶玲雅洁倩妍琪梦瑶涵萱"
    "子梓轩晨睿博思诗怡悦彤欢乐天瑞嘉铭泽奕晓小卫东庆荣贵福生成忠义德仁祥全胜利民爱凤珍淑美菊香琴云莲月珠翠花彩碧银"
    "金连素秋冬青松柏树森山川江河湖清源"
    "永长久远新光耀炳坤培根立世正刚毅力大才富发财旺兴盛昌达通顺安康宏鸿伯仲叔季元亨贞恒怀念家祖宗先继承学书勤恩惠爽"
    "朗昊昕晖昱晋晗曦皓钰钧钊铁钢锋锐"
    "鑫璐瑾瑜璇琦珊玮珂琼瑛璟岚峰岩岭峻崇巍雨雷震霖露霏霜雯霄翔羽翰翎彬彪杉桐楠枫梁栋柱桥标楷榕朋友婉媛妮姣娇娅娥婵"
    "婧嫣嫒妤姗姝意心恬恺情忆"
    "慎毓敬诚谦谊诺谅礼智信孝廉勋勉劲励功劳进迎逸遥道迪凌冰冉凡卓南厚双含启吉同名君哲唯善喜圣均坚城增壮复夏多奇奎娣"
    "存孟宝宜宣容寅寒寿尚岳"
    "巧年广庭延开弘彦影征微捷政旋日昂昆易星映昭晏晟景晴曼朝木本权棠楚武水汉汝沁沛泉泓津洪洲浦润淳淼渊温湘滨潇澄扬抒振"
    "澜灵灿炎炜炫烁烨然焕照煜熙牧玄率王珏理琛琨瑄甜田甫益真睦石禄科程稳穆竹笑筠简纯纲纳练经绍维绪缘罡羿群耘耿聪肖育"
    "胤臣自致舒航良芊芝芬芷芸苇苏苗"
    "范茜茵茹荷莎菁菲萌萍落葵蓉蓓蔓蔚蕊蕾薇藏虎虹衡裕言语谷豪贝贤赫越路轲辰运逢邦郁里野钦铮镇闯闻阔陆雁雄霆韬韵颂颜"
    "飒馨骁骏高魁魏鲁鸣鹤麒麟黎默齐龄"
    "柔誉俐闵侃卿禹丞桢熠昶玥琏焯兆佩桃叶竞争录仪珺丹杏菱蕙薰懿彰循徐律虔希朵茂蒙茗荃蓝莘莞莺蔡藩虞蝶衍谕谨谱豫贻赐"
    "赞辅轶辛逊邵郎钗锦铎铨镜闽隆雍韶顾颐馥骞鲜鹃麦鼎"
    "三二四五六七八九十百千万冠则刘利劼勃印召叙吟咏喆嵩巨布帜庚弛弼征徽恪恭愉愿戈战挺推擎政效方晰暄曙替朔杭林架柯柳"
    "桃植槐歌毕氏沐沅波泰洛流浪涌渝渤滔漫潮焱煊熹牛犇玫玛玖珉琬琰璞甲申"
    "皎盈瞳矜砚砺碩祎祺禅稼穗竣笛策籽紫纾绚绮绿缦罗翊翘耕胡胥芙芮苑苓若荔荟莱菡葆葭蒋蓁虓襄覃觅訸谌谷豆豹贾赟轼迅迦"
    "逍逵遂郝酉釗铠锴镕闫阁陶隽雅雍霁霈靓鞠颀颉飏飘駿骅骥鱼鲲鸥鸽黛"
)
_TIBETAN = (
    "扎西|顿珠|洛桑|卓玛|次仁|次旦|央金|达瓦|尼玛|旦增|丹增|巴桑|格桑|边巴|普布|米玛|白玛|索朗|平措|多吉|拉姆|德吉|"
    "仁青|贡布|才让|卓嘎|曲珍|旺姆|嘉措|罗布|强巴|云丹|益西"
    "|桑杰|坚赞|旺堆|群培|次平|仁增|旺杰|旺扎|朗杰|欧珠|热旦|次珍|曲扎|加措|加布|尕让|卓尕|华旦|完么|周加|才旦|拉毛|"
    "措毛|吉毛|多杰|南杰|久美|阿旺|土登|赤列|伦珠|桑珠|班旦|贡嘎|次央|玉珍|旦巴|江村|泽仁|拥忠|志玛|拥措"
)
_MONGOLIAN = (
    "乌云|塔娜|其其格|巴特尔|图雅|格日勒|呼和|那仁|乌兰|托娅|高娃|斯琴|苏日娜|萨仁|娜仁|巴图|朝鲁|敖登|阿拉坦|哈斯|"
    "其木格|白音|巴雅尔|孟和|宝音|额尔敦|苏和|朝克图|毕力格|乌日娜|萨日娜|娜日苏|阿古拉"
    "|那日苏|满都拉|吉日嘎拉|斯日古楞|达来|青格勒|布和|乌力吉|特木尔|牧仁|苏布德|通拉嘎|娜布其|琪琪格|巴根|查干|"
    "德力格尔|朝格图|乌仁|阿茹娜|照日格图|巴音|额日德尼|吉雅|图门|斯庆"
)
_TURKIC = (  # Uyghur, Kazakh, Kirghiz
    "买买提|吐尔逊|艾合买提|阿不都[\u4e00-\u9fff]{0,4}|阿布都[\u4e00-\u9fff]{0,4}|阿卜杜[\u4e00-\u9fff]{0,4}|卡斯木|"
    "司马义|热合曼|热依木|吐尔洪|艾力|艾山|玉素甫|依明|依布拉音|木合塔尔|[\u4e00-\u9fff]{0,4}古丽|"
    "麦麦提[\u4e00-\u9fff]{0,3}"
    "|努尔[\u4e00-\u9fff]{0,4}|克里木|肉孜|赛买提|亚森|尼牙孜|库尔班|托合提|巴克|[\u4e00-\u9fff]{0,4}别克|艾尼瓦尔|"
    "阿迪力|木合亚提|哈力克|热依汗|帕提[\u4e00-\u9fff]{0,3}|阿依[\u4e00-\u9fff]{1,4}|玉山|艾则孜|依拉木|毛拉|塔依尔|"
    "吾买尔|乌斯曼|奥斯曼|伊明|艾买提|吐拉"
    "|加帕尔|阿力木[\u4e00-\u9fff]{0,2}|穆罕[\u4e00-\u9fff]{0,3}|阿里木|艾孜[\u4e00-\u9fff]{1,3}|"
    "祖[农丽][\u4e00-\u9fff]{0,4}|迪丽[\u4e00-\u9fff]{1,3}|哈斯木|苏里坦|热[西孜]提|赛[甫福]丁|"
    "沙拉[\u4e00-\u9fff]{1,3}|居马|胡[达]?[\u4e00-\u9fff]{0,2}拜|哈里|艾克拜尔|玛依拉|[\u4e00-\u9fff]{1,4}江|"
    "[\u4e00-\u9fff]{2,4}[汗罕木提尔孜洪]"
)
_DOT = "[·•・‧.．]"
_PART = "(?:(?![的是因于在和与之说诉])[\u4e00-\u9fff]){2,8}"
_DOTTED = rf"{_PART}[·•・‧]{_PART}(?:[·•・‧]{_PART})?"
_LATIN = r"[A-Z][a-z]+(?:[ -][A-Z][a-z]+){1,2}"
_PATIENT = (
    "患者|病人|患儿|产妇|孕妇|伤者|死者|逝者|病患|病员|伤员|受试者|来访者|被鉴定人|献血者|供者|新生儿|老人|住户|居民"
)
_FIELD = (  # of a form, whose value is a name
    "(?:患者|病人|患儿|产妇|孕妇|受试者|学生|申请人|家属|监护人|联系人|父亲|母亲|配偶|本人|真实|中文)?姓\\s*名|"
    "曾用名|原名|化名|乳名|小名|名字|名称呼|户主|户名|开户名|持卡人|收款人|付款人|联系人|紧急联系人|收件人|收货人|"
    "发件人|寄件人|监护人|委托人|被委托人|代理人"
    "|(?:患者|家属|家长|医[师生]|护士|本人|患方|代理人|受试者|研究者|监护人|上级医师|会诊医师)?签\\s*[名字章]|落款|"
    "审签|签发|签收人?|(?:主治|主刀|经治|住院|会诊|送检|管床|手术|接诊|报告|审核|主诊|申请|谈话|值班|诊断|操作|上级|"
    "指导|带教|进修|规培|麻醉|门诊|首诊|开单|责任|检查|主管|主任|副主任|影像|检验|质控|随访|家庭)医\\s*[师生]"
    "|(?:[主责][管任]|器械|巡回|责任|接诊|值班|质控|随访|夜班|白班|交班|接班|当班)护士|主刀|术者|手术者|"
    "第?[一二三]助手?|助手|麻醉[师者]|洗手护士|[\u4e00-\u9fff]{0,2}(?:书写|记录|审核|检查|检验|复核|操作|报告|核对|"
    "调配|发药|审方|采样|送检|填表|填写|评定|评估|执行|制表|经手|经办|介绍|证明|担保|求助|呼叫|报警|接听|联络|申请|"
    "负责|护送|陪送|陪护|体检|受检|被检|签署|授权|随访|汇报|发言|主持|通讯|通信)[者人]"
    "|药师|技师|父亲|母亲|父|母|配偶|丈夫|妻子|儿子|女儿|亲属|家属|家长|陪护|法定监护人|与会人员|参会人员|出席人员|"
    "出席|参会|病\\s*人|患\\s*者|患\\s*儿|产妇|用户|咨询师|来访者|客户|学员|学生|教师|老师|班主任|校长|院长|科主任|"
    "护士长|主任|队长|组长|组员|成员|医\\s*[师生]|护士|法人|当事人|原告|被告|第三人|鉴定人|被鉴定人|受试者|研究者|"
    "保险人|被保险人|投保人|受益人|就诊人|就医人|亲爱的|昵称|称呼|对方户名|(?:问诊|咨询|挂号|参保|纳税|登记|提问|"
    "回答|投诉)人"
)
_CALLED = (
    "我叫 名叫 叫做 叫作 是叫 他叫 她叫 人叫 子叫 儿叫 女叫 夫叫 妻叫 妈叫 爸叫 爷叫 奶叫 姥叫 公叫 婆叫 哥叫 姐叫 "
    "弟叫 妹叫 友叫 学叫 娃叫 像叫 字叫 本名 原名 真名 大名 全名 姓名 名字 名为 名是"
)
_RELATIVE = (
    "爱人|老公|老婆|丈夫|妻子|妈|妈妈|爸|爸爸|母亲|父亲|爷爷|奶奶|外公|外婆|姥姥|姥爷|儿子|女儿|弟|弟弟|妹|妹妹|哥|"
    "哥哥|姐|姐姐"
    "|同事|朋友|闺蜜|室友|同学|同桌|邻居|男友|女友|男朋友|女朋友|孩子|小孩|媳妇|岳父|岳母|公公|婆婆|舅|舅舅|姑|姑姑|"
    "叔|叔叔|阿姨"
    "|表哥|表姐|表弟|表妹|堂哥|堂姐|堂弟|堂妹|儿媳|儿媳妇|女婿|孙子|孙女|外甥|外甥女|老伴|对象|太太|宝贝|宝宝|闺女|"
    "老爸|老妈|舍友|学生|队友|小姨|姑父"
    "|姑妈|姨妈|姨|婶|婶婶|伯伯|大爷|大妈|大伯|伯父|伯母|继父|继母|前夫|前妻|前任|前男友|前女友|暗恋的人|当事人|"
    "就诊人|病友|家长"
    "|侄子|侄女|外孙|外孙女|家属|村民|工友|战友|徒弟|嫂子|弟媳|妯娌|亲家|干爹|干妈|网友|博主"
)
_STAFF = (
    "护士|医生|医师|大夫|主任|护士长|院长|老师|班主任|校长|领导|老板|客户|经办人|法人|负责人|店主|厂长|村长|师傅|"
    "教练|警官"
    "|律师|同志|咨询师|心理师|治疗师|康复师|药师|技师|教授|司机|保姆|护工"
)
_KIN = f"{_RELATIVE}|{_STAFF}"
_ROLES = (
    "术者|手术者|主刀|助手|一助|二助|麻醉者|书写者|记录者|记录人|签名|签字|审签|落款|申请人|收件人|寄件人|收货人|"
    "发件人|收款人|付款人|联系人|监护人|委托人|代理人|经办人|经手人|被告|原告|被鉴定人|鉴定人|见证人|证明人|报告人|"
    "发言人|主持人|负责人|体检人|受检者|呼叫人"
    "|求助人|报警人|户主|户名|来访者|咨询者|用户|客户|学生|班主任|校医|教师|参会人员|组长|队长|配偶|亲属|陪护人|"
    "护送人|家长|监护|病患|受害人|当事人|肇事者|证人|投保人|被保险人|昵称|医师|药师|技师|护师|检验师|主管护师|"
    "主管医生|管床医生|值班医生"
)
_AFTER_THESE = (
    "我是 跟 给 让 请 找 陪 送 由 致 向 约 问 叫 喊 谢 见 帮 像 系 是 感谢 谢谢 想念 尊敬的 亲爱的 您好 你好 预约 "
    "挂了 咨询过 联系 通知 委托 收到 转告 告诉 关于 自从 周一 周二 周三 周四 周五 周六 周日 床的 床 兹有 证明 查房 "
    "医院 科 班 组 村 屯 单位 楼上 隔壁 楼下 上次 要不是 的叫 叫的 单位的 楼上的 楼下的 隔壁的 村里的 村的 小区的 "
    "公司的 班里的 班的 科的 床位 属于 代替 代 替 陪着 遇到 碰到 看到 认识 喜欢 离开 照顾 伺候 上海 名医 专家 转给 "
    "交给 邀请 拜托 麻烦"
)
_TITLES = [
    "副主任",
    "主任",
    "主治",
    "住院医",
    "医师",
    "医生",
    "大夫",
    "教授",
    "副教授",
    "护士",
    "护师",
    "药师",
    "技师",
    "护工",
    "院长",
    "副院长",
    "院士",
    "老师",
    "阿姨",
    "叔叔",
    "大爷",
    "大妈",
    "大伯",
    "先生",
    "女士",
    "小姐",
    "同志",
    "同学",
    "师傅",
    "书记",
    "局长",
    "科长",
    "处长",
    "经理",
    "老板",
    "教练",
    "班长",
    "警官",
    "律师",
    "校长",
    "博士",
    "专家",
    "团队",
    "老人",
    "家属",
    "病友",
    "朋友",
    "小朋友",
    "家长",
    "爷爷",
    "奶奶",
    "伯伯",
    "大哥",
    "大姐",
    "主管",
    "研究员",
]
_DESCRIBED = (
    r"[，,、\s（(:：]{0,3}(?:性\s*别|[男女](?=[，,、。\s；;）)0-9]|$)|年\s*龄|现年|今年|[0-9]{1,3}\s*(?:岁|周岁|"
    r"个月)|[一-十]{1,3}岁)|[（(](?:化名|签[名字]|身份证|[男女]|父|母|配偶|[妻夫子女儿]|本人)"
    r"|[，,]?身份证|之[子女妻夫母父兄弟]|签[名字署]|敬[上启]|[，,\s]*(?:联系)?电话|[，,\s]*手机|[，,\s]*1[3-9]\d{9}|"
    r"[，,]\s*(?:维吾尔|藏|蒙古|朝鲜|哈萨克|回|壮|彝|苗|傣|满|汉)族"
)
_DOES = [
    "说",
    "告诉",
    "昨",
    "今天",
    "今早",
    "今晨",
    "去年",
    "上周",
    "上月",
    "上个月",
    "自述",
    "自诉",
    "主诉",
    "代诉",
    "诉",
    "入院",
    "出院",
    "转院",
    "来院",
    "就诊",
    "住院",
    "签",
    "打电",
    "打了",
    "打来",
    "打架",
    "发来",
    "觉得",
    "以为",
    "想",
    "哭",
    "笑",
    "走了",
    "去世",
    "怀孕",
    "结婚",
    "离婚",
    "分手",
    "出生",
    "确诊",
    "查出",
    "得了",
    "术前",
    "术后",
    "现年",
    "死了",
    "病了",
    "生病",
    "生了",
    "生下",
    "不肯",
    "不吃",
    "不想",
    "不愿",
    "拒绝",
    "同意",
    "同学",
    "血压",
    "体温",
    "神志",
    "刚",
    "转学",
    "转院",
    "转走",
    "转来",
    "上学",
    "放学",
    "总说",
    "总是",
    "总觉",
    "一直",
    "经常",
    "老说",
    "老是",
    "晕倒",
    "摔",
    "喝酒",
    "喝了",
    "做了",
    "做过",
    "做完",
    "患",
    "服用",
    "住在",
    "在家",
    "来电",
    "来信",
    "来找",
    "给我",
    "给她",
    "给他",
    "给你",
    "给开",
    "妈",
    "爸",
    "的病",
    "的报告",
    "的家属",
    "的手",
    "的电话",
    "的片子",
    "的床",
    "的检查",
    "的化验",
    "的爸",
    "的妈",
    "的父",
    "的母",
    "的妻",
    "的老",
    "的儿",
    "的女",
    "的孩",
    "的血",
    "的尿",
    "的号",
    "的药",
    "的鼻",
    "的脸",
    "的医",
    "的主",
    "家的",
    "他妈",
    "他爸",
    "查房",
    "查体",
    "左侧",
    "右侧",
    "产后",
    "因",
    "于",
    "突发",
    "突然",
    "今晚",
    "今日",
]
_FOLLOWS = (
    "的在去也从都已就给和跟与把被让因于是有得打做吃住患要会能最没来到为同、刚测喊才正又可 "
    "\u3000\t\n，,。.！!；;：:）)（(“”[【」』/"
)
_PUBLIC_BEFORE = (
    "[代朝国圣祖王帝]|诗人|词人|名医|医家|医[圣仙]|药[王圣]|作家|文豪|画家|科学家|学家|学者|皇帝|导演|演员|歌手|"
    "明星|主席|总统|将军|丞相|大臣|人物|主角|祖师|[《“]|如|古有|历史上的|东汉|西汉|三国|南宋|北宋|金元|明末|清初|"
    "神医|元帅|英雄|烈士|院士|运动员|冠军"
)
_PUBLIC_AFTER = (
    "[（(][前约公]?[元]?[0-9]|[，,]?[字号](?![码线])|[创著撰编]|发明|发现|提出|创立|曰|云：|谓|认为|在?《|所著|"
    "[的之]?(?:《|诗|词|小说|名言|学说|学派|医案|定律|理论|著作|故事|传说|典故|方[剂书]|名方)|传[》]?|尝百草|刮骨|"
    "治[愈好]|[因死]于|晚年|写[的过道下]|有诗|一生|笔下|等(?:名|医|诗|人)"
)
_NO_VALUES = frozenset(
    [
        "未填",
        "未知",
        "不详",
        "如下",
        "同上",
        "保密",
        "暂无",
        "本人",
        "家属",
        "医生",
        "护士",
        "患者",
        "为空",
        "已签",
        "待签",
        "代签",
        "电子",
        "手写",
        "见下",
        "见上",
        "空白",
        "匿名",
        "父子",
        "母子",
        "父女",
        "母女",
        "夫妻",
        "配偶",
        "父亲",
        "母亲",
        "护士长",
        "主任",
        "男",
        "女",
        "无",
        "自己",
        "同前",
        "略",
    ]
)
_FAMOUS = frozenset(  # whom every text may name, and who is not in the dictionary; and medicines
    [
        "金水宝",
        "黄元御",
        "陈修园",
        "徐大椿",
        "屠呦呦",
        "李东垣",
        "张伯礼",
        "王不留",
        "马应龙",
        "左归丸",
        "右归丸",
        "王老吉",
        "雷允上",
        "毛冬青",
        "胡庆余",
        "胡罗卜",
        "陈香露",
        "甘利欣",
        "易善复",
        "同仁堂",
        "方剂学",
        "张仲景",
        "朱丹溪",
        "王清任",
        "陈自明",
        "吴鞠通",
        "薛立斋",
        "万密斋",
        "陶弘景",
        "唐慎微",
        "赵学敏",
        "李兰娟",
        "张文宏",
        "钟南山",
        "林巧稚",
        "吴孟超",
        "白求恩",
        "王叔和",
        "叶天士",
        "孙思邈",
        "李时珍",
        "胡大一",
        "陈竺",
        "吴尊友",
        "施今墨",
        "蒲辅周",
        "秦伯未",
        "岳美中",
        "任应秋",
        "邓铁涛",
        "朱良春",
        "张锡纯",
        "王肯堂",
        "汪机",
        "吴又可",
        "吴有性",
        "喻嘉言",
        "程国彭",
        "王孟英",
        "费伯雄",
        "丁甘仁",
        "曹颖甫",
    ]
)
_HAN = "[\u4e00-\u9fff]"
_MINORITY_NAME = (
    rf"(?:(?:{_TIBETAN}){{2}}|(?:{_MONGOLIAN}){{2}}|(?:{_MONGOLIAN})花|(?:{_TURKIC})[·•・‧]{_PART}"
    rf"|(?<!{_HAN}){_PART}[·•・‧](?:{_TURKIC})(?!{_HAN}{{4}}))"
)
_LABEL_ENDS = (
    "名|名称呼|户主|人|者|签[名字章发]?|落款|审签|医\\s*[师生]|护士|主刀|助|助手|[药技教老]师|师|母亲?|父亲?|配偶|"
    "丈夫|妻子|[儿女]子?|亲属|家[属长]|陪护|人员|出席|参会|产妇|孕妇|患\\s*儿|用户|客户|学[员生]|[校院组队]长|主任|"
    "护士长|员|被告|原告|的|昵称|称呼|儿"
)
_ENDS = (
    r"(?=$|[\s，,。.！!；;、）)（(<【\[/:：|]|[男女]|电话|手机|联系|性别|年龄|出生|科|住院|门诊|身份证|与患者|关系|"
    r"签|日期|职称|工号|民族)"
)
_SURNAME = rf"(?:{_DOUBLE}|[{_SURNAMES}{_ALSO_WORDS}{_RARE}])"

_CERTAIN, _ENOUGH, _DOUBTFUL = (
    4,
    6,
    3,
)  # points of a context that is certain; of a name; of what the tagger is asked about
_WINDOW = 8  # characters of a clause that the tagger reads on each side
_COMMON = 50  # occurrences of a word in the texts that the dictionary was made of


NAMES = (
    Kind(
        "name",
        "【姓名】",
        r"(?<=[:：】\]\s）)])(?P<value>"
        rf"{_HAN}{{2,4}}|{_DOTTED}|{_LATIN}|{_SURNAME}\s{{1,3}}{_HAN}(?=\s{{2}})|{_MINORITY_NAME}){_ENDS}",
        rf"(?:{_LABEL_ENDS})\s*(?:[（(][^（()）]{{1,6}}[)）])?\s*[:：】\]\s]\s*[\p{{Han}}A-Z]",
        lambda match: _is_filled_in(match),
    ),
    Kind(
        "name",
        "【姓名】",
        rf"(?:{_PATIENT}|{_RELATIVE}|我[叫是]|[名姓]叫|{_PATIENT}之?[父母妻夫子女]?)\s*(?P<value>{_DOTTED}|"
        rf"{_TIBETAN}|{_MONGOLIAN}|{_TURKIC})"
        rf"(?=$|[\s，,。、（(]|{'|'.join(_DOES)}|之|[{_FOLLOWS.replace('[', '')}])",
        rf"[·•・‧]|(?:{_TIBETAN}|{_MONGOLIAN})",
        lambda match: _no_word(match),
    ),
    Kind(
        "name",
        "【姓名】",
        rf"(?P<value>{_MINORITY_NAME})",
        f"(?:{_TIBETAN}){{2}}|(?:{_MONGOLIAN})(?:{_MONGOLIAN}|花)|[·•・‧]",
    ),
    Kind(
        "name",
        "【姓名】",
        rf"(?:^|(?<=[。；;\n：:！!？?\s]))(?P<value>{_DOTTED}|{_LATIN})(?=[，,、\s]\s*(?:[男女][，,、\s。]|"
        rf"[0-9]{{1,3}}岁))",
        "[，,、\\s]\\s*(?:[男女][，,、\\s。]|[0-9]{1,3}岁)",
    ),
)
"""Names that their label or their parts make certain, in search order."""


def _no_word(match: re.Match[str]) -> bool:
    return len(match["value"]) > 1 and match["value"] not in _lexicon().plain


def _is_filled_in(match: re.Match[str]) -> bool:
    """Whether what stands after a sign is the name in a field of a form."""
    before = _label(match.string, match.start())
    value = re.sub(r"\s", "", match["value"])
    if not before or value in _NO_VALUES or _NEVER.intersection(value[1:]) or value.endswith(("先生", "女士", "小姐")):
        return False
    if not _HAN_ONLY.fullmatch(value):
        return True
    named = bool(_OF_NAMES.search(before["label"]))
    if re.match(_SURNAME, value) and len(value) < (5 if re.match(_DOUBLE, value) else 4):
        return named or value not in _lexicon().plain
    pairs = (value[at : at + 2] for at in range(len(value) - 1))
    return named and before["sign"].strip() != "" and not any(pair in _lexicon().plain for pair in pairs)


class _Lexicon(NamedTuple):
    """What the dictionary says: words that are no names, common ones of two characters, names, and often used names."""

    plain: frozenset[str]
    common: frozenset[str]
    known: frozenset[str]
    famous: frozenset[str]


@cache
def _lexicon() -> _Lexicon:
    plain, common, known, famous = set[str](), set[str](), set[str](), set[str]()
    for text, frequency, tag in words():
        if len(text) > 4 or len(text) < 2:
            continue
        (known if tag.startswith("nr") else plain).add(text)
        if tag.startswith("nr") and frequency >= _COMMON:
            famous.add(text)
        if len(text) == 2 and frequency >= _COMMON and not tag.startswith("nr"):
            common.add(text)
    common |= {word for word in _TAGGED_AS_NAMES if len(word) == 2}
    return _Lexicon(
        frozenset(plain | _TAGGED_AS_NAMES),
        frozenset(common),
        frozenset(known - _TAGGED_AS_NAMES) | _STOCK_NAMES,
        frozenset(famous),
    )


_TAGGED_AS_NAMES = frozenset(  # by the dictionary
    [
        "安静",
        "安乃近",
        "张口",
        "金黄",
        "包块",
        "时年",
        "安宁",
        "平安",
        "康复",
        "祝健康",
        "祝平安",
        "祝安康",
        "保健",
        "高达",
        "查明",
        "麻木",
        "温泉",
        "高峰",
        "张力",
        "安康",
        "和平",
        "甘草",
        "屈光",
        "左旋",
        "葛根",
        "保心",
        "高强",
        "安定",
        "高丽",
        "白露",
        "温开水",
        "白开水",
        "明确",
        "易感",
        "高危",
        "常规",
        "平时",
        "成年",
        "司机",
        "方便",
        "艾灸",
    ]
)


def running_names(texts: Sequence[str], found: Sequence[Sequence[PersonalValue]]) -> dict[int, list[PersonalValue]]:
    """The names in running text, which begin with a surname, by the place of the text.

    Args:
        texts: What is searched.
        found: What was found already in each text; what overlaps with it is none.
    """
    names: dict[int, list[PersonalValue]] = {}
    tagged: dict[str, list[tuple[int, int]]] = {}
    open_places = _begins(texts)
    while open_places:  # a name that the tagger sees may make the next of a list certain
        doubtful: dict[int, set[str]] = {}
        for place, begins in open_places.items():
            names[place], clauses = _names(texts[place], begins, found[place], tagged)
            if clauses:
                doubtful[place] = clauses
        asked = sorted(set[str]().union(*doubtful.values()))
        tagged |= dict(zip(asked, people(asked), strict=True))
        open_places = {place: open_places[place] for place in doubtful}
    return {place: of_text for place, of_text in names.items() if of_text}


def _begins(texts: Sequence[str]) -> dict[int, list[int]]:
    """Where names may begin: a surname, a character that may be in a name, and no word across its beginning."""
    joined = "\n\n".join(["", *texts, "", ""])
    codes = np.minimum(np.frombuffer(joined.encode("utf-32-le"), np.uint32), 0xFFFF)
    surname, given = _characters()
    at = np.flatnonzero(surname[codes[:-1]] & given[codes[1:]])
    pairs = (codes[:-1] << 16 | codes[1:]).astype(np.uint32)
    usual = _usual_in_names()[codes]
    at = at[~_is_common(pairs[at]) | (usual[at + 1] & usual[at + 2])]
    at = at[~_is_common(pairs[at - 1]) | _is_common(pairs[at - 2])]
    at = at[_most_points(codes, at) >= _DOUBTFUL]
    starts = np.cumsum([2, *(len(text) + 2 for text in texts)])
    places = np.searchsorted(starts, at, side="right") - 1
    begins: dict[int, list[int]] = defaultdict(list)
    for place, begin in zip(places.tolist(), (at - starts[places]).tolist(), strict=True):
        begins[place].append(begin)
    return begins


def _most_points(codes: NDArray[np.uint32], at: NDArray[np.int64]) -> NDArray[np.int64]:
    """What the names that begin at these places could score at most, from single characters."""
    shape, usual, before, after = _points_of_characters()
    begun = shape[codes[at]] + before[codes[at - 1]]
    one = usual[codes[at + 1]]
    two = one + usual[codes[at + 2]]
    short = begun + 2 * one - 2 + after[codes[at + 2]]
    long = begun + np.array([-3, 0, 2])[two] + after[codes[at + 3]]
    return np.maximum(short, long)


@cache
def _points_of_characters() -> tuple[NDArray[np.int64], ...]:
    """By a character's code: points of a surname, whether it is usual in given names, the most points beside a name."""
    shape, usual, before, after = (np.full(0x10000, points) for points in (0, 0, -1, -1))
    for character in _SURNAMES:
        shape[ord(character)] = 2
    for double in _doubles():
        shape[ord(double[0])] = 7  # its given name begins later
    for character in _USUAL:
        usual[ord(character)] = 1
    for character in _SIGNS:
        before[ord(character)] = _CERTAIN if character in _LABEL_SIGNS else 1
    for said, points in _WORDS_BEFORE.items():
        before[ord(said[-1])] = max(before[ord(said[-1])], points)
    for character in _FOLLOWS:
        after[ord(character)] = 1
    for said, points in _WORDS_AFTER.items():
        after[ord(said[0])] = max(after[ord(said[0])], points)
    for character in _DESCRIPTIONS_BEGIN:
        after[ord(character)] = _CERTAIN
    return shape, usual, before, after


@cache
def _usual_in_names() -> NDArray[np.bool_]:
    """Whether a character is usual in given names, by its code."""
    return _points_of_characters()[1] > 0


def _is_common(pairs: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Whether two characters, as one number, are a common word."""
    known = _common_pairs()
    return known[np.searchsorted(known, pairs) % len(known)] == pairs


@cache
def _common_pairs() -> NDArray[np.uint32]:
    return np.sort(np.array([ord(word[0]) << 16 | ord(word[1]) for word in _lexicon().common], np.uint32))


@cache
def _characters() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether a character begins a surname, and whether it may be in a given name, by its code."""
    surname, given = np.zeros(0x10000, bool), np.zeros(0x10000, bool)
    surname[[ord(character) for character in _SURNAMES + _ALSO_WORDS + _RARE]] = True
    surname[[ord(double[0]) for double in _DOUBLE.split("|")]] = True
    given[0x4E00:0xA000] = True
    given[[ord(character) for character in _NEVER_GIVEN]] = False
    return surname, given


def _names(
    text: str, begins: list[int], others: Sequence[PersonalValue], tagged: Mapping[str, list[tuple[int, int]]]
) -> tuple[list[PersonalValue], set[str]]:
    """The names of a text, and the clauses that the tagger must see to tell whether there are more."""
    names: list[PersonalValue] = []
    doubtful: set[str] = set()
    ends = {value.end for value in others if value.kind.name == "name"}
    for at in begins:
        end, certain = _scored(text, at, ends)
        if end and not certain:
            clause, start = _clause(text, at)
            if clause not in tagged:
                doubtful.add(clause)
            end = end if (at - start, end - start) in tagged.get(clause, ()) else 0
        if end - at > 1 and not any(value.start < end and at < value.end for value in (*others, *names)):
            names.append(PersonalValue(at, end, NAMES[0]))
            ends.add(end)
    return names, doubtful


def _scored(text: str, at: int, ends: set[int]) -> tuple[int, bool]:
    """Where the name that begins here ends (0 where there is none), and whether that is certain."""
    shape = 2 if text[at] in _SURNAMES else 0
    first = at + 1
    if text[at : at + 2] in _doubles():
        shape, first = 4, at + 2
    elif text[at] not in _BEGIN:
        return 0, True
    left = _left(text, at, ends)
    if text[at] in _RARE and first == at + 1:
        shape = -1
        if left < 3:
            return 0, True
    best, end = 0, 0
    for stop in (first + 2, first + 1):
        given = text[first:stop]
        if len(given) < stop - first or not _HAN_ONLY.fullmatch(given) or _NEVER.intersection(given):
            continue
        right = _right(text, stop)
        if left <= 1 and "、" in (text[at - 1 : at], text[stop : stop + 1]):
            right -= 2  # a list of anything
        if text[stop : stop + 1] in (":", "：") and text[at - 1 : at] in ("", "\n"):
            right = 3  # who says what follows
        points = left + shape + _usual(given) + right + _in_words(text, at, first, stop, left, right)
        if points > best:
            best, end = points, stop
    return (end, best >= _ENOUGH) if best >= _DOUBTFUL else (0, True)


def _usual(given: str) -> int:
    usual = sum(character in _USUAL for character in given)
    return (-2, 0)[usual] if len(given) == 1 else (-3, 0, 2)[usual]


def _left(text: str, at: int, ends: set[int]) -> int:
    """Points for what is said before a name."""
    if at in ends or (at - 1 in ends and text[at - 1] in "、，和及与跟,/ \u3000"):
        return _CERTAIN
    if at == 0 or text[at - 1] in _SIGNS:
        return _CERTAIN if _label(text, at) else max(1, _said(text[max(0, at - 3) : at].rstrip(), 3))
    return _said(text, at)


def _is_public(text: str, at: int, end: int) -> bool:
    """Whether somebody whom everybody may name is spoken of."""
    return bool(_PUBLIC_LEFT.search(text[max(0, at - 4) : at]) or _PUBLIC_RIGHT.match(text, end))


def _label(text: str, at: int) -> re.Match[str] | None:
    """The label of a form's field that ends here."""
    before = text[max(0, at - _LONGEST_LABEL) : at]
    if not before or before[-1] not in _LABEL_SIGNS:
        return None
    return _LABELLED.search(before) if before.rstrip(_LABEL_SIGNS)[-1:] in _LABELS_END else None


def _said(text: str, at: int) -> int:
    """Points for the word that ends here; of several the longest counts."""
    end = min(at, len(text))
    for length in range(min(5, end), 0, -1):
        points = _WORDS_BEFORE.get(text[end - length : end])
        if points:
            return points
    return -1


def _right(text: str, end: int) -> int:
    """Points for what is said after a name."""
    following = text[end : end + 1]
    if following in _DESCRIPTIONS_BEGIN and _IS_DESCRIBED.match(text, end):
        return _CERTAIN
    points = 1 if following in _FOLLOWS else -1  # the end of the text too
    for length in range(1, _LONGEST_AFTER + 1):
        points = max(points, _WORDS_AFTER.get(text[end : end + length], -1))
    return points


def _in_words(text: str, at: int, first: int, end: int, left: int, right: int) -> int:
    """Points against a name that is a word, begins like one, or shares a character with one."""
    lexicon = _lexicon()
    name = text[at:end]
    if name in _FAMOUS:
        return -9
    points, expected = 0, left >= 3 or right >= _CERTAIN
    if name in lexicon.plain and left < _CERTAIN:
        points -= 3 if expected else 5
    elif name in lexicon.famous:
        points -= 4
    elif name in lexicon.known and not expected:
        points -= 3
    if _MEDICINE.search(text, first, end + 2):
        points -= 3
    if text[first:end] in _FORMS_OF_ADDRESS:
        points -= 9
    if (not expected or name in lexicon.known) and _is_public(text, at, end):
        points -= 4
    if end - at > 2 and text[at : at + 2] in lexicon.common:
        points -= 3
    if not expected and text[at - 1 : at + 1] in lexicon.common:
        points -= 3
    if text[end - 1 : end + 1] in lexicon.common:
        points -= 2 if end - first > 1 else 3
    if text[first:end] in lexicon.plain and (text[at] in _RARE or (not expected and text[at] in _ALSO_WORDS)):
        points -= 3
    return points


def _clause(text: str, at: int) -> tuple[str, int]:
    """What the tagger reads around a place: letters, not far from it; and where it begins."""
    start = max([0, at - _WINDOW, *(sign.end() for sign in _NO_LETTERS.finditer(text, max(0, at - _WINDOW), at))])
    sign = _NO_LETTERS.search(text, at, at + _WINDOW)
    return text[start : sign.start() if sign else at + _WINDOW], start


_MEDICINE = re.compile(
    "西林|沙星|洛尔|地平|他汀|普利|沙坦|替尼|单抗|拉唑|必利|立酮|[肽唑胺酯酮啶嘌呤苷烷]|松[片龙]|[片丸散汤膏]|胶囊|"
    "颗粒|注射|口服|冲剂|滴[丸眼鼻]|骨折|综合征|[氏病征腺]|正气|定理|反应|试验"
)
_FORMS_OF_ADDRESS = frozenset(
    [
        "先生",
        "女士",
        "小姐",
        "叔叔",
        "阿姨",
        "大爷",
        "大妈",
        "奶奶",
        "爷爷",
        "大哥",
        "大姐",
        "同学",
        "老师",
        "家属",
        "宝宝",
        "小朋友",
        "师傅",
        "主任",
    ]
)
_BEGIN = frozenset(_SURNAMES + _ALSO_WORDS + _RARE)
_USUAL = frozenset(_USUAL_GIVEN) - frozenset(_NEVER_GIVEN)
_NEVER = frozenset(_NEVER_GIVEN)
_HAN_ONLY = re.compile(_HAN + "+")
_NO_LETTERS = re.compile(r"[^\w·]")
_PUBLIC_LEFT, _PUBLIC_RIGHT = re.compile(f"(?:{_PUBLIC_BEFORE})$"), re.compile(_PUBLIC_AFTER)
_STOCK_NAMES = frozenset(["张三", "李四", "王五", "赵六", "李华", "王小明", "张小明", "李小明", "李雷", "韩梅梅"])
_SIGNS = frozenset(' \u3000\t\n，,。.！!；;：:（(“”"]】[「『、/？?~…|@—-<>》)）')
_LONGEST_LABEL = 14
_LABELLED = re.compile(rf"(?P<label>{_FIELD})\s*(?:[（(][^（()）]{{1,6}}[)）])?\s*(?P<sign>[:：】\]]\s*|\s+)$")
_LABEL_SIGNS = ":：】] \u3000\t\n"
_LABELS_END = frozenset("名字章户主人者签款审发医师生士刀助手父母亲偶夫妻子女儿属家长员席妇客学任告呼称患护的)）")
_OF_NAMES = re.compile("名|签|联系|收[件货款]人|[寄发]件人|监护")
_WORDS_BEFORE = (
    dict.fromkeys(["和", "与", "对", "把", "被", "带", "等"], 1)
    | dict.fromkeys(_AFTER_THESE.split(), 2)
    | dict.fromkeys(f"{_PATIENT}|{_RELATIVE}|{_STAFF}|{_ROLES}".split("|"), 3)
    | dict.fromkeys(_CALLED.split(), 4)
)
_IS_DESCRIBED = re.compile(_DESCRIBED)
_DESCRIPTIONS_BEGIN = frozenset(
    " \t\u3000，,、（(：:性男女年现今0123456789一二三四五六七八九十之签敬联电手身维藏蒙朝哈回壮彝苗傣满汉"
)
_WORDS_AFTER = dict.fromkeys(_DOES, 2) | dict.fromkeys(_TITLES, _CERTAIN)
_LONGEST_AFTER = max(map(len, _WORDS_AFTER))


@cache
def _doubles() -> frozenset[str]:
    return frozenset(_DOUBLE.split("|"))
