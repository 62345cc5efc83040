"""Grade 2: the multiplication table, division with remainder, money, length and time."""

from domains.mathematics.draw import Draw
from domains.mathematics.problem import Problem, ProblemKind, equation


def equal_groups(d: Draw) -> Problem:
    """The same number in each of several groups."""
    noun, unit = d.goods()
    a, b, box = d.whole(2, 9), d.whole(2, 12), d.one(("盒", "袋", "盘", "篮", "箱", "排"))
    return Problem(
        d.say(
            d.one(
                (
                    f"每{box}有{a}{unit}{noun}，{d.person()}数了{b}{box}",
                    f"{d.person()}有{b}{box}{noun}，每{box}都是{a}{unit}",
                    f"{noun}每{box}放{a}{unit}，放满了{b}{box}",
                    f"桌上摆着{b}{box}{noun}，各有{a}{unit}",
                )
            ),
            f"{noun}装了{b}{box}，一{box}装{a}{unit}",
        ),
        d.say(
            d.one(
                (
                    f"一共有多少{unit}？",
                    f"{b}{box}共有多少{unit}{noun}？",
                    f"合起来是多少{unit}？",
                    f"{noun}有几{unit}？",
                )
            ),
            f"总共装了多少{unit}？",
        ),
        (f"{b}个{a}是多少：{equation(f'{a}×{b}', a * b, unit)}",),
        str(a * b),
        unit,
    )


def shared_out(d: Draw) -> Problem:
    """Shared out evenly."""
    noun, unit = d.goods()
    each, people = d.whole(2, 12), d.whole(2, 9)
    total, who = each * people, d.one(("名同学", "个小组", "个小朋友", "位老师", "个班"))
    return Problem(
        d.say(
            d.one(
                (
                    f"{d.person()}把{total}{unit}{noun}平均分给{people}{who}",
                    f"给{people}{who}平均分{total}{unit}{noun}",
                    f"有{total}{unit}{noun}，{people}{who}平分",
                    f"{people}{who}平均得到{d.person()}的{total}{unit}{noun}",
                )
            ),
            f"{people}{who}分{total}{unit}{noun}，要分得一样多",
        ),
        d.say(
            d.one((f"每{who}分到多少{unit}？", f"每{who}得到几{unit}？", f"一{who}拿多少{unit}？")),
            f"每份是多少{unit}？",
        ),
        (f"平均分用除法：{equation(f'{total}÷{people}', each, unit)}",),
        str(each),
        unit,
    )


def boxes_needed(d: Draw) -> Problem:
    """How many boxes or boats are needed: the remainder needs one more."""
    what, unit, hold = d.one(
        (("人去划船", "条", "每条船坐"), ("人去露营", "顶", "每顶帐篷住"), ("人乘缆车", "辆", "每辆缆车坐"))
    )
    each, full = d.whole(3, 9), d.whole(2, 9)
    rest = d.whole(1, each - 1)
    total = each * full + rest
    return Problem(
        d.say(
            d.one(
                (
                    f"{d.one(('老师带', '导游带', '教练带'))}{total}{what}，{hold}{each}人",
                    f"有{total}{what}，规定{hold}{each}人",
                    f"因为{hold}{each}人，{d.one(('老师', '导游', '教练'))}要给{total}{what}作安排",
                )
            ),
            f"{hold}{each}人，来了{total}{what}",
        ),
        d.say(
            d.one((f"至少需要多少{unit}？", f"至少要几{unit}？", f"都坐下最少要多少{unit}？")),
            f"最少租多少{unit}才够？",
        ),
        (
            f"坐满{full}{unit}的人数：{equation(f'{each}×{full}', each * full, '人')}",
            f"还剩：{equation(f'{total}-{each * full}', rest, '人')}",
            f"剩下的人还要1{unit}：{equation(f'{full}+1', full + 1, unit)}",
        ),
        str(full + 1),
        unit,
    )


def times_as_many(d: Draw) -> Problem:
    """A multiple of another number."""
    (noun, unit), (other, measure) = d.some(
        (("鸡", "只"), ("鸭", "只"), ("鹅", "只"), ("羊", "只"), ("牛", "头"), ("猪", "头"), ("马", "匹")), 2
    )
    a, k = d.whole(3, 15), d.whole(2, 9)
    place = d.one(("王奶奶家", "李伯伯家", "农场里", "牧场上", "张叔叔家"))
    return Problem(
        d.say(
            d.one(
                (
                    f"{place}养了{a}{unit}{noun}，{other}的数量是{noun}的{k}倍",
                    f"{place}有{noun}{a}{unit}，{other}的数量是它的{k}倍",
                    f"{other}是{noun}的{k}倍，{place}有{a}{unit}{noun}",
                    f"{place}的{noun}有{a}{unit}，{other}有这样的{k}倍",
                )
            ),
            f"{place}的{other}正好有{noun}的{k}倍那么多，{noun}是{a}{unit}",
        ),
        d.say(
            d.one((f"养了{other}多少{measure}？", f"有{other}多少{measure}？", f"{other}有几{measure}？")),
            f"{other}是多少{measure}？",
        ),
        (f"{a}的{k}倍：{equation(f'{a}×{k}', a * k, measure)}",),
        str(a * k),
        measure,
    )


def how_many_times(d: Draw) -> Problem:
    """How many times one number is another."""
    first, second = d.some(("美术组", "科技组", "书法组", "合唱队", "舞蹈队", "象棋组", "航模组", "足球队"), 2)
    b, k = d.whole(3, 12), d.whole(2, 9)
    a = b * k
    return Problem(
        d.say(
            d.one(
                (
                    f"{first}有{a}人，{second}有{b}人",
                    f"{second}有{b}人，{first}有{a}人",
                    f"{first}招了{a}人，{second}招了{b}人",
                    f"参加{second}的有{b}人，参加{first}的有{a}人",
                )
            ),
            f"报名时{first}来了{a}人，而{second}只来了{b}人",
        ),
        d.say(
            d.one(
                (
                    f"{first}的人数是{second}的几倍？",
                    f"{first}是{second}的多少倍？",
                    f"{first}的人数有几个{second}那么多？",
                )
            ),
            "前者是后者的几倍？",
        ),
        (f"求几倍用除法：{equation(f'{a}÷{b}', k)}",),
        str(k),
        "倍",
    )


def change(d: Draw) -> Problem:
    """Change after buying several of one thing."""
    name, (noun, unit) = d.person(), d.goods()
    price, number = d.whole(2, 9), d.whole(2, 9)
    cost = price * number
    paid = next(note for note in (10, 20, 50, 100) if note > cost)
    return Problem(
        d.say(
            f"一{unit}{noun}{price}元，{name}买了{number}{unit}，付了{paid}元",
            f"{name}拿{paid}元去买{noun}，每{unit}{price}元，要了{number}{unit}",
        ),
        d.say(d.one(("应找回多少元？", "找回多少元？", "还剩多少元？")), "店员该退给他多少元？"),
        (
            f"一共花了：{equation(f'{price}×{number}', cost, '元')}",
            f"找回：{equation(f'{paid}-{cost}', paid - cost, '元')}",
        ),
        str(paid - cost),
        "元",
    )


def groups_and_some(d: Draw) -> Problem:
    """Equal groups and some more, or fewer."""
    noun, unit = d.goods()
    a, b, c = d.whole(3, 9), d.whole(3, 9), d.whole(2, 20)
    more = d.one((True, False)) or c >= a * b
    result, sign = (a * b + c, "+") if more else (a * b - c, "-")
    last = f"又买来{c}{unit}" if more else f"用去了{c}{unit}"
    return Problem(
        d.say(
            d.one(
                (
                    f"{d.person()}有{b}袋{noun}，每袋{a}{unit}，{last}",
                    f"{noun}每袋{a}{unit}，共{b}袋，{last}",
                    f"{d.person()}买来{b}袋{noun}，袋里各有{a}{unit}，{last}",
                )
            ),
            f"{noun}有{b}袋，一袋{a}{unit}，后来{last}",
        ),
        d.say(
            d.one((f"现在有多少{unit}？", f"现在一共是几{unit}？", f"{noun}现在有多少{unit}？")),
            f"这时共有多少{unit}？",
        ),
        (
            f"{b}袋共有：{equation(f'{a}×{b}', a * b, unit)}",
            f"现在有：{equation(f'{a * b}{sign}{c}', result, unit)}",
        ),
        str(result),
        unit,
    )


def lengths(d: Draw) -> Problem:
    """Metres and centimetres."""
    metres, cut = d.whole(1, 9), d.whole(5, 95)
    whole = metres * 100
    what = d.one(("绳子", "彩带", "铁丝", "木条", "布条", "电线", "竹竿"))
    return Problem(
        d.say(
            d.one(
                (
                    f"{d.person()}有一根{metres}米长的{what}，用去{cut}厘米",
                    f"{what}长{metres}米，{d.person()}用了{cut}厘米",
                    f"{d.person()}截去{cut}厘米{what}，它原来长{metres}米",
                    f"一根{what}有{metres}米，截掉{cut}厘米",
                )
            ),
            f"从{metres}米长的{what}上剪下{cut}厘米",
        ),
        d.say(
            d.one(("还剩多少厘米？", f"{what}还剩多少厘米？", "剩多少厘米？", "还有几厘米？")),
            f"剩下的{what}长多少厘米？",
        ),
        (
            f"换成厘米：{equation(f'{metres}×100', whole, '厘米')}",
            f"还剩：{equation(f'{whole}-{cut}', whole - cut, '厘米')}",
        ),
        str(whole - cut),
        "厘米",
    )


def minutes_passed(d: Draw) -> Problem:
    """Minutes between two times of one morning."""
    hour, minute, hours = d.whole(6, 9), d.whole(0, 40, 5), d.whole(1, 2)
    more = d.whole(5, 55 - minute, 5)
    total = hours * 60 + more
    what = d.one(("看电影", "做手工", "练琴", "爬山", "游泳", "画画", "参观展览", "打球"))
    start = f"{hour}时{minute}分" if minute else f"{hour}时"
    return Problem(
        d.say(
            d.one(
                (
                    f"{d.person()}上午{start}开始{what}，{hour + hours}时{minute + more}分结束",
                    f"{d.person()}{start}去{what}，{hour + hours}时{minute + more}分回来",
                    f"{what}在{hour + hours}时{minute + more}分结束，是{start}开始的",
                    f"上午{start}，{d.person()}开始{what}，做到{hour + hours}时{minute + more}分",
                )
            ),
            f"{d.person()}{what}，从上午{start}一直到{hour + hours}时{minute + more}分",
        ),
        d.say(
            d.one((f"{what}用了多少分钟？", "一共用了多少分钟？", "过了多少分钟？", "经过几分钟？")),
            "这段时间是多少分钟？",
        ),
        (
            f"整时的部分：{equation(f'{hours}×60', hours * 60, '分钟')}",
            f"分的部分：{equation(f'{minute + more}-{minute}', more, '分钟')}",
            f"合起来：{equation(f'{hours * 60}+{more}', total, '分钟')}",
        ),
        str(total),
        "分钟",
    )


KINDS = (
    ProblemKind("几个几", 2, equal_groups),
    ProblemKind("平均分", 2, shared_out),
    ProblemKind("进一法", 2, boxes_needed),
    ProblemKind("求几倍数", 2, times_as_many),
    ProblemKind("求倍数", 2, how_many_times),
    ProblemKind("找零", 2, change),
    ProblemKind("乘加乘减", 2, groups_and_some),
    ProblemKind("长度换算", 2, lengths),
    ProblemKind("经过时间", 2, minutes_passed),
)
