import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from data_recipes.steps.personal_data import KINDS, PersonalDataStep, find_all, make
from data_recipes.steps.personal_kind import PersonalValue, find
from data_recipes.steps.personal_patterns import PATTERNS
from data_recipes.steps.personal_text import read

# every number here is made up; the check digits are right where a case says so
PERSONAL = [
    ("身份证号110101199003077758，", "identity_number", "110101199003077758"),
    ("身份证号：一一零一零一一九九零零三零七七七五八", "identity_number", "一一零一零一一九九零零三零七七七五八"),
    ("身份证尾号7758", "last_digits", "7758"),
    # between a label and its value
    ("**住院号**：0098123，", "file_number", "0098123"),
    ("住院号→0098123 科别", "file_number", "0098123"),
    ("住院号\n0098123\n科别", "file_number", "0098123"),
    ("住院号写成了0098123", "file_number", "0098123"),
    ("医保卡号就是420107718836，", "insurance_number", "420107718836"),
    ("**家庭住址**：武汉市洪山区珞喻路718号", "address", "武汉市洪山区珞喻路718号"),
    ('{"birthday": "1971-02-09"}', "birth_date", "1971-02-09"),
    # numbers of papers, machines and systems
    ("起搏器序列号：PJN827163S，", "file_number", "PJN827163S"),
    ("案号（2023）鄂0902民初817号，", "file_number", "（2023）鄂0902民初817号"),
    ("ID号10082733，", "file_number", "10082733"),
    ("澳门身份证1/081726/3，", "identity_number", "1/081726/3"),
    ("四二〇一〇七一九六五〇二一一二二八一", "identity_number", "四二〇一〇七一九六五〇二一一二二八一"),
    ("打138一二三四5678", "mobile", "138一二三四5678"),
    ("短号61726，", "landline", "61726"),
    ("薇❤mama-le520", "wechat", "mama-le520"),
    ("user=nurse_wang07 登录", "account", "nurse_wang07"),
    ("摩托车鄂B6182，", "plate", "鄂B6182"),
    ("医保结算单420900240718001234，", "file_number", "420900240718001234"),
    ("合作医疗本420921-0817-032", "insurance_number", "420921-0817-032"),
    ("联络1 381 234 5678", "mobile", "1 381 234 5678"),
    ("账号wm_2024被锁", "account", "wm_2024"),
    ("车牌尾号 F88X6", "last_digits", "F88X6"),
    # days of birth
    ("患者出生年月 1983.06，已婚", "birth_date", "1983.06"),
    ("出生 71.5.12", "birth_date", "71.5.12"),
    ("出生于1949年冬月初八", "birth_date", "1949年冬月初八"),
    ("身份证上1963.5.6，不对", "birth_date", "1963.5.6"),
    ("生日是0712", "birth_date", "0712"),
    ("农历八月十五生日", "birth_date", "八月十五"),
    ("88.3.15的，属龙", "birth_date", "88.3.15"),
    ("1990年8月15日，女，汉族", "birth_date", "1990年8月15日"),
    ("D.O.B. 12 Mar 1967", "birth_date", "12 Mar 1967"),
    ("爷爷三八年生人", "birth_date", "三八年"),
    ("我是正月初八生的", "birth_date", "正月初八"),
    ("生日：65/2/11，", "birth_date", "65/2/11"),
    # places
    ("上门护理请到杨浦区控江路1500弄22号601室", "address", "杨浦区控江路1500弄22号601室"),
    ("我家东方花园2栋1802，", "address", "东方花园2栋1802"),
    ("120请到建设路和平小区西门3号楼，", "address", "建设路和平小区西门3号楼"),
    ("我是大悟县宣化店镇人", "address", "大悟县宣化店镇"),
    ("我是美团骑手", "workplace", "美团"),
    ("在海底捞当服务员", "workplace", "海底捞"),
    ("男朋友中建三局的，", "workplace", "中建三局"),
    ("就职于招商银行武汉分行，", "workplace", "招商银行武汉分行"),
    ("我在宏达驾校当教练", "workplace", "宏达驾校"),
    ("现役，95956部队", "workplace", "95956部队"),
    ("文峰小学三（2）班的", "workplace", "文峰小学三（2）班"),
    ("肖港镇联合村三组", "address", "肖港镇联合村三组"),
    ("定位：31.2304,121.4737", "address", "31.2304,121.4737"),
    ("用户名：lily85wh", "account", "lily85wh"),
    ("昵称追风的人85", "account", "追风的人85"),
    ("登录IP 10.22.31.108", "network_address", "10.22.31.108"),
    ("MAC 3C:52:82:4A:10:9F", "network_address", "3C:52:82:4A:10:9F"),
    ("床号：27床", "bed", "27床"),
    ("病案0076512", "file_number", "0076512"),
    ("保健手册4201-2024-01339", "file_number", "4201-2024-01339"),
    ("A0923817X刷不出来", "file_number", "A0923817X"),
    ("EJ6620917这本过期了", "passport", "EJ6620917"),
    ("士官证士字第20190337号", "passport", "士字第20190337号"),
    ("(02)2345-6789", "landline", "(02)2345-6789"),
    ("护士站87654321", "landline", "87654321"),
    ("分机6021", "landline", "6021"),
    ("账号3202 0066 0920 0123 456", "bank_card", "3202 0066 0920 0123 456"),
    ("WeChat ID amy2019zh", "wechat", "amy2019zh"),
    ("QQ number 771203345", "qq", "771203345"),
    ("本人87年生人", "birth_date", "87年"),
    ("女，1962-05-09，退休", "birth_date", "1962-05-09"),
    ("送万达华府C座1806", "address", "万达华府C座1806"),
    ("籍贯湖南省邵东县简家陇乡", "address", "湖南省邵东县简家陇乡"),
    ("No. 12, Lane 338, Tianyao Road", "address", "No. 12, Lane 338, Tianyao Road"),
    ("我在鸿发电子厂上夜班", "workplace", "鸿发电子厂"),
    ("我的是 11010119900307775８", "identity_number", "11010119900307775８"),
    ("证件 110101 19900307 7758。", "identity_number", "110101 19900307 7758"),
    ("身份证号码：11010119900307775X", "identity_number", "11010119900307775X"),  # mistyped, but labelled
    ("旧证110101900307775", "identity_number", "110101900307775"),
    ("电话13812345678，", "mobile", "13812345678"),
    ("打138-1234-5678", "mobile", "138-1234-5678"),
    ("+86 139 1234 5678", "mobile", "+86 139 1234 5678"),
    ("１３８１２３４５６７８", "mobile", "１３８１２３４５６７８"),
    ("座机010-66668888转123", "landline", "010-66668888转123"),
    ("（0571）8888-7777", "landline", "（0571）8888-7777"),
    ("电话：66668888", "landline", "66668888"),
    ("病案号：A0012345", "file_number", "A0012345"),
    ("住院号 20230011", "file_number", "20230011"),
    ("门诊号为00998877", "file_number", "00998877"),
    ("医保号：3301234567890", "insurance_number", "3301234567890"),
    ("社保卡号 A12345678", "insurance_number", "A12345678"),
    ("住院号（ZY904882）", "file_number", "ZY904882"),
    ("病案号#B0413095", "file_number", "B0413095"),
    ("医保号（4239760733）", "insurance_number", "4239760733"),
    ("医保卡：332010055821", "insurance_number", "332010055821"),
    ("银行卡6222020200112230335", "bank_card", "6222020200112230335"),
    ("卡号 4111 1111 1111 1111", "bank_card", "4111 1111 1111 1111"),
    ("发到zhang.san@163.com", "e_mail", "zhang.san@163.com"),
    ("13812345678@qq.com", "e_mail", "13812345678@qq.com"),
    ("QQ：123456789", "qq", "123456789"),
    ("扣扣2345678", "qq", "2345678"),
    ("加我微信zhang_san88", "wechat", "zhang_san88"),
    ("微信号：wxid-abc123", "wechat", "wxid-abc123"),
    ("VX: doctor2020", "wechat", "doctor2020"),
    ("加vxdoc63212", "wechat", "doc63212"),
    ("微信13812345678", "wechat", "13812345678"),
    ("我叫张伟，今年45岁", "name", "张伟"),
    ("患者王小明，男，45岁", "name", "王小明"),
    ("患者李娜因反复咳嗽入院", "name", "李娜"),
    ("我叫 陈欣 ，想问一下", "name", "陈欣"),
    ("我名叫于洋，", "name", "于洋"),
    ("患者姓名董玉琪，", "name", "董玉琪"),
    ("患者崔梓涵今年45岁", "name", "崔梓涵"),
    ("姓名：欧阳修文 性别：男", "name", "欧阳修文"),
    ("联系人：赵大力，", "name", "赵大力"),
    ("我住在北京市朝阳区建国路88号3栋502室，", "address", "北京市朝阳区建国路88号3栋502室"),
    ("家住浙江省杭州市西湖区文三路阳光小区5幢3单元201室", "address", "浙江省杭州市西湖区文三路阳光小区5幢3单元201室"),
    ("地址：中山路15号", "address", "中山路15号"),
    ("姓名 欧阳思语 性别 女", "name", "欧阳思语"),
    ("患者姓名：阿依古丽·吐尔逊，", "name", "阿依古丽·吐尔逊"),
    ("张三，男，35岁", "name", "张三"),
    ("母亲：周红梅", "name", "周红梅"),
    ("主治医师：李国强", "name", "李国强"),
    ("家长签字：那仁花", "name", "那仁花"),
    ("姓 名：蒋  欣   年 龄：45", "name", "蒋  欣"),
    ("【姓名】诸葛明远【性别】男", "name", "诸葛明远"),
    ("病人扎西顿珠从阿里转来", "name", "扎西顿珠"),
    ("我爱人刘志强去年查出肾癌", "name", "刘志强"),
    ("主刀医生是周文斌主任，手术很成功", "name", "周文斌"),
    ("我同事高翔得了抑郁症", "name", "高翔"),
    ("收货人贺敏，请尽快发货", "name", "贺敏"),
    ("出生日期：1985年7月16日", "birth_date", "1985年7月16日"),
    ("她1958-03-22生，糖尿病二十年", "birth_date", "1958-03-22"),
    ("住址：商水县张庄乡李家村", "address", "商水县张庄乡李家村"),
    ("家住成都市武侯区科华北路65号院3栋1单元1202室，", "address", "成都市武侯区科华北路65号院3栋1单元1202室"),
    ("现住岳麓区麓山南路932号学生公寓5栋411，", "address", "岳麓区麓山南路932号学生公寓5栋411"),
    ("MRN:1234567", "file_number", "1234567"),
    ("病人编号A00123", "file_number", "A00123"),
    ("我的工号HN20713，", "file_number", "HN20713"),
    ("检查号CT20231107-0462：双肺结节", "file_number", "CT20231107-0462"),
    ("参合号：341225103020618", "insurance_number", "341225103020618"),
    ("（138）12345678", "mobile", "（138）12345678"),
    ("138.1234.5678", "mobile", "138.1234.5678"),
    ("138—1234—5678", "mobile", "138—1234—5678"),
    ("手机1538 247 9906", "mobile", "1538 247 9906"),
    ("打一三九零六七二五五一八", "mobile", "一三九零六七二五五一八"),
    ("家庭电话：（0371）6598 2214", "landline", "（0371）6598 2214"),
    ("加微 zs123456", "wechat", "zs123456"),
    ("Q群 123456789", "qq", "123456789"),
    ("QQ吗？519 3302 87，", "qq", "519 3302 87"),
    ("证件号码：130703198205110629", "identity_number", "130703198205110629"),
    ("转账到农行6228 4800 3056 7712 010，", "bank_card", "6228 4800 3056 7712 010"),
    ("车牌是川A·6M23T，", "plate", "川A·6M23T"),
    ("护照号码E58214073，", "passport", "E58214073"),
    ("我舅舅晏长河是肺癌晚期", "name", "晏长河"),
    ("昨天我陪管丽丽去做了胃镜", "name", "管丽丽"),
    ("楼上的扈建国昨天突然晕倒了", "name", "扈建国"),
    ("落款：麻永利　　", "name", "麻永利"),
    ("我叫木合亚提·哈力克，", "name", "木合亚提·哈力克"),
    ("病人ID P0039281", "file_number", "P0039281"),
    ("急诊号：E20230817054", "file_number", "E20230817054"),
    ("出生年份：1990年", "birth_date", "1990年"),
    ("+v abc_doctor66", "wechat", "abc_doctor66"),
    ("电话：1 5 2 3 8 4 7 5 6 1 0", "mobile", "1 5 2 3 8 4 7 5 6 1 0"),
    ("工作单位：绵阳市涪城区育才小学，", "workplace", "绵阳市涪城区育才小学"),
    # as scanners, forms in traditional script and tables write them
    ("手机１３６　３８５５　９０１７，", "mobile", "１３６　３８５５　９０１７"),
    ("电诂：1363855O274，", "mobile", "1363855O274"),
    ("1 3 6 - 5 1 8 0 - 4 4 2 7 是新号", "mobile", "1 3 6 - 5 1 8 0 - 4 4 2 7"),
    ("病人身份证明：37O828l9910605423X", "identity_number", "37O828l9910605423X"),
    ("抄错了：513425198903172310", "identity_number", "513425198903172310"),  # province and birth date are right
    ("身分證字號F228417093，", "identity_number", "F228417093"),
    ("香港身份證 Z683219(4)，", "identity_number", "Z683219(4)"),
    ("病歷號碼7719030，", "file_number", "7719030"),
    ("就诊卡号|6000123845|男", "file_number", "6000123845"),
    ("病人ID=P0048812;", "file_number", "P0048812"),
    ("MRN#55-20-7713 ", "file_number", "55-20-7713"),
    ("住院号（2 0 2 4 0 0 8 8 1 6）", "file_number", "2 0 2 4 0 0 8 8 1 6"),
    ("运单SF1402938475610，", "file_number", "SF1402938475610"),
    ("门诊号|年龄|诊断\nM240319077|52|甲状腺结节", "file_number", "M240319077"),
    ("健保卡號000047731205，", "insurance_number", "000047731205"),
    ("护 照 号 码 ： G 6 2 8 1 9 3 0 5（附后）", "passport", "G 6 2 8 1 9 3 0 5"),
    ("退休证退字08841号，", "passport", "退字08841号"),
    ("电话+86-855-6220087，", "landline", "+86-855-6220087"),
    ("银行卡 622848-0402-5641-8902-13，", "bank_card", "622848-0402-5641-8902-13"),
    ("LINE／微信均用dawa.1990；", "wechat", "dawa.1990"),
    ("2094417385是我QQ", "qq", "2094417385"),
    ("出生:05/17/1959 ", "birth_date", "05/17/1959"),
    ("出生民國68年9月3日，", "birth_date", "民國68年9月3日"),
    ("孩子生于2019.7.2，早产", "birth_date", "2019.7.2"),
    ("我在永辉超市万达店收银，", "workplace", "永辉超市万达店"),
    ("单位（盖章）昌乐县城乡供水公司　", "workplace", "昌乐县城乡供水公司"),
    ("新地址是龙湖花千树8栋1单元2203，", "address", "龙湖花千树8栋1单元2203"),
    ("hotel: 18 Riverside Rd, ", "address", "18 Riverside Rd"),
    ("姓 名 ： 卓 玛 措   族别：藏", "name", "卓 玛 措"),
    ("姓名|初夏|年龄|8", "name", "初夏"),
    ("持证人：CHAN KA MAN", "name", "CHAN KA MAN"),
    # labels and shapes of a further author
    ("住 院 弓：0O38l92 科别", "file_number", "0O38l92"),
    ("血透编号HD-0182，干体重", "file_number", "HD-0182"),
    ("心电图号 ECG 118273，", "file_number", "ECG 118273"),
    ("影像号【CT0091827】", "file_number", "CT0091827"),
    ("胎儿超声号：US/24/10392　", "file_number", "US/24/10392"),
    ("[检验科] 20240702LIS0098 |", "file_number", "20240702LIS0098"),
    ("放射剂量记录：RIS-5512087 ", "file_number", "5512087"),
    ("PACS: 1.2.840.113619.2.55.3.2831 /", "file_number", "1.2.840.113619.2.55.3.2831"),
    ("PAT_NO=000187364", "file_number", "000187364"),
    ("报告单 №0071938，", "file_number", "0071938"),
    ("工伤认定编号工伤认字[2024]第0783号，", "file_number", "工伤认字[2024]第0783号"),
    ("就诊卡|流水号|科\n无|20240311000482|骨科", "file_number", "20240311000482"),
    ("医保卡号：110101199003077758", "insurance_number", "110101199003077758"),
    ("QQ也行 384917562", "qq", "384917562"),
    ("医生微信drpan-ortho已满人", "wechat", "drpan-ortho"),
    ("联系不上时打85718846", "landline", "85718846"),
    ("住宅2671 0935，", "landline", "2671 0935"),
    ("/ 1967.05.21 / F / KNEE", "birth_date", "1967.05.21"),
    ("丈夫在江铃底盘厂开叉车，", "workplace", "江铃底盘厂"),
    ("姓名：励志　", "name", "励志"),
    ("收款人：水清浅，", "name", "水清浅"),
    ("PACS WEI^CHUNHUA / F", "name", "WEI^CHUNHUA"),
    ("玛丽亚·冈萨雷斯产后两小时", "name", "玛丽亚·冈萨雷斯"),
    ("黃志強醫師表示術後恢復良好", "name", "黃志強"),
    ("小儿鲍启航昨夜高热", "name", "鲍启航"),
]

HARMLESS = [
    "骨科住院部在5号楼5层，乘3号电梯",
    "体检中心搬到综合楼6号楼4层了",
    "新院区位于高新区科技路88号",
    "疫苗在1号楼社区服务站接种",
    "右转50米就是2号楼",
    "身份证2033年5月6日到期要换吗",
    "女，42岁，2021-10行子宫肌瘤切除",
    "年月 无\n费别 自费\n左耳 正常\n舒张压 80\n温州 36.5",
    "北京同仁堂股份有限公司生产的六味地黄丸",
    "生产企业：北京同仁堂股份有限公司",
    "请到医技楼2号楼做CT",
    "急诊在门急诊大楼1号楼3层",
    "Generic name: Metformin Hydrochloride",
    "Name: Amoxicillin Capsules",
    "王氏连朴饮加减，李氏清暑益气汤",
    "杜甫晚年消渴，白居易眼昏，李时珍（1518—1593）著《本草纲目》，名医叶天士",
    "毛冬青、田七、米氮平、丁卡因，患者应根据医嘱，孩子高兴得很，家属都同意手术",
    "阿莫西林0.5g每日3次，一次500mg，共1000毫克，每6-8小时一次",
    "2023年1月5号检查，2023-01-05 12:30:45，20230105",
    "白细胞12.5×10^9/L，血小板 1234567，血压120/80mmHg，心率60-100",
    "HCG 123456.78mIU/mL，T3 1.34，TSH 0371",
    "ICD编码E11.901，J45.900x001",
    "价格12800元，花了 1380000.00 元",
    "国药准字H20123456，批号 20230101123456，ISBN 9787117123456",
    "PMID: 33817263，美国FDA批准号NDA 208172，医疗器械注册证号：国械注准20203140718",
    "编号1的试管加生理盐水2ml，序列号为奇数的受试者，2023年12月出生队列，1990年以前出生的人",
    "希望小学三年级8个班共植树120棵，公共场所工作人员，border-left: 1px solid var(--line); line: #2a3c37",
    "圆周率3.14159265358979323846",
    "代码 110101199013077757",  # no such month
    "临床试验编号NCT04280705，注册号：ChiCTR2000029308",
    "患者1985年出生，已婚",  # a year alone is none
    "患者：Stage IV disease",
    "上海强生有限公司宣布召回一批产品，",
    "Batch No. 8837120941，EXP 2027/05，项目编码110200001",
    "患者高血压，男性多见；患者黄疸，女性；患者安静，男；患者时年45岁",
    "患者高热因感染，患者白细胞因子升高，患者高危因素",
    "患者常规，患者方便，患者和家属，患者马上入院",
    "有种病名叫白血病，我吃的药名叫安乃近，",
    "我叫救护车，我叫车来，我叫了医生，我叫她",
    "患者王某，男，45岁；患者陈先生，55岁",  # already without the name
    "身份证号码有18位，医保号怎么查，住院号在哪里看，住院3次1234，住院号：无",
    "微信公众号：健康时报，QQ糖能吃吗，微信支付200元",
    "北京市区5号做的手术，县医院住院部3号楼，用5号针头",
    "热线12345，拨打120，电话咨询",
    "联系人：医生",
    "Very happy with my Viewsonic VX2450WM-LED monitor",
    "张力性气胸应立即穿刺减压，华佗发明麻沸散，张仲景著《伤寒杂病论》，李时珍历时二十七年",
    "白芷、白术、白芍，史密斯骨折和科雷氏骨折，帕金森病以詹姆斯·帕金森的名字命名",
    "公元1628年，哈维发表《心血运动论》，2023年3月发布的指南，有效期至2025年7月，批号20230815",
    "高血压专家认为，安全员老师，全科医生，和平阿姨，成长的孩子，孩子高兴得很，我妈常年在外",
    "DOI:10.3760/cma.j.cn112138-20220114-00049，林黛玉得的是肺结核吗？我姓什么不重要",
    "条形码6901028075015，追溯码81234567890123456789，NCT04280705，PMID 32109013",
    "患者窦某于2023年2月3日因车祸入院，病毒产生于2019年12月，产于2020年3月5日",
    "在一家公司上班，在寄宿学校读书，单位换算，学校食堂，XX制药有限公司生产，孩子健健康康上幼儿园",
    "打100-200针，打1000-1500元，住院号见腕带，病房在7号楼15层",
    "请核对患者姓名和年龄，患者姓名应写清，患者高血压今年加重，医保卡：无，住院号（见上）",
]


def test_personal_data_is_masked_and_named(rows: Any) -> None:
    outcome = make(PersonalDataStep(kind="personal_data"))(rows(*((text, "请就医。") for text, _, _ in PERSONAL)))
    placeholders = {kind.name: kind.placeholder for kind in KINDS}
    asked = [messages[0]["content"] for messages in outcome.kept["messages"].to_pylist()]
    expected = [text.replace(value, placeholders[kind]) for text, kind, value in PERSONAL]
    assert [pair for pair in zip(asked, expected, strict=True) if pair[0] != pair[1]] == []
    assert outcome.counts == Counter(f"masked_{kind}" for _, kind, _ in PERSONAL)  # one in each text


def test_a_hint_matches_wherever_its_pattern_does() -> None:
    texts = [text for text, _, _ in PERSONAL]
    found = find_all(pl.Series(texts), PATTERNS)
    assert [found.get(place, []) for place in range(len(texts))] == [find(read(text), PATTERNS) for text in texts]


BETWEEN = (
    "{}：{}|{}:{}|{} {}|{}-{}|{}—{}|{}——{}|{}→{}|{}\n{}|{}：\n{}|{}是{}|{}就是{}|"
    "{}改为{}|{}应为{}|{}写成{}|{}写成了{}|{}填{}|{}写的是{}|"
    "{}……{}|{}<{}>|{}《{}》|{}：“{}”|"
    "{}‘{}’|{}：：{}|{}_{}|{}：□{}|{}：__{}__|{}～{}|【{}】{}|[{}]{}|{}（{}）|{}\t{}|{}（本人）：{}|"
    "{} No.{}|**{}**：{}|{}：**{}**|{}：`{}`"
)


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("住院号", "0098123"),
        ("病案号", "ZY0098123"),
        ("医保卡号", "420107718836"),
        ("护照号", "E58214073"),
        ("出生日期", "1967年3月12日"),
        ("电话", "83816220"),
        ("手机", "13812345678"),
        ("微信号", "lxm_880312"),
        ("QQ", "718836022"),
    ],
)
def test_whatever_stands_between_a_label_and_its_value(label: str, value: str) -> None:
    texts = [form.format(label, value) for form in BETWEEN.split("|")]
    found = find_all(pl.Series(texts), PATTERNS)
    missed = [
        text
        for place, text in enumerate(texts)
        if not any(value in hidden for hidden in _values(text, found.get(place, [])))
    ]
    assert missed == []


def test_every_writing_of_a_day_of_birth() -> None:
    written = (
        "1967年3月12日|1967.3.12|67/3/12|1967-03-12|六七年三月十二|1967年农历三月十二|丁未年三月十二|"
        "民国56年3月12日|12 Mar 1967"
    )
    worded = "出生日期：{}|生日{}|我{}生的|孩子{}出生|生日是{}，"
    texts = [form.format(day) for form in worded.split("|") for day in written.split("|")]
    found = find_all(pl.Series(texts), PATTERNS)
    assert [text for place, text in enumerate(texts) if place not in found] == []


def test_nothing_is_masked_in_the_knowledge_base() -> None:
    folder = Path(__file__).resolve().parents[3] / "domains/medical/knowledge"
    lines = [line for file in sorted(folder.glob("*.jsonl")) for line in file.read_text("utf-8").splitlines()]
    entries = [json.loads(line) for line in lines]
    texts = [f"{entry['name']}：{entry['definition']}。{entry['attributes']}" for entry in entries]
    assert sum(map(len, texts)) > 100_000
    assert [_values(texts[place], found) for place, found in find_all(pl.Series(texts), PATTERNS).items()] == []


def _values(text: str, found: Sequence[PersonalValue]) -> list[str]:
    return [text[value.start : value.end] for value in found]


def test_the_numbers_of_medicine_stay(rows: Any) -> None:
    table = rows(*((text, text) for text in HARMLESS))
    outcome = make(PersonalDataStep(kind="personal_data"))(table)
    assert [pair for pair in zip(table.to_pylist(), outcome.kept.to_pylist(), strict=True) if pair[0] != pair[1]] == []
    assert outcome.counts == {}


def test_the_policy_decides_what_becomes_of_the_row(rows: Any, run: Any) -> None:
    table = rows(("电话13812345678和13912345678", "好"), ("头痛怎么办", "多休息"))
    kept = run(make(PersonalDataStep(kind="personal_data", policy="keep")), table)
    assert kept.kept.to_pylist() == table.to_pylist()
    assert kept.counts == {"found_mobile": 2}
    dropped = run(make(PersonalDataStep(kind="personal_data", policy="drop")), table)
    assert [row[:2] for row in dropped.dropped] == [("row-0", "personal_mobile")]
    assert dropped.counts == {}


def test_numbers_like_one_that_was_found_are_found_but_no_dates_and_batches(rows: Any, run: Any) -> None:
    text = "住院号20249931，转科后20249947；20240105入院，批号20248812；工号HL-0526和HL-0731，XK-0526型"
    outcome = run(make(PersonalDataStep(kind="personal_data")), rows((text, "好")))
    masked = "住院号【病案号】，转科后【病案号】；20240105入院，批号20248812；工号【病案号】和【病案号】，XK-0526型"
    assert outcome.kept["messages"].to_pylist()[0][0]["content"] == masked


def test_what_was_masked_before_is_masked_the_same_again(rows: Any, run: Any) -> None:
    """A placeholder is no label: 【姓名】休息 names nobody."""
    step = make(PersonalDataStep(kind="personal_data"))
    once = run(step, rows(("住院号：0098123，电话13812345678", "<p>请张伟先休息。</p>请张伟休息 多喝水。"))).kept
    again = run(step, once)
    assert "【姓名】休息" in once["messages"].to_pylist()[0][1]["content"]
    assert again.kept.to_pylist() == once.to_pylist() and again.counts == {}


def test_only_the_chosen_types_are_looked_for(rows: Any, run: Any) -> None:
    step = make(PersonalDataStep(kind="personal_data", types=("e_mail",)))
    outcome = run(step, rows(("电话13812345678，a@b.cn", "好")))
    assert outcome.kept["messages"].to_pylist()[0][0]["content"] == "电话13812345678，【邮箱】"


def test_every_text_of_a_row_is_looked_at_and_passages_are_never_shifted(rows: Any, run: Any) -> None:
    phone = "13812345678"
    everywhere = rows(("问", "答"), facts=[phone], references=[f"打{phone}"], choices=[phone, "无"], rejected=phone)
    outcome = run(make(PersonalDataStep(kind="personal_data")), everywhere)
    assert phone not in json.dumps(outcome.kept.to_pylist())
    assert outcome.counts == {"masked_mobile": 4}
    passage = {"context": f"打{phone}找他", "question": "打什么？", "spans": [[1, 12]]}
    outcome = run(make(PersonalDataStep(kind="personal_data")), rows(("问", "答"), passage=passage))
    assert [row[:2] for row in outcome.dropped] == [("row-0", "personal_mobile")]


def test_the_report_never_holds_the_value(rows: Any, run: Any) -> None:
    outcome = run(make(PersonalDataStep(kind="personal_data", policy="drop")), rows(("我叫张伟，13812345678", "好")))
    assert "138" not in repr(outcome.dropped) + repr(outcome.counts)


def test_a_hospital_may_keep_its_own_contacts_in_answers(rows: Any, run: Any) -> None:
    table = rows(("打010-66668888还是发a@b.cn？", "请致电010-66669999，或发邮件到office@hospital.cn，手机13812345678"))
    step = make(PersonalDataStep(kind="personal_data", contacts_of_answers="keep"))
    asked, said = (turn["content"] for turn in run(step, table).kept["messages"].to_pylist()[0])
    assert asked == "打【电话】还是发【邮箱】？"
    assert said == "请致电010-66669999，或发邮件到office@hospital.cn，手机【手机号】"
