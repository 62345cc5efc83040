"""Grade 4: travel, averages and the classical problems."""

from domains.mathematics.draw import PLACES, TREES, VEHICLES, Draw
from domains.mathematics.problem import Problem, ProblemKind, equation


def trees_along_a_road(d: Draw) -> Problem:
    """Planting along a road, with trees at both ends, one end or none."""
    gap, parts = d.whole(2, 12), d.whole(10, 90)
    length = gap * parts
    ends, extra, sign = d.one((("两端都种", 1, "+1"), ("两端都不种", -1, "-1"), ("只种一端", 0, "")))
    road, tree = d.one(("小路", "公路", "河堤", "马路", "跑道", "大街")), d.one(TREES)
    last = f"{ends}，棵数：{equation(f'{parts}{sign}', parts + extra, '棵')}"
    steps = [f"间隔数：{equation(f'{length}÷{gap}', parts, '个')}", *([last] if sign else [])]
    return Problem(
        d.say(
            f"在长{length}米的{road}一侧每隔{gap}米种一棵{tree}，{ends}",
            f"{road}长{length}米，要在一边种{tree}，间隔{gap}米，{ends}",
        ),
        d.say(d.one(("一共要种多少棵？", f"要种{tree}多少棵？")), "需要多少棵树苗？"),
        tuple(steps),
        str(parts + extra),
        "棵",
    )


def distance(d: Draw) -> Problem:
    """How far, when the speed changes."""
    vehicle, (start, end) = d.one(VEHICLES), d.some(PLACES, 2)
    a, b, c, e = d.whole(30, 99), d.whole(2, 6), d.whole(30, 99), d.whole(2, 5)
    return Problem(
        d.say(
            f"一辆{vehicle}从{start}开往{end}，先以每小时{a}千米行了{b}小时，再以每小时{c}千米行了{e}小时到达",
            f"{vehicle}去{end}，开头{b}小时的速度是每小时{a}千米，后来{e}小时的速度是每小时{c}千米",
        ),
        d.say(f"{d.one(('全程有', '两地相距', '一共行了'))}多少千米？", f"从{start}到{end}的路有多少千米？"),
        (
            f"前一段：{equation(f'{a}×{b}', a * b, '千米')}",
            f"后一段：{equation(f'{c}×{e}', c * e, '千米')}",
            f"全程：{equation(f'{a * b}+{c * e}', a * b + c * e, '千米')}",
        ),
        str(a * b + c * e),
        "千米",
    )


def there_and_back(d: Draw) -> Problem:
    """Another speed on the way back."""
    vehicle, (start, end) = d.one(VEHICLES), d.some(PLACES, 2)
    (hours, back), t = d.some(range(3, 8), 2), d.whole(10, 16)
    slow, way = back * t, back * t * hours
    return Problem(
        d.say(
            f"{vehicle}从{start}到{end}每小时行{slow}千米，{hours}小时到达，返回时用了{back}小时",
            f"{vehicle}去{end}用了{hours}小时，速度是每小时{slow}千米，沿原路回{start}要{back}小时",
        ),
        d.say(d.one(("返回时每小时行多少千米？", "返回的速度是每小时多少千米？")), "回来时的时速是多少千米？"),
        (
            f"路程：{equation(f'{slow}×{hours}', way, '千米')}",
            f"返回的速度：{equation(f'{way}÷{back}', way // back, '千米')}",
        ),
        str(way // back),
        "千米",
    )


def meeting(d: Draw) -> Problem:
    """Two start towards each other."""
    first, second = d.some(VEHICLES, 2)
    a, b, hours = d.whole(40, 99), d.whole(40, 99), d.whole(2, 9)
    start, end = d.some(PLACES, 2)
    way = (a + b) * hours
    return Problem(
        d.say(
            f"{start}和{end}相距{way}千米，{first}每小时行{a}千米，{second}每小时行{b}千米，两车同时从两地相对开出",
            f"{first}从{start}、{second}从{end}同时出发，相向而行，时速分别是{a}千米和{b}千米，全程{way}千米",
        ),
        d.say(d.one(("几小时后相遇？", "经过多少小时相遇？")), "两车几小时碰面？"),
        (
            f"速度和：{equation(f'{a}+{b}', a + b, '千米')}",
            f"相遇时间：{equation(f'{way}÷{a + b}', hours, '小时')}",
        ),
        str(hours),
        "小时",
    )


def catching_up(d: Draw) -> Problem:
    """One starts later and catches up."""
    name = d.person()
    other = d.one(("爸爸", "妈妈", "哥哥", "姐姐", "叔叔"))
    slow, head = d.whole(40, 90), d.whole(2, 20)
    lead = slow * head
    gain = d.one([g for g in range(20, 200) if lead % g == 0 and lead // g <= 40])
    minutes = lead // gain
    fast = slow + gain
    return Problem(
        d.say(
            f"{name}每分钟走{slow}米，走了{head}分钟后，{other}骑车以每分钟{fast}米的速度去追",
            f"{name}步行，速度是每分钟{slow}米，{head}分钟以后{other}沿同一条路追赶，速度是每分钟{fast}米",
        ),
        d.say(d.one((f"{other}几分钟能追上{name}？", "多少分钟可以追上？")), f"追到{name}要几分钟？"),
        (
            f"相差的路程：{equation(f'{slow}×{head}', lead, '米')}",
            f"速度差：{equation(f'{fast}-{slow}', gain, '米')}",
            f"追上的时间：{equation(f'{lead}÷{gain}', minutes, '分钟')}",
        ),
        str(minutes),
        "分钟",
    )


def average(d: Draw) -> Problem:
    """The mean of several numbers."""
    what, unit, low, high = d.one(
        (("跳绳", "下", 60, 180), ("数学考试", "分", 60, 96), ("跳远", "厘米", 120, 260), ("背单词", "个", 10, 60))
    )
    number = d.whole(3, 5)
    values = [d.whole(low, high) for _ in range(number)]
    values[-1] += -sum(values) % number
    total, mean = sum(values), sum(values) // number
    listed = "、".join(f"{v}{unit}" for v in values)
    return Problem(
        d.say(f"{d.person()}{number}次{what}的成绩是{listed}", f"{listed}，这是{d.person()}{number}次{what}的成绩"),
        d.say(d.one((f"平均每次多少{unit}？", "平均成绩是多少？")), f"它们的平均数是多少{unit}？"),
        (
            f"总数：{equation('+'.join(map(str, values)), total, unit)}",
            f"平均数：{equation(f'{total}÷{number}', mean, unit)}",
        ),
        str(mean),
        unit,
    )


def chickens_and_rabbits(d: Draw) -> Problem:
    """Heads and legs (鸡兔同笼), by assuming that all are of one kind."""
    few, many, low, high, head, leg = d.one(
        (
            ("鸡", "兔", 2, 4, "头", "脚"),
            ("三轮车", "小汽车", 3, 4, "辆", "轮子"),
            ("自行车", "三轮车", 2, 3, "辆", "轮子"),
            ("小船", "大船", 4, 6, "条", "座位"),
            ("两人桌", "五人桌", 2, 5, "张", "座位"),
        )
    )
    a, b = d.whole(3, 40), d.whole(3, 40)
    heads, legs = a + b, a * low + b * high
    counted = f"{heads}个头、{legs}只脚" if few == "鸡" else f"共{heads}{head}、{legs}个{leg}"
    unit = "只" if few == "鸡" else head
    rules = f"{few}一{head}{low}个{leg}，{many}一{head}{high}个"
    rule = "" if few == "鸡" else f"，每{head}{few}有{low}个{leg}，每{head}{many}有{high}个"
    more = legs - heads * low
    return Problem(
        d.say(
            f"{few}和{many}{counted}{rule}",
            f"笼中{few}{many}数头{heads}个，数脚{legs}只"
            if few == "鸡"
            else f"{few}、{many}合计{heads}{head}，{leg}合计{legs}个，{rules}",
        ),
        d.say(f"{many}有多少{unit}？", f"其中{many}多少{unit}？"),
        (
            f"假设全是{few}：{equation(f'{heads}×{low}', heads * low)}",
            f"比实际少：{equation(f'{legs}-{heads * low}', more)}",
            f"一{unit}{many}比一{unit}{few}多：{equation(f'{high}-{low}', high - low)}",
            f"{many}：{equation(f'{more}÷{high - low}', b, unit)}",
        ),
        str(b),
        unit,
    )


def surplus_and_shortage(d: Draw) -> Problem:
    """Too many with one share, too few with another (盈亏)."""
    (noun, unit), who = d.goods(), d.one(("名同学", "个小朋友", "位老师", "名队员"))
    people, less = d.whole(5, 40), d.whole(2, 9)
    gap = d.whole(1, 4)
    over = d.whole(1, people - 1)
    short = people * gap - over
    return Problem(
        d.say(
            f"把一些{noun}分给{who[1:]}，每人{less}{unit}多{over}{unit}，每人{less + gap}{unit}少{short}{unit}",
            f"给{who[1:]}发{noun}，每人发{less}{unit}就剩{over}{unit}，每人发{less + gap}{unit}就缺{short}{unit}",
        ),
        d.say(f"一共有多少{who}？", f"{who[1:]}有多少{who[0]}？"),
        (
            f"两次相差：{equation(f'{over}+{short}', over + short, unit)}",
            f"每人相差：{equation(f'{less + gap}-{less}', gap, unit)}",
            f"人数：{equation(f'{over + short}÷{gap}', people, '人')}",
        ),
        str(people),
        who[0],
    )


def ages(d: Draw) -> Problem:
    """When one is k times as old as the other (年龄)."""
    name, elder = d.person(), d.one(("爸爸", "妈妈", "叔叔", "姑姑", "老师"))
    then, k = d.one([(n, k) for n in range(5, 21) for k in (3, 4, 5, 6) if 20 <= n * (k - 1) <= 40])
    years, gap = d.whole(1, 4), then * (k - 1)
    young = then - years
    return Problem(
        d.say(f"{name}今年{young}岁，{elder}今年{young + gap}岁", f"今年{elder}{young + gap}岁，{name}{young}岁"),
        d.say(f"几年后{elder}的年龄是{name}的{k}倍？", f"再过几年，{elder}的岁数正好是{name}的{k}倍？"),
        (
            f"年龄差不变：{equation(f'{young + gap}-{young}', gap, '岁')}",
            f"差是{k}-1份，那时{name}的年龄：{equation(f'{gap}÷({k}-1)', then, '岁')}",
            f"经过：{equation(f'{then}-{young}', years, '年')}",
        ),
        str(years),
        "年",
    )


def square_formation(d: Draw) -> Problem:
    """The outermost ring of a square (方阵)."""
    side, what = d.whole(5, 60), d.one(("学生", "士兵", "运动员", "演员", "队员"))
    ring = 4 * (side - 1)
    return Problem(
        d.say(
            f"{d.one(('运动会上', '联欢会上', '开幕式上', '校庆那天', '国庆节'))}，{what}排成每边{side}人的实心方阵",
            f"{what}站成实心方阵，每边站{side}人",
        ),
        d.say(d.one(("最外层一共有多少人？", "最外一圈有多少人？")), "站在最外圈的有多少人？"),
        (
            f"每边去掉一个角：{equation(f'{side}-1', side - 1, '人')}",
            f"最外层：{equation(f'{side - 1}×4', ring, '人')}",
        ),
        str(ring),
        "人",
    )


KINDS = (
    ProblemKind("植树", 4, trees_along_a_road),
    ProblemKind("行程", 4, distance),
    ProblemKind("往返", 4, there_and_back),
    ProblemKind("相遇", 4, meeting),
    ProblemKind("追及", 4, catching_up),
    ProblemKind("平均数", 4, average),
    ProblemKind("鸡兔同笼", 4, chickens_and_rabbits),
    ProblemKind("盈亏", 4, surplus_and_shortage),
    ProblemKind("年龄", 4, ages),
    ProblemKind("方阵", 4, square_formation),
)
