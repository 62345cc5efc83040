"""Grade 5: decimals, areas and volumes, divisors and multiples, fractions, equations."""

import math
from fractions import Fraction

from domains.mathematics.draw import HEAVY, Draw
from domains.mathematics.problem import Problem, ProblemKind, equation, fraction, shown


def price_with_decimals(d: Draw) -> Problem:
    """What two purchases cost together."""
    first, second = d.some(HEAVY, 2)
    p, q, a, b = d.decimal(1, 9), d.decimal(2, 15), d.whole(2, 9), d.decimal(1, 6)
    return Problem(
        d.say(
            f"{d.person()}买了{a}千克{first}和{shown(b)}千克{second}，{first}每千克{shown(p)}元，{second}每千克{shown(q)}元",
            f"{first}每千克{shown(p)}元，买{a}千克，{second}每千克{shown(q)}元，买{shown(b)}千克",
        ),
        d.say(d.one(("一共要付多少元？", "一共花了多少元？")), f"{d.person()}共需付多少元？"),
        (
            f"{first}：{equation(f'{shown(p)}×{a}', p * a, '元')}",
            f"{second}：{equation(f'{shown(q)}×{shown(b)}', q * b, '元')}",
            f"一共：{equation(f'{shown(p * a)}+{shown(q * b)}', p * a + q * b, '元')}",
        ),
        shown(p * a + q * b),
        "元",
    )


def unit_price(d: Draw) -> Problem:
    """Which of two costs more per kilogram."""
    what, (a, b) = d.one(HEAVY), d.some(range(2, 13), 2)
    low, gap = d.decimal(1, 12), d.decimal(0, 4)
    one, two = d.some(("甲店", "乙店", "丙店", "丁店"), 2)
    dear, cheap = (low + gap) * a, low * b
    return Problem(
        d.say(
            f"{one}{a}千克{what}卖{shown(dear)}元，{two}{b}千克{what}卖{shown(cheap)}元",
            f"同样的{what}，在{one}买{a}千克要{shown(dear)}元，在{two}买{b}千克要{shown(cheap)}元",
        ),
        d.say(f"{one}每千克比{two}贵多少元？", f"{one}的单价高多少元？"),
        (
            f"{one}每千克：{equation(f'{shown(dear)}÷{a}', low + gap, '元')}",
            f"{two}每千克：{equation(f'{shown(cheap)}÷{b}', low, '元')}",
            f"相差：{equation(f'{shown(low + gap)}-{shown(low)}', gap, '元')}",
        ),
        shown(gap),
        "元",
    )


def stepped_price(d: Draw) -> Problem:
    """A taxi: a base fare for the first kilometres, then per kilometre."""
    first, base, rate, more = d.whole(2, 4), d.whole(7, 14), d.decimal(1, 4), d.whole(2, 20)
    far = first + more
    return Problem(
        d.say(
            f"出租车{first}千米以内收{base}元，超过的部分每千米收{shown(rate)}元，{d.person()}坐了{far}千米",
            f"{d.person()}乘出租车行了{far}千米，起步价{base}元含{first}千米，以后每千米{shown(rate)}元",
        ),
        d.say(d.one(("要付多少元车费？", "应付车费多少元？")), "他的车费是多少元？"),
        (
            f"超过：{equation(f'{far}-{first}', more, '千米')}",
            f"超过部分的钱：{equation(f'{shown(rate)}×{more}', rate * more, '元')}",
            f"一共：{equation(f'{base}+{shown(rate * more)}', base + rate * more, '元')}",
        ),
        shown(base + rate * more),
        "元",
    )


def triangle_area(d: Draw) -> Problem:
    """Area of a triangle or of a parallelogram, and what grows on it."""
    a, h, triangle = d.whole(6, 80), d.whole(4, 50), d.one((True, False))
    area = Fraction(a * h, 2 if triangle else 1)
    shape, rule = ("三角形", f"{a}×{h}÷2") if triangle else ("平行四边形", f"{a}×{h}")
    what, unit = d.one((("花圃", "米"), ("彩纸", "厘米"), ("麦田", "米"), ("广告牌", "分米"), ("玻璃", "分米")))
    return Problem(
        d.say(f"一块{shape}{what}的底是{a}{unit}，高是{h}{unit}", f"{what}呈{shape}，量得底{a}{unit}、高{h}{unit}"),
        d.say(d.one((f"它的面积是多少平方{unit}？", "面积是多少？")), f"{what}有多少平方{unit}？"),
        (f"{shape}的面积：{equation(rule, area, f'平方{unit}')}",),
        shown(area),
        f"平方{unit}",
    )


def trapezium_area(d: Draw) -> Problem:
    """Area of a trapezium."""
    a, h = d.whole(4, 40), d.whole(4, 40)
    b = a + d.whole(2, 30)
    area = Fraction((a + b) * h, 2)
    what, unit = d.one((("堤坝的横截面", "米"), ("菜地", "米"), ("水渠的横截面", "分米"), ("纸板", "厘米")))
    return Problem(
        d.say(
            f"{what}是梯形，上底{a}{unit}，下底{b}{unit}，高{h}{unit}",
            f"梯形的{what}高{h}{unit}，两底分别是{a}{unit}和{b}{unit}",
        ),
        d.say(d.one((f"面积是多少平方{unit}？", "它的面积是多少？")), f"算出它的面积是多少平方{unit}？"),
        (
            f"上底与下底的和：{equation(f'{a}+{b}', a + b, unit)}",
            f"面积：{equation(f'{a + b}×{h}÷2', area, f'平方{unit}')}",
        ),
        shown(area),
        f"平方{unit}",
    )


def cuboid(d: Draw) -> Problem:
    """Volume or surface of a cuboid."""
    a, b, c = d.whole(5, 40), d.whole(3, 30), d.whole(2, 25)
    what, unit = d.one((("木箱", "分米"), ("纸箱", "厘米"), ("石料", "分米"), ("仓库", "米"), ("铁盒", "厘米")))
    story = d.say(
        f"一个长方体{what}长{a}{unit}、宽{b}{unit}、高{c}{unit}",
        f"{what}是长方体，棱长分别是{a}{unit}、{b}{unit}和{c}{unit}",
    )
    if d.one((True, False)):
        volume = equation(f"{a}×{b}×{c}", a * b * c, f"立方{unit}")
        return Problem(
            story,
            d.say("它的体积是多少？", f"{what}占多大的空间？"),
            (f"长×宽×高，体积：{volume}",),
            str(a * b * c),
            f"立方{unit}",
        )
    half = a * b + a * c + b * c
    steps = (
        f"三个不同面的面积和：{equation(f'{a}×{b}+{a}×{c}+{b}×{c}', half, f'平方{unit}')}",
        f"六个面：{equation(f'{half}×2', 2 * half, f'平方{unit}')}",
    )
    return Problem(story, d.say("它的表面积是多少？", f"{what}六个面共多大？"), steps, str(2 * half), f"平方{unit}")


def sunken_stone(d: Draw) -> Problem:
    """A stone's volume from the rise of the water."""
    a, b, rise = d.whole(10, 60), d.whole(8, 40), d.decimal(0, 6)
    what = d.one(("石块", "铁块", "土豆", "苹果", "铜块", "鹅卵石"))
    volume = a * b * rise
    return Problem(
        d.say(
            f"长方体水槽长{a}厘米、宽{b}厘米，把一个{what}浸没在水里，水面上升{shown(rise)}厘米",
            f"水槽底面长{a}厘米、宽{b}厘米，放入{what}完全浸没后，水位升高{shown(rise)}厘米",
        ),
        d.say(d.one((f"{what}的体积是多少立方厘米？", f"这个{what}的体积是多少？")), f"{what}占多少立方厘米？"),
        (
            f"水槽的底面积：{equation(f'{a}×{b}', a * b, '平方厘米')}",
            f"上升的水的体积：{equation(f'{a * b}×{shown(rise)}', volume, '立方厘米')}",
        ),
        shown(volume),
        "立方厘米",
    )


def fractions_together(d: Draw) -> Problem:
    """Fractions with different denominators."""
    a = d.proper_fraction()
    others = [Fraction(n, m) for m in range(2, 11) for n in range(1, m) if m != a.denominator]
    b = d.one([other for other in others if a + other < 1])
    left = 1 - a - b
    what, verb = d.one(
        (("一条路", "修了"), ("一批货", "运走"), ("一块地", "耕了"), ("一本书", "看了"), ("一篇稿件", "打了"))
    )
    days = d.one((("第一天", "第二天"), ("上午", "下午"), ("第一周", "第二周"), ("昨天", "今天")))
    return Problem(
        d.say(
            f"{what}，{days[0]}{verb}全部的{a}，{days[1]}{verb}全部的{b}",
            f"{days[0]}{verb}{what}的{a}，{days[1]}又{verb}它的{b}",
        ),
        d.say("还剩全部的几分之几？", "剩下的是它的几分之几？"),
        (
            f"两次一共：{equation(f'{a}+{b}', fraction(a + b))}",
            f"还剩：{equation(f'1-{fraction(a + b)}', fraction(left))}",
        ),
        fraction(left),
    )


def equation_in_x(d: Draw) -> Problem:
    """A number described by what is done to it."""
    x, k, b = d.whole(5, 60), d.whole(2, 9), d.whole(3, 60)
    more = d.one((True, False)) or k * x <= b
    total = k * x + b if more else k * x - b
    one, two = d.one((("小说", "诗集"), ("科技书", "连环画"), ("足球", "篮球"), ("苹果树", "梨树"), ("男生", "女生")))
    unit = {"小说": "本", "科技书": "本", "足球": "个", "苹果树": "棵", "男生": "人"}[one]
    back, sign = (total - b, "-") if more else (total + b, "+")
    place = d.one(("学校", "少年宫", "社区", "农场", "俱乐部"))
    return Problem(
        d.say(
            f"{place}有{one}{total}{unit}，比{two}的{k}倍{'多' if more else '少'}{b}{unit}",
            f"{one}的数量是{total}{unit}，恰好比{two}的{k}倍{'多' if more else '少'}{b}{unit}",
        ),
        d.say(d.one((f"{two}有多少{unit}？", f"有{two}多少{unit}？")), f"{two}是多少{unit}？"),
        (
            f"设{two}有x{unit}，它的{k}倍：{equation(f'{total}{sign}{b}', back, unit)}",
            f"{two}：{equation(f'{back}÷{k}', x, unit)}",
        ),
        str(x),
        unit,
    )


def largest_square(d: Draw) -> Problem:
    """The greatest common divisor: squares cut from a rectangle."""
    side = d.whole(3, 15)
    m, n = d.one([(m, n) for m in range(2, 12) for n in range(1, m) if math.gcd(m, n) == 1])
    a, b, what = side * m, side * n, d.one(("彩纸", "布料", "铁皮", "木板", "红纸", "玻璃"))
    return Problem(
        d.say(
            f"把长{a}厘米、宽{b}厘米的{what}剪成同样大的正方形且没有剩余",
            f"{what}长{a}厘米、宽{b}厘米，要裁成一样大的正方形，不许有剩余",
        ),
        d.say(d.one(("最少能剪多少个？", "至少剪成多少个？")), "最少裁出多少个？"),
        (
            f"{a}和{b}的最大公因数是{side}，就是正方形的边长",
            f"长边剪：{equation(f'{a}÷{side}', m, '个')}",
            f"宽边剪：{equation(f'{b}÷{side}', n, '个')}",
            f"一共：{equation(f'{m}×{n}', m * n, '个')}",
        ),
        str(m * n),
        "个",
    )


def next_together(d: Draw) -> Problem:
    """The least common multiple: when both happen again."""
    a, b = d.some(range(4, 31), 2)
    common = math.gcd(a, b)
    both = a * b // common
    what, unit, verb = d.one(
        (
            ("路车", "分钟", "发一次车"),
            ("号灯", "秒", "闪一次"),
            ("号闹钟", "分钟", "响一次"),
            ("号喷泉", "秒", "喷一次"),
        )
    )
    one, two = d.some(range(1, 10), 2)
    return Problem(
        d.say(
            f"{one}{what}每{a}{unit}{verb}，{two}{what}每{b}{unit}{verb}，刚才同时{verb[0]}了一次",
            f"{one}{what}和{two}{what}刚刚一起{verb}，间隔分别是{a}{unit}和{b}{unit}",
        ),
        d.say(f"再过多少{unit}又同时{verb}？", f"再次同时发生要等多少{unit}？"),
        (
            f"{a}和{b}的最大公因数是{common}",
            f"最小公倍数：{equation(f'{a}×{b}÷{common}', both, unit)}",
        ),
        str(both),
        unit,
    )


KINDS = (
    ProblemKind("小数购物", 5, price_with_decimals),
    ProblemKind("小数单价", 5, unit_price),
    ProblemKind("分段计费", 5, stepped_price),
    ProblemKind("三角形面积", 5, triangle_area),
    ProblemKind("梯形面积", 5, trapezium_area),
    ProblemKind("长方体", 5, cuboid),
    ProblemKind("浸没", 5, sunken_stone),
    ProblemKind("异分母分数", 5, fractions_together),
    ProblemKind("列方程", 5, equation_in_x),
    ProblemKind("最大公因数", 5, largest_square),
    ProblemKind("最小公倍数", 5, next_together),
)
