"""Grade 1: one or two steps of addition and subtraction within 100."""

from domains.mathematics.draw import Draw
from domains.mathematics.problem import Problem, ProblemKind, equation


def together(d: Draw) -> Problem:
    """Two heaps are put together."""
    first, second = d.one(
        (("男生", "女生"), ("老师", "学生"), ("大人", "小孩"), ("男工人", "女工人"), ("队员", "教练"))
    )
    a, b, place = (
        d.whole(3, 60),
        d.whole(3, 38),
        d.one(("操场上", "礼堂里", "公园里", "大巴车上", "游泳馆里", "展厅里")),
    )
    return Problem(
        d.say(
            d.one(
                (
                    f"{place}有{a}名{first}和{b}名{second}",
                    f"{a}名{first}、{b}名{second}都在{place}",
                    f"{place}的{first}有{a}名，{second}有{b}名",
                    f"除了{a}名{first}，{place}还有{b}名{second}",
                )
            ),
            f"{place}来了{a}名{first}，还来了{b}名{second}",
        ),
        d.say(
            d.one(("一共有多少人？", "他们一共多少人？", "共有多少人？", "加在一起是多少人？", "总人数是多少？")),
            "算一算来了多少人？",
        ),
        (f"合起来用加法：{equation(f'{a}+{b}', a + b, '人')}",),
        str(a + b),
        "人",
    )


def remaining(d: Draw) -> Problem:
    """Some of a heap is taken away."""
    name, (noun, unit) = d.person(), d.goods()
    a = d.whole(11, 99)
    b = d.whole(2, a - 1)
    gone = d.one(("送给同学", "用掉", "送给妹妹", "借给同桌", "丢了", "给了弟弟"))
    return Problem(
        d.say(
            d.one(
                (
                    f"{name}有{a}{unit}{noun}，{gone}{b}{unit}",
                    f"{name}的{noun}有{a}{unit}，他{gone}{b}{unit}",
                    f"{name}先有{a}{unit}{noun}，后来{gone}其中的{b}{unit}",
                    f"有{b}{unit}{noun}被{name}{gone}，本来是{a}{unit}",
                )
            ),
            f"{a}{unit}{noun}是{name}的，现在少了{b}{unit}",
        ),
        d.say(
            d.one(
                (
                    f"还剩多少{unit}？",
                    f"{name}还有多少{unit}？",
                    f"现在剩下多少{unit}？",
                    f"剩下的有多少{unit}？",
                    f"{name}手里还有几{unit}？",
                )
            ),
            f"算一算剩多少{unit}？",
        ),
        (f"求剩下的用减法：{equation(f'{a}-{b}', a - b, unit)}",),
        str(a - b),
        unit,
    )


def before(d: Draw) -> Problem:
    """How much there was before some was given away."""
    name, friend = d.some(("小明", "小红", "丽丽", "乐乐", "小刚", "佳佳", "晨晨", "阳阳", "文文", "小雪", "小林"), 2)
    noun, unit = d.goods()
    gave, left = d.whole(2, 45), d.whole(2, 50)
    return Problem(
        d.say(
            d.one(
                (
                    f"{name}给了{friend}{gave}{unit}{noun}后还剩{left}{unit}",
                    f"{name}送出{gave}{unit}{noun}给{friend}，还有{left}{unit}",
                    f"{friend}从{name}那里拿到{gave}{unit}{noun}，{name}还剩{left}{unit}",
                    f"{name}现在有{left}{unit}{noun}，之前给过{friend}{gave}{unit}",
                )
            ),
            f"{name}的{noun}分给{friend}{gave}{unit}，自己留下{left}{unit}",
        ),
        d.say(
            d.one(
                (
                    f"{name}原来有多少{unit}{noun}？",
                    f"原来{name}有多少{unit}？",
                    f"{name}起先有多少{unit}？",
                    f"给{friend}以前，{name}有多少{unit}？",
                )
            ),
            f"分之前有多少{unit}？",
        ),
        (f"把给出的和剩下的合起来：{equation(f'{gave}+{left}', gave + left, unit)}",),
        str(gave + left),
        unit,
    )


def difference(d: Draw) -> Problem:
    """How many more one has than another."""
    name, friend = d.some(("小明", "小红", "丽丽", "乐乐", "小刚", "佳佳", "晨晨", "阳阳", "文文", "小雪", "小林"), 2)
    noun, unit = d.goods()
    b = d.whole(2, 60)
    a = b + d.whole(2, 39)
    more = d.one((True, False))
    return Problem(
        d.say(
            d.one(
                (
                    f"{name}有{a}{unit}{noun}，{friend}有{b}{unit}",
                    f"{name}的{noun}是{a}{unit}，{friend}的是{b}{unit}",
                    f"{friend}有{b}{unit}{noun}，{name}有{a}{unit}",
                    f"数一数{noun}，{name}数出{a}{unit}，{friend}数出{b}{unit}",
                )
            ),
            f"{noun}{name}得到{a}{unit}，{friend}得到{b}{unit}",
        ),
        d.say(
            d.one((f"{name}比{friend}多多少{unit}？", f"{name}多了几{unit}？", f"{name}和{friend}差多少{unit}？"))
            if more
            else d.one((f"{friend}比{name}少多少{unit}？", f"{friend}少几{unit}？", f"{friend}和{name}差几{unit}？")),
            f"两人相差多少{unit}？",
        ),
        (f"求相差多少用减法：{equation(f'{a}-{b}', a - b, unit)}",),
        str(a - b),
        unit,
    )


def more_or_fewer(d: Draw) -> Problem:
    """One number is more or less than another by an amount."""
    first, second = d.some(("跳绳", "拍皮球", "踢毽子", "投篮", "转呼啦圈"), 2)
    name, a, b = d.person(), d.whole(22, 70), d.whole(3, 20)
    more = d.one((True, False))
    result, sign = (a + b, "+") if more else (a - b, "-")
    return Problem(
        d.say(
            d.one(
                (
                    f"{name}{first}{a}下，{second}比{first}{'多' if more else '少'}{b}下",
                    f"{name}{second}比{first}{'多' if more else '少'}{b}下，{first}{a}下",
                    f"{name}先{first}{a}下，再{second}，{'多做' if more else '少做'}{b}下",
                )
            ),
            f"{name}{first}的成绩是{a}下，{second}的成绩{'多' if more else '少'}{b}下",
        ),
        d.say(
            d.one((f"{second}多少下？", f"{name}{second}多少下？", f"{second}做了几下？")), f"{second}的成绩是多少下？"
        ),
        (f"{second}：{equation(f'{a}{sign}{b}', result, '下')}",),
        str(result),
        "下",
    )


def queue(d: Draw) -> Problem:
    """A place in a queue, counted from the front and from behind."""
    name, front, back = d.person(), d.whole(3, 30), d.whole(3, 30)
    for_what = d.one(("做操", "打饭", "买票", "借书", "上车", "体检", "领奖"))
    total = front + back - 1
    return Problem(
        d.say(
            f"同学们排成一队{for_what}，从前数{name}排第{front}，从后数排第{back}",
            f"大家{for_what}时，从队头数到{name}是{front}人，从队尾数到{name}是{back}人",
        ),
        d.say(d.one(("这一队有多少人？", "队伍里一共有多少人？")), "全队共多少人？"),
        (f"{name}数了两次，要减去1：{equation(f'{front}+{back}-1', total, '人')}",),
        str(total),
        "人",
    )


def gets_on_and_off(d: Draw) -> Problem:
    """People leave a bus, others get on."""
    start, off, on = d.whole(20, 50), d.whole(2, 18), d.whole(2, 30)
    left = start - off
    vehicle = d.one(("公共汽车", "大巴车", "电车", "校车", "旅游车"))
    return Problem(
        d.say(
            d.one(
                (
                    f"{vehicle}上原有{start}人，到站后下去{off}人，又上来{on}人",
                    f"{vehicle}里有{start}人，先下{off}人，再上{on}人",
                    f"{vehicle}到站时，{start}位乘客中有{off}位下车，又有{on}位上车",
                    f"{vehicle}载着{start}人，这一站下{off}人、上{on}人",
                )
            ),
            f"{vehicle}开来时坐着{start}人，{off}人下车后，{on}人上车",
        ),
        d.say(
            d.one((f"现在{vehicle}上有多少人？", "现在有多少人？", "开走时有多少人？", "车里还有几人？")),
            "车上这时有多少人？",
        ),
        (
            f"下去后还有：{equation(f'{start}-{off}', left, '人')}",
            f"又上来后：{equation(f'{left}+{on}', left + on, '人')}",
        ),
        str(left + on),
        "人",
    )


def still_missing(d: Draw) -> Problem:
    """How many are missing after two days' work."""
    name, (noun, unit) = d.person(), d.goods()
    a, b = d.whole(5, 30), d.whole(5, 30)
    goal = a + b + d.whole(3, 39)
    days = d.one((("上午", "下午"), ("昨天", "今天"), ("第一天", "第二天")))
    return Problem(
        d.say(
            d.one(
                (
                    f"{name}要数{goal}{unit}{noun}，{days[0]}数了{a}{unit}，{days[1]}数了{b}{unit}",
                    f"{name}{days[0]}数了{a}{unit}{noun}，{days[1]}数了{b}{unit}，要数的是{goal}{unit}",
                    f"{goal}{unit}{noun}等{name}来数，{days[0]}数好{a}{unit}，{days[1]}数好{b}{unit}",
                    f"{noun}有{goal}{unit}，{name}{days[0]}数{a}{unit}、{days[1]}数{b}{unit}",
                )
            ),
            f"{name}打算一共数{goal}{unit}{noun}，{days[0]}完成{a}{unit}，{days[1]}完成{b}{unit}",
        ),
        d.say(
            d.one((f"还要数多少{unit}？", f"还差多少{unit}没有数？", f"还有几{unit}要数？", f"剩多少{unit}没数？")),
            f"没数的还有多少{unit}？",
        ),
        (
            f"已经数了：{equation(f'{a}+{b}', a + b, unit)}",
            f"还要数：{equation(f'{goal}-{a + b}', goal - a - b, unit)}",
        ),
        str(goal - a - b),
        unit,
    )


KINDS = (
    ProblemKind("求总数", 1, together),
    ProblemKind("求剩余", 1, remaining),
    ProblemKind("求原数", 1, before),
    ProblemKind("比多少", 1, difference),
    ProblemKind("比多比少", 1, more_or_fewer),
    ProblemKind("排队", 1, queue),
    ProblemKind("上车下车", 1, gets_on_and_off),
    ProblemKind("还差多少", 1, still_missing),
)
