"""Sentences with numbers that have nothing to do with a problem, as in CMATH's set of distractors."""

from domains.mathematics.draw import PEOPLE, Draw
from domains.mathematics.problem import Problem

_ASIDES = (
    # a sentence, the words that keep it out of a problem, its number's bounds
    ("{who}今年{n}岁。", ("岁", "年龄"), 6, 12),
    ("{who}的身高是{n}厘米。", ("厘米",), 110, 160),
    ("今天的气温是{n}摄氏度。", ("度",), 5, 35),
    ("墙上的钟慢了{n}分钟。", ("分", "时"), 2, 20),
    ("校门口停着{n}辆自行车。", ("辆", "车"), 3, 40),
    ("旁边的树上有{n}只小鸟。", ("只", "树"), 3, 30),
    ("鱼缸里有{n}条金鱼。", ("条", "鱼"), 3, 20),
    ("教室里摆着{n}张课桌。", ("张", "桌"), 20, 50),
    ("{who}的座位在第{n}排。", ("排", "座位"), 2, 12),
    ("{who}家住在{n}楼。", ("楼", "住"), 2, 18),
    ("{who}昨天睡了{n}个小时。", ("小时", "昨天"), 7, 10),
    ("图书角新添了{n}本杂志。", ("本", "书"), 5, 60),
)


def aside(problem: Problem, d: Draw) -> str:
    """A sentence about something that the problem does not mention.

    Args:
        problem: The problem that it is added to.
        d: Source of its number and name.
    """
    fitting = [entry for entry in _ASIDES if not any(word in problem.text for word in entry[1])]
    sentence, _, low, high = d.one(fitting)
    others = [name for name in PEOPLE if name not in problem.text]
    return sentence.format(who=d.one(others), n=d.whole(low, high))
