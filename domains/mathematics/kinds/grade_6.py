"""Grade 6: fractions and percentages of quantities, work, ratio, circles, trade."""

import math
from fractions import Fraction

from domains.mathematics.draw import FACTORIES, HEAVY, PLACES, Draw
from domains.mathematics.problem import Problem, ProblemKind, bracketed, equation, fraction, percent, shown

_DAYS = [(a, b) for a in range(3, 41) for b in range(3, 41) if a != b and (a + b) // math.gcd(a * b, a + b) <= 5]
"""Days of two teams that give a simple fraction of days together."""


def part_of(d: Draw) -> Problem:
    """A fraction of a quantity."""
    part = d.proper_fraction()
    total = part.denominator * d.whole(4, 60)
    what, unit, who, verb = d.one(
        (
            ("一本书", "页", d.person(), "看了"),
            ("一条公路", "米", d.one(("工程队", "筑路队", "施工队")), "修了"),
            ("一批货物", "吨", d.one(("车队", "船队", "运输队")), "运走"),
            ("一批零件", "个", d.one(("王师傅", "李师傅", "张师傅", "刘师傅")), "加工了"),
            ("一块稻田", "亩", d.one(("农机队", "收割队", "村民们")), "收割了"),
        )
    )
    done, left = total * part, d.one((True, False))
    steps = [f"已经{verb}：{equation(f'{total}×{bracketed(part)}', done, unit)}"]
    if left:
        steps.append(f"还剩：{equation(f'{total}-{shown(done)}', total - done, unit)}")
    return Problem(
        d.say(
            f"{what}共{total}{unit}，{who}{verb}全部的{part}",
            f"{who}{verb}{what}的{part}，这{what[1:]}共有{total}{unit}",
        ),
        d.say(
            f"还剩多少{unit}？" if left else f"{who}{verb}多少{unit}？",
            f"余下多少{unit}？" if left else f"{verb}多少{unit}？",
        ),
        tuple(steps),
        shown(total - done if left else done),
        unit,
    )


def whole_from_part(d: Draw) -> Problem:
    """The whole from a fraction of it."""
    part = d.proper_fraction()
    known = part.numerator * d.whole(3, 60)
    what, unit, verb, who = d.one(
        (
            (f"食堂买来的{d.one(HEAVY)}", "千克", "用去", ""),
            (f"仓库里的{d.one(HEAVY)}", "吨", "运走", ""),
            ("一条路", "米", "修了", d.one(("工程队", "施工队", "筑路队"))),
            ("一本书", "页", "看了", d.person()),
            ("一批零件", "个", "做了", d.one(("王师傅", "李师傅", "张师傅", "刘师傅"))),
            ("一块麦田", "亩", "收割了", d.one(("农机队", "收割队", "村民们"))),
        )
    )
    whole = known / part
    return Problem(
        d.say(
            f"{who}{verb}{what}的{part}，正好是{known}{unit}"
            if who
            else f"{what}{verb}{known}{unit}，正好是总数的{part}",
            f"{who}{verb}{known}{unit}，占{what}的{part}",
        ),
        d.say(f"全部是多少{unit}？", f"原来共多少{unit}？"),
        (f"已知一部分求全部用除法：{equation(f'{known}÷{bracketed(part)}', whole, unit)}",),
        shown(whole),
        unit,
    )


def more_by_fraction(d: Draw) -> Problem:
    """More or less by a fraction."""
    part, more = d.proper_fraction(), d.one((True, False))
    base = part.denominator * d.whole(4, 50)
    factor, sign, word = (1 + part, "+", "多") if more else (1 - part, "-", "少")
    first, second = d.one((("上月", "本月"), ("去年", "今年"), ("昨天", "今天"), ("上周", "本周")))
    what, unit = d.one((("用电", "度"), ("用水", "吨"), ("用煤", "吨"), ("产值是", "万元"), ("招工", "人")))
    return Problem(
        d.say(
            f"{d.one(FACTORIES)}{first}{what}{base}{unit}，{second}比{first}{word}{part}",
            f"{first}，{d.one(FACTORIES)}{what}{base}{unit}，到了{second}，{word}了{part}",
        ),
        d.say(f"{second}{what}多少{unit}？", f"{second}是多少{unit}？"),
        (
            f"{second}是{first}的：{equation(f'1{sign}{part}', fraction(factor))}",
            f"{second}：{equation(f'{base}×{bracketed(factor)}', base * factor, unit)}",
        ),
        shown(base * factor),
        unit,
    )


def rate(d: Draw) -> Problem:
    """What percentage is good, present, sprouting."""
    total = d.one((20, 25, 40, 50, 80, 100, 125, 150, 160, 200, 250, 300, 400, 500, 600, 800, 1000))
    hundredths = d.one([n for n in range(60, 100) if total * n % 100 == 0])
    good, share = total * hundredths // 100, Fraction(hundredths, 100)
    where, what, unit, verb = d.one(
        (
            (d.one(("农科站", "种子站", "实验室", "科技小组")), "种子", "粒", "发芽"),
            (d.one(("车间", "工厂", "检验员", "质检科")), "零件", "个", "合格"),
            (d.one(("林场", "苗圃", "绿化队", "少先队")), "树苗", "棵", "成活"),
            (d.one(("五年级", "六年级", "四年级", "全校")), "学生", "人", d.one(("出勤", "达标", "及格"))),
        )
    )
    return Problem(
        d.say(
            f"{where}{d.one(('有', '统计了'))}{what}{total}{unit}，其中{verb}的有{good}{unit}",
            f"{where}清点{what}，{total}{unit}里{good}{unit}{verb}",
        ),
        d.say(d.one((f"{verb}率是多少？", f"{what}的{verb}率是百分之几？")), f"百分之几的{what}{verb}？"),
        (f"{verb}率：{equation(f'{good}÷{total}', percent(share))}",),
        percent(share),
    )


def discount(d: Draw) -> Problem:
    """A price with a discount."""
    tenths, price = d.one((95, 90, 88, 85, 80, 75, 70, 65, 60, 50)), d.whole(20, 600, 5)
    digits = {5: "五", 6: "六", 7: "七", 8: "八", 9: "九"}
    name = digits[tenths // 10] + (digits[tenths % 10] if tenths % 10 else "") + "折"
    what = d.one(("一双运动鞋", "一件外套", "一台电风扇", "一个书包", "一套图书", "一辆自行车", "一盏台灯", "一口锅"))
    share, now = Fraction(tenths, 100), Fraction(price * tenths, 100)
    saved = d.one((True, False))
    steps = [f"{name}就是{tenths}%，现价：{equation(f'{price}×{tenths}%', now, '元')}"]
    if saved:
        steps.append(f"便宜：{equation(f'{price}-{shown(now)}', price * (1 - share), '元')}")
    return Problem(
        d.say(
            f"{what}原价{price}元，{d.one(('商场', '超市', '网店', '专卖店'))}打{name}出售",
            f"{what}标价{price}元，现在按{name}卖",
        ),
        d.say(
            "比原价便宜多少元？" if saved else d.one(("现价多少元？", f"{d.person()}买它要付多少元？")),
            "省下多少元？" if saved else "卖多少元？",
        ),
        tuple(steps),
        shown(price - now if saved else now),
        "元",
    )


def profit(d: Draw) -> Problem:
    """Selling price from cost and profit, and what is earned."""
    cost, gain, number = d.whole(20, 300, 5), d.one((10, 15, 20, 25, 30, 40, 50)), d.whole(2, 40)
    each = Fraction(cost * gain, 100)
    what, unit = d.one((("衬衫", "件"), ("台灯", "盏"), ("玩具", "个"), ("书包", "个"), ("水壶", "个"), ("雨伞", "把")))
    return Problem(
        d.say(
            f"商店以每{unit}{cost}元进{what}{number}{unit}，按{gain}%的利润率全部卖出",
            f"{what}每{unit}进价{cost}元，售价比进价高{gain}%，卖出{number}{unit}",
        ),
        d.say(d.one(("一共获利多少元？", "能赚多少元？")), "共赚多少元？"),
        (
            f"每{unit}的利润：{equation(f'{cost}×{gain}%', each, '元')}",
            f"一共：{equation(f'{shown(each)}×{number}', each * number, '元')}",
        ),
        shown(each * number),
        "元",
    )


def interest(d: Draw) -> Problem:
    """Interest on savings."""
    capital, rate, years = d.whole(1000, 60000, 500), d.decimal(1, 4, d.one((1, 2))), d.whole(1, 5)
    earned = capital * rate / 100 * years
    who, whole = d.one(("爸爸", "妈妈", "奶奶", "王叔叔", "李阿姨", "张老师")), d.one((True, False))
    steps = [f"利息：{equation(f'{capital}×{shown(rate)}%×{years}', earned, '元')}"]
    if whole:
        steps.append(f"本息：{equation(f'{capital}+{shown(earned)}', capital + earned, '元')}")
    return Problem(
        d.say(
            f"{who}把{capital}元存入银行，定期{years}年，年利率{shown(rate)}%",
            f"年利率是{shown(rate)}%，{who}存{capital}元，存满{years}年",
        ),
        d.say(
            "到期一共能取回多少元？" if whole else d.one(("到期可得利息多少元？", "利息是多少元？")),
            "本金和利息共多少元？" if whole else "能得多少元利息？",
        ),
        tuple(steps),
        shown(capital + earned if whole else earned),
        "元",
    )


def concentration(d: Draw) -> Problem:
    """Strength of a solution, or what must be added."""
    what = d.one(("盐", "糖", "药"))
    share, total = d.whole(4, 40), d.whole(50, 900, 50)
    solved = Fraction(total * share, 100)
    if d.one((True, False)):
        return Problem(
            d.say(f"浓度是{share}%的{what}水有{total}克", f"{total}克{what}水，其中{what}占{share}%"),
            d.say(d.one((f"里面有{what}多少克？", f"含{what}多少克？")), f"{what}有多少克？"),
            (f"{what}的质量：{equation(f'{total}×{share}%', solved, '克')}",),
            shown(solved),
            "克",
        )
    weak = d.one([n for n in range(1, share) if (total * share) % n == 0])
    after = Fraction(total * share, weak)
    return Problem(
        d.say(
            f"浓度是{share}%的{what}水有{total}克，要稀释成浓度是{weak}%的{what}水",
            f"把{total}克{what}水的浓度从{share}%降到{weak}%",
        ),
        d.say(d.one(("要加水多少克？", "应加多少克水？")), "需加多少克水？"),
        (
            f"{what}的质量：{equation(f'{total}×{share}%', solved, '克')}",
            f"稀释后的总质量：{equation(f'{shown(solved)}÷{weak}%', after, '克')}",
            f"加水：{equation(f'{shown(after)}-{total}', after - total, '克')}",
        ),
        shown(after - total),
        "克",
    )


def work_together(d: Draw) -> Problem:
    """A job done together (工程)."""
    a, b = d.one(_DAYS)
    one, two = d.some(("甲队", "乙队", "丙队", "丁队"), 2)
    what = d.one(("一项工程", "一条水渠", "一批零件", "一段公路", "一座小桥", "一面围墙"))
    both = Fraction(1, a) + Fraction(1, b)
    return Problem(
        d.say(f"{what}，{one}单独做{a}天完成，{two}单独做{b}天完成", f"{one}{a}天能做完{what}，{two}要{b}天"),
        d.say(d.one(("两队合做几天完成？", "两队合作需要多少天？")), "一起做要几天？"),
        (
            f"合做一天完成：{equation(f'1/{a}+1/{b}', fraction(both))}",
            f"需要：{equation(f'1÷{bracketed(both)}', fraction(1 / both), '天')}",
        ),
        fraction(1 / both),
        "天",
    )


def by_ratio(d: Draw) -> Problem:
    """Shared out in a ratio."""
    p, q = d.some(range(1, 10), 2)
    share = d.whole(4, 60)
    total = (p + q) * share
    one, two, unit, mixture = d.one(
        (
            ("水泥", "沙子", "千克", "混凝土"),
            ("红糖", "水", "克", "红糖水"),
            ("男生", "女生", "人", "合唱队"),
            ("铜", "锌", "克", "合金"),
            ("面粉", "玉米粉", "克", "面团"),
            ("酵素", "清水", "毫升", "清洁液"),
        )
    )
    verb = "一共有" if unit == "人" else "共配制"
    return Problem(
        d.say(
            f"{mixture}{verb}{total}{unit}，其中{one}与{two}的比是{p}比{q}",
            f"{one}、{two}按{p}比{q}的份数组成{mixture}，总量是{total}{unit}",
        ),
        d.say(d.one((f"{one}有多少{unit}？", f"其中{one}是多少{unit}？")), f"{one}占多少{unit}？"),
        (
            f"总份数：{equation(f'{p}+{q}', p + q, '份')}",
            f"{one}：{equation(f'{total}×({p}/{p + q})', p * share, unit)}",
        ),
        str(p * share),
        unit,
    )


def scale(d: Draw) -> Problem:
    """Real distance from a map."""
    one, two = d.some(PLACES, 2)
    ratio, measured = d.whole(2, 60) * 10000, d.decimal(1, 20)
    real = measured * ratio
    return Problem(
        d.say(
            f"地图的比例尺是1比{ratio}，量得{one}到{two}的距离是{shown(measured)}厘米",
            f"在比例尺1比{ratio}的地图上，{one}和{two}相隔{shown(measured)}厘米",
        ),
        d.say(d.one(("实际距离是多少千米？", "两地实际相距多少千米？")), "实地相隔多少千米？"),
        (
            f"实际距离：{equation(f'{shown(measured)}×{ratio}', real, '厘米')}",
            f"换成千米：{equation(f'{shown(real)}÷100000', real / 100000, '千米')}",
        ),
        shown(real / 100000),
        "千米",
    )


def circle(d: Draw) -> Problem:
    """Circumference or area of a circle, with 3.14 for pi."""
    r, pi = d.whole(2, 40), Fraction(314, 100)
    what, unit = d.one(
        (("花坛", "米"), ("水池", "米"), ("桌面", "分米"), ("铁片", "厘米"), ("草坪", "米"), ("镜子", "厘米"))
    )
    given = d.one((f"半径是{r}", f"直径是{2 * r}"))
    steps = [] if "半径" in given else [f"半径：{equation(f'{2 * r}÷2', r, unit)}"]
    story = d.say(f"一个圆形{what}的{given}{unit}", f"{what}是圆形，{given}{unit}")
    if d.one((True, False)):
        steps.append(f"周长：{equation(f'2×3.14×{r}', 2 * pi * r, unit)}")
        return Problem(
            story,
            d.say("它的周长是多少？（π取3.14）", "它一圈有多长？（π取3.14）"),
            tuple(steps),
            shown(2 * pi * r),
            unit,
        )
    steps.append(f"面积：{equation(f'3.14×{r}×{r}', pi * r * r, f'平方{unit}')}")
    return Problem(
        story,
        d.say("它的面积是多少？（π取3.14）", "它的面有多大？（π取3.14）"),
        tuple(steps),
        shown(pi * r * r),
        f"平方{unit}",
    )


def cylinder(d: Draw) -> Problem:
    """Volume of a cylinder, or of the cone with the same base and height."""
    r, h, pi, cone = d.whole(2, 12), d.whole(3, 30), Fraction(314, 100), d.one((True, False))
    unit, what = d.one(("分米", "厘米")), d.one(("木料", "铁块", "蜡块", "模型", "零件", "石膏"))
    h = h * 3 if cone else h
    base, volume = pi * r * r, pi * r * r * h / (3 if cone else 1)
    rule = f"{shown(base)}×{h}" + ("÷3" if cone else "")
    return Problem(
        d.say(
            f"一个{'圆锥' if cone else '圆柱'}形{what}的底面半径是{r}{unit}，高是{h}{unit}",
            f"{what}是{'圆锥' if cone else '圆柱'}，高{h}{unit}，底面半径{r}{unit}",
        ),
        d.say("它的体积是多少？（π取3.14）", "体积有多大？（π取3.14）"),
        (
            f"底面积：{equation(f'3.14×{r}×{r}', base, f'平方{unit}')}",
            f"体积：{equation(rule, volume, f'立方{unit}')}",
        ),
        shown(volume),
        f"立方{unit}",
    )


def percent_more(d: Draw) -> Problem:
    """By how many percent something grew or shrank."""
    base, share = d.whole(20, 900, 20), d.whole(5, 60, 5)
    more = d.one((True, False))
    gap = Fraction(base * share, 100)
    now = base + gap if more else base - gap
    what, unit = d.one((("产值", "万元"), ("产量", "吨"), ("用水量", "吨"), ("客流量", "万人"), ("销售额", "万元")))
    first, second = d.one((("去年", "今年"), ("上月", "本月"), ("上半年", "下半年"), ("一季度", "二季度")))
    word = "增加" if more else "减少"
    left = f"{shown(now)}-{base}" if more else f"{base}-{shown(now)}"
    return Problem(
        d.say(
            f"{d.one(FACTORIES)}{first}{what}{base}{unit}，{second}{shown(now)}{unit}",
            f"{second}，{d.one(FACTORIES)}的{what}是{shown(now)}{unit}，而{first}是{base}{unit}",
        ),
        d.say(f"{second}比{first}{word}百分之几？", f"{word}的部分占{first}的百分之几？"),
        (
            f"{word}了：{equation(left, gap, unit)}",
            f"{word}百分之几：{equation(f'{shown(gap)}÷{base}', percent(Fraction(share, 100)))}",
        ),
        percent(Fraction(share, 100)),
    )


def tax(d: Draw) -> Problem:
    """Tax on a turnover."""
    turnover, share = d.whole(2000, 90000, 500), d.one((3, 5, 6, 7, 8, 10))
    paid = Fraction(turnover * share, 100)
    shop, net = d.one(("饭店", "书店", "花店", "宾馆", "茶楼", "超市", "理发店")), d.one((True, False))
    steps = [f"应纳税：{equation(f'{turnover}×{share}%', paid, '元')}"]
    if net:
        steps.append(f"税后：{equation(f'{turnover}-{shown(paid)}', turnover - paid, '元')}")
    return Problem(
        d.say(
            f"一家{shop}{d.one(('上月', '本月', '六月份', '十月份'))}营业额是{turnover}元，按{share}%纳税",
            f"{shop}按营业额的{share}%纳税，{d.one(('元月', '三月份', '八月份', '腊月'))}的营业额是{turnover}元",
        ),
        d.say(
            "税后还有多少元？" if net else d.one(("应纳税多少元？", "要缴税多少元？")),
            "缴税后剩多少元？" if net else "税款是多少元？",
        ),
        tuple(steps),
        shown(turnover - paid if net else paid),
        "元",
    )


def proportion(d: Draw) -> Problem:
    """Inverse proportion: tiles of another size, or another load."""
    a, b = d.some(range(2, 13), 2)
    trips = b * d.whole(2, 12)
    total = a * trips
    what = d.one(HEAVY)
    return Problem(
        d.say(f"一批{what}用载重{a}吨的货车运，要运{trips}次", f"{what}每次运{a}吨，{trips}次运完，如果每次运{b}吨"),
        d.say(f"改用载重{b}吨的货车，要运多少次？", "几次运完？"),
        (
            f"{what}的总质量一定：{equation(f'{a}×{trips}', total, '吨')}",
            f"要运：{equation(f'{total}÷{b}', Fraction(total, b), '次')}",
        ),
        shown(Fraction(total, b)),
        "次",
    )


KINDS = (
    ProblemKind("求几分之几", 6, part_of),
    ProblemKind("已知部分求全部", 6, whole_from_part),
    ProblemKind("多几分之几", 6, more_by_fraction),
    ProblemKind("百分率", 6, rate),
    ProblemKind("折扣", 6, discount),
    ProblemKind("利润", 6, profit),
    ProblemKind("利息", 6, interest),
    ProblemKind("浓度", 6, concentration),
    ProblemKind("工程", 6, work_together),
    ProblemKind("按比例分配", 6, by_ratio),
    ProblemKind("比例尺", 6, scale),
    ProblemKind("圆", 6, circle),
    ProblemKind("圆柱圆锥", 6, cylinder),
    ProblemKind("百分数增减", 6, percent_more),
    ProblemKind("纳税", 6, tax),
    ProblemKind("反比例", 6, proportion),
)
