"""What fills a word problem: numbers, people and things, drawn from one seeded stream."""

from collections.abc import Sequence
from fractions import Fraction
from random import Random
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Thing(NamedTuple):
    """Something that can be counted.

    Attributes:
        noun: E.g. ``铅笔``.
        measure: Its measure word, e.g. ``支``.
    """

    noun: str
    measure: str


def _words(*lines: str) -> list[str]:
    return " ".join(lines).split()


def _things(measure: str, nouns: str) -> list[Thing]:
    return [Thing(noun, measure) for noun in nouns.split()]


PEOPLE = _words(
    "小明 小红 小刚 小丽 小华 小芳 小强 小军 小玲 小亮 小燕 小东 小兰 小勇 小雪 小林 小杰 小梅 小辉 小月 丽丽 乐乐",
    "明明 芳芳 冬冬 晶晶 浩浩 思思 文文 童童 佳佳 晨晨 欣欣 阳阳 萌萌 安安 涛涛 琪琪 婷婷 宁宁 李明 王芳 张伟 刘洋",
    "陈静 杨帆 赵磊 周敏 吴昊 郑洁 孙悦 马超 朱琳 胡波 林峰 何苗 高翔 罗丹 梁雨 宋佳",
)
GOODS = (
    _things(
        "个", "苹果 梨 桃子 橘子 橙子 柿子 石榴 鸡蛋 面包 包子 气球 皮球 足球 篮球 书包 笔袋 杯子 花瓶 灯笼 闹钟 存钱罐"
    )
    + _things("支", "铅笔 钢笔 毛笔 圆珠笔 水彩笔 牙刷")
    + _things("本", "练习本 故事书 童话书 科技书 日记本 漫画书 字典")
    + _things("块", "橡皮 积木 饼干 糖果 巧克力 手帕 月饼")
    + _things("张", "卡片 贴纸 邮票 彩纸 画片 明信片 书签")
    + _things("只", "千纸鹤 风筝 玩具熊 纸船 毽子 口哨")
    + _things("颗", "草莓 樱桃 纽扣 玻璃球 红枣 葡萄")
    + _things("朵", "纸花 绢花 红花 黄花")
    + _things("根", "跳绳 香蕉 小棒 蜡烛 黄瓜")
    + _things("盒", "彩笔 牛奶 粉笔 磁带 围棋")
    + _things("把", "尺子 雨伞 扇子 剪刀")
)
"""Small things of pupils: counted, given away, packed, bought."""

HEAVY = _words("苹果 大米 面粉 黄豆 土豆 白菜 萝卜 花生 玉米 小麦 绿豆 西瓜 葡萄 红薯 茶叶 食盐 水泥 煤")
"""What is weighed."""

TREES = _words("杨树 柳树 桃树 梨树 苹果树 松树 柏树 槐树 桂花树 樱花树 银杏树 梧桐树 枫树 杏树")
FACTORIES = _words("服装厂 玩具厂 机械厂 食品厂 家具厂 造纸厂 电器厂 水泥厂 钢铁厂 印刷厂 文具厂 化肥厂")
PLACES = _words(
    "东村 西村 南镇 北镇 县城 学校 火车站 图书馆 体育馆 少年宫 科技馆 电影院 博物馆 公园 机场 码头 农场 果园"
)
VEHICLES = _words("汽车 客车 货车 轿车 卡车 大巴车 面包车 摩托车")
GROUPS = _words("一班 二班 三班 四班 五班 六班 合唱队 舞蹈队 足球队 篮球队 美术组 科技组 书法组 象棋组 航模组 武术队")


class Draw:
    """Draws from one stream of randomness.

    Args:
        random: The stream; the same stream gives the same draws.
        in_training: Which of the two wordings of each kind of problem is used.
    """

    def __init__(self, random: Random, in_training: bool = True) -> None:
        self._random = random
        self._in_training = in_training

    def say(self, in_training: str, for_testing: str) -> str:
        """What training problems say, or what only test problems say."""
        return in_training if self._in_training else for_testing

    def whole(self, low: int, high: int, step: int = 1) -> int:
        """A whole number from ``low`` to ``high``, both included, in steps from ``low``."""
        return self._random.randrange(low, high + 1, step)

    def decimal(self, low: int, high: int, places: int = 1) -> Fraction:
        """A number between ``low`` and ``high`` with decimals, the last of which is not 0."""
        scale = 10**places
        number = self._random.randrange(low * scale + 1, high * scale)
        return Fraction(number if number % 10 else number + self._random.randint(1, 9), scale)

    def proper_fraction(self, largest: int = 9) -> Fraction:
        """A fraction between 0 and 1 in lowest terms, denominator from 2 to ``largest``."""
        denominator = self._random.randint(2, largest)
        return Fraction(self._random.randint(1, denominator - 1), denominator)

    def share(self) -> float:
        """A number from 0 up to 1."""
        return self._random.random()

    def one(self, options: Sequence[T]) -> T:
        """One of several."""
        return self._random.choice(options)

    def some(self, options: Sequence[T], number: int) -> list[T]:
        """Several different ones."""
        return self._random.sample(options, number)

    def person(self) -> str:
        """A pupil's name."""
        return self.one(PEOPLE)

    def goods(self) -> Thing:
        """Something small that is counted."""
        return self.one(GOODS)
