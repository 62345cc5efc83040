"""Grade 3: two steps, weight, perimeter and area, sums and multiples, first fractions."""

from fractions import Fraction

from domains.mathematics.draw import GROUPS, HEAVY, TREES, Draw
from domains.mathematics.problem import Problem, ProblemKind, equation, fraction


def unit_first(d: Draw) -> Problem:
    """First one, then many (归一)."""
    name, (noun, unit) = d.person(), d.goods()
    each, few = d.whole(3, 25), d.whole(2, 9)
    many = few + d.whole(1, 12)
    return Problem(
        d.say(
            d.one(
                (
                    f"{name}买{few}{unit}{noun}花了{each * few}元",
                    f"{name}花{each * few}元买了{few}{unit}{noun}",
                    f"买{few}{unit}{noun}用{each * few}元",
                    f"{noun}{few}{unit}卖{each * few}元",
                )
            ),
            f"{few}{unit}{noun}的总价是{each * few}元，{name}需要{many}{unit}",
        ),
        d.say(
            d.one(
                (
                    f"照这样计算，买{many}{unit}要多少元？",
                    f"这样买{many}{unit}用多少元？",
                    f"那么{many}{unit}卖多少元？",
                    f"{many}{unit}这样的{noun}是多少元？",
                )
            ),
            "按同样的单价要付多少元？",
        ),
        (
            f"每{unit}的价钱：{equation(f'{each * few}÷{few}', each, '元')}",
            f"{many}{unit}的价钱：{equation(f'{each}×{many}', each * many, '元')}",
        ),
        str(each * many),
        "元",
    )


def total_first(d: Draw) -> Problem:
    """First the whole, then its parts (归总)."""
    days = d.whole(4, 12)
    other = d.one([n for n in range(2, 16) if n != days])
    rate = other * d.whole(2, 9)
    total = rate * days
    what, unit, verb = d.one((("一本书", "页", "看"), ("一篇字帖", "个字", "写"), ("一批零件", "个", "做")))
    return Problem(
        d.say(
            d.one(
                (
                    f"{d.person()}{verb}{what}，每天{verb}{rate}{unit}，{days}天{verb}完",
                    f"{d.person()}{days}天{verb}完{what}，平均一天{verb}{rate}{unit}",
                    f"{what}要{verb}{days}天，一天{verb}{rate}{unit}",
                )
            ),
            f"{what}每天{verb}{rate}{unit}，正好{days}天{verb}完，{d.person()}想改成{other}天",
        ),
        d.say(
            d.one(
                (
                    f"如果要{other}天{verb}完，每天要{verb}多少{unit}？",
                    f"改成{other}天，每天{verb}几{unit}？",
                    f"想{other}天{verb}完，一天该{verb}多少{unit}？",
                )
            ),
            f"那么一天要{verb}多少{unit}？",
        ),
        (
            f"总数：{equation(f'{rate}×{days}', total, unit)}",
            f"每天：{equation(f'{total}÷{other}', Fraction(total, other), unit)}",
        ),
        str(total // other),
        unit,
    )


def rectangle_perimeter(d: Draw) -> Problem:
    """Perimeter of a rectangle."""
    b = d.whole(3, 60)
    a = b + d.whole(2, 50)
    what, along = d.one((("花坛", "围上栏杆"), ("菜地", "围上篱笆"), ("操场", "跑一圈"), ("鱼塘", "围上护栏")))
    return Problem(
        d.say(
            d.one(
                (
                    f"一个长方形{what}长{a}米，宽{b}米",
                    f"{what}是长方形，宽{b}米，长{a}米",
                    f"有个长{a}米、宽{b}米的长方形{what}",
                    f"长方形{what}宽{b}米，长{a}米",
                )
            ),
            f"长方形{what}的长是{a}米，宽比较短，是{b}米",
        ),
        d.say(
            d.one((f"沿着它的四周{along}，要多少米？", f"给它{along}，共需几米？", f"{what}的周长有多少米？"))
            if along != "跑一圈"
            else d.one(("沿着它的边跑一圈是多少米？", f"{what}的周长有多少米？")),
            "它一周的长度是多少米？",
        ),
        (
            f"长与宽的和：{equation(f'{a}+{b}', a + b, '米')}",
            f"周长：{equation(f'{a + b}×2', 2 * (a + b), '米')}",
        ),
        str(2 * (a + b)),
        "米",
    )


def rectangle_area(d: Draw) -> Problem:
    """A harvest from a rectangular field."""
    a, b, each = d.whole(6, 40), d.whole(3, 25), d.whole(2, 9)
    crop = d.one(("白菜", "萝卜", "土豆", "玉米", "草莓", "花生"))
    return Problem(
        d.say(
            d.one(
                (
                    f"一块长方形菜地长{a}米，宽{b}米，每平方米收{crop}{each}千克",
                    f"{crop}每平方米收{each}千克，地是长方形，长{a}米，宽{b}米",
                    f"{crop}地长{a}米、宽{b}米，每平方米收{each}千克",
                    f"宽{b}米、长{a}米的地，每平方米能收{each}千克{crop}",
                )
            ),
            f"长{a}米、宽{b}米的长方形地里种{crop}，一平方米产{each}千克",
        ),
        d.say(
            d.one(
                (
                    f"这块地共收{crop}多少千克？",
                    "一共能收多少千克？",
                    f"总共收多少千克{crop}？",
                    f"全部{crop}重多少千克？",
                )
            ),
            f"整块地产{crop}多少千克？",
        ),
        (
            f"菜地的面积：{equation(f'{a}×{b}', a * b, '平方米')}",
            f"一共收：{equation(f'{a * b}×{each}', a * b * each, '千克')}",
        ),
        str(a * b * each),
        "千克",
    )


def seats(d: Draw) -> Problem:
    """Are the seats enough, and how many are left?"""
    rows, each = d.whole(12, 40), d.whole(11, 36)
    total = rows * each
    empty = d.whole(5, 99)
    people = total - empty
    place = d.one(("礼堂", "电影院", "剧场", "报告厅", "体育馆"))
    return Problem(
        d.say(
            d.one(
                (
                    f"{place}有{rows}排座位，每排{each}个，来了{people}名观众",
                    f"{place}每排{each}个座位，共{rows}排，坐了{people}人",
                    f"{place}来了{people}人，座位有{rows}排，每排{each}个",
                    f"{place}里{rows}排座位，每排能坐{each}人，已有{people}人",
                )
            ),
            f"{people}名观众坐进{place}，那里有{rows}排，一排{each}座",
        ),
        d.say(
            d.one(("还空着多少个座位？", "空座位有多少个？", "还有几个空位？", "还能再坐多少人？")),
            "没人坐的座位有多少个？",
        ),
        (
            f"座位总数：{equation(f'{rows}×{each}', total, '个')}",
            f"空座位：{equation(f'{total}-{people}', empty, '个')}",
        ),
        str(empty),
        "个",
    )


def fraction_left(d: Draw) -> Problem:
    """Fractions with one denominator."""
    n = d.whole(5, 12)
    a = d.whole(1, n - 2)
    b = d.whole(1, n - a - 1)
    left = Fraction(n - a - b, n)
    what = d.one(("一块蛋糕", "一个西瓜", "一个月饼", "一张比萨", "一瓶果汁", "一块巧克力", "一根彩带"))
    one, two = d.some(("爸爸", "妈妈", "哥哥", "姐姐", "爷爷", "奶奶"), 2)
    verb = "用去" if "彩带" in what else "喝了" if "果汁" in what else "吃了"
    return Problem(
        d.say(
            d.one(
                (
                    f"{what}，{one}{verb}它的{a}/{n}，{two}{verb}它的{b}/{n}",
                    f"有{what}，{one}先{verb}{a}/{n}，{two}又{verb}{b}/{n}",
                    f"{what}被{one}{verb}{a}/{n}，被{two}{verb}{b}/{n}",
                )
            ),
            f"{one}和{two}分{what}，{one}{verb}{a}/{n}，{two}{verb}{b}/{n}",
        ),
        d.say(d.one(("还剩几分之几？", "剩下几分之几？", "剩下的是它的几分之几？")), "剩下的占几分之几？"),
        (
            f"两人共{verb}：{equation(f'{a}/{n}+{b}/{n}', f'{a + b}/{n}')}",
            f"还剩：{equation(f'1-{a + b}/{n}', fraction(left))}",
        ),
        fraction(left),
    )


def grams(d: Draw) -> Problem:
    """Kilograms and grams."""
    kilograms, packs = d.whole(2, 9), d.one((2, 4, 5, 8, 10, 20, 25, 40, 50))
    whole = kilograms * 1000
    what = d.one(HEAVY)
    return Problem(
        d.say(
            d.one(
                (
                    f"{d.person()}把{kilograms}千克{what}平均装成{packs}袋",
                    f"{packs}袋{what}同样重，合计{kilograms}千克",
                    f"{what}{kilograms}千克，{d.person()}装了同样的{packs}袋",
                )
            ),
            f"{what}共{kilograms}千克，平均分装{packs}袋",
        ),
        d.say(d.one(("每袋重多少克？", "每袋装多少克？", "每袋是几克？", f"每袋{what}有多少克？")), "一袋是多少克？"),
        (
            f"换成克：{equation(f'{kilograms}×1000', whole, '克')}",
            f"每袋：{equation(f'{whole}÷{packs}', Fraction(whole, packs), '克')}",
        ),
        str(whole // packs),
        "克",
    )


def sum_and_multiple(d: Draw) -> Problem:
    """Sum and multiple are known (和倍)."""
    first, second = d.some(TREES, 2)
    small, k = d.whole(6, 90), d.whole(2, 6)
    total = small * (k + 1)
    return Problem(
        d.say(
            f"果园里{first}和{second}一共有{total}棵，{second}的棵数是{first}的{k}倍",
            f"{first}与{second}合起来是{total}棵，其中{second}是{first}的{k}倍",
        ),
        d.say(f"{first}有多少棵？", f"{first}种了多少棵？"),
        (
            f"{first}是1份，{second}是{k}份，共有：{equation(f'1+{k}', k + 1, '份')}",
            f"{first}：{equation(f'{total}÷{k + 1}', small, '棵')}",
        ),
        str(small),
        "棵",
    )


def difference_and_multiple(d: Draw) -> Problem:
    """Difference and multiple are known (差倍)."""
    first, second = d.some(GROUPS, 2)
    small, k = d.whole(5, 60), d.whole(2, 6)
    gap = small * (k - 1)
    (noun, unit) = d.goods()
    steps = [f"{second}比{first}多的份数：{equation(f'{k}-1', k - 1, '份')}"]
    steps.append(f"{first}：{equation(f'{gap}÷{k - 1}', small, unit)}")
    return Problem(
        d.say(
            d.one(
                (
                    f"{second}的{noun}比{first}多{gap}{unit}，正好是{first}的{k}倍",
                    f"{second}的{noun}是{first}的{k}倍，多了{gap}{unit}",
                    f"比起{first}，{second}的{noun}多{gap}{unit}，是{k}倍",
                    f"{first}的{noun}比{second}少{gap}{unit}，{second}是它的{k}倍",
                )
            ),
            f"{noun}的数量，{second}是{first}的{k}倍，比{first}多出{gap}{unit}",
        ),
        d.say(
            d.one((f"{first}有{noun}多少{unit}？", f"{first}有多少{unit}？", f"{first}有几{unit}{noun}？")),
            f"{first}的{noun}是多少{unit}？",
        ),
        tuple(steps),
        str(small),
        unit,
    )


def sum_and_difference(d: Draw) -> Problem:
    """Sum and difference are known (和差)."""
    one, two = d.some(("甲", "乙", "丙", "丁"), 2)
    small, gap = d.whole(8, 90), d.whole(2, 40)
    large, (noun, unit) = small + gap, d.one((("粮仓", "吨"), ("书架", "本"), ("水池", "吨"), ("车间", "人")))
    total = small + large
    return Problem(
        d.say(
            d.one(
                (
                    f"{one}、{two}两个{noun}共有{total}{unit}，{one}{noun}比{two}{noun}多{gap}{unit}",
                    f"{one}{noun}和{two}{noun}一共{total}{unit}，{one}比{two}多{gap}{unit}",
                    f"两个{noun}{one}和{two}，{one}多{gap}{unit}，总数{total}{unit}",
                    f"{two}{noun}比{one}{noun}少{gap}{unit}，两个共{total}{unit}",
                )
            ),
            f"{one}{noun}比{two}{noun}多{gap}{unit}，合在一起是{total}{unit}",
        ),
        d.say(
            d.one((f"{one}{noun}有多少{unit}？", f"{one}有几{unit}？", f"{one}{noun}里有多少{unit}？")),
            f"{one}{noun}是多少{unit}？",
        ),
        (
            f"两倍的{one}{noun}：{equation(f'{total}+{gap}', total + gap, unit)}",
            f"{one}{noun}：{equation(f'{total + gap}÷2', large, unit)}",
        ),
        str(large),
        unit,
    )


KINDS = (
    ProblemKind("归一", 3, unit_first),
    ProblemKind("归总", 3, total_first),
    ProblemKind("长方形周长", 3, rectangle_perimeter),
    ProblemKind("长方形面积", 3, rectangle_area),
    ProblemKind("座位", 3, seats),
    ProblemKind("同分母分数", 3, fraction_left),
    ProblemKind("质量换算", 3, grams),
    ProblemKind("和倍", 3, sum_and_multiple),
    ProblemKind("差倍", 3, difference_and_multiple),
    ProblemKind("和差", 3, sum_and_difference),
)
