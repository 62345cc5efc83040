"""School mathematics."""

from data_recipes.schema.manifest import Description
from domains.domain import Domain, ExampleQuestion, Notices
from domains.mathematics.corpus import corpus

NOTICES = Notices(
    disclaimer="解答可能有错，仅供学习参考；请自己验算每一步和最后的结果。",
    greeting=Description(
        zh="您好，要解哪道题？",
        en="Which problem should we solve?",
    ),
    intro=Description(
        zh="可以输入小学数学应用题。回答末行是“答：”和结果。",
        en="Enter a primary-school word problem in Chinese. The last line of the answer is 答： and the result.",
    ),
    placeholder=Description(
        zh="请输入一道应用题",
        en="Enter a word problem in Chinese",
    ),
    standing=Description(
        zh="解答可能有错，请自己验算。",
        en="Solutions may be wrong: check the calculation.",
    ),
    examples=(
        ExampleQuestion(
            topic=Description(zh="归一", en="Unit price"), question="小明买3支铅笔用了6元，照这样计算，买7支要多少元？"
        ),
        ExampleQuestion(
            topic=Description(zh="行程", en="Distance"), question="一辆汽车每小时行60千米，4小时行多少千米？"
        ),
        ExampleQuestion(
            topic=Description(zh="面积", en="Area"), question="一个长方形长8米，宽5米，它的面积是多少平方米？"
        ),
        ExampleQuestion(
            topic=Description(zh="分数", en="Fractions"), question="一本书160页，小红看了它的四分之一，还剩多少页？"
        ),
    ),
)

DOMAIN = Domain(
    name="mathematics",
    title=Description(zh="数学应用题", en="mathematical word problems"),
    notices=NOTICES,
    corpus=corpus,
)
